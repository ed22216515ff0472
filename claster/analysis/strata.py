"""Groups of genes that are scored apart, calibration, and the genes that are predicted worst."""

from collections.abc import Iterator
from dataclasses import dataclass

import bioframe
import numpy as np
import pandas as pd

from claster.analysis.bootstrap import Resamples, intervals

STRATA = ("expression", "gene length", "nearest gene", "chromosome")
"""What genes are grouped by."""

_PARTS = 4
_BANDS = 20


@dataclass(frozen=True)
class Stratum:
    """Some of the genes.

    Parameters
    ----------
    by
        One of `STRATA`.
    name
        Which group: its number and the values that it holds, or the chromosome.
    genes
        bool, shape (genes,).
    """

    by: str
    name: str
    genes: np.ndarray


def strata_of(
    genes: pd.DataFrame, annotation: pd.DataFrame, expression: np.ndarray
) -> Iterator[Stratum]:
    """Yield quarters of the genes by expression, length and distance to the next gene; chromosomes.

    Quarters are cut at quantiles over the genes; where quantiles are equal there are fewer groups. A
    gene without another one on its chromosome is in no group of distance.

    Parameters
    ----------
    genes
        Columns `gene_id`, `chrom`, `start`, `end`.
    annotation
        All genes that can be neighbours, same columns.
    expression
        Observed mean signal over each gene (reads), shape (genes,).
    """
    length = (genes["end"] - genes["start"]).to_numpy() / 1000
    gap = _gap_to_nearest_gene(genes, annotation) / 1000
    measures = {"expression": (expression, "reads"), "gene length": (length, "kb")}
    measures["nearest gene"] = (gap, "kb")
    for by, (values, unit) in measures.items():
        yield from _quarters(by, values, unit)
    for chrom in pd.unique(genes["chrom"]):
        yield Stratum("chromosome", str(chrom), (genes["chrom"] == chrom).to_numpy())


def _gap_to_nearest_gene(genes: pd.DataFrame, annotation: pd.DataFrame) -> np.ndarray:
    """Return the distance from each gene's body to that of the nearest other gene.

    Returns float64, bp, shape (genes,); 0 where they overlap or touch, NaN without another gene
    on the chromosome.
    """
    columns = ["chrom", "start", "end", "gene_id"]
    near = bioframe.closest(
        genes[columns].reset_index(drop=True),
        annotation[columns],
        k=2,
        suffixes=("", "_other"),
        return_input=True,
        return_index=True,
    )
    others = near[near["gene_id"] != near["gene_id_other"]].dropna(subset=["gene_id_other"])
    gap = others.groupby("index")["distance"].min().astype(np.float64)
    return gap.reindex(range(len(genes))).to_numpy()


def calibration(
    observed: np.ndarray, predicted: np.ndarray, counted: np.ndarray, resamples: Resamples
) -> pd.DataFrame:
    """Return the mean observed signal of bins that are predicted alike.

    The points that count are ordered by prediction and cut into 20 bands of about equal number (equal
    predictions stay together).

    Parameters
    ----------
    observed, predicted
        Signal on one scale, shape (genes, bins).
    resamples
        Resamples of the genes' blocks.

    Returns
    -------
    pandas.DataFrame
        One row a band: `band` (from 1), `predicted` and `observed` (means), `low` and `high` (95 %
        interval of `observed`), `n` (points).
    """
    x, y = observed[counted], predicted[counted]
    edges = np.unique(np.quantile(y, np.linspace(0, 1, _BANDS + 1)[1:-1]))
    band = np.searchsorted(edges, y, side="right")
    gene = np.nonzero(counted)[0]
    number = len(edges) + 1
    cell = gene * number + band
    sums = [
        np.bincount(cell, weights, minlength=len(observed) * number) for weights in (None, x, y)
    ]
    per_block = resamples.block_sums(np.stack(sums, -1).reshape(len(observed), number, 3))
    n, total_x, total_y = np.moveaxis(per_block.sum(axis=0), -1, 0)
    drawn = resamples.draw(per_block)
    means = np.divide(
        drawn[..., 1], drawn[..., 0], out=np.full(drawn.shape[:2], np.nan), where=drawn[..., 0] > 0
    )
    kept = n > 0
    held = per_block[..., 0]
    blocks = np.divide(n * n, (held * held).sum(axis=0), out=np.zeros(number), where=n > 0)
    low, high = intervals(means.T, blocks)
    table = pd.DataFrame(
        {
            "predicted": total_y[kept] / n[kept],
            "observed": total_x[kept] / n[kept],
            "low": low[kept],
            "high": high[kept],
            "n": n[kept].astype(int),
        }
    )
    table.insert(0, "band", range(1, len(table) + 1))
    return table


def gene_errors(
    genes: pd.DataFrame,
    observed: np.ndarray,
    predicted: np.ndarray,
    *,
    observed_mean: np.ndarray,
    predicted_mean: np.ndarray,
) -> pd.DataFrame:
    """Return how well each gene is predicted, the worst first.

    Parameters
    ----------
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end`, `strand`, `tss`.
    observed, predicted
        log2(x + 1), shape (genes, bins).
    observed_mean, predicted_mean
        Mean signal over each gene (reads), shape (genes,).

    Returns
    -------
    pandas.DataFrame
        The columns of `genes`, `observed` and `predicted` (reads, means over the gene), `error`
        (difference of their log2(x + 1)), `rmse` (over the window's bins, log2(x + 1)) and `worst`
        (rank by `rmse`, from 1), in that order.
    """
    columns = ["gene_id", "name", "chrom", "start", "end", "strand", "tss"]
    table = genes[columns].assign(
        observed=observed_mean,
        predicted=predicted_mean,
        error=np.log2(predicted_mean + 1) - np.log2(observed_mean + 1),
        rmse=np.sqrt(np.mean((predicted - observed) ** 2, axis=1)),
    )
    table = table.sort_values(["rmse", "gene_id"], ascending=[False, True], ignore_index=True)
    return table.assign(worst=np.arange(1, len(table) + 1))


def _quarters(by: str, values: np.ndarray, unit: str) -> Iterator[Stratum]:
    known = np.isfinite(values)
    if not known.any():
        return
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _PARTS + 1)[1:-1]))
    part = np.where(known, np.searchsorted(edges, values, side="right"), -1)
    present = [number for number in range(len(edges) + 1) if (part == number).any()]
    for rank, number in enumerate(present, start=1):
        chosen = part == number
        low, high = values[chosen].min(), values[chosen].max()
        yield Stratum(by, f"{rank} of {len(present)} ({low:.3g} to {high:.3g} {unit})", chosen)
