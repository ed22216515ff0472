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
    """Return a measure of columns of shape (rows,), and its 95 % interval, blocks of rows drawn together.

    A measure that is a difference of two has a paired interval.
    """
    counts = resamples.counts[:, resamples.block].astype(int)
    replicates = np.array(
        [measure(*(column.repeat(drawn) for column in columns)) for drawn in counts]
    )
    blocks = resamples.effective_blocks(np.ones(len(columns[0])))
    low, high = intervals(replicates[np.newaxis], blocks)
    return measure(*columns), float(low[0]), float(high[0])


_MOST_NUMBERS = 20_000_000

RECALL = 0.7
"""Recall at which precision is told, as the CRISPR benchmark does."""


def _by_threshold(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return thresholds, the highest first, and how many links and other pairs lie at or above each.

    Both have shape (weightings, thresholds). Pairs without a score (NaN) come last.
    """
    ranked = np.where(np.isfinite(score), score, -np.inf)
    order = np.argsort(-ranked, kind="stable")
    ordered, links, drawn = ranked[order], positive[order], weights[:, order]
    last = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(ordered) - 1)
    true, false = (np.cumsum(drawn * part, axis=1)[:, last] for part in (links, ~links))
    return ordered[last], true, false


def _link_metrics(
    positive: np.ndarray, score: np.ndarray, weights: np.ndarray, *, recall: float | None = None
) -> dict[str, np.ndarray]:
    """Return AUROC, AUPRC and, at a recall, precision under several weightings of the pairs.

    Each has shape (weightings,); NaN where links or other pairs are missing. AUPRC is average precision, the
    sum of precision times the gain of recall over thresholds; ``precision_at_recall`` is that of the highest
    threshold that finds so many links.

    Examples
    --------
    >>> positive, score = np.array([True, False, True]), np.array([0.9, 0.5, 0.1])
    >>> found = _link_metrics(positive, score, np.ones((1, 3)), recall=0.5)
    >>> [values.tolist() for values in found.values()]
    [[0.5], [0.8333333333333333], [1.0]]
    """
    _, true, false = _by_threshold(positive, score, weights)
    total, rest = true[:, -1], false[:, -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        gained = np.diff(true, axis=1, prepend=0.0)
        precision = np.where(true > 0, true / (true + false), 0.0)
        auprc = (gained * precision).sum(axis=1) / total
        middle = true - gained / 2
        auroc = (np.diff(false, axis=1, prepend=0.0) * middle).sum(axis=1) / (total * rest)
    found = {
        "auroc": np.where(rest > 0, auroc, np.nan),
        "auprc": np.where(total > 0, auprc, np.nan),
    }
    if recall is not None:
        # Weights are whole numbers, shares of their sum are not.
        enough = np.argmax(true >= recall * true[:, -1:] - 1e-9, axis=1)[:, np.newaxis]
        at = np.take_along_axis(precision, enough, axis=1)[:, 0]
        found["precision_at_recall"] = np.where(total > 0, at, np.nan)
    return found


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
    recall
        Where precision is told too; None: nowhere.

    Returns
    -------
    pandas.DataFrame
        A predictor and metric (``auroc``, ``auprc``, ``precision_at_recall``) a row: `predictor`, `metric`,
        `value`, `low`, `high` (95 %), `ratio_to` (the first predictor), `ratio`, `ratio_low`, `ratio_high`
        (paired resamples), `n`, `links`.
    """
    blocks = resamples.effective_blocks(positive.astype(float))
    step = max(_MOST_NUMBERS // max(len(positive), 1), 1)
    rows: list[dict[str, object]] = []
    first: dict[str, tuple[np.float64, np.ndarray]] = {}
    reference = next(iter(scores))
    for name, score in scores.items():
        values = _link_metrics(positive, score, np.ones((1, len(positive))), recall=recall)
        drawn = [
            _link_metrics(
                positive, score, resamples.counts[at : at + step, resamples.block], recall=recall
            )
            for at in range(0, len(resamples.counts), step)
        ]
        for metric, (value,) in values.items():
            replicates = np.concatenate([part[metric] for part in drawn])
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


def score_groups(
    positive: np.ndarray,
    scores: Mapping[str, np.ndarray],
    groups: Mapping[str, np.ndarray],
    resamples: Resamples,
    *,
    recall: float | None = None,
) -> dict[str, pd.DataFrame]:
    """Score groups of pairs (bool, shape (pairs,)) as `score_links`, but those of one kind of pair."""
    return {
        name: score_links(
            positive[rows],
            {key: values[rows] for key, values in scores.items()},
            resamples.of(rows),
            recall=recall,
        )
        for name, rows in groups.items()
        if positive[rows].any() and not positive[rows].all()
    }


def curves(positive: np.ndarray, scores: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the points of ROC and precision-recall curves, a threshold a row, from the highest down.

    Columns are `predictor`, `threshold`, `recall`, `precision` and `false_positive_rate`.
    """
    tables = []
    for name, score in scores.items():
        threshold, (true,), (false,) = _by_threshold(positive, score, np.ones((1, len(positive))))
        points = {
            "predictor": name,
            "threshold": threshold,
            "recall": true / max(true[-1], 1),
            "precision": true / (true + false),
            "false_positive_rate": false / max(false[-1], 1),
        }
        tables.append(pd.DataFrame(points))
    return pd.concat(tables, ignore_index=True)


def decide(
    positive: np.ndarray,
    scores: Mapping[str, np.ndarray],
    fold: np.ndarray,
    answers: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Score yes-or-no predictions, a predictor a row.

    Parameters
    ----------
    scores
        Predictors that need a threshold; that of a fold is the best one of the other folds.
    answers
        Predictors that need none, bool.

    Returns
    -------
    pandas.DataFrame
        `predictor`, `n`, `precision`, `recall`, `f1`, `accuracy`; of pairs that are decided.
    """
    decided = {name: _decided_elsewhere(positive, score, fold) for name, score in scores.items()}
    decided |= {name: answer.astype(np.float64) for name, answer in answers.items()}
    rows = []
    for name, answer in decided.items():
        known = np.isfinite(answer)
        yes, links = answer[known] == 1, positive[known]
        both = int((yes & links).sum())
        rows.append(
            {
                "predictor": name,
                "n": int(known.sum()),
                "precision": both / yes.sum() if yes.any() else np.nan,
                "recall": both / links.sum() if links.any() else np.nan,
                "f1": 2 * both / (yes.sum() + links.sum()) if (yes | links).any() else np.nan,
                "accuracy": float((yes == links).mean()) if known.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _best_threshold(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold with the largest F1; pairs at or above it count as links.

    Examples
    --------
    >>> _best_threshold(np.array([True, True, False]), np.array([3.0, 2.0, 1.0]))
    2.0
    """
    points = curves(positive, {"score": score})
    precision, recall = points["precision"], points["recall"]
    f1 = 2 * precision * recall / (precision + recall).where(precision + recall > 0, 1.0)
    return float(points["threshold"].iloc[int(f1.argmax())])


def _decided_elsewhere(positive: np.ndarray, score: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Return 1 or 0 by the threshold that is best on all other folds; NaN where these hold no link."""
    decided = np.full(len(positive), np.nan)
    for name in pd.unique(fold):
        here = fold == name
        if positive[~here].any():
            decided[here] = score[here] >= _best_threshold(positive[~here], score[~here])
    return decided
