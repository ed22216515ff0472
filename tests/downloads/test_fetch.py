"""One file from an archive that fails: the same bytes, or one clear error and nothing half-done."""

import errno
import gzip
import hashlib
import io
import os
import socket
import stat
import subprocess
import sys
import threading
import time
from dataclasses import replace
from email.utils import formatdate

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from claster.dataset.downloads.fetch import UnreachableError, fetch
from claster.dataset.downloads.partial import find_partial
from claster.dataset.downloads.receipts import Wanted
from claster.dataset.downloads.request import (
    Stop,
    StoppedError,
    TooSlowError,
    open_session,
    read_body,
)
from claster.errors import ClasterError
from claster.progress import SILENT

SIZE = 300_000


@pytest.fixture
def content(make_bigwig):
    return make_bigwig(SIZE)


def test_a_file_arrives_whole_and_read_only(archive, bring, left, content):
    url = archive.put("/x.bw", content)
    seen = []
    found = bring(url, before_rename=lambda fetched: seen.append((fetched, left())))
    assert found.content == content
    assert found.fetched.etag == '"v1"'
    assert found.fetched.mtime_ns == found.path.stat().st_mtime_ns
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o444
    assert (found.step.done, found.step.total) == (SIZE, SIZE)
    assert left() == ["x.bw"]
    assert seen[0][0] == found.fetched
    assert "x.bw" not in seen[0][1]
    assert [entry.encoding for entry in archive.log] == ["identity"]


def test_broken_connections_are_resumed(archive, bring, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.cut(100_000), faults.reset(50_000), faults.cut(1))
    found = bring(url)
    assert found.content == content
    assert found.step.done == SIZE
    assert archive.asked("/x.bw") == [None, "bytes=100000-", "bytes=150000-", "bytes=150001-"]
    assert {entry.if_range for entry in archive.log[1:]} == {'"v1"'}
    assert archive.most_open == 1


def test_silence_is_a_broken_connection(archive, bring, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.silence(10_000, 1.0))
    assert bring(url).content == content
    assert archive.asked("/x.bw") == [None, "bytes=10000-"]


def test_a_second_call_goes_on_where_the_first_gave_up(archive, bring, left, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.cut(200_000), *[faults.cut(0)] * 4)
    with pytest.raises(
        ClasterError, match=r"4 times in a row, from http.*what has arrived is kept"
    ):
        bring(url)
    assert left() == [".x.bw.part", ".x.bw.part.json"]
    found = bring(url)
    assert found.content == content
    assert archive.asked("/x.bw")[-1] == "bytes=200000-"
    assert (found.step.done, found.step.total) == (SIZE, SIZE)
    assert left() == ["x.bw"]


def test_progress_gives_new_attempts(archive, bring, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", *[faults.cut(10_000)] * 12)
    assert bring(url).content == content


@pytest.mark.parametrize(
    ("etag", "age", "resumed"),
    [
        ('"v1"', None, True),
        ('W/"v1"', 1_000_000, False),
        (None, 1_000_000, True),
        (None, 10, False),
        (None, None, False),
    ],
)
def test_what_vouches_for_the_rest(archive, bring, content, faults, etag, age, resumed):
    last_modified = None if age is None else formatdate(time.time() - age, usegmt=True)
    url = archive.put("/x.bw", content, etag=etag, last_modified=last_modified)
    archive.fail("/x.bw", faults.cut(100_000))
    found = bring(url)
    assert found.content == content
    assert found.step.done == SIZE
    assert archive.asked("/x.bw") == [None, "bytes=100000-" if resumed else None]
    if resumed:
        assert archive.log[1].if_range == (etag or last_modified)


def test_a_server_without_ranges_sends_all_again(archive, bring, content, faults):
    url = archive.put("/x.bw", content, ranges=False)
    archive.fail("/x.bw", faults.cut(100_000))
    found = bring(url)
    assert found.content == content
    assert found.step.done == SIZE
    assert archive.asked("/x.bw") == [None, "bytes=100000-"]


def test_a_file_that_changes_in_between_is_not_mixed(archive, bring, content, faults, make_bigwig):
    url = archive.put("/x.bw", content)
    other = make_bigwig(SIZE + 1000, seed=1)

    def change(handler, held):
        faults.cut(100_000)(handler, held)
        held.content, held.etag = other, '"v2"'

    archive.fail("/x.bw", change)
    found = bring(url)
    assert found.content == other
    assert found.fetched.etag == '"v2"'
    assert found.step.done == len(other)


def test_a_server_that_ignores_if_range_is_noticed(archive, bring, content, faults, make_bigwig):
    url = archive.put("/x.bw", content)
    other = make_bigwig(SIZE, seed=1)

    def change(handler, held):
        faults.cut(100_000)(handler, held)
        held.content, held.etag = other, '"v2"'

    def ignore_condition(handler, held):
        del handler.headers["If-Range"]
        handler.serve(held)

    archive.fail("/x.bw", change, ignore_condition)
    assert bring(url).content == other
    assert archive.asked("/x.bw") == [None, "bytes=100000-", None]


@pytest.mark.parametrize(
    "wrong", [{"shift": 7}, {"total": SIZE + 5}, {"total": 5}, {"total": "many"}]
)
def test_a_wrong_part_starts_over_once(archive, bring, content, faults, wrong):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.cut(100_000), faults.spoilt(**wrong))
    found = bring(url)
    assert found.content == content
    assert found.step.done == SIZE
    assert archive.asked("/x.bw") == [None, "bytes=100000-", None]


