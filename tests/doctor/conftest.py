"""A small dataset of every kind of file in which nothing is wrong, and ways to spoil it."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import cooler
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset.doctor.check import check_dataset
from claster.dataset.spec import DatasetSpec

SIZES = {"chr1": 400_000, "chr2": 200_000}
MM10 = {"chr1": 195_471_971, "chr2": 182_113_224}


def write_track(path, *, sizes=SIZES, values=None, seed=0, step=50, width=50, spans=None, sign=1.0):
    """Write a bigWig with intervals of `width` every `step` bp in `spans` (all by default)."""
    rng = np.random.default_rng(seed)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, start, end in spans or [(chrom, 0, size) for chrom, size in sizes.items()]:
            starts = np.arange(start, end - width + 1, step)
            drawn = (
                np.round(rng.gamma(0.5, 6.0, starts.size), 2) if values is None else values(starts)
            )
            file.addEntries(
                [chrom] * starts.size,
                starts.tolist(),
                ends=(starts + width).tolist(),
                values=(sign * np.asarray(drawn, dtype=float)).tolist(),
            )
    return path


def write_cooler(
    path, *, sizes=SIZES, resolution=1000, weights=True, near=40, depth=60.0, group="", **options
):
    """Write a cooler whose counts fall with separation up to `near` bins."""
    bins = cooler.binnify(pd.Series(sizes), resolution)
    i, j = np.triu_indices(len(bins))
    keep = j - i <= near
    i, j = i[keep], j[keep]
    same = bins["chrom"].to_numpy()[i] == bins["chrom"].to_numpy()[j]
    i, j = i[same], j[same]
    counts = np.random.default_rng(4).poisson(depth / (1 + np.abs(j - i)))
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": j, "count": counts})[counts > 0]
    if change := options.pop("change", None):
        pixels = change(pixels, bins)
    cooler.create_cooler(
        f"{path}::{group}" if group else str(path),
        bins.assign(weight=1.0) if weights else bins,
        pixels,
        ordered=True,
        **options,
    )
    return path


def gene_rows(sizes=SIZES, *, every=8_000):
    """Rows of a headed table: genes of 3 kb, strands in turn."""
    rows = []
    for chrom, size in sizes.items():
        for number, start in enumerate(range(6_000, size - 12_000, every)):
            strand = "+-"[number % 2]
            name = f"{chrom}G{number}"
            row = (chrom, start, start + 3000, name, 0, strand, f"{name}.1", "protein_coding")
            rows.append("\t".join(map(str, row)))
    return rows


HEADER = "#chr\tstart\tend\tname\tscore\tstrand\tgene_id\tgene_type"


def content():
    """Return the YAML of the small dataset."""
    return {
        "name": "small",
        "assembly": "small",
        "chrom_sizes": "chrom.sizes",
        "tracks": [{"name": "ATAC", "file": "ATAC.bw"}, {"name": "H3K27ac", "file": "H3K27ac.bw"}],
        "contacts": {"file": "contacts.cool", "resolution": 1000, "rows": 4},
        "genes": {"file": "genes.tsv"},
        "elements": {"file": "elements.bed"},
        "blacklist": "blacklist.bed",
        "genome": "genome.fa",
        "target": {
            "bin": 1000,
            "bins": 5,
            "smoothing": 100,
            "conditions": [
                {
                    "name": "ctrl",
                    "plus": "plus.bw",
                    "minus": "minus.bw",
                    "minus_values": "negative",
                }
            ],
        },
        "window": {"bin": 100, "bins": 101},
        "splits": {"valid": ["chr1:300,000-400,000"], "test": ["chr2"]},
    }


def write_fasta(path, *, sizes=SIZES, line=100):
    """Write sequences of whole lines, and the index beside them."""
    index, at = [], 0
    rng = np.random.default_rng(3)
    with path.open("w") as fasta:
        for chrom, size in sizes.items():
            at += len(f">{chrom}\n")
            index.append(f"{chrom}\t{size}\t{at}\t{line}\t{line + 1}\n")
            letters = rng.choice(list("ACGT"), (size // line, line))
            fasta.write("\n".join([f">{chrom}", *map("".join, letters)]) + "\n")
            at += size // line * (line + 1)
    path.with_name(f"{path.name}.fai").write_text("".join(index))


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """Source files in which nothing is wrong, made once."""
    folder = tmp_path_factory.mktemp("pristine")
    (folder / "chrom.sizes").write_text("".join(f"{c}\t{n}\n" for c, n in SIZES.items()))
    (folder / "genes.tsv").write_text("\n".join([HEADER, *gene_rows()]) + "\n")
    (folder / "elements.bed").write_text("chr1\t100\t300\te1\nchr2\t500\t900\te2\n")
    (folder / "blacklist.bed").write_text("chr1\t0\t50\nchr2\t0\t60\n")
    write_fasta(folder / "genome.fa")
    for seed, name in enumerate(("ATAC.bw", "H3K27ac.bw", "plus.bw")):
        write_track(folder / name, seed=seed)
    write_track(folder / "minus.bw", seed=9, sign=-1.0)
    write_cooler(folder / "contacts.cool")
    return folder


@pytest.fixture(scope="session")
def small():
    """Return what makes the small dataset and its files, for tests that make many of them."""
    return SimpleNamespace(
        track=write_track,
        cooler=write_cooler,
        content=content,
        genes=gene_rows,
        header=HEADER,
        sizes=SIZES,
    )


@pytest.fixture
def folder(pristine, tmp_path):
    """Return a copy of `pristine` that a test may spoil."""
    return Path(shutil.copytree(pristine, tmp_path / "source"))


@pytest.fixture
def make(folder):
    """Write single source files into the folder of the small dataset."""
    return SimpleNamespace(
        track=lambda name, **options: write_track(folder / name, **options),
        cooler=lambda name, **options: write_cooler(folder / name, **options),
        fasta=lambda name, **options: write_fasta(folder / name, **options),
        text=lambda name, lines: (folder / name).write_text("\n".join(lines) + "\n"),
        genes=gene_rows,
        header=HEADER,
        sizes=SIZES,
        mm10=MM10,
        folder=folder,
    )


@pytest.fixture
def spec_of(folder):
    """Return the small dataset, changed by a function and by keywords."""

    def build(change=None, **keys):
        edited = content() | {"data": str(folder)} | keys
        if change:
            change(edited)
        return DatasetSpec.model_validate({k: v for k, v in edited.items() if v is not None})

    return build


@pytest.fixture(scope="module")
def beside():
    """Keys of the dataset in every test of a module; None leaves out a file that they are not about."""
    return {}


@pytest.fixture
def examine(spec_of, beside):
    """Check the small dataset as `spec_of` changes it."""
    return lambda change=None, **keys: check_dataset(spec_of(change, **(beside | keys)))


@pytest.fixture
def one():
    """Return the only finding of an item and check with the worst verdict there."""
    order = ("fine", "note", "warning", "fault")

    def pick(report, item, check):
        found = [finding for finding in report.of(item) if finding.check == check]
        assert found, f"no {check!r} of {item!r} in {[(f.item, f.check) for f in report.findings]}"
        return max(found, key=lambda finding: order.index(finding.verdict))

    return pick
