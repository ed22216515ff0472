"""Regions written as text or BED, and which intervals lie in them."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import bioframe
import pandas as pd

from claster.errors import ClasterError

__all__ = ["contained_in", "overlapping", "read_regions", "shared_bases"]

_REGION = re.compile(r"(?P<chrom>[^:\s]+):(?P<start>[\d,]+)-(?P<end>[\d,]+)")


def read_regions(rules: Iterable[str], *, sizes: Mapping[str, int], folder: Path) -> pd.DataFrame:
    """Turn rules into intervals.

    Parameters
    ----------
    rules
        Each a chromosome (``chr4``), a region (``chr21:36,000,000-48,129,895``, 0-based half-open)
        or the name of a BED file (ends in ``.bed``).
    sizes
        Chromosome sizes of the assembly in bp.
    folder
        Where relative BED files are.

    Returns
    -------
    pandas.DataFrame
        Columns `chrom`, `start`, `end`, 0-based half-open.

    Raises
    ------
    ClasterError
        If a rule is none of these, a chromosome is unknown, or an interval has no base in it.
    """
    rows: list[tuple[str, int, int]] = []
    for rule in rules:
        if rule.endswith(".bed"):
            rows += _from_bed(folder / rule)
        elif match := _REGION.fullmatch(rule):
            start, end = (int(match[part].replace(",", "")) for part in ("start", "end"))
            rows.append((match["chrom"], start, end))
        else:
            rows.append((rule, 0, sizes.get(rule, 0)))
    for (chrom, start, end), rule in zip(rows, _labels(rows), strict=True):
        if chrom not in sizes:
            raise ClasterError(
                f"region {rule!r}: the assembly has no chromosome {chrom!r}",
                remedy=f"write a chromosome such as {next(iter(sizes))}, chrom:start-end, or a .bed file",
            )
        if not 0 <= start < end <= sizes[chrom]:
            raise ClasterError(
                f"region {rule!r} is not inside {chrom} (0-{sizes[chrom]:,})",
                remedy="give 0-based start and end with start < end",
            )
    return pd.DataFrame(rows, columns=["chrom", "start", "end"])


def contained_in(intervals: pd.DataFrame, regions: pd.DataFrame) -> pd.Series:
    """Tell which intervals lie whole in one (merged) region.

    Both tables hold `chrom`, `start`, `end`, 0-based half-open; the answer has the index of `intervals`.
    """
    inside = pd.Series(data=False, index=intervals.index)
    if regions.empty or intervals.empty:
        return inside
    merged = bioframe.merge(regions, min_dist=0)
    for chrom, start, end in merged[["chrom", "start", "end"]].itertuples(index=False):
        inside |= (
            (intervals["chrom"] == chrom)
            & (intervals["start"] >= start)
            & (intervals["end"] <= end)
        )
    return inside


def overlapping(intervals: pd.DataFrame, others: pd.DataFrame) -> pd.Series:
    """Tell which intervals share a base with any of `others`; index as `intervals`."""
    if intervals.empty or others.empty:
        return pd.Series(data=False, index=intervals.index)
    counted = bioframe.count_overlaps(intervals[["chrom", "start", "end"]], others)
    return pd.Series(counted["count"].to_numpy() > 0, index=intervals.index)


def shared_bases(intervals: pd.DataFrame, others: pd.DataFrame) -> int:
    """Return how many bases are covered by both tables, each base counted once."""
    if intervals.empty or others.empty:
        return 0
    both = bioframe.overlap(
        bioframe.merge(intervals), bioframe.merge(others), how="inner", return_overlap=True
    )
    return int((both["overlap_end"] - both["overlap_start"]).sum())


def _from_bed(path: Path) -> list[tuple[str, int, int]]:
    if not path.is_file():
        raise ClasterError(f"regions: no file at {path}", remedy="check the split rules and 'data'")
    table = pd.read_csv(path, sep="\t", header=None, comment="#", usecols=[0, 1, 2], dtype={0: str})
    return list(table.itertuples(index=False, name=None))


def _labels(rows: list[tuple[str, int, int]]) -> list[str]:
    return [f"{chrom}:{start:,}-{end:,}" if end else chrom for chrom, start, end in rows]
