"""Where the bins of a cooler lie: by their own start and end, not by their number.

A cooler may hold the bins of a captured region alone, leave bins out, or hold bins of any width; its
table of bins says so. Here each bin takes its place among the bins of one width that begin at the
chromosome's start, and a bin that has no such place is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import h5py
import numpy as np
from isal import isal_zlib
from isal.igzip_lib import IsalError

from claster.errors import ClasterError, NothingHereError, damaged

_DEFLATE, _SHUFFLE = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE


def read_column(column: h5py.Dataset, low: int, high: int) -> np.ndarray:
    """Return ``column[low:high]``, inflated by isal: twice as fast as HDF5 does it, beside other threads.

    Chunks as cooler writes them (shuffled and deflated) are taken as they lie in the file; all else is left
    to HDF5, errors too. Fastest where `low` and `high` are multiples of the chunk's length.

    Raises
    ------
    OSError
        If the file is damaged there.

    Notes
    -----
    Filters as in the HDF5 file format specification 3.0, IV.A.2.l.
    """
    shuffled = _layout(column)
    if shuffled is None or low >= high:
        return column[low:high]
    length, width = column.chunks[0], column.dtype.itemsize
    start = low // length * length
    parts = []
    try:
        for at in range(start, high, length):
            skipped, stored = column.id.read_direct_chunk((at,))
            part = b"" if skipped else isal_zlib.decompress(stored, bufsize=length * width)
            if len(part) != length * width:
                return column[low:high]
            parts.append(part)
    except (IsalError, OSError, RuntimeError):  # type: ignore[misc] # isal's stub has no class
        return column[low:high]
    held = np.frombuffer(b"".join(parts), np.uint8)
    if shuffled:
        held = np.ascontiguousarray(held.reshape(-1, width, length).transpose(0, 2, 1)).reshape(-1)
    return held.view(column.dtype)[low - start : high - start]


def _layout(column: h5py.Dataset) -> bool | None:
    """Return whether the chunks are shuffled, or None where they are not deflated as cooler does it."""
    if column.chunks is None:
        return None
    plan = column.id.get_create_plist()
    filters = [plan.get_filter(i)[0] for i in range(plan.get_nfilters())]
    return {(_DEFLATE,): False, (_SHUFFLE, _DEFLATE): True}.get(tuple(filters))


@dataclass(frozen=True)
class Grid:
    """The bins of one chromosome in a file.

    Attributes
    ----------
    first, last
        Rows of the file's table of bins, 0-based half-open.
    bins
        How many bins of one width cover the chromosome.
    places
        int64, shape (last - first,): which of these each row is; None where they are all there.
    """

    first: int
    last: int
    bins: int
    places: np.ndarray | None

    def rows(self, low: int, high: int) -> tuple[int, int]:
        """Return the file's rows, counted from `first`, of the bins `low` to `high` (half-open)."""
        if self.places is None:
            return low, high
        start, end = np.searchsorted(self.places, [low, high])
        return int(start), int(end)

    def place(self, rows: np.ndarray) -> np.ndarray:
        """Return the bins of rows counted from `first`; outside the chromosome none of `bins`."""
        if self.places is None:
            return rows
        count = self.last - self.first
        inside = self.places.take(rows, mode="clip")
        return np.where(rows < 0, -1, np.where(rows < count, inside, self.bins))

    def spread(self, values: np.ndarray, *, fill: float) -> np.ndarray:
        """Return values of the file's rows by bin; bins that are not in the file take `fill`."""
        if self.places is None:
            return values
        whole = np.full(self.bins, fill, dtype=values.dtype)
        whole[self.places] = values
        return whole


def read_grid(
    store: h5py.Group,
    chrom: str,
    *,
    names: Sequence[str],
    size: int,
    resolution: int,
    label: str,
) -> Grid:
    """Read which bins of a chromosome a cooler has.

    Parameters
    ----------
    chrom, names
        The chromosome, and all of the file in its order.
    size
        Length of the chromosome in bp.
    resolution
        Width of a bin in bp; the last one of a chromosome may be cut off at its end.

    Raises
    ------
    ClasterError
        If a bin is not one of equal bins from the chromosome's start.
    NothingHereError
        If the file has no bin of the chromosome.
    DamagedFileError
        If the index of chromosomes does not fit the bins.
    """
    offsets = store["indexes/chrom_offset"][:].astype(np.int64)
    table = store["bins"]
    count = len(table["start"])
    whole = (
        offsets.size == len(names) + 1
        and offsets[0] == 0
        and offsets[-1] == count
        and (np.diff(offsets) >= 0).all()
        and len(table["end"]) == len(table["chrom"]) == count
    )
    at = list(names).index(chrom)
    if whole:
        first, last = int(offsets[at]), int(offsets[at + 1])
        codes = table["chrom"][first:last]
        whole = codes.dtype.kind not in "iu" or bool((codes == at).all())
    if not whole:
        raise damaged(f"contacts: {label}", "its index of chromosomes does not fit its bins")
    if first == last:
        raise NothingHereError(
            f"contacts: {label} has no bin of {chrom}",
            remedy="leave the chromosome out with 'regions', or take another file",
            reason="no_contacts",
        )
    starts = table["start"][first:last].astype(np.int64)
    ends = table["end"][first:last].astype(np.int64)
    places = starts // resolution
    width = ends - starts
    fits = (width == resolution) | ((ends == size) & (width > 0) & (width < resolution))
    fits &= (starts % resolution == 0) & (starts >= 0) & (starts < size)
    fits[1:] &= np.diff(places) > 0
    if not fits.all():
        odd = int(np.argmin(fits))
        raise ClasterError(
            f"contacts: {label} has a bin {chrom}:{starts[odd]:,}-{ends[odd]:,}, which is not one of equal "
            f"bins of {resolution:,} bp from the chromosome's start",
            remedy="bin the contacts again with 'cooler cload pairs chrom.sizes:"
            f"{resolution}', or leave 'contacts' out",
        )
    bins = -(-size // resolution)
    full = places.size == bins
    return Grid(first, last, bins, None if full else places)
