"""Regions written as text or BED, and which intervals lie in them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import bioframe
import numpy as np
import pandas as pd

from claster.errors import ClasterError, choose_among
from claster.genome.assembly import rename_chromosomes
from claster.genome.rows import AnnotationSource, place_of, read_intervals, source_lines

if TYPE_CHECKING:
    from pybedtools import BedTool

_REGION = re.compile(r"(?P<chrom>[^:\s]+):(?P<start>[\d,]+)-(?P<end>[\d,]+)")
_CHROMOSOME_END = -1
_EMPTY = {"name": ".", "score": "0", "strand": "."}


def read_bed(
    source: AnnotationSource,
    *,
    named: str = "BED",
    remedy: str = "check the file name",
) -> pd.DataFrame:
    """Read a BED file or a BedTool.

    Parameters
    ----------
    source
        A BED with 3 or more columns, plain or gzipped, its fields separated by tabs or blanks, or a
        `pybedtools.BedTool` over a BED. A BedTool made from a stream is consumed.
    named
        What the user calls it, for messages.
    remedy
        What to do where no file is there.

    Returns
    -------
    pandas.DataFrame
        `chrom`, `start`, `end` (0-based half-open) and, as text and as far as the file goes, `name`,
        `score`, `strand`, `column_7` and so on, in file order. Fields that a row lacks are empty.

    Raises
    ------
    ClasterError
        If the file is missing or no text, or a row holds no interval; says which line.
    """
    lines = source_lines(source, named=named, remedy=remedy)
    return read_intervals(lines, {}, named=f"{named} ({place_of(source)})")[0]


def read_regions(
    rules: Iterable[AnnotationSource],
    *,
    sizes: Mapping[str, int],
    folder: Path,
    aliases: Mapping[str, str] | None = None,
) -> pd.DataFrame:
    """Turn rules into intervals.

    Parameters
    ----------
    rules
        Each a chromosome (``chr4``), a region (``chr21:36,000,000-48,129,895``, 0-based half-open),
        the name of a BED file (ends in ``.bed`` or ``.bed.gz``), or a `pybedtools.BedTool`.
    sizes
        Chromosome sizes of the assembly in bp.
    aliases
        The assembly's name by other spelling (`chromosome_aliases`); without them names match with and
        without ``chr`` only.

    Returns
    -------
    pandas.DataFrame
        Columns `chrom`, `start`, `end`, 0-based half-open, by the assembly's names.

    Raises
    ------
    ClasterError
        If a rule is none of these, a chromosome is unknown, or an interval has no base in it.
    """
    rows: list[tuple[str, int, int]] = []
    for rule in rules:
        table, places = _intervals_of(rule, folder=folder)
        table = rename_chromosomes(table, sizes=sizes, aliases=aliases)
        for (chrom, start, written_end), place in zip(
            table.itertuples(index=False, name=None), places, strict=True
        ):
            if chrom not in sizes:
                raise ClasterError(
                    f"region {place}: the assembly has no chromosome {chrom!r}",
                    remedy=f"{choose_among(chrom, sizes)}; or give chrom:start-end or a .bed file",
                )
            end = sizes[chrom] if written_end == _CHROMOSOME_END else written_end
            if not 0 <= start < end <= sizes[chrom]:
                raise ClasterError(
                    f"region {place} is not inside {chrom} (0-{sizes[chrom]:,})",
                    remedy="give 0-based start and end with start < end",
                )
            rows.append((chrom, start, end))
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


def read_blacklist(
    path: Path, *, sizes: Mapping[str, int], aliases: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Read the regions whose signal is not to be trusted.

    Parameters
    ----------
    path
        A BED file.
    sizes, aliases
        See `read_regions`.

    Returns
    -------
    pandas.DataFrame
        Columns `chrom`, `start`, `end` (0-based half-open) by the assembly's names, in order, apart from
        each other and on the chromosomes.

    Raises
    ------
    ClasterError
        If the file cannot be read, or no region lies on a chromosome of the assembly.
    """
    table = rename_chromosomes(read_bed(path, named="blacklist"), sizes=sizes, aliases=aliases)
    on = table[table["chrom"].isin(sizes.keys())][["chrom", "start", "end"]]
    on = on.assign(end=np.minimum(on["end"], on["chrom"].map(sizes).astype("int64")))
    on = on[on["start"] < on["end"]]
    if on.empty:
        names = ", ".join(table["chrom"].unique()[:4]) or "nothing"
        raise ClasterError(
            f"blacklist: {path} has no region on the assembly's chromosomes; it names {names}",
            remedy="use the file for this assembly, or leave 'blacklist' out",
        )
    return bioframe.merge(on)[["chrom", "start", "end"]].astype({"start": "int64", "end": "int64"})


