"""How much an edit changes what is predicted of a gene."""

import numpy as np
import pandas as pd

from claster.analysis.perturbation.spans import covered_bins, span_mean
from claster.genome.windows import Binning

__all__ = ["gene_signal", "log_effect", "measured_bases", "measured_regions"]


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


def measured_regions(genes: pd.DataFrame, around_tss: tuple[int, int] | None) -> pd.DataFrame:
    """Return genes with the stretch over which their signal is measured as `start` and `end`.

    Parameters
    ----------
    genes
        `start`, `end`, `strand`, `tss` (0-based half-open).
    around_tss
        bp upstream and downstream of the TSS in the gene's orientation, the TSS's own base among the
        latter; None leaves the gene's body.

    Examples
    --------
    >>> genes = pd.DataFrame({"start": [50, 0], "end": [90, 51], "strand": ["+", "-"], "tss": [50, 50]})
    >>> measured_regions(genes, (2, 3))[["start", "end"]].to_numpy().tolist()
    [[48, 53], [48, 53]]
    """
    if around_tss is None:
        return genes
    upstream, downstream = around_tss
    ahead = (genes["strand"] == "+").to_numpy()
    tss = genes["tss"].to_numpy()
    return genes.assign(
        start=np.where(ahead, tss - upstream, tss + 1 - downstream),
        end=np.where(ahead, tss + downstream, tss + 1 + upstream),
    )


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