def test_a_wrong_part_twice_is_an_error(archive, bring, left, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", *[faults.cut(100_000), faults.spoilt(shift=7)] * 2)
    with pytest.raises(ClasterError, match=r"track X: bytes 100007-.*, also from the start on"):
        bring(url)
    assert "x.bw" not in left()


def test_a_refused_range_starts_over(archive, bring, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.cut(100_000), faults.status(416, Content_Range="bytes */5"))
    assert bring(url).content == content
    assert archive.asked("/x.bw") == [None, "bytes=100000-", None]


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_faults_that_pass(archive, bring, content, faults, code):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.status(code), faults.status(code, b"<html>busy</html>"))
    found = bring(url)
    assert found.content == content
    assert any(str(code) in said for said in found.step.said)


@pytest.mark.parametrize(
    "asked", ["1", pytest.param(formatdate(time.time() + 3600, usegmt=True), id="in an hour")]
)
def test_the_server_says_when_to_come_back(archive, bring, content, faults, hurry, asked):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.status(429, Retry_After=asked))
    assert bring(url, patience=replace(hurry, longest_wait=0.3)).content == content
    assert archive.log[1].at - archive.log[0].at > 0.29  # the cap of what was asked for


def test_faults_that_stay(archive, bring, left):
    for path, code, said in (("/gone.bw", 404, "Not Found"), ("/no.bw", 403, "a login")):
        url = archive.put(path, b"")
        archive.fail(path, lambda handler, _, code=code: handler.reply(code, b"<html></html>"))
        with pytest.raises(ClasterError, match=f"track X: the server answers {code} .*{said}"):
            bring(url)
        assert len(archive.asked(path)) == 1
    assert "x.bw" not in left()


def test_an_html_page_never_becomes_data(archive, bring, left, content, faults):
    url = archive.put("/x.bw", content)
    page = b"<!DOCTYPE html><html><head><title>Sign in</title></head>" + b" " * 10_000
    archive.fail("/x.bw", faults.status(200, page))
    with pytest.raises(ClasterError, match="an HTML page 'Sign in' instead of a bigWig"):
        bring(url)
    assert "x.bw" not in left()
    assert bring(url).content == content


def test_an_html_page_does_not_cost_what_is_here(archive, bring, content, faults):
    url = archive.put("/x.bw", content)
    page = faults.status(200, b"<html><title>Wifi</title></html>")
    archive.fail("/x.bw", faults.cut(200_000), page)
    with pytest.raises(ClasterError, match="an HTML page 'Wifi'"):
        bring(url)
    assert bring(url).content == content
    assert archive.asked("/x.bw")[-1] == "bytes=200000-"


