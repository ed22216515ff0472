"""Predicted against measured change of treated cells."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.treated import TreatedFiles
from claster.plot.style import OKABE_ITO, figure_of, new_figure, save, style
from claster.text import read_table

__all__ = ["change_of_genes", "draw_treated"]


def change_of_genes(genes: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw the measured change of each gene against the predicted one.

    Parameters
    ----------
    genes
        `predicted_change`, `measured_change` (log2) and `measured_baseline` (reads), which colours points.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
    """
    with style():
        if ax is None:
            ax = new_figure(4.6, 3.7).subplots()
        fig = figure_of(ax)
        for axis in (ax.axhline, ax.axvline):
            axis(0, color="0.8", linewidth=0.8)
        ax.axline((0, 0), slope=1, color=OKABE_ITO["black"], linewidth=0.8, linestyle=":")
        points = ax.scatter(
            genes["predicted_change"],
            genes["measured_change"],
            c=np.log2(genes["measured_baseline"] + 1),
            cmap="viridis",
            s=14,
            linewidths=0,
        )
        fig.colorbar(points, ax=ax, label="Measured before (log2(reads + 1))")
        ax.set_xlabel("Predicted change (log2 treated / baseline)")
        ax.set_ylabel("Measured change (log2 treated / baseline)")
    return fig, ax


def draw_treated(files: TreatedFiles) -> list[Path]:
    """Draw the figure of a comparison into its folder.

    Returns
    -------
    list of Path
        The PNG file.
    """
    fig, _ = change_of_genes(read_table(files.genes))
    return [save(fig, files.folder / "change.png")]
