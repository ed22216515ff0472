"""Inactive background of a window, to put in place of an element."""

from collections.abc import Sequence

import numpy as np

from claster.analysis.perturbation.spans import Span

__all__ = ["find_background"]


def find_background(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, annotated: np.ndarray
) -> int | None:
    """Return where the background of an interval begins, taken from the same window.

    It is the nearest block of as many bins as the interval touches, none of them annotated or of the
    interval itself, whose mean is, in each of the tracks, at most the median over all such blocks of the
    window. The nearer one has less distance between the blocks' first bins; of two the left one counts.

    Parameters
    ----------
    signal
        Shape (tracks, bins).
    rows
        The tracks that count.
    span
        The interval.
    annotated
        Whether a bin holds an annotated element or a TSS, shape (bins,).

    Returns
    -------
    int or None
        First bin of the block; None where the window has none.
    """
    width = len(span.shares)
    taken = annotated.copy()
    taken[span.bins] = True
    free = _sums(taken[np.newaxis].astype(np.float64), width)[0] == 0
    if not free.any():
        return None
    sums = _sums(signal[list(rows)].astype(np.float64), width)
    medians = np.median(sums[:, free], axis=1, keepdims=True)
    quiet = np.flatnonzero(free & (sums <= medians).all(axis=0))
    if not quiet.size:
        return None
    return int(quiet[np.abs(quiet - span.first).argmin()])


def _sums(values: np.ndarray, width: int) -> np.ndarray:
    """Return the sum of every run of `width` bins, shape (rows, bins - width + 1)."""
    totals = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    return totals[:, width:] - totals[:, :-width]
