"""Figures of the tutorial: inputs and target of a gene, a first look at predictions."""

import numpy as np

from claster.contacts.shapes import mirror_map
from claster.figures import base
from claster.figures.context import Context
from claster.figures.needs import BUILT, CONTACTS, TARGETS, predictions
from claster.figures.performance import draw_bins, draw_profile
from claster.plot import contact_map, landscape_tracks
from claster.plot.panels import TSS_AXIS
from claster.plot.style import new_figure, track_colour

_GENE = "Lck"
_ZOOM = 120_100
"""bp: what is left where 4,400 bins are taken from either side."""


@base.figure("T1", needs=(BUILT,))
def input_tracks(context: Context, page: base.Page) -> base.Drawn:
    """Draw input tracks of a gene, as it is and mirrored.

    Mean signal of every track per bin: the whole window and its middle 120 kb, for the forward and the rev
    sample of Lck (or the dataset's example gene).
    """
    gene = context.gene(_GENE)
    window = context.spec.window.binning
    names = [track.name for track in context.spec.tracks]
    both = {"forward": context.landscape(gene), "rev": context.landscape(gene, rev=True)}
    zoom = min(_ZOOM, window.width)
    down, across = (1, 2) if page.columns == 2 else (2, 1)
    fig = new_figure(page.width, down * (0.72 * len(names) + 0.7))
    parts = fig.subfigures(down, across, squeeze=False).ravel()
    axes = []
    for part, (way, array) in zip(parts, both.items(), strict=True):
        panels = part.subplots(len(names), 2, sharex="col", squeeze=False)
        landscape_tracks(array, names, window, zoom_bp=zoom, axes=panels)
        for ax in panels[-1]:
            ax.set_xlabel("")
        part.supxlabel(TSS_AXIS, fontsize=8)
        part.supylabel(f"Mean signal per {window.size} bp", fontsize=8)
        part.suptitle(f"{gene['name']}, {way}", fontsize=9)
        axes.append(panels)
    series = {
        f"{name}_{way}": values
        for way, array in both.items()
        for name, values in zip(names, array, strict=True)
    }
    return fig, np.array(axes), base.profile_table(window, series)


@base.figure("T2", needs=(BUILT, CONTACTS))
def contacts_of_gene(context: Context, page: base.Page) -> base.Drawn:
    """Draw contact map of a gene.

    The map of Lck (or the example gene) as the network gets it, forward and rev. The colour scale is the
    map's own; the published one runs from -5 to 0 with the 1e-14 of empty pixels off the scale.
    """
    gene = context.gene(_GENE)
    contacts = context.spec.contacts
    assert contacts is not None
    forward = context.contact_map(gene)
    both = {"forward": forward, "rev": mirror_map(forward, context.spec.contacts_shape)}
    fig, axes = page.panels(2, height=2.2, across=1)
    for ax, (way, array) in zip(axes, both.items(), strict=True):
        contact_map(array, contacts.resolution, value=contacts.value, kind=contacts.map, ax=ax)
        base.head(ax, f"{gene['name']}, {way}")
    base.share_legend(fig, axes)
    return fig, axes, base.map_table({"value": forward})


@base.figure("T3", needs=(BUILT, TARGETS))
def target_profile(context: Context, page: base.Page) -> base.Drawn:
    """Draw target profile of a gene, as it is and mirrored.

    Nascent transcription per bin around the TSS of Lck (or the example gene).
    """
    gene = context.gene(_GENE)
    both = {way: context.observed_profile(gene, rev=way == "rev") for way in ("forward", "rev")}
    binning = context.target.binning
    fig, axes = page.panels(2, height=2.1)
    for ax, (way, signal) in zip(axes, both.items(), strict=True):
        ax.stairs(signal, binning.edges / 1000, fill=True, color=track_colour(0))
        ax.set_xlim(-binning.half / 1000, binning.half / 1000)
        ax.set_ylim(0, 1.05 * max(float(signal.max()), 1e-9))
        ax.set_xlabel(TSS_AXIS)
        ax.set_ylabel("Nascent transcription (reads)")
        ax.set_title(f"{gene['name']}, {way}", loc="left")
    return fig, axes, base.profile_table(binning, both)


@base.figure("T4", needs=(BUILT, predictions("valid")))
def validation_density(context: Context, page: base.Page) -> base.Drawn:
    """Draw validation genes: predicted against observed bins.

    All bins of the forward samples of the validation split on log2(x + 1). Validation genes lie on
    chromosomes of their own; the tutorial trained on test genes, split at random, mirrored ones too.
    """
    return draw_bins(page, context.profiles("valid"))


@base.figure("T5", needs=(BUILT, predictions("valid")))
def validation_profile(context: Context, page: base.Page) -> base.Drawn:
    """Draw a validation gene: predicted and observed profile.

    Profile of Gm49337 or, where it is not a validation gene, of the one with the most transcription.
    """
    found = context.profiles("valid")
    gene = context.gene("Gm49337", split="valid")
    row = found.genes["gene_id"].eq(gene["gene_id"]).to_numpy().argmax()
    fig, ax = page.panel(height=2.3)
    return fig, np.array([ax]), draw_profile(ax, context, found, row)
