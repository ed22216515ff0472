import numpy as np
import pytest
from scipy.stats import linregress, pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from claster.analysis.agreement import _FEWEST, METRICS, VIEWS, Signal, bin_correlations
from claster.analysis.bootstrap import Resamples, resample_blocks


def oracle(x, y):
    """Every metric of two vectors by scipy and scikit-learn."""
    return {
        "pearson": pearsonr(x, y).statistic,
        "spearman": spearmanr(x, y).statistic,
        "r2": r2_score(x, y),
        "rmse": root_mean_squared_error(x, y),
        "mae": mean_absolute_error(x, y),
        "slope": linregress(x, y).slope,
    }


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    observed = rng.gamma(0.5, 30, (24, 15)).round() + 1000
    predicted = observed * rng.uniform(0.5, 1.5, observed.shape)
    counted = rng.random(observed.shape) < 0.8
    return observed, predicted, counted


@pytest.fixture
def resamples():
    return resample_blocks(np.arange(24) // 3, resamples=50)


def scores(how, arrays, resamples):
    observed, predicted, counted = arrays
    return VIEWS[how](Signal(observed, counted), Signal(predicted, counted), resamples)


def test_pooled_scores_agree_with_independent_ones(arrays, resamples):
    observed, predicted, counted = arrays
    found = scores("pooled", arrays, resamples)
    expected = oracle(observed[counted], predicted[counted])
    assert list(found) == list(METRICS) == list(expected)
    for metric, score in found.items():
        assert score.value == pytest.approx(expected[metric], rel=1e-9), metric
        assert score.n == counted.sum()
        assert score.blocks == pytest.approx(8, rel=0.05)


def averages(groups):
    """Mean scores of groups of points; R2 and slope by sums within the groups."""
    each = [oracle(x, y) for x, y in groups]
    found = {metric: np.mean([one[metric] for one in each]) for metric in METRICS}
    error = sum(np.sum((x - y) ** 2) for x, y in groups)
    spread = sum(np.sum((x - x.mean()) ** 2) for x, _ in groups)
    product = sum(np.sum((x - x.mean()) * (y - y.mean())) for x, y in groups)
    return found | {"r2": 1 - error / spread, "slope": product / spread}


def test_scores_per_bin_are_means_over_bins(arrays, resamples):
    observed, predicted, counted = arrays
    counted[_FEWEST - 1 :, 4] = False  # too few genes: this bin does not count
    found = scores("per_bin", arrays, resamples)
    bins = [k for k in range(15) if k != 4]
    expected = averages([(observed[counted[:, k], k], predicted[counted[:, k], k]) for k in bins])
    for metric, score in found.items():
        assert score.value == pytest.approx(expected[metric], rel=1e-9), metric
        assert score.n == 14


def test_scores_per_gene_are_means_over_genes(arrays, resamples):
    observed, predicted, counted = arrays
    counted[7, _FEWEST - 1 :] = False
    kept = np.flatnonzero(counted.sum(axis=1) >= _FEWEST)
    assert 7 not in kept
    found = scores("per_gene", arrays, resamples)
    expected = averages([(observed[g, counted[g]], predicted[g, counted[g]]) for g in kept])
    for metric, score in found.items():
        assert score.value == pytest.approx(expected[metric], rel=1e-9), metric
        assert score.n == len(kept)


def test_r2_per_bin_is_weighted_by_variance(arrays, resamples):
    observed, predicted, _ = arrays
    every = np.ones(observed.shape, dtype=bool)
    found = scores("per_bin", (observed, predicted, every), resamples)["r2"]
    expected = r2_score(observed, predicted, multioutput="variance_weighted")
    assert found.value == pytest.approx(expected)


def test_a_silent_bin_leaves_r2_and_slope_finite(arrays, resamples):
    arrays[0][:, 3] = 0  # what is observed
    found = scores("per_bin", arrays, resamples)
    for metric in ("r2", "slope"):
        assert np.isfinite([found[metric].value, *found[metric].replicates]).all()


def test_scores_in_closed_form():
    observed = np.array([[0.0, 1.0, 2.0, 3.0]])
    found = VIEWS["pooled"](
        Signal(observed, np.ones((1, 4), dtype=bool)),
        Signal(2 * observed + 1, np.ones((1, 4), dtype=bool)),
        resample_blocks(np.array([0]), resamples=2),
    )
    # Errors are 1, 2, 3, 4; the observed variance is 5 / 4.
    expected = [1, 1, 1 - 30 / 5, np.sqrt(30 / 4), 2.5, 2]
    np.testing.assert_allclose([score.value for score in found.values()], expected)


@pytest.mark.parametrize("how", ["pooled", "per_bin", "per_gene"])
def test_replicates_are_the_scores_of_the_drawn_genes(arrays, how):
    block = np.arange(24) // 3
    counts = np.array([[0, 2, 1, 1, 1, 1, 1, 1], [3, 1, 0, 0, 2, 0, 1, 1]], dtype=float)
    found = scores(how, arrays, Resamples(block, counts))
    for number, drawn in enumerate(counts.astype(int)):
        genes = np.concatenate(
            [np.repeat(np.flatnonzero(block == b), n) for b, n in enumerate(drawn)]
        )
        part = [array[genes] for array in arrays]
        again = scores(how, part, resample_blocks(np.zeros(len(genes), dtype=int), resamples=1))
        for metric in METRICS:
            if metric == "spearman" and how != "per_gene":
                continue  # ranks are not computed again: see the next test
            assert found[metric].replicates[number] == pytest.approx(again[metric].value), metric


def test_ranks_of_the_whole_sample_give_the_spread_of_spearman():
    """The approximation against ranks that are computed again in every resample."""
    rng = np.random.default_rng(1)
    x = np.repeat(rng.normal(size=(60, 1)), 10, axis=1) + rng.normal(size=(60, 10))
    y = x + rng.normal(size=x.shape)
    every = np.ones(x.shape, dtype=bool)
    resamples = resample_blocks(np.arange(60), resamples=400)
    found = VIEWS["pooled"](Signal(x, every), Signal(y, every), resamples)["spearman"].replicates
    again = [
        spearmanr(*(np.repeat(values, n, axis=0).ravel() for values in (x, y))).statistic
        for n in resamples.counts.astype(int)
    ]
    assert found.std() == pytest.approx(np.std(again), rel=0.15)
    assert np.corrcoef(found, again)[0, 1] > 0.95


@pytest.mark.parametrize("how", ["pooled", "per_bin", "per_gene"])
def test_a_constant_prediction_has_no_correlation(how):
    rng = np.random.default_rng(2)
    observed, every = rng.gamma(1, 3, (30, 12)), np.ones((30, 12), dtype=bool)
    constant = np.full((30, 12), 1e6 / 3)
    resamples = resample_blocks(np.arange(30) // 5, resamples=20)
    found = VIEWS[how](Signal(observed, every), Signal(constant, every), resamples)
    assert np.isnan([found["pearson"].value, found["spearman"].value]).all()
    assert np.isnan(found["pearson"].replicates).all()
    assert found["slope"].value == pytest.approx(0, abs=1e-9)
    assert found["rmse"].value == pytest.approx(1e6 / 3, rel=1e-4)


def test_correlation_of_each_bin(arrays, resamples):
    observed, predicted, counted = arrays
    counted[_FEWEST - 1 :, 4] = False
    value, replicates, n = bin_correlations(
        Signal(observed, counted), Signal(predicted, counted), resamples
    )
    expected = [
        pearsonr(observed[counted[:, k], k], predicted[counted[:, k], k]).statistic
        for k in range(15)
    ]
    expected[4] = np.nan
    np.testing.assert_allclose(value, expected)
    assert n.tolist() == counted.sum(axis=0).tolist()
    assert replicates.shape == (50, 15)


def test_differences_and_shares_are_paired(arrays, resamples):
    observed, predicted, counted = arrays
    good = scores("pooled", arrays, resamples)["pearson"]
    same = scores("pooled", (observed, 2 * predicted, counted), resamples)["pearson"]
    np.testing.assert_allclose(good.minus(same).replicates, 0, atol=1e-12)
    against = scores("pooled", (observed, -predicted, counted), resamples)["pearson"]
    ratio = good.over(same).replicates
    np.testing.assert_allclose(ratio[good.replicates > 0], 1)
    assert np.isnan(ratio[good.replicates <= 0]).all()
    assert np.isnan(good.over(against).value)
