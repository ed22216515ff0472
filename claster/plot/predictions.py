"""Predicted against observed transcription: all bins, all genes, and the profile of one gene."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.metrics import correlations, fitted_slope, log_signal
from claster.analysis.statistics import pearson, spearman
from claster.genome.windows import Binning
from claster.plot.panels import TSS_AXIS, draw_counts, legend_above
from claster.plot.style import OKABE_ITO, canvas
from claster.plot.tracks import draw_gene

_CELLS = 120


def density(
    observed: np.ndarray,
    predicted: np.ndarray,
    *,
    points: str = "bins",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw predicted against observed signal as a 2-D histogram with logarithmic colours.

    The corner tells Pearson r, Spearman r, the least-squares slope of predicted on observed and the
    number of points, all on log2(x + 1); the dashed line is equality.

    Parameters
    ----------
    observed, predicted
        Non-negative signal (reads) of the same shape; every value is one point.
    points
        What the points are, for the colour bar.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
        The plot's axes; the colour bar has its own.

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative, or the shapes differ.
    """
    agreement = _agreement(observed, predicted)
    x, y = (log_signal(values).ravel() for values in (observed, predicted))
    top = _top(x, y)
    counts, edges, _ = np.histogram2d(x, y, bins=_CELLS, range=[[0, top], [0, top]])
    with canvas(ax, 4.7, 3.9) as (fig, ax):
        mesh = draw_counts(ax, edges, edges, counts, most=max(counts.max(), 10))
        _frame(ax, agreement, top)
        bar = fig.colorbar(mesh, ax=ax, pad=0.03, aspect=22)
        bar.set_label(f"Number of {points}")
        bar.outline.set_visible(False)
    return fig, ax


def gene_scatter(
    observed: np.ndarray,
    predicted: np.ndarray,
    *,
    named: Mapping[int, str] | None = None,
    log: bool = True,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw every gene as a point, its predicted against its observed mean signal.

    The corner tells what `density` tells; in reads it leaves the slope out.

    Parameters
    ----------
    observed, predicted
        Mean signal of each gene (reads), not negative, shape (genes,).
    named
        Genes to point out: index -> name.
    log
        Whether on log2(x + 1), else in reads.

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative, or the shapes differ.
    """
    corner = _agreement(observed, predicted)
    x, y = log_signal(observed), log_signal(predicted)
    if not log:
        x, y = np.asarray(observed, np.float64), np.asarray(predicted, np.float64)
        corner = f"$r_p$ = {pearson(x, y):.3f}\n$r_s$ = {spearman(x, y):.3f}\nn = {x.size:,}"
    top = _top(x, y)
    with canvas(ax, 3.9, 3.9) as (fig, ax):
        ax.scatter(x, y, s=10, color=OKABE_ITO["blue"], alpha=0.6, linewidth=0)
        for row, name in (named or {}).items():
            ax.scatter(x[row], y[row], s=26, facecolor="none", edgecolor="black", linewidth=1)
            ax.annotate(name, (x[row], y[row]), (5, -9), textcoords="offset points", fontsize=8)
        _frame(ax, corner, top)
        if not log:
            ax.set(xlabel="Observed (reads)", ylabel="Predicted (reads)")
    return fig, ax


def _top(x: np.ndarray, y: np.ndarray) -> float:
    return max(float(np.max([x, y], initial=0)), 1.0) * 1.02


def _agreement(observed: np.ndarray, predicted: np.ndarray) -> str:
    scores = correlations(observed, predicted)
    lines = [
        f"$r_p$ = {scores.pearson:.3f}",
        f"$r_s$ = {scores.spearman:.3f}",
        f"slope = {fitted_slope(observed, predicted):.2f}",
        f"n = {scores.n:,}",
    ]
    return "\n".join(lines)


def _frame(ax: Axes, agreement: str, top: float) -> None:
    """Agreement in the corner, the line of equality, and equal axes on log2(x + 1)."""
    ax.axline((0, 0), slope=1, color=OKABE_ITO["vermillion"], linestyle="--", linewidth=1)
    ax.text(
        0.03,
        0.97,
        agreement,
        transform=ax.transAxes,
        va="top",
        fontsize=8,
        linespacing=1.3,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
    )
    ax.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    ax.set(xlabel="Observed, log2(reads + 1)", ylabel="Predicted, log2(reads + 1)")


def profile(
    observed: np.ndarray,
    predicted: np.ndarray,
    binning: Binning,
    *,
    truth: np.ndarray | None = None,
    gene_span: tuple[int, int, str] | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the observed and the predicted transcription around one TSS.

    Parameters
    ----------
    observed, predicted
        Signal (reads), shape (bins,).
    binning
        The bins of the target window.
    truth
        Noise-free signal, shape (bins,), where it is known.
    gene_span
        Start and end of the gene in bp from the TSS (0-based half-open), and its strand; drawn as
        a bar above the profile with an arrow head at the 3' end.
    """
    series = [observed, predicted] if truth is None else [observed, predicted, truth]
    for values in series:
        if np.shape(values) != (binning.bins,):
            found = np.shape(values)
            raise ValueError(f"profiles of shape ({binning.bins},) needed, found {found}")
    centres = binning.middles / 1000
    reach = binning.half / 1000
    top = max(float(np.nanmax(series)), 0.0) or 1.0
    with canvas(ax, 7.2, 2.9) as (fig, ax):
        ax.stairs(observed, binning.edges / 1000, fill=True, color="0.75", label="observed")
        ax.plot(centres, predicted, color=OKABE_ITO["vermillion"], label="predicted")
        if truth is not None:
            (line,) = ax.plot(centres, truth, color=OKABE_ITO["blue"], label="noise-free truth")
            line.set(linewidth=1, linestyle=(0, (3, 1.5)))
        if gene_span is not None:
            start, end, strand = gene_span
            span = max(start / 1000, -reach), min(end / 1000, reach)
            draw_gene(ax, span, strand, height=1.1 * top, colour="black", label="gene")
        ax.set_xlim(-reach, reach)
        ax.set_ylim(0, top * (1.05 if gene_span is None else 1.18))
        ax.set_xlabel(TSS_AXIS)
        ax.set_ylabel(f"Nascent transcription\n(reads, mean per {binning.size / 1000:g} kb)")
        legend_above(ax, "right", ncols=4)
    return fig, ax
