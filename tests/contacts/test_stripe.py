"""The promoter's row of the matrix, against cooler's dense matrix and numpy."""

import cooler
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.contacts.cool import CoolMatrix
from claster.contacts.cut import _FLOOR, _promoter_stripe, map_cutter
from claster.contacts.matrix import Band
from claster.contacts.shapes import PSEUDO, StripeMap, map_over, mirror_map
from claster.dataset.signal_settings import ContactsSpec
from claster.genome.windows import Binning

RESOLUTION = 1000
SHAPE = StripeMap(half=9)


@pytest.fixture(scope="module")
def clr(tmp_path_factory):
    path = tmp_path_factory.mktemp("cool") / "contacts.cool"
    bins = cooler.binnify(pd.Series({"chr1": 40_500, "chr2": 22_000}), RESOLUTION)
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(len(bins))
    counts = rng.poisson(9 / (1 + np.abs(j - i)))
    seen = counts > 0
    pixels = pd.DataFrame({"bin1_id": i[seen], "bin2_id": j[seen], "count": counts[seen]})
    weight = rng.uniform(0.5, 1.5, len(bins))
    weight[[5, 6, 7, 8, 30]] = np.nan
    cooler.create_cooler(str(path), bins.assign(weight=weight), pixels, ordered=True)
    return cooler.Cooler(str(path))


@pytest.mark.parametrize("tss", [20_000, 20_999, 700, 6_500, 15_000, 39_800])
def test_columns_are_sums_of_nine_pixels_of_coolers_matrix(clr, tss):
    cut = map_cutter(CoolMatrix(clr), "chr1", SHAPE, balance=True, value="log_oe")
    stripe, missing = cut(tss)
    dense = clr.matrix(balance=True).fetch("chr1")
    bins = len(dense)
    means = np.array([np.nanmean(np.diagonal(dense, s)) for s in range(SHAPE.separations)])
    apart = np.abs(np.subtract.outer(np.arange(bins), np.arange(bins)))
    expected = means[np.minimum(apart, len(means) - 1)]
    padded, due = (np.pad(array, 20, constant_values=np.nan) for array in (dense, expected))
    ratios = []
    for m in range(-SHAPE.half, SHAPE.half + 1):
        t = tss // RESOLUTION + 20
        square = np.ix_(range(t - 1, t + 2), range(t + m - 1, t + m + 2))
        known = np.isfinite(padded[square])
        ratios.append(
            padded[square][known].sum() / due[square][known].sum() if known.any() else np.nan
        )
    ratio = np.array(ratios)
    assert missing == pytest.approx(np.isnan(ratio).mean())
    ratio[np.isnan(ratio)] = 1
    frequency = np.maximum(ratio, _FLOOR) * means[np.abs(np.arange(-SHAPE.half, SHAPE.half + 1))]
    assert stripe.dtype == np.float16
    np.testing.assert_allclose(stripe[0], np.log2((ratio + PSEUDO) / (1 + PSEUDO)), atol=2e-3)
    np.testing.assert_allclose(stripe[1], np.log10(frequency), atol=2e-3)


@given(st.integers(0, 39), st.integers(0, 10))
def test_mirrored_chromosome_gives_the_mirrored_stripe(centre, half):
    bins, shape = 40, StripeMap(half)
    matrix = np.random.default_rng(centre).gamma(1.0, 1.0, (bins, bins)).astype(np.float32)
    matrix += matrix.T
    matrix[7:10] = matrix[:, 7:10] = np.nan

    def stripe_of(full, tss):
        values = np.full((shape.separations, bins), np.nan, dtype=np.float32)
        for s in range(shape.separations):
            values[s, : bins - s] = np.diagonal(full, s)
        band = Band(values, np.ones(shape.separations), RESOLUTION)
        return _promoter_stripe(band, tss, shape)

    forward, missing = stripe_of(matrix, centre * RESOLUTION + 300)
    turned, same = stripe_of(matrix[::-1, ::-1], (bins - 1 - centre) * RESOLUTION + 700)
    np.testing.assert_array_equal(mirror_map(forward, shape), turned)
    assert missing == same


def test_spans_the_landscape():
    shape = map_over("stripe", Binning(10_001, 100), resolution=1600)
    assert shape.shape == (2, 625)


@pytest.mark.parametrize(("bins", "bin", "half"), [(29, 100, 0), (15, 200, 1), (31, 100, 1)])
def test_columns_lie_whole_inside_the_landscape(bins, bin, half):
    """The first column beside the TSS ends 1500 bp from it; windows end at 1450, 1500 and 1550 bp."""
    assert StripeMap.over(Binning(bins, bin), resolution=1000).half == half


def test_the_last_cell_takes_in_pixels_two_diagonals_further_on():
    assert SHAPE.separations == 12
    too_few = Band(np.ones((11, 40), np.float32), np.ones(11), RESOLUTION)
    with pytest.raises(ValueError, match="farther than the diagonals"):
        _promoter_stripe(too_few, 20_000, SHAPE)


@pytest.mark.parametrize("more", [{"rows": 4}, {"value": "log10"}])
def test_settings_of_other_maps_are_refused(more):
    with pytest.raises(ValueError, match="leave 'rows' and 'value' out"):
        ContactsSpec.model_validate({"file": "x.mcool", "map": "stripe"} | more)


def test_reads_what_it_writes():
    spec = ContactsSpec(file="x.mcool", map="stripe")
    assert ContactsSpec.model_validate(spec.model_dump()) == spec
