"""Genes near a chromosome's end: dropped, or kept with nothing off the chromosome."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import read_arrays, read_genes_table, read_targets
from claster.dataset.report import build_lines, explain_gene


def padded(content):
    """GE.1 (TSS chr2:1,000) stays, and a gene whose TSS is the last base of chr2 comes in."""
    content["edges"] = "pad"
    content["contacts"]["max_missing"] = 0.9
    content["target"]["smoothing"] = 0


@pytest.fixture
def built(edited, world):
    with (world / "source/genes.tsv").open("a") as table:
        table.write("chr2\t59000\t60000\tZ\t0\t-\tGZ.1\tprotein_coding\n")
    spec = edited(padded)
    return spec, build_dataset(spec)


def test_padded_windows_hold_the_chromosome_and_zeros(built, world):
    _, result = built
    table = read_targets(result.folders.target_table("test"))
    for gene, tss in (("GE.1", 1000), ("GZ.1", 59_999)):
        with pyBigWig.open(str(world / "source/ATAC.bw")) as file:
            bases = np.zeros(60_000 + 20_000)
            bases[10_000:70_000] = np.nan_to_num(file.values("chr2", 0, 60_000, numpy=True))
        window = bases[10_000 + tss - 5050 : 10_000 + tss + 5050].reshape(101, 100).mean(axis=1)
        array = read_arrays(result.folders, [gene], split="test")[0]
        np.testing.assert_allclose(array[0], window, rtol=1e-6)
        assert (array[0] == 0).sum() >= 40
        target = bases[10_000 + tss - 2500 : 10_000 + tss + 2500].reshape(5, 1000).mean(axis=1)
        found = table.loc[f"{gene}_forward", [f"{k}_a485" for k in range(-2, 3)]]
        np.testing.assert_allclose(found, target, rtol=1e-5)


def test_contacts_off_the_chromosome_are_unknown(built):
    _, result = built
    unknown = read_genes_table(result.folders).set_index("gene_id")["contacts_unknown"]
    off = np.array([[1 + m - r < 0 for m in range(-4, 5)] for r in range(4)])
    assert unknown["GE.1"] == pytest.approx(off.mean(), abs=1e-6)
    array = read_arrays(result.folders, ["GE.1"], split="test", modality="contacts")[0]
    np.testing.assert_array_equal(array[off], 0.0)
    assert (array[~off] != 0).any()


def test_padded_genes_are_counted(built, edited):
    spec, result = built
    genes = read_genes_table(result.folders).set_index("gene_id")
    assert genes["padded"].to_dict() == {
        "GA.1": 0, "GB.1": 0, "GC.1": 0, "GD.1": 0, "GE.1": 4050, "GZ.1": 5049,
    }  # fmt: skip
    assert json.loads(result.folders.manifest.read_text())["genes_padded"] == 2
    assert "2 of the kept genes are padded at a chromosome's end" in build_lines(result)
    told = explain_gene(spec, "GE.1")
    assert "4,050 bp of its windows lie off the chromosome" in told[2]
    assert "2 of 6 kept genes" in told[2]
    assert not any("padded" in line for line in explain_gene(spec, "GD.1"))
    shares = result.manifest.shared_bp
    assert shares == {"train-valid": 0, "train-test": 0, "valid-test": 0}
    plain = build_dataset(edited(), force=True)
    assert plain.manifest.genes_padded == 0
    dropped = pd.read_csv(plain.folders.dropped, sep="\t").set_index("gene_id")["reason"]
    assert dropped[["GE.1", "GZ.1"]].tolist() == ["window_leaves_chromosome"] * 2
    assert "padded" not in read_genes_table(plain.folders)


def test_an_unbuilt_dataset_tells_of_padding_too(edited):
    told = explain_gene(edited(padded), "GE.1")
    assert "1 of 5 kept genes" in told[2]


def test_a_padded_window_lies_in_the_region_that_is_its_chromosome(edited):
    def regional(content):
        padded(content)
        content["regions"] = ["chr1", "chr2"]

    assert "GE.1" in read_genes_table(build_dataset(edited(regional)).folders)["gene_id"].tolist()
