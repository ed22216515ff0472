"""Every key of a dataset's YAML does something: a build with another value is another one."""

from typing import get_args

import pytest
from pydantic import BaseModel

from claster.dataset.build import build_dataset
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError

ELSEWHERE = {
    "name": "names the folders that are built",
    "description": "claster data list",
    "data": "where files are looked for",
    "assembly": "chromosome sizes and spellings",
    "chrom_sizes": "chromosome sizes",
    "genome": "claster sequence; drops genes with copies of one sequence",
    "example_gene": "notebooks; a fault where it is not in the annotation",
    "elements.file": "claster perturb",
    "elements.groups": "claster perturb",
    "elements.recipe": "sets elements.groups",
    "recipe": "sets whatever decides a number",
    "tracks.name": "what flavours, edits and scales go by",
    "splits.folds": "chromosomes that are held out",
    "splits.fold": "which of them",
    "scales_from": "divides tracks that have a scale",
    "on_error": "what a damaged file does",
    "contacts.max_missing": "drops genes whose map is unknown",
    "contacts.balance": "weights of the matrix",
    "contacts.file": "the matrix",
    "target.conditions.truth.file": "noise-free target",
    "target.conditions.truth.plus": "noise-free target",
    "target.conditions.truth.minus": "noise-free target",
    "target.conditions.truth.minus_values": "noise-free target",
    **dict.fromkeys(
        (f"target.{key}" for key in ("table", "id", "value", "shared", "train_shared")),
        "target that is a table",
    ),
    **dict.fromkeys(
        (
            f"simulation.{key}"
            for key in ("seed", "chromosomes", "megabases", "genes", "smooth", "rules", "cell")
        ),
        "claster simulate",
    ),
    **dict.fromkeys(
        (f"downloads.{key}" for key in ("name", "file", "url", "format", "size", "sha256")),
        "claster data download",
    ),
    **dict.fromkeys(
        (f"downloads.{key}" for key in ("assembly", "licence", "citation")), "claster data list"
    ),
}
"""Keys that other tests try, with what reads them."""


def at(*path):
    """Return a change that sets a key, the last but one of `path`, to a value, the last one."""

    def change(content):
        *steps, last, value = path
        for step in steps:
            content = content[step]
        content[last] = value

    return change


def both(*changes):
    def change(content):
        for single in changes:
            single(content)

    return change


