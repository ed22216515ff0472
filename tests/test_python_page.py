"""The page on Python: its worked example runs as it stands on small bigWigs, and is 15 lines long."""

import gzip
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pyBigWig
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "python.md"
SIZES = {"chr2": 182_113_224, "chr4": 156_508_116, "chr17": 94_987_271}
MARKS = ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")


def example():
    """Return the first Python of the page."""
    return re.search(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)[1]


def write_bigwig(path, intervals):
    """Write (chrom, start, end, value), ordered and apart, as a bigWig."""
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(SIZES.items()))
        chroms, starts, ends, values = zip(*intervals, strict=True)
        file.addEntries(list(chroms), list(starts), ends=list(ends), values=list(values))


@pytest.fixture
def chromatin(tmp_path, monkeypatch):
    """A home folder with `chromatin`: genes 150 kb apart, each with an enhancer 8 kb before it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("CLASTER_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "chromatin"
    folder.mkdir()
    rng = np.random.default_rng(0)
    genes = [
        (chrom, 5_000_000 + 150_000 * number, float(rng.gamma(2, 2)))
        for chrom, count in (("chr2", 40), ("chr4", 12), ("chr17", 12))
        for number in range(count)
    ]
    for mark in MARKS:
        height = 0.2 if mark == "H3K27me3" else 1.0
        write_bigwig(
            folder / f"{mark}.bw",
            [
                span
                for chrom, tss, level in genes
                for span in (
                    (chrom, tss - 8_500, tss - 7_500, 4 * height * level),
                    (chrom, tss - 3_000, tss - 2_000, 0.2),
                    (chrom, tss - 500, tss + 500, 9 * height * level),
                )
            ],
        )
    plus = [(chrom, tss, tss + 20_000, 5 * level) for chrom, tss, level in genes]
    write_bigwig(folder / "plus.bw", plus)
    write_bigwig(folder / "minus.bw", [(chrom, end, end + 2_000, 0.1) for chrom, _, end, _ in plus])
    rows = "".join(
        f"{chrom}\town\tgene\t{tss + 1}\t{tss + 20_000}\t.\t+\t.\t"
        f'gene_id "G{number}"; gene_type "protein_coding"; gene_name "N{number}";\n'
        for number, (chrom, tss, _) in enumerate(genes)
    )
    (folder / "genes.gtf.gz").write_bytes(gzip.compress(rows.encode()))
    (folder / "enhancers.bed").write_text(
        "".join(f"{chrom}\t{tss - 8_500}\t{tss - 7_500}\n" for chrom, tss, _ in genes)
    )
    return folder


def test_the_example_has_15_lines_and_one_import():
    lines = [line for line in example().splitlines() if line]
    assert len(lines) <= 15
    assert [line for line in lines if "import" in line] == ["import claster"]


@pytest.mark.slow
@pytest.mark.usefixtures("chromatin")
def test_the_example_runs_as_it_stands(capsys):
    names = {}
    exec(example(), names)
    printed = capsys.readouterr().out
    assert "the build can run" in printed
    assert "best simple method" in printed
    silenced = names["run"].perturb(elements="~/chromatin/enhancers.bed")
    effects = silenced.table()
    assert set(effects["gene_id"]) == {f"G{number}" for number in range(40, 52)}
    assert effects["p"].between(0, 1).any()
    assert all(path.is_file() for path in silenced.figures)
    assert isinstance(names["dataset"].landscape("N41"), pd.DataFrame)
    assert names["dataset"].project.runs == ["runs/mine/profile"]
    again = names["dataset"].project.run("runs/mine/profile")
    assert "mine" in repr(again)
