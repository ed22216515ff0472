import numpy as np
import pytest
from sklearn.metrics import r2_score
from threadpoolctl import threadpool_limits

from claster.analysis.baselines import (
    _ALPHAS,
    REACHES,
    _mean_profile,
    fit_baselines,
    local_features,
    predict_baselines,
)
from claster.analysis.metrics import correlations
from claster.analysis.samples import LabelledGenes
from claster.errors import ClasterError
from claster.genome.windows import Binning

WINDOW, TARGET = Binning(1001, 100), Binning(41, 1000)
TRACKS = ["ATAC", "H3K27ac"]
METHODS = [
    *("mean_profile", "nearest_tss"),
    *("ATAC_at_bin", "H3K27ac_at_bin"),
    *("ridge", "boosting"),
]


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    monkeypatch.setattr("claster.analysis.baselines._TREES", 40)


def landscapes(genes, tracks=2, *, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.2, 5, (genes, tracks, WINDOW.bins)).astype(np.float32)


def distances(genes, seed=0):
    return np.random.default_rng(seed).integers(0, 100_000, (genes, TARGET.bins))


def gene_set(signal, targets, distance=None):
    names = [f"g{number}" for number in range(len(signal))]
    distance = distances(len(signal)) if distance is None else distance
    return LabelledGenes(
        names, lambda chosen: signal[[names.index(name) for name in chosen]], distance, targets
    )


def planted(signal, *, weights, noise=0.0, seed=1):
    """Targets of two conditions that follow a linear rule in the features."""
    features = local_features(signal, WINDOW, TARGET)
    logged = np.stack([2 + features @ row for row in weights], axis=1)
    logged += np.random.default_rng(seed).normal(0, noise, logged.shape)
    return (2**logged - 1).clip(min=0)


def weights_of(tracks, seed=5):
    return np.random.default_rng(seed).uniform(0, 0.3, (2, tracks * len(REACHES)))


def fit(train, valid=None, **options):
    return fit_baselines(
        train, valid or train, track_names=TRACKS, window=WINDOW, target=TARGET, **options
    )


def test_mean_profile_of_literals():
    targets = np.array([[0, 2, 4], [2, 4, 12]], dtype=np.float32)
    np.testing.assert_array_equal(_mean_profile(targets), [1, 3, 8])
    both = np.stack([targets, 10 * targets], axis=1)
    np.testing.assert_array_equal(_mean_profile(both), [[1, 3, 8], [10, 30, 80]])


def test_every_method_predicts_every_gene():
    weights = weights_of(2)
    train, test = (
        gene_set(part, planted(part, weights=weights))
        for part in (landscapes(40, seed=1), landscapes(35, seed=3))
    )
    fitted = fit(train)
    assert fitted.rows == 40 * 41
    found = predict_baselines(fitted, test)
    assert list(found) == fitted.names == METHODS
    for predicted in found.values():
        assert predicted.shape == (35, 2, 41)
        assert predicted.dtype == np.float32
        assert predicted.min() >= 0
    expected = np.broadcast_to(train.targets.mean(axis=0), (35, 2, 41))
    np.testing.assert_allclose(found["mean_profile"], expected, rtol=1e-6)


def test_ridge_recovers_a_planted_rule():
    weights = weights_of(2)
    parts = [landscapes(genes, seed=seed) for genes, seed in ((40, 1), (10, 2), (10, 3))]
    train, valid, test = (gene_set(part, planted(part, weights=weights)) for part in parts)
    fitted = fit(train, valid)
    for one, rule in zip(fitted.conditions, weights, strict=True):
        assert one.ridge.alpha == _ALPHAS[0]
        np.testing.assert_allclose(one.ridge.coef_ / fitted.scaler.scale_, rule, atol=2e-3)
    np.testing.assert_allclose(predict_baselines(fitted, test)["ridge"], test.targets, rtol=0.01)


def test_boosting_finds_what_no_line_can():
    def both_marks(signal):
        features = local_features(signal, WINDOW, TARGET)
        high = (features[:, :, 1] > 0.6) & (features[:, :, 6] > 0.6)
        return np.where(high, 30.0, 1.0)[:, np.newaxis]

    train, valid, test = (
        gene_set(part, both_marks(part)) for part in (landscapes(60, seed=s) for s in (1, 2, 3))
    )
    fitted = fit(train, valid)
    found = predict_baselines(fitted, test)
    r = {name: correlations(test.targets, array).pearson for name, array in found.items()}
    assert r["boosting"] > 0.98
    assert r["ridge"] < 0.9


