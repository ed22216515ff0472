"""Landscapes: several tracks in the bins of windows."""

from collections.abc import Sequence

import numpy as np

from claster.genome.windows import Binning
from claster.signal.bigwig import BigWig
from claster.signal.chromosome import ChromosomeSignal
from claster.signal.means import Summary, window_means

__all__ = ["landscape", "landscapes"]


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
    tracks: Sequence[BigWig],
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
