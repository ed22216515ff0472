"""Scores with their intervals, calibration and learning curves."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.plot.panels import TSS_AXIS, draw_band, draw_bars, interval_arms, legend_above
from claster.plot.style import (
    OKABE_ITO,
    canvas,
    method_colour,
    method_label,
    new_figure,
    style,
)

_NAMES = {
    "pearson": "Pearson r",
    "spearman": "Spearman r",
    "r2": "R2",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "slope": "Slope of predicted on observed",
    "share_of_attainable": "Share of the noise ceiling (Pearson r)",
}


def score_bars(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw one score of every method as a bar with its 95 % interval.

    Parameters
    ----------
    scores
        Rows of `claster.analysis.tables.Tables.scores`: one a method, of one metric.
    """
    metric = _only(scores, "metric")
    if scores["method"].duplicated().any():
        raise ValueError("several scores of one method")
    rows = np.arange(len(scores))
    with canvas(ax, 5.4, 0.7 + 0.27 * len(scores)) as (fig, ax):
        colours = [method_colour(name, row) for row, name in enumerate(scores["method"])]
        draw_bars(ax, rows, scores[["value", "low", "high"]], color=colours, height=0.7)
        for row, value in enumerate(scores["value"]):
            if np.isnan(value):
                ax.text(0, row, " undefined", va="center", fontsize=7, color="0.35")
        ax.axvline(0, color=OKABE_ITO["black"], linewidth=0.8)
        ax.set_yticks(rows, [method_label(name) for name in scores["method"]])
        ax.set(ylim=(len(scores) - 0.5, -0.5), xlabel=_axis(scores, metric))
    return fig, ax


def score_by_stratum(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw one score of some methods in each group of genes, with 95 % intervals.

    Parameters
    ----------
    scores
        Rows of `claster.analysis.tables.Tables.scores`: one a method and stratum, of one metric and
        one grouping (`by`).
    """
    metric, by = _only(scores, "metric"), _only(scores, "by")
    strata = scores["stratum"].unique()
    methods = scores["method"].unique()
    with canvas(ax, 2.2 + 1.1 * len(strata), 3.2) as (fig, ax):
        for number, method in enumerate(methods):
            rows = scores[scores["method"] == method].set_index("stratum").reindex(strata)
            shift = (number - (len(methods) - 1) / 2) * 0.6 / len(methods)
            ax.errorbar(
                np.arange(len(strata)) + shift,
                rows["value"],
                yerr=interval_arms(rows["value"], rows["low"], rows["high"]),
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
        legend_above(ax, "left", ncols=3)
    return fig, ax


def score_by_bin(bins: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw Pearson r across genes against the distance of the bin from the TSS, with intervals.

    Parameters
    ----------
    bins
        `claster.analysis.tables.Tables.bins` of one condition: `method`, `offset` (bp), `value`,
        `low`, `high`. Each method is a line.
    """
    with canvas(ax, 7.2, 3.0) as (fig, ax):
        for number, (method, rows) in enumerate(bins.groupby("method", sort=False)):
            colour = method_colour(str(method), number)
            bounds, label = rows[["value", "low", "high"]], method_label(str(method))
            draw_band(ax, rows["offset"] / 1000, bounds, colour=colour, linewidth=1, label=label)
        ax.axhline(0, color="0.8", linewidth=0.8, zorder=0)
        ax.set_xlim(bins["offset"].min() / 1000, bins["offset"].max() / 1000)
        ax.set_xlabel(TSS_AXIS)
        ax.set_ylabel("Pearson r across genes")
        legend_above(ax, "left", ncols=4)
    return fig, ax


def _only(scores: pd.DataFrame, column: str) -> str:
    (value,) = scores[column].unique()
    return str(value)


def _axis(scores: pd.DataFrame, metric: str) -> str:
    unit, scale = _only(scores, "unit"), _only(scores, "scale")
    return f"{_NAMES[metric]}, {scale if unit == '1' else unit}"


def calibration_curve(
    calibration: pd.DataFrame, *, unit: str = "reads", ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the mean observed signal of bins that are predicted alike, with 95 % intervals.

    A perfect method lies on the dashed line; below it a method promises too much.

    Parameters
    ----------
    calibration
        `claster.analysis.tables.Tables.calibration` of one condition: `method`, `predicted`,
        `observed`, `low`, `high`, all on log2(x + 1). Each method is a line.
    unit
        Unit of the signal.
    """
    with canvas(ax, 4.2, 3.9) as (fig, ax):
        top = 0.0
        for number, (method, curve) in enumerate(calibration.groupby("method", sort=False)):
            draw_band(
                ax,
                curve["predicted"],
                curve[["observed", "low", "high"]],
                colour=method_colour(str(method), number),
                marker="o",
                markersize=3,
                label=method_label(str(method)),
            )
            top = max(top, curve[["predicted", "observed", "high"]].max().max())
        top = 1.04 * top or 1.0
        ax.axline((0, 0), slope=1, color=OKABE_ITO["black"], linestyle="--", linewidth=1)
        ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
        ax.set(xlabel=f"Predicted, log2({unit} + 1)", ylabel=f"Mean observed, log2({unit} + 1)")
        ax.legend(loc="upper left")
    return fig, ax


def learning_curve(
    history: pd.DataFrame, *, best: int | None = None, performance: str = "Validation performance"
) -> tuple[Figure, np.ndarray]:
    """Draw loss and validation performance against training steps.

    Parameters
    ----------
    history
        From `claster.eir.history.read_history`: `split` (train, valid), `step`, `loss`, `performance`.
    best
        The step of the model that was kept, marked with a dotted line.
    performance
        What the performance is, for its axis.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (2,): loss, performance.
    """
    with style():
        fig = new_figure(7.2, 2.7)
        axes = fig.subplots(1, 2)
        train, valid = (history[history["split"] == split] for split in ("train", "valid"))
        axes[0].plot(train["step"], train["loss"], color="0.6", linewidth=0.9, label="training")
        look = {"color": OKABE_ITO["blue"]}
        axes[0].plot(valid["step"], valid["loss"], linewidth=1.6, label="validation", **look)
        axes[1].plot(valid["step"], valid["performance"], marker="o", markersize=3, **look)
        if best is not None:
            for ax in axes:
                ax.axvline(best, color="0.4", linestyle=(0, (1, 1.6)), linewidth=1.1)
            axes[1].text(
                best,
                1.0,
                "model kept",
                transform=axes[1].get_xaxis_transform(),
                ha="right",
                va="bottom",
                fontsize=8,
                color="0.4",
            )
        losses = history["loss"]
        if (losses > 0).all() and losses.max() > 10 * losses.min():
            axes[0].set_yscale("log")
        for ax, label in zip(axes, ("Loss", performance), strict=True):
            ax.set(xlabel="Training step", ylabel=label)
        axes[0].legend(loc="upper right")
    return fig, axes
