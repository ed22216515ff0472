import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.baselines import (
    ALPHAS,
    REACHES,
    LabelledGenes,
    fit_local_ridge,
    local_features,
    mean_profile,
    predict_local_ridge,
)
from claster.errors import ClasterError
from claster.genome.windows import Binning, mirror

WINDOW, TARGET = Binning(1001, 100), Binning(41, 1000)


def landscapes(genes, tracks=2, *, window=WINDOW, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.2, 5, (genes, tracks, window.bins)).astype(np.float32)


def gene_set(signal, targets):
    names = [f"g{number}" for number in range(len(signal))]
    return LabelledGenes(
        names, lambda chosen: signal[[names.index(name) for name in chosen]], targets
    )


def planted(signal, *, weights, noise=0.0, seed=1):
    """Targets of two conditions that follow a linear rule in the features."""
    features = local_features(signal, WINDOW, TARGET)
    logged = np.stack([2 + features @ row for row in weights], axis=1)
    logged += np.random.default_rng(seed).normal(0, noise, logged.shape)
    return (2**logged - 1).clip(min=0)


def weights_of(tracks, seed=5):
    return np.random.default_rng(seed).uniform(0, 0.3, (2, tracks * len(REACHES)))


def test_mean_profile_of_literals():
    targets = np.array([[0, 2, 4], [2, 4, 12]], dtype=np.float32)
    np.testing.assert_array_equal(mean_profile(targets), [1, 3, 8])
    both = np.stack([targets, 10 * targets], axis=1)
    np.testing.assert_array_equal(mean_profile(both), [[1, 3, 8], [10, 30, 80]])


def test_mean_profile_needs_a_gene():
    with pytest.raises(ClasterError, match="no training gene"):
        mean_profile(np.empty((0, 3)))


@given(
    window=st.builds(
        Binning, st.integers(0, 30).map(lambda n: 2 * n + 1), st.sampled_from([100, 250])
    ),
    target=st.builds(
        Binning, st.integers(0, 4).map(lambda n: 2 * n + 1), st.sampled_from([200, 1000])
    ),
    seed=st.integers(0, 99),
)
def test_features_agree_with_means_over_bases(window, target, seed):
    signal = landscapes(2, 3, window=window, seed=seed)
    found = local_features(signal, window, target)
    assert found.shape == (2, target.bins, 3 * len(REACHES))
    bases = np.repeat(signal.astype(np.float64), window.size, axis=2)
    for bin_number, offset in enumerate(target.offsets):
        centre = window.half + offset * target.size
        for number, reach in enumerate(REACHES):
            low, high = max(centre - reach, 0), max(centre + reach, 0)
            inside = bases[:, :, low:high]
            mean = inside.mean(axis=2) if inside.shape[2] else np.zeros((2, 3))
            np.testing.assert_allclose(
                found[:, bin_number, number :: len(REACHES)], np.log1p(mean), atol=1e-9
            )


def test_features_of_literals():
    signal = np.zeros((1, 2, 1001), dtype=np.float32)
    signal[0, 0] = 3
    signal[0, 1, 500] = 80  # 100 bp of 1 kb around the TSS, 100 bp of 4 kb, ...
    found = local_features(signal, WINDOW, TARGET)[0, 20]
    np.testing.assert_allclose(found[:5], np.log(4))
    np.testing.assert_allclose(found[5:], np.log1p([8, 2, 0.8, 0.4, 0.2]))


def test_features_of_the_mirrored_landscape_are_mirrored():
    signal = landscapes(3)
    forward = local_features(signal, WINDOW, TARGET)
    turned = local_features(mirror(signal), WINDOW, TARGET)
    np.testing.assert_allclose(turned, forward[:, ::-1], atol=1e-9)


def test_features_keep_the_sign_of_negative_signal():
    signal = landscapes(1)
    np.testing.assert_array_equal(
        local_features(-signal, WINDOW, TARGET), -local_features(signal, WINDOW, TARGET)
    )


def test_features_refuse_missing_signal():
    signal = landscapes(1)
    signal[0, 1, 7] = np.nan
    with pytest.raises(ClasterError, match="missing or infinite"):
        local_features(signal, WINDOW, TARGET)


