"""Scores with their intervals: by method, by group of genes, and by distance from the TSS."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.plot.methods import method_colour, method_label
from claster.plot.style import OKABE_ITO, figure_of, new_figure, style
from claster.plot.tracks import TSS_AXIS

__all__ = ["score_bars", "score_by_bin", "score_by_stratum"]

_NAMES = {
    "pearson": "Pearson r",
    "spearman": "Spearman r",
    "r2": "R2",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "slope": "Slope of predicted on observed",
    "share_of_attainable": "Share of the attainable Pearson r",
}


def score_bars(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw one score of every method as a bar with its 95 % interval.

    Parameters
    ----------
    scores
        Rows of `claster.analysis.tables.Tables.scores`: one a method, of one metric.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """
    metric = _only(scores, "metric")
    if scores["method"].duplicated().any():
        raise ValueError("several scores of one method")
    rows = np.arange(len(scores))
    with style():
        if ax is None:
            ax = new_figure(5.4, 0.7 + 0.27 * len(scores)).subplots()
        fig = figure_of(ax)
        colours = [method_colour(name, row) for row, name in enumerate(scores["method"])]
        ax.barh(rows, scores["value"].fillna(0), color=colours, height=0.7)
        ax.errorbar(
            scores["value"],
            rows,
            xerr=_arms(scores),
            fmt="none",
            ecolor="0.35",
            elinewidth=1.2,
            capsize=2,
        )
        for row, value in enumerate(scores["value"]):
            if np.isnan(value):
                ax.text(0, row, " undefined", va="center", fontsize=7, color="0.35")
        ax.axvline(0, color=OKABE_ITO["black"], linewidth=0.8)
        ax.set_yticks(rows, [method_label(name) for name in scores["method"]])
        ax.set_ylim(len(scores) - 0.5, -0.5)
        ax.set_xlabel(_axis(scores, metric))
    return fig, ax


def score_by_stratum(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw one score of some methods in each group of genes, with 95 % intervals.

    Parameters
    ----------
    scores
        Rows of `claster.analysis.tables.Tables.scores`: one a method and stratum, of one metric and
        one grouping (`by`).
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """
    metric, by = _only(scores, "metric"), _only(scores, "by")
    strata = scores["stratum"].unique()
    methods = scores["method"].unique()
    with style():
        if ax is None:
            ax = new_figure(2.2 + 1.1 * len(strata), 3.2).subplots()
        fig = figure_of(ax)
        for number, method in enumerate(methods):
            rows = scores[scores["method"] == method].set_index("stratum").reindex(strata)
            shift = (number - (len(methods) - 1) / 2) * 0.6 / len(methods)
            ax.errorbar(
                np.arange(len(strata)) + shift,
                rows["value"],
                yerr=_arms(rows),
                fmt="o",
                markersize=4,
                elinewidth=1.2,
                capsize=2,
                color=method_colour(method, number),
                label=method_label(method),
            )
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.set_xticks(np.arange(len(strata)), [name.replace(" (", "\n(") for name in strata])
        ax.set_xlim(-0.5, len(strata) - 0.5)
        ax.set_xlabel(f"Genes by {by}")
        ax.set_ylabel(_axis(scores, metric))
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.1)
    return fig, ax


def score_by_bin(bins: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw Pearson r across genes against the distance of the bin from the TSS, with intervals.

    Parameters
    ----------
    bins
        `claster.analysis.tables.Tables.bins` of one condition: `method`, `offset` (bp), `value`,
        `low`, `high`. Each method is a line.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """
    with style():
        if ax is None:
            ax = new_figure(7.2, 3.0).subplots()
        fig = figure_of(ax)
        for number, (method, rows) in enumerate(bins.groupby("method", sort=False)):
            colour = method_colour(str(method), number)
            place = rows["offset"] / 1000
            ax.fill_between(place, rows["low"], rows["high"], color=colour, alpha=0.2, linewidth=0)
            ax.plot(
                place, rows["value"], color=colour, linewidth=1, label=method_label(str(method))
            )
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.set_xlim(bins["offset"].min() / 1000, bins["offset"].max() / 1000)
        ax.set_xlabel(TSS_AXIS)
        ax.set_ylabel("Pearson r across genes")
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.1)
    return fig, ax


def _only(scores: pd.DataFrame, column: str) -> str:
    (value,) = scores[column].unique()
    return str(value)


def _arms(scores: pd.DataFrame) -> np.ndarray:
    """Return the lengths of both arms of the intervals, shape (2, rows); 0 where there is none."""
    arms = np.stack([scores["value"] - scores["low"], scores["high"] - scores["value"]])
    return np.nan_to_num(arms).clip(min=0)


def _axis(scores: pd.DataFrame, metric: str) -> str:
    unit = _only(scores, "unit")
    scale = _only(scores, "scale")
    return f"{_NAMES[metric]}, {scale if unit == '1' else unit}"
