from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import cooler
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.contacts.cool import CoolMatrix
from claster.contacts.cut import _FLOOR, _diagonal_map, _take_logarithms, map_cutter
from claster.contacts.matrix import Band, open_contacts, read_band
from claster.contacts.shapes import PSEUDO, DiagonalMap, MapKind, RotatedMap, map_over
from claster.errors import ClasterError
from claster.genome.windows import Binning

RESOLUTION = 1000
SIZES = {"chr1": 40_500, "chr2": 22_000}


def write_cool(uri, *, resolution=RESOLUTION, seed=0, masked=(5,)):
    bins = cooler.binnify(pd.Series(SIZES), resolution)
    rng = np.random.default_rng(seed)
    i, j = np.triu_indices(len(bins))
    counts = rng.poisson(40 / (1 + np.abs(j - i)))
    seen = counts > 0
    pixels = pd.DataFrame({"bin1_id": i[seen], "bin2_id": j[seen], "count": counts[seen]})
    weight = rng.uniform(0.5, 1.5, len(bins))
    weight[list(masked)] = np.nan
    cooler.create_cooler(str(uri), bins.assign(weight=weight), pixels, ordered=True, mode="a")
    return uri


@pytest.fixture(scope="module")
def clr(tmp_path_factory):
    path = tmp_path_factory.mktemp("cool") / "contacts.cool"
    return cooler.Cooler(str(write_cool(path)))


@pytest.mark.parametrize("chrom", ["chr1", "chr2"])
def test_band_equals_coolers_matrix(clr, chrom):
    matrix = clr.matrix(balance=True).fetch(chrom)
    band = read_band(CoolMatrix(clr), chrom, separations=12, balance=True)
    for s in range(12):
        diagonal = np.diagonal(matrix, s)
        np.testing.assert_allclose(band.values[s, : diagonal.size], diagonal, rtol=1e-6)
        assert np.isnan(band.values[s, diagonal.size :]).all()
        assert band.expected[s] == pytest.approx(np.nanmean(diagonal))


def test_raw_counts_mask_only_bins_without_contacts(clr):
    matrix = clr.matrix(balance=False).fetch("chr1")
    band = read_band(CoolMatrix(clr), "chr1", separations=3, balance=False)
    assert (band.values[1, :-1] == np.diagonal(matrix, 1)).all()


def test_a_bin_whose_contacts_are_far_is_known_without_weights(tmp_path):
    bins = cooler.binnify(pd.Series({"chr1": 10_000}), RESOLUTION)
    pixels = pd.DataFrame({"bin1_id": [0, 3], "bin2_id": [9, 4], "count": 2})
    cooler.create_cooler(str(tmp_path / "x.cool"), bins, pixels)
    matrix = CoolMatrix(cooler.Cooler(str(tmp_path / "x.cool")))
    band = read_band(matrix, "chr1", separations=2, balance=False)
    assert np.flatnonzero(band.values[0] == 0).tolist() == [0, 3, 4, 9]
    assert np.isnan(band.values[0]).sum() == 6


def test_masked_bins_are_unknown_and_empty_pixels_are_zero(tmp_path):
    bins = cooler.binnify(pd.Series({"chr1": 10_000}), RESOLUTION)
    i = np.arange(8)
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": i + 1, "count": 4})
    pixels.loc[3, "count"] = 0  # a zero that is written out
    weight = np.ones(10)
    weight[1] = np.nan
    cooler.create_cooler(str(tmp_path / "x.cool"), bins.assign(weight=weight), pixels, ordered=True)
    clr = cooler.Cooler(str(tmp_path / "x.cool"))
    whole = clr.matrix(balance=True).fetch("chr1")
    band = read_band(CoolMatrix(clr), "chr1", separations=2, balance=True)
    np.testing.assert_array_equal(band.values[1, :9], np.diagonal(whole, 1))
    np.testing.assert_array_equal(np.isnan(band.values[0]), np.isnan(np.diagonal(whole)))
    assert band.values[1, [3, 8]].tolist() == [0, 0]
    raw = read_band(CoolMatrix(clr), "chr1", separations=2, balance=False)
    assert np.flatnonzero(np.isnan(raw.values[0])).tolist() == [9]
    assert raw.values[1, 0] == 4


