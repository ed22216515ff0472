"""Rows of annotation files: plain or gzipped text, or a BedTool, as fields with their line numbers."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from claster.errors import ClasterError, one_line
from claster.quoting import printable
from claster.text import text_lines

if TYPE_CHECKING:
    from pybedtools import BedTool


type Rule = tuple[pd.Series, str, str]
type AnnotationSource = Path | str | BedTool
type _Row = tuple[int, list[str]]

_LAST_POSITION = 2**32 - 1
"""The largest number that a bigWig can hold as a position; no chromosome is that long."""

_NOT_ROWS = ("track", "browser")
_HEADER_STARTS = ("#chr", "#chrom", "#chromosome")
PLACES = {
    "chrom": ("chr", "chrom", "chromosome"),
    "start": ("start", "chromstart", "chrom_start"),
    "end": ("end", "chromend", "chrom_end"),
}
"""How headers spell, in lower case, the columns of an interval; of several the earlier counts."""

_BED6 = ["chrom", "start", "end", "name", "score", "strand"]

_LONGEST_ID = 200  # bytes; a file name has at most 255, with endings and marks of temporary files
_FORBIDDEN = r"[\s/]"


def require_rows(
    table: pd.DataFrame,
    columns: Sequence[str],
    rules: Callable[[pd.DataFrame], Iterable[Rule]],
    *,
    named: str,
) -> None:
    """Refuse a table that lacks a column, or in which a row breaks a rule.

    Parameters
    ----------
    rules
        Given the table, for each rule: which rows break it, what such a row is, and what to do.
    named
        What the table is called in messages.

    Raises
    ------
    ClasterError
        On the first fault, with the row.
    """
    if missing := [column for column in columns if column not in table]:
        raise ClasterError(f"{named}: no column {', '.join(missing)}", remedy="add it")
    for broken, fault, remedy in rules(table):
        if broken.any():
            row = int(broken.to_numpy().argmax()) + 1
            raise ClasterError(f"{named}: {fault} (row {row:,} of {len(table):,})", remedy=remedy)


def file_name_rules(ids: pd.Series, *, kind: str) -> Iterator[Rule]:
    """Yield what an ID must keep to so that a file can be named after it, and only after it (`require_rows`).

    `kind` is what has the IDs ("gene"), for messages.
    """
    article = "an" if kind[0] in "aeiou" else "a"
    remedy = f"give the {kind} another ID"
    text = ids.astype(str)
    yield ids.isna() | (ids == ""), f"a row without {kind} ID", f"give every {kind} an ID"
    yield (
        text.str.contains(_FORBIDDEN) | (text.map(printable) != text),
        f"{article} {kind} ID with a blank, a slash or a control character, which cannot name a file",
        remedy,
    )
    yield (
        text.str.startswith("."),
        f"{article} {kind} ID that starts with a dot, which would hide its files",
        remedy,
    )
    yield (
        text.map(lambda one: len(one.encode("utf-8", "replace"))) > _LONGEST_ID,
        f"{article} {kind} ID of more than {_LONGEST_ID} bytes, which is too long for a file name",
        remedy,
    )
    composed = text.map(lambda one: unicodedata.normalize("NFC", one))
    yield (
        composed.duplicated() & ~text.duplicated(),
        f"{article} {kind} ID that looks like an earlier one and differs in its bytes "
        "(composed and decomposed letters)",
        f"write the ID of one {kind} in one way",
    )


def place_of(source: AnnotationSource) -> str:
    """Return where an annotation is, for messages: its path, or ``BedTool`` where it has none."""
    if isinstance(source, Path | str):
        return str(source)
    return source.fn if isinstance(source.fn, str) else "BedTool"


def source_lines(source: AnnotationSource, *, named: str, remedy: str) -> Iterator[str]:
    """Yield the lines of an annotation without their line ends.

    Parameters
    ----------
    source
        A file of text (`claster.text.text_lines`), or a `pybedtools.BedTool`. One that is made from a
        stream is consumed.
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
        If no file is there, or it is not text, or it ends in the middle.
    """
    if isinstance(source, Path | str) or isinstance(source.fn, str):
        yield from text_lines(place_of(source), named=named, remedy=remedy)
        return
    from pybedtools import MalformedBedLineError

    try:
        for interval in source:
            yield str(interval).rstrip("\n")
    except MalformedBedLineError as error:
        raise ClasterError(
            f"{named} (BedTool) cannot be read: {one_line(error)}", remedy="correct the row"
        ) from error


def first_row(lines: Iterable[str]) -> tuple[list[str], Iterator[str]]:
    """Return the fields of the first row, and all lines as if none had been read."""
    lines = iter(lines)
    seen = []
    for line in lines:
        seen.append(line)
        for _, fields in data_rows([line]):
            return fields, chain(seen, lines)
    return [], iter(seen)


def read_intervals(
    lines: Iterable[str],
    spellings: Mapping[str, Sequence[str]],
    *,
    named: str,
    needed: Sequence[str] = tuple(PLACES),
    headless: Callable[[list[str]], list[str] | None] = lambda _: None,
    allow_empty: bool = False,
) -> tuple[pd.DataFrame, list[str]]:
    """Read a table of intervals, by its header or as a BED.

    Parameters
    ----------
    spellings
        What a header calls each column (`PLACES` and others); without any, a header is a comment.
    named
        What the rows are called in messages, with their place.
    needed
        Columns that a header must have.
    headless
        Given the first row of a file without header, the columns, or None for those of a BED.
    allow_empty
        Whether intervals with ``start == end``, which hold no base, may stay.

    Returns
    -------
    table : pandas.DataFrame
        As `interval_table` says.
    header : list of str
        Its fields as they are written; empty without one.

    Raises
    ------
    ClasterError
        If the header lacks a column, or a row holds no interval; says which line.
    """
    rows = data_rows(lines, headed=bool(spellings))
    first = next(rows, None)
    fields = first[1] if first else []
    columns = _header_columns(fields, spellings, named=named, needed=needed)
    header = fields if columns else []
    if first and columns is None:
        columns, rows = headless(fields), chain([first], rows)
    return interval_table(rows, columns, named=named, allow_empty=allow_empty), header


def split_fields(line: str, *, at_blanks: bool = True) -> list[str]:
    r"""Return the fields of a line of a table.

    Parameters
    ----------
    line
        It is split at tabs; blanks around a field go, and then a pair of double quotes around it, which R's
        ``write.table`` writes.
    at_blanks
        Whether a line without a tab is split at blanks.

    Examples
    --------
    >>> split_fields('"chr1"\t 100\t5\'"'), split_fields("chr1  100")
    (['chr1', '100', '5\'"'], ['chr1', '100'])
    """
    fields = line.split("\t") if "\t" in line or not at_blanks else line.split()
    return [_unquoted(field.strip()) for field in fields]


def _unquoted(field: str) -> str:
    is_quoted = len(field) > 1 and field[0] == field[-1] == '"'
    return field[1:-1].replace('""', '"').strip() if is_quoted else field


def data_rows(lines: Iterable[str], *, headed: bool = True) -> Iterator[_Row]:
    """Yield line number (from 1) and fields of each row.

    Rows are split as `split_fields` does it; empty fields at the end go. Empty lines, comments and the
    ``track`` and ``browser`` lines of a custom track are no rows; with `headed`, a header such as
    ``#chrom<tab>start`` above all rows is one.

    References
    ----------
    BED: https://genome.ucsc.edu/FAQ/FAQformat.html#format1
    """
    above_all = headed
    for number, line in enumerate(lines, start=1):
        line = line.rstrip()
        fields = split_fields(line)
        if not fields or fields[0].partition(" ")[0] in _NOT_ROWS:
            continue
        if fields[0].startswith("#") and not (above_all and fields[0].lower() in _HEADER_STARTS):
            continue
        above_all = False
        yield number, fields


def _header_columns(
    fields: Sequence[str],
    spellings: Mapping[str, Sequence[str]],
    *,
    named: str,
    needed: Sequence[str],
) -> list[str] | None:
    """Return what the columns under a header are called here, ``column_4`` where a field has no other name.

    None when the row is no header, that is, has no spelling of `start`.
    """
    written = [field.lstrip("#").lower() for field in fields]
    columns = [f"column_{number}" for number in range(1, len(fields) + 1)]
    for column, spelled in spellings.items():
        if found := next((spelling for spelling in spelled if spelling in written), ""):
            columns[written.index(found)] = column
    if "start" not in columns:
        return None
    if missing := [column for column in needed if column not in columns]:
        raise ClasterError(
            f"{named}: the header lacks {', '.join(missing)}",
            remedy=f"name the columns {', '.join(needed)}",
        )
    return columns


def position_fault(text: str) -> str:
    """Return why a text is not a position or length in bp; empty when it is one.

    Examples
    --------
    >>> position_fault("1000"), position_fault("1e3"), position_fault("-5")
    ('', 'is not a whole number', 'is below 0')
    """
    if text.isascii() and text.isdecimal():
        beyond = len(text) > len(str(_LAST_POSITION)) or int(text) > _LAST_POSITION
        return f"is beyond {_LAST_POSITION:,}" if beyond else ""
    negative = text.startswith("-") and text[1:].isdecimal()
    return "is below 0" if negative else "is not a whole number"


def interval_table(
    rows: Iterable[_Row],
    columns: Sequence[str] | None,
    *,
    named: str,
    allow_empty: bool = False,
) -> pd.DataFrame:
    """Turn rows into a table with whole numbers under `start` and `end`.

    Parameters
    ----------
    rows
        Line number and fields.
    columns
        Name of each field, `chrom`, `start` and `end` among them. Without names they are those of BED6,
        then ``column_7`` and so on.
    named
        What the rows are called in messages, with their place.
    allow_empty
        Whether intervals with ``start == end``, which hold no base, may stay.

    Returns
    -------
    pandas.DataFrame
        `start` and `end` as int64, all else as text; fields that a short row lacks are empty.

    Raises
    ------
    ClasterError
        If a row has too many fields or lacks its interval, or the interval is none; says which line.
    """
    rows = list(rows)
    width = max((len(fields) for _, fields in rows), default=3)
    further = [f"column_{number}" for number in range(len(_BED6) + 1, width + 1)]
    names = list(columns) if columns is not None else [*_BED6[: max(width, 3)], *further]
    needed = 1 + max(names.index(column) for column in ("chrom", "start", "end"))
    for number, fields in rows:
        if len(fields) < needed:
            raise ClasterError(
                f"{named}, line {number}: no chromosome, start and end",
                remedy="give them in fields of their own, separated by tabs",
            )
        if len(fields) > len(names):
            raise ClasterError(
                f"{named}, line {number}: {len(fields)} fields under {len(names)} column names",
                remedy="give every column a name",
            )
    table = pd.DataFrame(
        [fields + [""] * (len(names) - len(fields)) for _, fields in rows],
        columns=names,
        dtype=object,
    )
    for column in ("start", "end"):
        faults = table[column].map(position_fault)
        if faults.any():
            row = int(faults.astype(bool).to_numpy().argmax())
            raise ClasterError(
                f"{named}, line {rows[row][0]}: {column} {table[column][row]!r} {faults[row]}",
                remedy="give positions in bp as plain digits",
            )
        table[column] = table[column].astype("int64")
    without = table["start"] > table["end"] - (not allow_empty)
    if without.any():
        row = int(without.to_numpy().argmax())
        start, end = table["start"][row], table["end"][row]
        fault = "starts behind its end" if start > end else "is an interval without bases"
        raise ClasterError(
            f"{named}, line {rows[row][0]}: {start:,}-{end:,} {fault}",
            remedy="give start < end; start counts from 0",
        )
    return table
