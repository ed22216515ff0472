"""Contact matrices in cooler files: `.cool`, and `.mcool` in the new and the old zoom layout."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import cooler
import numpy as np

from claster.contacts.balance import Balance, weight_column
from claster.contacts.chunks import read_column
from claster.contacts.hic import starts_as_hic
from claster.errors import ClasterError, DamagedFileError, one_line

__all__ = ["READ_ERRORS", "CoolMatrix", "list_groups", "open_cool"]

READ_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError)
"""What cooler and h5py raise at a file that is damaged or of another kind."""

_DIVISIVE = frozenset({"KR", "VC", "VC_SQRT"})
"""Weights that divide, unless the column says otherwise: so hic2cool and 4DN store them."""

_PIECE = 500_000
"""About how many pixels are read at a time."""


@dataclass(frozen=True)
class CoolMatrix:
    """A matrix of a cooler file, as `claster.contacts.matrix.ContactMatrix` says.

    References
    ----------
    Abdennur and Mirny, Bioinformatics 2020, doi 10.1093/bioinformatics/btz540.
    """

    clr: cooler.Cooler

    @property
    def label(self) -> str:
        """Path and group."""
        return self.clr.uri

    @property
    def resolution(self) -> int:
        """Bin width in bp, 0 for bins of several widths."""
        return int(self.clr.binsize or 0)

    @property
    def sizes(self) -> Mapping[str, int]:
        """Chromosome lengths in bp by the file's own names."""
        return {str(name): int(size) for name, size in self.clr.chromsizes.items()}

    @property
    def count_type(self) -> type[np.floating]:
        """float32 for whole counts, else float64."""
        whole = np.issubdtype(self.clr.pixels().dtypes["count"], np.integer)
        return np.float32 if whole else np.float64

    @property
    def assembly(self) -> str:
        """What the file calls its assembly, "" where it does not."""
        return str(self.clr.info.get("genome-assembly") or "")

    @property
    def columns(self) -> list[str]:
        """Names of weights."""
        return [name for name in self.clr.bins().columns if name not in ("chrom", "start", "end")]

    def bins(self, chrom: str) -> int:
        """Return the number of bins of a chromosome."""
        first, last = self._extent(chrom)
        return last - first

    def weights(self, chrom: str, balance: Balance) -> np.ndarray:
        """Return what counts are to be multiplied by; weights that divide are turned over."""
        name = weight_column(balance)
        first, last = self._extent(chrom)
        try:
            with self.clr.open("r") as store:
                column = store["bins"][name]
                weights = column[first:last].astype(np.float64)
                divide = bool(column.attrs.get("divisive_weights", name in _DIVISIVE))
        except READ_ERRORS as error:
            raise self._damaged(f"weights {name} of {chrom}", error) from error
        if divide:
            weights = np.divide(1, weights, out=np.full_like(weights, np.nan), where=weights > 0)
        return np.where(np.isfinite(weights), weights, np.nan)

    def pixels(
        self, chrom: str, *, separations: int, rows: tuple[int, int] | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first bin, second bin and count of the pixels of some rows, `separations` or not.

        First bins are counted out from the file's index of rows; their column would take as long to
        read as the others.
        """
        start, end = self._extent(chrom)
        first, last = rows or (0, end - start)
        try:
            with self.clr.open("r") as store:
                offsets = store["indexes/bin1_offset"][start + first : start + last + 1]
                second, count = store["pixels/bin2_id"], store["pixels/count"]
                for low, high in _pieces(int(offsets[0]), int(offsets[-1]), second.chunks):
                    held = np.diff(np.clip(offsets, low, high))
                    yield (
                        np.repeat(np.arange(first, last), held),
                        read_column(second, low, high) - start,
                        read_column(count, low, high),
                    )
        except READ_ERRORS as error:
            raise self._damaged(f"pixels of {chrom}", error) from error

    def _extent(self, chrom: str) -> tuple[int, int]:
        first, last = self.clr.extent(chrom)
        return int(first), int(last)

    def _damaged(self, what: str, error: Exception) -> DamagedFileError:
        return DamagedFileError(
            f"contacts: {self.label} is damaged: the {what} cannot be read ({one_line(error)})",
            remedy="fetch or make the file anew",
        )


def open_cool(file: str, group: str, *, resolution: int, balance: Balance) -> CoolMatrix:
    """Open a cooler at one resolution.

    Parameters
    ----------
    file
        A `.cool` or `.mcool`.
    group
        The group in it, "" to look for the resolution.
    resolution
        Bin width in bp.
    balance
        Which weights are needed.

    Raises
    ------
    ClasterError
        If the file is no cooler, lacks the resolution, or lacks the weights.
    """
    if starts_as_hic(file):
        raise ClasterError(
            f"contacts: {file} is a .hic file", remedy="let its name end in .hic, in the YAML too"
        )
    try:
        groups = [group] if group else list_groups(file)
        found = {
            matrix.resolution: matrix
            for matrix in (CoolMatrix(cooler.Cooler(f"{file}::{name}")) for name in groups)
        }
    except READ_ERRORS as error:
        raise ClasterError(
            f"contacts: {file} is not a cooler ({one_line(error)})",
            remedy="give a .cool, .mcool or Juicer's .hic",
        ) from error
    if resolution not in found:
        have = ", ".join(f"{size:,}" for size in sorted(found))
        raise ClasterError(
            f"contacts: {file} has no resolution of {resolution:,} bp; it has {have}",
            remedy="set 'contacts.resolution' to one of these",
        )
    matrix = found[resolution]
    if balance and weight_column(balance) not in matrix.columns:
        raise _no_weights(matrix, balance)
    return matrix


def list_groups(file: str) -> list[str]:
    """Return the groups of a file that hold matrices; the root where cooler itself lists none."""
    return cooler.fileops.list_coolers(file) or ["/"]


def _no_weights(matrix: CoolMatrix, balance: Balance) -> ClasterError:
    if isinstance(balance, str):
        have = f"; it has {', '.join(matrix.columns)}" if matrix.columns else ""
        return ClasterError(
            f"contacts: {matrix.label} has no weights '{balance}'{have}",
            remedy="set 'contacts.balance' to others, or to false",
        )
    other = f" (others are there: {', '.join(matrix.columns)})" if matrix.columns else ""
    return ClasterError(
        f"contacts: {matrix.label} has no weights{other}",
        remedy=f"run 'cooler balance {matrix.label}', or set 'contacts.balance: false'",
    )


def _pieces(low: int, high: int, chunks: tuple[int, ...] | None) -> Iterator[tuple[int, int]]:
    """Divide pixels where chunks of the file end, so that each chunk is inflated once."""
    length = chunks[0] if chunks else _PIECE
    step = max(_PIECE // length, 1) * length
    edges = [low, *range((low // step + 1) * step, high, step), high]
    return pairwise(edges)
