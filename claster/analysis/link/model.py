"""The link model: a logistic model and monotone trees, calibrated, in a file of readable JSON."""

import itertools
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field, ValidationError
from scipy.special import expit

from claster.analysis.link.features import FEATURES, OPTIONAL
from claster.analysis.statistics import RECALL
from claster.errors import ClasterError
from claster.settings import Record
from claster.text import read_text

DEFAULT_MODEL = Path(__file__).with_name("k562.json")

_PENALTY = 0.05
_TREES = {
    "max_iter": 200,
    "learning_rate": 0.06,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 20,
    "l2_regularization": 5.0,
    "max_features": 0.3,
    "early_stopping": False,
    "random_state": 0,
}
_STEEPEST = 1e-6


class _Tree(Record):
    """A tree by node: `feature` is -1 in a leaf, whose `value` is added; up to `threshold` goes `left`."""

    feature: tuple[int, ...]
    threshold: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    unknown_left: tuple[bool, ...]
    value: tuple[float, ...]


class _Calibration(Record):
    """What log odds mean, by pairs of chromosomes that the model had not seen.

    The probability is 1 / (1 + exp(-(slope x log odds + shift))); 70 % of regulated pairs are at or above
    `threshold`, and a share `precision` of the pairs there are regulated.
    """

    slope: float
    shift: float
    threshold: float
    precision: float

    def probability(self, log_odds: np.ndarray) -> np.ndarray:
        """Return the probability that silencing the element lowers the gene, shape (pairs,)."""
        return expit(self.slope * log_odds + self.shift)


class LinkModel(Record):
    """A trained model of links (format version 1).

    Attributes
    ----------
    features
        Columns of `link_features` that it reads, in this order.
    mean, weight, intercept
        The logistic model: log odds are `intercept` and `weight` times (feature - `mean`), added up; what is
        unknown adds nothing.
    start, trees
        The trees: log odds are `start` and the values of the leaves that a pair reaches, added up. Those of
        the pair are the mean of both.
    calibrations
        One for each set of optional features that may be known, by their names joined by ``,``.
    trained_on
        The table of pairs, by name.
    """

    format: Literal[1] = 1
    features: tuple[str, ...]
    mean: tuple[float, ...]
    weight: tuple[float, ...]
    intercept: float
    start: float
    calibrations: dict[str, _Calibration] = Field(default_factory=dict)
    trained_on: str = ""
    pairs: int = 0
    regulated: int = 0
    trees: tuple[_Tree, ...]

    @classmethod
    def read(cls, path: Path | str) -> "LinkModel":
        """Read a model.

        Raises
        ------
        ClasterError
            If the file is missing, no model of this version, or its trees do not hold together.
        """
        remedy = "train one with 'claster link --pairs', or leave --model out"
        text = read_text(path, named="link model", remedy=remedy)
        try:
            model = cls.model_validate_json(text)
        except ValidationError as error:
            raise ClasterError(f"{path} is no link model of this version", remedy=remedy) from error
        if strange := set(model.features) - (FEATURES.keys() | OPTIONAL.keys()):
            raise ClasterError(f"{path} reads an unknown feature {min(strange)!r}", remedy=remedy)
        size = len(model.features)
        whole = len(model.mean) == len(model.weight) == size and model.calibrations.keys() == {
            ",".join(known) for known in subsets(model.features)
        }
        if not whole or not all(_holds(tree, size) for tree in model.trees):
            raise ClasterError(f"{path} holds weights or trees that do not fit", remedy=remedy)
        return model

    def log_odds(self, features: pd.DataFrame) -> np.ndarray:
        """Return the log odds before calibration, shape (pairs,); columns that are unknown are NaN."""
        values = features[list(self.features)].to_numpy(dtype=float)
        total = np.full(len(values), self.start + self.intercept)
        for tree in self.trees:
            total += _reach(tree, values)
        for column, mean, weight in zip(values.T, self.mean, self.weight, strict=True):
            total += np.where(np.isnan(column), 0.0, weight * (column - mean))
        return total / 2

    def calibration(self, given: Collection[str]) -> _Calibration:
        """Return the calibration for optional features; refuse one that the model was trained without."""
        if lacking := sorted(set(given) - set(self.features)):
            raise ClasterError(
                f"the model was trained without the feature {lacking[0]!r}",
                remedy="leave its option out, or train a model with it",
            )
        return self.calibrations[",".join(name for name in OPTIONAL if name in given)]


def subsets(features: Iterable[str]) -> list[tuple[str, ...]]:
    """Return all sets of the optional features among some, the empty one first.

    Examples
    --------
    >>> subsets(["distance", "ubiquitous"])
    [(), ('ubiquitous',)]
    """
    held = set(features)
    optional = [name for name in OPTIONAL if name in held]
    return [
        some for size in range(len(optional) + 1) for some in itertools.combinations(optional, size)
    ]


