"""The signal of one chromosome, decoded once, and its means in the bins of many windows."""

from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from typing import Literal

import numpy as np
from isal import isal_zlib
from isal.igzip_lib import IsalError

from claster.errors import DamagedFileError
from claster.signal.index import BlockIndex, open_for_reading, read_at

_BLOCKS_A_PART = 16
_BLOCK_BYTES = 1 << 15
_HEADER_WORDS = 6
_WORDS_AN_ITEM = np.array([0, 3, 2, 1])
_INT32 = 1 << 31


@dataclass(frozen=True)
class ChromosomeSignal:
    """The intervals of a stretch of one chromosome, sorted and without overlap.

    Attributes
    ----------
    starts, ends
        0-based half-open, int32 (int64 on chromosomes above 2 Gb).
    values
        float32, as stored, all finite.
    chrom, size
        The chromosome's name, as messages say it, and its size in bp.
    span
        The stretch that was read, 0-based half-open; nothing is known outside it.
    """

    starts: np.ndarray
    ends: np.ndarray
    values: np.ndarray
    chrom: str
    size: int
    span: tuple[int, int]


def read_chromosome(
    index: BlockIndex,
    name: str,
    *,
    chrom: str | None = None,
    span: tuple[int, int] | None = None,
    threads: Executor | None = None,
) -> ChromosomeSignal:
    """Decode the data of a chromosome, each block once.

    Parameters
    ----------
    index
        The file's blocks (`read_index`).
    name
        The file's name of the chromosome.
    chrom
        What messages call it, default `name`.
    span
        Decode only blocks that reach into this stretch, 0-based half-open; default: all.
    threads
        Decode on these threads; the result is the same. Not one of them may be the caller's.

    Raises
    ------
    DamagedFileError
        If a block cannot be read, holds intervals that are out of order, empty, beyond the
        chromosome's end or other than the index says, or values that are not finite.
    """
    if name not in index.chromosomes:
        raise index.damaged(f"its chromosome list lacks {name}")
    number, size = index.chromosomes[name]
    low, high = span or (0, size)
    low, high = max(low, 0), min(high, size)
    blocks = _blocks_between(index.blocks[index.blocks["chrom"] == number], low, high)
    parts = [blocks[i : i + _BLOCKS_A_PART] for i in range(0, len(blocks), _BLOCKS_A_PART)]
    chrom = chrom or name
    run = threads.map if threads else map
    with open_for_reading(index.path) as file:
        packed = list(run(partial(_inflate, index, file, chrom), parts))
    firsts = np.cumsum([0, *(int(part.headers[:, 1].sum()) for part in packed)])
    position = np.int32 if size < _INT32 else np.int64
    starts, ends = np.empty(firsts[-1], position), np.empty(firsts[-1], position)
    values = np.empty(firsts[-1], np.float32)
    signal = ChromosomeSignal(starts, ends, values, chrom, size, (low, high))
    list(run(partial(_unpack, index, signal), packed, firsts))
    seams = firsts[(firsts > 0) & (firsts < firsts[-1])]
    wrong = seams[starts[seams] < ends[seams - 1]]
    if wrong.size:
        raise _out_of_place(index, chrom, int(starts[wrong[0]]))
    return signal


def _blocks_between(blocks: np.ndarray, low: int, high: int) -> np.ndarray:
    """Return the blocks that can reach into a stretch, judged by starts, which are in order."""
    starts = blocks["start"].astype(np.int64)
    before = starts[starts <= low]
    first = np.searchsorted(starts, before[-1]) if before.size else 0
    return blocks[first : np.searchsorted(starts, high)]


@dataclass(frozen=True)
class _Part:
    """Consecutive blocks as words in the machine's byte order, with where each begins and its header."""

    words: np.ndarray
    firsts: np.ndarray
    headers: np.ndarray
    blocks: np.ndarray


def _inflate(index: BlockIndex, file: int, chrom: str, blocks: np.ndarray) -> _Part:
    unpacked = list(_inflated(index, file, chrom, blocks))
    lengths = np.array([len(block) for block in unpacked])
    words = np.frombuffer(b"".join(unpacked), f"{index.byteorder}u4").astype(np.uint32, copy=False)
    firsts = (np.cumsum(lengths) - lengths) // 4
    headers = _headers(index, words[firsts[:, None] + np.arange(_HEADER_WORDS)])
    kinds, counts, numbers = headers[:, 0], headers[:, 1], headers[:, 5]
    odd = (kinds < 1) | (kinds > 3) | (numbers != blocks["chrom"])
    odd |= lengths != 4 * (_HEADER_WORDS + counts * _WORDS_AN_ITEM[np.where(odd, 0, kinds)])
    if odd.any():
        raise _unreadable(index, chrom, blocks[np.flatnonzero(odd)[0]], "its header is wrong")
    return _Part(words, firsts, headers, blocks)