def test_ridge_recovers_a_planted_rule():
    weights = weights_of(2)
    parts = [landscapes(genes, seed=seed) for genes, seed in ((40, 1), (10, 2), (10, 3))]
    train, valid, test = (gene_set(part, planted(part, weights=weights)) for part in parts)
    ridge = fit_local_ridge(train, valid, window=WINDOW, target=TARGET)
    assert ridge.rows == 40 * 41
    assert ridge.alphas == (ALPHAS[0], ALPHAS[0])
    predicted = predict_local_ridge(ridge, test)
    assert predicted.shape == (10, 2, 41)
    assert predicted.dtype == np.float32
    np.testing.assert_allclose(predicted, test.targets, rtol=0.01)
    for model, rule in zip(ridge.models, weights, strict=True):
        np.testing.assert_allclose(model.coef_ / ridge.scaler.scale_, rule, atol=2e-3)


def test_ridge_chooses_a_large_penalty_for_noise():
    train, valid = (
        gene_set(part, planted(part, weights=0 * weights_of(2), noise=1, seed=seed))
        for seed, part in enumerate([landscapes(3, seed=1), landscapes(20, seed=2)])
    )
    ridge = fit_local_ridge(train, valid, window=WINDOW, target=TARGET)
    assert min(ridge.alphas) >= 1000


def test_ridge_predicts_no_negative_signal():
    signal = landscapes(8)
    falling = gene_set(signal, planted(signal, weights=-1.8 * weights_of(2)))
    ridge = fit_local_ridge(falling, falling, window=WINDOW, target=TARGET)
    predicted = predict_local_ridge(ridge, falling)
    assert predicted.min() == 0
    assert 0.05 < np.mean(predicted == 0) < 0.9


def test_ridge_takes_a_seeded_sample_of_the_rows():
    signal = landscapes(70)  # more than two chunks of genes
    genes = gene_set(signal, planted(signal, weights=weights_of(2), noise=0.5))

    def predicted(seed, max_rows=500):
        ridge = fit_local_ridge(
            genes, genes, window=WINDOW, target=TARGET, seed=seed, max_rows=max_rows
        )
        assert ridge.rows == min(max_rows, 70 * 41)
        return predict_local_ridge(ridge, genes)

    assert predicted(1).tobytes() == predicted(1).tobytes()
    assert predicted(1).tobytes() != predicted(2).tobytes()
    np.testing.assert_allclose(predicted(1), predicted(1, 400_000), rtol=0.5)


def test_sampled_rows_keep_features_and_targets_together():
    weights = weights_of(2)
    signal = landscapes(70)
    genes = gene_set(signal, planted(signal, weights=weights))
    ridge = fit_local_ridge(genes, genes, window=WINDOW, target=TARGET, max_rows=300)
    np.testing.assert_allclose(predict_local_ridge(ridge, genes), genes.targets, rtol=0.02)


def test_ridge_without_validation_genes_takes_penalty_1():
    signal = landscapes(8)
    train = gene_set(signal, planted(signal, weights=weights_of(2)))
    valid = LabelledGenes([], train.read, np.empty((0, 2, 41)))
    assert fit_local_ridge(train, valid, window=WINDOW, target=TARGET).alphas == (1, 1)


def test_ridge_needs_training_genes():
    empty = LabelledGenes([], lambda _: landscapes(0), np.empty((0, 2, 41)))
    with pytest.raises(ClasterError, match="no training gene"):
        fit_local_ridge(empty, empty, window=WINDOW, target=TARGET)


def test_ridge_refuses_negative_targets():
    signal = landscapes(4)
    genes = gene_set(signal, -np.ones((4, 1, 41)))
    with pytest.raises(ClasterError, match="training targets: 164 of 164 values are negative"):
        fit_local_ridge(genes, genes, window=WINDOW, target=TARGET)


def test_constant_tracks_do_no_harm():
    signal = landscapes(6)
    signal[:, 1] = 0
    genes = gene_set(signal, planted(signal, weights=weights_of(2)))
    ridge = fit_local_ridge(genes, genes, window=WINDOW, target=TARGET)
    np.testing.assert_allclose(predict_local_ridge(ridge, genes), genes.targets, rtol=0.02)
