"""Candidate regulatory elements: cCRE tables and BEDs into one checked frame."""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from claster.errors import ClasterError, choose_among
from claster.genome.rows import (
    PLACES,
    AnnotationSource,
    Rule,
    file_name_rules,
    place_of,
    read_intervals,
    require_rows,
    source_lines,
)

_ELEMENT_COLUMNS = ["element_id", "chrom", "start", "end", "group"]

_SPELLINGS = PLACES | {
    "element_id": ("ccre_accession", "element_id", "accession", "name", "id"),
    "group": ("group", "ccre_group", "encodelabel"),
}
_CCRE = re.compile(r"E[HM]\d+E\d+")
_ENHANCERS = {"pELS", "dELS"}
_KINDS = "give the cCRE table with its header, a SCREEN BED, or any BED"


def read_elements(source: AnnotationSource) -> pd.DataFrame:
    """Read candidate regulatory elements.

    Parameters
    ----------
    source
        One of these, plain or gzipped, told apart by content, or a `pybedtools.BedTool` over a BED:
        a table whose header names `chr`, `start`, `end` and, where there, `cCRE_accession` and `group`
        (ENCODE's supplementary table); a SCREEN BED (chromosome, start, end, rDHS, cCRE, group), or
        ENCODE's with the group in its tenth column; any other BED.

    Returns
    -------
    pandas.DataFrame
        Columns `element_id`, `chrom`, `start`, `end` (0-based half-open) and `group` (``dELS``,
        ``pELS,CTCF-bound``; empty where the file has none), in file order. Without accessions the ID
        is the BED name where each row has another, else ``chrom:start-end``.

    Raises
    ------
    ClasterError
        If the file is missing or holds no element, or a row has no chromosome, no ID of its own that can name
        a file, or an interval without bases.

    References
    ----------
    cCREs: ENCODE Project Consortium et al. 2020, doi 10.1038/s41586-020-2493-4, Supplementary Table 11
    """
    named = f"elements ({place_of(source)})"
    lines = source_lines(
        source, named="elements", remedy="check 'elements' and 'data' in the dataset YAML"
    )
    table, _ = read_intervals(lines, _SPELLINGS, named=named, headless=_screen_columns)
    if table.empty:
        raise ClasterError(f"{named} are empty", remedy=_KINDS)
    if "element_id" not in table:
        table["element_id"] = _names_or_places(table)
    if "group" not in table:
        table["group"] = ""
    table = table[_ELEMENT_COLUMNS]
    require_rows(table, _ELEMENT_COLUMNS, _rules, named=named)
    return table


def select_elements(elements: pd.DataFrame, *, groups: Sequence[str] | None) -> pd.DataFrame:
    """Keep the elements of some groups.

    Parameters
    ----------
    elements
        A table with the columns of `_ELEMENT_COLUMNS`; `group` holds one class or more, separated by
        commas (``pELS,CTCF-bound``).
    groups
        Classes, of which a kept element has at least one; ``ELS`` stands for ``pELS`` and ``dELS``.
        None keeps all.

    Returns
    -------
    pandas.DataFrame
        The rows that count, numbered again.

    Raises
    ------
    ClasterError
        If no element has one of the groups.
    """
    if groups is None:
        return elements.reset_index(drop=True)
    classes = {
        group: {part.strip() for part in group.split(",")} for group in elements["group"].unique()
    }
    present = set().union(*classes.values()) - {""}
    wanted = set()
    for group in groups:
        members = _ENHANCERS if group == "ELS" else {group}
        if not members & present:
            raise ClasterError(
                f"no element has group {group!r}; the file has "
                f"{', '.join(sorted(present)) or 'no groups at all'}",
                remedy=f"correct 'elements.groups': {choose_among(group, sorted(present))}",
            )
        wanted |= members
    kept = [group for group, members in classes.items() if members & wanted]
    return elements[elements["group"].isin(kept)].reset_index(drop=True)


def _rules(elements: pd.DataFrame) -> Iterator[Rule]:
    element_id = elements["element_id"]
    yield from file_name_rules(element_id, kind="element")
    yield (
        element_id.duplicated(),
        "an element ID that an earlier row has",
        "take one of the two out or give it another ID",
    )
    yield (
        elements["chrom"].isna() | (elements["chrom"] == ""),
        "a row without chromosome",
        "name the chromosome of every element",
    )
    yield (
        (elements["start"] < 0) | (elements["start"] >= elements["end"]),
        "an interval without bases",
        "give start < end; start counts from 0",
    )
    yield elements["group"].isna(), "a row without group", "write empty text where there is none"


def _screen_columns(first: Sequence[str]) -> list[str] | None:
    """Return the columns of a BED with cCRE accessions and groups, or None for another BED."""
    if len(first) == 6 and _CCRE.fullmatch(first[4]):
        return ["chrom", "start", "end", "rdhs", "element_id", "group"]
    if len(first) >= 10 and _CCRE.fullmatch(first[3]):
        between = [f"column_{number}" for number in range(5, 10)]
        after = [f"column_{number}" for number in range(11, len(first) + 1)]
        return ["chrom", "start", "end", "element_id", *between, "group", *after]
    return None


def _names_or_places(table: pd.DataFrame) -> pd.Series:
    """Return the BED names where each row has its own, else ``chrom:start-end``."""
    if "name" in table and table["name"].is_unique and not table["name"].isin(["", "."]).any():
        return table["name"]
    return table["chrom"] + ":" + table["start"].astype(str) + "-" + table["end"].astype(str)
