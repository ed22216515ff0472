"""Files that came by other means: verified and linked, never changed."""

import hashlib
import json

import pytest

from claster.dataset.downloads.download import adopt_files, download_dataset
from claster.dataset.downloads.plan import plan_downloads
from claster.errors import ClasterError


@pytest.fixture
def lying(archive, small, tmp_path):
    """A folder with the three files of the small dataset at other places."""
    brought = tmp_path / "brought"
    for path, name in (("/a.bw", "x/y/a.bw"), ("/b.bw", "b.bw"), ("/c.bw", "z/c.bw")):
        (brought / name).parent.mkdir(parents=True, exist_ok=True)
        (brought / name).write_bytes(archive.files[path].content)
    return brought


def states(results):
    return {result.name: result.state for result in results}


def test_files_are_found_verified_and_linked(archive, small, lying, folder, hurry, listener):
    before = {p: (p.stat().st_mode, p.stat().st_mtime_ns) for p in lying.rglob("*")}
    results = adopt_files(small, lying, progress=listener)
    assert states(results) == {"A": "adopted", "B": "adopted", "C": "adopted"}
    assert (folder / "a.bw").readlink() == (lying / "x/y/a.bw").resolve()
    assert (folder / "deep/b.bw").read_bytes() == archive.files["/b.bw"].content
    assert {p: (p.stat().st_mode, p.stat().st_mtime_ns) for p in lying.rglob("*")} == before
    sha = hashlib.sha256(archive.files["/a.bw"].content).hexdigest()
    assert listener.lines[0] == f"A: linked to {results[0].found} (sha256: {sha})"
    assert json.loads((folder / "downloads.json").read_text())["files"]["a.bw"]["sha256"] == sha
    assert [f.state for f in plan_downloads(small).files] == ["here"] * 3
    assert [f.how for f in download_dataset(small, patience=hurry)] == ["here"] * 3
    assert archive.log == []
    assert states(adopt_files(small, lying)) == {"A": "here", "B": "here", "C": "here"}


def test_what_is_missing_is_named(small, lying, listener):
    (lying / "z/c.bw").unlink()
    results = adopt_files(small, lying, progress=listener)
    assert states(results) == {"A": "adopted", "B": "adopted", "C": "not found"}
    assert listener.lines[-1] == "C: not found (c.bw)"
    with pytest.raises(ClasterError, match="no file of dataset 'small' is below"):
        adopt_files(small, lying / "z", only=["C"])
    with pytest.raises(ClasterError, match="no folder at"):
        adopt_files(small, lying / "nowhere")
    with pytest.raises(ClasterError, match="no download 'Q'"):
        adopt_files(small, lying, only=["Q"])


def test_what_does_not_fit_is_refused(archive, describe, lying, folder, listener):
    content = archive.files["/c.bw"].content
    spec = describe(
        A=("a.bw", "http://x/a.bw", {"sha256": "0" * 64}),
        B=("b.bw", "http://x/b.bw", {"size": 7}),
        C=("c.bw", "http://x/c.bw", {"sha256": hashlib.sha256(content).hexdigest()}),
    )
    with pytest.raises(ClasterError, match=r"2 of 3 files were refused \(A, B\)"):
        adopt_files(spec, lying, progress=listener)
    assert "A: refused, A: " in listener.lines[0]
    assert "has 50001 bytes where the dataset's YAML says 7" in listener.lines[1]
    assert [path.name for path in folder.glob("*.bw")] == ["c.bw"]


def test_a_file_without_its_end_is_refused(small, lying, listener):
    path = lying / "b.bw"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ClasterError, match=r"1 of 3 files were refused \(B\)"):
        adopt_files(small, lying, progress=listener)
    assert "an incomplete bigWig file" in listener.lines[1]


def test_another_file_than_was_downloaded_is_refused(
    small, lying, folder, hurry, make_bigwig, listener
):
    download_dataset(small, patience=hurry)
    (folder / "a.bw").unlink()
    (lying / "x/y/a.bw").write_bytes(make_bigwig(50_000, 5))
    with pytest.raises(ClasterError, match=r"1 of 1 files were refused \(A\)"):
        adopt_files(small, lying, only=["A"], progress=listener)
    assert "where the receipt of" in listener.lines[0]
    assert not (folder / "a.bw").exists()


def test_two_files_of_one_name(archive, small, lying, folder, listener):
    (lying / "b").mkdir()
    (lying / "b" / "a.bw").write_bytes(archive.files["/a.bw"].content)
    with pytest.raises(ClasterError, match=r"files were refused \(A\)"):
        adopt_files(small, lying, progress=listener)
    assert "2 files have its name" in listener.lines[0]
    (lying / "deep").mkdir()
    (lying / "deep" / "b.bw").write_bytes(archive.files["/b.bw"].content)
    (folder / "deep/b.bw").unlink()
    (folder / "downloads.json").unlink()
    results = adopt_files(small, lying, only=["B"])
    assert results[0].found == (lying / "deep/b.bw").resolve()


def test_leavings_of_a_download_go(archive, small, lying, folder, hurry, faults):
    archive.fail("/a.bw", faults.cut(20_000), *[faults.cut(0)] * 4)
    with pytest.raises(ClasterError):
        download_dataset(small, only=["A"], patience=hurry)
    adopt_files(small, lying)
    assert list(folder.glob(".a.bw*")) == []


def test_a_link_into_nothing_is_downloaded_again(archive, small, lying, folder, hurry):
    adopt_files(small, lying)
    target = lying / "x/y/a.bw"
    target.unlink()
    assert plan_downloads(small).files[0].state == "missing"
    assert download_dataset(small, patience=hurry)[0].how == "downloaded"
    assert not (folder / "a.bw").is_symlink()
    assert not target.exists()
