"""Landscapes: several tracks in the bins of one window."""

from collections.abc import Sequence

import numpy as np

from claster.genome.windows import Binning
from claster.signal.bigwig import BigWig, Summary

__all__ = ["landscape"]


def landscape(
    tracks: Sequence[BigWig],
    chrom: str,
    tss: int,
    *,
    binning: Binning,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the tracks around a TSS in genome orientation.

    Parameters
    ----------
    tracks
        Open bigWig files, one a row.
    chrom, tss
        The assembly's chromosome and the TSS (0-based).
    binning
        The bins; bin ``i`` is ``[tss - half + i * size, +size)``.
    summary
        See `BigWig.bins`.

    Returns
    -------
    numpy.ndarray
        float32, shape (tracks, bins), negative means set to 0 as published.
    """
    start, _ = binning.span(tss)
    rows = [
        track.bins(chrom, start, bins=binning.bins, size=binning.size, summary=summary)
        for track in tracks
    ]
    return np.maximum(np.stack(rows), 0.0).astype(np.float32)