def test_more_told_than_sent(archive, bring, left, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", *[faults.cut(SIZE, told=10)] + [faults.cut(0, told=10)] * 4)
    with pytest.raises(ClasterError, match="in a row"):
        bring(url)
    assert "x.bw" not in left()


def test_less_told_than_there_is(archive, bring, left, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.spoilt(told=-10))
    with pytest.raises(ClasterError, match="an incomplete bigWig file"):
        bring(url)
    assert left() == []


@pytest.mark.parametrize("kind", ["without_length", "chunked"])
def test_files_whose_length_nobody_tells(archive, bring, content, faults, kind):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", getattr(faults, kind))
    assert bring(url).content == content
    archive.fail("/x.bw", getattr(faults, kind))
    with pytest.raises(ClasterError, match=f"{SIZE} bytes came where the dataset's YAML says 5"):
        bring(url, name="y.bw", size=5)


def test_an_untold_end_that_comes_too_early(archive, bring, left, faults):
    lines = "".join(f"chr1\t{i}\t{i + 1}\n" for i in range(50_000)).encode()
    url = archive.put("/x.bed.gz", gzip.compress(lines))
    whole = archive.files["/x.bed.gz"].content

    def short(handler, held):
        held.content = whole[:-100]
        faults.without_length(handler, held)
        held.content = whole

    archive.fail("/x.bed.gz", short)
    with pytest.raises(ClasterError, match="does not unpack to its end"):
        bring(url, name="x.bed.gz", format="bed")
    assert left() == []
    archive.fail("/x.bed.gz", short)
    assert bring(url, name="x.bed.gz", format="bed", size=len(whole)).content == whole


def test_content_encoding_is_left_alone(archive, bring, faults):
    packed = gzip.compress(b"chr1\t0\t10\n" * 5000)
    url = archive.put("/x.bed.gz", packed)
    archive.fail("/x.bed.gz", faults.status(200, packed, Content_Encoding="gzip"))
    assert bring(url, name="x.bed.gz", format="bed").content == packed


def test_another_size_than_known_is_refused_at_once(archive, bring, left, content):
    url = archive.put("/x.bw", content)
    with pytest.raises(ClasterError, match=f"offers {SIZE} bytes where the dataset's YAML says 5"):
        bring(url, size=5)
    assert archive.sent("/x.bw") <= 2 * SIZE
    assert "x.bw" not in left()


def test_another_hash_than_known_is_refused(archive, bring, left, content):
    url = archive.put("/x.bw", content)
    with pytest.raises(
        ClasterError, match=f"SHA-256 [0-9a-f]{{64}} came where a friend says {'0' * 64}: hm"
    ):
        bring(url, sha256="0" * 64, known_from="a friend", remedy="hm")
    assert left() == []
    assert bring(url, sha256=hashlib.sha256(content).hexdigest()).content == content


def test_a_wrong_file_in_pieces_gets_a_second_chance(archive, bring, left, content, faults):
    url = archive.put("/x.bw", content)
    bad = content[:-1000] + bytes(992) + content[-8:]

    def spoil(handler, held):
        held.content = bad
        handler.serve(held)
        held.content = content

    archive.fail("/x.bw", faults.cut(100_000), spoil)
    found = bring(url, sha256=hashlib.sha256(content).hexdigest())
    assert found.content == content
    assert found.step.done == SIZE
    assert archive.asked("/x.bw") == [None, "bytes=100000-", None]
    archive.fail("/x.bw", *[faults.cut(100_000), spoil] * 2)
    with pytest.raises(ClasterError, match="SHA-256"):
        bring(url, name="y.bw", sha256=hashlib.sha256(content).hexdigest())
    assert left() == ["x.bw"]


def test_a_slow_link_is_reconnected_and_still_finishes(archive, bring, hurry, make_bigwig):
    content = make_bigwig(30_000)
    url = archive.put("/x.bw", content, rate=20_000.0)
    found = bring(url, patience=replace(hurry, slow_rate=1e9, slow_window=0.3))
    assert found.content == content
    ranges = archive.asked("/x.bw")
    assert 2 <= len(ranges) <= 4  # windows of 0.3, 0.6, 1.2 s
    assert all(ranges[1:])


@pytest.mark.parametrize("lacking", [{"etag": None, "last_modified": None}, {"ranges": False}])
def test_a_slow_link_that_cannot_resume_is_left_alone(archive, bring, hurry, make_bigwig, lacking):
    content = make_bigwig(10_000)
    url = archive.put("/x.bw", content, rate=20_000.0, **lacking)
    found = bring(url, patience=replace(hurry, slow_rate=1e9, slow_window=0.1))
    assert found.content == content
    assert archive.asked("/x.bw") == [None]


def test_redirects(archive, bring, content, faults):
    url = archive.put("/x.bw", content)
    start = archive.put("/start", b"")
    archive.fail("/start", *[faults.status(302, Location="/x.bw")] * 2)
    archive.fail("/x.bw", faults.cut(100_000))
    assert bring(start).content == content
    assert archive.asked("/x.bw") == [None, "bytes=100000-"]
    archive.fail("/start", *[faults.status(302, Location="/start")] * 20)
    with pytest.raises(ClasterError, match="redirects more than 10 times"):
        bring(start, name="y.bw")
    assert url


def test_a_proxy_is_asked_instead(archive, bring, content, monkeypatch):
    monkeypatch.setenv("http_proxy", archive.address)
    archive.put("http://nothing.invalid/x.bw", content)
    assert bring("http://nothing.invalid/x.bw").content == content


class Redirecting(BaseAdapter):
    """Stands for a server with a certificate that sends its visitors to one without."""

    def send(self, request, **_):
        response = requests.Response()
        response.request, response.url, response.status_code = request, request.url, 302
        response.headers["Location"] = "http://127.0.0.1:9/x.bw"
        response.raw = HTTPResponse(io.BytesIO(), preload_content=False)
        return response

    def close(self):
        pass


def test_encryption_is_not_given_up_on_the_way(tmp_path, hurry):
    wanted = Wanted("https://archive.invalid/x.bw", tmp_path / "x.bw", "bigwig", "track X")
    with open_session() as session, SILENT.step("") as step:
        session.mount("https://", Redirecting())
        with pytest.raises(ClasterError, match="which is not encrypted"):
            fetch(wanted, session=session, step=step, patience=hurry)


def test_no_server(bring, left):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(
        UnreachableError, match=f"no answer from 127.0.0.1:{port} .*refused"
    ) as caught:
        bring(f"http://127.0.0.1:{port}/x.bw")
    assert caught.value.host == f"127.0.0.1:{port}"
    with pytest.raises(UnreachableError, match=r"no answer from nothing\.invalid"):
        bring("http://nothing.invalid/x.bw")
    assert "x.bw" not in left()


def test_addresses_that_are_none(bring):
    with pytest.raises(ClasterError, match="is not an address that a server answers"):
        bring("http://host:port/x.bw")


def test_stop_keeps_what_has_arrived(archive, bring, left, make_bigwig, tmp_path):
    content = make_bigwig(200_000)
    url = archive.put("/x.bw", content, rate=200_000.0)
    stop = Stop()
    threading.Timer(0.4, stop.set).start()
    with pytest.raises(StoppedError):
        bring(url, stop=stop)
    kept, _ = find_partial(tmp_path / "data" / "x.bw", url=url)
    assert 30_000 < kept < 150_000
    archive.files["/x.bw"].rate = None
    assert bring(url).content == content
    assert archive.asked("/x.bw")[-1] == f"bytes={kept}-"


def test_stop_saves_what_came_before_a_silence(archive, bring, tmp_path, hurry, content, faults):
    """The thread that waits for the server is woken, and saves it."""
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.silence(100_000, 1.0))
    stop, final = Stop(), tmp_path / "data" / "x.bw"
    patience = replace(hurry, read=5.0, flush_every=60.0)
    seen = []

    def look():
        seen.append(find_partial(final, url=url)[0])
        stop.set()
        time.sleep(0.2)
        seen.append(find_partial(final, url=url)[0])

    timer = threading.Timer(0.4, look)
    timer.start()
    with pytest.raises(StoppedError):
        bring(url, stop=stop, patience=patience)
    timer.join()
    assert seen == [0, 100_000]


