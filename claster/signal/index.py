"""Where the data blocks of a bigWig file lie: its header, chromosome list and index."""

import errno
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from claster.errors import ClasterError, DamagedFileError, damaged, os_fault

_ByteOrder = Literal["<", ">"]
_BYTE_ORDERS: tuple[_ByteOrder, ...] = ("<", ">")
_MAGIC = 0x888FFC26
_CHROMOSOMES_MAGIC = 0x78CA8C91
_INDEX_MAGIC = 0x2468ACE0
_HEADER = "IHHQQQHHQQIQ"
_CHROMOSOMES_HEADER = "IIIIQQ"
_INDEX_HEADER = "IIQIIIIQII"
_NODE = "BBH"
_LEAF = [
    ("chrom", "u4"),
    ("start", "u4"),
    ("last", "u4"),
    ("end", "u4"),
    ("at", "u8"),
    ("size", "u8"),
]
_BRANCH = [("bounds", "u4", 4), ("at", "u8")]


@dataclass(frozen=True)
class BlockIndex:
    """The data blocks of one bigWig file.

    Attributes
    ----------
    path, named
        The file and what the user calls it.
    chromosomes
        Number and size in bp of each chromosome, by the file's own names.
    blocks
        One record a block, in genome order: `chrom` (number), `start` and `end` (0-based half-open),
        `at` and `size` (bytes in the file).
    byteorder
        ``<`` or ``>``.
    compressed
        Whether blocks are zlib streams.
    """

    path: Path
    named: str
    chromosomes: dict[str, tuple[int, int]]
    blocks: np.ndarray
    byteorder: _ByteOrder
    compressed: bool

    def damaged(self, what: str) -> DamagedFileError:
        """Return the error of a file that does not hold what its index says."""
        return damaged(f"{self.named}: {self.path}", what)


def read_index(path: Path | str, *, named: str) -> BlockIndex:
    """Read where each data block of a bigWig file lies, and check that the index is whole.

    Parameters
    ----------
    named
        What the user calls it ("track ATAC"), for messages.

    Raises
    ------
    ClasterError
        If the file is not a bigWig, or its index points outside it, is not sorted or not complete.

    Notes
    -----
    Header, chromosome tree (B+) and index (R tree) are laid out in the supplement of Kent et al. 2010,
    Bioinformatics 26:2204.
    """
    path = Path(path)
    with open_for_reading(path) as file:
        size = os.fstat(file).st_size
        head = read_at(file, 0, struct.calcsize(f"<{_HEADER}"), path=path, named=named)
        orders = [o for o in _BYTE_ORDERS if struct.unpack_from(f"{o}I", head)[0] == _MAGIC]
        if not orders:
            raise ClasterError(
                f"{named}: {path} is not a bigWig", remedy="convert it to bigWig first"
            )
        (byteorder,) = orders
        fields = struct.unpack(f"{byteorder}{_HEADER}", head)
        reader = _Reader(file, size, size, byteorder, path, named)
        chromosomes = _read_chromosomes(reader, fields[3])
        blocks = _read_blocks(reader, fields[5], len(chromosomes))
    return BlockIndex(path, named, chromosomes, blocks, byteorder, compressed=fields[10] > 0)


@contextmanager
def open_for_reading(path: Path) -> Iterator[int]:
    """Yield a descriptor for `read_at`, which several threads may use at once."""
    file = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        yield file
    finally:
        os.close(file)


def read_at(file: int, at: int, size: int, *, path: Path, named: str) -> bytes:
    """Return `size` bytes from position `at` of an open file.

    Raises
    ------
    ClasterError
        If the file ends before, or the disk does not give them.
    """
    try:
        found = os.pread(file, size, at)
    except (OSError, OverflowError) as error:
        # A place before the file's start is a wrong byte in it; any other error is the system's.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise os_fault(error, named=f"{named} ({path})") from error
        raise damaged(f"{named}: {path}", f"byte {at:,} cannot be read ({error})") from error
    if len(found) != size:
        raise damaged(f"{named}: {path}", f"it ends before byte {at + size:,}")
    return found


@dataclass
class _Reader:
    """An open file, its size, and how many bytes of it tree nodes may still claim."""

    file: int
    size: int
    left: int
    byteorder: _ByteOrder
    path: Path
    named: str

    def bytes(self, at: int, size: int) -> bytes:
        self.left -= size
        if self.left < 0:
            raise self.damaged("its index is larger than the file")
        return read_at(self.file, at, size, path=self.path, named=self.named)

    def fields(self, layout: str, at: int) -> tuple[int, ...]:
        layout = self.byteorder + layout
        return struct.unpack(layout, self.bytes(at, struct.calcsize(layout)))

    def damaged(self, what: str) -> DamagedFileError:
        return damaged(f"{self.named}: {self.path}", what)

    def leaves(self, root: int, leaf: np.dtype, branch: np.dtype) -> np.ndarray:
        """Return the records of a tree's leaves in order."""
        found = [np.empty(0, leaf)]
        waiting = [root]
        while waiting:
            at = waiting.pop()
            is_leaf, _, count = self.fields(_NODE, at)
            layout = leaf if is_leaf else branch
            records = np.frombuffer(self.bytes(at + 4, count * layout.itemsize), layout)
            if is_leaf:
                found.append(records)
            else:
                waiting.extend(records["at"][::-1].tolist())
        return np.concatenate(found)

    def dtype(self, layout: list[tuple]) -> np.dtype:
        return np.dtype(layout).newbyteorder(self.byteorder)


def _read_chromosomes(reader: _Reader, at: int) -> dict[str, tuple[int, int]]:
    magic, _, key_size, value_size, count, _ = reader.fields(_CHROMOSOMES_HEADER, at)
    if magic != _CHROMOSOMES_MAGIC or value_size != 8 or not 0 < key_size < 1 << 16:
        raise reader.damaged("its chromosome list cannot be read")
    key = ("name", f"S{key_size}")
    records = reader.leaves(
        at + 32,
        reader.dtype([key, ("number", "u4"), ("size", "u4")]),
        reader.dtype([key, ("at", "u8")]),
    )
    if len(records) != count or sorted(records["number"]) != list(range(len(records))):
        raise reader.damaged("its chromosome list is not complete")
    try:
        return {name.decode(): (int(n), int(size)) for name, n, size in records.tolist()}
    except UnicodeDecodeError as error:
        raise reader.damaged("its chromosome names cannot be read") from error


def _read_blocks(reader: _Reader, at: int, chromosomes: int) -> np.ndarray:
    magic, _, count, *_ = reader.fields(_INDEX_HEADER, at)
    if magic != _INDEX_MAGIC:
        raise reader.damaged("its index cannot be read")
    blocks = reader.leaves(at + 48, reader.dtype(_LEAF), reader.dtype(_BRANCH))
    blocks = blocks.astype(blocks.dtype.newbyteorder("="))
    if len(blocks) != count:
        raise reader.damaged(f"its index lists {len(blocks):,} of {count:,} blocks")
    chrom, start = blocks["chrom"].astype(np.int64), blocks["start"].astype(np.int64)
    sorted_ = (np.diff(chrom) > 0) | ((np.diff(chrom) == 0) & (np.diff(start) >= 0))
    if (blocks["at"] > reader.size).any() or (blocks["size"] > reader.size - blocks["at"]).any():
        raise reader.damaged("its index points outside the file")
    if not sorted_.all() or (blocks["last"] != chrom).any() or (blocks["end"] < start).any():
        raise reader.damaged("its index is not in genome order")
    if (chrom >= chromosomes).any():
        raise reader.damaged("its index names a chromosome that it does not list")
    return blocks
