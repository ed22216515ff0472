"""Edits of one landscape: pure functions from signal to signal.

Every function takes `signal`, shape (tracks, bins), mean signal a bin in the unit of the source files,
and `rows`, the numbers of the tracks that change, and returns an array of its own of the same shape and
type. Arithmetic is in float64. A bin that an interval covers by a share is changed by that share, as if
its signal were the same at every base.
"""

from collections.abc import Sequence

import numpy as np

from claster.analysis.perturbation.spans import Span

__all__ = ["flip", "insert", "replace", "repress", "scale", "shift", "shuffle", "silence", "swap"]


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


def replace(signal: np.ndarray, rows: Sequence[int], span: Span, *, donor: int) -> np.ndarray:
    """Replace the signal of an interval by that of the bins from `donor` on.

    Examples
    --------
    >>> replace(np.array([[1.0, 2.0, 9.0]]), [0], Span(2, np.array([0.5])), donor=0).tolist()
    [[1.0, 2.0, 5.0]]
    """
    edited = signal.copy()
    edited[rows, span.bins] = _blended(
        signal[rows, span.bins], signal[rows, donor : donor + len(span.shares)], span
    )
    return edited


def repress(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, gain_row: int, gain: float
) -> np.ndarray:
    """Silence an interval and raise a repressive mark there to `gain`, where it is not higher already.

    Parameters
    ----------
    signal, rows, span
        As for `silence`; `gain_row` is not silenced even where `rows` names it.
    gain_row
        Track of the repressive mark.
    gain
        Signal that the mark gets.
    """
    edited = silence(signal, [row for row in rows if row != gain_row], span)
    before = signal[gain_row, span.bins]
    edited[gain_row, span.bins] = _blended(before, np.maximum(before, gain), span)
    return edited


def shift(
    signal: np.ndarray, rows: Sequence[int], span: Span, *, bins: int, donor: int
) -> np.ndarray:
    """Move the signal of whole bins; what it leaves is filled from `donor`, what it meets is lost.

    Parameters
    ----------
    signal, rows, span
        The bins that move (`whole_bins`).
    bins
        How far, in bins, to the right if positive; the interval stays inside the window.
    donor
        First of the bins that fill the place left.

    Raises
    ------
    ValueError
        If the interval would leave the window.
    """
    edited = replace(signal, rows, span, donor=donor)
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
