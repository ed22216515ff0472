import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.attribution.inputs import MapAxes
from claster.analysis.attribution.locality import CentredMaps, CentredTracks, _centred, along_strand
from claster.genome.windows import Binning

nan = np.nan


def test_seven_bins_by_hand():
    """Predicted bin 2 of a + gene is bin -2 of the mirrored - gene; nothing wraps round."""
    values = np.arange(1.0, 8)
    np.testing.assert_array_equal(_centred(values, 2, bins=7), [3, 4, 5, 6, 7, nan, nan])
    np.testing.assert_array_equal(_centred(values, -2, bins=7), [nan, nan, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(
        _centred(values, 2, bins=11), [1, 2, 3, 4, 5, 6, 7, nan, nan, nan, nan]
    )
    np.testing.assert_array_equal(along_strand(values, "-"), values[::-1])
    np.testing.assert_array_equal(along_strand(values, "+"), values)


def test_sums_of_a_plus_and_a_minus_gene():
    """The same gene read from either strand gives the same sums: signed ones do not cancel."""
    window, target = Binning(7, 100), Binning(3, 200)
    values = np.array([[[1.0, -2, 3, -4, 5, -6, 7], [0, 0, 0, 10, 0, 0, 0]]])
    sums = CentredTracks(window, target, tracks=2, loci=2)
    sums.add(values, np.array([1]), strand="+", locus=0)
    sums.add(values[..., ::-1], np.array([-1]), strand="-", locus=1)
    assert sums.axis == Binning(11, 100)
    assert sums.signed[0, 0].tolist() == [1, -2, 3, -4, 5, -6, 7, 0, 0, 0, 0]
    assert sums.signed[0, 1].tolist() == [0, 0, 0, 10, 0, 0, 0, 0, 0, 0, 0]
    assert sums.absolute[0, 2].tolist() == [1, 2, 3, 14, 5, 6, 7, 0, 0, 0, 0]
    assert sums.points[0].tolist() == [1] * 7 + [0] * 4
    np.testing.assert_array_equal(sums.signed[0], sums.signed[1])
    np.testing.assert_array_equal(sums.absolute[0], sums.absolute[1])
    np.testing.assert_array_equal(sums.points[0], sums.points[1])
    assert sums.genes.tolist() == [1, 1]


@given(
    bins=st.integers(0, 6).map(lambda n: 2 * n + 1),
    offset=st.integers(-9, 9),
    wanted=st.integers(0, 12).map(lambda n: 2 * n + 1),
)
def test_centring_is_a_shift_that_mirrors(bins, offset, wanted):
    values = np.arange(1.0, bins + 1)
    moved = _centred(values, offset, bins=wanted)
    for place, value in enumerate(moved):
        source = place - wanted // 2 + offset + bins // 2
        if 0 <= source < bins:
            assert value == values[source]
        else:
            assert np.isnan(value)
    turned = _centred(values[::-1], -offset, bins=wanted)
    np.testing.assert_array_equal(turned[::-1], moved)


@pytest.mark.parametrize(
    ("kind", "shape", "columns"),
    [("diagonal", (3, 9), 2), ("paper_rotated", (3, 10), 3), ("paper_square", (9, 9), 2)],
)
def test_maps_are_centred_along_their_axes(kind, shape, columns):
    """2 kb are two bins of 1 kb; a column of a rotated map is 1 / sqrt(2) bins, so they are 2.8."""
    axes = MapAxes(kind=kind, resolution=1000)
    ahead, turned = (CentredMaps(axes, Binning(9, 1000), shape) for _ in range(2))
    values = np.random.default_rng(1).normal(size=(1, *shape))
    ahead.add(values, np.array([2]), strand="+")
    mirrored = values[..., ::-1, ::-1] if kind == "paper_square" else values[..., ::-1]
    turned.add(mirrored, np.array([-2]), strand="-")
    absolute, signed = ahead.means()
    np.testing.assert_array_equal(turned.means()[1], signed)
    np.testing.assert_allclose(absolute, np.abs(signed))
    rows = slice(columns, None) if kind == "paper_square" else slice(None)
    kept = signed[: -columns if kind == "paper_square" else None, :-columns]
    np.testing.assert_allclose(kept, values[0][rows, columns:], rtol=1e-6)
    assert np.isnan(signed[:, -columns:]).all()
