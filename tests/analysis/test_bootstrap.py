import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap

from claster.analysis.agreement import VIEWS, Signal, measures, point_sums
from claster.analysis.bootstrap import counted_once, intervals, locus_blocks, resample_blocks
from claster.genome.windows import Binning


def test_resamples_are_seeded_and_draw_as_many_blocks_as_there_are():
    block = np.array([0, 0, 1, 2, 2, 2])
    drawn = resample_blocks(block, resamples=200, seed=4)
    assert drawn.counts.shape == (200, 3)
    assert (drawn.counts.sum(axis=1) == 3).all()
    assert drawn.counts.mean() == pytest.approx(1)
    again = resample_blocks(block, resamples=200, seed=4)
    assert again.counts.tobytes() == drawn.counts.tobytes()
    assert resample_blocks(block, resamples=200).counts.tobytes() != drawn.counts.tobytes()


def test_sums_of_blocks_of_literals():
    drawn = resample_blocks(np.array([2, 0, 2]), resamples=5)
    values = np.array([[1.0, 10], [2, 20], [4, 40]])
    assert drawn.block_sums(values).tolist() == [[2, 20], [0, 0], [5, 50]]
    np.testing.assert_array_equal(
        drawn.draw(drawn.block_sums(values))[:, 0], drawn.counts @ [2, 0, 5]
    )


def test_two_points_have_a_slope_and_one_has_none():
    x, y = np.array([[0.0, 3.0], [2.0, 3.0]]), np.array([[1.0, 4.0], [5.0, 4.0]])
    counted = np.array([[True, True], [True, False]])
    found = measures(point_sums(x, y, counted).sum(axis=0))
    np.testing.assert_allclose(found["slope"], [2, np.nan])
    np.testing.assert_allclose(found["pearson"], [1, np.nan])


def test_ends_of_intervals_of_literals():
    """Phi(sqrt(2) t) of one degree of freedom is 0 but for 1e-72."""
    known = np.random.default_rng(0).permutation(np.arange(101.0))
    replicates = np.tile(np.append(known, np.nan), (3, 1))
    low, high = intervals(replicates, np.array([1e9, 2, 1.99]))
    np.testing.assert_allclose(low, [2.5, 0, np.nan], atol=1e-6)
    np.testing.assert_allclose(high, [97.5, 100, np.nan], atol=1e-6)


def test_many_blocks_give_the_plain_percentile_interval():
    values = np.random.default_rng(0).gamma(1, 3, 2000)
    drawn = resample_blocks(np.arange(2000), resamples=4000)
    means = drawn.draw(values) / 2000
    (low,), (high,) = intervals(means[np.newaxis], np.array([2000]))
    expected = bootstrap((values,), np.mean, method="percentile", n_resamples=4000, rng=1)
    width = expected.confidence_interval.high - expected.confidence_interval.low
    assert low == pytest.approx(expected.confidence_interval.low, abs=width / 15)
    assert high == pytest.approx(expected.confidence_interval.high, abs=width / 15)


def test_few_blocks_widen_the_interval_and_one_has_none():
    replicates = np.tile(np.random.default_rng(0).normal(size=5000), (4, 1))
    low, high = intervals(replicates, np.array([1000, 10, 3, 1]))
    assert np.diff(high[:3]).min() > 0.2
    assert np.diff(low[:3]).max() < -0.2
    assert np.isnan([low[3], high[3]]).all()


def test_undefined_replicates_are_left_out():
    known = np.random.default_rng(0).normal(size=500)
    some = np.concatenate([known, np.full(500, np.nan)])
    expected = intervals(known[np.newaxis], np.array([30]))
    np.testing.assert_array_equal(intervals(some[np.newaxis], np.array([30])), expected)
    assert np.isnan(intervals(np.full((1, 9), np.nan), np.array([30]))).all()


BINS = Binning(41, 1000)


def simulate(seed, *, genes=60, kilobases=3000):
    """Signal along a chromosome that varies together over 15 kb, in windows of 41 kb that overlap."""
    rng = np.random.default_rng(seed)
    smooth = np.ones(15) / np.sqrt(15)
    common, mine, good, poor = (
        np.convolve(rng.normal(size=kilobases + 14), smooth, "valid") for _ in range(4)
    )
    tss = np.sort(rng.integers(50_000, 1000 * kilobases - 50_000, genes))
    table = pd.DataFrame({"gene_id": np.arange(genes).astype(str), "chrom": "chr1", "tss": tss})
    place = tss[:, np.newaxis] // 1000 + BINS.offsets
    signal = 0.7 * common + 0.3 * mine, 0.7 * common + 0.5 * good, 0.7 * common + 0.6 * poor
    return table, *(values[place] for values in signal)


@pytest.mark.slow
@pytest.mark.parametrize("once", [True, False])
def test_intervals_cover_the_truth_as_often_as_they_say(once):
    """Nominal 95 %; of 500 simulations, so that the share itself is known to 1 %."""
    r, poorer = (0.49 / np.sqrt(0.58 * (0.49 + noise)) for noise in (0.25, 0.36))
    truth = {
        "pearson": r,
        "spearman": 6 / np.pi * np.arcsin(r / 2),
        "rmse": np.sqrt(0.09 + 0.25),
        "difference": r - poorer,
    }
    inside = []
    for seed in range(500):
        genes, *signals = simulate(seed)
        counted = counted_once(genes, BINS) if once else np.ones(signals[0].shape, dtype=bool)
        drawn = resample_blocks(locus_blocks(genes, BINS, length=100_000), resamples=400, seed=seed)
        observed, good, poor = (Signal(values, counted) for values in signals)
        found = VIEWS["pooled"](observed, good, drawn)
        found["difference"] = found["pearson"].minus(
            VIEWS["pooled"](observed, poor, drawn)["pearson"]
        )
        scores = [found[name] for name in truth]
        low, high = intervals(
            np.stack([score.replicates for score in scores]),
            np.array([score.blocks for score in scores]),
        )
        inside.append((low <= list(truth.values())) & (list(truth.values()) <= high))
    for name, share in zip(truth, np.mean(inside, axis=0), strict=True):
        assert 0.92 <= share <= 0.98, (name, share)


def test_effective_blocks_of_literals():
    drawn = resample_blocks(np.array([0, 0, 1, 2]), resamples=3)
    assert drawn.effective_blocks(np.array([1, 1, 2, 2])) == pytest.approx(3)
    assert drawn.effective_blocks(np.array([1, 0, 0, 0])) == 1
    assert drawn.effective_blocks(np.array([3, 0, 1, 0])) == pytest.approx(16 / 10)
    assert drawn.effective_blocks(np.zeros(4)) == 0
