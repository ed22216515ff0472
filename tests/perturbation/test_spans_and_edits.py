"""Bins of elements and edits, against the same arithmetic base by base."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.perturbation import edits
from claster.analysis.perturbation.edits import Span, covered_bins, span_mean, whole_bins
from claster.genome.windows import Binning

BINNING = Binning(7, 10)


@st.composite
def cases(draw):
    start = draw(st.integers(-35, 34))
    end = draw(st.integers(start + 1, 35))
    signal = np.random.default_rng(draw(st.integers(0, 9))).gamma(1, 5, size=(3, 7))
    return start, end, signal


def base_by_base(signal, rows, start, end, change):
    """Spread bins over bases, change the bases of the element, average again."""
    bases = np.repeat(signal, 10, axis=1)
    within = slice(start + 35, end + 35)
    for row in rows:
        bases[row, within] = change(row, bases[row, within])
    return bases.reshape(3, 7, 10).mean(axis=2)


@given(cases())
def test_shares_are_counted_bases(case):
    start, end, signal = case
    covered = np.zeros(70)
    covered[start + 35 : end + 35] = 1
    span = covered_bins(start, end, BINNING)
    shares = np.zeros(7)
    shares[span.bins] = span.shares
    np.testing.assert_allclose(shares, covered.reshape(7, 10).mean(axis=1), rtol=1e-12)
    assert (span.shares > 0).all()
    mean = np.repeat(signal, 10, axis=1)[:, start + 35 : end + 35].mean(axis=1)
    np.testing.assert_allclose(span_mean(signal, span), mean, rtol=1e-12)


@given(cases(), st.sampled_from([0.0, 0.3, 1.0, 2.5]))
def test_scale_base_by_base(case, factor):
    start, end, signal = case
    span = covered_bins(start, end, BINNING)
    edited = edits.scale(signal, [0, 2], span, factor=factor)
    wanted = base_by_base(signal, [0, 2], start, end, lambda _, bases: factor * bases)
    np.testing.assert_allclose(edited, wanted, rtol=1e-12, atol=1e-12)
    if factor == 1:
        np.testing.assert_array_equal(edited, signal)


@given(cases())
def test_repress_base_by_base(case):
    start, end, signal = case
    span = covered_bins(start, end, BINNING)
    edited = edits.repress(signal, [0, 2], span, gain_row=2, gain=4.0)

    def change(row, bases):
        return 0 * bases if row == 0 else np.maximum(bases, 4.0)

    np.testing.assert_allclose(
        edited, base_by_base(signal, [0, 2], start, end, change), rtol=1e-12, atol=1e-12
    )


@given(cases(), st.integers(0, 6), st.integers(0, 3))
def test_lower_takes_background_where_the_means_around_a_bin_are_above_it(case, donor, beside):
    start, end, signal = case
    span = covered_bins(start, end, BINNING)
    bins = len(span.shares)
    donor = min(donor, 7 - bins)
    edited = edits.lower(signal, [1], span, donor=donor, beside=beside)
    wanted = edits._replace(signal, [1], span, donor=donor)
    if bins > 2 * beside:
        for place in range(span.first, span.bins.stop):
            inside = range(span.first, span.bins.stop)
            near = [signal[1, other] for other in inside if abs(other - place) <= beside]
            if np.mean(near) <= np.mean(signal[1, donor : donor + bins]):
                wanted[1, place] = signal[1, place]
    np.testing.assert_array_equal(edited, wanted)


def test_a_dip_in_background_stays_and_a_domain_beside_it_goes():
    noise = np.random.default_rng(0).gamma(4, 0.25, size=600)
    signal = noise * np.repeat([1.0, 0.5, 6.0, 1.0], [200, 100, 100, 200])
    window, span = signal[np.newaxis], Span(200, np.ones(200))
    edited = edits.lower(window, [0], span, donor=0, beside=25)[0]
    np.testing.assert_array_equal(edited[200:270], signal[200:270])
    np.testing.assert_array_equal(edited[300:400], signal[100:200])


@given(cases(), st.integers(0, 6))
def test_replace_base_by_base(case, donor):
    start, end, signal = case
    span = covered_bins(start, end, BINNING)
    donor = min(donor, 7 - len(span.shares))
    edited = edits._replace(signal, [1], span, donor=donor)
    moved = np.repeat(signal, 10, axis=1)
    offset = 10 * (donor - span.first)
    wanted = base_by_base(
        signal, [1], start, end, lambda row, _: moved[row, start + 35 + offset : end + 35 + offset]
    )
    np.testing.assert_allclose(edited, wanted, rtol=1e-12)


def test_published_bins():
    # 5000 + floor(rel / 100), the last bin included and kept inside the window
    binning = Binning(10_001, 100)
    for start, end, first, last in [
        (0, 350, 5000, 5003),
        (-20, 330, 4999, 5003),
        (-67_250, -66_901, 4327, 4330),
        (499_900, 500_050, 9999, 10_000),
    ]:
        span = covered_bins(start, end, binning, edges="paper")
        assert (span.bins.start, span.bins.stop - 1) == (first, last)
        assert (span.shares == 1).all()
        assert whole_bins(start, end, binning, edges="paper").bins == span.bins


@pytest.mark.parametrize(
    ("start", "end", "bins"),
    [(-5, 5, (3, 4)), (-9, 9, (3, 4)), (0, 3, (4, 5)), (-35, -34, (0, 1)), (34, 35, (6, 7))],
)
def test_whole_bins_are_the_nearest(start, end, bins):
    span = whole_bins(start, end, BINNING)
    assert (span.bins.start, span.bins.stop) == bins


@given(cases())
def test_moving_edits_lose_no_value(case):
    start, end, signal = case
    span = whole_bins(start, end, BINNING)
    rows = [0, 2]
    once = edits.flip(signal, rows, span)
    np.testing.assert_array_equal(edits.flip(once, rows, span), signal)
    mixed = edits.shuffle(signal, rows, span, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(np.sort(mixed), np.sort(signal))
    for edited in (once, mixed):
        np.testing.assert_array_equal(edited[1], signal[1])
        outside = np.setdiff1d(np.arange(7), np.arange(7)[span.bins])
        np.testing.assert_array_equal(edited[:, outside], signal[:, outside])


def test_shift_leaves_background_and_covers_what_it_meets():
    signal = np.array([[1.0, 2.0, 8.0, 9.0, 3.0, 4.0]])
    moved = edits.shift(signal, [0], Span(2, np.ones(2)), bins=1, donor=0)
    assert moved.tolist() == [[1, 2, 1, 8, 9, 4]]
    assert (
        edits.shift(signal, [0], Span(2, np.ones(2)), bins=0, donor=0).tolist() == signal.tolist()
    )
    with pytest.raises(ValueError, match="whole inside"):
        edits.shift(signal, [0], Span(2, np.ones(2)), bins=3, donor=0)


def test_swap_back_is_the_identity():
    signal = np.random.default_rng(0).random((2, 9))
    left, right = Span(1, np.ones(2)), Span(5, np.ones(3))
    swapped = edits.swap(signal, [0, 1], left, right)
    np.testing.assert_array_equal(
        edits.swap(swapped, [0, 1], Span(1, np.ones(3)), Span(6, np.ones(2))), signal
    )
    with pytest.raises(ValueError, match="before the right"):
        edits.swap(signal, [0], right, left)


def test_edits_leave_their_input_alone():
    signal = np.ones((2, 7), np.float32)
    span = Span(2, np.array([0.5, 1.0]))
    rng = np.random.default_rng(0)
    for edited in (
        edits.silence(signal, [0], span),
        edits._replace(signal, [0], span, donor=5),
        edits.lower(signal, [0], span, donor=5, beside=0),
        edits.repress(signal, [0], span, gain_row=1, gain=9.0),
        edits.shift(signal, [0], span, bins=1, donor=5),
        edits.flip(signal, [0], span),
        edits.insert(signal, [0], 3, piece=np.zeros((1, 2))),
        edits.shuffle(signal, [0], span, rng=rng),
    ):
        assert edited is not signal
        assert edited.dtype == np.float32
    assert (signal == 1).all()
