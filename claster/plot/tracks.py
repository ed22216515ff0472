"""The input tracks of one window."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from claster.genome.windows import Binning
from claster.plot.genes import draw_genes, lanes_of, place_genes
from claster.plot.style import figure_of, new_figure, style, track_colour

TSS_AXIS = "Distance from the TSS (kb)"

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
    """Draw one track within `reach` kb of the TSS, on a y axis of its own.

    Parameters
    ----------
    values
        Mean signal, shape (bins,).
    reach
        What is shown on either side of the TSS, kb.
    """
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
    ax.set_xlim(-reach, reach)
    ax.set_ylim(1.05 * bottom, 1.05 * top if top > bottom else 1)
    ax.yaxis.set_major_locator(MaxNLocator(2, min_n_ticks=2))
