"""The input tracks and the genes of one window."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot.panels import TSS_AXIS
from claster.plot.style import figure_of, new_figure, style, track_colour

_TRACK_HEIGHT, _LANE_HEIGHT = 0.95, 0.3


def landscape_tracks(
    landscape: np.ndarray,
    names: Sequence[str],
    binning: Binning,
    *,
    genes: pd.DataFrame | None = None,
    zoom_bp: int | None = None,
    axes: np.ndarray | None = None,
) -> tuple[Figure, np.ndarray]:
    """Draw the tracks of one window below each other, and its genes below them.

    Parameters
    ----------
    landscape
        Mean signal, shape (tracks, bins).
    genes
        From `claster.plot.genes_around`; None draws no genes.
    zoom_bp
        Width in bp of the middle part that a second column shows enlarged (shaded in the first);
        None draws the whole window only.
    axes
        Where to draw, shape (rows, columns) as returned; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (tracks + 1 with genes, 2 with a zoom or 1). Each panel has its own y axis.
    """
    landscape = np.asarray(landscape)
    if landscape.shape != (len(names), binning.bins):
        raise ValueError(
            f"a landscape of shape {(len(names), binning.bins)} needed, found {landscape.shape}"
        )
    if zoom_bp is not None and not binning.size <= zoom_bp <= binning.width:
        raise ValueError(f"zoom of {zoom_bp} bp in a window of {binning.width} bp")
    whole = binning.half / 1000
    reaches = [whole] if zoom_bp is None else [whole, zoom_bp / 2000]
    width = 7.2 if zoom_bp is None else 9.6
    placed = [
        place_genes(genes, (-reach, reach), inches=0.85 * width / len(reaches))
        for reach in reaches
        if genes is not None
    ]
    lanes = max(map(lanes_of, placed), default=0)
    rows = len(names) + (genes is not None)
    with style():
        if axes is None:
            axes = _new_axes(len(names), len(reaches), width=width, lanes=lanes)
            figure_of(axes[0, 0]).supylabel(f"Mean signal per {binning.size} bp", fontsize=9)
        if axes.shape != (rows, len(reaches)):
            raise ValueError(f"axes of shape {(rows, len(reaches))} needed, found {axes.shape}")
        fig = figure_of(axes[0, 0])
        for column, reach in enumerate(reaches):
            for row, values in enumerate(landscape):
                draw_track(axes[row, column], values, binning, reach, colour=track_colour(row))
                if column == 0 and zoom_bp is not None:
                    span = reaches[1]
                    axes[row, 0].axvspan(-span, span, color="0.92", linewidth=0, zorder=-1)
            if genes is not None:
                draw_genes(axes[-1, column], placed[column], (-reach, reach), lanes=lanes)
            axes[-1, column].set_xlabel(TSS_AXIS)
        for row, name in enumerate(names):
            axes[row, 0].set_title(name, loc="left", fontsize=9, pad=3, color=track_colour(row))
        if zoom_bp is not None:
            axes[0, 1].set_title(
                f"middle {zoom_bp / 1000:g} kb", loc="right", fontsize=8, pad=3, color="0.4"
            )
    return fig, axes


def _new_axes(tracks: int, columns: int, *, width: float, lanes: int) -> np.ndarray:
    heights = [_TRACK_HEIGHT] * tracks + ([_LANE_HEIGHT * lanes] if lanes else [])
    fig = new_figure(width, sum(heights) + 0.6)
    return fig.subplots(
        len(heights), columns, sharex="col", squeeze=False, gridspec_kw={"height_ratios": heights}
    )


def draw_track(
    ax: Axes, values: np.ndarray, binning: Binning, reach: float, *, colour: str
) -> None:
    """Draw the signal of one track within `reach` kb of the TSS, on a y axis of its own."""
    edges = binning.edges / 1000
    inside = (edges[1:] > -reach) & (edges[:-1] < reach)
    first, last = np.flatnonzero(inside)[[0, -1]]
    seen = values[first : last + 1]
    # The thin outline keeps peaks visible that are narrower than a pixel.
    ax.stairs(
        seen,
        edges[first : last + 2],
        fill=True,
        facecolor=colour,
        edgecolor=colour,
        linewidth=0.4,
        rasterized=True,
    )
    top, bottom = max(float(np.nanmax(seen)), 0.0), min(float(np.nanmin(seen)), 0.0)
    ax.set(xlim=(-reach, reach), ylim=(1.05 * bottom, 1.05 * top if top > bottom else 1))
    ax.yaxis.set_major_locator(MaxNLocator(2, min_n_ticks=2))


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
    table = near[["gene_id"]].assign(
        name=near["name"].fillna(near["gene_id"]),
        start=start,
        end=end,
        strand=strand,
        is_centre=near["gene_id"] == gene_id,
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
    """Place genes of `genes_around` in as few lanes as their names allow.

    Where there are more genes than room, the window's own gene keeps its name and crowded ones lose
    theirs.

    Parameters
    ----------
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
    """Draw genes from `place_genes` as arrows, their names below, in `lanes` lanes; limits are in kb."""
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
    ax.set(xlim=limits, ylim=(-lanes + 0.1, 0.4))
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
