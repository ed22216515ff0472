"""The folder as a whole: files, sameness, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

from claster.errors import ClasterError
from claster.files import sha256
from claster.simulation import (
    ToyGenome,
    ensure_genome,
    simulate_genome,
)
from claster.simulation.genome import _simulated_parameters
from claster.simulation.layout import plan_genome

SMALLEST = {"chromosomes": 1, "megabases": 2.5, "genes": 6}
TRACKS = ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3", "nascent.plus", "nascent.minus")
EXPECTED_FILES = {
    "chrom.sizes",
    "microc.mcool",
    "genes.gtf.gz",
    "ccres.tsv",
    "genome.fa",
    "genome.fa.fai",
    "blacklist.bed",
    "manifest.json",
    "truth/genes.tsv",
    "truth/elements.tsv",
    "truth/profiles.parquet",
    *(f"{condition}/{track}.bw" for condition in ("ctrl", "a485") for track in TRACKS),
    *(
        f"truth/{condition}/nascent.{strand}.bw"
        for condition in ("ctrl", "a485")
        for strand in ("plus", "minus")
    ),
}


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): sha256(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_all_files_are_there_and_no_others(tiny: ToyGenome) -> None:
    assert set(contents(tiny.folder)) == EXPECTED_FILES
    assert [path.name for path in tiny.folder.parent.iterdir()] == [tiny.folder.name]


def test_manifest_has_the_hash_of_every_other_file(tiny: ToyGenome) -> None:
    manifest = json.loads((tiny.folder / "manifest.json").read_text())
    found = contents(tiny.folder)
    del found["manifest.json"]
    assert manifest["files"] == found
    assert manifest["parameters"]["seed"] == 5
    assert manifest["chrom_sizes"] == tiny.chrom_sizes
    assert manifest["counts"] == tiny.counts


@pytest.mark.slow
def test_same_seed_same_bytes_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("first", 3), ("again", 3), ("other", 4)):
        simulate_genome(tmp_path / name, seed=seed, **SMALLEST)
    first, again, other = (contents(tmp_path / name) for name in ("first", "again", "other"))
    assert first == again
    # One chromosome of a set length: its size is all that two seeds share.
    assert {name for name in first if first[name] == other[name]} == {
        "chrom.sizes",
        "genome.fa.fai",
    }


def test_a_chromosome_is_the_same_whatever_the_others_hold() -> None:
    from claster.simulation.chromosome import plant_chromosome

    plan = plan_genome(seed=1, chromosomes=3, megabases=9.0, genes=20)
    alone = plant_chromosome(plan[2], seed=1)
    after_others = [plant_chromosome(chromosome, seed=1) for chromosome in plan][2]
    assert alone.genes.equals(after_others.genes)
    assert alone.elements.equals(after_others.elements)


@pytest.mark.parametrize(
    ("chromosomes", "megabases", "genes"), [(1, 2.0, 1), (4, 40.0, 250), (4, 100.0, 600)]
)
def test_plan_meets_the_request(chromosomes: int, megabases: float, genes: int) -> None:
    plan = plan_genome(seed=1, chromosomes=chromosomes, megabases=megabases, genes=genes)
    assert sum(c.size for c in plan) == megabases * 1e6
    assert sum(c.coding for c in plan) == genes
    assert min(c.coding for c in plan) >= 1
    assert len({c.size for c in plan}) == chromosomes
    assert all(c.size % 20 == 0 for c in plan)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"megabases": 1.5}, "shorter than 2,000,000 bp"),
        ({"chromosomes": 5}, "at least 11.1 Mb or for fewer chromosomes"),
        ({"genes": 500}, "do not fit"),
        ({"genes": 1, "chromosomes": 2}, "ask for at least 2 genes"),
        ({"genes": 0}, "at least 1 genes"),
        ({"chromosomes": 0}, "at least one chromosome"),
        ({"megabases": -3.0}, "above 0"),
        ({"megabases": float("nan")}, "finite number"),
        ({"seed": -1}, "seed of 0 or more"),
    ],
)
def test_impossible_requests_are_refused_before_anything_is_written(
    tmp_path: Path, wrong: dict[str, float], words: str
) -> None:
    request = {"chromosomes": 1, "megabases": 10.0, "genes": 20} | wrong
    with pytest.raises(ClasterError, match=words):
        simulate_genome(tmp_path / "toy", **request)
    assert not any(tmp_path.iterdir())


def test_remedies_of_refusals_work() -> None:
    with pytest.raises(ClasterError) as refused:
        plan_genome(seed=2, chromosomes=7, megabases=8.0, genes=20)
    least = float(refused.value.remedy.split("at least ")[1].split(" Mb")[0])
    plan_genome(seed=2, chromosomes=7, megabases=least, genes=20)
    with pytest.raises(ClasterError) as refused:
        plan_genome(seed=2, chromosomes=3, megabases=12.0, genes=999)
    most = int(refused.value.remedy.split("about ")[1].split(" genes")[0])
    plan_genome(seed=2, chromosomes=3, megabases=12.0, genes=most)


def test_an_existing_folder_stays_unless_forced(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ClasterError, match="exists already"):
        simulate_genome(folder, **SMALLEST)
    with pytest.raises(ClasterError, match="is not a toy genome"):
        simulate_genome(folder, force=True, **SMALLEST)
    assert contents(folder).keys() == {"notes.txt"}


@pytest.mark.slow
def test_force_replaces_a_toy_genome_and_progress_adds_up(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    simulate_genome(folder, seed=1, **SMALLEST)
    before = contents(folder)
    progress = Recorder()
    simulate_genome(folder, seed=2, force=True, smooth=True, progress=progress, **SMALLEST)
    after = contents(folder)
    assert before.keys() == after.keys()
    assert before["ctrl/ATAC.bw"] != after["ctrl/ATAC.bw"]
    assert progress.total == progress.done == 17
    assert _simulated_parameters(folder) == {"seed": 2, "smooth": True, **SMALLEST}


@pytest.mark.slow
def test_a_genome_of_the_same_parameters_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    parameters = {"seed": 1, "smooth": False, **SMALLEST}
    assert ensure_genome(folder, parameters)
    before = contents(folder)
    (folder / "genes.gtf.gz").write_bytes(b"mine")
    assert not ensure_genome(folder, parameters)
    assert (folder / "genes.gtf.gz").read_bytes() == b"mine"
    with pytest.raises(ClasterError, match="exists already"):
        ensure_genome(folder, parameters | {"seed": 2})
    assert ensure_genome(folder, parameters, force=True)
    assert contents(folder) == before


def test_parameters_of_other_folders_are_none(tmp_path: Path) -> None:
    assert _simulated_parameters(tmp_path / "none") is None
    for text in ("not JSON", '{"kind": "something else"}'):
        (tmp_path / "manifest.json").write_text(text)
        assert _simulated_parameters(tmp_path) is None


def test_smoothing_changes_the_noisy_tracks_only(tmp_path: Path) -> None:
    import pyBigWig

    for smooth in (False, True):
        simulate_genome(tmp_path / str(smooth), smooth=smooth, **SMALLEST)
    rough, smoothed = contents(tmp_path / "False"), contents(tmp_path / "True")
    changed = {name for name in rough if rough[name] != smoothed[name]}
    assert changed == {
        "manifest.json",
        *(f"{condition}/{track}.bw" for condition in ("ctrl", "a485") for track in TRACKS),
    }
    jumps, totals = [], []
    for smooth in (False, True):
        with pyBigWig.open(str(tmp_path / str(smooth) / "ctrl" / "H3K27ac.bw")) as track:
            values = np.nan_to_num(track.values("chr1", 100_000, 2_300_000, numpy=True))[::20]
        jumps.append(np.abs(np.diff(values)).mean())
        totals.append(values.sum())
    assert jumps[1] < 0.6 * jumps[0]
    assert totals[1] == pytest.approx(totals[0], rel=1e-3)


class Recorder:
    """A progress that counts."""

    def __init__(self) -> None:
        self.total: float | None = None
        self.done = 0.0

    def step(self, name: str, total: float | None = None) -> "Recorder":
        self.total = total
        return self

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *exc: object) -> None:
        return None

    def advance(self, amount: float = 1) -> None:
        self.done += amount

    def describe(self, text: str) -> None:
        pass

    def say(self, text: str) -> None:
        pass
