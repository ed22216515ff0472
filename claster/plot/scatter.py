"""Predicted against observed transcription, a point a gene."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.metrics import correlations, log_signal
from claster.plot.style import OKABE_ITO, figure_of, new_figure, style

__all__ = ["gene_scatter"]


def gene_scatter(
    genes: pd.DataFrame, *, named: int = 5, unit: str = "reads", ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw predicted against observed signal of genes, and name those that lie farthest off.

    Parameters
    ----------
    genes
        `claster.analysis.tables.Tables.genes` of one condition: `gene_id`, `name`, `observed`,
        `predicted` (mean signal over the gene, not negative).
    named
        How many genes are named: those with the largest difference on log2(x + 1).
    unit
        Unit of the signal.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative.
    """
    observed, predicted = genes["observed"].to_numpy(), genes["predicted"].to_numpy()
    scores = correlations(observed, predicted)
    x, y = log_signal(observed), log_signal(predicted)
    top = 1.06 * max(float(np.max([x, y], initial=0)), 1.0)
    farthest = np.argsort(-np.abs(x - y), kind="stable")[:named]
    names = genes["name"].fillna(genes["gene_id"]).to_numpy()
    with style():
        if ax is None:
            ax = new_figure(3.9, 3.9).subplots()
        fig = figure_of(ax)
        ax.axline((0, 0), slope=1, color=OKABE_ITO["black"], linestyle="--", linewidth=1)
        ax.scatter(x, y, s=14, color=OKABE_ITO["blue"], linewidths=0, alpha=0.65)
        for row in farthest:
            right = x[row] > 0.7 * top
            ax.annotate(
                names[row],
                (x[row], y[row]),
                xytext=(-4 if right else 4, 0),
                textcoords="offset points",
                ha="right" if right else "left",
                va="center",
                fontsize=7,
                color="0.25",
            )
        ax.text(
            0.03,
            0.97,
            f"$r_p$ = {scores.pearson:.3f}\n$r_s$ = {scores.spearman:.3f}\nn = {scores.n:,}",
            transform=ax.transAxes,
            va="top",
            fontsize=8,
            linespacing=1.3,
        )
        ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
        ax.set_xlabel(f"Observed gene mean, log2({unit} + 1)")
        ax.set_ylabel(f"Predicted gene mean, log2({unit} + 1)")
    return fig, ax
