"""What a run sees of a dataset's windows, and the windows themselves."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict

from claster.contacts.shapes import MapKind
from claster.dataset.activity import ActivityView
from claster.dataset.layout import DatasetFolders, Split, read_arrays
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView, sources_of, view_of_folder
from claster.eir.runs import RunFolder, input_folders
from claster.genome.windows import Binning

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["CONTACTS", "MapAxes", "Seen", "read_window", "seen_inputs"]

CONTACTS = "contacts"


class MapAxes(BaseModel):
    """Kind and bin width in bp of the contact maps that a run sees."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: MapKind
    resolution: int


@dataclass(frozen=True)
class Seen:
    """The part of each modality that a run sees.

    Attributes
    ----------
    views
        By input name (``landscape``, ``contacts``). Where the network reads contact-weighted activity, these
        are the whole arrays that it is made from.
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
    if CONTACTS in views and network is None:
        views[CONTACTS].shape(spec)
        assert spec.contacts is not None
        maps = MapAxes(kind=spec.contacts.map, resolution=spec.contacts.resolution)
    return Seen(views, tracks, binning, maps, network)


def _views(
    run: RunFolder,
) -> tuple[dict[str, ArrayView], dict[str, ArrayView | ActivityView] | None]:
    found = {name: view_of_folder(folder) for name, folder in input_folders(run).items()}
    arrays = {name: view for name, view in found.items() if isinstance(view, ArrayView)}
    if len(arrays) == len(found):
        return arrays, None
    network = {
        name: view for name, view in found.items() if isinstance(view, ArrayView | ActivityView)
    }
    return {name: ArrayView(name) for name in sources_of(network.values())}, network


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