def _unpack(index: BlockIndex, signal: ChromosomeSignal, part: _Part, first: int) -> None:
    """Fill the intervals of `signal` from `first` on with those of a part."""
    from claster.signal import kernels

    limits = np.stack([part.blocks["start"], np.minimum(part.blocks["end"], signal.size)], axis=1)
    filled = slice(first, first + int(part.headers[:, 1].sum()))
    fault, base = kernels.unpack_blocks(
        part.words,
        part.words.view(np.float32),
        part.firsts + _HEADER_WORDS,
        part.headers,
        limits.astype(np.int64),
        signal.starts[filled],
        signal.ends[filled],
        signal.values[filled],
    )
    if fault == kernels.OUT_OF_PLACE:
        raise _out_of_place(index, signal.chrom, base)
    if fault == kernels.WILD:
        raise DamagedFileError(
            f"{index.named}: {index.path} holds values that are not finite at {signal.chrom}:{base:,}",
            remedy="make the bigWig again without NaN or infinite values",
        )


def _inflated(index: BlockIndex, file: int, chrom: str, blocks: np.ndarray) -> Iterator[bytes]:
    """Yield the bytes of each block, whole words that hold at least a header."""
    for block, stored in _stored(index, file, blocks):
        if index.compressed:
            try:
                stored = isal_zlib.decompress(stored, bufsize=_BLOCK_BYTES)
            except IsalError as error:  # type: ignore[misc] # its stub has no class
                raise _unreadable(index, chrom, block, str(error)) from error
        if len(stored) % 4 or len(stored) < 4 * _HEADER_WORDS:
            raise _unreadable(index, chrom, block, f"it holds {len(stored):,} bytes")
        yield stored


def _stored(index: BlockIndex, file: int, blocks: np.ndarray) -> Iterator[tuple[np.void, bytes]]:
    """Yield blocks as they lie in the file; neighbours are read in one call, for which threads wait less."""
    ends = blocks["at"] + blocks["size"]
    for run in np.split(blocks, np.flatnonzero(ends[:-1] != blocks["at"][1:]) + 1):
        first, end = int(run["at"][0]), int(run["at"][-1] + run["size"][-1])
        read = read_at(file, first, end - first, path=index.path, named=index.named)
        for block in run:
            start = int(block["at"]) - first
            yield block, read[start : start + int(block["size"])]


def _headers(index: BlockIndex, words: np.ndarray) -> np.ndarray:
    """Return type, item count, start, step, span and chromosome number of blocks, int64."""
    number, start, _, step, span, last = words.astype(np.int64).T
    if index.byteorder == "<":
        kind, count = last & 0xFF, last >> 16
    else:
        kind, count = last >> 24, last & 0xFFFF
    return np.stack([kind, count, start, step, span, number], axis=1)


def _unreadable(index: BlockIndex, chrom: str, block: np.void, why: str) -> DamagedFileError:
    place = f"{chrom}:{int(block['start']):,}-{int(block['end']):,}"
    return index.damaged(f"a block cannot be read ({why}) at {place}")


def _out_of_place(index: BlockIndex, chrom: str, base: int) -> DamagedFileError:
    what = "an interval is empty, out of order or beyond what its index or the chromosome holds"
    return index.damaged(f"{what} at {chrom}:{base:,}")


Summary = Literal["mean_all", "mean_covered"]


def window_means(
    signal: ChromosomeSignal,
    starts: np.ndarray,
    *,
    bins: int,
    size: int,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the signal's mean in the consecutive bins of many windows.

    Parameters
    ----------
    signal
        A chromosome (`read_chromosome`), decoded at least where the windows lie.
    starts
        First base of each window, 0-based, shape (windows,); windows may reach off the chromosome.
    bins, size
        Number of bins of a window and their width in bp.
    summary
        ``mean_all``: over all bases of the bin, bases without data count 0.
        ``mean_covered``: over the bases with data (UCSC's mean), 0 where there are none.

    Returns
    -------
    numpy.ndarray
        float64, shape (windows, bins); bases outside the chromosome hold no data.

    Raises
    ------
    ValueError
        If a window needs bases that were not decoded.

    Notes
    -----
    Each interval's value times its overlap is added to its bin, nothing is subtracted: the relative error
    of a bin of values of one sign is below the number of its intervals times 1.1e-16. Sums that run along the
    chromosome would lose up to ten digits after a high peak.
    """
    from claster.signal import kernels

    starts = np.ascontiguousarray(starts, dtype=np.int64)
    low, high = np.maximum(starts, 0), np.minimum(starts + bins * size, signal.size)
    outside = (low < high) & ((low < signal.span[0]) | (high > signal.span[1]))
    if outside.any():
        raise ValueError(
            f"the window at {signal.chrom}:{starts[outside][0]:,} leaves what was read, "
            f"{signal.span[0]:,}-{signal.span[1]:,}"
        )
    means = np.empty((starts.size, bins))
    kernels.sum_windows(
        signal.starts, signal.ends, signal.values, starts, size, summary == "mean_covered", means
    )
    return means
