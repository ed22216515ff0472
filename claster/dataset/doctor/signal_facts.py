"""What a bigWig holds, from its header, zoom levels and sampled places, and how it lies to genes."""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from claster.dataset.scale import spread_evenly
from claster.genome.regions import overlapping
from claster.signal.bigwig import BigWig, open_reader, reading

_SPOTS = 100
_SPOT_REACH = 20_000
_RECORDS_A_SPOT = 3000
_UNZOOMED_BYTES = 200_000_000

_REACH = 10_000
_GENES = 400
_FEWEST_GENES = 40
_FEWEST_WITH_SIGNAL = 10
_CAP = 0.95
_AT = 2.0
_WITHIN = 1.4


@dataclass(frozen=True)
class SignalFacts:
    """What a bigWig holds.

    Attributes
    ----------
    low, high
        Lowest and highest value of the whole file, from its header.
    mean
        Mean over the bases with a value, from the header; not finite where a NaN spoils it.
    bases
        Number of bases with a value, from the header.
    blocks
        `chrom` (the assembly's names), `start`, `end` (0-based half-open): where values other than 0 are, as
        fine as a zoom level tells.
    values, widths
        Sampled intervals as they are stored: their value and width in bp.
    """

    low: float
    high: float
    mean: float
    bases: int
    blocks: pd.DataFrame
    values: np.ndarray
    widths: np.ndarray

    @property
    def is_finite(self) -> bool:
        """Tell whether no NaN or infinite value was met, in the header's sum or the sample."""
        return math.isfinite(self.mean) and bool(np.isfinite(self.values).all())

    @property
    def grid(self) -> int:
        """Greatest common divisor of the sampled widths in bp, 0 where nothing was sampled.

        Rare widths do not count: the last interval of a chromosome may be cut short.
        """
        widths, counts = np.unique(self.widths, return_counts=True)
        common = widths[counts > 0.001 * counts.sum()]
        return math.gcd(*(int(width) for width in common)) if common.size else 0

    def share(self, chosen: np.ndarray) -> float:
        """Return the share of the sampled bases whose interval is `chosen` (bool, as `values`)."""
        return float(self.widths[chosen].sum() / self.widths.sum()) if self.widths.size else 0.0


