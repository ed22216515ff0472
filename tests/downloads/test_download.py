"""Files of a dataset: each once, verified, whatever fails or interrupts."""

import hashlib
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import pytest
import yaml

from claster.dataset.downloads.download import download_dataset
from claster.dataset.downloads.plan import plan_downloads, url_list
from claster.dataset.downloads.receipts import LOCK
from claster.errors import ClasterError
from claster.files import lock_folder

NAMES = ["a.bw", "c.bw", "deep", "deep/b.bw", "downloads.json"]


def digest(content):
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def visible(folder):
    """Names below the data folder that are not hidden."""

    def names():
        paths = [path for path in folder.rglob("*") if not path.name.startswith(".")]
        return sorted(path.relative_to(folder).as_posix() for path in paths)

    return names


def rewrite(path, content):
    path.chmod(0o644)
    path.write_bytes(content)


def test_all_files_arrive_and_are_never_asked_for_again(
    archive, small, folder, hurry, listener, visible
):
    found = download_dataset(small, jobs=2, patience=hurry, progress=listener)
    assert [(f.name, f.how, f.path) for f in found] == [
        ("A", "downloaded", folder / "a.bw"),
        ("B", "downloaded", folder / "deep/b.bw"),
        ("C", "downloaded", folder / "c.bw"),
    ]
    assert visible() == NAMES
    for name, path in (("A", "/a.bw"), ("B", "/b.bw"), ("C", "/c.bw")):
        content = archive.files[path].content
        assert (folder / {"B": "deep/b.bw"}.get(name, path[1:])).read_bytes() == content
        assert listener.steps[name].done == len(content)
        said = [line for line in listener.lines if line.startswith(f"{name}: ")]
        assert said == [
            f"{name}: downloaded for the first time, for its entry in the YAML: "
            f"size: {len(content)}, sha256: {digest(content)}"
        ]
    receipt = json.loads((folder / "downloads.json").read_text())["files"]["deep/b.bw"]
    assert receipt["how"] == "downloaded"
    assert receipt["etag"] == '"v1"'
    assert receipt["mtime_ns"] == (folder / "deep/b.bw").stat().st_mtime_ns
    asked = len(archive.log)
    assert [f.how for f in download_dataset(small, patience=hurry)] == ["here"] * 3
    (folder / "a.bw").unlink()
    found = download_dataset(small, patience=hurry, progress=listener)
    assert [f.how for f in found] == ["downloaded", "here", "here"]
    assert [entry.path for entry in archive.log[asked:]] == ["/a.bw"]
    assert len(listener.lines) == 3  # known by now


def test_only_some_files(archive, small, hurry, visible):
    assert [f.name for f in download_dataset(small, only=["C"], patience=hurry)] == ["C"]
    assert visible() == ["c.bw", "downloads.json"]
    with pytest.raises(ClasterError, match=r"no download 'D': choose from A, B, C"):
        download_dataset(small, only=["C", "D"], patience=hurry)


def test_dataset_without_downloads(describe, hurry):
    with pytest.raises(ClasterError, match="lists no downloads"):
        download_dataset(describe(), patience=hurry)


def test_another_file_than_the_first_time_is_refused(
    archive, small, folder, hurry, make_bigwig, visible
):
    old = download_dataset(small, patience=hurry)[0].sha256
    (folder / "a.bw").unlink()
    archive.put("/a.bw", make_bigwig(50_000, 99))
    new = digest(archive.files["/a.bw"].content)
    with pytest.raises(
        ClasterError, match=rf"^A: SHA-256 {new} came where the receipt of .* says {old}: .*'a.bw'"
    ):
        download_dataset(small, patience=hurry)
    assert visible() == NAMES[1:]
    receipts = json.loads((folder / "downloads.json").read_text())
    del receipts["files"]["a.bw"]
    (folder / "downloads.json").write_text(json.dumps(receipts))
    assert download_dataset(small, patience=hurry)[0].sha256 == new


