"""What the check calls fine builds, and what the build refuses the check has refused."""

import gzip
import shutil
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, seed, settings
from hypothesis import strategies as st

from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import check_dataset
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError

SIGNALS = ("ATAC.bw", "H3K27ac.bw", "plus.bw", "minus.bw")
FILES = (*SIGNALS, "contacts.cool", "genes.tsv", "chrom.sizes")

LEVELS = {
    "zeros": lambda starts: starts * 0.0,
    "negative": lambda starts: starts * 0.0 - 2,
    "mostly negative": lambda starts: np.where(starts % 500 == 0, 3.0, -2.0),
    "some negative": lambda starts: np.where(starts % 500 == 0, -3.0, 2.0),
    "a NaN": lambda starts: np.where(starts == 90_000, np.nan, 2.0),
    "infinite": lambda starts: np.where(starts == 90_000, np.inf, 2.0),
}
PLACES = {
    "a part": {"spans": [("chr1", 100_000, 180_000)]},
    "one chromosome": {"sizes": {"chr1": 400_000}},
    "short names": {"sizes": {"1": 400_000, "2": 200_000}},
    "other names": {"sizes": {"scaffold1": 400_000}},
    "other lengths": {"sizes": {"chr1": 400_000, "chr2": 210_000}},
    "no data": {"spans": [("chr1", 0, 50), ("chr2", 0, 50)], "values": lambda starts: starts * 0.0},
    "read ends": {"width": 1},
}
GENES = {
    "starts at ends": lambda rows: [_cells(row, {2: row.split("\t")[1]}) for row in rows],
    "no strand": lambda rows: [_cells(rows[0], {5: "."}), *rows[1:]],
    "past the end": lambda rows: [_cells(rows[-1], {1: "199000", 2: "260000"}), *rows[:-1]],
    "unknown chromosome": lambda rows: [_cells(row, {0: "chrUn"}) for row in rows[:9]] + rows[9:],
    "all elsewhere": lambda rows: [_cells(row, {0: "chrUn"}) for row in rows],
    "twice": lambda rows: [*rows, *rows[:4]],
    "none": lambda rows: [],
    "without ID": lambda rows: [_cells(rows[0], {6: ""}), *rows[1:]],
    "of another type": lambda rows: [_cells(row, {7: "lincRNA"}) for row in rows],
    "on one chromosome": lambda rows: [row for row in rows if row.startswith("chr1")],
    "few": lambda rows: rows[:3],
    "short names": lambda rows: [row.removeprefix("chr") for row in rows],
}
MATRICES = {
    "no weights": {"weights": False},
    "other resolution": {"resolution": 2000},
    "near the diagonal": {"near": 1},
    "shallow": {"depth": 0.5},
    "one chromosome": {"sizes": {"chr1": 400_000}},
    "other names": {"sizes": {"scaffold1": 400_000}},
    "short names": {"sizes": {"1": 400_000, "2": 200_000}},
    "other lengths": {"sizes": {"chr1": 400_000, "chr2": 210_000}},
}
WEIGHTS = {
    "none known": slice(None),
    "none of chr1 known": slice(0, 400),
    "none of chr2 known": slice(400, None),
    "some known": slice(10, 60),
}
SETTINGS = (
    {"contacts": None},
    {"contacts/balance": False},
    {"contacts/balance": "KR"},
    {"contacts/max_missing": 0.0},
    {"contacts/rows": 300},
    {"contacts/map": "paper_square", "contacts/rows": None},
    {"target": None},
    {"target/smoothing": 0, "target/bin": 30},
    {"target/strands": "sense"},
    {"target/strands": "apart"},
    {"target/transform": "log1p", "target/statistic": "sum"},
    {"target/conditions/0/minus_values": "positive"},
    {"target/bins": 501},
    {"tracks/0/scale": "q99"},
    {"tracks/1/scale": "mean", "tracks/1/transform": "asinh"},
    {"tracks/0/floor": 1e6},
    {"window/bins": 5001},
    {"window/bins": 3001, "edges": "pad"},
    {"window/layout": "rows"},
    {"summary": "mean_covered"},
    {"on_error": "drop"},
    {"splits/valid": [], "splits/test": []},
    {"splits": {"folds": 3}},
    {"splits/test": ["chr1", "chr2"]},
    {"splits/test": ["chr9"]},
    {"splits/allow_shared_windows": True},
    {"regions": ["chr1:0-120,000"]},
    {"regions": ["chr1:0-5,000"]},
    {"genes/types": None},
    {"genes/types": ["lincRNA"]},
    {"genes/exclude_chromosomes": ["chr1"]},
    {"genes/exclude_chromosomes": ["chr1", "chr2"]},
    {"chrom_sizes": None},
    {"scales_from": "unbuilt"},
)


