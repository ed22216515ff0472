"""The kinds of contact map: how large each is, which diagonals it needs, how it is mirrored."""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Literal

import numpy as np

from claster.errors import ClasterError
from claster.genome.windows import Binning, mirror

MapKind = Literal["diagonal", "stripe", "paper_square", "paper_rotated"]
MapValue = Literal["log_oe", "log10"]

DIAGONAL_ROWS = 129
"""Rows of a `diagonal` map unless a dataset says otherwise."""

STRIPE_VALUES: tuple[MapValue, ...] = ("log_oe", "log10")
"""What the rows of a stripe hold."""

STRIPE_SPREAD = 1
"""Pixels on either side that a cell of a stripe takes in, along both axes of the matrix: 3 x 3 in all."""

PSEUDO = 0.5
"""Added to observed over expected before the logarithm: keeps 'no contact' finite and noise small."""

SPLINE_SUPPORT = 2
"""Pixels on either side that a point of a cubic spline depends on."""

SPLINE_MARGIN = 24
"""Pixels after which a cut no longer shows: a spline coefficient forgets by 2 - sqrt(3) a pixel."""

_FEWEST_COLUMNS = 3


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
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, 2 * self.half + 1

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
        return self.half + 2 * STRIPE_SPREAD + 1


@dataclass(frozen=True)
class SquareMap:
    """Shape of the `paper_square` map: cell ``(i, j)`` is the pixel of the window's bins i and j.

    Parameters
    ----------
    bins
        Rows, and columns.
    half
        Distance from the TSS to either end of the window in bp.
    """

    bins: int
    half: int

    @classmethod
    def over(cls, window: Binning, *, resolution: int) -> "SquareMap":
        """Return the map between the middles of the first and the last bin of the landscape.

        Examples
        --------
        >>> SquareMap.over(Binning(10_001, 100), resolution=1600).shape
        (626, 626)
        >>> SquareMap.over(Binning(10_001, 100), resolution=5000).shape
        (201, 201)
        """
        half = window.half - window.size // 2
        return cls(2 * half // resolution + 1, half)

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.bins, self.bins

    @property
    def separations(self) -> int:
        """How many diagonals of the matrix the map needs."""
        return self.bins


@dataclass(frozen=True)
class RotatedMap:
    """Shape of the `paper_rotated` map: the square turned so that its diagonal is the last row.

    A column is 1 / sqrt(2) bins of midpoint wide and a row sqrt(2) bins of separation high.

    Parameters
    ----------
    bins
        Rows, and columns, of the square.
    half
        Distance from the TSS to either end of the square in bp.
    """

    bins: int
    half: int

    @classmethod
    def over(cls, window: Binning, *, resolution: int) -> "RotatedMap":
        """Return the map whose square is that of `SquareMap.over`.

        Examples
        --------
        >>> RotatedMap.over(Binning(10_001, 100), resolution=1600).shape
        (129, 626)

        Raises
        ------
        ClasterError
            If the window has too few bins of the matrix for a single row.
        """
        square = SquareMap.over(window, resolution=resolution)
        turned = cls(square.bins, square.half)
        if turned.rows < 1:
            raise _too_coarse(
                window, resolution, square.bins, "a rotated", "'contacts.map: diagonal'"
            )
        return turned

    @property
    def first_row(self) -> int:
        """First row of the turned square that is kept: the first column of row 0 inside the square."""
        return ceil((self.bins - 1) * (1 - sqrt(0.5)))

    @property
    def rows(self) -> int:
        """Number of rows: the upper half of those that are not cropped."""
        return self.bins // 2 - self.first_row

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.rows, self.bins

    @property
    def heights(self) -> np.ndarray:
        """Separation of each row in bins, shape (rows,): the first row is the farthest."""
        return (self.bins - 1 - 2 * (self.first_row + np.arange(self.rows))) * sqrt(0.5)

    @property
    def reach(self) -> int:
        """Largest separation of a pixel next to a point of the map."""
        return min(ceil(self.heights[0]), self.bins - 1)

    @property
    def separations(self) -> int:
        """How many diagonals of the matrix the map needs."""
        return min(self.reach + SPLINE_SUPPORT + SPLINE_MARGIN, self.bins)


ContactMap = DiagonalMap | StripeMap | SquareMap | RotatedMap
"""The shape of a map; each has `shape` (rows, columns) and `separations`, the diagonals it needs."""


def map_over(
    kind: MapKind, window: Binning, *, resolution: int, rows: int | None = None
) -> ContactMap:
    """Return the shape of a map over a landscape window.

    Parameters
    ----------
    kind
        ``diagonal``, ``stripe``, ``paper_square`` or ``paper_rotated``.
    resolution
        Bin width of the matrix in bp.
    rows
        Rows of a ``diagonal`` map; the rows of the others follow from the window.

    Raises
    ------
    ClasterError
        If the window has so few bins of the matrix that a map of it says nothing: fewer than 3 columns.
    """
    if kind == "paper_square":
        shape: ContactMap = SquareMap.over(window, resolution=resolution)
    elif kind == "stripe":
        shape = StripeMap.over(window, resolution=resolution)
    elif kind == "paper_rotated":
        shape = RotatedMap.over(window, resolution=resolution)
    else:
        shape = DiagonalMap.over(window, resolution=resolution, rows=rows or DIAGONAL_ROWS)
    if shape.shape[1] < _FEWEST_COLUMNS:
        raise _too_coarse(window, resolution, shape.shape[1], "a", "widen 'window'")
    return shape


def mirror_map(contacts: np.ndarray, shape: ContactMap) -> np.ndarray:
    """Return a map of the mirrored window: both axes of a square are bins, else the columns alone.

    Examples
    --------
    >>> mirror_map(np.array([[1, 2], [2, 3]]), SquareMap(2, 500))
    array([[3, 2],
           [2, 1]])
    >>> mirror_map(np.array([[1, 2], [2, 3]]), RotatedMap(2, 500))
    array([[2, 1],
           [3, 2]])
    """
    return mirror(contacts[::-1] if isinstance(shape, SquareMap) else contacts)


def _too_coarse(window: Binning, resolution: int, bins: int, kind: str, other: str) -> ClasterError:
    return ClasterError(
        f"contacts: a window of {window.width:,} bp has {bins} bins of {resolution:,} bp, too few for "
        f"{kind} map",
        remedy=f"set a finer 'contacts.resolution', or {other}",
    )
