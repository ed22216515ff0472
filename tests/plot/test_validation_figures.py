"""Figures of validations and of chromatin states."""

import numpy as np
import pandas as pd
import pytest

from claster.analysis.statistics import curves
from claster.errors import ClasterError
from claster.plot.perturbation import state_cloud
from claster.plot.style import save
from claster.plot.validation import (
    control_p_values,
    lifted_repression,
    link_curves,
    planted_against_predicted,
    recovered_by_distance,
)


def test_curves_end_at_full_recall(tmp_path):
    positive = np.array([True, False, True, False])
    points = curves(positive, {"distance": np.array([4.0, 3, 2, 1])})
    scores = pd.DataFrame(
        {
            "predictor": "distance",
            "metric": ["auroc", "auprc"],
            "value": [0.75, 0.8],
            "n": 4,
            "links": 2,
        }
    )
    fig, (roc, pr) = link_curves(points, scores)
    assert roc.lines[-1].get_xydata()[-1].tolist() == [1, 1]
    assert [text.get_text() for text in pr.get_legend().get_texts()] == ["distance 0.80"]
    save(fig, tmp_path / "a.png")


def test_many_predictors_are_told_apart_beside_the_curves():
    names = ["distance", "abc", "perturbation", *(f"3DContactOfFile{n}" for n in range(9))]
    positive, values = np.array([True, False, True]), np.array([3.0, 2, 1])
    points = curves(positive, dict.fromkeys(names, values))
    rows = [(name, metric, 0.5, 3, 2) for name in names for metric in ("auroc", "auprc")]
    scores = pd.DataFrame(rows, columns=["predictor", "metric", "value", "n", "links"])
    fig, axes = link_curves(points, scores)
    fig.canvas.draw()
    for ax in axes:
        lines = ax.lines[1:]
        assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == len(names)
        assert not ax.get_legend().get_window_extent().overlaps(ax.get_window_extent())


def test_points_are_planted_and_predicted(tmp_path):
    pairs = pd.DataFrame(
        {
            "planted": ["proximal", "contact", "none"],
            "planted_effect": [-1.0, -0.5, 0.0],
            "effect": [-0.8, 0.0, 0.1],
        }
    )
    fig, ax = planted_against_predicted(pairs)
    drawn = np.concatenate([dots.get_offsets() for dots in ax.collections])
    assert sorted(drawn.tolist()) == [[-1.0, -0.8], [-0.5, 0.0], [0.0, 0.1]]
    save(fig, tmp_path / "a.png")


def test_repressed_genes_are_told_from_the_others():
    genes = pd.DataFrame(
        {"repressed": [True, False], "planted_effect": [1.0, 0.0], "effect": [0.8, -0.1]}
    )
    _, ax = lifted_repression(genes)
    assert ax.collections[1].get_offsets().tolist() == [[1.0, 0.8]]


def test_only_classes_with_links_are_drawn():
    names = ["1-2 kb", "2-5 kb", "5-10 kb", "10-20 kb", "20-50 kb", "50-100 kb", "> 100 kb"]
    share = [np.nan, 0.9, np.nan, 0.5, np.nan, np.nan, 0.0]
    table = pd.DataFrame(
        {"group": names, "n": 9, "share": share, "share_low": 0.0, "share_high": 1.0}
    )
    _, ax = recovered_by_distance(table)
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "2-5 kb\nn = 9",
        "10-20 kb\nn = 9",
        "> 100 kb\nn = 9",
    ]
    _, ax = control_p_values(np.array([0.5, 0.25]))
    assert ax.lines[-1].get_xdata().tolist() == [0.25, 0.5]


def test_states_before_and_after(tmp_path):
    rng = np.random.default_rng(0)
    names = ["ATAC", "H3K4me3", "H3K27ac", "H3K27me3"]
    before = rng.gamma(2, 9, (5, 4))
    fig, axes = state_cloud(rng.gamma(0.5, 6, (3, 4, 401)), names, before, np.zeros((5, 4)))
    offsets = axes[1].collections[1].get_offsets()
    np.testing.assert_allclose(offsets, np.log2(before[:, [1, 2]] + 1))
    save(fig, tmp_path / "a.png")
    with pytest.raises(ClasterError, match="no track 'ATAC'"):
        state_cloud(np.zeros((1, 1, 9)), ["H3K27ac"], np.zeros((1, 1)), np.zeros((1, 1)))
