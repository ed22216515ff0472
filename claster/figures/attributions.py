"""What predictions rest on: by distance, in contact maps, filter by filter."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from claster.analysis.attribution.attribute import attribute
from claster.analysis.attribution.inputs import MapAxes
from claster.analysis.attribution.output import AttributionFiles
from claster.eir.runs import RunFolder, run_views
from claster.errors import ClasterError
from claster.figures import base
from claster.figures.context import Context
from claster.figures.needs import CONTACT_BRANCH, contact_run
from claster.plot import attribution_by_distance, attribution_map, filter_images
from claster.progress import Progress
from claster.quoting import pasteable
from claster.text import read_json, read_npy, read_npz, read_parquet

_NAME, _LATENTS = "integrated_gradients_test", "latents_test"
_REACH = 50_000
_GENES = 20


def _files(run: RunFolder, name: str = _NAME) -> AttributionFiles:
    return AttributionFiles(run.path / "attributions" / name)


def _need(what: str, *, of: str = "main") -> base.Need:
    """Return the need of attributions of a run (with or without contact maps) or of all runs."""

    def runs(context: Context) -> Iterable[RunFolder]:
        if of == "contacts":
            return (contact_run(context),)
        if of == "landscape":
            return (_run_without_contacts(context),)
        return context.require_runs() if of == "all" else (context.run,)

    def find(context: Context) -> list[Path]:
        for run in runs(context):
            if not _files(run).manifest.is_file():
                raise ClasterError(
                    f"no attributions at {_files(run).folder}",
                    remedy=pasteable(["claster", "attribute", run.path]),
                )
        return [path for r in runs(context) for path in (_files(r).manifest, _files(r).profile)]

    def make(context: Context, progress: Progress) -> None:
        for run in runs(context):
            if not _files(run).manifest.is_file():
                attribute(run, genes=_GENES, compare=0, progress=progress)

    return base.Need(what, find, make)


def _run_without_contacts(context: Context) -> RunFolder:
    alone = (run for run in context.runs if "contacts" not in run_views(run))
    return next(alone, context.run)


def _latents(context: Context) -> list[Path]:
    files = _files(contact_run(context), _LATENTS)
    if not files.latents.is_file():
        raise ClasterError(
            f"no activations at {files.folder}",
            remedy=pasteable(["claster", "attribute", contact_run(context).path, "--latents"]),
        )
    return [files.manifest, files.latents]


def _make_latents(context: Context, progress: Progress) -> None:
    attribute(contact_run(context), latents=True, progress=progress)


_MAIN = _need("attributions of the main run")
_ALL = _need("attributions of every run", of="all")
_ALONE = _need("attributions of a run without contact maps", of="landscape")
_CONTACTS = _need("attributions of a run with contact maps", of="contacts")


@base.figure("F3a", needs=(_MAIN,))
def attribution_of_tracks(context: Context, page: base.Page) -> base.Drawn:
    """Draw the attribution to tracks by distance from the predicted bin.

    Mean of absolute integrated gradients over genes and bins, within 50 kb; the inset shows the whole
    window. Absolute values are taken before averaging and along the gene's strand; the published ones are
    of means over samples of both orientations, rolled round the window's ends with a random jitter of 1 kb.
    """
    return _by_distance(page, context.run)


@base.figure("F3b", needs=(CONTACT_BRANCH, _CONTACTS))
def attribution_of_contacts(context: Context, page: base.Page) -> base.Drawn:
    """Draw the attribution to the contact map, absolute and signed, centred on the predicted bin.

    Of the first run with contact maps. Nothing is rolled round, blurred or relabelled; the colours end at
    the 99.5 % quantile of the absolute values.
    """
    return _of_contacts(context, page)


@base.figure("F3c", needs=(_ALONE,))
def attribution_without_contacts(context: Context, page: base.Page) -> base.Drawn:
    """Draw the attribution to tracks in a run that takes the landscape alone.

    As F3a, of the first run without contact maps (the main run where all take them); published from the
    last training step.
    """
    return _by_distance(page, _run_without_contacts(context))


@base.figure("R8", needs=(_ALL,))
def attribution_of_every_run(context: Context, page: base.Page) -> base.Drawn:
    """Draw the attribution to tracks of every run.

    As F3a, a panel a run: tracks left out, other contexts, other targets. (Published ones overwrote each
    other's file.)
    """
    return _by_distance(page, *context.runs)


@base.figure("R12", needs=(CONTACT_BRANCH, _CONTACTS))
def attribution_of_capture(context: Context, page: base.Page) -> base.Drawn:
    """Draw the attribution to promoter-capture Hi-C, absolute and signed.

    As F3b: take a run of `claster experiment promoter_capture`; the map of a gene is T2.
    """
    return _of_contacts(context, page)


@base.figure(
    "S5",
    needs=(CONTACT_BRANCH, base.Need("activations of a contact branch", _latents, _make_latents)),
)
def filters_of_contacts(context: Context, page: base.Page) -> base.Drawn:
    """Draw the mean activation of each filter of the contact branch, layer by layer.

    Mean over six test genes along their strands; published of the square map, at an early step.
    """
    layers = read_npz(_files(contact_run(context), _LATENTS).latents)
    fig, bands = filter_images(layers)
    fig.set_size_inches(page.width, fig.get_size_inches()[1])
    rows = [
        (name, number, array.min(), array.mean(), array.max())
        for name, filters in layers.items()
        for number, array in enumerate(filters)
    ]
    table = pd.DataFrame(rows, columns=["layer", "filter", "lowest", "mean", "highest"])
    return fig, np.concatenate([axes.ravel() for axes in bands]), table


def _of_contacts(context: Context, page: base.Page) -> base.Drawn:
    files = _files(contact_run(context))
    record = read_json(files.manifest)
    axes_of_map = MapAxes.model_validate(record["contacts"])
    fig, axes = page.panels(2, height=2.4, across=1)
    series: dict[str, np.ndarray] = {}
    kinds: tuple[Literal["absolute", "signed"], ...] = ("absolute", "signed")
    for ax, value in zip(axes, kinds, strict=True):
        series[value] = read_npy(files.contacts(value))
        attribution_map(
            series[value],
            axes_of_map.resolution,
            value=value,
            kind=axes_of_map.kind,
            unit=record["unit"],
            ax=ax,
        )
    return fig, axes, base.map_table(series)


def _by_distance(page: base.Page, *runs: RunFolder) -> base.Drawn:
    fig, axes = page.panels(len(runs), height=2.9, across=1)
    tables = []
    for ax, run in zip(axes, runs, strict=True):
        files = _files(run)
        record = read_json(files.manifest)
        profile = read_parquet(files.profile)
        attribution_by_distance(profile, reach=_REACH, unit=record["unit"], ax=ax)
        base.head(ax, run.path.name)
        ax.set_xlabel("Distance from the predicted bin (kb)")
        tables.append(profile.assign(run=run.path.name))
    base.share_legend(fig, axes)
    return fig, axes, pd.concat(tables, ignore_index=True)