def test_hash_of_the_yaml(archive, describe, hurry, make_bigwig, listener, visible):
    content = make_bigwig(1000)
    url = archive.put("/a.bw", content)
    with pytest.raises(ClasterError, match="came where the dataset's YAML says 0000"):
        download_dataset(describe(A=("a.bw", url, {"sha256": "0" * 64})), patience=hurry)
    assert visible() == []
    right = describe(A=("a.bw", url, {"sha256": digest(content), "size": 1000}))
    assert download_dataset(right, patience=hurry, progress=listener)[0].how == "downloaded"
    assert listener.lines == []
    other = describe(A=("a.bw", url, {"sha256": "1" * 64}))
    with pytest.raises(ClasterError, match=r"has SHA-256 .* says 1111.*: remove it to download"):
        download_dataset(other, patience=hurry)
    assert visible() == ["a.bw", "downloads.json"]


def test_a_file_that_was_touched_is_read_again(archive, small, folder, hurry):
    download_dataset(small, patience=hurry)
    os.utime(folder / "a.bw", ns=(1, 1))
    assert plan_downloads(small).files[0].state == "changed"
    asked = len(archive.log)
    assert download_dataset(small, patience=hurry)[0].how == "here"
    assert plan_downloads(small).files[0].state == "here"
    assert len(archive.log) == asked


def test_a_file_that_was_changed_is_refused_and_stays(archive, small, folder, hurry, make_bigwig):
    download_dataset(small, patience=hurry)
    other = make_bigwig(50_000, 77)
    rewrite(folder / "a.bw", other)
    with pytest.raises(ClasterError, match=r"A: .*a\.bw has SHA-256 .*: remove it to download it"):
        download_dataset(small, patience=hurry)
    assert (folder / "a.bw").read_bytes() == other


def test_verify_reads_everything_again(small, folder, hurry, make_bigwig):
    download_dataset(small, patience=hurry)
    time_ns = (folder / "a.bw").stat().st_mtime_ns
    rewrite(folder / "a.bw", make_bigwig(50_000, 77))
    os.utime(folder / "a.bw", ns=(time_ns, time_ns))
    assert download_dataset(small, patience=hurry)[0].how == "here"
    with pytest.raises(ClasterError, match="has SHA-256"):
        download_dataset(small, verify=True, patience=hurry)


def test_a_file_brought_by_hand(archive, small, folder, hurry, listener):
    folder.mkdir()
    content = archive.files["/a.bw"].content
    (folder / "a.bw").write_bytes(content)
    assert plan_downloads(small).files[0].state == "here"
    download_dataset(small, patience=hurry, progress=listener)
    assert archive.asked("/a.bw") == []
    assert any(digest(content) in line for line in listener.lines if line.startswith("A:"))
    (folder / "deep/b.bw").unlink()
    (folder / "deep/b.bw").write_text("<html><title>Oh</title></html>")
    with pytest.raises(ClasterError, match=r"B: .* has 30 bytes where the receipt"):
        download_dataset(small, patience=hurry)


def test_what_an_older_version_has_left_counts(archive, small, folder, hurry):
    """The receipt and the journal as they lie on disks: neither is a whole file fetched again, nor a part."""
    whole, part = archive.files["/a.bw"].content, archive.files["/c.bw"].content[:20_000]
    folder.mkdir()
    (folder / "a.bw").write_bytes(whole)
    os.utime(folder / "a.bw", ns=(10**18, 10**18))
    receipt = {
        "url": small.downloads[0].url,
        "size": len(whole),
        "sha256": digest(whole),
        "mtime_ns": 10**18,
        "when": "2026-11-01T12:00:00.123456Z",
        "how": "downloaded",
        "etag": '"v1"',
        "last_modified": None,
    }
    (folder / "downloads.json").write_text(json.dumps({"format": 1, "files": {"a.bw": receipt}}))
    (folder / ".c.bw.part").write_bytes(part + b"not flushed")
    journal = {
        "format": 1,
        "url": small.downloads[2].url,
        "etag": '"v1"',
        "last_modified": None,
        "date": None,
        "total": 50_002,
        "flushed": len(part),
    }
    (folder / ".c.bw.part.json").write_text(json.dumps(journal))
    assert [f.state for f in plan_downloads(small).files] == ["here", "missing", "partial"]
    found = download_dataset(small, patience=hurry)
    assert [f.how for f in found] == ["here", "downloaded", "downloaded"]
    assert (folder / "c.bw").read_bytes() == archive.files["/c.bw"].content
    assert (archive.asked("/a.bw"), archive.asked("/c.bw")) == ([], ["bytes=20000-"])


