"""What each fault of the published arithmetic changes, on signal whose answer is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.perturbation.edits import covered_bins
from claster.genome.windows import Binning, mirror
from claster.signal.intervals import ChromosomeSignal, window_means
from claster.signal.landscape import target_profiles

TSS, SIZE = 300_000, 600_000
TARGET = Binning(401, 1000)
LANDSCAPE = Binning(10_001, 100)
INNER = slice(5, 395)


def signal_of(starts, ends, values):
    return ChromosomeSignal(
        np.asarray(starts, np.int32),
        np.asarray(ends, np.int32),
        np.asarray(values, np.float32),
        "chr1",
        SIZE,
        (0, SIZE),
    )


def profile(signal, recipe, *, smoothing=1000, tss=TSS):
    options = {"binning": TARGET, "smoothing": smoothing, "recipe": recipe}
    return target_profiles([(signal, 1.0)], np.array([tss]), **options)[0]


@pytest.fixture(scope="module")
def positions():
    """Signal whose mean over a stretch is the position of its middle, from the chromosome's start."""
    starts = np.arange(0, SIZE, 2)
    return signal_of(starts, starts + 2, starts + 1)


def test_published_target_bins_lie_490_bp_downstream(positions):
    centres = TSS + 1000 * TARGET.offsets[INNER]
    exact, paper = (profile(positions, recipe)[INNER] for recipe in ("exact", "paper"))
    np.testing.assert_allclose(exact, centres, rtol=0, atol=1e-6)
    np.testing.assert_allclose(paper, centres + 490, rtol=0, atol=1e-6)


def test_published_forward_and_reverse_bins_lie_980_bp_apart(positions):
    for recipe, apart in (("exact", 0), ("paper", 980)):
        forward = profile(positions, recipe) - TSS
        reverse = mirror(
            TSS - profile(positions, recipe)
        )  # where a bin lies in the mirrored genome
        np.testing.assert_allclose((forward - reverse)[INNER], apart, rtol=0, atol=1e-6)


def test_the_last_published_bin_is_98_percent_the_start_of_the_window():
    start = TSS - 200_010
    signal = signal_of([start], [start + 49 * 20], [50.0])
    paper, exact = (profile(signal, recipe, smoothing=0) for recipe in ("paper", "exact"))
    assert paper[-1] == pytest.approx(0.98 * 50.0)
    assert exact[-1] == 0.0
    np.testing.assert_allclose(paper[:-1], [49.0, *[0.0] * 399], atol=1e-12)
    assert profile(signal, "paper")[-1] > 20
    assert profile(signal, "exact")[-1] == 0.0


def test_ten_covered_bases_of_a_hundred_count_50_or_5():
    signal = signal_of([TSS], [TSS + 10], [50.0])
    means = {
        summary: window_means(signal, np.array([TSS]), bins=1, size=100, summary=summary).item()
        for summary in ("mean_covered", "mean_all")
    }
    assert means == {"mean_covered": 50.0, "mean_all": 5.0}


def test_reflection_keeps_a_third_of_what_flows_out_of_the_window():
    """The exact bins of a TSS 490 bp downstream are the published ones: the edge's effect alone."""
    signal = signal_of([TSS - 200_010], [SIZE], [1.0])
    paper, exact = profile(signal, "paper"), profile(signal, "exact", tss=TSS + 490)
    assert paper[0] == pytest.approx(1.0, abs=1e-9)
    assert exact[0] == pytest.approx(
        0.6844, abs=1e-3
    )  # of the normal distribution: mean from 0 to 1
    np.testing.assert_allclose(paper[4:], exact[4:], rtol=1e-3)


def test_without_its_faults_the_published_target_is_the_exact_one():
    rng = np.random.default_rng(5)
    starts = np.arange(0, SIZE - 100, 100)
    signal = signal_of(
        starts, starts + rng.integers(20, 100, starts.size), rng.gamma(1, 5, starts.size)
    )
    paper, exact = profile(signal, "paper"), profile(signal, "exact", tss=TSS + 490)
    np.testing.assert_allclose(paper[INNER], exact[INNER], rtol=1e-12)


def shares(start, end, binning, edges="exact"):
    """How much of each bin of the window an edit of an interval takes."""
    span = covered_bins(start, end, binning, edges=edges)
    taken = np.zeros(binning.bins)
    taken[span.bins] = span.shares
    return taken


def stretch(shares, binning):
    """First and last base that are silenced, relative to the TSS."""
    met = np.flatnonzero(shares)
    return binning.edges[met[0]], binning.edges[met[-1] + 1]


def test_a_published_perturbation_of_1000_bp_silences_1100():
    exact, paper = (shares(0, 1000, LANDSCAPE, edges) for edges in ("exact", "paper"))
    assert exact.sum() * 100 == 1000
    assert exact[[4999, 5000, 5001, 5009, 5010, 5011]].tolist() == [0, 0.5, 1, 1, 0.5, 0]
    assert paper.sum() * 100 == 1100
    assert stretch(paper, LANDSCAPE) == (-50, 1050)
    assert stretch(shares(99, 1099, LANDSCAPE, "paper"), LANDSCAPE) == (-50, 1050)


@given(start=st.integers(-200_000, 199_000), width=st.integers(1, 5000))
def test_published_perturbations_begin_50_to_149_bp_early(start, width):
    low, high = stretch(shares(start, start + width, LANDSCAPE, "paper"), LANDSCAPE)
    assert 50 <= start - low <= 149
    assert -49 <= high - (start + width) <= 50


@given(
    start=st.integers(-400, 400),
    width=st.integers(1, 900),
    bins=st.integers(0, 4).map(lambda n: 2 * n + 1),
    size=st.integers(1, 40).map(lambda n: 2 * n),
)
def test_shares_of_bins_against_a_mask_of_bases(start, width, bins, size):
    """Outside the window the published arithmetic takes the outermost bin, ours none."""
    binning = Binning(bins, size)
    bases = np.arange(-binning.half, binning.half)
    covered = ((bases >= start) & (bases < start + width)).reshape(bins, size)
    np.testing.assert_array_equal(shares(start, start + width, binning), covered.mean(axis=1))
    numbers = np.arange(bins // 2 + start // size, bins // 2 + (start + width) // size + 1)
    expected = np.isin(np.arange(bins), numbers.clip(0, bins - 1)).astype(float)
    np.testing.assert_array_equal(shares(start, start + width, binning, "paper"), expected)
