import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.baselines import REACHES, _sample_rows, local_features
from claster.analysis.samples import LabelledGenes
from claster.errors import ClasterError
from claster.genome.windows import Binning, mirror

WINDOW, TARGET = Binning(1001, 100), Binning(41, 1000)


def landscapes(genes, tracks=2, *, window=WINDOW, seed=0):
    rng = np.random.default_rng(seed)
    return rng.gamma(0.2, 5, (genes, tracks, window.bins)).astype(np.float32)


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


@pytest.mark.parametrize("max_rows", [300, 10_000])
def test_sampled_rows_keep_features_distance_and_signal_together(max_rows):
    signal = landscapes(70)  # more than two chunks of genes
    names = [f"g{number}" for number in range(70)]
    features = local_features(signal, WINDOW, TARGET)
    distance = np.arange(70 * 41).reshape(70, 41)
    targets = np.stack([features[:, :, 3], features[:, :, 8]], axis=1)
    genes = LabelledGenes(
        names, lambda chosen: signal[[names.index(name) for name in chosen]], distance, targets
    )
    rows = _sample_rows(
        genes,
        targets,
        window=WINDOW,
        target=TARGET,
        max_rows=max_rows,
        rng=np.random.default_rng(0),
    )
    assert len(rows.features) == min(max_rows, 70 * 41)
    np.testing.assert_array_equal(rows.features, features.reshape(-1, 10)[rows.tss_distance])
    np.testing.assert_array_equal(rows.signal, rows.features[:, [3, 8]])
