"""Whether a table keeps its rules, and which row breaks one."""

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

import pandas as pd

from claster.errors import ClasterError

__all__ = ["Rule", "check_table", "file_name_rules"]

type Rule = tuple[pd.Series, str, str]

_LONGEST_ID = 200  # bytes; a file name has at most 255, with endings and marks of temporary files
_FORBIDDEN = r"[\s/\x00-\x1f\x7f-\x9f]"


def check_table(
    table: pd.DataFrame,
    columns: Sequence[str],
    rules: Callable[[pd.DataFrame], Iterable[Rule]],
    *,
    named: str,
    raise_errors: bool,
) -> bool:
    """Tell whether a table has its columns and no row breaks a rule.

    Parameters
    ----------
    table
        The table.
    columns
        Columns that it must have.
    rules
        Given the table, for each rule: which rows break it, what such a row is, and what to do.
    named
        What the table is called in messages.
    raise_errors
        Whether a fault raises instead of returning False.

    Raises
    ------
    ClasterError
        On the first fault, with the row.
    """
    found, remedy = "", "add it"
    missing = [column for column in columns if column not in table]
    if missing:
        found = f"no column {', '.join(missing)}"
    else:
        for broken, fault, what_to_do in rules(table):
            if broken.any():
                row = int(broken.to_numpy().argmax()) + 1
                found, remedy = f"{fault} (row {row:,} of {len(table):,})", what_to_do
                break
    if found and raise_errors:
        raise ClasterError(f"{named}: {found}", remedy=remedy)
    return not found


def file_name_rules(ids: pd.Series, *, kind: str) -> Iterator[Rule]:
    """Yield what an ID must keep to so that a file can be named after it, and only after it.

    Parameters
    ----------
    ids
        Text; may be missing.
    kind
        What has the IDs ("gene"), for messages.

    Yields
    ------
    Rule
        As `check_table` takes them.
    """
    article = "an" if kind[0] in "aeiou" else "a"
    remedy = f"give the {kind} another ID"
    text = ids.astype(str)
    yield ids.isna() | (ids == ""), f"a row without {kind} ID", f"give every {kind} an ID"
    yield (
        text.str.contains(_FORBIDDEN),
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
