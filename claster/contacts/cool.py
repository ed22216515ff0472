"""Contact matrices in cooler files: `.cool`, and `.mcool` in the new and the old zoom layout."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import cooler
import h5py
import numpy as np

from claster.contacts.direction import Balance, weight_column, weights_divide
from claster.contacts.grid import Grid, read_column, read_grid
from claster.errors import ClasterError, DamagedFileError, damaged, one_line, os_errno, os_fault
from claster.quoting import pasteable

_READ_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError)
"""What cooler and h5py raise at a file that is damaged or of another kind."""

_PARTS = (
    *("chroms/name", "chroms/length", "bins/chrom", "bins/start", "bins/end"),
    *("pixels/bin1_id", "pixels/bin2_id", "pixels/count"),
    *("indexes/bin1_offset", "indexes/chrom_offset"),
)
"""The columns that every cooler has."""

_PIECE = 500_000
"""About how many pixels are read at a time."""

_SEEN = 20_000
"""How many of these are held against the index of rows."""


@dataclass(frozen=True)
class CoolMatrix:
    """A matrix of a cooler file, see `claster.contacts.matrix.ContactMatrix`.

    References
    ----------
    Abdennur and Mirny, Bioinformatics 2020, doi 10.1093/bioinformatics/btz540.
    """

    clr: cooler.Cooler
    _divide: dict[str, bool] = field(default_factory=dict, compare=False, repr=False)

    @property
    def label(self) -> str:
        """Path and group."""
        return self.clr.uri

    @cached_property
    def resolution(self) -> int:
        """Bin width in bp, 0 for bins of several widths."""
        return int(self.clr.binsize or 0)

    @cached_property
    def square(self) -> bool:
        """Whether the file says that it holds both halves of the matrix."""
        return self.clr.storage_mode == "square"

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Chromosome lengths in bp by the file's own names."""
        return {str(name): int(size) for name, size in self.clr.chromsizes.items()}

    @property
    def count_type(self) -> type[np.floating]:
        """float32 for whole counts, else float64."""
        with self.clr.open("r") as store:
            whole = store["pixels/count"].dtype.kind in "iu"
        return np.float32 if whole else np.float64

    @property
    def assembly(self) -> str:
        """What the file calls its assembly, "" where it does not."""
        return str(self.clr.info.get("genome-assembly") or "")

    @property
    def columns(self) -> list[str]:
        """Names of weights."""
        with self.clr.open("r") as store:
            bins = {name: store["bins"].get(name) for name in store["bins"]}
        own = ("chrom", "start", "end")
        return [
            name
            for name, part in bins.items()
            if name not in own and isinstance(part, h5py.Dataset)
        ]

    def bins(self, chrom: str) -> int:
        """Return the number of bins of a chromosome."""
        return -(-self.sizes[chrom] // self.resolution)

    @contextmanager
    def _reading(self, what: str) -> Iterator[h5py.Group]:
        """Yield the file's group, and tell of a file that is damaged there."""
        try:
            with self.clr.open("r") as store:
                yield store
        except _READ_ERRORS as error:
            if isinstance(error, OSError) and os_errno(error):
                raise os_fault(error, named=f"contacts ({self.label})") from error
            place = f"contacts: {self.label}"
            raise damaged(place, f"the {what} cannot be read ({one_line(error)})") from error

    def require_weights(self, balance: Balance) -> None:
        """Refuse a file without these weights, or that contradicts itself on whether they divide."""
        if weight_column(balance) in self.columns:
            self.divides(balance)
            return
        there = ", ".join(self.columns)
        if isinstance(balance, str):
            raise ClasterError(
                f"contacts: {self.label} has no weights '{balance}'{there and f'; it has {there}'}",
                remedy="set 'contacts.balance' to others, or to false",
            )
        command = pasteable(["cooler", "balance", self.label])
        raise ClasterError(
            f"contacts: {self.label} has no weights{there and f' (others are there: {there})'}",
            remedy=f"run '{command}', or set 'contacts.balance: false'",
        )

    def divides(self, balance: Balance) -> bool:
        """Return whether weights divide, as `claster.contacts.direction` tells.

        Raises
        ------
        ClasterError
            If what the file says of it contradicts its sums of rows.
        """
        name = weight_column(balance)
        if name not in self._divide:
            with self._reading(f"weights {name}") as store:
                _require_numbers(store["bins"][name], len(store["bins/start"]), "iuf")
                self._divide[name] = weights_divide(store, name, label=self.label)
        return self._divide[name]

    def weights(self, chrom: str, balance: Balance) -> np.ndarray:
        """Return what counts are to be multiplied by; weights that divide are inverted."""
        name = weight_column(balance)
        divide = self.divides(balance)
        with self._reading(f"weights {name} of {chrom}") as store:
            grid = self._grid(store, chrom)
            weights = store["bins"][name][grid.first : grid.last].astype(np.float64)
        if (weights < 0).any():
            raise ClasterError(
                f"contacts: {self.label} has negative weights '{name}' on {chrom}",
                remedy=f"run '{pasteable(['cooler', 'balance', '--force', self.label])}' on a copy, or set "
                "'contacts.balance' to others",
            )
        if divide:
            weights = np.divide(1, weights, out=np.full_like(weights, np.nan), where=weights > 0)
        return grid.spread(np.where(np.isfinite(weights), weights, np.nan), fill=np.nan)

    def pixels(
        self, chrom: str, *, separations: int, rows: tuple[int, int] | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first bin, second bin and count of the pixels of some rows, `separations` or not.

        First bins are counted out from the file's index of rows; their own column would take as long
        to read as the others, so that only a part of each piece is held against it.
        """
        with self._reading(f"pixels of {chrom}") as store:
            grid = self._grid(store, chrom)
            low, high = grid.rows(*(rows or (0, grid.bins)))
            offsets = self._offsets(store, grid)[low : high + 1]
            own, second, count = (store["pixels"][name] for name in ("bin1_id", "bin2_id", "count"))
            total = len(store["bins/start"])
            numbers = np.arange(low, high)
            edge, end = int(offsets[0]), int(offsets[-1])
            before, after = own[max(edge - 1, 0) : edge], own[end : end + 1]
            if (before >= grid.first + low).any() or (after < grid.first + high).any():
                raise self._wrong(f"index of rows leaves out pixels of {chrom}")
            for start, end in _pieces(int(offsets[0]), int(offsets[-1]), second.chunks):
                held = np.repeat(numbers, np.diff(np.clip(offsets, start, end)))
                seen = min(start + _SEEN, end)
                if not np.array_equal(own[start:seen], held[: seen - start] + grid.first):
                    raise self._wrong(f"index of rows does not fit its pixels on {chrom}")
                partner = read_column(second, start, end)
                if partner.size and not 0 <= partner.min() <= partner.max() < total:
                    raise self._wrong(f"pixels on {chrom} name bins that are not there")
                yield (
                    grid.place(held),
                    grid.place(partner.astype(np.int64, copy=False) - grid.first),
                    read_column(count, start, end),
                )

    def filled(self, chrom: str) -> np.ndarray:
        """Return in how many pixels each bin of a chromosome comes first, int64, shape (bins,)."""
        with self._reading(f"index of {chrom}") as store:
            grid = self._grid(store, chrom)
            return grid.spread(np.diff(self._offsets(store, grid)), fill=0)

    def _grid(self, store: h5py.Group, chrom: str) -> Grid:
        return read_grid(
            store,
            chrom,
            names=list(self.sizes),
            size=self.sizes[chrom],
            resolution=self.resolution,
            label=self.label,
        )

    def _offsets(self, store: h5py.Group, grid: Grid) -> np.ndarray:
        """Return where the pixels of each row of a chromosome begin, and where the last ones end."""
        index = store["indexes/bin1_offset"]
        columns = [store["pixels"][name] for name in ("bin1_id", "bin2_id", "count")]
        pixels = len(columns[-1])
        for column, kinds in zip(columns, ("iu", "iu", "iuf"), strict=True):
            _require_numbers(column, pixels, kinds)
        _require_numbers(index, len(store["bins/start"]) + 1, "iu")
        offsets = index[grid.first : grid.last + 1].astype(np.int64)
        if (
            (int(index[0]), int(index[-1])) != (0, pixels)
            or not 0 <= offsets[0] <= offsets[-1] <= pixels
            or (np.diff(offsets) < 0).any()
        ):
            raise self._wrong("index of rows does not fit its pixels")
        return offsets

    def _wrong(self, what: str) -> DamagedFileError:
        return damaged(f"contacts: {self.label}", f"its {what}")


def find_matrices(file: str, group: str = "") -> tuple[dict[int, tuple[str, CoolMatrix]], bool]:
    """Find the matrices in a cooler file.

    Parameters
    ----------
    file
        A `.cool`, `.mcool` or `.scool`.
    group
        The group in it, "" to look for all.

    Returns
    -------
    matrices : dict
        Group and matrix by resolution in bp, finest first.
    listed : bool
        Whether cooler's own listing names any.

    Raises
    ------
    ClasterError
        If there is none with bins of one width, several have the same width, or one cannot be read.
    """
    try:
        with h5py.File(file) as store:
            held = sorted(store)
        listed = cooler.fileops.list_coolers(file)
        if not listed and not group and "pixels" not in held:
            raise ClasterError(
                f"contacts: {file} is an HDF5 file without a cooler in it (it holds {', '.join(held[:4])})",
                remedy="convert it to .mcool first; 'fanc to-cooler' does so for FAN-C files",
            )
        found = [
            (name, CoolMatrix(cooler.Cooler(f"{file}::{name}")))
            for name in ([group] if group else listed or ["/"])
        ]
        sizes = [matrix.resolution for _, matrix in found]
        for _, matrix in found:
            with matrix.clr.open("r") as store:
                _require_parts(store)
            if not matrix.clr.chromsizes.index.is_unique:
                raise ValueError("a chromosome is named twice")
    except (*_READ_ERRORS, AttributeError) as error:  # cooler's listing, at a link to nowhere
        if isinstance(error, OSError) and os_errno(error):
            raise os_fault(error, named=f"contacts ({file})") from error
        raise ClasterError(
            f"contacts: {file} is not a cooler ({one_line(error)})",
            remedy="give a .cool, .mcool or Juicer's .hic",
        ) from error
    twice = sorted({size for size in sizes if size > 0 and sizes.count(size) > 1})
    if twice:
        named = [name for name, matrix in found if matrix.resolution == twice[0]]
        raise ClasterError(
            f"contacts: {file} has {len(named)} matrices of {twice[0]:,} bp (such as ::{named[0]} and "
            f"::{named[1]}), like a file of single cells",
            remedy=f"name one of them in 'contacts.file', as in '{file}::{named[0]}'",
        )
    matrices = {
        matrix.resolution: (name, matrix) for name, matrix in found if matrix.resolution > 0
    }
    if not matrices:
        raise ClasterError(
            f"contacts: {file} has bins of several widths, such as restriction fragments",
            remedy="bin the contacts again in bins of one width, with 'cooler cload'",
        )
    return {size: matrices[size] for size in sorted(matrices)}, bool(listed)


def _require_parts(store: h5py.Group) -> None:
    """Raise ValueError unless all columns are there that a cooler has."""
    for name in _PARTS:
        if not isinstance(part := store.get(name), h5py.Dataset) or part.ndim != 1:
            raise ValueError(f"it has no column {name}")


def _require_numbers(column: h5py.Dataset, length: int, kinds: str) -> None:
    """Raise ValueError unless a column holds so many numbers of some kinds (as numpy names them)."""
    if column.shape != (length,) or column.dtype.kind not in kinds or column.dtype == np.float16:
        raise ValueError(f"{column.name} holds {column.dtype} {column.shape}, not {length} numbers")


def _pieces(low: int, high: int, chunks: tuple[int, ...] | None) -> Iterator[tuple[int, int]]:
    """Divide pixels where chunks of the file end, so that each chunk is inflated once."""
    length = chunks[0] if chunks else _PIECE
    step = max(_PIECE // length, 1) * length
    edges = [low, *range((low // step + 1) * step, high, step), high]
    return pairwise(edges)
