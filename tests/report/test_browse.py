"""Tracks in a browser: what is found, what is served and refused, sessions, and igv.js itself."""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import urlsplit

import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.browse import _genes_as_bed, prepare_browser
from claster.browse.server import Served, _wanted_range, serve
from claster.browse.session import find_genome, find_tracks
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.eir.runs import RunFolder
from claster.errors import ClasterError

CONTENT = bytes(range(256)) * 40


@pytest.fixture(scope="module")
def browser(made):
    return prepare_browser(made.run)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    (folder / "track.bw").write_bytes(CONTENT)
    (folder / "secret").write_text("not listed")
    listed = {"/files/0/track.bw": Served(folder / "track.bw"), "/": Served(b"<p>", "text/html")}
    listed["/gone"] = Served(folder / "gone")
    with serve(listed) as address:
        yield urlsplit(address)


def ask(server, path, *, method="GET", **headers):
    """Status, headers and body of one request, its path sent as it is."""
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=10)
    connection.putrequest(method, path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.headers), body


def test_a_whole_file(server):
    status, headers, body = ask(server, "/files/0/track.bw?someRandomSeed=0.5")
    assert (status, body) == (200, CONTENT)
    assert headers["Accept-Ranges"] == "bytes"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("0-0", 0, 1),
        ("5-9", 5, 10),
        ("100-", 100, 10240),
        ("-7", 10233, 10240),
        ("9-999999", 9, 10240),
    ],
)
def test_ranges(server, asked, start, end):
    status, headers, body = ask(server, "/files/0/track.bw", Range=f"bytes={asked}")
    assert (status, body) == (206, CONTENT[start:end])
    assert headers["Content-Range"] == f"bytes {start}-{end - 1}/10240"
    assert headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=10240-", "bytes=20000-30000", "bytes=-0"])
def test_ranges_outside_the_file(server, asked):
    status, headers, body = ask(server, "/files/0/track.bw", Range=asked)
    assert (status, body) == (416, b"")
    assert headers["Content-Range"] == "bytes */10240"


@pytest.mark.parametrize(
    "asked", ["bytes=9-5", "bytes=-", "lines=0-1", "bytes=0-1,3-4", "bytes=a-b"]
)
def test_ranges_that_do_not_read_stand_for_the_whole(server, asked):
    assert ask(server, "/files/0/track.bw", Range=asked)[0] == 200


@given(st.integers(0, 50), st.none() | st.integers(0, 60), st.none() | st.integers(0, 60))
def test_a_range_is_what_python_slices(size, first, last):
    header = f"bytes={'' if first is None else first}-{'' if last is None else last}"
    found = _wanted_range(header, size)
    data = bytes(range(size))
    if first is None:
        wanted = b"" if last is None else data[max(size - last, 0) :]
    else:
        wanted = data[first:] if last is None else data[first : last + 1]
    if isinstance(found, tuple):
        assert data[slice(*found)] == wanted
        assert found[0] < found[1]
    elif found == "outside":
        assert wanted == b""
    else:
        assert (first, last) == (None, None) or (
            first is not None and last is not None and last < first
        )


def test_head_has_no_body(server):
    status, headers, body = ask(server, "/files/0/track.bw", method="HEAD", Range="bytes=0-9")
    assert (status, headers["Content-Length"], body) == (206, "10", b"")


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:1", "", "localhost:80", "[::1]"]
)
def test_other_hosts_are_refused(server, host):
    status, _, body = ask(server, "/files/0/track.bw", Host=host)
    assert status == 403
    assert CONTENT[:16] not in body


def test_this_machine_has_two_names(server):
    for name in ("127.0.0.1", "localhost"):
        assert ask(server, "/", Host=f"{name}:{server.port}")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/secret",
        "/files/0/../../secret",
        "/files/0/%2e%2e/%2e%2e/secret",
        "/files/0/..%2f..%2fsecret",
        "//etc/passwd",
        "/files/0/track.bw/",
        "/files/0/track.bw%00",
        "/gone",
        "files",
    ],
)
def test_other_paths_are_refused(server, path):
    assert ask(server, path)[0] == 404


def test_other_verbs_are_refused(server):
    assert ask(server, "/", method="POST")[0] == 501


def test_only_this_machine_is_served(server):
    assert server.hostname == "127.0.0.1"
    with (
        pytest.raises(
            ClasterError, match=r"port \d+ of 127.0.0.1 is taken .* choose another 'port'"
        ),
        serve({}, port=server.port),
    ):
        pass


def test_tracks_from_the_top(made):
    tracks = find_tracks(made.run, made.spec)
    assert [track.name for track in tracks] == [
        "observed (test ctrl)",
        "predicted (test ctrl)",
        "residual (test ctrl)",
        "change ctrl (silence_test)",
        "ATAC",
        "H3K27ac",
    ]
    assert [track.scaled_with for track in tracks] == ["test.ctrl", "test.ctrl", "", "", "", ""]
    for track in tracks:
        with pyBigWig.open(str(track.path)) as file:
            assert file.isBigWig()


def test_a_run_without_tracks_is_told_what_to_do(bare, made):
    with pytest.raises(
        ClasterError, match=f"no bigWig tracks .* run 'claster predict {bare.path}'"
    ):
        prepare_browser(bare)
    with pytest.raises(ClasterError, match="no run in"):
        prepare_browser(made.project)


