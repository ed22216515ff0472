"""Areas of links against scikit-learn, folds and thresholds."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from claster.analysis.bootstrap import resample_blocks
from claster.analysis.crispr import _first_of_element
from claster.analysis.statistics import (
    _best_threshold,
    _decided_elsewhere,
    _link_metrics,
    curves,
    decide,
    score_links,
)


@pytest.mark.parametrize("seed", range(4))
def test_areas_are_those_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    positive = rng.random(200) < 0.2
    score = rng.integers(0, 30, 200) + 5.0 * positive  # many ties
    weights = np.stack([np.ones(200), rng.integers(0, 4, 200)])
    auroc, auprc = _link_metrics(positive, score, weights).values()
    for row, drawn in enumerate(weights):
        assert auroc[row] == pytest.approx(roc_auc_score(positive, score, sample_weight=drawn))
        expected = average_precision_score(positive, score, sample_weight=drawn)
        assert auprc[row] == pytest.approx(expected)


def test_areas_are_undefined_without_one_of_both():
    score, once = np.array([1.0, 2.0]), np.ones((1, 2))
    auroc, auprc = _link_metrics(np.array([True, True]), score, once).values()
    assert np.isnan(auroc[0])
    assert auprc[0] == 1
    auroc, auprc = _link_metrics(np.array([False, False]), score, once).values()
    assert np.isnan([auroc[0], auprc[0]]).all()


def test_a_predictor_that_ranks_every_link_last_has_no_ratio():
    scores = {"distance": np.array([1.0, 2, 3]), "other": np.array([3.0, 2, 1])}
    resamples = resample_blocks(np.arange(3), resamples=20)
    table = score_links(np.array([True, False, False]), scores, resamples)
    table = table.set_index(["predictor", "metric"])
    assert table["value"].xs("auroc", level="metric").tolist() == [0, 1]
    assert np.isnan(table.loc[("other", "auroc"), "ratio"])


def test_ratio_to_the_first_predictor_and_pairs_without_a_score():
    rng = np.random.default_rng(0)
    positive = np.tile([True, False, False, False], 100)
    good = positive + rng.normal(0, 0.3, 400)
    scores = {"distance": rng.random(400), "good": good, "partly": np.where(positive, np.nan, 1.0)}
    table = score_links(positive, scores, resample_blocks(np.arange(400) // 4, resamples=50))
    table = table.set_index(["predictor", "metric"])
    first, second = table.loc[("distance", "auprc")], table.loc[("good", "auprc")]
    assert (first["ratio"], first["ratio_low"], first["ratio_high"]) == (1, 1, 1)
    assert second["ratio"] == pytest.approx(second["value"] / first["value"])
    assert second["low"] < second["value"] < second["high"]
    assert table.loc[("partly", "auroc"), "value"] == 0


def test_curves_pass_through_known_points():
    points = curves(np.array([True, False, True]), {"a": np.array([3.0, 2.0, 1.0])})
    assert points["recall"].tolist() == [0.5, 0.5, 1.0]
    assert points["precision"].tolist() == [1.0, 0.5, pytest.approx(2 / 3)]
    assert points["false_positive_rate"].tolist() == [0, 1, 1]


def test_thresholds_come_from_other_folds():
    positive = np.array([True, False, True, False])
    score = np.array([10.0, 9.0, 2.0, 1.0])
    fold = np.array(["chr1", "chr1", "chr2", "chr2"])
    # The best threshold of chr2 is 2, that of chr1 is 10.
    assert _decided_elsewhere(positive, score, fold).tolist() == [1, 1, 0, 0]
    assert np.isnan(_decided_elsewhere(positive, score, np.array(["chr1"] * 4))).all()
    table = decide(positive, {"score": score}, fold, {"all": np.ones(4, bool)})
    assert table["precision"].tolist() == [0.5, 0.5]
    assert table["accuracy"].tolist() == [0.5, 0.5]
    assert table["recall"].tolist() == [0.5, 1.0]


def test_best_threshold_has_the_largest_f1():
    rng = np.random.default_rng(1)
    positive = rng.random(80) < 0.3
    score = positive + rng.normal(0, 0.7, 80)
    best = max(f1_score(positive, score >= value) for value in score)
    assert f1_score(positive, score >= _best_threshold(positive, score)) == pytest.approx(best)


def test_first_gene_of_each_element():
    pairs = pd.DataFrame({"element_id": ["a", "a", "b", "b"]})
    assert _first_of_element(pairs, pd.Series([1.0, 2.0, 5.0, 5.0])).tolist() == [
        False,
        True,
        True,
        False,
    ]
