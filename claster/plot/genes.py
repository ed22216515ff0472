"""Genes of a window: where they lie relative to its TSS, and how they are drawn."""

from dataclasses import dataclass

import pandas as pd
from matplotlib.axes import Axes

from claster.errors import ClasterError
from claster.genome.windows import Binning

__all__ = ["draw_gene", "draw_genes", "genes_around"]

_LANES = 4
_NAME_SIZE = 7
_INCHES_A_LETTER = 0.062
_CENTRE, _OTHER = "#000000", "#7F7F7F"
_TURNED = {"+": "-", "-": "+"}


def genes_around(
    genes: pd.DataFrame, gene_id: str, binning: Binning, *, rev: bool = False
) -> pd.DataFrame:
    """Return the genes that share a base with the window of one of them.

    Parameters
    ----------
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end`, `strand`, `tss` (bp, 0-based half-open).
    gene_id
        The gene whose TSS is the window's centre.
    binning
        The bins of the window.
    rev
        Whether to mirror the window, as in a rev sample.

    Returns
    -------
    pandas.DataFrame
        `gene_id`, `name`, `start`, `end` (bp from the centre, 0-based half-open), `strand` as seen
        in the window, and `is_centre`; ordered by `start`.

    Raises
    ------
    ClasterError
        If there is no such gene.
    """
    centre = genes[genes["gene_id"] == gene_id]
    if centre.empty:
        raise ClasterError(f"no gene {gene_id!r} in the gene table", remedy="check its spelling")
    tss, chrom = centre["tss"].iloc[0], centre["chrom"].iloc[0]
    near = genes[genes["chrom"] == chrom]
    start, end, strand = near["start"] - tss, near["end"] - tss, near["strand"]
    if rev:
        start, end, strand = -end, -start, strand.replace(_TURNED)
    table = pd.DataFrame(
        {
            "gene_id": near["gene_id"],
            "name": near["name"].fillna(near["gene_id"]),
            "start": start,
            "end": end,
            "strand": strand,
            "is_centre": near["gene_id"] == gene_id,
        }
    )
    inside = (table["end"] > -binning.half) & (table["start"] < binning.half)
    return table[inside].sort_values(["start", "end"], kind="stable").reset_index(drop=True)


@dataclass(frozen=True)
class _Place:
    lane: int
    named: bool


def draw_genes(
    ax: Axes, genes: pd.DataFrame, limits: tuple[float, float], *, inches: float
) -> None:
    """Draw genes as arrows in as few lanes as their names allow, and hide the y axis.

    Where names would overlap, the window's own gene keeps its name and crowded ones lose theirs.

    Parameters
    ----------
    ax
        Where to; its x axis is in kb from the TSS.
    genes
        From `genes_around`.
    limits
        What is shown, in kb from the TSS.
    inches
        About how wide `ax` will be, to tell how much room a name takes.
    """
    low, high = limits
    shown = genes[(genes["end"] > low * 1000) & (genes["start"] < high * 1000)]
    places = _place(shown, limits, inches=inches)
    lanes = max((place.lane for place in places.values()), default=0) + 1
    for gene in shown.itertuples():
        place = places[gene.Index]
        colour = _CENTRE if gene.is_centre else _OTHER
        start, end = _clipped(gene.start, gene.end, limits)
        draw_gene(ax, (start, end), gene.strand, height=-place.lane, colour=colour)
        if place.named:
            left, right = _name_span(gene.name, start, end, limits, inches=inches)
            ax.text(
                (left + right) / 2,
                -place.lane - 0.22,
                gene.name,
                ha="center",
                va="top",
                fontsize=_NAME_SIZE,
                fontweight="bold" if gene.is_centre else "normal",
                color=colour,
            )
    ax.set_xlim(limits)
    ax.set_ylim(-lanes + 0.05, 0.4)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def draw_gene(
    ax: Axes, span: tuple[float, float], strand: str, *, height: float, colour: str
) -> None:
    """Draw one gene as a bar over `span` (kb) with an arrow head at its 3' end."""
    start, end = span
    ax.plot([start, end], [height, height], color=colour, linewidth=3, solid_capstyle="butt")
    head, marker = (end, ">") if strand == "+" else (start, "<")
    ax.plot([head], [height], marker=marker, markersize=6, color=colour, clip_on=False)


def _place(genes: pd.DataFrame, limits: tuple[float, float], *, inches: float) -> dict[int, _Place]:
    """Choose a lane for each gene; the window's own gene first, then from left to right."""
    pad = 0.06 * (limits[1] - limits[0]) / inches
    taken: list[list[tuple[float, float]]] = [[] for _ in range(_LANES)]
    places = {}
    for gene in genes.sort_values(["is_centre", "start"], ascending=[False, True]).itertuples():
        body = _clipped(gene.start, gene.end, limits)
        name = _name_span(gene.name, *body, limits, inches=inches)
        whole = min(body[0], name[0]), max(body[1], name[1])
        choices = [(lane, span) for span in (whole, body) for lane in range(_LANES)]
        lane, span = next(
            (
                (lane, span)
                for lane, span in choices
                if all(span[1] + pad < low or span[0] > high + pad for low, high in taken[lane])
            ),
            (_LANES - 1, body),
        )
        taken[lane].append(span)
        places[gene.Index] = _Place(lane, named=span == whole)
    return places


def _clipped(start: float, end: float, limits: tuple[float, float]) -> tuple[float, float]:
    return max(start / 1000, limits[0]), min(end / 1000, limits[1])


def _name_span(
    name: str, start: float, end: float, limits: tuple[float, float], *, inches: float
) -> tuple[float, float]:
    """Return the room that a name takes in kb: centred below its gene, but within the limits."""
    low, high = limits
    width = len(name) * _INCHES_A_LETTER * (high - low) / inches
    left = min(max((start + end - width) / 2, low), high - width)
    return left, left + width
