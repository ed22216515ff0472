"""Genes whose chromatin the network has not seen are told, and they are those that it gets wrong."""

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score

from claster.analysis.other_cells import track_shift, unlikeness
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
    known, found = np.array([[0.0], [2.0]] * 5), np.array([[0.0], [4.0]])
    distances, limit = unlikeness(known, np.array([[1.0]]), found)
    assert distances == pytest.approx([1.0, 3.0])
    assert limit == pytest.approx(1.0)


def test_ninety_nine_percent_of_validation_genes_lie_within_the_limit():
    _, limit = unlikeness(np.zeros((10, 1)), np.arange(101.0)[:, None], np.zeros((1, 1)))
    assert limit == pytest.approx(99)


def test_flag_finds_the_genes_whose_error_doubled():
    known, seen = drawn(800, 0)
    network = HistGradientBoostingRegressor(random_state=0).fit(known, seen)
    usual, usual_truth = drawn(300, 2)
    usual_error = np.abs(network.predict(usual) - usual_truth).mean()
    mixed = [drawn(150, 3, shift) for shift in (0.0, 3.0)]
    features, truth = (np.concatenate(part) for part in zip(*mixed, strict=True))
    doubled = np.abs(network.predict(features) - truth) > 2 * usual_error
    assert 0.2 < doubled.mean() < 0.8
    distances, _ = unlikeness(known, drawn(300, 1)[0], features)
    assert roc_auc_score(doubled, distances) >= 0.8


def test_a_handful_of_training_genes_tells_nothing():
    with pytest.raises(ClasterError, match="9 training genes"):
        unlikeness(np.zeros((9, 2)), np.zeros((3, 2)), np.zeros((1, 2)))


def test_tracks_that_lie_outside_are_told():
    usual = np.zeros((100, 10))
    usual[:, 2], usual[:, 7] = np.log1p(np.arange(100)), np.log1p(5)
    found = usual[:50].copy()
    found[:10, 7], found[10:15, 7] = np.log1p(7), np.log1p(1)
    table = track_shift(["ATAC", "H3K27ac"], usual, found).set_index("track")
    assert table.loc["ATAC"].to_dict() == pytest.approx(
        {"training": 49.5, "here": 24.5, "below": 0.02, "above": 0}, rel=0.01
    )
    assert table.loc["H3K27ac"].to_dict() == pytest.approx(
        {"training": 5, "here": 5, "below": 0.1, "above": 0.2}
    )
