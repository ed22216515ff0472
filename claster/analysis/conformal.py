"""Conformal intervals, cross-fitted by locus, and the share of bins and genes that they hold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import intervals, ratio, require_loci, resample_loci
from claster.analysis.metrics import gene_means
from claster.analysis.tables import Stratum, strata_of
from claster.dataset.spec import DatasetSpec

_FOLDS = 5
_MOST_POINTS = {True: 200_000, False: 3_000}  # trees; a linear program
_SMALLEST_LEAF = 200


def conformal_intervals(
    calibration: tuple[np.ndarray, np.ndarray],
    observed: np.ndarray,
    loci: np.ndarray,
    wanted: tuple[np.ndarray, np.ndarray],
    *,
    level: float,
    trees: bool = True,
) -> tuple[np.ndarray, np.ndarray]:
    """Return intervals by conformalised quantile regression, cross-fitted by locus.

    The quantiles of the residual, given what is known of a prediction, are learned on all loci but those of
    a fold; the fold tells by how much each end must move so that it holds. New points get the mean of the
    folds' quantiles.

    Parameters
    ----------
    calibration, wanted
        Predicted log2(x + 1), shape (points,), and what is known of each prediction, (points, features): of
        points that no network was trained on, and of those that get intervals.
    observed, loci
        Truth, log2(x + 1), and locus of the calibration's points; those of one locus are not independent.
    level
        Share of the points that the interval holds.
    trees
        Whether quantiles come from boosted trees, for bins; else they are linear in what is known, for
        genes, of which there are few.

    Returns
    -------
    low, high : numpy.ndarray
        In reads, 0 or more, shape (wanted points,).

    Raises
    ------
    ClasterError
        With fewer than 10 loci.

    References
    ----------
    Romano, Patterson and Candes, NeurIPS 2019 (conformalised quantile regression, its asymmetric form);
    Barber, Candes, Ramdas and Tibshirani, Annals of Statistics 49:486 (2021; CV+); Dunn, Wasserman and
    Ramdas, JASA 118:2491 (2023; points that come in groups).
    """
    require_loci(
        loci,
        "validation",
        remedy="hold out more of the genome as 'splits.valid', and train again",
    )
    predicted, known = calibration
    locus = np.unique(loci, return_inverse=True)[1]
    residuals = observed - predicted
    tails = ((1 - level) / 2, (1 + level) / 2)
    fold = locus % _FOLDS
    ends: list[list[np.ndarray]] = [[], []]
    scores = np.empty((2, len(residuals)))
    for held in range(_FOLDS):
        there, here = _thinned(fold != held, _MOST_POINTS[trees]), fold == held
        models = [
            _quantile_model(tail, trees=trees).fit(known[there], residuals[there]) for tail in tails
        ]
        low, high = (model.predict(known[here]) for model in models)
        scores[:, here] = low - residuals[here], residuals[here] - high
        for end, model in zip(ends, models, strict=True):
            end.append(model.predict(wanted[1]))
    down, up = (_quantile_of_new(score, locus, tails[1]) for score in scores)
    low, high = np.mean(ends[0], axis=0) - down, np.mean(ends[1], axis=0) + up
    middle = (low + high) / 2  # quantiles that cross meet there
    both = wanted[0] + np.minimum(low, middle), wanted[0] + np.maximum(high, middle)
    lower, upper = (np.maximum(np.exp2(end) - 1, 0.0) for end in both)
    return lower, upper


def _quantile_of_new(scores: np.ndarray, locus: np.ndarray, share: float) -> float:
    """Return what a share of the scores of loci to come lies below.

    Of n independent scores that is the quantile share (n + 1) / n; neighbours are not, so n is how many
    independent ones would tell the share as well, by its variance between loci.
    """
    above = (scores > np.quantile(scores, share)) - (1 - share)
    variance = (np.bincount(locus, above) ** 2).sum() / len(scores) ** 2
    n = np.clip(share * (1 - share) / max(variance, 1e-12), locus.max() + 1, len(scores))
    return float(np.quantile(scores, min(share * (n + 1) / n, 1.0)))


def _quantile_model(quantile: float, *, trees: bool) -> Any:  # noqa: ANN401
    if not trees:
        from sklearn.linear_model import QuantileRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), QuantileRegressor(quantile=quantile, alpha=1e-4))
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=50,
        max_leaf_nodes=12,
        min_samples_leaf=_SMALLEST_LEAF,
        early_stopping=False,
        random_state=0,
    )


def _thinned(chosen: np.ndarray, most: int) -> np.ndarray:
    """Return the positions of chosen points, evenly thinned where there are too many to learn from."""
    positions = np.flatnonzero(chosen)
    return positions[:: -(-len(positions) // most)]


def coverage(
    genes: pd.DataFrame,
    annotation: pd.DataFrame,
    observed: np.ndarray,
    ends: np.ndarray,
    means: pd.DataFrame,
    conditions: Sequence[str],
    spec: DatasetSpec,
) -> pd.DataFrame:
    """Return which share of bins and of genes the intervals hold, over all and by group (`strata_of`).

    Parameters
    ----------
    observed
        Signal in reads, shape (genes, conditions, bins).
    ends
        Both ends of the bins' intervals, shape (2, genes, conditions, bins).
    means
        Intervals of genes: columns `condition`, `low`, `high`, in the order of `genes` within a condition.

    Returns
    -------
    pandas.DataFrame
        A row a condition, level (``bin``, ``gene``) and group: `by`, `stratum`, `covered` with `low` and
        `high` (95 % interval by locus), `width` (mean, log2), `n` (bins or genes).
    """
    binning = spec.require_target().binning
    resamples = resample_loci(genes, binning, length=spec.window.binning.width)
    everyone = Stratum("all", "", np.ones(len(genes), dtype=bool))
    rows = []
    for number, condition in enumerate(conditions):
        signal = observed[:, number]
        gene_signal = gene_means(signal, genes, binning)
        groups = [everyone, *strata_of(genes, annotation, gene_signal)]
        own = means[means["condition"] == condition]
        levels = {
            "bin": (signal, *ends[:, :, number]),
            "gene": tuple(
                a[:, None] for a in (gene_signal, own["low"].to_numpy(), own["high"].to_numpy())
            ),
        }
        for level, (truth, low, high) in levels.items():
            held = ((truth >= low) & (truth <= high)).sum(axis=1)
            width = (np.log2(high + 1) - np.log2(low + 1)).sum(axis=1)
            for by, name, chosen in groups:
                points = truth.shape[1] * chosen
                sums = np.stack([held * chosen, points], axis=1).astype(float)
                drawn = resamples.draw(resamples.block_sums(sums))
                blocks = resamples.effective_blocks(points)
                lower, upper = intervals(ratio(drawn[:, 0], drawn[:, 1])[None], blocks)
                n = int(points.sum())
                what = {"condition": condition, "level": level, "by": by, "stratum": name}
                share = {"covered": held[chosen].sum() / n, "low": lower[0], "high": upper[0]}
                rows.append(what | share | {"width": width[chosen].sum() / n, "n": n})
    return pd.DataFrame(rows)
