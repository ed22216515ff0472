"""How far information reaches: Pearson r of genes by what models see around the TSS."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.reach import ReachFiles
from claster.plot.style import OKABE_ITO, figure_of, new_figure, save, style
from claster.text import read_table

__all__ = ["draw_reach"]

_COLOURS = {
    "marks": OKABE_ITO["blue"],
    "marks and contacts": OKABE_ITO["vermillion"],
    "planted rule": OKABE_ITO["black"],
}


def _reach_curves(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw r with its interval against the radius, a line a model.

    Parameters
    ----------
    scores
        `model`, `radius_bp`, `r`, `low`, `high`.
    ax
        Where to draw; None makes a figure.
    """
    with style():
        ax = new_figure(4.6, 3.2).subplots() if ax is None else ax
        for name, rows in scores.groupby("model", sort=False):
            colour = _COLOURS.get(str(name), OKABE_ITO["purple"])
            kb = rows["radius_bp"] / 1000
            ax.fill_between(kb, rows["low"], rows["high"], color=colour, alpha=0.15, linewidth=0)
            ax.plot(kb, rows["r"], marker="o", markersize=3, color=colour, label=name)
        ax.set_xscale("log")
        ax.set_xlabel("Seen on either side of the TSS (kb)")
        ax.set_ylabel("Pearson r of genes")
        ax.legend()
    return figure_of(ax), ax


def draw_reach(files: ReachFiles) -> Path:
    """Draw `_reach_curves` of a result into its folder and return the PNG."""
    return save(_reach_curves(read_table(files.scores))[0], files.figure)
