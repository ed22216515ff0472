"""The whole check: nothing wrong, files missing, and one fault that hides no other."""

import json
from pathlib import Path

import pytest

from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import check_dataset
from claster.errors import ClasterError


def test_nothing_wrong(examine):
    report = examine()
    assert [f for f in report.findings if f.verdict in ("warning", "fault")] == []
    assert report.exit_code == 0
    assert report.items == [
        "track ATAC",
        "track H3K27ac",
        "genes",
        "chromosome sizes",
        "contacts",
        "target ctrl plus",
        "target ctrl minus",
        "target ctrl",
        "elements",
        "blacklist",
        "genome",
        "windows",
    ]


def test_without_the_data_folder_one_finding_says_so(spec_of, tmp_path, monkeypatch):
    spec = spec_of(data=str(tmp_path / "nowhere"))
    (finding,) = check_dataset(spec).findings
    assert finding.remedy == f"correct 'data' ({spec.data})"
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path))
    report = check_dataset(spec_of(data="${CLASTER_DATA}/nowhere"))
    (finding,) = report.findings
    assert (finding.check, finding.verdict) == ("present", "fault")
    assert "10 files should be in it" in finding.evidence
    assert "CLASTER_DATA" in finding.remedy
    assert report.exit_code == 2


def test_missing_file_names_its_download(examine, make, one):
    (make.folder / "ATAC.bw").unlink()
    download = {
        "name": "atac",
        "file": "ATAC.bw",
        "url": "https://example.org/a.bw",
        "format": "bigwig",
        "licence": "none",
        "citation": "none",
    }
    report = examine(downloads=[download])
    finding = one(report, "track ATAC", "present")
    assert finding.verdict == "fault"
    assert finding.remedy == "run 'claster data download small --only atac'"
    assert one(report, "track H3K27ac", "values").verdict == "fine"
    assert report.exit_code == 2


def test_one_fault_hides_no_other(examine, make, one):
    (make.folder / "ATAC.bw").write_text("<!doctype html><title>404 Not Found</title>")
    make.text("genes.tsv", ['chr1\tx\texon\t1\t9\t.\t+\t.\tgene_id "A";'])
    make.cooler("contacts.cool", weights=False)
    make.track("minus.bw")
    report = examine()
    html = one(report, "track ATAC", "kind")
    assert html.verdict == "fault"
    assert "404 Not Found" in html.evidence
    assert one(report, "genes", "dialect").verdict == "fault"
    assert one(report, "contacts", "weights").verdict == "fault"
    assert one(report, "target ctrl minus", "strand").verdict == "fault"
    assert one(report, "track H3K27ac", "values").verdict == "fine"
    assert report.count("fault") == 4


def test_a_file_that_the_build_does_not_read_gives_a_warning_at_most(examine, make, one):
    (make.folder / "elements.bed").unlink()
    report = examine()
    assert one(report, "elements", "present").verdict == "warning"
    assert report.exit_code == 1


def spoil(edits):
    def change(content):
        for path, value in edits.items():
            *parts, last = path.split("/")
            here = content
            for part in parts:
                here = here[int(part)] if isinstance(here, list) else here[part]
            here[last] = value

    return change


BREAKS_THE_BUILD = {
    "resolution": ({"contacts/resolution": 1600}, {}),
    "no weights": ({}, {"contacts.cool": {"weights": False}}),
    "minus is positive": ({}, {"minus.bw": {}}),
    "plus is negative": ({}, {"plus.bw": {"sign": -1.0}}),
    "infinite": ({}, {"ATAC.bw": {"values": lambda starts: [float("inf")] * len(starts)}}),
    "other lengths": ({}, {"ATAC.bw": {"sizes": {"chr1": 410_000, "chr2": 200_000}}}),
    "other names": ({}, {"ATAC.bw": {"sizes": {"scaffold1": 400_000}}}),
    "no gene of the type": ({"genes/types": ["lincRNA"]}, {}),
    "empty split": ({"splits/test": ["chr1:0-10"]}, {}),
    "only negative track": ({}, {"ATAC.bw": {"sign": -1.0}}),
    "nothing to train on": ({"splits/valid": ["chr1"]}, {}),
    "training windows beside held-out ones": (
        {"splits/valid": ["chr1:0-194,000", "chr1:206,000-400,000"]},
        {},
    ),
    "bad region": ({"regions": ["chr9"]}, {}),
    "missing": ({"genes/file": "none.gtf"}, {}),
}
LETS_THE_BUILD_RUN = {
    "nothing": ({}, {}),
    "names without chr": ({}, {"ATAC.bw": {"sizes": {"1": 400_000, "2": 200_000}}}),
    "chromosome lacking": ({"splits/test": []}, {"ATAC.bw": {"sizes": {"chr1": 400_000}}}),
    "signal on a part": ({}, {"ATAC.bw": {"spans": [("chr1", 0, 50_000), ("chr2", 0, 9_000)]}}),
    "some negative": ({}, {"ATAC.bw": {"values": lambda starts: (starts % 300) - 100.0}}),
    "all zero": ({}, {"ATAC.bw": {"values": lambda starts: starts * 0.0}}),
}


