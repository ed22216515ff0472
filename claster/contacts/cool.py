"""Contact matrices: one chromosome as a band of diagonals, balanced or as counts and weights."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cooler
import numpy as np

from claster.errors import ClasterError
from claster.files import require_file

__all__ = ["Band", "CountBand", "open_contacts", "read_band", "read_counts"]

_CHUNK_PIXELS = 500_000


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
        counts are not whole numbers. (Float32 is exact up to 16,777,216 contacts of two bins.)
    weights
        float64, shape (bins,): NaN where a bin is masked; without balancing 1, or NaN where a bin
        has no contact at all.
    resolution
        Bin width in bp.
    """

    counts: np.ndarray
    weights: np.ndarray
    resolution: int


def open_contacts(path: Path | str, *, resolution: int, balance: bool) -> cooler.Cooler:
    """Open a cool or mcool file at one resolution.

    Parameters
    ----------
    path
        A `.cool` or `.mcool`; groups may follow the new (``/resolutions/1600``) or the old
        (``/13``) layout, or be spelled out after ``::``.
    resolution
        Bin width in bp.
    balance
        Whether weights are needed.

    Returns
    -------
    cooler.Cooler

    Raises
    ------
    ClasterError
        If the file is missing or no cooler, lacks the resolution, or lacks weights.

    References
    ----------
    Abdennur and Mirny, Bioinformatics 2020, doi 10.1093/bioinformatics/btz540.
    """
    file, _, group = str(path).partition("::")
    require_file(
        file, named="contacts", remedy="check 'contacts.file' and 'data' in the dataset YAML"
    )
    try:
        groups = [group] if group else _groups(file)
        found = {
            int(clr.binsize or 0): clr for clr in (cooler.Cooler(f"{file}::{g}") for g in groups)
        }
    except (OSError, KeyError, ValueError) as error:
        raise ClasterError(
            f"contacts: {path} is not a cooler ({error})", remedy="give a .cool or .mcool"
        ) from error
    if resolution not in found:
        have = ", ".join(f"{size:,}" for size in sorted(found))
        raise ClasterError(
            f"contacts: {path} has no resolution of {resolution:,} bp; it has {have}",
            remedy="set 'contacts.resolution' to one of these",
        )
    clr = found[resolution]
    if balance and "weight" not in clr.bins().columns:
        raise ClasterError(
            f"contacts: {clr.uri} has no weights",
            remedy=f"run 'cooler balance {clr.uri}', or set 'contacts.balance: false'",
        )
    return clr


def read_band(clr: cooler.Cooler, chrom: str, *, separations: int, balance: bool) -> Band:
    """Read the first diagonals of one chromosome, each pixel once.

    Parameters
    ----------
    clr
        An open cooler.
    chrom
        The file's own name of the chromosome.
    separations
        How many diagonals, the main one included.
    balance
        Whether to multiply by the weights. Masked bins (no weight) become NaN; without balancing,
        bins that have no contact at all do.

    Returns
    -------
    Band

    Raises
    ------
    ClasterError
        If no known pixel of the band holds a contact.
    """
    values, weights = _read(clr, chrom, separations, balance=balance, dtype=np.float32)
    bins = weights.size
    for s in range(separations):
        partner = np.full(bins, np.nan)
        partner[: max(bins - s, 0)] = weights[s:]
        values[s] *= weights * partner
    return Band(values, _expected(values, clr.uri, chrom), int(clr.binsize))


def read_counts(clr: cooler.Cooler, chrom: str, *, separations: int, balance: bool) -> CountBand:
    """Read the first diagonals of one chromosome without applying the weights, each pixel once.

    Parameters
    ----------
    clr
        An open cooler.
    chrom
        The file's own name of the chromosome.
    separations
        How many diagonals, the main one included.
    balance
        Whether the weights are the file's.

    Returns
    -------
    CountBand

    Raises
    ------
    ClasterError
        If no known pixel of the band holds a contact.
    """
    whole = np.issubdtype(clr.pixels().dtypes["count"], np.integer)
    counts, weights = _read(
        clr, chrom, separations, balance=balance, dtype=np.float32 if whole else np.float64
    )
    known = np.isfinite(weights)
    if not any(
        (row[: weights.size - s][known[: weights.size - s] & known[s:]] > 0).any()
        for s, row in enumerate(counts[: weights.size])
    ):
        raise _no_contact(clr.uri, chrom, separations)
    return CountBand(counts, weights, int(clr.binsize))


def _read(
    clr: cooler.Cooler, chrom: str, separations: int, *, balance: bool, dtype: type[np.floating]
) -> tuple[np.ndarray, np.ndarray]:
    """Return counts, shape (separations, bins), and weights, shape (bins,)."""
    first, last = (int(edge) for edge in clr.extent(chrom))
    bins = last - first
    counts = np.zeros((separations, bins), dtype=dtype)
    flat = counts.reshape(-1)
    touched = np.zeros(bins, dtype=bool)
    for i, separation, count in _pixels(clr, first, last):
        inside = (separation < bins - i) & (count > 0)
        if not balance:
            touched[i[inside]] = True
            touched[(i + separation)[inside]] = True
        near = np.flatnonzero(inside & (separation < separations))
        flat[separation[near] * bins + i[near]] = count[near]
    if balance:
        return counts, clr.bins()["weight"][first:last].to_numpy().astype(np.float64)
    return counts, np.where(touched, 1.0, np.nan)


def _groups(file: str) -> list[str]:
    if listed := cooler.fileops.list_coolers(file):
        return listed
    return ["/"]


def _pixels(
    clr: cooler.Cooler, first: int, last: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield first bin (from `first` on), separation and count of the pixels of some rows, in chunks.

    First bins are counted out from the file's index of rows; their column would take as long to read
    as the others.
    """
    with clr.open("r") as store:
        offsets = store["indexes/bin1_offset"][first : last + 1]
        for low in range(int(offsets[0]), int(offsets[-1]), _CHUNK_PIXELS):
            high = min(low + _CHUNK_PIXELS, int(offsets[-1]))
            i = np.repeat(np.arange(last - first), np.diff(np.clip(offsets, low, high)))
            yield (
                i,
                store["pixels/bin2_id"][low:high] - (i + first),
                store["pixels/count"][low:high],
            )


def _expected(values: np.ndarray, uri: str, chrom: str) -> np.ndarray:
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1, dtype=np.float64)
    count = known.sum(axis=1)
    expected = np.divide(total, count, out=np.zeros(len(values)), where=count > 0)
    seen = np.flatnonzero(expected > 0)
    if seen.size == 0:
        raise _no_contact(uri, chrom, len(values))
    nearest = seen[np.abs(seen[None, :] - np.arange(len(values))[:, None]).argmin(axis=1)]
    return expected[nearest]


def _no_contact(uri: str, chrom: str, separations: int) -> ClasterError:
    return ClasterError(
        f"contacts: {uri} holds no contact on {chrom} below {separations} bins of separation",
        remedy="check the file, or leave the chromosome out with 'regions'",
    )
