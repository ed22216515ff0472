"""bigWig files: what is in them, and their signal in bins; several of one assay as one track."""

import math
import os
import sys
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pybigtools

from claster.errors import ClasterError, damaged, one_line, os_errno, os_fault
from claster.files import require_file
from claster.formats import require_whole
from claster.signal.index import BlockIndex, read_index
from claster.signal.intervals import ChromosomeSignal, Summary, read_chromosome, window_means

_SMALLEST = sys.float_info.min  # what pyBigWig states where no value is above 0
_READ_ERRORS = (ValueError, OSError, RuntimeError, pybigtools.BBIReadError)


def _mask_signal(signal: ChromosomeSignal, masked: np.ndarray) -> ChromosomeSignal:
    """Return the signal without data in masked regions, as if the file had none there.

    Notes
    -----
    Between two masked regions the intervals stay as they are; only those that reach over an edge are cut.
    """
    opens = np.concatenate([[0], masked[:, 1]])
    closes = np.concatenate([masked[:, 0], [signal.size]])
    firsts = np.searchsorted(signal.ends, opens, side="right")
    lasts = np.searchsorted(signal.starts, closes, side="left")
    starts, ends, values = [], [], []
    for opened, closed, first, last in zip(opens, closes, firsts, lasts, strict=True):
        if first < last and opened < closed:
            starts.append(np.maximum(signal.starts[first:last], opened))
            ends.append(np.minimum(signal.ends[first:last], closed))
            values.append(signal.values[first:last])
    position = signal.starts.dtype
    return replace(
        signal,
        starts=np.concatenate(starts or [signal.starts[:0]], dtype=position, casting="same_kind"),
        ends=np.concatenate(ends or [signal.ends[:0]], dtype=position, casting="same_kind"),
        values=np.concatenate(values or [signal.values[:0]]),
    )


@contextmanager
def reading(path: Path | str, *, named: str) -> Iterator[None]:
    """Turn what pybigtools raises over damaged data into `ClasterError`.

    Among it is the panic of its Rust code, which is no `Exception` and has no name to import.

    Parameters
    ----------
    path, named
        The file and what the user calls it.
    place
        What is being read ("chr4:0-1,000"), where that is a part of the file.

    Raises
    ------
    ClasterError
        If the block fails in that way.
    """
    try:
        yield
    except BaseException as error:
        if not isinstance(error, _READ_ERRORS) and type(error).__name__ != "PanicException":
            raise
        if isinstance(error, OSError) and os_errno(error):
            raise os_fault(error, named=f"{named} ({path})") from error
        raise damaged(f"{named}: {path}", f"it cannot be read ({one_line(error)})") from error


def open_reader(
    path: Path | str, *, named: str
) -> tuple[Any, BlockIndex]:  # a reader's type is compiled
    """Open a file that is a bigWig by its first and last bytes, whatever its name; and read its index.

    Parameters
    ----------
    path, named
        The file and what the user calls it.

    Raises
    ------
    ClasterError
        If the file is something else, lacks its end, has a damaged index, or does not open.

    Notes
    -----
    pybigtools takes a path for a bigWig by its ending only, so it is given an open file. The file is closed
    with the reader, or when nobody holds the reader any more. A damaged index can make pybigtools ask for
    more memory than there is, which ends the process; it is held against the file first.
    """
    require_whole(path, format="bigwig", named=f"{named} ({path})", gzipped=False)
    index = read_index(path, named=named)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    except OSError as error:
        raise os_fault(error, named=named) from error
    file = open(descriptor, "rb", closefd=False)  # noqa: SIM115 # lives as long as its reader
    weakref.finalize(file, os.close, descriptor)
    with reading(path, named=named):
        return pybigtools.open(file), index


class TrackReader(ABC):
    """What a row of the landscape is read from: a bigWig file, or several as one track."""

    path: Path
    named: str

    @abstractmethod
    def has(self, chrom: str) -> bool:
        """Tell whether the chromosome is there, by the assembly's name."""

    @abstractmethod
    def signal(
        self,
        chrom: str,
        *,
        span: tuple[int, int] | None = None,
        threads: Executor | None = None,
    ) -> ChromosomeSignal:
        """Decode a chromosome, or what reaches into a stretch of it, for many windows.

        Parameters
        ----------
        chrom
            The assembly's name of the chromosome.
        span, threads
            See `read_chromosome`.

        Raises
        ------
        ClasterError
            If the file's data cannot be read there.
        """

    def bins(
        self, chrom: str, start: int, *, bins: int, size: int, summary: Summary = "mean_all"
    ) -> np.ndarray:
        """Return the signal's mean in consecutive bins, float64, shape (bins,): a window of `window_means`.

        Parameters
        ----------
        start
            First base of the first bin, 0-based; may lie outside the chromosome.

        Raises
        ------
        ClasterError
            See `signal`.
        """
        signal = self.signal(chrom, span=(start, start + bins * size))
        return window_means(signal, np.array([start]), bins=bins, size=size, summary=summary)[0]


