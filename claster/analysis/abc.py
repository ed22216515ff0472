"""Activity by contact as the ABC repository defines it: normalised activity, adjusted contact, score."""

import numpy as np
import pandas as pd

__all__ = ["adjusted_contact", "normalized_signal", "power_law_contact", "score_pairs"]

_SHORTEST = 5_000
_EXPONENT = 1.024238616787792
_SCALE = 5.9594510043736655
_REFERENCE_EXPONENT = 0.87
_REFERENCE_SCALE = -4.80 + 11.63 * _REFERENCE_EXPONENT


def normalized_signal(
    counts: np.ndarray, promoter: np.ndarray, reference: pd.DataFrame, *, column: str
) -> np.ndarray:
    """Return the reference's value at the rank of each element, promoters and others apart.

    Parameters
    ----------
    counts, promoter
        Reads of each element, and whether it is of class promoter, shape (elements,).
    reference
        `EnhancersQNormRef`: `enh_class` (``promoter``, ``nonpromoter``), `rank`, and `column`.
    column
        Such as ``DHS.RPM``.

    Returns
    -------
    numpy.ndarray
        Reads per million of the reference, 0 or more. Ties take their mean rank; ranks beyond the
        reference follow its first or last two points.

    References
    ----------
    https://github.com/broadinstitute/ABC-Enhancer-Gene-Prediction, `run_qnorm`
    """
    normalized = np.zeros(len(counts))
    for name, rows in (("promoter", promoter), ("nonpromoter", ~promoter)):
        if not rows.any():
            continue
        points = reference[reference["enh_class"] == name].sort_values("rank")
        x, y = points["rank"].to_numpy(float), points[column].to_numpy(float)
        rank = rows.sum() - pd.Series(counts[rows]).rank(method="average").to_numpy()
        piece = np.clip(np.searchsorted(x, rank) - 1, 0, len(x) - 2)
        slope = (y[piece + 1] - y[piece]) / (x[piece + 1] - x[piece])
        normalized[rows] = np.maximum(y[piece] + slope * (rank - x[piece]), 0.0)
    return normalized


def power_law_contact(distance: np.ndarray) -> np.ndarray:
    """Return the contact of K562 at a distance in bp; nearer ones count as 5 kb.

    Examples
    --------
    >>> power_law_contact(np.array([0, 5_829])).round(6).tolist()
    [0.063014, 0.053853]
    """
    return np.exp(_SCALE - _EXPONENT * _log_distance(distance))


def adjusted_contact(hic: np.ndarray, distance: np.ndarray) -> np.ndarray:
    """Return Hi-C contact scaled to the reference power law, plus the pseudocount of the distance.

    Parameters
    ----------
    hic, distance
        Contact as ABC reads it from the map, and distance in bp, of each pair.
    """
    near = power_law_contact(distance)
    reference = np.exp(_REFERENCE_SCALE - _REFERENCE_EXPONENT * _log_distance(distance))
    return hic * reference / near + near


def score_pairs(activity: np.ndarray, contact: np.ndarray, genes: np.ndarray) -> np.ndarray:
    """Return activity times contact, as a share of the sum over the gene's pairs; 0 where that is 0.

    Parameters
    ----------
    activity, contact, genes
        Of each pair, all elements within 5 Mb of each gene. ABC's activity is the geometric mean of
        normalised accessibility and H3K27ac.

    References
    ----------
    Fulco et al. 2019, doi 10.1038/s41588-019-0538-0

    Examples
    --------
    >>> score_pairs(np.array([30.0, 10.0]), np.array([1.0, 1.0]), np.array(["G", "G"])).tolist()
    [0.75, 0.25]
    """
    product = activity * contact
    total = pd.Series(product).groupby(np.asarray(genes)).transform("sum").to_numpy()
    return np.divide(product, total, out=np.zeros(len(product)), where=total > 0)


def _log_distance(distance: np.ndarray) -> np.ndarray:
    return np.log(np.maximum(np.abs(distance), _SHORTEST) + 1.0)
