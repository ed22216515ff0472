"""Contact-weighted activity as EIR reads it: one array a sample, made from landscape and stripe."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from claster.contacts.activity import WEIGHTS, contact_weighted, distance_weighted, shells_within
from claster.contacts.stripe import StripeMap
from claster.dataset.layout import VIEW_PREFIX
from claster.dataset.missing import with_flags_of
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["ActivityView"]

_FOLDER = re.compile(
    rf"{VIEW_PREFIX}activity_(?P<reach>\d+)(?:_by_(?P<by>contact|distance))?(?:_drop_(?P<drop>\d+))?",
    re.ASCII,
)


@dataclass(frozen=True)
class ActivityView:
    """The activity of what a promoter touches, up to `reach` bp from the TSS (`contact_weighted`).

    Without `contacts` a power law of the distance stands for them. For `drop` see `ArrayView`.
    """

    reach: int
    contacts: bool = True
    drop: int = 0
    modality: ClassVar[str] = "activity"

    @property
    def sources(self) -> tuple[str, ...]:
        """The modalities that it is made from."""
        return ("landscape", "contacts") if self.contacts else ("landscape",)

    @property
    def weights(self) -> tuple[str, ...]:
        """What activity is multiplied by, of `WEIGHTS`."""
        return WEIGHTS if self.contacts else WEIGHTS[-1:]

    @property
    def folder(self) -> str:
        """Name of the folder of arrays, as `DatasetFolders.arrays` takes it.

        Examples
        --------
        >>> ActivityView(200_000).folder
        'view_activity_200000_by_contact'
        >>> ActivityView(200_000, contacts=False).folder
        'view_activity_200000_by_distance'
        """
        drop = f"_drop_{self.drop}" if self.drop else ""
        by = "contact" if self.contacts else "distance"
        return f"{VIEW_PREFIX}activity_{self.reach}_by_{by}{drop}"

    @classmethod
    def of_folder(cls, folder: str) -> "ActivityView | None":
        """Return the view that lies in a folder of that name, None if it names none.

        Raises
        ------
        ClasterError
            If it is that of a run of CLASTER 0.2, whose power law had another scale.
        """
        found = _FOLDER.fullmatch(folder)
        if found is None:
            return None
        if found["by"] is None:
            raise ClasterError(
                f"the run reads {folder!r}, contact-weighted activity as CLASTER 0.2 defines it",
                remedy="train it again",
            )
        drop = int(found["drop"] or 0)
        return cls(int(found["reach"]), contacts=found["by"] == "contact", drop=drop)

    def shape(self, spec: DatasetSpec) -> tuple[int, ...]:
        """Return the shape of its arrays, (tracks * weights * shells, 1, 1); with flags twice the channels.

        Raises
        ------
        ClasterError
            If the dataset has no stripes where they are needed, or its windows end before `reach`.
        """
        if self.contacts and not isinstance(spec.contacts_shape, StripeMap):
            raise ClasterError(
                f"{spec.place('contacts', 'map')}: contact-weighted activity needs 'map: stripe'",
                remedy="choose another flavour, or build a dataset with 'contacts.map: stripe'",
            )
        shells = shells_within(min(self.reach, spec.window.binning.half))
        if not shells or shells[-1][1] < self.reach:
            raise ClasterError(
                f"activity up to {self.reach:,} bp is needed, and windows of dataset {spec.name!r} reach "
                f"{spec.window.binning.half:,} bp",
                remedy="choose another flavour, or a wider 'window'",
            )
        channels = len(spec.tracks) * len(self.weights) * len(shells)
        return 2 * channels if self.drop else channels, 1, 1

    def of(self, windows: Mapping[str, "Tensor"], spec: DatasetSpec) -> "Tensor":
        """Return the arrays of some windows, (samples, ...), differentiable with respect to landscapes.

        Parameters
        ----------
        windows
            By name in `sources`, whole and as stored; shape (samples, ...).
        spec
            The dataset.
        """
        landscape = windows["landscape"]
        landscape = landscape.reshape(len(landscape), *spec.landscape_shape)
        if self.contacts:
            assert spec.contacts is not None
            stripe = windows["contacts"]
            found = contact_weighted(
                landscape,
                stripe.reshape(len(stripe), *spec.contacts_shape.shape),
                bin=spec.window.bin,
                resolution=spec.contacts.resolution,
                reach=self.reach,
            )
        else:
            found = distance_weighted(landscape, bin=spec.window.bin, reach=self.reach)
        found = found.reshape(len(found), -1, 1, 1)
        return with_flags_of(found) if self.drop else found

    def needs(self, spec: DatasetSpec) -> np.ndarray:
        """Return how many bp around the TSS each channel is made from, shape (channels,)."""
        ends = [end for _, end in shells_within(self.reach)]
        return np.tile(ends, len(spec.tracks) * len(self.weights))

    def of_windows(self, windows: Mapping[str, np.ndarray], spec: DatasetSpec) -> np.ndarray:
        """Return the arrays of some windows that are no tensors; see `of`."""
        import torch

        with torch.no_grad():
            tensors = {
                name: torch.from_numpy(np.ascontiguousarray(windows[name], np.float32))
                for name in self.sources
            }
            return self.of(tensors, spec).numpy()
