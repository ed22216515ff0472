"""Calibration: what is observed where a method predicts a certain signal."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.plot.methods import method_colour, method_label
from claster.plot.style import OKABE_ITO, figure_of, new_figure, style

__all__ = ["calibration_curve"]


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
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """
    with style():
        if ax is None:
            ax = new_figure(4.2, 3.9).subplots()
        fig = figure_of(ax)
        top = 0.0
        for number, (method, curve) in enumerate(calibration.groupby("method", sort=False)):
            colour = method_colour(str(method), number)
            ax.plot(
                curve["predicted"],
                curve["observed"],
                color=colour,
                marker="o",
                markersize=3,
                label=method_label(str(method)),
            )
            ax.fill_between(
                curve["predicted"],
                curve["low"],
                curve["high"],
                color=colour,
                alpha=0.2,
                linewidth=0,
            )
            top = max(top, curve[["predicted", "observed", "high"]].max().max())
        top = 1.04 * top or 1.0
        ax.axline((0, 0), slope=1, color=OKABE_ITO["black"], linestyle="--", linewidth=1)
        ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
        ax.set_xlabel(f"Predicted, log2({unit} + 1)")
        ax.set_ylabel(f"Mean observed, log2({unit} + 1)")
        ax.legend(loc="upper left")
    return fig, ax