def test_leavings_beside_a_finished_file_go(small, folder, hurry):
    download_dataset(small, patience=hurry)
    for name in (".a.bw.part", ".a.bw.part.json", ".a.bw.part.json.new"):
        (folder / name).write_text("{}")
    assert [f.how for f in download_dataset(small, patience=hurry)] == ["here"] * 3
    assert list(folder.glob(".a.bw*")) == []


def test_one_failure_does_not_stop_the_others(archive, small, folder, hurry, listener, visible):
    del archive.files["/b.bw"]
    with pytest.raises(ClasterError, match=r"^B: the server answers 404 \(Not Found\) for"):
        download_dataset(small, patience=hurry, progress=listener)
    assert visible() == ["a.bw", "c.bw", "deep", "downloads.json"]
    del archive.files["/c.bw"]
    (folder / "c.bw").unlink()
    with pytest.raises(ClasterError, match=r"^2 of 3 files were not downloaded \(B, C\): "):
        download_dataset(small, patience=hurry, progress=listener)
    assert [line[:27] for line in listener.lines[-2:]] == [
        "B: the server answers 404 (",
        "C: the server answers 404 (",
    ]


def test_no_network(describe, folder, hurry, listener):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"http://127.0.0.1:{closed.getsockname()[1]}"
    files = {f"F{k}": (f"{k}.bw", f"{address}/{k}.bw", {}) for k in range(6)}
    spec = describe(**files, G=("g.bw", "http://nothing.invalid/g.bw", {}))
    with pytest.raises(
        ClasterError,
        match=r"^7 of 7 files were not downloaded: no answer from 127\.0\.0\.1:\d+, nothing\.invalid "
        r"\(.*\): check the network; .*claster data list small --urls.*claster data adopt DIR",
    ):
        download_dataset(spec, jobs=2, patience=hurry, progress=listener)
    assert list(folder.rglob("*")) == []
    assert plan_downloads(spec, ask_servers=True).unknown_sizes == 7


def test_an_outage_is_not_a_missing_network(archive, small, hurry, faults):
    """A server that has answered in this run gets more patience than one that never has."""
    once = replace(hurry, unreached=0.0)
    archive.fail("/b.bw", faults.no_answer)
    with pytest.raises(ClasterError, match=r"1 of 1 files were not downloaded: no answer from 127"):
        download_dataset(small, only=["B"], jobs=1, patience=once)
    archive.fail("/b.bw", faults.no_answer)
    assert len(download_dataset(small, jobs=1, patience=once)) == 3


def test_servers_take_turns(archive, describe, hurry, make_bigwig):
    other = archive.address.replace("127.0.0.1", "localhost")
    files = {}
    for name in "abcd":
        url = archive.put(f"/{name}.bw", make_bigwig(1000))
        files[name] = (f"{name}.bw", url.replace(archive.address, other) if name > "b" else url, {})
    download_dataset(describe(**files), jobs=1, patience=hurry)
    assert [entry.path for entry in archive.log] == ["/a.bw", "/c.bw", "/b.bw", "/d.bw"]


def test_room_is_looked_for_first(archive, describe, hurry, make_bigwig, visible):
    url = archive.put("/a.bw", make_bigwig(1000))
    with pytest.raises(ClasterError, match=r"dataset 'small' needs 900000000.00 GB"):
        download_dataset(describe(A=("a.bw", url, {"size": 9 * 10**17})), patience=hurry)
    assert archive.log == []


def test_two_at_once(small, folder, hurry):
    with (
        lock_folder(folder, name=LOCK),
        pytest.raises(ClasterError, match=rf"another command .* \(process {os.getpid()} on .*\)"),
    ):
        download_dataset(small, patience=hurry)
    assert len(download_dataset(small, patience=hurry)) == 3


def test_receipts_that_do_not_read(small, folder, hurry):
    folder.mkdir()
    (folder / "downloads.json").write_text("{}")
    download_dataset(small, patience=hurry)
    (folder / "downloads.json").write_text("oh")
    with pytest.raises(ClasterError, match="holds no receipts of this version"):
        download_dataset(small, patience=hurry)


