"""One chromosome's diagonals in, the map around any of its TSSs out."""

from collections.abc import Callable
from functools import cache, partial
from math import ceil, sqrt

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import map_coordinates, spline_filter

from claster.contacts.direction import Balance
from claster.contacts.matrix import Band, ContactMatrix, CountBand, read_band, read_counts
from claster.contacts.shapes import (
    PSEUDO,
    SPLINE_MARGIN,
    SPLINE_SUPPORT,
    STRIPE_SPREAD,
    STRIPE_VALUES,
    ContactMap,
    DiagonalMap,
    MapValue,
    RotatedMap,
    SquareMap,
    StripeMap,
)

_FLOOR = 0.1
"""Lowest contact frequency of a ``log10`` map, as a share of the expected one at that separation."""

_NOTHING = 1e-14
"""The published contact frequency of a pixel that is unknown or has no contact."""

_STRETCH = 160
"""Columns of a rotated map that are made at a time."""


def _take_logarithms(band: Band, shape: DiagonalMap, *, value: MapValue = "log_oe") -> Band:
    """Return a chromosome's diagonals as the cells of its `diagonal` maps, each pixel once.

    ``values[r, i]`` is about bins ``i`` and ``i + 2 r``; `expected` is the expected value.
    """
    values = np.empty((shape.rows, band.values.shape[1]), np.float32)
    for row, out in enumerate(values):
        expected = band.expected[2 * row]
        out[:] = _logarithm(band.values[2 * row] / expected, expected, value)
    usual = _logarithm(np.ones(shape.rows), band.expected[::2][: shape.rows], value)
    return Band(values, usual, band.resolution)


def _logarithm(ratio: np.ndarray, expected: np.ndarray | np.float64, value: MapValue) -> np.ndarray:
    """Return observed over expected (`ratio`) as float32 in the scale of `value`.

    ``log_oe``: log2 of (ratio + `PSEUDO`) / (1 + `PSEUDO`). ``log10``: log10 of the contact frequency, at
    least `_FLOOR` times the expected one.
    """
    if value == "log10":
        logs = np.log10(np.maximum(ratio, _FLOOR) * expected)
    else:
        logs = np.log2((ratio + PSEUDO) / (1 + PSEUDO))
    return logs.astype(np.float32)


def _diagonal_map(logarithms: Band, tss: int, shape: DiagonalMap) -> tuple[np.ndarray, float]:
    """Return the `diagonal` map around a TSS, float32, and the share of unknown cells, which are as expected.

    Bins are the matrix's own, so the centre of the middle column lies within half a bin of the TSS.
    """
    from claster.contacts.kernels import cut_diagonals

    contacts = np.empty(shape.shape, np.float32)
    first = tss // logarithms.resolution - shape.half
    unknown = cut_diagonals(logarithms.values, logarithms.expected, first, contacts)
    return contacts, unknown / contacts.size


def _promoter_stripe(band: Band, tss: int, shape: StripeMap) -> tuple[np.ndarray, float]:
    """Return the contacts of a TSS with every bin around it, float16, and the share of unknown columns.

    In each scale of `STRIPE_VALUES`: the contacts of 3 x 3 pixels over those expected there, or that times
    the frequency expected at the column's separation; a column without a known pixel is as expected.
    """
    from claster.contacts.kernels import sum_row

    ratio = np.empty(shape.shape[1], np.float64)
    unknown = sum_row(
        band.values, band.expected, tss // band.resolution, shape.half, STRIPE_SPREAD, ratio
    )
    expected = band.expected[np.abs(np.arange(-shape.half, shape.half + 1))]
    stripe = np.stack([_logarithm(ratio, expected, value) for value in STRIPE_VALUES])
    return stripe.astype(np.float16), unknown / ratio.size


def _square_map(band: CountBand, tss: int, shape: SquareMap) -> tuple[np.ndarray, float]:
    """Return the published square map around a TSS, log10 of the contact frequency, and its unknown share.

    The map begins with the bin that holds the window's first base and always has the same number of
    bins. cooler returns one bin less for a window that starts on a bin's edge; the published recipe loses
    such a gene.
    """
    logs, known = _logarithms(band, tss, shape)
    return logs.take(_square_of_diagonals(shape.bins, shape.bins)), _missing(known)


def _rotated_map(band: CountBand, tss: int, shape: RotatedMap) -> tuple[np.ndarray, float]:
    """Return the published rotated map around a TSS, within 1e-9, and the unknown share up to its reach.

    Equal to ``scipy.ndimage.rotate(square, 45, reshape=False)`` and the crop. A spline coefficient
    depends on pixels at a distance d by 0.27 ** d, so stretches of the map are made one by one from
    the pixels around them, and no square of the whole window is.

    References
    ----------
    Unser, IEEE Signal Processing Magazine 1999, doi 10.1109/79.799930.
    """
    logs, known = _logarithms(band, tss, shape)
    contacts = np.empty(shape.shape)
    for columns, bins, points in _stretches(shape):
        near = np.ascontiguousarray(logs[:, bins])
        square = near.take(_square_of_diagonals(near.shape[1], shape.separations))
        contacts[:, columns] = map_coordinates(
            spline_filter(square, order=3), points, order=3, prefilter=False
        )
    return contacts, _missing(known[: shape.reach + 1])


def _logarithms(
    band: CountBand, tss: int, shape: SquareMap | RotatedMap
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


@cache
def _stretches(shape: RotatedMap) -> tuple[tuple[slice, slice, np.ndarray], ...]:
    """Return columns of the map, the window's bins around them, and where in these they lie, by stretch."""
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
        stretches.append((columns, slice(start, end), points - start))
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
    NothingHereError, ClasterError
        See `claster.contacts.matrix.read_band`.
    """
    if isinstance(shape, DiagonalMap | StripeMap):
        band = read_band(matrix, chrom, separations=shape.separations, balance=balance)
        if isinstance(shape, StripeMap):
            return partial(_promoter_stripe, band, shape=shape)
        return partial(_diagonal_map, _take_logarithms(band, shape, value=value), shape=shape)
    counts = read_counts(matrix, chrom, separations=shape.separations, balance=balance)
    if isinstance(shape, SquareMap):
        return partial(_square_map, counts, shape=shape)
    return partial(_rotated_map, counts, shape=shape)
