"""The contact map of one window."""

from dataclasses import dataclass
from math import sqrt
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.contacts.shapes import MapKind, MapValue, RotatedMap
from claster.plot.panels import TSS_AXIS, legend_above
from claster.plot.style import canvas, style

_LABELS = {
    "log10": "log10 contact frequency (balanced)",
    "log_oe": "log2 observed / expected contacts",
}
_MISSING = "0.8"


def contact_map(
    map: np.ndarray,
    resolution: int,
    *,
    value: MapValue,
    kind: MapKind = "diagonal",
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw a contact map: midpoint of the two loci against their separation, or locus by locus.

    The two dotted lines are the contacts of the TSS itself. Cells that are not finite are grey.

    Parameters
    ----------
    map
        Shape (rows, columns), in genome orientation or mirrored.
    resolution
        Width of a bin in bp.
    value
        ``log10`` (log10 contact frequency) or ``log_oe`` (log2 observed over expected), which is
        coloured symmetrically around 0.
    kind
        ``diagonal`` (row r is the separation of 2 r bins, column m the midpoint at m - columns // 2
        bins from the TSS), ``paper_rotated`` (drawn the same way up, with its own, narrower axis) or
        ``paper_square`` (both axes are loci).
    limits
        Values of the ends of the colour bar; None takes the 1st and 99.5th percentile, or plus and
        minus the 99th percentile of the absolute value for ``log_oe``.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
        The map's axes; the colour bar has its own.
    """
    if value not in _LABELS:
        raise ValueError(f"value must be one of {', '.join(_LABELS)}, found {value!r}")
    known = map[np.isfinite(map)]
    fig, ax = draw_map(
        map,
        resolution,
        kind,
        ax=ax,
        colours="RdBu_r" if value == "log_oe" else "YlOrRd",
        limits=limits or _colour_limits(known, value),
        extend="both",
        label=_LABELS[value],
    )
    with style():
        ax.lines[-1].set(color="0.1", linewidth=1.1, label="contacts of the TSS")
        if known.size < map.size:
            ax.plot([], [], "s", color=_MISSING, label="no data")
        legend_above(ax, "right", ncols=2)
    return fig, ax


def draw_map(
    map: np.ndarray,
    resolution: int,
    kind: MapKind,
    *,
    ax: Axes | None,
    colours: str,
    limits: tuple[float, float],
    extend: Literal["max", "both"],
    label: str,
) -> tuple[Figure, Axes]:
    """Draw a map, its colour bar, and at last a dotted line along the contacts of the TSS.

    Parameters
    ----------
    colours, limits, extend, label
        Of the colour bar.
    """
    frame = _map_frame(map.shape, resolution, kind)
    square = kind == "paper_square"
    with canvas(ax, *((5.2, 4.2) if square else (7.2, 3.5))) as (fig, ax):
        image = ax.imshow(
            np.ma.masked_invalid(map),
            cmap=colours,
            vmin=limits[0],
            vmax=limits[1],
            extent=(-frame.half, frame.half, frame.bottom, frame.top),
            origin=frame.origin,
            aspect="equal" if square else "auto",
            interpolation="nearest",
        )
        ax.set_facecolor(_MISSING)
        ax.plot(*frame.tss, linestyle=(0, (1, 1.6)))
        ax.set(xlim=(-frame.half, frame.half), ylim=(frame.bottom, frame.top))
        ax.set(xlabel=frame.across, ylabel=frame.up)
        bar = fig.colorbar(image, ax=ax, extend=extend, pad=0.02, aspect=18)
        bar.set_label(label)
        bar.outline.set_linewidth(0.6)
    return fig, ax


@dataclass(frozen=True)
class _MapFrame:
    """Where a map lies on its axes (kb), where row 0 is, the line of the TSS, and labels of the axes."""

    half: float
    bottom: float
    top: float
    origin: Literal["lower", "upper"]
    tss: tuple[list[float], list[float]]
    across: str
    up: str


def _map_frame(shape: tuple[int, ...], resolution: int, kind: MapKind) -> _MapFrame:
    rows, columns = shape
    bin = resolution / 1000
    if kind == "paper_square":
        half = columns / 2 * bin
        # Its column from the top and its row to the right: contacts up- and downstream of the TSS.
        cross = ([0.0, 0.0, half], [-half, 0.0, 0.0])
        return _MapFrame(half, half, -half, "upper", cross, TSS_AXIS, TSS_AXIS)
    if kind == "paper_rotated":
        turned = RotatedMap(columns, 0)
        if turned.rows != rows:
            raise ValueError(
                f"a paper_rotated map of {columns} columns has {turned.rows} rows, found {rows}"
            )
        half = columns / 2 * bin * sqrt(0.5)
        bottom, top = (
            (height + edge) * bin
            for height, edge in zip(turned.heights[[-1, 0]], (-sqrt(0.5), sqrt(0.5)), strict=True)
        )
        origin: Literal["lower", "upper"] = "upper"
    else:
        half, origin = (columns // 2 + 0.5) * bin, "lower"
        bottom, top = -bin, (2 * rows - 1) * bin
    reach = min(top, 2 * half)
    lines = ([-reach / 2, 0.0, reach / 2], [reach, 0.0, reach])
    across = TSS_AXIS.replace("Distance", "Midpoint, distance")
    return _MapFrame(half, bottom, top, origin, lines, across, "Separation (kb)")


def _colour_limits(known: np.ndarray, value: MapValue) -> tuple[float, float]:
    if known.size == 0:
        return -1.0, 1.0
    if value == "log_oe":
        reach = float(np.percentile(np.abs(known), 99)) or 1.0
        return -reach, reach
    low, high = (float(limit) for limit in np.percentile(known, [1, 99.5]))
    return (low, high) if low < high else (low - 0.5, high + 0.5)