FIRST, SECOND = (("target", "conditions", number) for number in (0, 1))
REPLICATES = {"name": "ATAC", "files": ["ATAC.bw", "plus.bw"]}
CHANGES = {
    "tracks.file": at("tracks", 0, "file", "plus.bw"),
    "tracks.files": at("tracks", 0, REPLICATES),
    "tracks.weights": at("tracks", 0, {**REPLICATES, "weights": [1, 2]}),
    "tracks.rescale": at("tracks", 0, "rescale", [[1, 2]]),
    "tracks.transform": at("tracks", 0, "transform", "log1p"),
    "tracks.floor": at("tracks", 0, "floor", 3.0),
    "tracks.clip": at("tracks", 0, "clip", 3.0),
    "tracks.scale": at("tracks", 0, "scale", "mean"),
    "genes.file": at("genes", "file", "fewer.tsv"),
    "genes.types": at("genes", "types", None),
    "genes.exclude_chromosomes": both(
        at("genes", "exclude_chromosomes", ["2"]), at("splits", "test", [])
    ),
    "genes.recipe": at("genes", "recipe", "paper"),
    "blacklist.file": at("blacklist", "black.bed"),
    "blacklist.max_share": at("blacklist", {"file": "black.bed", "max_share": 0.0}),
    "target.conditions.name": at(*FIRST, "name", "other"),
    "target.conditions.file": at(*SECOND, "file", "H3K27ac.bw"),
    "target.conditions.plus": at(*FIRST, "plus", "ATAC.bw"),
    "target.conditions.minus": both(
        at(*FIRST, "minus", "H3K27ac.bw"), at(*FIRST, "minus_values", "positive")
    ),
    "target.conditions.minus_values": at(*FIRST, "minus_values", "positive"),
    "target.bin": at("target", "bin", 500),
    "target.bins": at("target", "bins", 7),
    "target.smoothing": at("target", "smoothing", 0),
    "target.statistic": at("target", "statistic", "sum"),
    "target.strands": both(
        at("target", "strands", "sense"), lambda content: content["target"]["conditions"].pop()
    ),
    "target.transform": at("target", "transform", "sqrt"),
    "target.clip": at("target", "clip", 1.0),
    "target.recipe": lambda content: content["target"].update(
        recipe="paper", bin=1000, bins=401, smoothing=1000
    ),
    "contacts.resolution": at("contacts", "resolution", 2000),
    "contacts.map": both(at("contacts", "map", "paper_square"), at("contacts", "rows", None)),
    "contacts.rows": at("contacts", "rows", 3),
    "contacts.value": at("contacts", "value", "log10"),
    "window.bin": at("window", "bin", 80),
    "window.bins": at("window", "bins", 91),
    "window.layout": at("window", "layout", "rows"),
    "summary": at("summary", "mean_covered"),
    "regions": both(at("regions", ["chr1"]), at("splits", "test", [])),
    "edges": at("edges", "pad"),
    "splits.valid": at("splits", "valid", []),
    "splits.test": at("splits", "test", []),
    "splits.allow_shared_windows": both(
        lambda content: content["splits"].update(allow_shared_windows=True),
        at("splits", "valid", ["chr1:45,000-55,000"]),
    ),
}
BESIDE = {
    "tracks.weights": CHANGES["tracks.files"],
    "blacklist.max_share": CHANGES["blacklist.file"],
    "genes.exclude_chromosomes": at("splits", "test", []),
    "regions": at("splits", "test", []),
    "splits.allow_shared_windows": at("splits", "valid", ["chr1:45,000-55,000"]),
}
"""What a change is held against where it needs another key."""


def keys_of(model, before=""):
    """Yield the keys of a model and, with dots, of its parts."""

    def parts_in(annotation):
        if isinstance(annotation, type):
            return [annotation] if issubclass(annotation, BaseModel) else []
        return [part for below in get_args(annotation) for part in parts_in(below)]

    for name, field in model.model_fields.items():
        parts = parts_in(field.annotation)
        if not parts:
            yield before + name
        for part in parts:
            yield from keys_of(part, f"{before}{name}.")


def test_every_key_is_listed_with_what_it_does():
    assert sorted([*CHANGES, *ELSEWHERE]) == sorted(keys_of(DatasetSpec))


@pytest.fixture(scope="module")
def known():
    """What came of earlier builds."""
    return {}


@pytest.fixture
def outcome(world, edited, tree):
    """Return a function: the files of a build after a change, or its error."""
    genes = world / "source/genes.tsv"
    genes.write_text(genes.read_text() + "chr1\t57000\t58000\tF\t0\t+\tGF.1\tprotein_coding\n")
    rows = genes.read_text().splitlines(keepends=True)
    (world / "source/fewer.tsv").write_text("".join(row for row in rows if "GB.1" not in row))
    (world / "source/black.bed").write_text("chr1\t31000\t32000\n")

    def build(change):
        try:
            folders = build_dataset(edited(change), force=True).folders
        except ClasterError as error:
            return str(error).partition(": ")[2]
        return {name: sha for name, sha in tree(folders.inputs, folders.targets).items()
                if not name.endswith("README.md")}  # fmt: skip

    return build


@pytest.mark.parametrize("key", CHANGES)
def test_another_value_is_another_build(outcome, known, key):
    beside = BESIDE.get(key, lambda content: None)
    before = known.setdefault(key if key in BESIDE else "", None) or outcome(beside)
    known[key if key in BESIDE else ""] = before
    assert isinstance(before, dict)
    assert outcome(CHANGES[key]) != before
