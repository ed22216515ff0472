"""Genes whose chromatin the network has not seen are told, and they are those that it gets wrong."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score

from claster.analysis.shift import Familiar
from claster.errors import ClasterError


def drawn(genes, seed, shift=0.0):
    """Return features of genes that vary together, those of one track moved, and what they transcribe."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(genes, 3)) @ np.random.default_rng(9).normal(size=(3, 8))
    features = mixed + rng.normal(size=(genes, 8)) / 4
    moved = features.copy()
    moved[:, :4] += shift
    return moved, moved.sum(axis=1) + rng.normal(size=genes) / 4


def test_distance_by_hand():
    familiar = Familiar.of(np.array([[0.0], [2.0]] * 5), np.array([[1.0]]))
    assert familiar.distances(np.array([[0.0], [4.0]])) == pytest.approx([1.0, 3.0])
    assert familiar.limit == pytest.approx(1.0)


def test_flag_finds_the_genes_whose_error_doubled():
    known, seen = drawn(800, 0)
    network = HistGradientBoostingRegressor(random_state=0).fit(known, seen)
    familiar = Familiar.of(known, drawn(300, 1)[0])
    usual, usual_truth = drawn(300, 2)
    usual_error = np.abs(network.predict(usual) - usual_truth).mean()
    mixed = [drawn(150, 3, shift) for shift in (0.0, 3.0)]
    features, truth = (np.concatenate(part) for part in zip(*mixed, strict=True))
    doubled = np.abs(network.predict(features) - truth) > 2 * usual_error
    assert 0.2 < doubled.mean() < 0.8
    assert roc_auc_score(doubled, familiar.distances(features)) >= 0.8


def test_a_handful_of_training_genes_tells_nothing():
    with pytest.raises(ClasterError, match="9 training genes"):
        Familiar.of(np.zeros((9, 2)), np.zeros((3, 2)))
