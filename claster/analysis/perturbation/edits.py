"""Edits of one landscape: pure functions from signal to signal.

Every function takes `signal`, shape (tracks, bins), mean signal a bin in the unit of the source files,
and `rows`, the numbers of the tracks that change, and returns an array of its own of the same shape and
type. Arithmetic is in float64. A bin that an interval covers by a share is changed by that share, as if
its signal were the same at every base.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from claster.analysis.perturbation.settings import Edges
from claster.genome.windows import Binning


@dataclass(frozen=True)
class Span:
    """Consecutive bins of a window, and the share of each that an interval covers.

    `first` is the number of the first bin from the left end of the window; `shares`, float64, shape (bins,),
    are each above 0 and at most 1.
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
    half, size = binning.half, binning.size
    low, high = min(max(start, -half), half) + half, min(max(end, -half), half) + half
    first = low // size
    lows = np.arange(first, max(-(-high // size), first)) * size
    covered = np.minimum(lows + size, high) - np.maximum(lows, low)
    return Span(first, covered[covered > 0] / size)


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
    """Return the mean of a signal, shape (..., bins), over a span, each of its bins counted by its share."""
    weighted = signal[..., span.bins].astype(np.float64) * span.shares
    return weighted.sum(axis=-1) / span.shares.sum()


def scale(signal: np.ndarray, rows: Sequence[int], span: Span, *, factor: float) -> np.ndarray:
    """Multiply the signal of an interval; the factor 1 changes no bit.

    Examples
    --------
    >>> scale(np.ones((1, 3)), [0], Span(1, np.array([0.5])), factor=3.0).tolist()
    [[1.0, 2.0, 1.0]]
    """
    edited = signal.copy()
    edited[rows, span.bins] *= 1 + span.shares * (factor - 1)
    return edited


def silence(signal: np.ndarray, rows: Sequence[int], span: Span) -> np.ndarray:
    """Set the signal of an interval to 0, as published."""
    return scale(signal, rows, span, factor=0.0)


def _replace(signal: np.ndarray, rows: Sequence[int], span: Span, *, donor: int) -> np.ndarray:
    """Replace the signal of an interval by that of the bins from `donor` on."""
    edited = signal.copy()
    edited[rows, span.bins] = _blended(
        signal[rows, span.bins], signal[rows, donor : donor + len(span.shares)], span
    )
    return edited


def lower(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, donor: int, beside: int
) -> np.ndarray:
    """Replace what an interval holds above background by that of the bins from `donor` on.

    A bin is replaced where the mean of the interval's bins within `beside` bins of it is above the mean of
    all of the background's, track by track. The lower of the two bin by bin would be biased: with equal
    means noise makes it lower than either. An interval of at most 2 * `beside` bins is replaced whole, as
    by `_replace`.

    Examples
    --------
    >>> signal = np.array([[1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 9.0, 9.0]])
    >>> lower(signal, [0], Span(4, np.ones(4)), donor=0, beside=1).tolist()
    [[1.0, 1.0, 1.0, 1.0, 0.5, 1.0, 1.0, 1.0]]
    """
    edited = _replace(signal, rows, span, donor=donor)
    bins = len(span.shares)
    if bins <= 2 * beside:
        return edited
    before = signal[rows, span.bins].astype(np.float64)
    sums = np.concatenate([np.zeros((len(rows), 1)), before.cumsum(axis=1)], axis=1)
    first = np.maximum(np.arange(bins) - beside, 0)
    last = np.minimum(np.arange(bins) + beside + 1, bins)
    around = (sums[:, last] - sums[:, first]) / (last - first)
    background = signal[rows, donor : donor + bins].mean(axis=1, keepdims=True, dtype=np.float64)
    edited[rows, span.bins] = np.where(
        around > background, edited[rows, span.bins], signal[rows, span.bins]
    )
    return edited


def repress(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, gain_row: int, gain: float
) -> np.ndarray:
    """Silence an interval and raise a repressive mark there to `gain`, where it is not higher already.

    The track of the mark, `gain_row`, is not silenced even where `rows` names it.
    """
    edited = silence(signal, [row for row in rows if row != gain_row], span)
    before = signal[gain_row, span.bins]
    edited[gain_row, span.bins] = _blended(before, np.maximum(before, gain), span)
    return edited


def shift(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, bins: int, donor: int
) -> np.ndarray:
    """Move the signal of whole bins to the right, to the left if `bins` is negative.

    What it leaves is filled from the bins from `donor` on, what it meets is lost.

    Raises
    ------
    ValueError
        If the interval would leave the window.
    """
    edited = _replace(signal, rows, span, donor=donor)
    return insert(edited, rows, span.first + bins, piece=signal[rows, span.bins])


def swap(signal: np.ndarray, rows: Sequence[int], left: Span, right: Span) -> np.ndarray:
    """Exchange the signal of two intervals of whole bins; what lies between them moves as needed.

    Raises
    ------
    ValueError
        If `left` does not end before `right` begins.

    Examples
    --------
    >>> left, right = Span(0, np.ones(2)), Span(3, np.ones(1))
    >>> swap(np.array([[1.0, 2.0, 3.0, 4.0]]), [0], left, right).tolist()
    [[4.0, 3.0, 1.0, 2.0]]
    """
    if left.bins.stop > right.first:
        raise ValueError("the left interval must end before the right one begins")
    between = slice(left.bins.stop, right.first)
    edited = signal.copy()
    edited[rows, left.first : right.bins.stop] = np.concatenate(
        [signal[rows, part] for part in (right.bins, between, left.bins)], axis=1
    )
    return edited


def flip(signal: np.ndarray, rows: Sequence[int], span: Span) -> np.ndarray:
    """Reverse whole bins; twice is the identity."""
    edited = signal.copy()
    edited[rows, span.bins] = signal[rows, span.bins][:, ::-1]
    return edited


def insert(signal: np.ndarray, rows: Sequence[int], first: int, *, piece: np.ndarray) -> np.ndarray:
    """Write a piece of another locus over the bins from `first` on.

    Parameters
    ----------
    signal, rows
        The window and its tracks that change.
    first
        First bin, from the left end of the window.
    piece
        Signal, shape (rows, bins of the piece).

    Raises
    ------
    ValueError
        If the piece does not lie whole inside the window.
    """
    last = first + piece.shape[1]
    if not 0 <= first <= last <= signal.shape[1]:
        raise ValueError(f"bins {first} to {last} are not whole inside {signal.shape[1]} bins")
    edited = signal.copy()
    edited[rows, first:last] = piece
    return edited


def shuffle(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, rng: np.random.Generator
) -> np.ndarray:
    """Bring whole bins into a random order, the same in every track."""
    edited = signal.copy()
    edited[rows, span.bins] = signal[rows, span.bins][:, rng.permutation(len(span.shares))]
    return edited


def _blended(before: np.ndarray, after: np.ndarray, span: Span) -> np.ndarray:
    return before * (1 - span.shares) + after * span.shares
