import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.genome.windows import Binning, mirror, sample_id, split_sample_id, window_table

odd = st.integers(0, 50).map(lambda n: 2 * n + 1)
even = st.integers(1, 60).map(lambda n: 2 * n)


def test_published_landscape_window():
    landscape = Binning(10_001, 100)
    assert landscape.span(1_000_000) == (499_950, 1_500_050)
    start = landscape.span(1_000_000)[0] + 5_000 * 100
    assert (start, start + 100) == (999_950, 1_000_050)


def test_published_target_bins():
    target = Binning(401, 1000)
    edges = 1_000_000 + target.edges
    assert edges[0] == 799_500
    assert edges[-1] == 1_200_500
    middle = int(np.flatnonzero(target.offsets == 0)[0])
    assert (edges[middle], edges[middle + 1]) == (999_500, 1_000_500)


@given(bins=odd, size=even, centre=st.integers(0, 10**9))
def test_bins_tile_the_window(bins, size, centre):
    binning = Binning(bins, size)
    start, end = binning.span(centre)
    assert end - start == bins * size
    assert (centre + binning.edges[0], centre + binning.edges[-1]) == (start, end)
    assert (np.diff(binning.edges) == size).all()


@given(bins=odd, size=even, centre=st.integers(-1000, 1000), base=st.integers(-2000, 2000))
def test_mirroring_a_base_mirrors_its_bin(bins, size, centre, base):
    """Base x lies at 2c - 1 - x after the window is turned round."""
    binning = Binning(bins, size)
    start, end = binning.span(centre)
    if start <= base < end:
        bin_of = (base - start) // size
        turned = (2 * centre - 1 - base - start) // size
        assert turned == bins - 1 - bin_of
        assert binning.offsets[turned] == -binning.offsets[bin_of]


@pytest.mark.parametrize(("bins", "size"), [(10, 100), (0, 100), (-1, 100), (11, 0), (11, 5)])
def test_windows_without_a_middle_are_refused(bins, size):
    with pytest.raises(ValueError, match=r"odd|even"):
        Binning(bins, size)


@given(st.integers(1, 6), st.integers(1, 9))
def test_mirror_twice_is_the_same(rows, columns):
    array = np.random.default_rng(rows * 10 + columns).normal(size=(rows, columns))
    turned = mirror(array)
    assert turned.flags["C_CONTIGUOUS"]
    assert (turned[:, 0] == array[:, -1]).all()
    assert (mirror(turned) == array).all()


def test_sample_names():
    assert sample_id("ENSMUSG00000051951.5", "rev") == "ENSMUSG00000051951.5_rev"
    assert split_sample_id("GENE_with_parts_forward") == ("GENE_with_parts", "forward")
    with pytest.raises(ValueError, match="orientation"):
        sample_id("GENE", "backward")
    for name in ("GENE", "_rev", "GENE_reverse"):
        with pytest.raises(ValueError, match="not a sample name"):
            split_sample_id(name)


def test_window_table_keeps_order_and_index():
    genes = pd.DataFrame(
        {"gene_id": ["b", "a"], "chrom": ["chr2", "chr1"], "tss": [100, 5]}, index=[7, 3]
    )
    windows = window_table(genes, Binning(3, 10))
    assert windows.index.tolist() == [7, 3]
    assert windows[["start", "end"]].to_numpy().tolist() == [[85, 115], [-10, 20]]