def test_plan(archive, small, folder, hurry, faults, make_bigwig):
    plan = plan_downloads(small)
    assert [(f.state, f.size, f.kept) for f in plan.files] == [("missing", None, 0)] * 3
    assert (plan.missing_bytes, plan.unknown_sizes) == (0, 3)
    assert plan.free_bytes > 0
    assert archive.log == []
    assert not folder.exists()
    asked = plan_downloads(small, ask_servers=True)
    assert [f.size for f in asked.files] == [50_000, 50_001, 50_002]
    assert asked.missing_bytes == 150_003
    assert {entry.method for entry in archive.log} == {"HEAD"}
    archive.fail("/b.bw", faults.cut(20_000), *[faults.cut(0)] * 4)
    with pytest.raises(ClasterError, match="B: "):
        download_dataset(small, only=["A", "B"], patience=hurry)
    plan = plan_downloads(small)
    assert [(f.state, f.size, f.kept) for f in plan.files] == [
        ("here", 50_000, 0),
        ("partial", 50_001, 20_000),
        ("missing", None, 0),
    ]
    assert plan.missing_bytes == 30_001
    assert [f.missing_bytes for f in plan.files] == [0, 30_001, None]
    rewrite(folder / "a.bw", b"short")
    assert plan_downloads(small, only=["A"]).files[0].state == "changed"


def test_list_for_another_machine(archive, small, tmp_path):
    text = url_list(small)
    assert f'url = "{archive.address}/b.bw"\noutput = "deep/b.bw"\n' in text
    assert text.count("\nurl = ") == 3
    assert url_list(small, only=["B"]).count("\nurl = ") == 1
    (tmp_path / "list").write_text(text)
    (tmp_path / "c.bw").write_bytes(archive.files["/c.bw"].content[:1000])
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--config", "list"]
    try:
        subprocess.run(command, cwd=tmp_path, check=True)
    except FileNotFoundError:
        pytest.skip("no curl program")
    for name, path in (("a.bw", "/a.bw"), ("deep/b.bw", "/b.bw"), ("c.bw", "/c.bw")):
        assert (tmp_path / name).read_bytes() == archive.files[path].content
    assert archive.asked("/c.bw") == ["bytes=1000-"]


def test_curl_takes_names_and_addresses_as_they_are(archive, describe, make_bigwig, tmp_path):
    names = ['a "b".bw', "c\\d.bw", "[1-3].bw", "x#1{a,b}.bw", "q'uote.bw", "-o.bw"]
    content = make_bigwig(50_000, 1)
    places = [f'/{n}[1-9]{{a,b}}"\\' for n in range(len(names))]
    urls = [archive.put(place, content) for place in places]
    given = {
        f"n{n}": (name, url, {}) for n, (name, url) in enumerate(zip(names, urls, strict=True))
    }
    (tmp_path / "list").write_text(url_list(describe(**given)))
    (tmp_path / "out").mkdir()
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--config", "../list"]
    try:
        subprocess.run(command, cwd=tmp_path / "out", check=True)
    except FileNotFoundError:
        pytest.skip("no curl program")
    found = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert found == dict.fromkeys(names, content)


PROGRAM = """
import signal, sys, yaml
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored by what a shell runs in the background
from claster import cli
from claster.dataset.downloads.download import download_dataset
from claster.dataset.spec import DatasetSpec
spec = DatasetSpec.model_validate(yaml.safe_load(open(sys.argv[1])))
def app():
    print("ready", flush=True)
    download_dataset(spec, jobs=2)
cli.app = app
cli.main()
"""


@pytest.fixture
def start(small, tmp_path):
    """Start the download in a process of its own; returns when it begins."""
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small.model_dump(mode="json")))

    def run():
        command = [sys.executable, "-c", PROGRAM, str(path)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        return process

    return run


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, 130),
        pytest.param(signal.SIGTERM, 128 + signal.SIGTERM, marks=pytest.mark.slow),
    ],
)
def test_interrupts_end_it_soon_and_keep_what_came(
    archive, small, start, folder, hurry, number, code, visible
):
    for held in archive.files.values():
        held.rate = 10_000.0
    with start() as process:
        while [file.state for file in plan_downloads(small).files][:2] != ["partial", "partial"]:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(number)
        assert process.wait(timeout=20) == code
    assert visible() in ([], ["deep"])
    kept = plan_downloads(small)
    assert [file.state for file in kept.files][:2] == ["partial", "partial"]
    for held in archive.files.values():
        held.rate = None
    download_dataset(small, patience=hurry)
    assert archive.asked("/a.bw") == [None, f"bytes={kept.files[0].kept}-"]
    assert (folder / "a.bw").read_bytes() == archive.files["/a.bw"].content


