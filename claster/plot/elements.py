"""Genes, candidate elements and the links between them over a stretch of a chromosome."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Arc

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot.panels import TSS_AXIS
from claster.plot.style import OKABE_ITO, new_figure, style
from claster.plot.tracks import draw_genes, genes_around, lanes_of, place_genes

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
        The gene whose TSS is the window's centre, one of `genes`.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (2,): genes, elements.

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
        told = [f"{name} ({len(spans[name])})" for name in classes]
        axes[1].set_yticks(range(len(classes)), told)
        axes[1].set(ylim=(max(len(classes), 1) - 0.5, -0.5), xlabel=TSS_AXIS)
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


_THIN, _THICK = 0.5, 2.4


def element_arcs(
    effects: pd.DataFrame,
    genes: pd.DataFrame,
    *,
    chrom: str,
    start: int,
    end: int,
    limit: float | None = None,
) -> tuple[Figure, np.ndarray]:
    """Draw the effect of each element on each gene as an arc from the element to the gene's TSS.

    An arc is as high as it is wide, blue where the gene falls and red where it rises, thicker
    where the effect is larger; the largest effects lie on top. Elements are the marks on the axis.

    Parameters
    ----------
    effects
        Columns `chrom`, `element_start`, `element_end`, `tss` (bp, 0-based half-open) and `effect`
        (log2), of one condition and dose.
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end`, `strand`.
    chrom, start, end
        What is shown, bp, 0-based half-open. Arcs with an end outside are left out.
    limit
        Effect at either end of the colours; None takes the 98th percentile of the absolute effects.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (2,): arcs, genes.

    Raises
    ------
    ClasterError
        If there is no link within the stretch.
    """
    middle = (effects["element_start"] + effects["element_end"]) / 2
    inside = (effects["chrom"] == chrom) & middle.between(start, end)
    inside &= effects["tss"].between(start, end) & effects["effect"].notna()
    if not inside.any():
        raise ClasterError(
            f"no element and gene both lie in {chrom}:{start:,}-{end:,}",
            remedy="choose a wider stretch or another one",
        )
    links = pd.DataFrame(
        {
            "element": middle[inside] / 1000,
            "tss": effects["tss"][inside] / 1000,
            "effect": effects["effect"][inside],
        }
    ).sort_values("effect", key=np.abs, kind="stable")
    reach = limit or float(links["effect"].abs().quantile(0.98)) or 1.0
    limits = (start / 1000, end / 1000)
    here = genes[genes["chrom"] == chrom]
    here = here.assign(name=here["name"].fillna(here["gene_id"]), is_centre=False)
    placed = place_genes(here, limits, inches=0.8 * _WIDTH)
    lanes = lanes_of(placed)
    heights = [1.7, 0.3 * lanes]
    colour = ScalarMappable(Normalize(-reach, reach), colormaps["RdBu_r"])
    with style():
        fig = new_figure(_WIDTH, sum(heights) + 0.6)
        axes = fig.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": heights})
        for link in links.itertuples(index=False):
            strength = min(abs(link.effect) / reach, 1)
            width = abs(link.element - link.tss)
            arc = Arc(((link.element + link.tss) / 2, 0), width, 2 * width, theta1=0, theta2=180)
            arc.set(
                color=colour.to_rgba(link.effect), linewidth=_THIN + (_THICK - _THIN) * strength
            )
            axes[0].add_patch(arc)
        axes[0].plot(links["element"], np.zeros(len(links)), "|", color="0.25", markersize=7)
        axes[0].set_ylim(0, 1.05 * (links["element"] - links["tss"]).abs().max() or 1.0)
        axes[0].set_yticks([])
        axes[0].spines["left"].set_visible(False)
        axes[0].tick_params(bottom=False, labelbottom=False)
        draw_genes(axes[1], placed, limits, lanes=lanes)
        axes[1].xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes[1].set_xlabel(f"Position on {chrom} (kb)")
        bar = fig.colorbar(colour, ax=axes[:1], extend="both", pad=0.02, aspect=12)
        bar.set_label("Effect (log2)")
        bar.outline.set_linewidth(0.6)
    return fig, axes
