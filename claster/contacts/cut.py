"""One chromosome's diagonals in, the map around any of its TSSs out."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import ceil, sqrt
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import map_coordinates, spline_filter

from claster.contacts.bands import read_band, read_counts
from claster.contacts.direction import Balance
from claster.contacts.maps import DiagonalMap, MapValue, diagonal_map, take_logarithms
from claster.contacts.matrix import ContactMatrix
from claster.contacts.shapes import SPLINE_MARGIN, SPLINE_SUPPORT, ContactMap, RotatedMap, SquareMap
from claster.contacts.stripe import StripeMap, promoter_stripe

if TYPE_CHECKING:
    from claster.contacts.bands import CountBand


_NOTHING = 1e-14
"""The published contact frequency of a pixel that is unknown or has no contact."""

_STRETCH = 160
"""Columns of a rotated map that are made at a time."""


def _square_map(band: "CountBand", tss: int, shape: SquareMap) -> tuple[np.ndarray, float]:
    """Return the published square map around a TSS in genome orientation.

    Returns the contacts, float64, shape (bins, bins): log10 of the contact frequency, `_NOTHING`
    where none is known, and the share of pixels of masked bins or beyond the chromosome.

    Notes
    -----
    The map begins with the bin that holds the window's first base and always has the same number of
    bins. cooler returns one bin less for a window that starts on a bin's edge; the published recipe loses
    such a gene.
    """
    logs, known = _logarithms(band, tss, shape)
    return logs.take(_square_of_diagonals(shape.bins, shape.bins)), _missing(known)


def _rotated_map(band: "CountBand", tss: int, shape: RotatedMap) -> tuple[np.ndarray, float]:
    """Return the published rotated map around a TSS in genome orientation.

    Returns the contacts, float64, shape (rows, columns): log10 of the contact frequency,
    interpolated; the published map within 1e-9, and the share of pixels of masked bins or beyond
    the chromosome, up to the map's largest separation.

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


def map_cutter(
    matrix: ContactMatrix, chrom: str, shape: ContactMap, *, balance: Balance, value: MapValue
) -> Callable[[int], tuple[np.ndarray, float]]:
    """Read the diagonals of one chromosome and return what cuts the map around a TSS out of them.

    Parameters
    ----------
    chrom
        The file's own name of the chromosome.
    balance
        Whether to multiply by weights, or by which.
    value
        What a ``diagonal`` map holds; a ``stripe`` holds both, the others log10 of the frequency.

    Returns
    -------
    callable
        From a TSS (0-based) to the map in genome orientation, shape ``shape.shape``, and the share of
        it that is unknown. Several threads may call it at once.

    Raises
    ------
    NothingHereError
        If no bin has a weight, or no known pixel of the diagonals holds a contact.
    ClasterError
        If the file cannot be read.
    """
    if isinstance(shape, DiagonalMap):
        band = read_band(matrix, chrom, separations=shape.separations, balance=balance)
        return partial(diagonal_map, take_logarithms(band, shape, value=value), shape=shape)
    if isinstance(shape, StripeMap):
        band = read_band(matrix, chrom, separations=shape.separations, balance=balance)
        return partial(promoter_stripe, band, shape=shape)
    counts = read_counts(matrix, chrom, separations=shape.separations, balance=balance)
    if isinstance(shape, SquareMap):
        return partial(_square_map, counts, shape=shape)
    return partial(_rotated_map, counts, shape=shape)