def test_what_came_is_safe_before_a_long_wait(archive, bring, tmp_path, hurry, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.cut(100_000))
    stop, final, seen = Stop(), tmp_path / "data" / "x.bw", []

    def look():
        seen.append(find_partial(final, url=url))
        stop.set()

    timer = threading.Timer(0.4, look)
    timer.start()
    with pytest.raises(StoppedError):
        bring(
            url,
            stop=stop,
            patience=replace(hurry, flush_every=60.0, first_wait=9.0, longest_wait=9.0),
        )
    timer.join()
    assert seen == [(100_000, SIZE)]


def test_bytes_that_nobody_vouches_for_do_not_count(archive, bring, tmp_path, content, faults):
    url = archive.put("/x.bw", content, etag='W/"v1"')
    archive.fail("/x.bw", *[faults.cut(100_000)] * 4)
    with pytest.raises(ClasterError, match="in a row"):
        bring(url)
    assert find_partial(tmp_path / "data" / "x.bw", url=url) == (0, SIZE)


def test_a_wrong_file_in_one_piece_gets_no_second_chance(archive, bring, content, faults):
    url = archive.put("/x.bw", content)

    def change(handler, held):
        faults.cut(1000)(handler, held)
        held.etag = '"v2"'

    archive.fail("/x.bw", faults.cut(100_000), change)
    with pytest.raises(ClasterError, match="SHA-256"):
        bring(url, sha256="0" * 64)
    assert archive.asked("/x.bw") == [None, "bytes=100000-", "bytes=101000-"]


