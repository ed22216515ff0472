"""How well scores tell element-gene links from other pairs, and the simple predictors of links."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import Resamples, intervals
from claster.contacts.maps import PSEUDO, DiagonalMap
from claster.contacts.stripe import StripeMap
from claster.dataset.layout import DatasetFolders, Split, read_arrays
from claster.dataset.spec import DatasetSpec

__all__ = [
    "activity_by_contact",
    "contact_of_pairs",
    "curves",
    "link_areas",
    "power_law",
    "score_links",
]

_MOST_NUMBERS = 20_000_000


def link_areas(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return AUROC and AUPRC under several weightings of the pairs.

    Parameters
    ----------
    positive
        bool, shape (pairs,).
    score
        Larger means more likely a link; equal ones are one threshold, shape (pairs,).
    weights
        How often each pair counts, shape (weightings, pairs).

    Returns
    -------
    auroc, auprc : numpy.ndarray
        Shape (weightings,); NaN where links or other pairs are missing. AUPRC is average precision, the sum
        of precision times the gain of recall over thresholds.

    Examples
    --------
    >>> positive, score = np.array([True, False, True]), np.array([0.9, 0.5, 0.1])
    >>> [values.tolist() for values in link_areas(positive, score, np.ones((1, 3)))]
    [[0.5], [0.8333333333333333]]
    """
    order = np.argsort(-score, kind="stable")
    last = _ends_of_ties(score[order])
    drawn, links = weights[:, order], positive[order]
    true = np.cumsum(drawn * links, axis=1)[:, last]
    false = np.cumsum(drawn * ~links, axis=1)[:, last]
    total, rest = true[:, -1], false[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = np.diff(true, axis=1, prepend=0.0)
        precision = np.where(true > 0, true / (true + false), 0.0)
        auprc = (gained * precision).sum(axis=1) / total
        middle = true - gained / 2
        auroc = (np.diff(false, axis=1, prepend=0.0) * middle).sum(axis=1) / (total * rest)
    return np.where(rest > 0, auroc, np.nan), np.where(total > 0, auprc, np.nan)


def score_links(
    positive: np.ndarray, scores: Mapping[str, np.ndarray], resamples: Resamples
) -> pd.DataFrame:
    """Score several predictors of the same pairs, and each against the first one.

    Parameters
    ----------
    positive
        bool, shape (pairs,).
    scores
        By name; pairs without a score (NaN) come last.
    resamples
        Resamples of the pairs' blocks.

    Returns
    -------
    pandas.DataFrame
        A predictor and metric (``auroc``, ``auprc``) a row: `predictor`, `metric`, `value`, `low`, `high`
        (95 %), `ratio_to` (the first predictor), `ratio`, `ratio_low`, `ratio_high` (paired resamples), `n`,
        `links`.
    """
    blocks = resamples.effective_blocks(positive.astype(float))
    rows: list[dict[str, object]] = []
    first: dict[str, tuple[np.float64, np.ndarray]] = {}
    reference = next(iter(scores))
    for name, score in scores.items():
        ranked = np.where(np.isfinite(score), score, -np.inf)
        values = link_areas(positive, ranked, np.ones((1, len(positive))))
        step = max(_MOST_NUMBERS // max(len(positive), 1), 1)
        drawn = [
            link_areas(positive, ranked, resamples.counts[at : at + step, resamples.block])
            for at in range(0, len(resamples.counts), step)
        ]
        for number, metric in enumerate(("auroc", "auprc")):
            value = values[number][0]
            replicates = np.concatenate([part[number] for part in drawn])
            first.setdefault(metric, (value, replicates))
            ratio = _over(value, first[metric][0])
            ratios = _over(replicates, first[metric][1])
            low, high = intervals(np.stack([replicates, ratios]), np.full(2, blocks))
            rows.append(
                {
                    "predictor": name,
                    "metric": metric,
                    "value": float(value),
                    "low": low[0],
                    "high": high[0],
                    "ratio_to": reference,
                    "ratio": float(ratio),
                    "ratio_low": low[1],
                    "ratio_high": high[1],
                    "n": len(positive),
                    "links": int(positive.sum()),
                }
            )
    return pd.DataFrame(rows)


def curves(positive: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the points of ROC and precision-recall curves, a threshold a row.

    Returns
    -------
    pandas.DataFrame
        `predictor`, `threshold`, `recall`, `precision`, `false_positive_rate`, from the highest threshold
        down.
    """
    tables = []
    for name, score in scores.items():
        ranked = np.where(np.isfinite(score), score, -np.inf)
        order = np.argsort(-ranked, kind="stable")
        last = _ends_of_ties(ranked[order])
        true = np.cumsum(positive[order])[last]
        false = np.cumsum(~positive[order])[last]
        tables.append(
            pd.DataFrame(
                {
                    "predictor": name,
                    "threshold": ranked[order][last],
                    "recall": true / max(true[-1], 1),
                    "precision": true / (true + false),
                    "false_positive_rate": false / max(false[-1], 1),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def _over(value: np.ndarray | np.float64, first: np.ndarray | np.float64) -> np.ndarray:
    """Return the ratio; NaN where the first predictor ranks every link last, its AUROC being 0."""
    undefined = np.full(np.shape(value), np.nan)
    return np.divide(value, first, out=undefined, where=np.asarray(first) > 0)


def _ends_of_ties(ordered: np.ndarray) -> np.ndarray:
    """Return the last place of every run of equal scores."""
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)


_SHORTEST = 5_000
_EXPONENT = 1.024238616787792


def power_law(distance: np.ndarray) -> np.ndarray:
    """Return the contact that a distance in bp leads to: d to the -1.02, nearer ones as 5 kb.

    References
    ----------
    Exponent of the ABC model, https://github.com/broadinstitute/ABC-Enhancer-Gene-Prediction
    """
    return np.maximum(np.abs(distance), _SHORTEST).astype(np.float64) ** -_EXPONENT


def contact_of_pairs(
    pairs: pd.DataFrame, spec: DatasetSpec, folders: DatasetFolders, *, split: Split
) -> tuple[np.ndarray, str]:
    """Return how often element and TSS meet.

    Parameters
    ----------
    pairs
        `gene_id`, `tss`, `distance_bp`.
    spec, folders
        The built dataset.
    split
        Where the genes are.

    Returns
    -------
    contact : numpy.ndarray
        Of ``diagonal`` maps: the pixel of both bins (the mean of the two next to it at an odd separation),
        a ratio to the expected contact times `power_law`, or the frequency where the map holds that. Of a
        ``stripe``: its ratio times `power_law`. `power_law` alone beyond the map, for other kinds of map, and
        without contacts.
    source : str
        ``contact map`` or ``power law``.
    """
    contact = power_law(pairs["distance_bp"].to_numpy())
    shape = spec.contacts_shape if spec.contacts else None
    if spec.contacts is None or not isinstance(shape, DiagonalMap | StripeMap):
        return contact, "power law"
    size = spec.contacts.resolution
    tss = pairs["tss"].to_numpy()
    bins = (tss + pairs["distance_bp"].to_numpy()) // size - tss // size
    for gene, rows in pairs.groupby("gene_id", sort=False).indices.items():
        stored = read_arrays(folders, [str(gene)], split=split, modality="contacts")[0]
        if isinstance(shape, StripeMap):
            ratio = _ratio(stored[0])
            for row in rows:
                if abs(bins[row]) <= shape.half:
                    contact[row] *= ratio[shape.half + bins[row]]
            continue
        values = 10.0**stored if spec.contacts.value == "log10" else _ratio(stored)
        for row in rows:
            near = {int(bins[row]) // 2, -(-int(bins[row]) // 2)}
            cells = [(abs(m), shape.half + m) for m in near if abs(m) < min(shape.rows, shape.half)]
            if not cells:
                continue
            met = float(np.mean([values[cell] for cell in cells]))
            contact[row] = met if spec.contacts.value == "log10" else met * contact[row]
    return contact, "contact map"


def activity_by_contact(pairs: pd.DataFrame, contact: np.ndarray) -> np.ndarray:
    """Return the ABC score: activity times contact, as a share of the sum over the gene's elements.

    Parameters
    ----------
    pairs
        `gene_id` and `activity` (mean H3K27ac of the element), all elements of each gene.
    contact
        Of each pair.

    References
    ----------
    Fulco et al. 2019, doi 10.1038/s41588-019-0538-0. Activity there is the geometric mean of H3K27ac and
    accessibility.

    Examples
    --------
    >>> pairs = pd.DataFrame({"gene_id": ["G", "G"], "activity": [30.0, 10.0]})
    >>> activity_by_contact(pairs, np.array([1.0, 1.0])).tolist()
    [0.75, 0.25]
    """
    product = pairs["activity"].to_numpy() * contact
    total = pd.Series(product).groupby(pairs["gene_id"].to_numpy()).transform("sum").to_numpy()
    return np.divide(product, total, out=np.zeros(len(pairs)), where=total > 0)


def _ratio(stored: np.ndarray) -> np.ndarray:
    """Return observed over expected of a ``log_oe`` map."""
    return np.maximum(2.0 ** stored.astype(np.float64) * (1 + PSEUDO) - PSEUDO, 0.0)
