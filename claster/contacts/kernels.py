"""The inner loops over pixels and diagonals, compiled by numba on first use and kept on disk.

Importing numba takes a second, so the functions of this room that need these import them when they run.
Each loop lets other threads run, and none reads or writes beyond an array, whatever it is given.
"""

import numpy as np

from claster.compiled import compiled

WELL, WILD, _BELOW, TWICE, UNEQUAL = range(5)
"""What `place_pixels` found: nothing wrong, a count that is none, a pixel below the main diagonal, one
that is there twice, one whose mirror image differs."""


@compiled
def place_pixels(
    counts: np.ndarray,
    touched: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    count: np.ndarray,
    square: bool,  # noqa: FBT001 - a compiled function takes positions only
    halves: np.ndarray,
) -> tuple[int, int]:
    """Put pixels on their diagonals.

    Parameters
    ----------
    counts
        Float, shape (separations, bins): filled.
    touched
        bool, shape (bins,): set where a bin has a contact inside the chromosome, however far.
    first, second
        Bins of each pixel from the chromosome's first bin on, by rising first bin; pixels that leave
        the chromosome are passed over.
    count
        Contacts of each pixel.
    square
        Whether a pixel below the main diagonal is the mirror image of one above it, which came before;
        else it is a fault.
    halves
        int64, shape (2,): counts up the pixels above and below the main diagonal, among `counts`.

    Returns
    -------
    tuple of int
        `WELL`, `WILD`, `_BELOW`, `TWICE` or `UNEQUAL`, and the pixel with the fault.
    """
    separations, bins = counts.shape
    cell = np.empty(1, counts.dtype)
    for pixel in range(min(first.size, second.size, count.size)):
        i, j = first[pixel], second[pixel]
        cell[0] = count[pixel]
        value = cell[0]
        if not (0 <= value < np.inf):
            return WILD, pixel
        if j < i and not square:
            return _BELOW, pixel
        if not (0 <= i < min(bins, touched.size) and 0 <= j < min(bins, touched.size)):
            continue
        if value == 0:
            continue
        touched[i] = True
        touched[j] = True
        if abs(j - i) >= separations:
            continue
        if j < i:
            if counts[i - j, j] != value:
                return UNEQUAL, pixel
            halves[1] += 1
        else:
            if counts[j - i, i] != 0:
                return TWICE, pixel
            counts[j - i, i] = value
            halves[0] += j > i
    return WELL, 0


@compiled
def weigh(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Multiply diagonals by the weights of both bins, in place; NaN beyond the chromosome.

    Parameters
    ----------
    values
        float32, shape (separations, bins): counts that become frequencies.
    weights
        float64, shape (bins,): NaN where a bin is masked.

    Returns
    -------
    total : numpy.ndarray
        float64, shape (separations,): sum of the known frequencies.
    known : numpy.ndarray
        int64, shape (separations,): how many are known.
    """
    separations, bins = values.shape
    if weights.size != bins:
        raise ValueError("weights and diagonals have different numbers of bins")
    total = np.zeros(separations)
    known = np.zeros(separations, np.int64)
    for s in range(separations):
        inside = max(bins - s, 0)
        for i in range(inside):
            value = np.float32(values[s, i] * (weights[i] * weights[i + s]))
            values[s, i] = value
            if not np.isnan(value):
                total[s] += value
                known[s] += 1
        values[s, inside:] = np.nan
    return total, known


@compiled
def cut_diagonals(logs: np.ndarray, fill: np.ndarray, first: int, contacts: np.ndarray) -> int:
    """Cut a map out of the diagonals of even separations and return how many of its cells are unknown.

    Parameters
    ----------
    logs
        float32, shape (rows, bins): ``logs[r, i]`` is about bins ``i`` and ``i + 2 r``, NaN if unknown.
    fill
        float32, shape (rows,): what unknown cells take.
    first
        Bin of the first column; may lie beyond the chromosome, as may the last.
    contacts
        float32, shape (rows, columns): filled.
    """
    rows, columns = contacts.shape
    bins = logs.shape[1]
    if rows > logs.shape[0] or rows > fill.size:
        raise ValueError("a map has more rows than there are diagonals")
    unknown = 0
    for r in range(rows):
        for m in range(columns):
            i = first + m - r
            value = logs[r, i] if 0 <= i < bins else np.float32(np.nan)
            if np.isnan(value):
                unknown += 1
                value = fill[r]
            contacts[r, m] = value
    return unknown


@compiled
def sum_row(
    values: np.ndarray,
    expected: np.ndarray,
    row: int,
    half: int,
    spread: int,
    ratio: np.ndarray,
) -> int:
    """Take observed over expected along a row of the matrix, over squares of pixels around each cell.

    Parameters
    ----------
    values
        float32, shape (separations, bins), separations above ``half + 2 * spread``: frequencies, NaN if
        unknown.
    expected
        float64, shape (separations,).
    row
        The bin; may lie beyond the chromosome.
    half
        Cells on either side of it.
    spread
        Pixels on either side of a cell, along both axes.
    ratio
        float64, shape (2 * half + 1,): filled, 1 where no pixel of the square is known.

    Returns
    -------
    int
        How many cells have no known pixel.
    """
    separations, bins = values.shape
    if (
        half + 2 * spread >= separations
        or separations > expected.size
        or ratio.size != 2 * half + 1
    ):
        raise ValueError("a row reaches farther than the diagonals")
    unknown = 0
    for m in range(-half, half + 1):
        seen = 0.0
        due = 0.0
        for a in range(row - spread, row + spread + 1):
            for b in range(row + m - spread, row + m + spread + 1):
                low, apart = min(a, b), abs(b - a)
                if low < 0 or low + apart >= bins:
                    continue
                value = values[apart, low]
                if not np.isnan(value):
                    seen += value
                    due += expected[apart]
        if due > 0:
            ratio[m + half] = seen / due
        else:
            ratio[m + half] = 1.0
            unknown += 1
    return unknown
