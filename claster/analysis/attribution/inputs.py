"""What a run sees of a dataset's windows, the windows themselves, and what they are compared with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from claster.analysis.attribution.settings import Baseline
from claster.analysis.perturbation.candidates import Annotated, known_annotated
from claster.contacts.shapes import MapKind
from claster.dataset.activity import ActivityView
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table
from claster.dataset.missing import with_flags_of
from claster.dataset.scale import MOST_WINDOWS, spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView, sources_of
from claster.eir.runs import RunFolder, run_views
from claster.errors import ClasterError
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


def seen_inputs(run: RunFolder, spec: DatasetSpec) -> Seen:
    """Return what a run sees.

    Raises
    ------
    ClasterError
        If the dataset lacks what the run was trained on.
    """
    views, network = _views(run)
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


def _views(
    run: RunFolder,
) -> tuple[dict[str, ArrayView], dict[str, ArrayView | ActivityView] | None]:
    found = run_views(run)
    arrays = {name: view for name, view in found.items() if isinstance(view, ArrayView)}
    network = {
        name: view for name, view in found.items() if isinstance(view, ArrayView | ActivityView)
    }
    if len(arrays) == len(found):
        flagged = any(view.drop for view in arrays.values())
        parts = {name: replace(view, drop=0) for name, view in arrays.items()}
        return parts, network if flagged else None
    return {name: ArrayView(name) for name in sources_of(network.values())}, network


def _has_activity(network: Mapping[str, ArrayView | ActivityView]) -> bool:
    return any(isinstance(view, ActivityView) for view in network.values())


def read_window(
    seen: Seen, spec: DatasetSpec, folders: DatasetFolders, gene_id: str, *, split: Split
) -> dict[str, np.ndarray]:
    """Return what a run sees around a gene, in genome orientation, as stored.

    Returns
    -------
    dict of str to numpy.ndarray
        float32 by input name: (tracks, bins) of a landscape, (rows, columns) of a contact map.
    """
    return {
        name: np.ascontiguousarray(
            view.cut(read_arrays(folders, [gene_id], split=split, modality=view.modality)[0], spec),
            np.float32,
        )
        for name, view in seen.views.items()
    }


def training_baselines(
    names: Iterable[Baseline], seen: Seen, spec: DatasetSpec, folders: DatasetFolders
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
    everyone = read_genes_table(folders)
    genes = spread_evenly(everyone[everyone["split"] == "train"], MOST_WINDOWS)
    if genes.empty:
        raise ClasterError(
            f"the training split of {spec.name!r} holds no gene", remedy="build it with one"
        )
    windows = [read_window(seen, spec, folders, gene, split="train") for gene in genes["gene_id"]]
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
