"""Predicted effects against a CRISPR interference screen."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.crispr.result import CrisprFiles
from claster.plot.style import OKABE_ITO, figure_of, new_figure, save, style
from claster.plot.validation import link_curves
from claster.text import read_table

__all__ = ["draw_crispr", "measured_against_predicted"]


def measured_against_predicted(
    pairs: pd.DataFrame, *, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the predicted effect of each pair against the measured one.

    Parameters
    ----------
    pairs
        `effect` (log2), `effect_size` (share of expression gained) and `regulated`.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """
    # A share of -1 is no expression at all, which has no logarithm.
    measured = np.log2(1 + pairs["effect_size"].clip(lower=-0.99))
    with style():
        if ax is None:
            ax = new_figure(4.4, 3.6).subplots()
        fig = figure_of(ax)
        for axis in (ax.axhline, ax.axvline):
            axis(0, color="0.6", linewidth=0.8)
        for chosen, colour, label in (
            (~pairs["regulated"], "0.7", "not regulated"),
            (pairs["regulated"], OKABE_ITO["vermillion"], "regulated"),
        ):
            ax.scatter(
                measured[chosen],
                pairs["effect"][chosen],
                s=9,
                color=colour,
                linewidths=0,
                alpha=0.8,
                label=f"{label} (n = {int(chosen.sum()):,})",
            )
        ax.set_xlabel("Measured effect (log2 silenced / control)")
        ax.set_ylabel("Predicted effect (log2 perturbed / baseline)")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.1)
    return fig, ax


def draw_crispr(files: CrisprFiles) -> list[Path]:
    """Draw the figures of a comparison into its folder.

    Returns
    -------
    list of Path
        The PNG files.
    """
    pairs = pd.read_parquet(files.pairs)
    scores = read_table(files.scores)
    everything = scores[scores["distance"] == "all"]
    figures = {
        "curves": link_curves(pd.read_parquet(files.curves), everything)[0],
        "effects": measured_against_predicted(pairs[pairs["scored"]])[0],
    }
    return [save(fig, files.folder / f"{name}.png") for name, fig in figures.items()]
