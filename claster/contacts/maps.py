"""The `diagonal` contact map of one window, on the landscape's own axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from claster.genome.windows import Binning

if TYPE_CHECKING:
    from claster.contacts.cool import Band

__all__ = ["FLOOR", "PSEUDO", "DiagonalMap", "MapValue", "diagonal_map"]

MapValue = Literal["log_oe", "log10"]

PSEUDO = 0.5
"""Added to observed over expected before the logarithm: keeps 'no contact' finite and noise small."""

FLOOR = 0.1
"""Lowest contact frequency of a ``log10`` map, as a share of the expected one at that separation."""


@dataclass(frozen=True)
class DiagonalMap:
    """Shape of the `diagonal` map.

    Row ``r`` is the separation of ``2 r`` bins and column ``m`` the midpoint, so cell ``(r, m)`` is
    the pixel of bins ``centre + m - r`` and ``centre + m + r``: every cell is one pixel of the
    matrix, nothing is interpolated, and mirroring the window reverses the columns exactly. Odd
    separations, whose midpoints fall between two columns, are left out.

    Parameters
    ----------
    rows
        Number of rows.
    half
        Columns on either side of the centre.
    """

    rows: int
    half: int

    @classmethod
    def over(cls, window: Binning, *, resolution: int, rows: int) -> "DiagonalMap":
        """Return the map whose columns lie whole inside the landscape `window` (centred on a bin)."""
        return cls(rows, max((window.half - resolution // 2) // resolution, 0))

    @property
    def columns(self) -> int:
        """Number of columns."""
        return 2 * self.half + 1

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.columns

    @property
    def separations(self) -> int:
        """How many diagonals of the matrix the map needs."""
        return 2 * (self.rows - 1) + 1


def diagonal_map(
    band: "Band", tss: int, shape: DiagonalMap, *, value: MapValue = "log_oe"
) -> tuple[np.ndarray, float]:
    """Return the contact map around a TSS in genome orientation.

    Parameters
    ----------
    band
        The chromosome's diagonals.
    tss
        0-based position; the centre column is the bin that holds it.
    shape
        Rows and columns.
    value
        ``log_oe``: log2 of (o + `PSEUDO`) / (1 + `PSEUDO`), o being observed over expected at that
        separation. ``log10``: log10 of the contact frequency, at least `FLOOR` times the expected one.

    Returns
    -------
    contacts : numpy.ndarray
        float32, shape (rows, columns). Cells of masked bins or off the chromosome take the expected value.
    missing : float
        Share of such cells.

    Notes
    -----
    Bins are the matrix's own, so the centre of the middle column lies within half a bin of the TSS.
    """
    bins = band.values.shape[1]
    rows = np.arange(shape.rows)[:, None]
    first = tss // band.resolution + np.arange(-shape.half, shape.half + 1)[None, :] - rows
    observed = band.values.take(2 * rows * bins + first, mode="clip")
    if first.min() < 0 or first.max() + 2 * (shape.rows - 1) >= bins:
        observed[(first < 0) | (first + 2 * rows >= bins)] = np.nan
    expected = band.expected[2 * rows]
    ratio = observed / expected
    known = np.isfinite(observed)
    ratio[~known] = 1.0
    if value == "log10":
        contacts = np.log10(np.maximum(ratio, FLOOR) * expected)
    else:
        contacts = np.log2((ratio + PSEUDO) / (1 + PSEUDO))
    return contacts.astype(np.float32), 1.0 - float(known.mean())
