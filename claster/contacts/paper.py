"""The published contact maps of one window: a square of the matrix, and that square rotated.

The published recipe takes the balanced square around a TSS, sets unknown and empty pixels to
`_NOTHING`, and takes log10. For the rotated map it turns that square by 45 degrees with a cubic spline
and keeps the rows between the corners that the turn cuts off and the diagonal. Here the same numbers
come from the chromosome's diagonals, and the spline is evaluated at the kept points alone.
"""

from dataclasses import dataclass
from functools import cache
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import map_coordinates, spline_filter

from claster.contacts.shapes import SPLINE_MARGIN, SPLINE_SUPPORT, RotatedMap, SquareMap

if TYPE_CHECKING:
    from claster.contacts.bands import CountBand

__all__ = ["rotated_map", "square_map"]

_NOTHING = 1e-14
"""The published contact frequency of a pixel that is unknown or has no contact."""

_STRETCH = 160
"""Columns of a rotated map that are made at a time."""


def square_map(band: "CountBand", tss: int, shape: SquareMap) -> tuple[np.ndarray, float]:
    """Return the published square map around a TSS in genome orientation.

    Parameters
    ----------
    band
        The chromosome's diagonals, at least ``shape.separations``.
    tss
        0-based position.
    shape
        Size of the map.

    Returns
    -------
    contacts : numpy.ndarray
        float64, shape (bins, bins): log10 of the contact frequency, `_NOTHING` where none is known.
    missing : float
        Share of pixels of masked bins or beyond the chromosome.

    Notes
    -----
    The map begins with the bin that holds the window's first base and always has the same number of
    bins. cooler returns one bin less for a window that starts on a bin's edge; the published recipe loses
    such a gene.
    """
    logs, known = _logarithms(band, tss, shape)
    return logs.take(_square_of_diagonals(shape.bins, shape.bins)), _missing(known)


def rotated_map(band: "CountBand", tss: int, shape: RotatedMap) -> tuple[np.ndarray, float]:
    """Return the published rotated map around a TSS in genome orientation.

    Parameters
    ----------
    band
        The chromosome's diagonals, at least ``shape.separations``.
    tss
        0-based position.
    shape
        Size of the map.

    Returns
    -------
    contacts : numpy.ndarray
        float64, shape (rows, columns): log10 of the contact frequency, interpolated; the published
        map within 1e-9.
    missing : float
        Share of pixels of masked bins or beyond the chromosome, up to the map's largest separation.

    Notes
    -----
    Equal to ``scipy.ndimage.rotate(square, 45, reshape=False)`` and the crop. A spline coefficient
    depends on pixels at a distance d by 0.27 ** d, so stretches of the map are made one by one from
    the pixels around them, and no square of the whole window is.

    References
    ----------
    Unser, IEEE Signal Processing Magazine 1999, doi 10.1109/79.799930.
    """
    logs, known = _logarithms(band, tss, shape)
    contacts = np.empty(shape.shape)
    for stretch in _stretches(shape):
        near = np.ascontiguousarray(logs[:, stretch.bins])
        square = near.take(_square_of_diagonals(near.shape[1], shape.separations))
        contacts[:, stretch.columns] = map_coordinates(
            spline_filter(square, order=3), stretch.points, order=3, prefilter=False
        )
    return contacts, _missing(known[: shape.reach + 1])


def _logarithms(
    band: "CountBand", tss: int, shape: SquareMap | RotatedMap
) -> tuple[np.ndarray, np.ndarray]:
    """Return log10 of the window's diagonals, and where they are known.

    The first has one more row, of log10 `_NOTHING`, for all separations beyond the last.
    """
    bins, separations = shape.bins, shape.separations
    first = (tss - shape.half) // band.resolution
    start, end = max(first, 0), max(min(first + bins, band.weights.size), 0)
    counts = np.zeros((separations, bins))
    weights = np.full(bins + separations - 1, np.nan)
    if start < end:
        here = slice(start - first, end - first)
        counts[:, here] = band.counts[:separations, start:end]
        weights[here] = band.weights[start:end]
    frequency = counts * weights[:bins] * sliding_window_view(weights, bins)
    logs = np.full((separations + 1, bins), np.log10(_NOTHING))
    np.log10(frequency, out=logs[:-1], where=frequency > 0)
    return logs, np.isfinite(frequency)


def _missing(known: np.ndarray) -> float:
    """Return the unknown share of the symmetric matrix whose upper diagonals are given."""
    separations, bins = known.shape
    times = np.where(np.arange(separations) == 0, 1, 2)
    pixels = times * (bins - np.arange(separations))
    return 1.0 - float(times @ known.sum(axis=1)) / float(pixels.sum())


@cache
def _square_of_diagonals(bins: int, separations: int) -> np.ndarray:
    """Return where, in flat diagonals and one row for all beyond, each pixel of a square lies."""
    i = np.arange(bins)
    separation = np.minimum(np.abs(i[:, None] - i), separations)
    return separation * bins + np.minimum(i[:, None], i)


@dataclass(frozen=True)
class _Stretch:
    """Some columns of a rotated map, the window's bins around them, and where in these they lie."""

    columns: slice
    bins: slice
    points: np.ndarray


@cache
def _stretches(shape: RotatedMap) -> tuple[_Stretch, ...]:
    middle = (shape.bins - 1) / 2
    stretches = []
    for first in range(0, shape.bins, _STRETCH):
        columns = slice(first, min(first + _STRETCH, shape.bins))
        midpoint = (np.arange(columns.start, columns.stop) - middle) * sqrt(0.5) + middle
        points = np.stack(
            [midpoint - shape.heights[:, None] / 2, midpoint + shape.heights[:, None] / 2]
        )
        start = max(int(points.min()) - SPLINE_SUPPORT - SPLINE_MARGIN, 0)
        end = min(ceil(points.max()) + SPLINE_SUPPORT + SPLINE_MARGIN + 1, shape.bins)
        stretches.append(_Stretch(columns, slice(start, end), points - start))
    return tuple(stretches)
