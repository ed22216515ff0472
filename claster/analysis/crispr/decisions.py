"""Yes-or-no predictions of enhancer-gene pairs, with thresholds from elsewhere."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from claster.analysis.statistics import curves

__all__ = ["best_threshold", "decide", "decided_elsewhere", "first_of_element"]


def best_threshold(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold with the largest F1; pairs at or above it count as links.

    Examples
    --------
    >>> best_threshold(np.array([True, True, False]), np.array([3.0, 2.0, 1.0]))
    2.0
    """
    points = curves(positive, {"score": score})
    precision, recall = points["precision"], points["recall"]
    f1 = 2 * precision * recall / (precision + recall).where(precision + recall > 0, 1.0)
    return float(points["threshold"].iloc[int(f1.argmax())])


def decided_elsewhere(positive: np.ndarray, score: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Decide each pair by the threshold that is best on the pairs of all other folds.

    Parameters
    ----------
    positive
        bool, shape (pairs,).
    score
        Larger means more likely a link.
    fold
        Name of each pair's fold, its chromosome.

    Returns
    -------
    numpy.ndarray
        float64, 1 or 0; NaN where the other folds hold no link.
    """
    decided = np.full(len(positive), np.nan)
    for name in pd.unique(fold):
        here = fold == name
        if positive[~here].any():
            decided[here] = score[here] >= best_threshold(positive[~here], score[~here])
    return decided


def first_of_element(pairs: pd.DataFrame, score: np.ndarray) -> np.ndarray:
    """Tell of each pair whether its gene is the one with the largest score of its element's genes.

    Parameters
    ----------
    pairs
        `element_id`, all genes near each element.
    score
        Of each pair; of equal ones the first counts.
    """
    first = pd.Series(score).groupby(pairs["element_id"].to_numpy()).idxmax()
    return np.isin(np.arange(len(pairs)), first)


def decide(
    positive: np.ndarray,
    scores: Mapping[str, np.ndarray],
    fold: np.ndarray,
    answers: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Score yes-or-no predictions.

    Parameters
    ----------
    positive
        bool, shape (pairs,).
    scores
        Predictors that need a threshold.
    fold
        Fold of each pair; with one fold there is no threshold from elsewhere.
    answers
        Predictors that need none, bool.

    Returns
    -------
    pandas.DataFrame
        A predictor a row: `predictor`, `n`, `precision`, `recall`, `f1`, `accuracy`; of pairs that are
        decided.
    """
    decided = {name: decided_elsewhere(positive, score, fold) for name, score in scores.items()}
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
