"""Our interval work and windows against the bedtools program, where it is installed."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claster.genome.regions import _to_bedtool, contained_in, overlapping, read_bed, shared_bases
from claster.genome.windows import Binning, window_table

pytestmark = pytest.mark.skipif(
    shutil.which("bedtools") is None, reason="the bedtools program is not installed"
)


@pytest.fixture(params=range(3))
def two_tables(request):
    rng = np.random.default_rng(request.param)

    def intervals(count):
        start = rng.integers(0, 5_000, count)
        return pd.DataFrame(
            {
                "chrom": rng.choice(["chr1", "chr2"], count),
                "start": start,
                "end": start + rng.integers(1, 120, count),
            }
        )

    return intervals(60), intervals(40)


def test_overlapping_is_intersect_u(pybedtools, two_tables):
    first, second = two_tables
    expected = _to_bedtool(first).intersect(_to_bedtool(second), u=True)
    hit = first[overlapping(first, second)].reset_index(drop=True)
    assert 0 < len(hit) < len(first)
    assert read_bed(expected).equals(hit)


def test_shared_bases_are_those_of_merged_intersections(pybedtools, two_tables):
    first, second = two_tables
    merged = _to_bedtool(first).sort().merge().intersect(_to_bedtool(second).sort().merge())
    assert shared_bases(first, second) == sum(len(interval) for interval in merged)


def test_contained_in_is_intersect_with_the_whole_interval(pybedtools, two_tables):
    first, second = two_tables
    regions = _to_bedtool(second).sort().merge(d=0)
    expected = _to_bedtool(first).intersect(regions, u=True, f=1.0)
    inside = first[contained_in(first, second)].reset_index(drop=True)
    assert read_bed(expected).equals(inside)


def test_windows_cut_the_sequence_that_getfasta_cuts(pybedtools, tmp_path):
    sequence = "".join(np.random.default_rng(4).choice(list("ACGT"), 3_000))
    fasta = tmp_path / "genome.fa"
    fasta.write_text(f">chr1\n{sequence}\n")
    genes = pd.DataFrame({"gene_id": ["A", "B"], "chrom": "chr1", "tss": [500, 2_111]})
    windows = window_table(genes, Binning(11, 20))
    cut = _to_bedtool(windows, name="gene_id").sequence(fi=str(fasta), tab=True)
    with Path(cut.seqfn).open() as lines:
        found = [line.split()[1] for line in lines]
    assert found == [sequence[390:610], sequence[2_001:2_221]]
