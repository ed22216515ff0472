import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from claster.plot import (
    OKABE_ITO,
    calibration_curve,
    save,
    score_bars,
    score_by_bin,
    score_by_stratum,
)
from claster.plot.style import method_colour


@pytest.fixture
def scores():
    table = pd.DataFrame(
        {
            "method": ["network", "ATAC_at_bin", "mean_profile"],
            "value": [0.8, -0.2, np.nan],
            "low": [0.7, -0.25, np.nan],
            "high": [0.85, -0.1, np.nan],
        }
    )
    return table.assign(metric="pearson", scale="log2(x+1)", unit="1", by="all", stratum="all")


@pytest.fixture
def bins():
    rows = [
        (method, offset, value, value - 0.1, value + 0.1)
        for method, value in (("network", 0.8), ("ridge", 0.5))
        for offset in (-1000, 0, 1000)
    ]
    return pd.DataFrame(rows, columns=["method", "offset", "value", "low", "high"])


def test_bars_have_the_lengths_and_intervals_of_the_scores(scores):
    fig, ax = score_bars(scores)
    assert isinstance(fig, Figure)
    bars, errors = ax.containers
    assert [bar.get_width() for bar in bars] == [0.8, -0.2, 0]
    ends = np.array([line[:, 0] for line in errors[2][0].get_segments()[:2]])
    np.testing.assert_allclose(ends, [[0.7, 0.85], [-0.25, -0.1]])
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["network", "ATAC at the bin", "mean profile"]
    assert [text.get_text() for text in ax.texts] == [" undefined"]
    assert ax.get_xlabel() == "Pearson r, log2(x+1)"
    assert to_hex(bars[0].get_facecolor()).upper() == OKABE_ITO["vermillion"]
    low, high = ax.get_ylim()
    assert low > high  # the first method on top


def test_the_axis_tells_the_unit_of_an_error(scores):
    _, ax = score_bars(scores.assign(metric="rmse", unit="reads"))
    assert ax.get_xlabel() == "RMSE, reads"


def test_bars_are_of_one_metric_and_one_score_a_method(scores):
    with pytest.raises(ValueError, match="too many values"):
        score_bars(pd.concat([scores, scores.assign(metric="rmse")]))
    with pytest.raises(ValueError, match="several scores of one method"):
        score_bars(pd.concat([scores, scores]))


def test_strata_side_by_side(scores):
    first = scores.assign(by="gene length", stratum="1 of 2 (1 to 2 kb)")
    both = pd.concat([first, first.assign(stratum="2 of 2 (3 to 9 kb)", value=0.3)])
    _, ax = score_by_stratum(both)
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "1 of 2\n(1 to 2 kb)",
        "2 of 2\n(3 to 9 kb)",
    ]
    assert len(ax.containers) == 3
    points = ax.containers[0][0]
    assert points.get_ydata().tolist() == [0.8, 0.3]
    np.testing.assert_allclose(points.get_xdata(), [-0.2, 0.8])
    assert ax.get_xlabel() == "Genes by gene length"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "network",
        "ATAC at the bin",
        "mean profile",
    ]


def test_scores_by_distance(bins):
    _, ax = score_by_bin(bins)
    network, ridge = ax.lines[:2]
    assert network.get_xdata().tolist() == [-1, 0, 1]
    assert ridge.get_ydata().tolist() == [0.5] * 3
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (pytest.approx(0.7), pytest.approx(0.9))
    assert ax.get_xlim() == (-1, 1)
    assert ax.get_xlabel() == "Distance from the TSS (kb)"


def test_calibration_shows_its_points_and_equality():
    curve = pd.DataFrame(
        {
            "method": "network",
            "predicted": [0.0, 2, 4],
            "observed": [0.5, 2, 3],
            "low": [0.4, 1.8, np.nan],
            "high": [0.6, 2.2, np.nan],
        }
    )
    _, ax = calibration_curve(pd.concat([curve, curve.assign(method="ridge")]), unit="counts")
    assert ax.lines[0].get_xdata().tolist() == [0, 2, 4]
    assert ax.lines[0].get_ydata().tolist() == [0.5, 2, 3]
    assert ax.lines[2].get_slope() == 1
    assert ax.get_xlim() == ax.get_ylim() == (0, 1.04 * 4)
    assert ax.get_xlabel() == "Predicted, log2(counts + 1)"
    assert ax.get_ylabel() == "Mean observed, log2(counts + 1)"


def test_given_axes_are_drawn_into_and_files_repeat(scores, bins, tmp_path):
    fig = Figure()
    left, right = fig.subplots(1, 2)
    assert score_bars(scores, ax=left) == (fig, left)
    assert score_by_bin(bins, ax=right) == (fig, right)
    first, second = (
        save(score_by_bin(bins)[0], tmp_path / f"{name}.png").read_bytes() for name in "ab"
    )
    assert first == second


def test_methods_keep_their_colours():
    names = ["network", "ridge", "boosting", "mean_profile", "nearest_tss", "attainable"]
    assert len({method_colour(name, 0) for name in names}) == 6
    assert method_colour("ATAC_at_bin", 0) != method_colour("H3K27ac_at_bin", 1)
