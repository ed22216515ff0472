"""How much an edit changes what is predicted of a gene."""

import numpy as np

from claster.analysis.perturbation.spans import covered_bins, span_mean
from claster.genome.windows import Binning

__all__ = ["gene_signal", "log_effect", "measured_bases"]


def gene_signal(
    profiles: np.ndarray, start: int, end: int, *, centre: int, binning: Binning
) -> np.ndarray:
    """Return the mean predicted signal of a gene's body, edge bins counted by the share covered.

    Parameters
    ----------
    profiles
        Predicted signal, shape (..., bins), in genome orientation; what is below 0 counts as 0, as in
        predictions.
    start, end
        The gene, 0-based half-open; what lies outside the target window is left out.
    centre
        The window's centre.
    binning
        The bins of the target window.

    Returns
    -------
    numpy.ndarray
        float64, shape of `profiles` without its last axis.

    Raises
    ------
    ValueError
        If the gene has no base inside the window.
    """
    span = covered_bins(start - centre, end - centre, binning)
    if not span.shares.size:
        raise ValueError("the gene has no base inside the target window")
    return span_mean(np.maximum(profiles, 0), span)


def measured_bases(start: int, end: int, *, centre: int, binning: Binning) -> int:
    """Return how many bases of a gene lie inside the target window."""
    low, high = binning.span(centre)
    return max(min(end, high) - max(start, low), 0)


def log_effect(
    perturbed: np.ndarray | float, baseline: np.ndarray | float, *, pseudocount: float
) -> np.ndarray:
    """Return log2((perturbed + c) / (baseline + c)), 0 where both are equal.

    Examples
    --------
    >>> log_effect(np.array([1.0, 7.0]), 3.0, pseudocount=1.0).tolist()
    [-1.0, 1.0]
    """
    ratio = (np.asarray(perturbed) + pseudocount) / (np.asarray(baseline) + pseudocount)
    return np.log2(ratio)