class Body:
    """An answer's body whose chunks are given, each with what happens while it is waited for."""

    def __init__(self, *chunks):
        self.raw = self
        self.chunks = list(chunks)

    def read1(self, *_, **__):
        chunk, happens = self.chunks.pop(0)
        happens()
        return chunk

    def shutdown(self):
        pass


def test_bytes_that_come_with_a_stop_are_not_kept():
    """They may still be encrypted: the stop has taken the connection from under its TLS."""
    stop = Stop()
    body = Body((b"plain", lambda: None), (b"encrypted", stop.set))
    chunks = read_body(body, stop=stop, slow_rate=0.0, slow_window=60.0)
    assert next(chunks) == b"plain"
    with pytest.raises(StoppedError):
        next(chunks)


def test_a_link_that_becomes_slow_is_noticed_in_its_window(monkeypatch):
    clock = [0.0]

    def tick():
        clock[0] += 0.6

    monkeypatch.setattr("claster.dataset.downloads.request.time.monotonic", lambda: clock[0])
    body = Body(*[(bytes(10_000), tick)] * 2, *[(b"1", tick)] * 2)
    chunks = read_body(body, stop=Stop(), slow_rate=100.0, slow_window=1.0)
    assert [len(next(chunks)) for _ in range(3)] == [10_000, 10_000, 1]
    with pytest.raises(TooSlowError, match="only 2 bytes/s arrive"):
        next(chunks)


def test_bytes_after_the_last_flush_are_not_trusted(archive, bring, tmp_path, content, faults):
    url = archive.put("/x.bw", content)
    archive.fail("/x.bw", faults.cut(100_000), *[faults.cut(0)] * 4)
    with pytest.raises(ClasterError):
        bring(url)
    with (tmp_path / "data" / ".x.bw.part").open("ab") as part:
        part.write(bytes(SIZE))  # as a power cut leaves them
    assert bring(url).content == content
    assert archive.asked("/x.bw")[-1] == "bytes=100000-"


@pytest.mark.parametrize("spoil", ["journal", "short", "url"])
def test_leavings_that_do_not_fit_are_thrown_away(archive, bring, tmp_path, content, faults, spoil):
    url = archive.put("/x.bw", content)
    archive.put("/y.bw", content)
    archive.fail("/x.bw", faults.cut(100_000), *[faults.cut(0)] * 4)
    with pytest.raises(ClasterError):
        bring(url)
    if spoil == "journal":
        (tmp_path / "data" / ".x.bw.part.json").write_text('{"format": 1, "flu')
    if spoil == "short":
        os.truncate(tmp_path / "data" / ".x.bw.part", 99_999)
    if spoil == "url":
        url = url.replace("/x.bw", "/y.bw")
    assert bring(url).content == content
    assert archive.log[-1].range is None


