from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.bootstrap import counted_once, locus_blocks
from claster.analysis.samples import _nearest_tss
from claster.analysis.tables import _gap_to_nearest_gene
from claster.genome.windows import Binning

WINDOW = Binning(5, 10)  # 50 bp around the TSS


def at(*positions, chrom="chr1"):
    names = [f"g{number}" for number in range(len(positions))]
    return pd.DataFrame({"gene_id": names, "chrom": chrom, "tss": positions})


@pytest.mark.parametrize(
    ("positions", "length", "expected"),
    [
        ([0, 30, 60, 110, 130], 1000, [0, 0, 0, 1, 1]),  # 60 and 110 share no base
        ([0, 30, 60, 90, 120], 60, [0, 0, 1, 1, 2]),  # one long run, cut every 60 bp
        ([110, 0, 130, 60, 30], 1000, [1, 0, 1, 0, 0]),  # order of the rows does not matter
        ([0, 49, 99], 1000, [0, 0, 1]),  # 49 bp apart share one base, 50 bp none
    ],
)
def test_blocks_of_literals(positions, length, expected):
    assert locus_blocks(at(*positions), WINDOW, length=length).tolist() == expected


def test_blocks_end_with_their_chromosome():
    genes = pd.concat([at(0, 10), at(12, 13, chrom="chr2")])
    assert locus_blocks(genes, WINDOW, length=1000).tolist() == [0, 0, 1, 1]


def test_each_stretch_counts_once_for_the_nearest_tss():
    once = counted_once(at(100, 120, 500), WINDOW)
    # Middles of g0: 80 to 120; of g1: 100 to 140. 110 is as far from both: the first one has it.
    assert once.astype(int).tolist() == [[1, 1, 1, 1, 0], [0, 0, 1, 1, 1], [1, 1, 1, 1, 1]]


@st.composite
def gene_tables(draw):
    rows = draw(
        st.lists(
            st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(-40, 300)),
            min_size=1,
            max_size=12,
        )
    )
    table = pd.DataFrame(rows, columns=["chrom", "tss"])
    return table.assign(gene_id=[f"g{number:02}" for number in range(len(rows))])


@given(gene_tables(), st.integers(0, 3))
def test_counted_once_agrees_with_a_search(genes, half):
    window = Binning(2 * half + 1, 10)
    holders = defaultdict(list)
    for row, (chrom, tss, gene) in enumerate(genes.itertuples(index=False)):
        for column, offset in enumerate(window.offsets):
            stretch = (tss + offset * 10) // 10
            holders[chrom, stretch].append((abs(offset), tss, gene, row, column))
    expected = np.zeros((len(genes), window.bins), dtype=bool)
    for held in holders.values():
        *_, row, column = min(held)
        expected[row, column] = True
    np.testing.assert_array_equal(counted_once(genes, window), expected)


def test_gap_to_the_nearest_gene_of_literals():
    columns = ["gene_id", "chrom", "start", "end"]
    rows = [
        ("a", "chr1", 100, 200),
        ("b", "chr1", 250, 300),
        ("c", "chr1", 290, 400),
        ("d", "chr1", 1000, 1100),
        ("e", "chr2", 0, 10),
    ]
    table = pd.DataFrame(rows, columns=columns)
    found = _gap_to_nearest_gene(table.iloc[[3, 0, 1, 4]], table)
    np.testing.assert_array_equal(found, [600, 50, 0, np.nan])


@given(gene_tables(), gene_tables())
def test_nearest_tss_agrees_with_a_search(genes, others):
    annotation = pd.concat([genes, others])
    found = _nearest_tss(genes, annotation, WINDOW)
    for row, (chrom, tss, _) in enumerate(genes.itertuples(index=False)):
        starts = annotation.loc[annotation["chrom"] == chrom, "tss"].to_numpy()
        middles = tss + WINDOW.offsets * 10
        expected = np.abs(starts - middles[:, np.newaxis]).min(axis=1)
        assert found[row].tolist() == expected.tolist()
