"""A run that is explained: what it sees, what is asked of it, and what its windows are compared with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from claster.analysis.attribution.settings import (
    BASELINES,
    AttributeSettings,
    AttributionSettings,
    Baseline,
)
from claster.analysis.perturbation.candidates import Annotated, known_annotated
from claster.contacts.shapes import MapKind
from claster.dataset.activity import ActivityView
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table
from claster.dataset.missing import with_flags_of
from claster.dataset.scale import MOST_WINDOWS, spread_evenly
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView, sources_of
from claster.eir.runs import RunFolder, RunRecord, read_run, run_views, trained_weights
from claster.eir.trained_on import checked_dataset
from claster.errors import ClasterError, choose_among
from claster.genome.windows import Binning
from claster.settings import Record, Split

if TYPE_CHECKING:
    from torch import Tensor


CONTACTS = "contacts"


class MapAxes(Record):
    """Kind and bin width in bp of the contact maps that a run sees."""

    kind: MapKind
    resolution: int


@dataclass(frozen=True)
class Seen:
    """The part of each modality that a run sees.

    Attributes
    ----------
    views
        By input name (``landscape``, ``contacts``), without flags of what is missing. Where the network reads
        contact-weighted activity, these are the whole arrays that it is made from.
    tracks
        Names of the rows of its landscape; empty without one.
    binning
        The bins of its landscape; None without one.
    maps
        Kind and bin width of its contact maps; None without them.
    network
        What the network reads of `views`, where that is something else.
    """

    views: Mapping[str, ArrayView]
    tracks: tuple[str, ...]
    binning: Binning | None
    maps: MapAxes | None
    network: Mapping[str, ArrayView | ActivityView] | None = None

    @property
    def rows(self) -> tuple[str, ...]:
        """Everything that attributions go to: the tracks, and ``contacts``."""
        return (*self.tracks, *([CONTACTS] if self.maps else []))

    def network_inputs(
        self, windows: Mapping[str, "Tensor"], spec: DatasetSpec
    ) -> Mapping[str, "Tensor"]:
        """Return what the network is given of some windows, (samples, ...), with gradients."""
        if self.network is None:
            return windows
        if not _has_activity(self.network):
            return {
                name: with_flags_of(windows[name]).reshape(-1, *view.shape(spec))
                for name, view in self.network.items()
            }
        return {name: view.of(windows, spec) for name, view in self.network.items()}


def _seen_inputs(run: RunFolder, spec: DatasetSpec) -> Seen:
    found = run_views(run)
    read = {
        name: view for name, view in found.items() if isinstance(view, ArrayView | ActivityView)
    }
    views = {name: view for name, view in found.items() if isinstance(view, ArrayView)}
    flagged = any(view.drop for view in views.values())
    network = read if flagged or len(views) < len(found) else None
    if len(views) < len(found):
        views = {name: ArrayView(name) for name in sources_of(read.values())}
    else:
        views = {name: replace(view, drop=0) for name, view in views.items()}
    tracks: tuple[str, ...] = ()
    binning = maps = None
    if "landscape" in views:
        view = views["landscape"]
        tracks = tuple(track.name for track in spec.tracks if track.name not in view.without)
        binning = Binning(view.shape(spec)[-1], spec.window.bin)
    if CONTACTS in views and not (network and _has_activity(network)):
        views[CONTACTS].shape(spec)
        assert spec.contacts is not None
        maps = MapAxes(kind=spec.contacts.map, resolution=spec.contacts.resolution)
    return Seen(views, tracks, binning, maps, network)


def _has_activity(network: Mapping[str, ArrayView | ActivityView]) -> bool:
    return any(isinstance(view, ActivityView) for view in network.values())


@dataclass(frozen=True)
class Explained:
    """A run with a model, the built dataset that it was trained on, and what it sees of it."""

    run: RunFolder
    record: RunRecord
    weights: Path
    spec: DatasetSpec
    folders: DatasetFolders
    seen: Seen


def explained_run(run: RunFolder | Path | str) -> Explained:
    """Return a run that can be explained.

    Raises
    ------
    ClasterError
        If there is no run, it has no model, or its dataset is not built or has changed.
    """
    run = RunFolder.of(run)
    record = read_run(run.path)
    if record.members:
        raise ClasterError(
            f"{run.path} holds the predictions of several runs, no model",
            remedy=f"explain one of {', '.join(record.members)}",
        )
    _, weights = trained_weights(run)
    _, spec, folders = checked_dataset(run)
    return Explained(run, record, weights, spec, folders, _seen_inputs(run, spec))


def read_window(explained: Explained, gene_id: str, *, split: Split) -> dict[str, np.ndarray]:
    """Return what a run sees around a gene, in genome orientation, as stored.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 by input name: (tracks, bins) of a landscape, (rows, columns) of a contact map.
    """
    spec, folders = explained.spec, explained.folders
    return {
        name: np.ascontiguousarray(
            view.cut(read_arrays(folders, [gene_id], split=split, modality=view.modality)[0], spec),
            np.float32,
        )
        for name, view in explained.seen.views.items()
    }


def attribution_settings(asked: AttributeSettings, explained: Explained) -> AttributionSettings:
    """Return what gives an attribution its numbers by what is asked, with nothing left to choose.

    Raises
    ------
    ClasterError
        If there are no such bins, baseline, condition or tracks, or elements or bigWigs are asked of a run
        that sees no landscape.
    """
    seen, target = explained.seen, explained.spec.require_target()
    _require_bins(asked.bins, target)
    if (asked.elements is not None or asked.bigwig) and seen.binning is None:
        raise ClasterError(
            f"{explained.run.path} sees no landscape, so elements and bigWigs have no attribution",
            remedy="leave them out, or choose a run of a flavour with landscapes",
        )
    for name in asked.baselines:
        if name not in BASELINES:
            raise ClasterError(
                f"there is no baseline {name!r}", remedy=f"choose among {', '.join(BASELINES)}"
            )
    condition = target.groups[0] if asked.condition is None else asked.condition
    if condition not in target.groups:
        raise ClasterError(
            f"dataset {explained.spec.name!r} has no condition {condition!r}",
            remedy=choose_among(condition, target.groups),
        )
    for track in asked.tracks:
        if track not in seen.rows:
            raise ClasterError(
                f"the run sees no track {track!r}", remedy=choose_among(track, seen.rows)
            )
    return AttributionSettings.model_validate(
        asked.model_dump(include=set(AttributionSettings.model_fields))
        | {
            "baselines": tuple(dict.fromkeys(asked.baselines)) or BASELINES,
            "condition": condition,
            "tracks": tuple(row for row in seen.rows if row in (asked.tracks or seen.rows)),
            "reach": min(asked.reach, seen.binning.half) if seen.binning else asked.reach,
        }
    )


def _require_bins(bins: tuple[int, ...] | int | None, target: TargetSpec) -> None:
    """Raise `ClasterError` if there are no such bins, or not so many."""
    half = target.bins // 2
    if bins == ():
        raise ClasterError("no bin", remedy="give 'all', how many, or their numbers")
    if isinstance(bins, int) and not 1 <= bins <= target.bins:
        raise ClasterError(
            f"{bins:,} bins of {target.bins:,}", remedy=f"choose 1 to {target.bins:,}, or 'all'"
        )
    wrong = [number for number in bins if abs(number) > half] if isinstance(bins, tuple) else []
    if wrong:
        raise ClasterError(
            f"there is no bin {wrong[0]}", remedy=f"the bins are numbered {-half} to {half}"
        )


def training_baselines(
    names: Iterable[Baseline], explained: Explained
) -> dict[Baseline, dict[str, np.ndarray]]:
    """Return baselines as windows, on the scale that is stored.

    A landscape is constant along its bins: 0 (``zero``), or a track's mean over all bins (``mean``) or over
    those without annotated element or TSS (``background``), of at most 200 training windows. Contacts
    are the mean training map, but for ``zero`` of ``log_oe``, which is 0: as frequent as the separation
    lets expect.

    Returns
    -------
    dict
        By baseline and input name, shaped as `read_window` has it.

    Raises
    ------
    ClasterError
        If the training split holds no gene, or no bin of a training window is inactive.
    """
    seen, spec = explained.seen, explained.spec
    everyone = read_genes_table(explained.folders)
    genes = spread_evenly(everyone[everyone["split"] == "train"], MOST_WINDOWS)
    if genes.empty:
        raise ClasterError(
            f"the training split of {spec.name!r} holds no gene", remedy="build it with one"
        )
    windows = [read_window(explained, gene, split="train") for gene in genes["gene_id"]]
    made: dict[Baseline, dict[str, np.ndarray]] = {}
    for name in names:
        baseline: dict[str, np.ndarray] = {}
        if seen.binning is not None:
            landscapes = [window["landscape"] for window in windows]
            if name == "background":
                annotated = known_annotated(spec, everyone)
                level = _inactive_means(landscapes, genes, annotated, seen.binning)
            else:
                level = np.mean([array.mean(axis=1) for array in landscapes], axis=0)
                level = level * (name == "mean")
            baseline["landscape"] = np.repeat(level[:, np.newaxis], seen.binning.bins, axis=1)
        if seen.maps is not None:
            assert spec.contacts is not None
            mean = np.mean([window[CONTACTS] for window in windows], axis=0)
            neutral = name == "zero" and spec.contacts.value == "log_oe"
            baseline[CONTACTS] = np.zeros_like(mean) if neutral else mean
        made[name] = {key: array.astype(np.float32) for key, array in baseline.items()}
    return made


def _inactive_means(
    landscapes: Iterable[np.ndarray], genes: pd.DataFrame, annotated: Annotated, binning: Binning
) -> np.ndarray:
    """Return the mean of each track over the bins that touch no annotated stretch."""
    totals: np.ndarray | float = 0.0
    bins = 0
    for array, gene in zip(landscapes, genes.itertuples(), strict=True):
        edges = binning.edges + int(gene.tss)
        free = ~annotated.touch(str(gene.chrom), edges[:-1], edges[1:])
        totals = totals + array[:, free].sum(axis=1, dtype=np.float64)
        bins += int(free.sum())
    if not bins:
        raise ClasterError(
            "every bin of the training windows touches an element or a TSS",
            remedy="choose another --baseline than background",
        )
    return np.asarray(totals / bins)
