"""Attribution of a gene's mean to the elements around it."""

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import describe_pairs, pair_elements
from claster.analysis.perturbation.spans import covered_bins
from claster.errors import ClasterError
from claster.genome.windows import Binning

__all__ = ["element_pairs", "score_elements"]

_COLUMNS = [
    "gene_id",
    "gene_name",
    "chrom",
    "tss",
    "strand",
    "element_id",
    "element_start",
    "element_end",
    "distance_bp",
    "gene_distance_bp",
    "width_bp",
    "genes_between",
]


def element_pairs(
    genes: pd.DataFrame, elements: pd.DataFrame, everyone: pd.DataFrame, *, reach: int
) -> pd.DataFrame:
    """Return gene and element a row, with the columns that `claster perturb` names them by.

    Parameters
    ----------
    genes
        Those that are explained.
    elements
        See `read_candidates`.
    everyone
        All genes that may lie between.
    reach
        An element counts when it lies whole within this many bp of the TSS.

    Raises
    ------
    ClasterError
        If there is no such pair.
    """
    pairs = pair_elements(genes, elements, reach=reach)
    if pairs.empty:
        raise ClasterError(
            f"none of {len(elements):,} elements lies whole within {reach:,} bp of one of "
            f"{len(genes):,} TSSs",
            remedy="provide elements on the chromosomes of that split, or choose another --split",
        )
    return describe_pairs(pairs, everyone).rename(
        columns={
            "start": "element_start",
            "end": "element_end",
            "distance": "distance_bp",
            "gene_distance": "gene_distance_bp",
            "width": "width_bp",
        }
    )[_COLUMNS]


def score_elements(
    pairs: pd.DataFrame, values: np.ndarray, binning: Binning, *, condition: str
) -> pd.DataFrame:
    """Sum attributions over the elements of one gene, edge bins counted by the share covered.

    Parameters
    ----------
    pairs
        See `element_pairs`; those of one gene.
    values
        Attribution of its mean, shape (tracks, bins), in genome orientation.
    binning
        The bins.
    condition
        What is predicted, for its column.

    Returns
    -------
    pandas.DataFrame
        `pairs` with `condition`, `score` (sum of absolute values over tracks and bins) and `signed`.
    """
    scores, signed = [], []
    for row in pairs.itertuples():
        span = covered_bins(row.element_start - row.tss, row.element_end - row.tss, binning)
        covered = values[:, span.bins]
        scores.append(float((np.abs(covered) * span.shares).sum()))
        signed.append(float((covered * span.shares).sum()))
    return pairs.assign(condition=condition, score=scores, signed=signed)
