"""The `stripe` of a window: what the promoter touches, a row of the contact matrix (virtual 4C)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from claster.contacts.maps import MapValue, logarithm
from claster.genome.windows import Binning

if TYPE_CHECKING:
    from claster.contacts.bands import Band


_SPREAD = 1
"""Pixels on either side that a cell takes in, along both axes of the matrix: 3 x 3 in all."""

STRIPE_VALUES: tuple[MapValue, ...] = ("log_oe", "log10")
"""What the rows of a stripe hold."""


@dataclass(frozen=True)
class StripeMap:
    """Shape of the `stripe`.

    Column ``m`` is the contact of the bin that holds the TSS with the bin ``m`` further on, its rows are
    `STRIPE_VALUES`. Mirroring the window reverses the columns exactly.

    Parameters
    ----------
    half
        Columns on either side of the TSS.
    """

    half: int

    @classmethod
    def over(cls, window: Binning, *, resolution: int) -> "StripeMap":
        """Return the stripe whose columns lie whole inside the landscape `window`.

        Examples
        --------
        >>> StripeMap.over(Binning(10_001, 100), resolution=1600).shape
        (2, 625)
        """
        return cls(max((window.half - resolution // 2) // resolution, 0))

    @property
    def shape(self) -> tuple[int, int]:
        """(values, columns)."""
        return len(STRIPE_VALUES), 2 * self.half + 1

    @property
    def separations(self) -> int:
        """How many diagonals of the matrix the stripe needs."""
        return self.half + 2 * _SPREAD + 1


def promoter_stripe(band: "Band", tss: int, shape: StripeMap) -> tuple[np.ndarray, float]:
    """Return the contacts of a TSS with every bin around it, in genome orientation.

    Parameters
    ----------
    band
        The chromosome's diagonals, at least ``shape.separations``.
    tss
        0-based position.

    Returns
    -------
    stripe : numpy.ndarray
        float16, shape ``shape.shape``: log2 of (o + 0.5) / 1.5, o the contacts of 3 x 3 pixels over those
        expected there; and log10 of o times the frequency expected at the column's separation, o at least
        0.1. A column without a known pixel takes the expected value.
    missing : float
        Share of such columns.
    """
    from claster.contacts.kernels import sum_row

    ratio = np.empty(shape.shape[1], np.float64)
    unknown = sum_row(
        band.values, band.expected, tss // band.resolution, shape.half, _SPREAD, ratio
    )
    expected = band.expected[np.abs(np.arange(-shape.half, shape.half + 1))]
    stripe = np.stack([logarithm(ratio, expected, value) for value in STRIPE_VALUES])
    return stripe.astype(np.float16), unknown / ratio.size
