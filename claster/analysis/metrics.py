"""Agreement of predicted with observed transcription, over bins and over genes.

Everything is scored on log2(x + 1) of non-negative signal, as published. Only forward samples are
scored: a rev sample is the same gene mirrored, and counting it would count each gene twice.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from claster.errors import ClasterError
from claster.genome.windows import Binning

__all__ = ["SCALE", "Correlations", "correlations", "fitted_slope", "gene_means", "log_signal"]

SCALE = "log2(x+1)"


@dataclass(frozen=True)
class Correlations:
    """Pearson and Spearman correlation of `n` points; NaN where they are undefined."""

    pearson: float
    spearman: float
    n: int


def log_signal(signal: np.ndarray, *, named: str = "the signal") -> np.ndarray:
    """Return log2(x + 1) of non-negative signal.

    Parameters
    ----------
    signal
        Values of any shape, 0 or more.
    named
        What the values are, for the message.

    Returns
    -------
    numpy.ndarray
        float64, the shape of `signal`.

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative.
    """
    values = np.asarray(signal, dtype=np.float64)
    if not np.isfinite(values).all():
        raise ClasterError(
            f"{named}: {np.count_nonzero(~np.isfinite(values))} of {values.size} values are missing"
            " or infinite",
            remedy="mend or remake the table that holds them",
        )
    if values.size and values.min() < 0:
        raise ClasterError(
            f"{named}: {np.count_nonzero(values < 0)} of {values.size} values are negative, the"
            f" smallest {values.min():g}",
            remedy="clip predictions at 0; give a negative strand file its sign in the dataset",
        )
    return np.log2(values + 1)


def correlations(observed: np.ndarray, predicted: np.ndarray) -> Correlations:
    """Return Pearson and Spearman correlation on log2(x + 1), all points pooled.

    Parameters
    ----------
    observed, predicted
        Non-negative signal of the same shape: (genes, bins) for the bin level, (genes,) for the
        gene level. Every value is one point.

    Returns
    -------
    Correlations
        NaN where either side does not vary or there are fewer than two points.

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative, or the shapes differ.
    """
    x, y = _points(observed, predicted)
    return Correlations(_pearson(x, y), _pearson(rankdata(x), rankdata(y)), x.size)


def fitted_slope(observed: np.ndarray, predicted: np.ndarray) -> float:
    """Return the least-squares slope of predicted on observed log2(x + 1); NaN where undefined.

    Parameters and errors are those of `correlations`.
    """
    x, y = _points(observed, predicted)
    if x.size < 2 or np.ptp(x) == 0:
        return float("nan")
    x = x - x.mean()
    return float((x * y).sum() / (x * x).sum())


def gene_means(profiles: np.ndarray, genes: pd.DataFrame, binning: Binning) -> np.ndarray:
    """Return the mean signal over each gene, edge bins counted by the share that the gene covers.

    The published gene-level value (Simpson's rule over whole bins, divided by their number) scores
    a gene within one bin as 0; this one does not.

    Parameters
    ----------
    profiles
        Shape (genes, bins), in genome orientation, one row a gene.
    genes
        Columns `gene_id`, `start`, `end` and `tss` in bp (0-based half-open), in the order of
        `profiles`. What lies outside the window is left out.
    binning
        The bins of the target window: bin k is [tss + size * k - size / 2, ... + size).

    Returns
    -------
    numpy.ndarray
        float64, shape (genes,), in the unit of `profiles`.

    Raises
    ------
    ClasterError
        If a gene has no base inside its window.
    """
    profiles = np.asarray(profiles)
    if profiles.shape != (len(genes), binning.bins):
        raise ValueError(
            f"profiles of shape {(len(genes), binning.bins)} needed, found {profiles.shape}"
        )
    start, end = (
        (genes[column] - genes["tss"]).to_numpy().clip(-binning.half, binning.half)[:, np.newaxis]
        for column in ("start", "end")
    )
    outside = (end <= start).ravel()
    if outside.any():
        raise ClasterError(
            f"gene {genes['gene_id'].iloc[outside.argmax()]} has no base within {binning.half} bp"
            " of its TSS",
            remedy="check 'start', 'end' and 'tss' in the gene table",
        )
    edges = binning.edges
    covered = (np.minimum(end, edges[1:]) - np.maximum(start, edges[:-1])).clip(min=0)
    return (profiles * covered).sum(axis=1, dtype=np.float64) / covered.sum(axis=1)


def _points(observed: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(observed) != np.shape(predicted):
        raise ClasterError(
            f"observed values of shape {np.shape(observed)}, predicted ones {np.shape(predicted)}",
            remedy="give both for the same genes and bins",
        )
    x = log_signal(observed, named="observed signal").ravel()
    return x, log_signal(predicted, named="predicted signal").ravel()


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    # numpy's pairwise sums, not a BLAS product: the same bytes for any number of threads.
    x = x - x.mean()
    y = y - y.mean()
    r = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())
    return float(np.clip(r, -1, 1))
