"""Means of a chromosome's signal in the bins of many windows."""

from typing import Literal

import numpy as np

from claster.signal.intervals import ChromosomeSignal

__all__ = ["Summary", "window_means"]

Summary = Literal["mean_all", "mean_covered"]


def window_means(
    signal: ChromosomeSignal,
    starts: np.ndarray,
    *,
    bins: int,
    size: int,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the signal's mean in the consecutive bins of many windows.

    Parameters
    ----------
    signal
        A chromosome (`read_chromosome`), decoded at least where the windows lie.
    starts
        First base of each window, 0-based, shape (windows,); windows may reach off the chromosome.
    bins, size
        Number of bins of a window and their width in bp.
    summary
        ``mean_all``: over all bases of the bin, bases without data count 0.
        ``mean_covered``: over the bases with data (UCSC's mean), 0 where there are none.

    Returns
    -------
    numpy.ndarray
        float64, shape (windows, bins); bases outside the chromosome hold no data.

    Raises
    ------
    ValueError
        If a window needs bases that were not decoded.

    Notes
    -----
    Each interval's value times its overlap is added to its bin, nothing is subtracted: the relative error
    of a bin of values of one sign is below the number of its intervals times 1.1e-16. Sums that run along the
    chromosome would lose up to ten digits after a high peak.
    """
    from claster.signal import kernels

    starts = np.ascontiguousarray(starts, dtype=np.int64)
    low, high = np.maximum(starts, 0), np.minimum(starts + bins * size, signal.size)
    outside = (low < high) & ((low < signal.span[0]) | (high > signal.span[1]))
    if outside.any():
        raise ValueError(
            f"the window at {signal.chrom}:{starts[outside][0]:,} leaves what was read, "
            f"{signal.span[0]:,}-{signal.span[1]:,}"
        )
    means = np.empty((starts.size, bins))
    kernels.sum_windows(
        signal.starts, signal.ends, signal.values, starts, size, summary == "mean_covered", means
    )
    return means