def test_all_genes_are_shown_and_a_test_gene_first(made):
    genome = find_genome(made.spec, DatasetFolders.of(made.spec))
    bed = [line.split("\t") for line in _genes_as_bed(genome.genes).splitlines()]
    assert len(bed) == 56, "kept and dropped ones"
    assert ["chr2", "30000", "34500", "gene<32>", "0", "+"] in bed
    assert genome.locus == "chr2:1-330000"
    assert genome.fasta.name == "genome.fa"


def test_the_example_gene_is_found_without_its_version(made, monkeypatch):
    folders = DatasetFolders.of(made.spec)
    kept = read_genes_table(folders)
    last = kept[kept["split"] == "test"].index[-1]
    kept.loc[last, "gene_id"] = "ENSG00000000003.4"
    monkeypatch.setattr("claster.browse.session.read_genes_table", lambda _: kept)
    spec = made.spec.model_copy(update={"example_gene": "ENSG00000000003"})
    start = max(kept.loc[last, "tss"] - 300_000, 0) + 1
    assert find_genome(spec, folders).locus.startswith(f"{kept.loc[last, 'chrom']}:{start}-")


def test_the_page_is_given_what_it_asks_for(browser):
    session = json.loads(browser.served["/session.json"].content)
    reference = session["reference"]
    asked = [reference[key] for key in ("chromSizesURL", "fastaURL", "indexURL")]
    asked += [track["url"] for track in session["tracks"]]
    assert all(f"/{address}" in browser.served for address in asked)
    assert all("://" not in address for address in asked)
    assert session["loadDefaultGenomes"] is False
    listed = {
        part.content for part in browser.served.values() if not isinstance(part.content, bytes)
    }
    assert all(path.is_file() for path in listed)
    assert len(listed) == len(asked)


def test_the_session_of_the_desktop_names_files_that_are_there(made, browser, tmp_path):
    elsewhere = prepare_browser(made.run, session=tmp_path / "deep" / "x.xml")
    for path in (browser.session, elsewhere.session):
        root = ET.parse(path).getroot()
        assert root.tag == "Session"
        assert root.attrib["locus"] == "chr2:1-330000"
        assert (path.parent / root.attrib["genome"]).is_file()
        resources = root.findall("Resources/Resource")
        assert [entry.attrib["type"] for entry in resources] == ["bed", *["bw"] * 6]
        for entry in resources:
            assert not Path(entry.attrib["path"]).is_absolute()
            assert (path.parent / entry.attrib["path"]).is_file()


def test_a_genome_without_sequence_has_its_sizes(made, tmp_path):
    spec = made.spec.model_copy(update={"genome": None})
    record = json.loads(made.run.record.read_text())
    record["trained_on"]["genome"] = None
    run = RunFolder(tmp_path / "run", made.project)
    (run.path / "predictions").mkdir(parents=True)
    run.record.write_text(json.dumps(record))
    for path in (made.run.path / "predictions").iterdir():
        (run.path / "predictions" / path.name).symlink_to(path)
    browser = prepare_browser(run)
    assert ET.parse(browser.session).getroot().attrib["genome"] == f"{spec.assembly}.chrom.sizes"
    assert "fastaURL" not in json.loads(browser.served["/session.json"].content)["reference"]


def test_the_name_of_an_assembly_is_no_way_out_of_the_run(made, tmp_path):
    record = json.loads(made.run.record.read_text())
    record["trained_on"]["assembly"] = "../../x"
    run = RunFolder(tmp_path / "run", made.project)
    shutil.copytree(made.run.path / "predictions", run.path / "predictions")
    run.record.write_text(json.dumps(record))
    with pytest.raises(
        ClasterError, match=r"'assembly' .* is '\.\./\.\./x\.chrom\.sizes', which is no"
    ):
        prepare_browser(run)
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_igv_shows_every_track_and_asks_nobody_else(browser, look):
    with serve(browser.served) as address, look(address) as seen:
        seen.page.wait_for_selector("#state[data-tracks]", timeout=60_000)
        assert seen.page.get_attribute("#state", "data-tracks") == "7"
        seen.page.wait_for_load_state("networkidle")
        assert seen.faults == []
        asked = [url for url in seen.asked if not url.startswith(("data:", "blob:"))]
        assert {urlsplit(url).netloc for url in asked} == {urlsplit(address).netloc}
        assert {urlsplit(url).path for url in asked} >= {
            path for path in browser.served if path.endswith(".bw")
        }


def test_without_igv_the_remedy_is_told(made, monkeypatch):
    monkeypatch.setitem(sys.modules, "igv_notebook", None)
    with pytest.raises(ClasterError, match=r"igv.js is not installed: install the package igv-not"):
        prepare_browser(made.run)


@pytest.mark.slow
def test_the_command_serves_until_it_is_interrupted(made):
    command = [sys.executable, "-c", "from claster.cli import main; main()", "browse"]
    process = subprocess.Popen(
        [*command, str(made.run.path), "--no-open"],
        cwd=made.project,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    with process:
        assert "session.xml" in process.stdout.readline()
        line = process.stdout.readline()
        address = urlsplit(
            next(word for word in line.split() if word.startswith("http://127.0.0.1:"))
        )
        assert ask(address, "/session.json")[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.stdout.read().strip() == "ended"
    assert process.returncode == 0
