"""FASTA files: their sequences one after the other, and lengths by an index that fits."""

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from claster.errors import ClasterError
from claster.formats import HEAD, require_start
from claster.text import open_unpacked

_BLOCK = 1 << 22
_BLANKS = b" \t\n\v\f"
_HEADER = 4096


def fasta_records(path: Path | str, *, named: str = "genome") -> Iterator[tuple[str, np.ndarray]]:
    r"""Yield name and letters of each sequence, in file order; one is held at a time.

    The file is read from its first byte to its last, so neither an index nor lines of one length are
    needed, and one packed by gzip reads as well.

    Parameters
    ----------
    path
        The FASTA; plain or packed by gzip or bgzip, told apart by first bytes. Lines end with ``\n``,
        ``\r\n`` or ``\r``.
    named
        What the user calls it, for messages.

    Yields
    ------
    tuple of str and numpy.ndarray
        The name, which is the header's first word, and the letters as they stand there (uint8, ASCII codes).

    Raises
    ------
    ClasterError
        If the file is missing, cannot be read or is not a FASTA, or a name is empty or there twice.
    """
    place = f"{named} ({path})"
    seen: set[str] = set()
    with open_unpacked(path, named=named) as handle:
        require_start(handle.peek(HEAD)[:HEAD], format="fasta", gzipped=False, named=place)
        for header, letters in _split(handle):
            name = next(iter(header.decode("utf-8", "replace").split()), "")
            if not name or name in seen:
                what = f"two sequences are called {name}" if name else "a sequence without name"
                raise ClasterError(f"{place}: {what}", remedy="give each sequence its own name")
            seen.add(name)
            yield name, np.frombuffer(letters, dtype=np.uint8)


def index_of(path: Path) -> Path:
    """Return where the index (``.fai``) of a FASTA lies."""
    return path.with_name(f"{path.name}.fai")


def indexed_lengths(path: Path) -> dict[str, int] | None:
    """Return the lengths that the index beside a plain FASTA states, if it fits the file.

    Returns
    -------
    dict of str to int or None
        bp by name. None where there is no index, or it is older than the FASTA, or where the file does not
        have every header, first line and end where the index says and nothing else between them.
    """
    index = index_of(path)
    if not index.is_file() or index.stat().st_mtime_ns < path.stat().st_mtime_ns:
        return None
    lengths: dict[str, int] = {}
    at = 0
    with path.open("rb") as fasta, index.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            name, *numbers = line.rstrip("\n").split("\t")
            if len(numbers) != 4 or not all(number.isdecimal() for number in numbers):
                return None
            length, offset, bases, width = map(int, numbers)
            if name in lengths or not _is_header(fasta, at, offset, name):
                return None
            ends = length // bases if bases else 0
            first = (offset + min(bases, length), offset + width) if ends else None
            if first and not _is_line_end(fasta, *first):
                return None
            at = offset + ends * width + (length - ends * bases if bases else 0)
            at += _line_ends(fasta, at)
            lengths[name] = length
        fasta.seek(at)
        return lengths if lengths and not fasta.read(1) else None


def _split(handle: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield header and letters of each record of a FASTA that begins with ``>``."""
    header: bytes | None = None
    letters: list[bytes] = []
    for lines in _whole_lines(handle):
        further, *records = (b"\n" + lines).split(b"\n>")
        letters.append(further.translate(None, _BLANKS))
        for record in records:
            if header is not None:
                yield header, b"".join(letters)
            header, _, begun = record.partition(b"\n")
            letters = [begun.translate(None, _BLANKS)]
    if header is not None:
        yield header, b"".join(letters)


def _whole_lines(handle: IO[bytes]) -> Iterator[bytes]:
    """Yield a file in pieces that hold whole lines; every line end becomes a newline."""
    left = b""
    while block := handle.read(_BLOCK):
        lines, _, left = (left + block.replace(b"\r", b"\n")).rpartition(b"\n")
        yield lines
    yield left


def _is_header(fasta: IO[bytes], at: int, offset: int, name: str) -> bool:
    """Tell whether one header line of that name fills the file from `at` to `offset`."""
    if not 0 < offset - at <= _HEADER:
        return False
    fasta.seek(at)
    line = fasta.read(offset - at)
    words = line.removeprefix(b">").split()
    return (
        line.startswith(b">")
        and line.endswith(b"\n")
        and line.count(b"\n") == 1
        and words[:1] == [name.encode()]
    )


def _is_line_end(fasta: IO[bytes], start: int, end: int) -> bool:
    fasta.seek(start)
    return fasta.read(end - start) in (b"", b"\n", b"\r\n") if end - start <= 2 else False


def _line_ends(fasta: IO[bytes], at: int) -> int:
    """Return how many bytes the line ends at a place take."""
    fasta.seek(at)
    found = fasta.read(64)
    return len(found) - len(found.lstrip(b"\r\n"))
