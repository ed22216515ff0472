"""Landscapes: several tracks in the bins of windows."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from claster.genome.windows import Binning
from claster.signal.intervals import ChromosomeSignal, Summary, window_means
from claster.signal.replicates import TrackReader

Transform = Literal["none", "sqrt", "log1p", "log1p_10x", "asinh"]


def rescaled(signal: np.ndarray, pairs: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return signal as another data set has it, by pairs of a value here and the same value there.

    Between two pairs, and beyond the first and the last, y = a x^b. So one pair is a factor, and two are
    the two anchors, background and peaks, of S3norm (Xiang et al., Nucleic Acids Research 48:e43, 2020).

    Parameters
    ----------
    signal
        Any shape; values up to 0 become 0.
    pairs
        Both rise.

    Examples
    --------
    >>> rescaled(np.array([0.0, 1.0, 2.0, 4.0]), [(1, 1), (2, 4)]).round(9).tolist()
    [0.0, 1.0, 4.0, 16.0]
    >>> rescaled(np.array([1.0, 2.0]), [(4, 2)]).tolist()
    [0.5, 1.0]
    """
    x, y = np.log(np.asarray(pairs, dtype=float)).T
    slopes = np.diff(y) / np.diff(x) if len(x) > 1 else np.ones(1)
    level = np.log(signal, out=np.full(signal.shape, -np.inf), where=signal > 0)
    segment = np.clip(np.searchsorted(x, level) - 1, 0, len(slopes) - 1)
    return np.exp(y[segment] + slopes[segment] * (level - x[segment]))


def transformed(
    signal: np.ndarray,
    transform: Transform,
    *,
    floor: float | None = None,
    clip: float | None = None,
    divisor: float = 1.0,
) -> np.ndarray:
    """Return signal on the scale that is stored.

    Parameters
    ----------
    signal
        Means or sums a bin; for logarithms not negative.
    transform
        As it is, the root with the sign of x, log(x + 1), log(10 x + 1), or asinh(x).
    floor
        Smaller values are set to 0 first.
    clip
        Larger values are set to this.
    divisor
        Then values are divided by this.
    """
    if floor is not None:
        signal = np.where(signal < floor, 0, signal)
    if clip is not None:
        signal = np.minimum(signal, clip)
    if divisor != 1:
        signal = signal / divisor
    match transform:
        case "sqrt":
            return np.copysign(np.sqrt(np.abs(signal)), signal)
        case "log1p":
            return np.log1p(signal)
        case "log1p_10x":
            return np.log1p(10 * signal)
        case "asinh":
            return np.arcsinh(signal)
        case "none":
            return signal


def restored(stored: np.ndarray, transform: Transform, *, divisor: float = 1.0) -> np.ndarray:
    """Return stored values as signal: the inverse of `transformed`, but for its floor and clip.

    Examples
    --------
    >>> restored(transformed(np.array([0.0, 3.0]), "log1p"), "log1p").tolist()
    [0.0, 3.0]
    """
    match transform:
        case "sqrt":
            signal = stored * np.abs(stored)
        case "log1p":
            signal = np.expm1(stored)
        case "log1p_10x":
            signal = np.expm1(stored) / 10
        case "asinh":
            signal = np.sinh(stored)
        case "none":
            signal = stored
    return signal if divisor == 1 else signal * divisor


def landscapes(
    signals: Sequence[ChromosomeSignal],
    tsss: np.ndarray,
    *,
    binning: Binning,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the tracks around many TSSs of one chromosome in genome orientation.

    Parameters
    ----------
    signals
        The chromosome in each track, one a row.
    tsss
        0-based, shape (genes,).
    binning
        The bins; bin ``i`` is ``[tss - half + i * size, +size)``.
    summary
        See `window_means`.

    Returns
    -------
    numpy.ndarray
        float32, shape (genes, tracks, bins), negative means set to 0 as published.
    """
    starts = np.asarray(tsss, dtype=np.int64) - binning.half
    array = np.empty((starts.size, len(signals), binning.bins), np.float32)
    for row, signal in enumerate(signals):
        means = window_means(signal, starts, bins=binning.bins, size=binning.size, summary=summary)
        np.maximum(means, 0.0, out=array[:, row], casting="same_kind")
    return array


def landscape(
    tracks: Sequence[TrackReader],
    chrom: str,
    tss: int,
    *,
    binning: Binning,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the tracks around one TSS in genome orientation: what `landscapes` gives, bit for bit.

    Parameters
    ----------
    tracks
        Open bigWig files, one a row.
    chrom, tss
        The assembly's chromosome and the TSS (0-based).
    binning, summary
        See `landscapes`.

    Returns
    -------
    numpy.ndarray
        float32, shape (tracks, bins), negative means set to 0 as published.
    """
    signals = [track.signal(chrom, span=binning.span(tss)) for track in tracks]
    return landscapes(signals, np.array([tss]), binning=binning, summary=summary)[0]
