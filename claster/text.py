"""Text that people provide, and tables and arrays that were written here, read in one way.

Readers take a `path`, what the user calls the file (`named`) and what to do where it is not there (`remedy`).
A file that is not there, does not open, or holds something else or not all of it ends in a `ClasterError`.
"""

import gzip
import io
import json
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from claster.errors import ClasterError, one_line, os_errno, os_fault
from claster.files import require_file
from claster.formats import HEAD, advice, describe, is_binary, is_gzip

_NAMES = {"ID", "sample", "gene_id", "gene", "name", "symbol", "type", "element_id", "group"}
_NAMES |= {"chrom", "tss_chrom", "strand", "split", "reason", "condition", "track", "method"}
_NAMES |= {"detail", "stratum"}
"""Columns that hold names: text whatever they look like (``NA``, ``007``, ``1e5``, ``True``)."""

_MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_ESCAPED = range(0xDC80, 0xDD00)  # where "surrogateescape" puts a byte that is no UTF-8
_NO_ARRAY = (
    *(EOFError, KeyError, MemoryError, NotImplementedError, OSError, OverflowError, RuntimeError),
    *(SyntaxError, tokenize.TokenError, TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)
"""What NumPy and zipfile raise at bytes that are damaged; a damaged shape asks for any amount of memory."""

_NOT_TEXT = "give plain text (UTF-8) or such text packed by gzip"


def text_lines(
    path: Path | str, *, named: str = "", remedy: str = "check the file name"
) -> Iterator[str]:
    r"""Yield the lines of a text file without their line ends.

    Parameters
    ----------
    path
        UTF-8 with or without byte-order mark, or UTF-16 or UTF-32 with one; plain or packed by gzip or
        bgzip. First bytes tell these apart. Lines end with ``\n``, ``\r\n`` or ``\r``.
    named
        What the user calls it, for messages.
    remedy
        What to do where no file is there.

    Yields
    ------
    str

    Raises
    ------
    ClasterError
        If no file is there or it does not open, if it is something else (another format or packing, a
        page of HTML, another encoding; then with line and byte), or if it ends in the middle.
    """
    for line in _lines(path, named=named, remedy=remedy):
        yield line.removesuffix("\n")


def read_text(path: Path | str, *, named: str = "", remedy: str = "check the file name") -> str:
    r"""Return a text file as a whole, with ``\n`` for every line end; see `text_lines`.

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.

    Raises
    ------
    ClasterError
        As `text_lines` does.
    """
    return "".join(_lines(path, named=named, remedy=remedy))


def read_json(path: Path | str, *, named: str = "", remedy: str = "make it again") -> Any:  # noqa: ANN401
    """Return what a JSON file holds.

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.

    Raises
    ------
    ClasterError
        If the file is not JSON; see also `text_lines`.
    """
    try:
        return json.loads(read_text(path, named=named, remedy=remedy))
    except json.JSONDecodeError as error:
        raise ClasterError(f"{_place(path, named)} is not JSON ({error})", remedy=remedy) from error


def read_record[M: BaseModel](
    path: Path | str,
    model: type[M],
    *,
    kind: str = "a whole record of this version",
    remedy: str,
) -> M:
    """Return the record that a JSON file holds.

    Parameters
    ----------
    path, remedy
        As for `text_lines`.
    kind
        The same in words, for the message.

    Raises
    ------
    ClasterError
        If the file ends in the middle, or is the record of something else or of another version.
    """
    try:
        return model.model_validate_json(read_text(path, remedy=remedy))
    except ValidationError as error:
        raise ClasterError(f"{path} is not {kind}", remedy=remedy) from error


def read_table(
    path: Path | str,
    *,
    named: str = "",
    remedy: str = "make it again",
    **options: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Read a table that CLASTER or EIR wrote.

    Columns of `_NAMES` are text; only an empty field is a missing value. The name's end tells the
    separator: a tab for ``.tsv``, else a comma. It may be packed by gzip.

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.
    options
        For `pandas.read_csv` (``index_col``, ``usecols``, ``dtype=str`` where all is text).

    Raises
    ------
    ClasterError
        If the file cannot be read as a table; see `text_lines`.
    """
    path = Path(path)
    defaults = {
        "sep": "\t" if path.suffix == ".tsv" else ",",
        "dtype": dict.fromkeys(_NAMES, str),
        "keep_default_na": False,
        "na_values": [""],
        "encoding": "utf-8",
    }
    try:
        with open_unpacked(path, named=named, remedy=remedy) as handle:
            return pd.read_csv(handle, **(defaults | options))
    except ValueError as error:  # pandas' own errors, and what is no UTF-8, are of this one
        raise ClasterError(
            f"{_place(path, named)} cannot be read as a table ({one_line(error)})", remedy=remedy
        ) from error


def read_parquet(
    path: Path | str,
    *,
    named: str = "",
    remedy: str = "make it again",
    **options: Any,  # noqa: ANN401
) -> pd.DataFrame:
    """Read a Parquet table that CLASTER wrote.

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.
    options
        For `pandas.read_parquet` (``filters``, ``columns``).

    Raises
    ------
    ClasterError
        If the file is missing, cut off or damaged.
    """
    path = require_file(path, named=named, remedy=remedy)
    try:
        return pd.read_parquet(path, **options)
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these two
        if isinstance(error, OSError) and os_errno(error):
            raise os_fault(error, named=_place(path, named)) from error
        raise ClasterError(f"{_place(path, named)} is cut off or damaged", remedy=remedy) from error


def read_npy(
    path: Path | str,
    *,
    named: str = "",
    remedy: str = "make it again",
    mapped: bool = False,
) -> np.ndarray:
    """Read an array that CLASTER or EIR wrote (`.npy`).

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.
    mapped
        Whether to map the file into memory rather than to read it.

    Raises
    ------
    ClasterError
        If the file is missing, cut off, damaged, or holds something else than one array of numbers.
    """
    with _loaded(path, named, remedy, mapped="r" if mapped else None) as array:
        if not isinstance(array, np.ndarray):
            raise ValueError("several arrays in place of one")
        return array


def read_npz(
    path: Path | str, *, named: str = "", remedy: str = "make it again"
) -> dict[str, np.ndarray]:
    """Read arrays by name that CLASTER wrote in one file (`.npz`).

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.

    Raises
    ------
    ClasterError
        As `read_npy` does.
    """
    with _loaded(path, named, remedy) as arrays:
        if isinstance(arrays, np.ndarray):
            raise ValueError("one array in place of several")
        with arrays:
            return dict(arrays)


@contextmanager
def _loaded(
    path: Path | str, named: str, remedy: str, *, mapped: Literal["r"] | None = None
) -> Iterator[Any]:
    """Yield what NumPy loads, and tell of what it cannot, there or in the block."""
    path = require_file(path, named=named, remedy=remedy)
    try:
        with path.open("rb") as handle:  # NumPy leaves a damaged file open
            yield np.load(path if mapped else handle, mmap_mode=mapped, allow_pickle=False)
    except _NO_ARRAY as error:
        if isinstance(error, OSError) and os_errno(error):
            raise os_fault(error, named=_place(path, named)) from error
        raise ClasterError(
            f"{_place(path, named)} is damaged, cut off or not an array file", remedy=remedy
        ) from error


@contextmanager
def open_unpacked(
    path: Path | str, *, named: str = "", remedy: str = "check the file name"
) -> Iterator[Any]:
    """Open a file for reading its bytes, through gzip where its first bytes say so.

    Parameters
    ----------
    path, named, remedy
        As for `text_lines`.

    Raises
    ------
    ClasterError
        If no file is there, it does not open, or its gzip is damaged.
    """
    path = require_file(path, named=named, remedy=remedy)
    place = _place(path, named)
    try:
        opener: Any = gzip.open if is_gzip(path) else open
        with opener(path, "rb") as handle:
            yield handle
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ClasterError(
            f"{place}: a damaged gzip file ({one_line(error)})",
            remedy="download the file again",
        ) from error
    except OSError as error:
        raise os_fault(error, named=place) from error


def _place(path: Path | str, named: str) -> str:
    """Return what messages call a file: the user's word for it and its path."""
    return f"{named} ({path})" if named else str(path)


def _lines(path: Path | str, *, named: str, remedy: str) -> Iterator[str]:
    place = _place(path, named)
    number = 0
    with open_unpacked(path, named=named, remedy=remedy) as handle:
        encoding = _encoding(handle, place)
        lines = io.TextIOWrapper(handle, encoding=encoding, errors="surrogateescape")
        try:
            for number, line in enumerate(lines, start=1):
                if "\0" in line or not line.isascii():
                    _require_letters(line, f"{place}, line {number}", Path(path))
                yield line
        except UnicodeDecodeError as error:
            raise ClasterError(
                f"{place}: {error.encoding} text, damaged after line {number:,}",
                remedy="save it as UTF-8",
            ) from error


def _encoding(handle: Any, place: str) -> str:  # noqa: ANN401
    """Return how the text is encoded; refuse what is another format by its first bytes."""
    head = handle.peek(HEAD)[:HEAD]
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    if is_binary(head):
        found = describe(head)
        raise ClasterError(f"{place}: {found} instead of text", remedy=advice(found))
    return "utf-8-sig"


def _require_letters(line: str, place: str, path: Path) -> None:
    """Refuse a line with a NUL byte, or with a byte that is no UTF-8."""
    if "\0" in line:
        raise ClasterError(f"{place}: a NUL byte, which text does not hold", remedy=_NOT_TEXT)
    strange = next((letter for letter in line if ord(letter) in _ESCAPED), None)
    if strange is not None:
        byte = ord(strange) - _ESCAPED.start + 0x80
        likely = bytes([byte]).decode("cp1252", "replace")
        raise ClasterError(
            f"{place}: byte 0x{byte:02x} is not UTF-8 ({likely!r} in Windows-1252 or Latin-1)",
            remedy=f"save the file as UTF-8 (iconv -f WINDOWS-1252 -t UTF-8 {path.name})",
        )
