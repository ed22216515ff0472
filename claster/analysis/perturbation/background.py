"""Inactive background of a window, to put in place of an element."""

from collections.abc import Sequence

import numpy as np

from claster.analysis.perturbation.spans import Span

__all__ = ["find_background"]

_NEAR = 200
"""Blocks, one beginning at each bin, that tell what is quiet at a place."""


def find_background(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, annotated: np.ndarray
) -> int | None:
    """Return where the background of an interval begins, taken from the same window.

    It is the nearest block of as many bins as the interval touches, none of them annotated or of the
    interval itself, whose mean is, in each of the tracks, at most the median over the 200 nearest such blocks
    (over twice as many, and so on, where none of them is). So the background of an element in a transcribed
    body is that of the body. The nearer one has less distance between the blocks' first bins; of two the
    left one counts.

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
    blocks = np.flatnonzero(free)
    blocks = blocks[np.argsort(np.abs(blocks - span.first), kind="stable")]
    near = _NEAR
    while True:
        means = sums[:, blocks[:near]]
        quiet = (means <= np.median(means, axis=1, keepdims=True)).all(axis=0)
        if quiet.any():
            return int(blocks[quiet.argmax()])
        if near >= len(blocks):
            return None
        near *= 2


def _sums(values: np.ndarray, width: int) -> np.ndarray:
    """Return the sum of every run of `width` bins, shape (rows, bins - width + 1)."""
    totals = np.concatenate([np.zeros((len(values), 1)), values.cumsum(axis=1)], axis=1)
    return totals[:, width:] - totals[:, :-width]