@pytest.mark.parametrize("kind", ["diagonal", "paper_square", "paper_rotated"])
def test_maps_cut_by_several_threads_are_the_same(clr, kind: MapKind):
    shape = map_over(kind, Binning(301, 100), resolution=RESOLUTION, rows=6)
    cut = map_cutter(CoolMatrix(clr), "chr1", shape, balance=True, value="log10")
    centres = list(range(1_000, 40_000, 700)) * 4
    with ThreadPoolExecutor(4) as threads:
        for tss, (contacts, missing) in zip(centres, threads.map(cut, centres), strict=True):
            alone, share = cut(tss)
            np.testing.assert_array_equal(contacts, alone)
            assert missing == share


def test_separation_without_contacts_takes_the_nearest_expectation(tmp_path):
    bins = cooler.binnify(pd.Series({"chr1": 10_000}), RESOLUTION).assign(weight=1.0)
    i = np.arange(9)
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": i + 1, "count": 6})
    cooler.create_cooler(str(tmp_path / "x.cool"), bins, pixels, ordered=True)
    band = read_band(
        CoolMatrix(cooler.Cooler(str(tmp_path / "x.cool"))), "chr1", separations=4, balance=True
    )
    assert band.expected.tolist() == [6.0, 6.0, 6.0, 6.0]


def test_chromosome_without_contacts_is_refused(tmp_path):
    bins = cooler.binnify(pd.Series({"chr1": 10_000, "chr2": 10_000}), RESOLUTION).assign(
        weight=1.0
    )
    pixels = pd.DataFrame({"bin1_id": [0], "bin2_id": [1], "count": [3]})
    cooler.create_cooler(str(tmp_path / "x.cool"), bins, pixels)
    with pytest.raises(ClasterError, match="no contact on chr2"):
        read_band(
            CoolMatrix(cooler.Cooler(str(tmp_path / "x.cool"))), "chr2", separations=4, balance=True
        )


@pytest.mark.parametrize("tss", [20_000, 20_999, 3_000, 38_500])
def test_cells_are_single_pixels_of_the_matrix(clr, tss):
    shape = DiagonalMap(rows=5, half=8)
    band = read_band(CoolMatrix(clr), "chr1", separations=shape.separations, balance=True)
    contacts, missing = _diagonal_map(_take_logarithms(band, shape, value="log10"), tss, shape)
    matrix = clr.matrix(balance=True).fetch("chr1")
    unknown = 0
    for r in range(shape.rows):
        expected = np.nanmean(np.diagonal(matrix, 2 * r))
        for m in range(shape.shape[1]):
            middle = tss // RESOLUTION + m - shape.half
            first, second = middle - r, middle + r
            inside = first >= 0 and second < matrix.shape[0]
            pixel = matrix[first, second] if inside else np.nan
            if np.isnan(pixel):
                unknown += 1
                pixel = expected
            assert contacts[r, m] == pytest.approx(
                np.log10(max(pixel, _FLOOR * expected)), rel=1e-5
            )
    assert missing == pytest.approx(unknown / (shape.rows * shape.shape[1]))


def test_observed_over_expected_is_zero_where_unknown_and_finite_everywhere(clr):
    shape = DiagonalMap(rows=6, half=4)
    band = read_band(CoolMatrix(clr), "chr1", separations=shape.separations, balance=True)
    contacts, _ = _diagonal_map(_take_logarithms(band, shape), 5_500, shape)
    assert contacts.dtype == np.float32
    assert contacts[0, 4] == 0.0
    assert np.isfinite(contacts).all()
    assert contacts.min() >= np.float32(np.log2(PSEUDO / (1 + PSEUDO)))


