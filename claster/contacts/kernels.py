"""The inner loops over pixels and diagonals, compiled by numba on first use and kept on disk.

Importing numba takes a second, so the functions of this room that need these import them when they run.
Each loop lets other threads run.
"""

import numpy as np

from claster.compiled import compiled

__all__ = ["cut_diagonals", "place_pixels", "weigh"]


@compiled
def place_pixels(
    counts: np.ndarray,
    touched: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    count: np.ndarray,
) -> None:
    """Put pixels on their diagonals.

    Parameters
    ----------
    counts
        Float, shape (separations, bins): filled.
    touched
        bool, shape (bins,): set where a bin has a contact inside the chromosome, however far.
    first, second
        Bins of each pixel from the chromosome's first bin on, ``first <= second``; pixels that leave
        the chromosome are passed over.
    count
        Contacts of each pixel.
    """
    separations, bins = counts.shape
    for pixel in range(first.size):
        i, j = first[pixel], second[pixel]
        if j < bins and count[pixel] > 0:
            touched[i] = True
            touched[j] = True
            if j - i < separations:
                counts[j - i, i] = count[pixel]


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
