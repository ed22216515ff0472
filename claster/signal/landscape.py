"""Landscapes: several tracks in the bins of windows."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from claster.genome.windows import Binning
from claster.signal.intervals import ChromosomeSignal
from claster.signal.means import Summary, window_means
from claster.signal.replicates import TrackReader

__all__ = ["Transform", "landscape", "landscapes", "restored", "transformed"]

Transform = Literal["none", "sqrt", "log1p", "asinh"]


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
        Means or sums a bin; for ``log1p`` not negative.
    transform
        As it is, the root with the sign of x, log(x + 1), or asinh(x).
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