def test_single_tracks_and_distance_recover_their_own_rule():
    signal = landscapes(50)
    features = local_features(signal, WINDOW, TARGET)
    distance = distances(50, seed=2)
    near = 2.0 ** (6 - np.log10(distance + 1)) - 1
    targets = np.stack([2 ** (1 + features[:, :, len(REACHES)]) - 1, near], axis=1)
    genes = gene_set(signal, targets, distance)
    fitted = fit(genes)
    slope, intercept = fitted.conditions[0].tracks[1]
    assert (slope, intercept) == (pytest.approx(1), pytest.approx(1))
    found = predict_baselines(fitted, genes)
    np.testing.assert_allclose(found["H3K27ac_at_bin"][:, 0], targets[:, 0], rtol=1e-4)
    np.testing.assert_allclose(found["nearest_tss"][:, 1], near, rtol=1e-4)


def test_ridge_chooses_a_large_penalty_for_noise():
    train, valid = (
        gene_set(part, planted(part, weights=0 * weights_of(2), noise=1, seed=seed))
        for seed, part in enumerate([landscapes(3, seed=1), landscapes(20, seed=2)])
    )
    assert min(one.ridge.alpha for one in fit(train, valid).conditions) >= 1000


def test_shuffled_labels_teach_nothing():
    """Shuffled, the labels leave nothing but their mean: R2 is 0 (r of one feature keeps its size)."""
    weights = weights_of(2)
    train, valid, test = (
        gene_set(part, planted(part, weights=weights, noise=0.3))
        for part in (landscapes(60, seed=s) for s in (1, 2, 3))
    )
    ridge = predict_baselines(fit(train, valid), test)["ridge"]
    assert r2_score(*logged(test.targets, ridge)) > 0.1
    rng = np.random.default_rng(0)
    for genes in (train, valid):
        for condition in range(2):
            flat = genes.targets[:, condition].ravel()
            genes.targets[:, condition] = rng.permutation(flat).reshape(60, 41)
    fitted = fit(train, valid)
    assert [one.boosting.n_iter_ < 40 for one in fitted.conditions] == [True, True]
    found = predict_baselines(fitted, test)
    del found["mean_profile"]  # a mean of raw signal, above that of its logarithm
    for name, predicted in found.items():
        assert -0.1 < r2_score(*logged(test.targets, predicted)) < 0.02, name


def logged(observed, predicted):
    return np.log2(observed[:, 0].ravel() + 1), np.log2(predicted[:, 0].ravel() + 1)


def test_rows_are_a_seeded_sample():
    signal = landscapes(70)
    genes = gene_set(signal, planted(signal, weights=weights_of(2), noise=0.5))

    def predicted(seed, max_rows=500):
        fitted = fit(genes, seed=seed, max_rows=max_rows)
        assert fitted.rows == min(max_rows, 70 * 41)
        found = predict_baselines(fitted, genes)
        return np.stack([found["ridge"], found["boosting"]])

    assert predicted(1).tobytes() == predicted(1).tobytes()
    assert predicted(1).tobytes() != predicted(2).tobytes()


@pytest.mark.slow
def test_the_number_of_threads_changes_no_byte(monkeypatch):
    monkeypatch.setattr("claster.analysis.baselines._TREES", 20)
    signal = landscapes(70)
    genes = gene_set(signal, planted(signal, weights=weights_of(2), noise=0.5))
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            found.append(predict_baselines(fit(genes), genes))
    for name in METHODS:
        assert found[0][name].tobytes() == found[1][name].tobytes(), name


def test_without_validation_genes_nothing_is_chosen():
    signal = landscapes(8)
    train = gene_set(signal, planted(signal, weights=weights_of(2)))
    valid = LabelledGenes([], train.read, np.empty((0, 41), dtype=int), np.empty((0, 2, 41)))
    fitted = fit(train, valid)
    assert [one.ridge.alpha for one in fitted.conditions] == [1, 1]
    assert [one.boosting.n_iter_ for one in fitted.conditions] == [100, 100]


def test_training_genes_are_needed():
    empty = LabelledGenes([], lambda _: landscapes(0), distances(0), np.empty((0, 2, 41)))
    with pytest.raises(ClasterError, match="no training gene"):
        fit(empty, empty)


def test_negative_targets_are_refused():
    signal = landscapes(4)
    genes = gene_set(signal, -np.ones((4, 1, 41)))
    with pytest.raises(ClasterError, match="training targets: 164 of 164 values are negative"):
        fit(genes)


def test_constant_tracks_do_no_harm():
    signal = landscapes(6)
    signal[:, 1] = 0
    genes = gene_set(signal, planted(signal, weights=weights_of(2)))
    fitted = fit(genes)
    assert fitted.conditions[0].tracks[1][0] == 0
    np.testing.assert_allclose(predict_baselines(fitted, genes)["ridge"], genes.targets, rtol=0.02)