@given(
    st.integers(0, 39), st.integers(1, 5), st.integers(0, 10), st.sampled_from(["log_oe", "log10"])
)
def test_mirrored_chromosome_gives_the_mirrored_map(centre, rows, half, value):
    bins = 40
    rng = np.random.default_rng(centre)
    matrix = rng.gamma(1.0, 1.0, (bins, bins))
    matrix += matrix.T
    matrix[7] = matrix[:, 7] = np.nan

    def band_of(full):
        values = np.full((2 * rows - 1, bins), np.nan, dtype=np.float32)
        for s in range(2 * rows - 1):
            values[s, : bins - s] = np.diagonal(full, s)
        return Band(values, np.ones(2 * rows - 1), RESOLUTION)

    shape = DiagonalMap(rows, half)

    def map_of(full, tss):
        return _diagonal_map(_take_logarithms(band_of(full), shape, value=value), tss, shape)

    forward, missing = map_of(matrix, centre * RESOLUTION + 300)
    turned, same = map_of(matrix[::-1, ::-1], (bins - 1 - centre) * RESOLUTION + 700)
    np.testing.assert_array_equal(forward[:, ::-1], turned)
    assert missing == same


def test_map_spans_the_published_landscape():
    assert DiagonalMap.over(Binning(10_001, 100), resolution=1600, rows=129).shape == (129, 625)
    assert DiagonalMap.over(Binning(10_001, 100), resolution=10_000, rows=41).shape == (41, 99)
    assert DiagonalMap.over(Binning(10_001, 100), resolution=1600, rows=129).separations == 257


def test_mcool_layouts_and_groups(tmp_path):
    path = tmp_path / "new.mcool"
    for resolution in (1000, 2000):
        write_cool(f"{path}::/resolutions/{resolution}", resolution=resolution)
    old = tmp_path / "old.mcool"
    for level, resolution in enumerate((2000, 1000)):
        write_cool(f"{old}::/{level}", resolution=resolution)
    for uri in (path, old, f"{old}::/1"):
        assert open_contacts(uri, resolution=1000, balance=True).resolution == 1000
    with pytest.raises(ClasterError, match="it has 1,000, 2,000"):
        open_contacts(path, resolution=1600, balance=True)


def test_unusable_contact_files_say_why(tmp_path):
    bins = cooler.binnify(pd.Series(SIZES), RESOLUTION)
    pixels = pd.DataFrame({"bin1_id": [0], "bin2_id": [1], "count": [3]})
    cooler.create_cooler(str(tmp_path / "raw.cool"), bins, pixels)
    with pytest.raises(ClasterError, match="no weights: run 'cooler balance"):
        open_contacts(tmp_path / "raw.cool", resolution=RESOLUTION, balance=True)
    assert (
        open_contacts(tmp_path / "raw.cool", resolution=RESOLUTION, balance=False).resolution
        == RESOLUTION
    )
    with pytest.raises(ClasterError, match="no file"):
        open_contacts(tmp_path / "gone.cool", resolution=RESOLUTION, balance=True)
    (tmp_path / "page.cool").write_text("<html>")
    with pytest.raises(ClasterError, match="an HTML page instead of a cooler"):
        open_contacts(tmp_path / "page.cool", resolution=RESOLUTION, balance=True)


def test_separations_beyond_a_chromosome_expect_what_the_last_one_does():
    """Four bins: no pixel is known from a separation of 4 on."""
    first, second = np.array([0, 0, 1, 0]), np.array([0, 1, 2, 3])
    matrix = SimpleNamespace(
        label="made",
        resolution=1000,
        square=False,
        bins=lambda chrom: 4,
        weights=lambda chrom, balance: np.ones(4),
        pixels=lambda chrom, separations: [(first, second, np.array([8.0, 3.0, 3.0, 5.0]))],
    )
    band = read_band(matrix, "chr1", separations=6, balance=True)
    # Separation 2 holds no contact: of two that are as near the first one counts.
    assert band.expected.tolist() == [2.0, 2.0, 2.0, 5.0, 5.0, 5.0]


def test_a_rotated_map_may_have_a_single_row_and_not_less():
    assert RotatedMap.over(Binning(51, 100), resolution=1000).shape == (1, 6)
    with pytest.raises(ClasterError, match="a rotated"):
        RotatedMap.over(Binning(41, 100), resolution=1000)
