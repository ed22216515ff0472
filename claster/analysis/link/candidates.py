"""Candidate elements with their activity: from ABC's counts, or from tracks over elements."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.abc import normalized_signal
from claster.errors import ClasterError
from claster.files import require_file
from claster.formats import HEAD, describe
from claster.genome.assembly import chromosome_aliases, match_chromosomes, rename_chromosomes
from claster.genome.elements import read_elements
from claster.genome.rows import data_rows, first_row, interval_table
from claster.signal.bigwig import BigWig
from claster.text import read_table, text_lines

_REFERENCE = Path(__file__).with_name("reference.tsv")
_PROMOTER = 500
_ACCESSIBILITY = {"DHS.readCount": "accessibility", "ATAC.readCount": "accessibility"}
_ACTIVITY = "H3K27ac.readCount"


def read_candidates(
    elements: Path,
    genes: pd.DataFrame,
    *,
    assembly: str,
    sizes: Mapping[str, int],
    accessibility: Path | None = None,
    h3k27ac: Path | None = None,
) -> pd.DataFrame:
    """Read elements and what the marks say of them.

    Parameters
    ----------
    elements
        A table of ABC with counts (``chr``, ``start``, ``end``, ``name``, ``class``, ``DHS.readCount`` or
        ``ATAC.readCount``, ``H3K27ac.readCount``); or, with tracks, anything that `read_elements` reads,
        or a bigWig whose intervals are the elements.
    genes
        `chrom` and `tss` of all genes: elements within 500 bp of a TSS are promoters, unless the table says.
    assembly, sizes
        The assembly, and its chromosome lengths in bp; elements on other chromosomes are left out.
    accessibility, h3k27ac
        BigWigs of DNase or ATAC, and of H3K27ac; without H3K27ac, accessibility stands for it.

    Returns
    -------
    pandas.DataFrame
        `element_id`, `chrom`, `start`, `end` (0-based half-open), `promoter` (bool), `accessibility` and
        `h3k27ac` (normalised to the reference), `activity`; sorted by place.

    Raises
    ------
    ClasterError
        If a file cannot be read, or neither counts nor tracks are given.
    """
    aliases = chromosome_aliases(assembly)
    if _is_bigwig(elements):
        table = _intervals(elements, sizes=sizes, aliases=aliases)
    else:
        header, lines = first_row(text_lines(elements, named="elements"))
        has_counts = set(header) & _ACCESSIBILITY.keys()
        named = f"elements ({elements})"
        table = _counts(data_rows(lines), named=named) if has_counts else read_elements(elements)
    table = rename_chromosomes(table, sizes=sizes, aliases=aliases)
    table = table[table["chrom"].isin(sizes.keys())]
    table = table.sort_values(["chrom", "start", "end"], ignore_index=True)
    if table.empty:
        raise ClasterError(
            f"elements ({elements}) have no chromosome of {assembly}",
            remedy="provide elements of this assembly, or name theirs with --assembly",
        )
    if "accessibility" not in table:
        if accessibility is None:
            raise ClasterError(
                f"elements ({elements}) hold no read counts, and no track is given",
                remedy="give --accessibility (DNase or ATAC) and --h3k27ac",
            )
        table["accessibility"] = _interval_sums(accessibility, table, sizes=sizes, aliases=aliases)
        if h3k27ac is not None:
            table["h3k27ac"] = _interval_sums(h3k27ac, table, sizes=sizes, aliases=aliases)
    if "class" in table:
        table["promoter"] = table["class"] == "promoter"
    else:
        table["promoter"] = _near_tss(table, genes)
    return _with_activity(table, read_table(_REFERENCE))


def _with_activity(elements: pd.DataFrame, reference: pd.DataFrame) -> pd.DataFrame:
    """Put the marks of elements on the reference's scale, with ABC's activity, their geometric mean."""
    promoter = elements["promoter"].to_numpy()
    normalized = {
        name: normalized_signal(elements[name].to_numpy(), promoter, reference, column=column)
        for name, column in {"accessibility": "DHS.RPM", "h3k27ac": "H3K27ac.RPM"}.items()
        if name in elements
    }
    accessibility = normalized["accessibility"]
    h3k27ac = normalized.get("h3k27ac", accessibility)
    columns = ["element_id", "chrom", "start", "end", "promoter"]
    return elements[columns].assign(
        accessibility=accessibility, h3k27ac=h3k27ac, activity=np.sqrt(accessibility * h3k27ac)
    )


def _interval_sums(
    track: Path, intervals: pd.DataFrame, *, sizes: Mapping[str, int], aliases: Mapping[str, str]
) -> np.ndarray:
    """Return the sum of a bigWig over each interval, shape (intervals,); bases without data count 0."""
    sums = np.zeros(len(intervals))
    with BigWig(track, named="track") as bigwig:
        bigwig.rename(
            match_chromosomes(sizes, bigwig.sizes, file=track, named="track", aliases=aliases)
        )
        for chrom, rows in intervals.groupby("chrom", sort=False).indices.items():
            if not bigwig.has(str(chrom)):
                continue
            signal = bigwig.signal(str(chrom))
            if not signal.starts.size:
                continue
            opens, closes = signal.starts.astype(np.int64), signal.ends.astype(np.int64)
            values = signal.values.astype(np.float64)
            whole = np.concatenate([[0.0], np.cumsum(values * (closes - opens))])
            starts, ends = (intervals[name].to_numpy()[rows] for name in ("start", "end"))
            sums[rows] = _until(ends, opens, closes, values, whole) - _until(
                starts, opens, closes, values, whole
            )
    return np.where(np.abs(sums) < 1e-9, 0.0, sums)


def _until(
    at: np.ndarray, opens: np.ndarray, closes: np.ndarray, values: np.ndarray, whole: np.ndarray
) -> np.ndarray:
    """Return the sum of a chromosome's signal from its start up to each position."""
    before = np.searchsorted(closes, at, side="right")
    inside = np.minimum(before, len(opens) - 1)
    part = np.where(before < len(opens), np.maximum(at - opens[inside], 0), 0) * values[inside]
    return whole[before] + part


