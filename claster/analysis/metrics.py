"""Values that are scored: signal of bins and of genes, and their correlation on log2(x + 1)."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.integrate import simpson

from claster.analysis.statistics import pearson, spearman
from claster.errors import ClasterError
from claster.genome.windows import Binning


class _Correlations(NamedTuple):
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
            remedy="correct or remake the table that holds them",
        )
    if values.size and values.min() < 0:
        raise ClasterError(
            f"{named}: {np.count_nonzero(values < 0)} of {values.size} values are negative, the"
            f" smallest {values.min():g}",
            remedy="clip predictions at 0; give a negative strand file its sign in the dataset",
        )
    return np.log2(values + 1)


def correlations(observed: np.ndarray, predicted: np.ndarray) -> _Correlations:
    """Return Pearson and Spearman correlation on log2(x + 1), all points pooled.

    Parameters
    ----------
    observed, predicted
        Non-negative signal of the same shape: (genes, bins) for the bin level, (genes,) for the
        gene level. Every value is one point.

    Returns
    -------
    _Correlations
        NaN where either side does not vary or there are fewer than two points.

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative, or the shapes differ.
    """
    x, y = _points(observed, predicted)
    return _Correlations(pearson(x, y), spearman(x, y), x.size)


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
    return _weighted(profiles, gene_weights(genes, binning))


def paper_gene_values(profiles: np.ndarray, genes: pd.DataFrame, binning: Binning) -> np.ndarray:
    """Return the published gene-level value: Simpson's integral over whole bins, by their number.

    Parameters are those of `gene_means`. With n whole bins the integral spans n - 1 of them and is
    divided by n, so that a constant profile of 1 gives (n - 1) / n, and a gene of one bin gives 0.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes,), in the unit of `profiles`.
    """
    return _weighted(profiles, paper_gene_weights(genes, binning))


def gene_weights(genes: pd.DataFrame, binning: Binning) -> np.ndarray:
    """Return the share of each gene that lies in each bin of its window.

    Parameters and errors are those of `gene_means`.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, bins); each row sums to 1.
    """
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
    return covered / covered.sum(axis=1, keepdims=True)


def paper_gene_weights(genes: pd.DataFrame, binning: Binning) -> np.ndarray:
    """Return the weight of each bin in the published gene-level value, shape (genes, bins).

    Start and end of the gene relative to its TSS are divided by the bin size and rounded; the bins
    from the first number (with the middle bin as 0) up to, but not with, the last one are integrated
    with Simpson's rule at distance 1 and divided by their number. A gene without a whole bin has 0.

    Parameters are those of `gene_means`.

    References
    ----------
    Pielies Avelli et al., Genome Biology 2026, doi 10.1186/s13059-026-03992-5 (data analysis).
    """
    first, last = (
        (np.rint((genes[column] - genes["tss"]) / binning.size).astype(int) + binning.bins // 2)
        .clip(0, binning.bins)
        .to_numpy()
        for column in ("start", "end")
    )
    counts = (last - first).clip(min=0)
    weights = np.zeros((len(genes), binning.bins))
    for count in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == count)
        rule = simpson(np.eye(count), axis=0) / count
        weights[rows[:, np.newaxis], first[rows, np.newaxis] + np.arange(count)] = rule
    return weights


def _weighted(profiles: np.ndarray, weights: np.ndarray) -> np.ndarray:
    profiles = np.asarray(profiles)
    if profiles.shape != weights.shape:
        raise ValueError(f"profiles of shape {weights.shape} needed, found {profiles.shape}")
    return (profiles * weights).sum(axis=1, dtype=np.float64)


def _points(observed: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if np.shape(observed) != np.shape(predicted):
        raise ClasterError(
            f"observed values of shape {np.shape(observed)}, predicted ones {np.shape(predicted)}",
            remedy="give both for the same genes and bins",
        )
    x = log_signal(observed, named="observed signal").ravel()
    return x, log_signal(predicted, named="predicted signal").ravel()