def read_signal_facts(
    path: Path | str, names: Mapping[str, str], centres: pd.DataFrame, *, width: int, named: str
) -> SignalFacts:
    """Look into a bigWig without reading it through.

    Parameters
    ----------
    names
        The file's name of each chromosome to look at, by the assembly's name.
    centres
        `chrom` and `tss` (0-based) of the windows' centres; intervals are sampled there.
    width
        Width of a window in bp; `blocks` are at least 20 times finer where the zoom levels allow.
    named
        What the user calls the file.
    """
    reader, _ = open_reader(path, named=named)
    with reading(path, named=named):
        summary = reader.info()["summary"]
        ranges = pd.DataFrame(
            [
                (chrom, *row)
                for chrom, name in names.items()
                for row in _ranges(reader, name, width // 20)
            ],
            columns=["chrom", "start", "end", "low", "high"],
        )
        silent = (ranges["low"] == 0) & (ranges["high"] == 0)
        blocks = ranges.loc[~silent, ["chrom", "start", "end"]].reset_index(drop=True)
        sampled = [
            record
            for chrom, tss in _with_data(centres[centres["chrom"].isin(names.keys())], blocks)[
                ["chrom", "tss"]
            ].itertuples(index=False)
            for record in _records(reader, names[chrom], tss)
        ]
        reader.close()
    starts, ends, values = zip(*sampled, strict=True) if sampled else ((), (), ())
    return SignalFacts(
        low=float(summary["min"]),
        high=_highest(float(summary["max"]), ranges),
        mean=float(summary["mean"]) if summary["basesCovered"] else 0.0,
        bases=int(summary["basesCovered"]),
        blocks=blocks,
        values=np.array(values, dtype=float),
        widths=np.array(ends, dtype=int) - np.array(starts, dtype=int),
    )


def _highest(stated: float, ranges: pd.DataFrame) -> float:
    """Return the highest value; pyBigWig states the smallest float for a file of negative values."""
    if stated != sys.float_info.min or ranges.empty:
        return stated
    return float(ranges["high"].max())


def _ranges(
    reader: Any,  # noqa: ANN401
    name: str,
    finest: int,
) -> Iterator[tuple[int, int, float, float]]:
    """Yield start, end, lowest and highest value along a chromosome, by zoom level.

    Without a level that is fine enough the intervals themselves are read, and a file that is too large
    for that is taken to have signal everywhere.
    """
    size = reader.chroms(name)
    levels = [level for level in reader.zooms() if level <= finest] or reader.zooms()[:1]
    if levels and levels[-1] <= 20 * finest:
        for start, end, found in reader.zoom_records(levels[-1], name):
            yield int(start), min(int(end), size), found["min_val"], found["max_val"]
    elif reader.info()["primaryDataSize"] <= _UNZOOMED_BYTES:
        for start, end, value in reader.records(name):
            yield int(start), int(end), value, value
    else:
        yield 0, size, 0.0, 1.0


def _with_data(centres: pd.DataFrame, blocks: pd.DataFrame) -> pd.DataFrame:
    """Return places to sample: centres beside data, otherwise the middles of blocks of data."""
    spots = pd.DataFrame(
        {
            "chrom": centres["chrom"],
            "start": (centres["tss"] - _SPOT_REACH).clip(lower=0),
            "end": centres["tss"] + _SPOT_REACH,
        }
    )
    beside = centres[overlapping(spots, blocks)]
    if beside.empty:
        beside = blocks.assign(tss=(blocks["start"] + blocks["end"]) // 2)
    return spread_evenly(beside, _SPOTS)


def _records(reader: Any, name: str, tss: int) -> list[tuple[int, int, float]]:  # noqa: ANN401
    """Return the intervals around a place; the first and last, which may be cut off there, are left out."""
    start = max(tss - _SPOT_REACH, 0)
    end = min(tss + _SPOT_REACH, reader.chroms(name))
    if start >= end:
        return []
    return list(itertools.islice(reader.records(name, start, end), _RECORDS_A_SPOT))[1:-1]


class PromoterSignal(NamedTuple):
    """How the signal of a file lies to genes.

    Attributes
    ----------
    at
        How many times more of it lies within 1 kb of TSSs than 5 to 10 kb away, on both sides.
    within
        How many times more lies 1 to 10 kb downstream of TSSs than upstream; 1 where fewer than 40 genes
        have signal, which chance decides.
    """

    at: float
    within: float

    @property
    def knows_genes(self) -> bool:
        """Whether either is more than chance: twice, or 1.4 times."""
        return self.at >= _AT or self.within >= _WITHIN


def measure_promoters(
    track: BigWig, centres: pd.DataFrame, *, sign: float
) -> PromoterSignal | None:
    """Return how much of a file's signal lies at and in genes; None where too few genes tell.

    Each is a ratio of means over genes of the mean signal there, each gene's cut at the 95 % quantile of
    all, so that no single peak decides. Measured on real files with the right gene table: `at` is 8 to
    75 for H3K4me3, H3K27ac, DHS and CAGE, 3.4 for PRO-seq, 1.9 for RAD21; `within` is 2.2 for H3K36me3 and
    1.6 for RNA-seq, whose `at` is 0.4 and 1.1. H3K9me3 and CTCF know neither (0.9 to 1.1). With the table
    of another build, `at` is 0.3 to 1.3 for every track, and `within` 0.8 to 1.1.

    Parameters
    ----------
    centres
        Genes whose windows are cut, with `strand`. Of those on the file's chromosomes and apart from others
        (`_lone_starts`) 40 are needed, and 10 with signal.
    sign
        -1.0 for a minus strand that is stored with negative values.
    """
    here = _lone_starts(centres[centres["chrom"].map(track.has).astype(bool)])
    if len(here) < _FEWEST_GENES:
        return None
    signal = np.stack(
        [
            track.bins(chrom, tss - _REACH, bins=20, size=_REACH // 10)[
                :: -1 if strand == "-" else 1
            ]
            for chrom, tss, strand in here[["chrom", "tss", "strand"]].itertuples(index=False)
        ]
    )
    signal = np.maximum(sign * signal, 0.0)
    signal = signal[signal.any(axis=1)]
    if len(signal) < _FEWEST_WITH_SIGNAL:
        return None
    at = _ratio(signal[:, 9:11], np.delete(signal, slice(5, 15), axis=1))
    within = _ratio(signal[:, 11:], signal[:, :9]) if len(signal) >= _FEWEST_GENES else 1.0
    return PromoterSignal(at, within)


def _ratio(here: np.ndarray, there: np.ndarray) -> float:
    """Return mean over mean of genes' means, cut at the 95 % quantile of those of both."""
    means = here.mean(axis=1), there.mean(axis=1)
    cap = np.quantile(np.concatenate(means), _CAP)
    above, below = (float(np.minimum(values, cap).mean()) for values in means)
    if not below:
        return float("inf") if above else 1.0
    return above / below


def _lone_starts(centres: pd.DataFrame) -> pd.DataFrame:
    """Return at most 400 genes without another TSS within 10 kb, evenly spread."""
    ordered = centres.sort_values(["chrom", "tss"])
    same = ordered["chrom"] == ordered["chrom"].shift()
    apart = ~same | (ordered["tss"].diff() > _REACH)
    lone = apart & apart.shift(-1, fill_value=True)
    return spread_evenly(ordered[lone], _GENES)
