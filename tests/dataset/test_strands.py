"""Strand pairs: added up, the gene's own strand, or apart."""

import numpy as np
import pyBigWig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.dataset.build import build_dataset
from claster.dataset.layout import read_genes_table, read_targets
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.sources import open_sources
from claster.dataset.targets import mirror_targets
from claster.genome.gene_names import find_gene

PAIRS = [
    {"name": "ctrl", "plus": "plus.bw", "minus": "minus.bw", "minus_values": "negative"},
    {"name": "a485_60min", "plus": "ATAC.bw", "minus": "H3K27ac.bw"},
]
FILES = {
    "ctrl_plus": ("plus.bw", 1),
    "ctrl_minus": ("minus.bw", -1),
    "a485_60min_plus": ("ATAC.bw", 1),
    "a485_60min_minus": ("H3K27ac.bw", 1),
}


@pytest.fixture
def stranded(edited):
    def of(strands, **changes):
        def change(content):
            del content["contacts"]
            content["target"] |= {"conditions": PAIRS, "smoothing": 0, "strands": strands} | changes

        return edited(change)

    return of


@pytest.fixture
def means(world):
    """Return a function: the mean of a group's file in the 5 target bins around a gene's TSS."""

    def of(group, gene):
        file, sign = FILES[group]
        start = gene["tss"] - 2500
        with pyBigWig.open(str(world / "source" / file)) as track:
            bases = track.values(gene["chrom"], start, start + 5000, numpy=True)
        return sign * np.nan_to_num(bases).astype(float).reshape(5, 1000).mean(axis=1)

    return of


def test_sense_takes_the_file_of_the_gene_s_strand(stranded, means):
    spec = stranded("sense")
    folders = build_dataset(spec).folders
    targets, genes = read_targets(folders.target_table("train")), read_genes_table(folders)
    assert targets.columns.tolist() == [f"{k}_{c['name']}" for c in PAIRS for k in range(-2, 3)]
    for gene_id, strand in (("GA.1", "plus"), ("GB.1", "minus")):
        gene = genes.set_index("gene_id").loc[gene_id]
        expected = np.array([means(f"{c['name']}_{strand}", gene) for c in PAIRS])
        found = targets.loc[f"{gene_id}_forward"].to_numpy().reshape(2, 5)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        rev = targets.loc[f"{gene_id}_rev"].to_numpy().reshape(2, 5)
        np.testing.assert_array_equal(rev, found[:, ::-1])


def test_strands_apart_are_groups_that_change_places_in_the_mirrored_sample(
    stranded, means, cut_window
):
    spec = stranded("apart", transform="log1p")
    folders = build_dataset(spec).folders
    stored, genes = read_targets(folders.target_table("train")), read_genes_table(folders)
    assert stored.columns.tolist() == [f"{k}_{group}" for group in FILES for k in range(-2, 3)]
    targets = read_targets(folders.target_table("train"), transform="log1p")
    gene = genes.set_index("gene_id").loc["GB.1"]
    for plus, minus in (("ctrl_plus", "ctrl_minus"), ("a485_60min_plus", "a485_60min_minus")):
        columns = {group: [f"{k}_{group}" for k in range(-2, 3)] for group in (plus, minus)}
        for group, other in ((plus, minus), (minus, plus)):
            forward = targets.loc["GB.1_forward", columns[group]]
            np.testing.assert_allclose(forward, means(group, gene), rtol=1e-4)
            np.testing.assert_array_equal(
                stored.loc["GB.1_rev", columns[other]],
                stored.loc["GB.1_forward", columns[group]].to_numpy()[::-1],
            )
    with open_sources(spec) as sources:
        window = cut_window(spec, sources, find_gene(sources.genes, "GB.1"))
    assert list(window.targets) == list(FILES)
    np.testing.assert_allclose(window.targets["ctrl_minus"], means("ctrl_minus", gene), rtol=1e-9)