class BigWig(TrackReader):
    """An open bigWig file, by the assembly's chromosome names.

    Parameters
    ----------
    named
        What the user calls it ("track ATAC"), for messages.

    Raises
    ------
    ClasterError
        If the file is missing, no bigWig by its first bytes, or without its end.

    Notes
    -----
    Reading goes to the full-resolution data, never to zoom levels. The object cannot be pickled: open it in
    the process that reads.
    """

    def __init__(self, path: Path | str, *, named: str) -> None:
        self.path = require_file(
            path, named=named, remedy="check its 'file' and 'data' in the dataset YAML"
        )
        self.named = named
        self._reader, self._index = open_reader(self.path, named=named)
        with reading(self.path, named=named):
            summary = self._reader.info()["summary"]
        self._low, self._high = float(summary["min"]), float(summary["max"])
        self._total = float(summary["sum"])
        if not math.isfinite(self._total):
            raise ClasterError(
                f"{named}: {self.path} holds values that are not finite, or too large to add up",
                remedy="make the bigWig again without NaN, infinite or such large values",
            )
        self.sizes: dict[str, int] = dict(self._reader.chroms())
        self._names = {chrom: chrom for chrom in self.sizes}
        self._masked: Mapping[str, np.ndarray] = {}

    def rename(self, names: dict[str, str]) -> None:
        """Read chromosomes by the assembly's names from now on (`match_chromosomes`)."""
        self._names = names

    def mask(self, regions: Mapping[str, np.ndarray]) -> None:
        """Read from now on as if there were no data in some regions.

        Parameters
        ----------
        regions
            By the assembly's name of the chromosome; see `_mask_signal`.
        """
        self._masked = regions

    def has(self, chrom: str) -> bool:
        """Tell whether the file holds the chromosome."""
        return chrom in self._names

    def require_values(self, sign: float, *, remedy: str, mostly: bool) -> None:
        """Check that the file holds values of a sign; those of the other one are read as 0.

        Its header tells: without sampling, and the same for every window.

        Parameters
        ----------
        sign
            1.0 for values above 0, -1.0 for values below.
        mostly
            Whether such values must outweigh the others; else it is enough that there is one.

        Raises
        ------
        ClasterError
            If they do not. A file of zeros, or without data, passes.
        """
        if sign * self._total > 0 or self._low == self._total == 0:
            return
        alone = self._low >= 0 if sign < 0 else not self._reaches_above_0()
        if alone or (mostly and self._total != 0):
            other = "negative" if sign > 0 else "positive"
            most = "only" if alone else "mostly"
            raise ClasterError(
                f"{self.named} ({self.path}) has {most} {other} values", remedy=remedy
            )

    def _reaches_above_0(self) -> bool:
        """Tell whether a value is above 0; the highest one that pyBigWig states may be too low."""
        return self._high > _SMALLEST or any(
            (read_chromosome(self._index, name).values > 0).any() for name in self.sizes
        )

    def signal(
        self,
        chrom: str,
        *,
        span: tuple[int, int] | None = None,
        threads: Executor | None = None,
    ) -> ChromosomeSignal:
        """Decode a chromosome, without what is masked (`TrackReader.signal`)."""
        signal = read_chromosome(
            self._index, self._names[chrom], chrom=chrom, span=span, threads=threads
        )
        masked, (low, high) = self._masked.get(chrom), signal.span
        if masked is not None and ((masked[:, 0] < high) & (masked[:, 1] > low)).any():
            return _mask_signal(signal, masked)
        return signal

    def __enter__(self) -> Self:
        """Enter."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._reader.close()


class Replicates(TrackReader):
    """Open bigWig files of one assay that are read as one track: their weighted mean at every base.

    Parameters
    ----------
    weights
        One number above 0 a file; only their ratios count.
    summary
        What a base without data in some of the files is (`_average_signals`).
    """

    def __init__(
        self, files: Sequence[BigWig], weights: Sequence[float], summary: Summary = "mean_all"
    ) -> None:
        self._files = tuple(files)
        self.path, self.named = files[0].path, files[0].named
        self._weights = tuple(weights)
        self._summary: Summary = summary

    def has(self, chrom: str) -> bool:
        """Tell whether every file holds the chromosome."""
        return all(file.has(chrom) for file in self._files)

    def signal(
        self,
        chrom: str,
        *,
        span: tuple[int, int] | None = None,
        threads: Executor | None = None,
    ) -> ChromosomeSignal:
        """Return the mean track of a chromosome, or of what reaches into a stretch (`BigWig.signal`)."""
        signals = [file.signal(chrom, span=span, threads=threads) for file in self._files]
        return _average_signals(signals, self._weights, summary=self._summary)


def _average_signals(
    signals: Sequence[ChromosomeSignal], weights: Sequence[float], *, summary: Summary
) -> ChromosomeSignal:
    """Return the weighted mean of several signals of one stretch.

    Returns float32 values on the intervals between all starts and ends.
    """
    position = np.result_type(*(signal.starts.dtype for signal in signals))
    edges = np.unique(np.concatenate([e for s in signals for e in (s.starts, s.ends)]))
    total = np.zeros(max(len(edges) - 1, 0))
    held = np.zeros_like(total)
    for signal, weight in zip(signals, weights, strict=True):
        found = np.searchsorted(signal.starts, edges[:-1], side="right") - 1
        covered = found >= 0
        covered[covered] = signal.ends[found[covered]] > edges[:-1][covered]
        total[covered] += weight * signal.values[found[covered]].astype(np.float64)
        held[covered] += weight
    data = held > 0
    whole = float(sum(weights)) if summary == "mean_all" else held[data]
    return replace(
        signals[0],
        starts=edges[:-1][data].astype(position, copy=False),
        ends=edges[1:][data].astype(position, copy=False),
        values=(total[data] / whole).astype(np.float32),
        span=(max(s.span[0] for s in signals), min(s.span[1] for s in signals)),
    )