def test_killed_between_receipt_and_rename(archive, bring, left, content):
    url = archive.put("/x.bw", content)

    def die(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bring(url, before_rename=die)
    assert left() == [".x.bw.part", ".x.bw.part.json"]
    asked = len(archive.log)
    assert bring(url).content == content
    assert len(archive.log) == asked
    assert left() == ["x.bw"]


def test_a_disk_that_refuses_to_flush(archive, bring, monkeypatch, make_bigwig):
    url = archive.put("/x.bw", make_bigwig(100_000), rate=200_000.0)

    def refuse(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(ClasterError, match=r"No space left .* 100000 of 100000 bytes are missing"):
        bring(url)


LIMITED = """
import resource, sys
from pathlib import Path
from claster.errors import ClasterError
from claster.progress import SILENT
from claster.dataset.downloads.fetch import fetch
from claster.dataset.downloads.receipts import Wanted
from claster.dataset.downloads.request import open_session
limit = int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
wanted = Wanted(sys.argv[1], Path(sys.argv[2]), "bigwig", "track X")
try:
    with open_session() as session, SILENT.step("") as step:
        fetch(wanted, session=session, step=step)
except ClasterError as error:
    print(error)
"""


def run_limited(url, final, limit):
    command = [sys.executable, "-c", LIMITED, url, str(final), str(limit)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_full_disk_keeps_what_is_there(archive, tmp_path, make_bigwig):
    content = make_bigwig(3_000_000)
    url = archive.put("/x.bw", content)
    final = tmp_path / "data" / "x.bw"
    said = run_limited(url, final, 2_000_000)
    assert "File too large" in said
    assert "1000000 of 3000000 bytes are missing: free disk space and run" in said
    assert not final.exists()
    assert run_limited(url, final, 0) == ""
    assert final.read_bytes() == content
    assert archive.asked("/x.bw") == [None, "bytes=2000000-"]


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 2 MB, where this machine lets one be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    try:
        made = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount program")
    if made.returncode:
        pytest.skip(f"no small file system: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_fills_up_on_the_way(archive, small_disk, session, hurry, make_bigwig):
    content = make_bigwig(1_500_000)
    url = archive.put("/x.bw", content, rate=3_000_000.0)
    final = small_disk / "x.bw"

    def fill(handler, held):
        (small_disk / "other").write_bytes(bytes(1_000_000))
        handler.serve(held)

    archive.fail("/x.bw", fill)
    wanted = Wanted(url, final, "bigwig", "track X")
    wanted_size = replace(wanted, size=len(content))

    class Step:
        advance = describe = expect = lambda self, *_: None

    def late(folder):
        class Usage:
            free = 1 << 40

        return Usage

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("claster.files.shutil.disk_usage", late)  # room when the transfer began
        with pytest.raises(ClasterError, match=r"No space left.* of 1500000 bytes are missing"):
            fetch(wanted_size, session=session, step=Step(), patience=hurry)
    assert not final.exists()
    with pytest.raises(ClasterError, match="GB free"):
        fetch(wanted_size, session=session, step=Step(), patience=hurry)
    (small_disk / "other").unlink()
    fetch(wanted_size, session=session, step=Step(), patience=hurry)
    assert final.read_bytes() == content


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    size=st.integers(8, 60_000),
    cuts=st.lists(
        st.tuples(st.sampled_from(["cut", "reset", "stop"]), st.integers(0, 60_000)), max_size=6
    ),
    ranges=st.booleans(),
    seed=st.integers(0, 5),
)
def test_any_cuts_give_the_same_bytes(
    lasting_archive, faults, session, hurry, make_bigwig, tmp_path_factory, size, cuts, ranges, seed
):
    """Whatever ends the connections where, calls that are repeated provide the same bytes."""
    content = make_bigwig(size, seed)
    url = lasting_archive.put("/any.bw", content, ranges=ranges)
    final = tmp_path_factory.mktemp("any") / "x.bw"
    stop = Stop()

    def stopping(after):
        def fault(handler, held):
            handler.serve(held, end=after)
            stop.set()
            handler.close_connection = True

        return fault

    make = {"cut": faults.cut, "reset": faults.reset, "stop": stopping}
    lasting_archive.fail("/any.bw", *[make[kind](after) for kind, after in cuts])

    class Step:
        def __init__(self):
            self.done = 0

        def advance(self, amount=1):
            self.done += amount

        describe = expect = lambda self, *_: None

    wanted = Wanted(url, final, "bigwig", "track X")
    for _ in range(20):
        stop.clear()
        step = Step()
        try:
            fetch(wanted, session=session, step=step, patience=hurry, stop=stop)
        except (ClasterError, StoppedError):
            assert not final.exists()
        else:
            break
    assert final.read_bytes() == content
    assert step.done == size
    assert [path.name for path in final.parent.iterdir()] == ["x.bw"]