@pytest.mark.slow
def test_an_interrupt_meets_a_silent_server(archive, small, start, faults):
    for path in archive.files:
        archive.fail(path, faults.silence(10_000, 8.0))
    with start() as process:
        time.sleep(0.5)
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
        assert time.monotonic() - begin < 6


FORKING = """
import itertools, os, signal, sys, yaml
from pathlib import Path
from claster.dataset.downloads.download import download_dataset
from claster.dataset.spec import DatasetSpec
from claster.dataset.downloads.request import Patience
spec = DatasetSpec.model_validate(yaml.safe_load(open(sys.argv[1])))
patience = Patience(flush_every=0.05, first_wait=0.01)

def die_before(number):
    count = itertools.count(1)
    for owner, name in [(os, "fsync"), (os, "pwrite"), (os, "ftruncate"), (os, "fchmod"),
                        (Path, "replace"), (Path, "unlink")]:
        def counted(*arguments, call=getattr(owner, name), **more):
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **more)
        setattr(owner, name, counted)

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        if int(line):
            die_before(int(line))
        download_dataset(spec, jobs=2, patience=patience)
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


@pytest.fixture
def again(small, tmp_path):
    """Run the download in a process of its own, again and again.

    A run is killed after some seconds, or before its n-th call that changes the disk.
    """
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small.model_dump(mode="json")))
    command = [sys.executable, "-c", FORKING, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as process:

        def run(*, seconds=None, call=0):
            process.stdin.write(f"{call}\n")
            child = int(process.stdout.readline())
            if seconds is not None:
                time.sleep(seconds)
                os.kill(child, signal.SIGKILL)
            return int(process.stdout.readline())

        yield run
        process.stdin.close()


@pytest.mark.slow
def test_killed_before_every_change_of_the_disk(archive, small, again, folder, faults):
    """A kill before the 1st, 2nd, ... write, flush or rename; what is under a final name is whole."""
    finals = {f"/{name}.bw": folder / small.downloads[k].file for k, name in enumerate("abc")}
    for call in range(1, 200):
        shutil.rmtree(folder, ignore_errors=True)
        archive.fail("/a.bw", faults.cut(30_000))
        status = again(call=call)
        archive.files["/a.bw"].faults.clear()
        for path, final in finals.items():
            assert not final.exists() or final.read_bytes() == archive.files[path].content
        if status == 0:
            break
        assert status == signal.SIGKILL
        assert again() == 0
        for path, final in finals.items():
            assert final.read_bytes() == archive.files[path].content
        assert {path.name for path in folder.rglob(".*")} <= {".downloads.lock"}
    assert 20 < call < 199


@pytest.mark.slow
def test_killed_at_any_moment(archive, small, again, folder, make_bigwig):
    """Twenty kills, then one run to the end: the same bytes, and no finished file asked for again."""
    paths = [f"/{name}.bw" for name in "abc"]
    for number, path in enumerate(paths):
        archive.put(path, make_bigwig(1_500_000 + number, number), rate=400_000.0)
    finals = dict(zip(paths, (folder / d.file for d in small.downloads), strict=True))
    chance = random.Random(1)
    finished, kinds = set(), set()
    for _ in range(20):
        asked = len(archive.log)
        assert again(seconds=chance.uniform(0.0, 0.7)) == signal.SIGKILL
        assert finished.isdisjoint(entry.path for entry in archive.log[asked:])
        finished = {path for path in paths if finals[path].exists()}
        for path in finished:
            assert finals[path].read_bytes() == archive.files[path].content
        kinds.add(len(finished))
    assert again() == 0
    for path in paths:
        assert finals[path].read_bytes() == archive.files[path].content
        assert archive.sent(path) < 3 * len(archive.files[path].content)
    assert len(kinds) > 1  # the kills met different states
    assert {path.name for path in folder.rglob(".*")} <= {".downloads.lock"}


def test_threads_share_one_archive(archive, describe, make_bigwig):
    files = {}
    for k in range(12):
        url = archive.put(f"/{k}.bw", make_bigwig(5000, k))
        files[f"F{k}"] = (f"{k}.bw", url, {})
    before = threading.active_count()
    found = download_dataset(describe(**files), jobs=4)
    assert [f.sha256 for f in found] == [
        digest(archive.files[f"/{k}.bw"].content) for k in range(12)
    ]
    assert archive.most_open <= 4
    assert threading.active_count() <= before + 5
