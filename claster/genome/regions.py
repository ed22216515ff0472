"""Regions written as text or BED, and which intervals lie in them."""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import bioframe
import numpy as np
import pandas as pd

from claster.errors import ClasterError, choose_among
from claster.genome.assembly import rename_chromosomes
from claster.genome.bed import read_bed
from claster.genome.rows import AnnotationSource, place_of

_REGION = re.compile(r"(?P<chrom>[^:\s]+):(?P<start>[\d,]+)-(?P<end>[\d,]+)")
_CHROMOSOME_END = -1


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
    sizes
        Chromosome sizes of the assembly in bp.
    aliases
        The assembly's name by other spelling (`chromosome_aliases`).

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
    """Return which share of each interval's bases `others` cover.

    `others` are in order and do not overlap (`read_blacklist`); the answer has the index of `intervals`, 0
    for one without bases.
    """
    covered = pd.Series(0.0, index=intervals.index)
    for chrom, those in others.groupby("chrom"):
        here = intervals[intervals["chrom"] == chrom]
        starts, ends = those["start"].to_numpy(), those["end"].to_numpy()
        up_to = np.concatenate([[0], np.cumsum(ends - starts)])
        first, last = (
            up_to[(passed := np.searchsorted(starts, bases))]
            - np.maximum(ends[passed - 1] - bases, 0) * (passed > 0)
            for bases in (here["start"].to_numpy(), here["end"].to_numpy())
        )
        covered[here.index] = last - first
    width = (intervals["end"] - intervals["start"]).clip(lower=1)
    return covered / width


def contained_in(intervals: pd.DataFrame, regions: pd.DataFrame) -> pd.Series:
    """Tell which intervals lie whole in one (merged) region.

    Both tables hold `chrom`, `start`, `end`, 0-based half-open; the answer has the index of `intervals`.
    """
    inside = np.zeros(len(intervals), dtype=bool)
    chroms, starts, ends = (intervals[name].to_numpy() for name in ("chrom", "start", "end"))
    for chrom, first, last in _joined(regions):
        here = np.flatnonzero(chroms == chrom)
        before = np.searchsorted(first, starts[here], side="right") - 1
        inside[here] = (before >= 0) & (ends[here] <= last[before])
    return pd.Series(inside, index=intervals.index)


def overlapping(intervals: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Tell which intervals share a base with any of `others`; index as `intervals`."""
    found = np.zeros(len(intervals), dtype=bool)
    chroms, starts, ends = (intervals[name].to_numpy() for name in ("chrom", "start", "end"))
    for chrom, first, last in _joined(others):
        here = np.flatnonzero(chroms == chrom)
        begun = np.searchsorted(first, ends[here], side="left")
        over = np.searchsorted(last, starts[here], side="right")
        found[here] = (begun > over) & (starts[here] < ends[here])
    return pd.Series(found, index=intervals.index)


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