def _cells(row, changes):
    cells = row.split("\t")
    for column, value in changes.items():
        cells[column] = value
    return "\t".join(cells)


def _set(content, changes):
    for path, value in changes.items():
        *parts, last = path.split("/")
        here = content
        for part in parts:
            here = here[int(part)] if isinstance(here, list) else here.get(part)
            if here is None:
                return
        here[last] = value


FAULTS = st.one_of(
    st.tuples(st.just("level"), st.sampled_from(SIGNALS), st.sampled_from(sorted(LEVELS))),
    st.tuples(st.just("place"), st.sampled_from(SIGNALS), st.sampled_from(sorted(PLACES))),
    st.tuples(st.just("cut"), st.sampled_from(FILES), st.sampled_from([0, 0.2, 0.5, 0.9, 0.999])),
    st.tuples(st.just("pack"), st.sampled_from(FILES), st.just("")),
    st.tuples(st.just("genes"), st.just("genes.tsv"), st.sampled_from(sorted(GENES))),
    st.tuples(st.just("matrix"), st.just("contacts.cool"), st.sampled_from(sorted(MATRICES))),
    st.tuples(st.just("weights"), st.just("contacts.cool"), st.sampled_from(sorted(WEIGHTS))),
    st.tuples(st.just("exchange"), st.just("plus.bw"), st.just("minus.bw")),
    st.tuples(st.just("settings"), st.just(""), st.sampled_from(SETTINGS)),
)


def _spoil(folder, content, fault, small):
    kind, name, how = fault
    path = folder / name
    sign = -1.0 if name == "minus.bw" else 1.0
    match kind:
        case "level":
            small.track(path, values=LEVELS[how], sign=sign)
        case "place":
            small.track(path, sign=sign, **PLACES[how])
        case "cut":
            path.write_bytes(path.read_bytes()[: int(how * path.stat().st_size)])
        case "pack":
            path.write_bytes(gzip.compress(path.read_bytes()))
        case "genes":
            path.write_text("\n".join([small.header, *GENES[how](small.genes())]) + "\n")
        case "matrix":
            small.cooler(path, **MATRICES[how])
        case "weights":
            small.cooler(path)
            with h5py.File(path, "r+") as file:
                weights = file["bins/weight"]
                values = weights[:]
                values[WEIGHTS[how]] = np.nan
                weights[:] = values
        case "exchange":
            plus, minus = folder / "plus.bw", folder / "minus.bw"
            kept = plus.read_bytes()
            shutil.copy(minus, plus)
            minus.write_bytes(kept)
        case "settings":
            _set(content, how)


def _agree(pristine, small, faults):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(pristine, Path(place) / "source"))
        content = small.content() | {"data": str(folder)}
        for fault in faults:
            _spoil(folder, content, fault, small)
        try:
            spec = DatasetSpec.model_validate({k: v for k, v in content.items() if v is not None})
        except ValueError:
            return
        report = check_dataset(spec.within(Path(place) / "project"))
        said = [f"{f.item}: {f.evidence}" for f in report.findings if f.verdict == "fault"]
        try:
            built, refused = build_dataset(spec.within(Path(place) / "project")), ""
        except ClasterError as error:
            built, refused = None, str(error)
        assert bool(said) == bool(refused), f"check: {said or 'fine'}; build: {refused or 'runs'}"
        assert built is None or sum(built.manifest.genes_kept.values())


@pytest.mark.slow
@seed(7)
@settings(max_examples=16, database=None)
@given(st.lists(FAULTS, min_size=0, max_size=3))
def test_check_and_build_agree(pristine, small, faults):
    _agree(pristine, small, faults)


@pytest.mark.slow
@seed(11)
@settings(max_examples=150, database=None)
@given(st.lists(FAULTS, min_size=1, max_size=3))
def test_check_and_build_agree_on_many(pristine, small, faults):
    _agree(pristine, small, faults)