def _near_tss(elements: pd.DataFrame, genes: pd.DataFrame) -> np.ndarray:
    """Tell which elements lie within 500 bp of a TSS; bool, shape (elements,)."""
    near = np.zeros(len(elements), dtype=bool)
    for chrom, rows in elements.groupby("chrom", sort=False).indices.items():
        tss = np.sort(genes.loc[genes["chrom"] == chrom, "tss"].to_numpy())
        first = np.searchsorted(tss, elements["start"].to_numpy()[rows] - _PROMOTER)
        last = np.searchsorted(tss, elements["end"].to_numpy()[rows] + _PROMOTER)
        near[rows] = last > first
    return near


def _is_bigwig(path: Path) -> bool:
    path = require_file(path, named="elements", remedy="check the file name")
    with path.open("rb") as handle:
        return describe(handle.read(HEAD)) == "a bigWig file"


def _intervals(path: Path, *, sizes: Mapping[str, int], aliases: Mapping[str, str]) -> pd.DataFrame:
    """Return the intervals of a bigWig as elements."""
    tables = []
    with BigWig(path, named="elements") as bigwig:
        bigwig.rename(
            match_chromosomes(sizes, bigwig.sizes, file=path, named="elements", aliases=aliases)
        )
        for chrom in filter(bigwig.has, sizes):
            signal = bigwig.signal(chrom)
            places = {"start": signal.starts.astype(np.int64), "end": signal.ends.astype(np.int64)}
            tables.append(pd.DataFrame({"chrom": chrom, **places}))
    table = pd.concat(tables, ignore_index=True)
    spans = table["start"].astype(str) + "-" + table["end"].astype(str)
    return table.assign(element_id=table["chrom"] + ":" + spans)


def _counts(rows: Iterable[tuple[int, list[str]]], *, named: str) -> pd.DataFrame:
    """Return a table of ABC with counts, by the names that are used here; the first row is the header."""
    rows = iter(rows)
    _, header = next(rows)
    names = {"chr": "chrom", "name": "element_id", _ACTIVITY: "h3k27ac", **_ACCESSIBILITY}
    columns = [names.get(column, column) for column in header]
    kept = ["chrom", "start", "end", "element_id"]
    if missing := [column for column in kept if column not in columns]:
        raise ClasterError(
            f"{named} lack the column {missing[0]}",
            remedy="give the columns chr, start, end, name and class of ABC",
        )
    marks = [mark for mark in ("accessibility", "h3k27ac") if mark in columns]
    if twins := [column for column in (*kept, *marks) if columns.count(column) > 1]:
        raise ClasterError(f"{named} have two columns of {twins[0]}", remedy="take one of them out")
    table = interval_table(rows, columns, named=named)
    for mark in marks:
        counts = pd.to_numeric(table[mark], errors="coerce")
        if (wrong := ~(np.isfinite(counts) & (counts >= 0))).any():
            raise ClasterError(
                f"{named}: {header[columns.index(mark)]} {table[mark][wrong].iloc[0]!r} is not a count",
                remedy="give a number from 0 on for every element",
            )
        table[mark] = counts
    return table
