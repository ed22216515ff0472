"""Where on the chromosomes a file holds anything, and which windows that leaves."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import bioframe
import pandas as pd

from claster.dataset.doctor.findings import WINDOWS, Finding, Item, base_pairs, count_of, listed
from claster.dataset.doctor.setting import Setting
from claster.genome.regions import contained_in, overlapping
from claster.genome.windows import Binning, window_table

_NEARLY_WHOLE = 0.9
_MOST_OUTSIDE = 0.05
_MOST_EMPTY = 0.2
_FEW_WINDOWS = 0.1
_NEAR_END = 0.05


@dataclass(frozen=True)
class Spread:
    """How the windows of a dataset lie to the data of one file.

    Attributes
    ----------
    islands
        `chrom`, `start`, `end` (0-based half-open): where data begin and end on each chromosome.
    windows
        `chrom`, `inside` (share of the window within islands) and `empty` (nothing in it).
    lacking
        Chromosomes with windows that the file does not have.
    silent
        Chromosomes with windows that the file has, without anything on them.
    partial
        Chromosomes with data on a part only: over 5 % of their windows are not inside.
    """

    islands: pd.DataFrame
    windows: pd.DataFrame
    lacking: list[str]
    silent: list[str]
    partial: list[str]

    def centres_with_data(self, centres: pd.DataFrame) -> pd.DataFrame:
        """Return the centres of windows of which 90 % are inside, else those that hold anything."""
        inside = centres[self.windows["inside"] >= _NEARLY_WHOLE]
        return centres[~self.windows["empty"]] if inside.empty else inside


def measure_spread(
    blocks: pd.DataFrame, centres: pd.DataFrame, *, held: Collection[str], window: Binning, gap: int
) -> Spread:
    """Lay the windows of a dataset over the data of one file.

    Parameters
    ----------
    blocks
        `chrom`, `start`, `end` (0-based half-open) of everything that the file holds, not sorted.
    centres
        `gene_id`, `chrom` and `tss` (0-based) of the windows.
    held
        Chromosomes that the file has.
    window
        The window that is read from the file.
    gap
        Gaps below this width in bp do not part islands.
    """
    spans = window_table(centres, window)
    empty = ~overlapping(spans, blocks)
    islands = _islands(blocks, spans[empty], spans, gap=gap)
    inside = pd.Series(0, index=spans.index)
    for chrom, start, end in islands.itertuples(index=False):
        shared = spans["end"].clip(upper=end) - spans["start"].clip(lower=start)
        inside += shared.clip(lower=0).where(spans["chrom"] == chrom, 0)
    windows = pd.DataFrame(
        {"chrom": spans["chrom"], "inside": inside / window.width, "empty": empty}
    )
    outside = (windows["inside"] < _NEARLY_WHOLE).groupby(windows["chrom"], sort=False).mean()
    lacking = [chrom for chrom in outside.index if chrom not in held]
    with_data = set(islands["chrom"])
    silent = [chrom for chrom in outside.index if chrom in held and chrom not in with_data]
    partial = [
        chrom for chrom, share in outside.items() if chrom in with_data and share > _MOST_OUTSIDE
    ]
    return Spread(islands, windows, lacking, silent, partial)


def _common_regions(spreads: Sequence[Spread], setting: Setting) -> list[tuple[str, int, int]]:
    """Return the regions that every file covers: chromosome, start, end, 0-based half-open.

    A chromosome on which no file is partial is taken whole, and data that end near its end (within a
    twentieth of a window) are taken to reach it.
    """
    sizes, width = setting.sizes, setting.spec.window.binning.width
    rows = [(chrom, 0, sizes[chrom]) for chrom in setting.centres["chrom"].unique()]
    for spread in spreads:
        kept = []
        for chrom, start, end in rows:
            if chrom in spread.partial:
                own = spread.islands[spread.islands["chrom"] == chrom].copy()
                own.loc[own["end"] > sizes[chrom] - _NEAR_END * width, "end"] = sizes[chrom]
                kept += [
                    (chrom, max(start, low), min(end, high))
                    for _, low, high in own.itertuples(index=False)
                    if min(end, high) - max(start, low) >= width
                ]
            elif chrom not in spread.lacking and chrom not in spread.silent:
                kept.append((chrom, start, end))
        rows = kept
    return rows


def check_spread(spread: Spread, setting: Setting, item: Item, *, holds: str) -> list[Finding]:
    """Warn where over 5 % of the windows of a chromosome reach outside the data of a file.

    Parameters
    ----------
    holds
        What the file holds: "signal" or "contacts".
    """
    windows, said = spread.windows, []
    if spread.lacking:
        count = int(windows["chrom"].isin(spread.lacking).sum())
        held = [chrom for chrom in windows["chrom"].unique() if chrom not in spread.lacking]
        of = f"{count:,} of {count_of(len(windows), 'gene')}"
        told = f"lacks {listed(spread.lacking)}, where {of} are"
        if len(held) < len(spread.lacking):
            told = (
                f"holds {listed(held) or 'none of the chromosomes'} only; {of} are on the "
                f"{count_of(len(spread.lacking), 'chromosome')} that it lacks"
            )
        said.append(told)
    if spread.silent:
        count = int(windows["chrom"].isin(spread.silent).sum())
        said.append(f"no {holds} on {listed(spread.silent)}, where {count_of(count, 'gene')} are")
    for chrom in spread.partial[:3]:
        own = windows[windows["chrom"] == chrom]
        island = spread.islands[spread.islands["chrom"] == chrom]
        covered = int((island["end"] - island["start"]).sum())
        start, end = int(island["start"].min()), int(island["end"].max())
        said.append(
            f"{holds} on {base_pairs(covered)} of {base_pairs(setting.sizes[chrom])} of {chrom} "
            f"({start / 1e6:.2f}-{end / 1e6:.2f} Mb): {int((own['inside'] >= 1).sum()):,} of "
            f"{count_of(len(own), 'window')} lie whole inside, {int(own['empty'].sum()):,} hold none"
        )
    if len(spread.partial) > 3:
        said.append(f"the same on {len(spread.partial) - 3} more chromosomes")
    if not said:
        return []
    remedy = "use the whole file, or keep to what all files cover (see 'windows')"
    if excluded := _excludable(spread, setting):
        remedy = f"provide a file with them, or leave their genes out: {excluded}"
    return [item.found("coverage", "warning", "; ".join(said), remedy)]


def check_common(spreads: Sequence[Spread], setting: Setting) -> list[Finding]:
    """Tell how many windows all files cover, with the line of the YAML that keeps to those."""
    short = [spread for spread in spreads if spread.lacking or spread.silent or spread.partial]
    if all(_excludable(spread, setting) for spread in short):
        return []
    common = _common_regions(spreads, setting)
    windows = window_table(setting.centres, setting.spec.window.binning)
    regions = pd.DataFrame(common, columns=["chrom", "start", "end"])
    kept = int(contained_in(windows, regions).sum())
    seen = f"{kept:,} of {count_of(len(windows), 'window')} lie whole in what all files cover"
    remedy = f"write '{_region_line(common, setting.sizes)}' to keep to those"
    if not kept:
        remedy = "provide files that cover the same chromosomes"
    return [WINDOWS.found("coverage", "warning", seen, remedy)]


def _region_line(regions: Sequence[tuple[str, int, int]], sizes: Mapping[str, int]) -> str:
    """Return the line of the YAML that keeps windows inside `regions` (0-based half-open).

    Examples
    --------
    >>> _region_line([("chr11", 77_000_000, 80_000_000), ("chr2", 0, 500)], {"chr11": 10**8, "chr2": 500})
    'regions: ["chr11:77,000,000-80,000,000", chr2]'
    """
    rules = [
        chrom if (start, end) == (0, sizes.get(chrom)) else f'"{chrom}:{start:,}-{end:,}"'
        for chrom, start, end in regions
    ]
    return f"regions: [{', '.join(rules)}]"


def _excludable(spread: Spread, setting: Setting) -> str:
    """Return the line that leaves out chromosomes without data, "" where they hold many windows."""
    gone = [*spread.lacking, *spread.silent]
    share = float(spread.windows["chrom"].isin(gone).mean())
    if spread.partial or not gone or share > _FEW_WINDOWS or setting.spec.genes.recipe == "paper":
        return ""
    before = [name for name in setting.spec.genes.exclude_chromosomes if name in setting.sizes]
    names = ", ".join([*before, *gone])
    return f"'exclude_chromosomes: [{names}]' under 'genes'"


def _islands(
    blocks: pd.DataFrame, empty: pd.DataFrame, spans: pd.DataFrame, *, gap: int
) -> pd.DataFrame:
    """Return the islands of each chromosome: one from its first to its last block of data.

    Only where over 20 % of the windows between those hold nothing, wide gaps part islands: sparse
    tracks (peaks, read ends) have gaps of their own.
    """
    columns = ["chrom", "start", "end"]
    if blocks.empty:
        return blocks[columns]
    whole = blocks.groupby("chrom", sort=False).agg(start=("start", "min"), end=("end", "max"))
    whole = whole.reset_index()[columns]
    between = spans[overlapping(spans, whole)]["chrom"].value_counts()
    lost = empty[overlapping(empty, whole)]["chrom"].value_counts()
    parted = {chrom for chrom, n in lost.items() if n > _MOST_EMPTY * between[chrom]}
    apart = blocks[blocks["chrom"].isin(parted)]
    joined = [whole[~whole["chrom"].isin(parted)]]
    if len(apart):
        joined.append(bioframe.merge(apart[columns], min_dist=gap)[columns])
    return pd.concat(joined, ignore_index=True)
