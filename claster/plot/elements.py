"""Genes and candidate regulatory elements of a window."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from claster.genome.windows import Binning
from claster.plot.genes import draw_genes, genes_around, lanes_of, place_genes
from claster.plot.style import OKABE_ITO, new_figure, style
from claster.plot.tracks import TSS_AXIS

__all__ = ["element_map"]

_COLOURS = {
    "PLS": "vermillion",
    "pELS": "orange",
    "dELS": "yellow",
    "DNase-H3K4me3": "purple",
    "CTCF-only": "sky blue",
}
_GREY = "0.5"
_WIDTH = 7.2
_THINNEST = 0.0015
"""Least width of an element as drawn, as a share of the window: 200 bp of 1 Mb would not be seen."""


def element_map(
    elements: pd.DataFrame, genes: pd.DataFrame, gene_id: str, binning: Binning
) -> tuple[Figure, np.ndarray]:
    """Draw the genes of a window and, below them, its elements, one row a class.

    Parameters
    ----------
    elements
        `element_id`, `chrom`, `start`, `end` (0-based half-open), `group`: classes with commas
        between them, of which the first counts here.
    genes
        Genes with `gene_id`, `name`, `chrom`, `start`, `end`, `strand`, `tss`.
    gene_id
        The gene whose TSS is the window's centre.
    binning
        The bins of the window.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (2,): genes, elements.

    Raises
    ------
    ClasterError
        If there is no such gene.

    References
    ----------
    Classes: ENCODE Project Consortium, Nature 2020, doi 10.1038/s41586-020-2493-4.
    """
    limits = (-binning.half / 1000, binning.half / 1000)
    placed = place_genes(genes_around(genes, gene_id, binning), limits, inches=0.85 * _WIDTH)
    spans = _spans(elements, genes[genes["gene_id"] == gene_id].iloc[0], limits)
    lanes = lanes_of(placed)
    classes = [name for name in _COLOURS if name in spans] + sorted(set(spans) - set(_COLOURS))
    heights = [0.3 * lanes, 0.28 * max(len(classes), 1)]
    with style():
        fig = new_figure(_WIDTH, sum(heights) + 0.7)
        axes = fig.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        draw_genes(axes[0], placed, limits, lanes=lanes)
        axes[0].spines["bottom"].set_visible(False)
        axes[0].tick_params(bottom=False)
        for row, name in enumerate(classes):
            colour = OKABE_ITO[_COLOURS[name]] if name in _COLOURS else _GREY
            axes[1].broken_barh(spans[name], (row - 0.35, 0.7), facecolors=colour, linewidth=0)
        axes[1].set_yticks(
            range(len(classes)), [f"{name} ({len(spans[name])})" for name in classes]
        )
        axes[1].set_ylim(max(len(classes), 1) - 0.5, -0.5)
        axes[1].set_xlabel(TSS_AXIS)
    return fig, axes


def _spans(
    elements: pd.DataFrame, gene: pd.Series, limits: tuple[float, float]
) -> dict[str, list[tuple[float, float]]]:
    """Return left end and width (kb from the TSS) of the elements of a window by class."""
    start, end = (elements[edge] - gene["tss"] for edge in ("start", "end"))
    low, high = (1000 * limit for limit in limits)
    inside = (elements["chrom"] == gene["chrom"]) & (end > low) & (start < high)
    thinnest = _THINNEST * (high - low)
    spans: dict[str, list[tuple[float, float]]] = {}
    for group, left, right in zip(
        elements["group"][inside], start[inside], end[inside], strict=True
    ):
        name = str(group).partition(",")[0] or "element"
        width = max(right - left, thinnest)
        spans.setdefault(name, []).append(((left + right - width) / 2000, width / 1000))
    return spans
