"""Genes of a window: where they lie relative to its TSS, and how they are drawn."""

from dataclasses import dataclass, replace

import pandas as pd
from matplotlib.axes import Axes

from claster.errors import ClasterError
from claster.genome.windows import Binning

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
class _GeneRow:
    """One gene as drawn: clipped to the limits, in kb from the TSS.

    `lane` counts from the top; `name_at` is the middle of the name, or None where it has no room.
    """

    name: str
    start: float
    end: float
    strand: str
    is_centre: bool
    lane: int = 0
    name_at: float | None = None


def place_genes(
    genes: pd.DataFrame, limits: tuple[float, float], *, inches: float
) -> list[_GeneRow]:
    """Place genes in as few lanes as their names allow.

    Where there are more genes than room, the window's own gene keeps its name and crowded ones lose
    theirs.

    Parameters
    ----------
    genes
        From `genes_around`.
    limits
        What is shown, in kb from the TSS.
    inches
        About how wide the axes will be, to tell how much room a name takes.
    """
    kb_an_inch = (limits[1] - limits[0]) / inches
    pad = 0.06 * kb_an_inch
    taken: list[list[tuple[float, float]]] = [[] for _ in range(_LANES)]
    placed = []
    for gene in _genes_within(genes, limits):
        body = gene.start, gene.end
        width = len(gene.name) * _INCHES_A_LETTER * kb_an_inch
        left = min(max((gene.start + gene.end - width) / 2, limits[0]), limits[1] - width)
        whole = min(gene.start, left), max(gene.end, left + width)
        free = (
            (lane, span, is_named)
            for span, is_named in ((whole, True), (body, False))
            for lane in range(_LANES)
            if all(span[1] + pad < low or span[0] > high + pad for low, high in taken[lane])
        )
        lane, span, is_named = next(free, (_LANES - 1, body, False))
        taken[lane].append(span)
        placed.append(replace(gene, lane=lane, name_at=left + width / 2 if is_named else None))
    return placed


def lanes_of(placed: list[_GeneRow]) -> int:
    """Return the number of lanes that placed genes take, at least 1."""
    return max((gene.lane for gene in placed), default=0) + 1


def draw_genes(
    ax: Axes, placed: list[_GeneRow], limits: tuple[float, float], *, lanes: int
) -> None:
    """Draw placed genes as arrows, their names below, and hide the y axis.

    Parameters
    ----------
    ax
        Where to; its x axis is in kb from the TSS.
    placed
        From `place_genes`.
    limits
        What is shown, in kb from the TSS.
    lanes
        How many lanes there is room for.
    """
    for gene in placed:
        colour = _CENTRE if gene.is_centre else _OTHER
        draw_gene(ax, (gene.start, gene.end), gene.strand, height=-gene.lane, colour=colour)
        if gene.name_at is not None:
            ax.text(
                gene.name_at,
                -gene.lane - 0.2,
                gene.name,
                ha="center",
                va="top",
                fontsize=_NAME_SIZE,
                fontweight="bold" if gene.is_centre else "normal",
                color=colour,
            )
    ax.set_xlim(limits)
    ax.set_ylim(-lanes + 0.1, 0.4)
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)


def draw_gene(
    ax: Axes,
    span: tuple[float, float],
    strand: str,
    *,
    height: float,
    colour: str,
    label: str | None = None,
) -> None:
    """Draw one gene as a bar over `span` (kb) with an arrow head at its 3' end."""
    start, end = span
    ax.plot(
        [start, end],
        [height, height],
        color=colour,
        linewidth=3,
        solid_capstyle="butt",
        label=label,
    )
    head, marker = (end, ">") if strand == "+" else (start, "<")
    ax.plot([head], [height], marker=marker, markersize=6, color=colour, clip_on=False)


def _genes_within(genes: pd.DataFrame, limits: tuple[float, float]) -> list[_GeneRow]:
    """Return the genes within the limits, the window's own first, then from left to right."""
    columns = [genes[name].tolist() for name in ("name", "start", "end", "strand", "is_centre")]
    within = [
        _GeneRow(name, max(start / 1000, limits[0]), min(end / 1000, limits[1]), strand, is_centre)
        for name, start, end, strand, is_centre in zip(*columns, strict=True)
    ]
    within = [gene for gene in within if gene.start < gene.end]
    return sorted(within, key=lambda gene: (not gene.is_centre, gene.start))
