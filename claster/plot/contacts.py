"""The contact map of one window."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.contacts.maps import MapValue
from claster.plot.style import figure_of, new_figure, style
from claster.plot.tracks import TSS_AXIS

__all__ = ["contact_map"]

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
    limits: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw a diagonal map: midpoint of the two loci against their separation.

    The two dotted lines are the contacts of the TSS itself. Cells that are not finite are grey.

    Parameters
    ----------
    map
        Shape (rows, columns): row r is the separation of 2 r bins, column m the midpoint at
        (m - columns // 2) bins from the TSS.
    resolution
        Width of a bin in bp.
    value
        ``log10`` (log10 contact frequency) or ``log_oe`` (log2 observed over expected), which is
        coloured symmetrically around 0.
    limits
        Values of the ends of the colour bar; None takes the 1st and 99.5th percentile, or plus and
        minus the 99th percentile of the absolute value for ``log_oe``.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
        The map's axes; the colour bar has its own.
    """
    if value not in _LABELS:
        raise ValueError(f"value must be one of {', '.join(_LABELS)}, found {value!r}")
    rows, columns = map.shape
    shown = np.ma.masked_invalid(map)
    low, high = _colour_limits(shown.compressed(), value) if limits is None else limits
    half = (columns // 2 + 0.5) * resolution / 1000
    top = (2 * rows - 1) * resolution / 1000
    with style():
        if ax is None:
            ax = new_figure(7.2, 3.5).subplots()
        fig = figure_of(ax)
        image = ax.imshow(
            shown,
            cmap="RdBu_r" if value == "log_oe" else "YlOrRd",
            vmin=low,
            vmax=high,
            extent=(-half, half, -resolution / 1000, top),
            origin="lower",
            aspect="auto",
            interpolation="nearest",
        )
        ax.set_facecolor(_MISSING)
        reach = min(top, 2 * half)
        ax.plot(
            [-reach / 2, 0, reach / 2],
            [reach, 0, reach],
            color="0.1",
            linestyle=(0, (1, 1.6)),
            linewidth=1.1,
            label="contacts of the TSS",
        )
        ax.set_xlim(-half, half)
        ax.set_ylim(-resolution / 1000, top)
        ax.set_xlabel(TSS_AXIS.replace("Distance", "Midpoint, distance"))
        ax.set_ylabel("Separation (kb)")
        bar = fig.colorbar(image, ax=ax, extend="both", pad=0.02, aspect=18)
        bar.set_label(_LABELS[value])
        bar.outline.set_linewidth(0.6)
        if np.ma.is_masked(shown):
            ax.plot([], [], "s", color=_MISSING, label="no data")
        ax.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)
    return fig, ax


def _colour_limits(known: np.ndarray, value: MapValue) -> tuple[float, float]:
    if known.size == 0:
        return -1.0, 1.0
    if value == "log_oe":
        reach = float(np.percentile(np.abs(known), 99)) or 1.0
        return -reach, reach
    low, high = (float(limit) for limit in np.percentile(known, [1, 99.5]))
    return (low, high) if low < high else (low - 0.5, high + 0.5)
