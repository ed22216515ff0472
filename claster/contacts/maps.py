"""The `diagonal` contact map of one window, on the landscape's own axis."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from claster.genome.windows import Binning

if TYPE_CHECKING:
    from claster.contacts.bands import Band


MapValue = Literal["log_oe", "log10"]

PSEUDO = 0.5
"""Added to observed over expected before the logarithm: keeps 'no contact' finite and noise small."""

_FLOOR = 0.1
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

    def share_off(self, bins: int) -> float:
        """Return which share of a map around the middle of a chromosome of so many bins lies off it."""
        middle = bins // 2 + np.arange(-self.half, self.half + 1)
        apart = np.arange(self.rows)[:, None]
        return float(((middle - apart < 0) | (middle + apart >= bins)).mean())


@dataclass(frozen=True)
class _Logarithms:
    """One chromosome's diagonals as the cells of `diagonal` maps.

    Attributes
    ----------
    values
        float32, shape (rows, bins): ``values[r, i]`` is about bins ``i`` and ``i + 2 r``; NaN where a bin
        is masked or off the chromosome.
    expected
        float32, shape (rows,): the value of a pixel that is as frequent as expected.
    resolution
        Bin width in bp.
    """

    values: np.ndarray
    expected: np.ndarray
    resolution: int


def take_logarithms(band: "Band", shape: DiagonalMap, *, value: MapValue = "log_oe") -> _Logarithms:
    """Return a chromosome's diagonals as the cells of its maps, each pixel once.

    Parameters
    ----------
    band
        The chromosome's diagonals, at least ``shape.separations``.
    shape
        Rows and columns of a map.
    value
        ``log_oe``: log2 of (o + `PSEUDO`) / (1 + `PSEUDO`), o being observed over expected at that
        separation. ``log10``: log10 of the contact frequency, at least `_FLOOR` times the expected one.
    """
    values = np.empty((shape.rows, band.values.shape[1]), np.float32)
    for row, out in enumerate(values):
        expected = band.expected[2 * row]
        ratio = band.values[2 * row] / expected
        out[:] = logarithm(ratio, expected, value)
    return _Logarithms(
        values,
        logarithm(np.ones(shape.rows), band.expected[::2][: shape.rows], value),
        band.resolution,
    )


def diagonal_map(logarithms: _Logarithms, tss: int, shape: DiagonalMap) -> tuple[np.ndarray, float]:
    """Return the contact map around a TSS in genome orientation.

    Parameters
    ----------
    tss
        0-based position; the centre column is the bin that holds it.
    shape
        Rows and columns.

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
    from claster.contacts.kernels import cut_diagonals

    contacts = np.empty(shape.shape, np.float32)
    first = tss // logarithms.resolution - shape.half
    unknown = cut_diagonals(logarithms.values, logarithms.expected, first, contacts)
    return contacts, unknown / contacts.size


def logarithm(ratio: np.ndarray, expected: np.ndarray | np.float64, value: MapValue) -> np.ndarray:
    """Return observed over expected (`ratio`) as float32 in the scale of `value`; see `take_logarithms`."""
    if value == "log10":
        logs = np.log10(np.maximum(ratio, _FLOOR) * expected)
    else:
        logs = np.log2((ratio + PSEUDO) / (1 + PSEUDO))
    return logs.astype(np.float32)
