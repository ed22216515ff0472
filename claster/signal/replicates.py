"""One track from several bigWig files: replicates, averaged base by base."""

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np

from claster.signal.bigwig import BigWig
from claster.signal.intervals import ChromosomeSignal, Summary, window_means


class Replicates:
    """Open bigWig files of one assay that are read as one track: their weighted mean at every base.

    Parameters
    ----------
    weights
        One number above 0 a file; only their ratios count.
    summary
        What a base without data in some of the files is (`_average_signals`).
    """

    def __init__(
        self, files: Sequence[BigWig], weights: Sequence[float], summary: Summary = "mean_all"
    ) -> None:
        self._files = tuple(files)
        self.path, self.named = files[0].path, files[0].named
        self._weights = tuple(weights)
        self._summary: Summary = summary

    def has(self, chrom: str) -> bool:
        """Tell whether every file holds the chromosome."""
        return all(file.has(chrom) for file in self._files)

    def signal(
        self,
        chrom: str,
        *,
        span: tuple[int, int] | None = None,
        threads: Executor | None = None,
    ) -> ChromosomeSignal:
        """Return the mean track of a chromosome, or of what reaches into a stretch (`BigWig.signal`)."""
        signals = [file.signal(chrom, span=span, threads=threads) for file in self._files]
        return _average_signals(signals, self._weights, summary=self._summary)

    def bins(
        self, chrom: str, start: int, *, bins: int, size: int, summary: Summary = "mean_all"
    ) -> np.ndarray:
        """Return the mean track in consecutive bins, float64, shape (bins,) (`BigWig.bins`)."""
        signal = self.signal(chrom, span=(start, start + bins * size))
        return window_means(signal, np.array([start]), bins=bins, size=size, summary=summary)[0]


TrackReader = BigWig | Replicates
"""What a row of the landscape is read from."""


def _average_signals(
    signals: Sequence[ChromosomeSignal], weights: Sequence[float], *, summary: Summary
) -> ChromosomeSignal:
    """Return the weighted mean of several signals of one stretch.

    Returns float32 values on the intervals between all starts and ends.
    """
    position = np.result_type(*(signal.starts.dtype for signal in signals))
    edges = np.unique(np.concatenate([e for s in signals for e in (s.starts, s.ends)]))
    total = np.zeros(max(len(edges) - 1, 0))
    held = np.zeros_like(total)
    for signal, weight in zip(signals, weights, strict=True):
        found = np.searchsorted(signal.starts, edges[:-1], side="right") - 1
        covered = found >= 0
        covered[covered] = signal.ends[found[covered]] > edges[:-1][covered]
        total[covered] += weight * signal.values[found[covered]].astype(np.float64)
        held[covered] += weight
    data = held > 0
    whole = float(sum(weights)) if summary == "mean_all" else held[data]
    return replace(
        signals[0],
        starts=edges[:-1][data].astype(position, copy=False),
        ends=edges[1:][data].astype(position, copy=False),
        values=(total[data] / whole).astype(np.float32),
        span=(max(s.span[0] for s in signals), min(s.span[1] for s in signals)),
    )
