"""Predicted against planted effects: rank correlation, and the share that the network recovers."""

from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from claster.analysis.bootstrap import Resamples
from claster.analysis.perturbation.candidates import TSS_MARGIN
from claster.analysis.perturbation.controls import DISTANCES
from claster.analysis.perturbation.effects import empirical_p
from claster.analysis.statistics import spearman, with_interval
from claster.analysis.summary import Score

_LEAST = 5
"""Fewest pairs of a group that is described."""

SMALL = 0.01
"""Planted effects (log2) up to this are none."""

FAR = 50_000
"""bp: from here on pairs are far."""

_FDR = 0.05


def distance_names() -> list[str]:
    """Return the names of the distance classes beyond promoters, from near to far.

    Examples
    --------
    >>> distance_names()[0], distance_names()[-1]
    ('1-2 kb', '> 100 kb')
    """
    kilobases = [edge // 1000 for edge in DISTANCES if edge >= TSS_MARGIN]
    between = [f"{low}-{high} kb" for low, high in pairwise(kilobases)]
    return [*between, f"> {kilobases[-1]} kb"]


def distance_of_network(table: pd.DataFrame, *, least: float = 0.1) -> tuple[int, int | None]:
    """Return the distance up to which the network recovers planted effects.

    Parameters
    ----------
    table
        From `agreement`.
    least
        A distance class is recovered where the share is at least this and its interval lies above 0.

    Returns
    -------
    reached : int
        bp; the upper edge of the last class that is recovered, counted outwards without a gap; 0 if the
        first one with links is not.
    stops : int or None
        bp; the lower edge of the first class with links that is not recovered; None if all are.
    """
    classes = table[table["low_bp"].notna() & (table["n"] >= _LEAST)]
    reached = 0
    for row in classes.itertuples():
        if not (row.share >= least and row.share_low > 0):
            return reached, int(row.low_bp)
        reached = int(row.high_bp) if np.isfinite(row.high_bp) else int(row.low_bp)
    return reached, None


def compare_effects(pairs: pd.DataFrame, resamples: Resamples) -> dict[str, float]:
    """Compare predicted and planted effects of one group of pairs.

    Parameters
    ----------
    pairs
        `effect` and `planted_effect` (log2).
    resamples
        Resamples of the pairs' blocks.

    Returns
    -------
    dict
        `n`, `spearman` and `share` with `_low` and `_high`, see `agreement`.
    """
    found: dict[str, float] = {"n": len(pairs)}
    predicted, planted = (pairs[name].to_numpy() for name in ("effect", "planted_effect"))
    for name, measure in (("spearman", spearman), ("share", _share)):
        enough = len(pairs) >= _LEAST
        values = (
            with_interval(measure, predicted, planted, resamples=resamples)
            if enough
            else [np.nan] * 3
        )
        found |= dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
    return found


def called_far(pairs: pd.DataFrame, controls: pd.DataFrame, resamples: Resamples) -> Score:
    """Return the share of pairs from 50 kb on that are called at an FDR of 5 %, with its interval.

    Their effects are compared with those of all control regions from 50 kb on: the hundred of a stratum
    give no p below 1/101, and with thousands of pairs none of them an FDR of 5 %.

    Parameters
    ----------
    pairs, controls
        `distance_bp` and `effect`.
    resamples
        Resamples of the pairs' blocks.
    """
    far, null = (
        (table["distance_bp"].abs() >= FAR).to_numpy() & table["effect"].notna().to_numpy()
        for table in (pairs, controls)
    )
    if not far.any() or not null.any():
        return Score(value=None, low=None, high=None)
    p = empirical_p(pairs["effect"].to_numpy()[far], controls["effect"].to_numpy()[null])
    called = (false_discovery_control(p, method="bh") <= _FDR).astype(np.float64)
    return Score.of(_share, called, np.ones_like(called), resamples=resamples.of(far))


def _share(predicted: np.ndarray, planted: np.ndarray) -> float:
    total = planted.sum()
    return float(predicted.sum() / total) if total else np.nan
