"""Contact matrices of any file format, and one chromosome of them as a band of diagonals."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from claster.contacts.cool import CoolMatrix, find_matrices
from claster.contacts.direction import Balance
from claster.contacts.hic import HicMatrix, is_hic, list_resolutions
from claster.errors import ClasterError, DamagedFileError, NothingHereError
from claster.files import require_file
from claster.formats import require_whole

ContactMatrix = CoolMatrix | HicMatrix
"""One matrix of a file: one resolution. Several threads may read at once.

Counts are to be multiplied by its `weights`, float64, shape (bins,), NaN for masked bins. `pixels` yields
first bin, second bin (both from the chromosome's first one on) and count of each pixel below `separations`
once; farther ones, such as leave the chromosome, and those of the other half of a `square` file may be among
them.
"""

_ONE_HALF = "make the file again from pixels of the upper half, in cooler's symmetric-upper storage"


def open_contacts(path: Path | str, *, resolution: int, balance: Balance) -> ContactMatrix:
    """Open a cool, mcool or hic file at one resolution.

    Parameters
    ----------
    path
        A `.hic`, `.cool` or `.mcool`, told by their first bytes. Groups of an `.mcool` may follow the new
        (``/resolutions/1600``) or the old (``/13``) layout, or be spelled out after ``::``.
    resolution
        Bin width in bp.

    Raises
    ------
    ClasterError
        If the file is missing, cut off or of another kind, lacks the resolution or the weights, contradicts
        itself on whether these divide, or is a `.hic` and hictkpy is not installed.
    """
    file, _, group = str(path).partition("::")
    require_file(
        file, named="contacts", remedy="check 'contacts.file' and 'data' in the dataset YAML"
    )
    hic = is_hic(file)
    require_whole(file, format="hic" if hic else "cooler", named=f"contacts ({file})")
    found: dict[int, ContactMatrix]
    if hic:
        found = {size: HicMatrix(file, size) for size in list_resolutions(file)}
    else:
        found = {size: matrix for size, (_, matrix) in find_matrices(file, group)[0].items()}
    if resolution not in found:
        have = ", ".join(f"{size:,}" for size in found)
        raise ClasterError(
            f"contacts: {file} has no resolution of {resolution:,} bp; it has {have}",
            remedy="set 'contacts.resolution' to one of these",
        )
    if balance:
        found[resolution].require_weights(balance)
    return found[resolution]


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


def read_band(matrix: ContactMatrix, chrom: str, *, separations: int, balance: Balance) -> Band:
    """Read the first diagonals of one chromosome, each pixel once.

    Parameters
    ----------
    chrom
        The file's own name of the chromosome.
    separations
        How many diagonals, the main one included.
    balance
        Whether to multiply by weights, or by which. Masked bins (no weight) become NaN; without
        balancing, bins that have no contact at all do.

    Raises
    ------
    NothingHereError
        If no bin has a weight, or no known pixel of the band holds a contact.
    ClasterError
        If the file cannot be read, or holds pixels below the main diagonal, twice, or without a count.
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
    matrix: ContactMatrix, chrom: str, *, separations: int, balance: Balance
) -> CountBand:
    """Read the first diagonals of one chromosome without applying the weights; all else as `read_band`."""
    counts, weights = _read(matrix, chrom, separations, balance=balance, dtype=matrix.count_type)
    known = np.isfinite(weights)
    if not any(
        (row[: weights.size - s][known[: weights.size - s] & known[s:]] > 0).any()
        for s, row in enumerate(counts[: weights.size])
    ):
        raise _no_contact(matrix.label, chrom, separations)
    return CountBand(counts, weights, matrix.resolution)


def _read(
    matrix: ContactMatrix,
    chrom: str,
    separations: int,
    *,
    balance: Balance,
    dtype: type[np.floating],
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts, shape (separations, bins), and weights, shape (bins,)."""
    from claster.contacts import kernels

    weights = matrix.weights(chrom, balance) if balance else None
    if weights is not None and not np.isfinite(weights).any():
        raise NothingHereError(
            f"contacts: {matrix.label} has no weight on {chrom}: all its bins are masked",
            remedy="balance with a milder filter, set 'contacts.balance' to others, or leave the "
            "chromosome out with 'regions'",
            reason="no_weights",
        )
    bins = matrix.bins(chrom)
    counts = np.zeros((separations, bins), dtype=dtype)
    touched = np.zeros(bins, dtype=bool)
    # Which bins have any contact at all, only the whole chromosome tells.
    reach = bins if weights is None else separations
    halves = np.zeros(2, np.int64)
    for first, second, count in matrix.pixels(chrom, separations=reach):
        fault, pixel = kernels.place_pixels(
            counts, touched, first, second, count, matrix.square, halves
        )
        if fault != kernels.WELL:
            i, j = (int(bins[pixel]) * matrix.resolution for bins in (first, second))
            raise _wrong_pixel(fault, matrix.label, f"{chrom}:{i:,} and {j:,}", count[pixel])
    if matrix.square and halves[0] != halves[1]:
        raise ClasterError(
            f"contacts: {matrix.label} says that it holds both halves of the matrix, but {halves[0]:,} "
            f"pixels of {chrom} lie above the main diagonal and {halves[1]:,} below it",
            remedy=_ONE_HALF,
        )
    return counts, np.where(touched, 1.0, np.nan) if weights is None else weights


def _wrong_pixel(fault: int, label: str, place: str, count: float) -> ClasterError:
    from claster.contacts import kernels

    if fault == kernels.WILD:
        return DamagedFileError(
            f"contacts: {label} holds {count} contacts of {place}, which is not a count",
            remedy="download or make the file again",
        )
    if fault == kernels.TWICE:
        return DamagedFileError(
            f"contacts: {label} holds the pixel of {place} twice",
            remedy="make the file again; 'cooler load' and 'cooler merge' sum such pixels",
        )
    if fault == kernels.UNEQUAL:
        return ClasterError(
            f"contacts: {label} holds both halves of the matrix, and they differ at {place}",
            remedy=_ONE_HALF,
        )
    return ClasterError(
        f"contacts: {label} says that it holds the upper half of the matrix alone, but has a pixel below "
        f"the main diagonal, of {place}",
        remedy=_ONE_HALF,
    )


def _no_contact(label: str, chrom: str, separations: int) -> NothingHereError:
    return NothingHereError(
        f"contacts: {label} holds no contact on {chrom} below {separations} bins of separation",
        remedy="check the file, or leave the chromosome out with 'regions'",
        reason="no_contacts",
    )
