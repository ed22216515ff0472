"""One chromosome of a contact matrix as a band of diagonals, balanced or as counts and weights."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from claster.errors import ClasterError

if TYPE_CHECKING:
    from claster.contacts.balance import Balance
    from claster.contacts.matrix import ContactMatrix

__all__ = ["Band", "CountBand", "read_band", "read_counts"]


@dataclass(frozen=True)
class Band:
    """The diagonals of one chromosome's contact matrix.

    Attributes
    ----------
    values
        float32, shape (separations, bins): ``values[s, i]`` is the contact frequency of bins ``i``
        and ``i + s``; NaN where a bin is masked or off the chromosome, 0 where no contact was seen.
    expected
        float64, shape (separations,): mean frequency at each separation over all known pixels; a
        separation without contacts takes the value of the nearest one that has some.
    resolution
        Bin width in bp.
    """

    values: np.ndarray
    expected: np.ndarray
    resolution: int


@dataclass(frozen=True)
class CountBand:
    """The diagonals of one chromosome's contact matrix, as they lie in the file.

    The frequency of bins ``i`` and ``i + s`` is ``counts[s, i] * weights[i] * weights[i + s]``. Taken
    apart, whole counts need 4 bytes and still give it to the last digit of a float64.

    Attributes
    ----------
    counts
        Shape (separations, bins), 0 where no contact was seen; float32, or float64 if the file's
        counts have more digits. (Float32 is exact up to 16,777,216 contacts of two bins.)
    weights
        float64, shape (bins,): NaN where a bin is masked; without balancing 1, or NaN where a bin
        has no contact at all.
    resolution
        Bin width in bp.
    """

    counts: np.ndarray
    weights: np.ndarray
    resolution: int


def read_band(matrix: "ContactMatrix", chrom: str, *, separations: int, balance: "Balance") -> Band:
    """Read the first diagonals of one chromosome, each pixel once.

    Parameters
    ----------
    matrix
        An open matrix.
    chrom
        The file's own name of the chromosome.
    separations
        How many diagonals, the main one included.
    balance
        Whether to multiply by weights, or by which. Masked bins (no weight) become NaN; without
        balancing, bins that have no contact at all do.

    Returns
    -------
    Band

    Raises
    ------
    ClasterError
        If no known pixel of the band holds a contact, or the file does not read.
    """
    from claster.contacts.kernels import weigh

    values, weights = _read(matrix, chrom, separations, balance=balance, dtype=np.float32)
    total, known = weigh(values, weights)
    expected = np.divide(total, known, out=np.zeros(separations), where=known > 0)
    seen = np.flatnonzero(expected > 0)
    if seen.size == 0:
        raise _no_contact(matrix.label, chrom, separations)
    nearest = seen[np.abs(seen[None, :] - np.arange(separations)[:, None]).argmin(axis=1)]
    return Band(values, expected[nearest], matrix.resolution)


def read_counts(
    matrix: "ContactMatrix", chrom: str, *, separations: int, balance: "Balance"
) -> CountBand:
    """Read the first diagonals of one chromosome without applying the weights, each pixel once.

    Parameters
    ----------
    matrix
        An open matrix.
    chrom
        The file's own name of the chromosome.
    separations
        How many diagonals, the main one included.
    balance
        Whether the weights are the file's, or which of these.

    Returns
    -------
    CountBand

    Raises
    ------
    ClasterError
        If no known pixel of the band holds a contact, or the file does not read.
    """
    counts, weights = _read(matrix, chrom, separations, balance=balance, dtype=matrix.count_type)
    known = np.isfinite(weights)
    if not any(
        (row[: weights.size - s][known[: weights.size - s] & known[s:]] > 0).any()
        for s, row in enumerate(counts[: weights.size])
    ):
        raise _no_contact(matrix.label, chrom, separations)
    return CountBand(counts, weights, matrix.resolution)


def _read(
    matrix: "ContactMatrix",
    chrom: str,
    separations: int,
    *,
    balance: "Balance",
    dtype: type[np.floating],
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts, shape (separations, bins), and weights, shape (bins,)."""
    from claster.contacts.kernels import place_pixels

    weights = matrix.weights(chrom, balance) if balance else None
    bins = matrix.bins(chrom)
    counts = np.zeros((separations, bins), dtype=dtype)
    touched = np.zeros(bins, dtype=bool)
    # Which bins have any contact at all, only the whole chromosome tells.
    reach = bins if weights is None else separations
    for first, second, count in matrix.pixels(chrom, separations=reach):
        place_pixels(counts, touched, first, second, count)
    return counts, np.where(touched, 1.0, np.nan) if weights is None else weights


def _no_contact(label: str, chrom: str, separations: int) -> ClasterError:
    return ClasterError(
        f"contacts: {label} holds no contact on {chrom} below {separations} bins of separation",
        remedy="check the file, or leave the chromosome out with 'regions'",
    )
