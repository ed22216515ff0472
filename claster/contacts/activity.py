"""Contact-weighted activity: what the places that a promoter touches carry, by mark, weight and distance."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from claster.contacts.maps import PSEUDO

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SHELLS", "WEIGHTS", "contact_weighted", "distance_weighted", "shells_within"]

SHELLS = (20_000, 50_000, 100_000, 200_000, 500_000)
"""Edges of the shells: distances from the TSS in bp, on both sides together."""

WEIGHTS = ("oe", "above_1", "above_2", "above_4", "frequency", "distance")
"""What activity is multiplied by: observed over expected; what of it is above 1, 2 and 4 times; the share of
the promoter's contacts in the window, in percent; and a power law of the distance in columns, in percent."""

_EXPONENT = -1.02
_COLUMN = 1600


def shells_within(reach: int) -> list[tuple[int, int]]:
    """Return the shells that end within `reach` bp of the TSS, as (start, end), half-open.

    Examples
    --------
    >>> shells_within(100_000)
    [(20000, 50000), (50000, 100000)]
    """
    return [(a, b) for a, b in pairwise(SHELLS) if b <= reach]


def contact_weighted(
    landscape: "Tensor", stripe: "Tensor", *, bin: int, resolution: int, reach: int
) -> "Tensor":
    """Return the activity around promoters, weighted by contact and summed in shells of distance.

    The one place that computes it: arrays to train on, predictions, edits and attributions come here, so
    that an edit changes what it should, and gradients find the marks.

    Parameters
    ----------
    landscape
        Activity, shape (samples, tracks, bins), centred on the TSS, on any scale above 0.
    stripe
        Contacts of the TSS, shape (samples, 2, columns): see `promoter_stripe`.
    bin, resolution
        Width of a bin, and of a column, in bp.
    reach
        bp from the TSS.

    Returns
    -------
    torch.Tensor
        float32, shape (samples, tracks * weights * shells), in that order: log(1 + x / 10), x being the sum
        over the columns of a shell of mean activity times weight. A column is in the shell that its middle is
        in. The two sides of the TSS are summed, so a mirrored window gives the same.

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


def distance_weighted(landscape: "Tensor", *, bin: int, reach: int) -> "Tensor":
    """Return the activity around promoters, weighted by a power law of distance and summed in shells.

    What `contact_weighted` gives for its last weight, from bins in the place of columns: for datasets
    without contacts.

    Parameters
    ----------
    landscape
        Activity, shape (samples, tracks, bins), centred on the TSS, on any scale above 0.
    bin
        Width of a bin in bp.
    reach
        bp from the TSS.

    Returns
    -------
    torch.Tensor
        float32, shape (samples, tracks * shells), in that order: log(1 + x / 10), x being the sum over the
        bins of a shell.
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

    inside = torch.stack([(apart >= a) & (apart < b) for a, b in shells_within(reach)], dim=1)
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
