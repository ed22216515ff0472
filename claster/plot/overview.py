"""What goes in and what comes out, on one picture."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.contacts.maps import MapValue
from claster.contacts.shapes import MapKind
from claster.genome.windows import Binning
from claster.plot.contacts import contact_map
from claster.plot.predictions import profile
from claster.plot.style import new_figure, style
from claster.plot.tracks import landscape_tracks

__all__ = ["overview"]

_SHORT = {"log10": "log10", "log_oe": "log2 obs/exp"}


def overview(
    landscape: np.ndarray,
    names: Sequence[str],
    window: Binning,
    *,
    observed: np.ndarray,
    predicted: np.ndarray,
    target: Binning,
    gene_span: tuple[int, int, str],
    contacts: np.ndarray | None = None,
    resolution: int = 0,
    value: MapValue = "log_oe",
    kind: MapKind = "diagonal",
) -> tuple[Figure, dict[str, Axes]]:
    """Draw the inputs of one gene on the left, its predicted transcription on the right.

    Parameters
    ----------
    landscape
        Mean signal, shape (tracks, bins of `window`).
    names
        Name of each track.
    window, target
        Bins of the landscape and of the target.
    observed, predicted
        Signal (reads), shape (bins of `target`,).
    gene_span
        Start and end of the gene in bp from the TSS (0-based half-open), and its strand.
    contacts
        Contact map, shape (rows, columns), or None.
    resolution, value, kind
        Bin width in bp, meaning and kind of the map; see `contact_map`.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : dict of str to matplotlib.axes.Axes
        `track0`, `track1`, ..., `contacts` (where there is a map) and `profile`.
    """
    with style():
        fig = new_figure(11, 4.6)
        inside, outside = fig.subfigures(1, 2, squeeze=False)[0]
        heights = [1.0] * len(names) + ([2.4] if contacts is not None else [])
        rows = inside.subplots(
            len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        landscape_tracks(landscape, names, window, axes=rows[: len(names)])
        for ax in rows[: len(heights) - 1, 0]:
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
        axes = {f"track{number}": rows[number, 0] for number in range(len(names))}
        if contacts is not None:
            axes["contacts"] = rows[-1, 0]
            contact_map(contacts, resolution, value=value, kind=kind, ax=rows[-1, 0])
            rows[-1, 0].images[0].colorbar.set_label(_SHORT[value])
        inside.suptitle(f"in: chromatin over {window.width / 1e6:.1f} Mb", fontsize=11)
        axes["profile"] = outside.subplots()
        profile(observed, predicted, target, gene_span=gene_span, ax=axes["profile"])
        outside.suptitle(
            f"out: nascent transcription over {target.width / 1e3:.0f} kb", fontsize=11
        )
    return fig, axes
