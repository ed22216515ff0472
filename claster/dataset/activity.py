"""Contact-weighted activity: what the places that a promoter touches carry, as EIR reads it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from claster.contacts.shapes import PSEUDO, StripeMap
from claster.dataset.layout import VIEW_PREFIX
from claster.dataset.missing import with_flags_of
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError

if TYPE_CHECKING:
    from torch import Tensor


_SHELLS = (20_000, 50_000, 100_000, 200_000, 500_000)
"""Edges of the shells: distances from the TSS in bp, on both sides together."""

_WEIGHTS = ("oe", "above_1", "above_2", "above_4", "frequency", "distance")
"""What activity is multiplied by: observed over expected; what of it is above 1, 2 and 4 times; the share of
the promoter's contacts in the window, in percent; and a power law of the distance in columns, in percent."""

_EXPONENT = -1.02
_COLUMN = 1600


def _shells_within(reach: int) -> list[tuple[int, int]]:
    """Return the shells that end within `reach` bp of the TSS, as (start, end), half-open.

    Examples
    --------
    >>> _shells_within(100_000)
    [(20000, 50000), (50000, 100000)]
    """
    return [(a, b) for a, b in pairwise(_SHELLS) if b <= reach]


def _contact_weighted(
    landscape: "Tensor", stripe: "Tensor", *, bin: int, resolution: int, reach: int
) -> "Tensor":
    """Return the activity around promoters, weighted by contact and summed in shells of distance.

    The one place that computes it: arrays to train on, predictions, edits and attributions come here, so
    that an edit changes what it should, and gradients find the marks.

    Returns float32, shape (samples, tracks * weights * shells), in that order: log(1 + x / 10), x
    being the sum over the columns of a shell of mean activity times weight. A column is in the
    shell that its middle is in. The two sides of the TSS are summed, so a mirrored window gives
    the same.

    References
    ----------
    Activity by contact: Fulco et al. 2019, doi 10.1038/s41588-019-0538-0.
    """
    import torch

    half = stripe.shape[-1] // 2
    apart = torch.arange(-half, half + 1, device=stripe.device).abs()
    mean = _column_means(landscape, half, bin=bin, resolution=resolution)
    ratio = ((1 + PSEUDO) * 2.0 ** stripe[:, 0].double() - PSEUDO).clamp(min=0)
    frequency = 10.0 ** stripe[:, 1].double()
    law = 100 * apart.clamp(min=1).double() ** _EXPONENT
    weights = torch.stack(
        [
            ratio,
            *((ratio - least).clamp(min=0) for least in (1, 2, 4)),
            100 * frequency / frequency.sum(dim=-1, keepdim=True),
            law.expand_as(ratio),
        ],
        dim=1,
    )
    return torch.log1p(_summed_in_shells(mean, weights, apart * resolution, reach) / 10).float()


def _distance_weighted(landscape: "Tensor", *, bin: int, reach: int) -> "Tensor":
    """Return the activity around promoters, weighted by a power law of distance and summed in shells.

    What `_contact_weighted` gives for its last weight, from bins in the place of columns: for datasets
    without contacts.

    Returns float32, shape (samples, tracks * shells), in that order: log(1 + x / 10), x being the
    sum over the bins of a shell.
    """
    import torch

    half = landscape.shape[-1] // 2
    apart = torch.arange(-half, half + 1, device=landscape.device).abs() * bin
    # In units of a column of the contact maps.
    law = 100 * (apart / _COLUMN).clamp(min=1).double() ** _EXPONENT * (bin / _COLUMN)
    weights = law.expand(len(landscape), 1, -1)
    return torch.log1p(_summed_in_shells(landscape.double(), weights, apart, reach) / 10).float()


def _summed_in_shells(mean: "Tensor", weights: "Tensor", apart: "Tensor", reach: int) -> "Tensor":
    """Return sums of activity times weight where `apart` (bp) lies in a shell, (samples, ...)."""
    import torch

    inside = torch.stack([(apart >= a) & (apart < b) for a, b in _shells_within(reach)], dim=1)
    return torch.einsum("ntc,nwc,cs->ntws", mean, weights, inside.double()).flatten(start_dim=1)


def _column_means(landscape: "Tensor", half: int, *, bin: int, resolution: int) -> "Tensor":
    """Return the mean over each column's bases, float64, shape (samples, tracks, columns)."""
    import torch

    total = torch.nn.functional.pad(landscape.double().cumsum(dim=-1), (1, 0))
    edges = (np.arange(-half, half + 2) - 0.5) * resolution / bin + landscape.shape[-1] / 2
    left = np.clip(np.floor(edges).astype(np.int64), 0, landscape.shape[-1] - 1)
    share = torch.from_numpy(edges - left).to(landscape.device)
    low, high = (total[..., torch.from_numpy(at).to(total.device)] for at in (left, left + 1))
    return (low + share * (high - low)).diff(dim=-1) * bin / resolution


_FOLDER = re.compile(
    rf"{VIEW_PREFIX}activity_(?P<reach>\d+)(?:_by_(?P<by>contact|distance))?(?:_drop_(?P<drop>\d+))?",
    re.ASCII,
)


@dataclass(frozen=True)
class ActivityView:
    """The activity of what a promoter touches, up to `reach` bp from the TSS (`_contact_weighted`).

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
        """What activity is multiplied by, of `_WEIGHTS`."""
        return _WEIGHTS if self.contacts else _WEIGHTS[-1:]

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
        shells = _shells_within(min(self.reach, spec.window.binning.half))
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
        """
        landscape = windows["landscape"]
        landscape = landscape.reshape(len(landscape), *spec.landscape_shape)
        if self.contacts:
            assert spec.contacts is not None
            stripe = windows["contacts"]
            found = _contact_weighted(
                landscape,
                stripe.reshape(len(stripe), *spec.contacts_shape.shape),
                bin=spec.window.bin,
                resolution=spec.contacts.resolution,
                reach=self.reach,
            )
        else:
            found = _distance_weighted(landscape, bin=spec.window.bin, reach=self.reach)
        found = found.reshape(len(found), -1, 1, 1)
        return with_flags_of(found) if self.drop else found

    def needs(self, spec: DatasetSpec) -> np.ndarray:
        """Return how many bp around the TSS each channel is made from, shape (channels,)."""
        ends = [end for _, end in _shells_within(self.reach)]
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
