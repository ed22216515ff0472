"""Which bins of a window an interval covers, and by what share."""

from dataclasses import dataclass

import numpy as np

from claster.analysis.perturbation.settings import Edges
from claster.genome.windows import Binning

__all__ = ["Span", "covered_bins", "span_mean", "whole_bins"]


@dataclass(frozen=True)
class Span:
    """Consecutive bins of a window, and the share of each that an interval covers.

    Attributes
    ----------
    first
        Number of the first bin, from the left end of the window.
    shares
        float64, shape (bins,), each above 0 and at most 1.
    """

    first: int
    shares: np.ndarray

    @property
    def bins(self) -> slice:
        """The bins, from the left end of the window."""
        return slice(self.first, self.first + len(self.shares))


def covered_bins(start: int, end: int, binning: Binning, *, edges: Edges = "exact") -> Span:
    """Return the bins that an interval covers.

    Parameters
    ----------
    start, end
        0-based half-open, in bp from the window's centre; what lies outside the window is left out.
    binning
        The bins of the window.
    edges
        ``exact``, or ``paper``: bins ``n // 2 + floor(start / size)`` to ``n // 2 + floor(end / size)``,
        the last one included, kept inside the window, each counted whole. That is the published
        arithmetic; it takes bins to begin at the TSS, although one is centred on it.

    Returns
    -------
    Span
        Empty where the interval is outside the window.

    Examples
    --------
    >>> span = covered_bins(-20, 130, Binning(11, 100))
    >>> span.first, span.shares.tolist()
    (5, [0.7, 0.8])
    >>> paper = covered_bins(-20, 130, Binning(11, 100), edges="paper")
    >>> paper.first, paper.shares.tolist()
    (4, [1.0, 1.0, 1.0])
    """
    if edges == "paper":
        middle = binning.bins // 2
        first, last = (
            min(max(middle + position // binning.size, 0), binning.bins - 1)
            for position in (start, end)
        )
        return Span(first, np.ones(last + 1 - first))
    low, high = (min(max(p, -binning.half), binning.half) + binning.half for p in (start, end))
    first = low // binning.size
    lows = np.arange(first, max(-(-high // binning.size), first)) * binning.size
    covered = np.minimum(lows + binning.size, high) - np.maximum(lows, low)
    return Span(first, covered[covered > 0] / binning.size)


def whole_bins(start: int, end: int, binning: Binning, *, edges: Edges = "exact") -> Span:
    """Return the bins nearest to an interval, each counted whole.

    Edits that move signal take whole bins, so that no value is mixed with another: with ``exact`` each
    edge goes to the nearest bin edge (upwards from the middle of a bin), and at least one bin is taken.
    Parameters and ``paper`` are those of `covered_bins`.

    Examples
    --------
    >>> span = whole_bins(-20, 130, Binning(11, 100))
    >>> span.bins, span.shares.tolist()
    (slice(5, 7, None), [1.0, 1.0])
    """
    if edges == "paper":
        return covered_bins(start, end, binning, edges=edges)
    first, last = (
        (position + binning.half + binning.size // 2) // binning.size for position in (start, end)
    )
    first = min(max(first, 0), binning.bins - 1)
    return Span(first, np.ones(max(min(last, binning.bins) - first, 1)))


def span_mean(signal: np.ndarray, span: Span) -> np.ndarray:
    """Return the mean over the interval of a span, each bin counted by its share.

    Parameters
    ----------
    signal
        Shape (..., bins).
    span
        At least one bin.

    Returns
    -------
    numpy.ndarray
        float64, shape of `signal` without the last axis.
    """
    weighted = signal[..., span.bins].astype(np.float64) * span.shares
    return weighted.sum(axis=-1) / span.shares.sum()