def test_the_mirrored_sample_is_the_sample_of_the_mirrored_genome(stranded, world, make):
    """Chromosomes turned round: bases reversed, plus and minus files exchanged, TSSs too."""
    spec = stranded("apart", smoothing=100)
    folders = build_dataset(spec).folders
    before = read_targets(folders.target_table("train"))
    source = world / "source"
    pairs = [("plus.bw", "minus.bw"), ("ATAC.bw", "H3K27ac.bw")]
    turned = {
        new: _turned(source / old, make.sizes) for pair in pairs for old, new in (pair, pair[::-1])
    }
    for name, chromosomes in turned.items():
        sign = -1 if name in pairs[0] else 1
        _write(source / name, chromosomes, make.sizes, sign=sign)
    # GB.1's TSS boundary is chr1:50,000, so in the mirrored chromosome 70,000, on the other strand
    (source / "genes.tsv").write_text(
        "#chr\tstart\tend\tname\tscore\tstrand\tgene_id\tgene_type\n"
        "chr1\t70000\t80000\tB\t0\t+\tGB.1\tprotein_coding\n"
        "chr2\t30000\t32000\tD\t0\t+\tGD.1\tprotein_coding\n"
    )
    spec = stranded("apart", smoothing=100)
    spec = spec.model_copy(update={"splits": spec.splits.model_copy(update={"valid": ()})})
    after = read_targets(build_dataset(spec, force=True).folders.target_table("train"))
    np.testing.assert_allclose(after.loc["GB.1_forward"], before.loc["GB.1_rev"], rtol=1e-4)
    np.testing.assert_allclose(after.loc["GB.1_rev"], before.loc["GB.1_forward"], rtol=1e-4)
    assert not np.allclose(before.loc["GB.1_rev"], before.loc["GB.1_forward"])


def _turned(path, sizes):
    with pyBigWig.open(str(path)) as file:
        return {
            chrom: [
                (size - end, size - start, value) for start, end, value in file.intervals(chrom)
            ]
            for chrom, size in sizes.items()
        }


def _write(path, chromosomes, sizes, *, sign):
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader(list(sizes.items()))
        for chrom, rows in chromosomes.items():
            starts, ends, values = (list(column) for column in zip(*sorted(rows), strict=True))
            file.addEntries(
                [chrom] * len(rows), starts, ends=ends, values=[sign * v for v in values]
            )


@pytest.mark.parametrize("strands", ["sense", "apart"])
def test_one_file_for_both_strands_cannot_be_taken_apart(edited, strands):
    def change(content):
        content["target"]["strands"] = strands

    with pytest.raises(
        Exception, match=rf"'strands: {strands}' needs 'plus' and 'minus', and 'a485'"
    ):
        edited(change)


def test_a_truth_of_one_file_cannot_be_taken_apart():
    condition = PAIRS[0] | {"truth": {"file": "t.bw"}}
    with pytest.raises(ValueError, match="'ctrl' has one 'file'"):
        TargetSpec.model_validate({"conditions": [condition], "strands": "apart"})


@given(
    strands=st.sampled_from(["sum", "sense", "apart"]),
    conditions=st.integers(1, 3),
    half=st.integers(0, 4),
    seed=st.integers(0, 99),
)
def test_mirror_of_mirror_is_the_target_itself(strands, conditions, half, seed):
    pairs = [{"name": f"c{n}", "plus": "p", "minus": "m"} for n in range(conditions)]
    target = TargetSpec.model_validate(
        {"conditions": pairs, "bins": 2 * half + 1, "strands": strands}
    )
    profiles = np.random.default_rng(seed).random((3, len(target.groups), target.bins))
    turned = mirror_targets(target, profiles)
    np.testing.assert_array_equal(mirror_targets(target, turned), profiles)
    together = turned.sum(axis=1)
    np.testing.assert_allclose(together, profiles.sum(axis=1)[:, ::-1], rtol=1e-12)
