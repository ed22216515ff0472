"""Correlations, and how well scores tell links from other pairs, with intervals from resampled blocks."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from claster.analysis.bootstrap import Resamples, intervals, ratio


def pearson(x: np.ndarray, y: np.ndarray) -> float:
    """Return the linear correlation; NaN where one of both is constant, or there are fewer than 2 points.

    Examples
    --------
    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]))
    1.0
    """
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    # numpy's pairwise sums, not a BLAS product: the same bytes for any number of threads.
    x = x - x.mean()
    y = y - y.mean()
    r = (x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum())
    return float(np.clip(r, -1, 1))


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Return the rank correlation, equal values sharing their mean rank; NaN as `pearson`."""
    return pearson(rankdata(x), rankdata(y))


def with_interval(
    measure: Callable[..., float], *columns: np.ndarray, resamples: Resamples
) -> tuple[float, float, float]:
    """Return a measure of columns and its 95 % interval, blocks of rows drawn together.

    Parameters
    ----------
    measure
        Takes the columns. A difference of two measures has a paired interval.
    columns
        Each of shape (rows,).
    resamples
        Resamples of the rows' blocks.
    """
    counts = resamples.counts[:, resamples.block].astype(int)
    replicates = np.array(
        [measure(*(column.repeat(drawn) for column in columns)) for drawn in counts]
    )
    blocks = resamples.effective_blocks(np.ones(len(columns[0])))
    low, high = intervals(replicates[np.newaxis], blocks)
    return measure(*columns), float(low[0]), float(high[0])


_MOST_NUMBERS = 20_000_000


def _link_areas(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return AUROC and AUPRC under several weightings of the pairs.

    Returns auroc and auprc, shape (weightings,); NaN where links or other pairs are missing. AUPRC
    is average precision, the sum of precision times the gain of recall over thresholds.

    Examples
    --------
    >>> positive, score = np.array([True, False, True]), np.array([0.9, 0.5, 0.1])
    >>> [values.tolist() for values in _link_areas(positive, score, np.ones((1, 3)))]
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


def _precision_at_recall(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray, *, recall: float
) -> np.ndarray:
    """Return the precision at the highest threshold that finds so many links; as `_link_areas`.

    Examples
    --------
    >>> positive, score = np.array([True, False, True]), np.array([0.9, 0.5, 0.1])
    >>> _precision_at_recall(positive, score, np.ones((1, 3)), recall=0.5).tolist()
    [1.0]
    """
    order = np.argsort(-score, kind="stable")
    last = _ends_of_ties(score[order])
    drawn, links = weights[:, order], positive[order]
    true = np.cumsum(drawn * links, axis=1)[:, last]
    called = np.cumsum(drawn, axis=1)[:, last]
    # Weights are whole numbers, shares of their sum are not.
    enough = np.argmax(true >= recall * true[:, -1:] - 1e-9, axis=1)[:, np.newaxis]
    found, of = (np.take_along_axis(values, enough, axis=1)[:, 0] for values in (true, called))
    return np.divide(found, of, out=np.full(len(of), np.nan), where=true[:, -1] > 0)


def score_links(
    positive: np.ndarray,
    scores: Mapping[str, np.ndarray],
    resamples: Resamples,
    *,
    recall: float | None = None,
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
    recall
        Where precision is told too; None: nowhere.

    Returns
    -------
    pandas.DataFrame
        A predictor and metric (``auroc``, ``auprc``, ``precision_at_recall``) a row: `predictor`, `metric`,
        `value`, `low`, `high` (95 %), `ratio_to` (the first predictor), `ratio`, `ratio_low`, `ratio_high`
        (paired resamples), `n`, `links`.
    """

    def measured(ranked: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
        areas = _link_areas(positive, ranked, weights)
        if recall is None:
            return areas
        return *areas, _precision_at_recall(positive, ranked, weights, recall=recall)

    blocks = resamples.effective_blocks(positive.astype(float))
    metrics = ["auroc", "auprc"] + (["precision_at_recall"] if recall is not None else [])
    rows: list[dict[str, object]] = []
    first: dict[str, tuple[np.float64, np.ndarray]] = {}
    reference = next(iter(scores))
    for name, score in scores.items():
        ranked = np.where(np.isfinite(score), score, -np.inf)
        values = measured(ranked, np.ones((1, len(positive))))
        step = max(_MOST_NUMBERS // max(len(positive), 1), 1)
        drawn = [
            measured(ranked, resamples.counts[at : at + step, resamples.block])
            for at in range(0, len(resamples.counts), step)
        ]
        for number, metric in enumerate(metrics):
            value = values[number][0]
            replicates = np.concatenate([part[number] for part in drawn])
            first.setdefault(metric, (value, replicates))
            over = ratio(value, first[metric][0])
            ratios = ratio(replicates, first[metric][1])
            low, high = intervals(np.stack([replicates, ratios]), blocks)
            rows.append(
                {
                    "predictor": name,
                    "metric": metric,
                    "value": float(value),
                    "low": low[0],
                    "high": high[0],
                    "ratio_to": reference,
                    "ratio": float(over),
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


def _ends_of_ties(ordered: np.ndarray) -> np.ndarray:
    """Return the last place of every run of equal scores."""
    return np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
