import cooler
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import rotate

from claster.contacts.cool import CoolMatrix
from claster.contacts.cut import _rotated_map, _square_map, map_cutter
from claster.contacts.matrix import CountBand, read_counts
from claster.contacts.shapes import DiagonalMap, RotatedMap, SquareMap, map_over, mirror_map
from claster.errors import ClasterError
from claster.genome.windows import Binning

LANDSCAPE = Binning(10_001, 100)
HALF = 500_000
SIZES = {"chr1": 1_700_500, "chr2": 1_100_000}


def write_cool(path, resolution, *, counts_of=lambda counts: counts):
    bins = cooler.binnify(pd.Series(SIZES), resolution)
    rng = np.random.default_rng(1)
    tables, first = [], 0
    for chrom in SIZES:
        size = int((bins["chrom"] == chrom).sum())
        i, j = np.triu_indices(size)
        counts = rng.poisson(60 / (1 + j - i) + 0.5)
        table = pd.DataFrame({"bin1_id": i + first, "bin2_id": j + first, "count": counts})
        tables.append(table[counts > 0])
        first += size
    pixels = pd.concat(tables)
    pixels["count"] = counts_of(pixels["count"])
    weight = rng.uniform(0.01, 0.1, len(bins))
    weight[rng.random(len(bins)) < 0.05] = np.nan
    cooler.create_cooler(
        str(path),
        bins.assign(weight=weight),
        pixels,
        ordered=True,
        dtypes={"count": pixels["count"].dtype},
    )
    return cooler.Cooler(str(path))


@pytest.fixture(scope="module")
def clr(tmp_path_factory):
    return write_cool(tmp_path_factory.mktemp("cool") / "1600.cool", 1600)


def logged(matrix):
    """Return what the published recipe makes of a fetched matrix."""
    matrix = np.array(matrix, dtype=float)
    matrix[np.isnan(matrix)] = 1e-14
    matrix[matrix == 0] = 1e-14
    return np.log10(matrix)


def rotated(matrix):
    """Return what the published recipe makes of a logged matrix."""
    turned = rotate(matrix, 45, reshape=False)
    crop = np.flatnonzero(turned[0] != 0)[0]
    kept = turned[crop : len(turned) - crop]
    return kept[: len(kept) // 2]


def fetched(clr, chrom, tss, *, half=HALF, balance=True):
    return clr.matrix(balance=balance).fetch((chrom, tss - half, tss + half))


def band_of(matrix, *, weights=None, resolution=1000):
    bins = len(matrix)
    counts = np.zeros((bins, bins))
    for s in range(bins):
        counts[s, : bins - s] = np.diagonal(matrix, s)
    return CountBand(counts, np.ones(bins) if weights is None else weights, resolution)


@pytest.mark.parametrize(
    ("chrom", "tss"), [("chr1", 850_123), ("chr1", 500_001), ("chr1", 1_200_499), ("chr2", 555_555)]
)
@pytest.mark.parametrize("balance", [True, False])
def test_both_maps_equal_the_published_recipe(clr, chrom, tss, balance):
    square, turned = (
        map_over(kind, LANDSCAPE, resolution=1600) for kind in ("paper_square", "paper_rotated")
    )
    matrix = fetched(clr, chrom, tss, balance=balance)
    expected = logged(matrix)
    assert expected.shape == square.shape == (626, 626)
    ours, missing = map_cutter(CoolMatrix(clr), chrom, square, balance=balance, value="log10")(tss)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
    if balance:
        assert missing == pytest.approx(np.isnan(matrix).mean())
    ours, missing = map_cutter(CoolMatrix(clr), chrom, turned, balance=balance, value="log10")(tss)
    assert ours.shape == turned.shape == (129, 626)
    np.testing.assert_allclose(ours, rotated(expected), rtol=0, atol=1e-9)
    if balance:
        i = np.arange(626)
        near = np.abs(i[:, None] - i) <= turned.reach
        assert missing == pytest.approx(np.isnan(matrix)[near].mean())


def test_the_rotated_map_reads_a_third_of_the_diagonals():
    shape = RotatedMap.over(LANDSCAPE, resolution=1600)
    assert (shape.first_row, shape.first_row + 2 * shape.rows) == (184, 442)
    assert shape.separations == 208
    assert shape.heights[[0, -1]] == pytest.approx([181.73, 0.7071], abs=0.01)


@pytest.mark.parametrize("tss", [500_800, 849_600 - 400, 1_199_200])
def test_windows_from_a_bins_edge_keep_626_bins(clr, tss):
    tss = (tss - HALF) // 1600 * 1600 + HALF
    assert fetched(clr, "chr1", tss).shape == (625, 625)
    expected = logged(clr.matrix(balance=True).fetch(("chr1", tss - HALF, tss + HALF + 1)))
    shape = SquareMap.over(LANDSCAPE, resolution=1600)
    band = read_counts(CoolMatrix(clr), "chr1", separations=626, balance=True)
    ours, _ = _square_map(band, tss, shape)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
    turned, _ = _rotated_map(band, tss, RotatedMap.over(LANDSCAPE, resolution=1600))
    np.testing.assert_allclose(turned, rotated(expected), rtol=0, atol=1e-9)


@pytest.mark.parametrize("tss", [100, 300_000, 1_500_000, 1_700_400, 9_000_000, -9_000_000])
def test_beyond_the_chromosome_is_missing(clr, tss):
    whole = clr.matrix(balance=True).fetch("chr1")
    bins = (tss - HALF) // 1600 + np.arange(626)
    inside = (bins >= 0) & (bins < len(whole))
    window = np.full((626, 626), np.nan)
    window[np.ix_(inside, inside)] = whole[np.ix_(bins[inside], bins[inside])]
    band = read_counts(CoolMatrix(clr), "chr1", separations=626, balance=True)
    ours, missing = _square_map(band, tss, SquareMap(626, HALF))
    np.testing.assert_allclose(ours, logged(window), rtol=0, atol=1e-9)
    assert missing == pytest.approx(np.isnan(window).mean())
    turned, _ = _rotated_map(band, tss, RotatedMap(626, HALF))
    np.testing.assert_allclose(turned, rotated(logged(window)), rtol=0, atol=1e-9)


def test_capture_maps_are_201_bins_of_5_kb(tmp_path):
    clr = write_cool(tmp_path / "5000.cool", 5000)
    square, turned = (
        map_over(kind, LANDSCAPE, resolution=5000) for kind in ("paper_square", "paper_rotated")
    )
    tss = 700_321
    expected = logged(fetched(clr, "chr1", tss))
    assert expected.shape == square.shape == (201, 201)
    ours, _ = map_cutter(CoolMatrix(clr), "chr1", square, balance=True, value="log10")(tss)
    np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-9)
    ours, _ = map_cutter(CoolMatrix(clr), "chr1", turned, balance=True, value="log10")(tss)
    np.testing.assert_allclose(ours, rotated(expected), rtol=0, atol=1e-9)


