"""Contact matrices: one chromosome as a band of diagonals."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cooler
import numpy as np
import pandas as pd

from claster.errors import ClasterError
from claster.files import require_file

__all__ = ["Band", "open_contacts", "read_band"]

_CHUNK_PIXELS = 4_000_000


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
    first, last = (int(edge) for edge in clr.extent(chrom))
    bins = last - first
    values = np.zeros((separations, bins), dtype=np.float32)
    touched = np.zeros(bins, dtype=bool)
    for pixels in _pixels(clr, first, last):
        i = pixels["bin1_id"].to_numpy() - first
        j = pixels["bin2_id"].to_numpy() - first
        count = pixels["count"].to_numpy()
        inside = (j < bins) & (count > 0)
        touched[i[inside]] = True
        touched[j[inside]] = True
        near = inside & (j - i < separations)
        values[(j - i)[near], i[near]] = count[near]
    if balance:
        weights = clr.bins()["weight"][first:last].to_numpy().astype(np.float64)
    else:
        weights = np.where(touched, 1.0, np.nan)
    for s in range(separations):
        partner = np.full(bins, np.nan)
        partner[: max(bins - s, 0)] = weights[s:]
        values[s] *= weights * partner
    return Band(values, _expected(values, clr.uri, chrom), int(clr.binsize))


def _groups(file: str) -> list[str]:
    if listed := cooler.fileops.list_coolers(file):
        return listed
    return ["/"]


def _pixels(clr: cooler.Cooler, first: int, last: int) -> Iterator[pd.DataFrame]:
    table = clr.pixels()
    with clr.open("r") as store:
        offsets = store["indexes/bin1_offset"][first : last + 1]
    start = int(offsets[0])
    end = int(offsets[-1])
    for low in range(start, end, _CHUNK_PIXELS):
        yield table[low : min(low + _CHUNK_PIXELS, end)]


def _expected(values: np.ndarray, uri: str, chrom: str) -> np.ndarray:
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1, dtype=np.float64)
    count = known.sum(axis=1)
    expected = np.divide(total, count, out=np.zeros(len(values)), where=count > 0)
    seen = np.flatnonzero(expected > 0)
    if seen.size == 0:
        raise ClasterError(
            f"contacts: {uri} holds no contact on {chrom} below {len(values)} bins of separation",
            remedy="check the file, or leave the chromosome out with 'regions'",
        )
    nearest = seen[np.abs(seen[None, :] - np.arange(len(values))[:, None]).argmin(axis=1)]
    return expected[nearest]
