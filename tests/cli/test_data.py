"""`claster data`: list, download, adopt, check and schema as a shell sees them."""

import gzip
import json
import sys
from pathlib import Path

import pyBigWig
import pytest
import yaml

from claster import cli
from claster.browse.server import Served, serve

ROOT = Path(__file__).parents[2]
GENES = "chr1\t30000\t34000\tGA.1\t0\t+\nchr1\t40000\t50001\tGB.1\t0\t-\n"


@pytest.fixture
def claster(monkeypatch, capsys):
    """Run the command line; return exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["claster", *arguments])
        with pytest.raises(SystemExit) as left:
            cli.main()
        captured = capsys.readouterr()
        return left.value.code, captured.out, captured.err

    return run


def write_track(path, scale=1.0):
    starts = list(range(0, 119_900, 100))
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 120_000)])
        values = [scale * (1 + start % 7) for start in starts]
        file.addEntries(
            ["chr1"] * len(starts), starts, ends=[start + 100 for start in starts], values=values
        )


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """A folder of public files, served while the test runs, and a dataset that lists them."""
    public = tmp_path / "public"
    public.mkdir()
    write_track(public / "ATAC.bw")
    (public / "genes.bed.gz").write_bytes(gzip.compress(GENES.encode(), mtime=0))
    (public / "chrom.sizes").write_text("chr1\t120000\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path / "data"))
    files = (file for file in public.iterdir() if file.is_file())
    with serve({f"/{file.name}": Served(file) for file in files}) as address:
        content = {
            "name": "small",
            "assembly": "small",
            "chrom_sizes": "chrom.sizes",
            "tracks": [{"name": "ATAC", "file": "ATAC.bw"}],
            "genes": {"file": "genes.bed.gz", "types": None},
            "window": {"bin": 100, "bins": 101},
            "downloads": [
                {
                    "name": name,
                    "file": file,
                    "url": f"{address}{file}",
                    "format": form,
                    "licence": "CC0",
                    "citation": "nobody",
                }
                for name, file, form in (
                    ("ATAC", "ATAC.bw", "bigwig"),
                    ("genes", "genes.bed.gz", "bed"),
                    ("sizes", "chrom.sizes", "table"),
                )
            ],
        }
        folder = tmp_path / "configurations" / "datasets"
        folder.mkdir(parents=True)
        (folder / "small.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
        yield public


def test_download_check_and_again(claster, archive):
    code, out, err = claster("data", "download", "small")
    assert (code, err) == (0, "")
    assert out.count("downloaded for the first time") == 3
    assert out.splitlines()[-1] == "next: claster data check small"
    for file in archive.iterdir():
        assert (Path("data") / file.name).read_bytes() == file.read_bytes()
    code, out, _ = claster("data", "check", "small")
    assert code == 0
    assert "fine    track ATAC: small, chr1; values 1 to 7" in out
    code, out, _ = claster("data", "download", "small")
    assert (code, out.count("downloaded for the first time")) == (0, 0)


def test_list_and_dry_run_fetch_nothing(claster, archive):
    for arguments in (["list", "small"], ["download", "small", "--dry-run"]):
        code, out, _ = claster("data", *arguments)
        assert code == 0
        header, *rows = out.splitlines()
        assert header.split("\t")[:3] == ["name", "file", "size"]
        assert [row.split("\t")[0] for row in rows[:3]] == ["ATAC", "genes", "sizes"]
        assert rows[-1].startswith("0 of 3 files are here; ")
    assert "12 bytes" in out, "the server was asked for the length of chrom.sizes"
    assert not Path("data").exists()


def test_list_for_another_machine_and_adoption(claster, archive):
    code, out, _ = claster("data", "list", "small", "--urls", "--only", "ATAC")
    assert code == 0
    assert 'output = "ATAC.bw"' in out
    assert out.count("\nurl = ") == 1
    code, out, _ = claster("data", "adopt", str(archive))
    assert code == 0
    assert out.startswith("small: into ")
    assert (Path("data") / "ATAC.bw").resolve() == (archive / "ATAC.bw").resolve()
    code, _, err = claster("data", "adopt", "configurations")
    assert code == 1
    assert "no file of a dataset" in err


def test_exit_codes_and_json_of_the_check(claster, archive):
    claster("data", "download", "small")
    track = Path("data/ATAC.bw")
    track.unlink()
    code, out, _ = claster("data", "check", "small", "--json")
    report = json.loads(out)
    assert code == 2
    (fault,) = [found for found in report["findings"] if found["verdict"] == "fault"]
    assert fault["item"] == "track ATAC"
    assert "claster data download small --only ATAC" in fault["remedy"]


def test_a_check_that_cannot_start_is_no_warning(claster, archive):
    Path("configurations/datasets/small.yaml").write_text("name: small\nassembly: small\n")
    code, _, err = claster("data", "check", "small")
    assert code == 2
    assert err.startswith("error: configurations/datasets/small.yaml, line 1: ")


def test_values_are_compared_with_those_of_a_built_dataset(claster, archive):
    claster("data", "download", "small")
    assert claster("data", "build", "small")[0] == 0
    assert claster("data", "check", "small", "--against", "small")[0] == 0
    track = Path("data/ATAC.bw")
    track.unlink()
    write_track(track, scale=0.1)
    code, out, _ = claster("data", "check", "small", "--against", "small")
    assert code == 1
    assert "10 times smaller" in out
    code, _, err = claster("data", "check", "small", "--against", "other")
    assert (code, "no dataset 'other'" in err) == (2, True)


def test_verify_why_and_explain(claster, archive):
    claster("data", "download", "small")
    assert "inputs/small is not built yet" in claster("data", "build", "small", "--why")[1]
    claster("data", "build", "small")
    assert claster("data", "build", "small", "--why")[1] == "inputs/small is up to date\n"
    for named in ("small", "inputs/small"):
        code, out, _ = claster("verify", named)
        assert code == 0
        assert out.endswith("inputs/small and targets/small are as they were built\n")
    assert claster("explain", "GA", "-d", "small")[1].startswith(
        "GA.1 (GA.1), no type: chr1:30,000"
    )
    array = Path("inputs/small/landscape/all/GA.1_rev.npy")
    array.write_bytes(array.read_bytes()[:-1] + b"?")
    code, out, _ = claster("verify", "small")
    assert code == 1
    assert f"changed {array}\n1 differ: claster data build small --force" in out
    Path("data/ATAC.bw").unlink()
    write_track(Path("data/ATAC.bw"), scale=2.0)
    assert claster("data", "build", "small", "--why")[1] == "changed: track ATAC\n"


def test_nothing_to_download(claster, archive):
    code, _, err = claster("data", "download", "small", "--only", "RNA")
    assert (code, "choose from ATAC, genes, sizes" in err) == (1, True)


def test_schema_is_the_one_that_is_written(claster):
    code, out, _ = claster("data", "schema")
    assert code == 0
    assert out == (ROOT / "docs/dataset.schema.json").read_text()