def fit_links(features: pd.DataFrame, regulated: np.ndarray) -> LinkModel:
    """Fit a logistic model, and boosted trees in which features push the way that is known of them.

    Optional features that are unknown for all pairs are left out. Each pair is shown with and without the
    others, so that the model answers where they are unknown. It is not calibrated yet.

    Parameters
    ----------
    features
        From `link_features`.
    regulated
        bool, shape (pairs,).
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression

    known = [name for name in OPTIONAL if features[name].notna().any()]
    names = [*FEATURES, *known]
    signs = [*FEATURES.values(), *(OPTIONAL[name] for name in known)]
    values = features[names].to_numpy(dtype=float)
    shown = []
    for seen in subsets(names):
        hidden = [at for at, name in enumerate(names) if name in OPTIONAL and name not in seen]
        copy = values.copy()
        copy[:, hidden] = np.nan
        shown.append(copy)
    settings = _TREES | {"min_samples_leaf": _TREES["min_samples_leaf"] * len(shown)}
    every, truth = np.concatenate(shown), np.tile(regulated, len(shown))
    mean, spread = np.nanmean(values, axis=0), np.nanstd(values, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    weighing = LogisticRegression(C=_PENALTY / len(shown), max_iter=1_000)
    weighing.fit(np.nan_to_num((every - mean) / spread), truth)
    fitted = HistGradientBoostingClassifier(monotonic_cst=signs, **settings).fit(every, truth)
    # scikit-learn has no public way to the trees; a test compares the answers of both.
    trees = tuple(_tree(made.nodes) for (made,) in fitted._predictors)
    start = float(fitted._baseline_prediction[0, 0])
    return LinkModel(
        features=tuple(names),
        mean=tuple(mean.tolist()),
        weight=tuple((weighing.coef_[0] / spread).tolist()),
        intercept=float(weighing.intercept_[0]),
        start=start,
        trees=trees,
    )


def fit_calibration(log_odds: np.ndarray, regulated: np.ndarray) -> _Calibration:
    """Fit Platt's calibration (1999), its slope above 0, and the threshold at 70 % recall."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6).fit(log_odds[:, np.newaxis], regulated)
    slope, shift = max(float(fitted.coef_[0, 0]), _STEEPEST), float(fitted.intercept_[0])
    threshold, precision = recall_threshold(regulated, expit(slope * log_odds + shift))
    return _Calibration(slope=slope, shift=shift, threshold=threshold, precision=precision)


def recall_threshold(
    regulated: np.ndarray, score: np.ndarray, *, recall: float = RECALL
) -> tuple[float, float]:
    """Return the highest threshold that finds a share of the regulated pairs, and the precision there.

    Examples
    --------
    >>> recall_threshold(np.array([True, False, True]), np.array([0.9, 0.5, 0.1]), recall=0.5)
    (0.9, 1.0)
    """
    ordered = np.sort(score[regulated])[::-1]
    needed = max(int(np.ceil(recall * len(ordered) - 1e-9)), 1)
    threshold = float(ordered[needed - 1])
    return threshold, float(regulated[score >= threshold].mean())


def _tree(nodes: np.ndarray) -> _Tree:
    leaf = nodes["is_leaf"].astype(bool)
    return _Tree(
        feature=tuple(np.where(leaf, -1, nodes["feature_idx"]).tolist()),
        threshold=tuple(np.where(leaf, 0.0, nodes["num_threshold"]).tolist()),
        left=tuple(np.where(leaf, 0, nodes["left"]).tolist()),
        right=tuple(np.where(leaf, 0, nodes["right"]).tolist()),
        unknown_left=tuple((nodes["missing_go_to_left"].astype(bool) & ~leaf).tolist()),
        value=tuple(np.where(leaf, nodes["value"], 0.0).tolist()),
    )


def _holds(tree: _Tree, features: int) -> bool:
    """Tell whether each node leads to later ones of the tree, and reads a feature that is there."""
    size = len(tree.feature)
    columns = (tree.threshold, tree.left, tree.right, tree.unknown_left, tree.value)
    inner = [node for node in range(size) if tree.feature[node] != -1]
    return (
        size > 0
        and all(len(column) == size for column in columns)
        and all(0 <= tree.feature[node] < features for node in inner)
        and all(node < tree.left[node] < size and node < tree.right[node] < size for node in inner)
    )


def _reach(tree: _Tree, values: np.ndarray) -> np.ndarray:
    """Return the value of the leaf that each row reaches."""
    feature, threshold = np.array(tree.feature), np.array(tree.threshold)
    left, right = np.array(tree.left), np.array(tree.right)
    unknown, value = np.array(tree.unknown_left), np.array(tree.value)
    node = np.zeros(len(values), dtype=int)
    rows = np.arange(len(values))[feature[node] >= 0]
    while rows.size:
        here = node[rows]
        seen = values[rows, feature[here]]
        goes_left = np.where(np.isnan(seen), unknown[here], seen <= threshold[here])
        node[rows] = np.where(goes_left, left[here], right[here])
        rows = rows[feature[node[rows]] >= 0]
    return value[node]
