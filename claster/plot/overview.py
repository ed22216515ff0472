"""Everything about one gene on one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.contacts.shapes import MapKind, MapValue
from claster.genome.windows import Binning
from claster.plot.contacts import contact_map
from claster.plot.panels import TSS_AXIS
from claster.plot.predictions import profile
from claster.plot.style import new_figure, style, track_colour
from claster.plot.tracks import draw_genes, draw_track, landscape_tracks, lanes_of, place_genes

_SHORT = {"log10": "log10", "log_oe": "log2 obs/exp"}


@dataclass(frozen=True)
class GeneArrays:
    """What is drawn of one gene: its inputs and its transcription.

    Attributes
    ----------
    landscape
        Mean signal, shape (tracks, bins of `window`).
    window, target
        Bins of the landscape and of the target.
    observed, predicted
        Signal (reads), shape (bins of `target`,).
    contacts
        Contact map, shape (rows, columns), or stripe, or None.
    resolution, value, kind
        Bin width in bp, meaning and kind of the map; see `contact_map`.
    """

    landscape: np.ndarray
    names: Sequence[str]
    window: Binning
    observed: np.ndarray
    predicted: np.ndarray
    target: Binning
    contacts: np.ndarray | None = None
    resolution: int = 0
    value: MapValue = "log_oe"
    kind: MapKind = "diagonal"

    def draw_map(self, ax: Axes, label: str) -> None:
        """Draw the contact map with a label on its colour bar, or a stripe over the places of its columns."""
        assert self.contacts is not None
        if self.kind == "stripe":
            columns = self.contacts.shape[-1]
            edges = (np.arange(columns + 1) - columns / 2) * self.resolution / 1000
            ratio = np.asarray(self.contacts[0], dtype=np.float32)
            ax.stairs(ratio, edges, fill=True, color="0.35", linewidth=0.4, rasterized=True)
            ax.set_title("Contacts of the TSS", loc="left", fontsize=8, pad=2)
            ax.set_ylabel(label)
            return
        contact_map(self.contacts, self.resolution, value=self.value, kind=self.kind, ax=ax)
        ax.images[0].colorbar.set_label(label)  # type: ignore[union-attr]


def overview(
    gene: GeneArrays, *, gene_span: tuple[int, int, str]
) -> tuple[Figure, dict[str, Axes]]:
    """Draw the inputs of one gene on the left, its predicted transcription on the right.

    Parameters
    ----------
    gene_span
        Start and end of the gene in bp from the TSS (0-based half-open), and its strand.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : dict of str to matplotlib.axes.Axes
        `track0`, `track1`, ..., `contacts` (where there is a map) and `profile`.
    """
    with style():
        fig = new_figure(11, 4.6)
        inside, outside = fig.subfigures(1, 2, squeeze=False)[0]
        count = len(gene.names)
        heights = [1.0] * count + ([2.4] if gene.contacts is not None else [])
        rows = inside.subplots(
            len(heights), 1, squeeze=False, gridspec_kw={"height_ratios": heights}
        )
        landscape_tracks(gene.landscape, gene.names, gene.window, axes=rows[:count])
        for ax in rows[: len(heights) - 1, 0]:
            ax.set_xlabel("")
            ax.tick_params(labelbottom=False)
        axes = {f"track{number}": rows[number, 0] for number in range(count)}
        if gene.contacts is not None:
            axes["contacts"] = rows[-1, 0]
            gene.draw_map(rows[-1, 0], _SHORT[gene.value])
        inside.suptitle(f"in: chromatin over {gene.window.width / 1e6:.1f} Mb", fontsize=11)
        axes["profile"] = outside.subplots()
        profile(gene.observed, gene.predicted, gene.target, gene_span=gene_span, ax=axes["profile"])
        outside.suptitle(
            f"out: nascent transcription over {gene.target.width / 1e3:.0f} kb", fontsize=11
        )
    return fig, axes


_WIDTH = 8.6
_CONTACTS, _TRACK, _LANE, _PROFILE = 1.3, 0.55, 0.3, 1.3
_COLOURBAR = {"log10": "log10\ncontacts", "log_oe": "log2\nobs / exp"}


def gene_tracks(
    gene: GeneArrays, *, genes: pd.DataFrame, reach: int | None = None
) -> tuple[Figure, dict[str, Axes]]:
    """Draw the inputs of one gene, its neighbours, and its transcription below each other.

    All panels share one axis. Contacts are drawn with the midpoint of the two loci on it, so that
    what a track shows lies below the contacts of the same place; of a stripe it is what the TSS touches.

    Parameters
    ----------
    gene
        What is drawn. A ``paper_square`` map has loci on both of its axes and cannot be drawn here.
    genes
        From `claster.plot.genes_around`.
    reach
        What is shown on either side of the TSS, bp; None shows the whole window.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : dict of str to matplotlib.axes.Axes
        `contacts` (where there is a map), `track0`, `track1`, ..., `genes` and `profile`.
    """
    landscape, names = np.asarray(gene.landscape), gene.names
    window, target = gene.window, gene.target
    if landscape.shape != (len(names), window.bins):
        raise ValueError(
            f"a landscape of shape {(len(names), window.bins)} needed, found {landscape.shape}"
        )
    if gene.kind == "paper_square":
        raise ValueError("a paper_square map does not lie on the axis of the tracks")
    half = (reach or window.half) / 1000
    placed = place_genes(genes, (-half, half), inches=0.8 * _WIDTH)
    lanes = lanes_of(placed)
    tall = _TRACK if gene.kind == "stripe" else _CONTACTS
    rows = {"contacts": tall} if gene.contacts is not None else {}
    rows |= {f"track{number}": _TRACK for number in range(len(names))}
    rows |= {"genes": _LANE * lanes, "profile": _PROFILE}
    with style():
        fig = new_figure(_WIDTH, sum(rows.values()) + 0.16 * len(rows) + 0.4)
        panels = fig.subplots(len(rows), 1, gridspec_kw={"height_ratios": list(rows.values())})
        axes = dict(zip(rows, panels, strict=True))
        if gene.contacts is not None:
            gene.draw_map(axes["contacts"], _COLOURBAR[gene.value])
        if gene.contacts is not None and gene.kind != "stripe":
            axes["contacts"].set_ylim(top=min(axes["contacts"].get_ylim()[1], 2 * half))
        for number, (name, values) in enumerate(zip(names, landscape, strict=True)):
            colour = track_colour(number)
            draw_track(axes[f"track{number}"], values, window, half, colour=colour)
            axes[f"track{number}"].set_title(name, loc="left", fontsize=8, pad=2, color=colour)
        draw_genes(axes["genes"], placed, (-half, half), lanes=lanes)
        profile(gene.observed, gene.predicted, target, ax=axes["profile"])
        axes["profile"].set_ylabel(f"Transcription\n(reads / {target.size / 1000:g} kb)")
        for ax in axes.values():
            ax.set_xlim(-half, half)
            if ax is not axes["profile"]:
                ax.set_xlabel("")
                ax.tick_params(labelbottom=False)
        axes["genes"].tick_params(bottom=False)
        axes["genes"].spines["bottom"].set_visible(False)
        axes["profile"].set_xlabel(TSS_AXIS)
        fig.align_ylabels(list(axes.values()))
    return fig, axes