@pytest.mark.parametrize("case", BREAKS_THE_BUILD | LETS_THE_BUILD_RUN)
def test_exit_code_2_where_the_build_cannot_run(case, spec_of, make, tmp_path):
    edits, files = (BREAKS_THE_BUILD | LETS_THE_BUILD_RUN)[case]
    for name, options in files.items():
        (make.cooler if name.endswith("cool") else make.track)(name, **options)
    spec = spec_of(spoil(edits))
    report = check_dataset(spec)
    if case in BREAKS_THE_BUILD:
        assert report.exit_code == 2
        with pytest.raises(ClasterError):
            build_dataset(spec.within(tmp_path / "project"))
    else:
        assert report.exit_code < 2
        build_dataset(spec.within(tmp_path / "project"))


def test_windows_are_counted_as_the_build_counts_them(spec_of, one, tmp_path):
    spec = spec_of()
    kept = build_dataset(spec.within(tmp_path / "project")).manifest.genes_kept
    evidence = one(check_dataset(spec), "windows", "genes").evidence
    counts = ", ".join(f"{n} {split}" for split, n in kept.items())
    assert f"{sum(kept.values())} of 71 genes would get a window: {counts}" in evidence


def test_nothing_held_out_is_noted(examine, one):
    finding = one(examine(splits={}), "windows", "splits")
    assert finding.verdict == "note"
    assert "test: [chr2]" in finding.remedy


def test_the_same_file_twice(examine, make, one):
    report = examine(spoil({"tracks": [{"name": n, "file": "ATAC.bw"} for n in "AB"]}))
    finding = one(report, "track B", "twins")
    assert finding.verdict == "warning"
    assert "track A" in finding.evidence


def test_files_of_the_same_bytes_under_two_names(examine, make, one):
    spec = {"tracks": [{"name": n, "file": f"{n}.bw"} for n in ("ATAC", "copy")]}

    def copied(content):
        folder = Path(content["data"])
        (folder / "copy.bw").write_bytes((folder / "ATAC.bw").read_bytes())
        content.update(spec)

    finding = one(examine(copied), "track copy", "twins")
    assert (finding.verdict, finding.evidence) == (
        "warning",
        "byte for byte the file of track ATAC",
    )


def test_json_has_a_format_and_every_finding(examine):
    report = examine()
    content = json.loads(report.as_json())
    assert content["format"] == 1
    assert content["exit_code"] == 0
    assert len(content["findings"]) == len(report.findings)
    assert set(content["findings"][0]) == {
        "item",
        "file",
        "check",
        "verdict",
        "evidence",
        "remedy",
    }
    assert content["scales"]["track ATAC"]["bin"] == 100


def test_table_and_lines_say_the_same(examine, make):
    (make.folder / "ATAC.bw").unlink()
    report = examine()
    lines = str(report).splitlines()
    assert lines[0].startswith(f"fault   track ATAC: no file at {make.folder / 'ATAC.bw'} (dataset")
    assert " -> " in lines[0]
    assert report.as_table().row_count == len(lines) - 1
    assert lines[-1] == repr(report)
    assert "1 fault" in lines[-1]
    fine = [line for line in lines if line.startswith("fine    track H3K27ac:")]
    assert len(fine) == 1


def test_progress_ends_and_names_files(spec_of):
    seen = []

    class Step:
        def advance(self, amount=1):
            seen.append(amount)

        def describe(self, text):
            seen.append(text)

        def __enter__(self):
            return self

        def __exit__(self, *_):
            seen.append("end")

    class Watch:
        def step(self, name, total=None, **_):
            return Step()

        def say(self, text):
            seen.append(text)

    check_dataset(spec_of(), progress=Watch())
    assert "track ATAC" in seen
    assert seen[-1] == "end"