def covered_shares(intervals: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Return which share of each interval's bases `others` cover; index as `intervals`, 0 without bases."""
    width = (intervals["end"] - intervals["start"]).clip(lower=1)
    return _covered_bases(intervals, others) / width


def contained_in(intervals: pd.DataFrame, regions: pd.DataFrame) -> pd.Series:
    """Tell which intervals lie whole in `regions`; index as `intervals`.

    Both tables hold `chrom`, `start`, `end`, 0-based half-open.
    """
    return _covered_bases(intervals, regions) == intervals["end"] - intervals["start"]


def overlapping(intervals: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Tell which intervals share a base with any of `others`; index as `intervals`."""
    return _covered_bases(intervals, others) > 0


def _covered_bases(intervals: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Return how many bases of each interval `others` cover; index as `intervals`."""
    covered = np.zeros(len(intervals), dtype=np.int64)
    chroms, starts, ends = (intervals[name].to_numpy() for name in ("chrom", "start", "end"))
    for chrom, first, last in _joined(others):
        here = np.flatnonzero(chroms == chrom)
        if not here.size:
            continue
        up_to = np.concatenate([[0], np.cumsum(last - first)])
        for sign, bases in ((1, ends[here]), (-1, starts[here])):
            passed = np.searchsorted(first, bases)
            behind = np.maximum(last[passed - 1] - bases, 0) * (passed > 0)
            covered[here] += sign * (up_to[passed] - behind)
    return pd.Series(covered, index=intervals.index)


def shared_bases(intervals: pd.DataFrame, others: pd.DataFrame) -> int:
    """Return how many bases are covered by both tables, each base counted once."""
    if intervals.empty or others.empty:
        return 0
    either = pd.concat([intervals, others])
    return _bases(intervals) + _bases(others) - _bases(either)


def _bases(intervals: pd.DataFrame) -> int:
    return sum(int((last - first).sum()) for _, first, last in _joined(intervals))


def _joined(intervals: pd.DataFrame) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the starts and the ends of what intervals cover on each chromosome, in order and apart."""
    chroms, starts, ends = (intervals[name].to_numpy() for name in ("chrom", "start", "end"))
    for chrom in pd.unique(chroms):
        here = np.flatnonzero((chroms == chrom) & (starts < ends))
        if not here.size:
            continue
        here = here[np.argsort(starts[here], kind="stable")]
        first, reach = starts[here], np.maximum.accumulate(ends[here])
        begins = np.ones(len(here), dtype=bool)
        begins[1:] = first[1:] > reach[:-1]
        yield chrom, first[begins], reach[np.roll(begins, -1)]


def _intervals_of(rule: AnnotationSource, *, folder: Path) -> tuple[pd.DataFrame, list[str]]:
    """Return the intervals of a rule as they are written, and where each of them is written."""
    if isinstance(rule, str) and not rule.endswith((".bed", ".bed.gz")):
        return _interval_in_text(rule), [repr(rule)]
    source = folder / rule if isinstance(rule, str | Path) else rule
    table = read_bed(source, named="regions", remedy="check the split rules and 'data'")
    if table.empty:
        raise ClasterError(
            f"regions ({place_of(source)}) are empty",
            remedy="give a BED with at least one interval",
        )
    table = table[["chrom", "start", "end"]]
    places = [
        f"'{chrom}:{start:,}-{end:,}' ({place_of(source)}, row {number})"
        for number, (chrom, start, end) in enumerate(table.itertuples(index=False), start=1)
    ]
    return table, places


def _interval_in_text(rule: str) -> pd.DataFrame:
    chrom, start, end = rule, 0, _CHROMOSOME_END
    if match := _REGION.fullmatch(rule):
        chrom = match["chrom"]
        start, end = (int(match[part].replace(",", "")) for part in ("start", "end"))
    return pd.DataFrame({"chrom": [chrom], "start": [start], "end": [end]})


def _to_bedtool(table: pd.DataFrame, *, name: str = "name") -> "BedTool":
    """Turn a table of intervals into a BedTool.

    Returns BED3 to BED6, in the order of `table`. Its temporary file goes when Python ends, or
    with `pybedtools.cleanup`.
    """
    from pybedtools import BedTool

    missing = [column for column in ("chrom", "start", "end") if column not in table]
    if missing:
        raise ClasterError(
            f"the table has no column {', '.join(missing)}", remedy="name it chrom, start or end"
        )
    given = table.drop(columns="name", errors="ignore") if name != "name" else table
    given = given.rename(columns={name: "name"})
    present = [column for column in _EMPTY if column in given]
    bed = given[["chrom", "start", "end"]].copy()
    for column in list(_EMPTY)[: list(_EMPTY).index(present[-1]) + 1] if present else []:
        filled = given[column] if column in present else pd.Series("", index=given.index)
        bed[column] = filled.fillna("").astype(str).replace("", _EMPTY[column])
    return BedTool.from_dataframe(bed)