def test_counts_that_are_not_whole_keep_their_digits(tmp_path):
    clr = write_cool(tmp_path / "5000.cool", 5000, counts_of=lambda counts: counts / 3)
    band = read_counts(CoolMatrix(clr), "chr1", separations=201, balance=True)
    assert band.counts.dtype == np.float64
    ours, _ = _square_map(band, 700_321, SquareMap.over(LANDSCAPE, resolution=5000))
    np.testing.assert_allclose(ours, logged(fetched(clr, "chr1", 700_321)), rtol=0, atol=1e-9)


def test_whole_counts_take_4_bytes(clr):
    assert (
        read_counts(CoolMatrix(clr), "chr2", separations=3, balance=True).counts.dtype == np.float32
    )


@given(st.integers(4, 400).filter(lambda bins: RotatedMap(bins, 0).rows > 0), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_rotation_of_any_size_equals_the_whole_square_rotated(bins, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.gamma(1.0, 1.0, (bins, bins)) * (rng.random((bins, bins)) < 0.7)
    matrix = np.triu(matrix) + np.triu(matrix, 1).T
    matrix[0, 0] = 5.0
    turned, _ = _rotated_map(band_of(matrix), 0, RotatedMap(bins, 0))
    np.testing.assert_allclose(turned, rotated(logged(matrix)), rtol=0, atol=1e-9)


@given(st.integers(30, 90), st.integers(20, 60), st.integers(1, 999), st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_the_mirrored_chromosome_gives_the_mirrored_map(bins, centre, within, seed):
    rng = np.random.default_rng(seed)
    matrix = rng.poisson(2.0, (bins, bins))
    matrix = np.triu(matrix) + np.triu(matrix, 1).T
    weights = rng.uniform(0.5, 2, bins)
    weights[3] = np.nan
    band = band_of(matrix, weights=weights)
    opposite = band_of(matrix[::-1, ::-1], weights=weights[::-1])
    tss = centre * 1000 + within
    for cut, shape in (
        (_square_map, SquareMap(21, 10_000)),
        (_rotated_map, RotatedMap(21, 10_000)),
    ):
        forward, missing = cut(band, tss, shape)
        reverse, same = cut(opposite, bins * 1000 - tss, shape)
        np.testing.assert_allclose(mirror_map(forward, shape), reverse, rtol=0, atol=1e-9)
        assert missing == pytest.approx(same)


@pytest.mark.parametrize(
    "shape", [DiagonalMap(5, 10), SquareMap(21, 10_000), RotatedMap(21, 10_000)]
)
def test_mirror_of_mirror_is_the_map_itself_and_mirror_is_another(shape):
    contacts = np.random.default_rng(0).random(shape.shape)
    turned = mirror_map(contacts, shape)
    assert not np.array_equal(turned, contacts)
    assert turned.flags.c_contiguous
    np.testing.assert_array_equal(mirror_map(turned, shape), contacts)


def test_a_chromosome_without_contacts_is_refused(tmp_path):
    bins = cooler.binnify(pd.Series({"chr1": 10_000, "chr2": 10_000}), 1000).assign(weight=1.0)
    bins.loc[15, "weight"] = np.nan
    pixels = pd.DataFrame({"bin1_id": [0, 15], "bin2_id": [1, 16], "count": [3, 3]})
    cooler.create_cooler(str(tmp_path / "x.cool"), bins, pixels)
    clr = cooler.Cooler(str(tmp_path / "x.cool"))
    assert read_counts(CoolMatrix(clr), "chr1", separations=99, balance=True).counts.sum() == 3
    with pytest.raises(ClasterError, match="no contact on chr2 below 4 bins"):
        read_counts(CoolMatrix(clr), "chr2", separations=4, balance=True)


def test_too_few_bins_for_a_rotation_are_refused():
    with pytest.raises(ClasterError, match="has 3 bins of 500,000 bp, too few for a rotated map"):
        RotatedMap.over(LANDSCAPE, resolution=500_000)
