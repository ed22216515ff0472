"""Predicted against planted effects: rank correlation, and the share that the network recovers."""

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from claster.analysis.bootstrap import Resamples, intervals
from claster.analysis.perturbation.annotated import TSS_MARGIN
from claster.analysis.perturbation.strata import DISTANCES

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["agreement", "distance_names", "distance_of_network"]

_LEAST = 5
"""Fewest pairs of a group that is described."""

_SMALL = 0.01
"""Planted effects (log2) up to this are none."""


def agreement(pairs: pd.DataFrame, resamples: Resamples) -> pd.DataFrame:
    """Compare predicted and planted effects over groups of pairs.

    Parameters
    ----------
    pairs
        `effect`, `planted_effect` (log2), `planted`, `link` and `distance_bp`.
    resamples
        Resamples of the pairs' blocks.

    Returns
    -------
    pandas.DataFrame
        A group a row: `group` (``all pairs``, ``links``, ``proximal``, ``contact``, ``promoter``,
        ``activators`` and ``repressors``, whose planted effect is below -0.01 or above 0.01, or links of a
        distance class), `low_bp`, `high_bp` (of a distance
        class), `n`, `spearman` and `share` with `_low` and `_high` (95 %). `share` is the sum of predicted
        over the sum of planted effects. Groups of fewer than 5 pairs have numbers of NaN.
    """
    link, planted = pairs["link"].to_numpy(), pairs["planted_effect"].to_numpy()
    promoter = (pairs["planted"] == "promoter").to_numpy()
    distance = pairs["distance_bp"].abs().to_numpy()
    chosen: list[tuple[str, float, float, np.ndarray]] = [
        ("all pairs", np.nan, np.nan, ~promoter),
        ("links", np.nan, np.nan, link & ~promoter),
        ("proximal", np.nan, np.nan, (pairs["planted"] == "proximal").to_numpy()),
        ("contact", np.nan, np.nan, (pairs["planted"] == "contact").to_numpy()),
        ("promoter", np.nan, np.nan, promoter),
        ("activators", np.nan, np.nan, (planted < -_SMALL) & ~promoter),
        ("repressors", np.nan, np.nan, planted > _SMALL),
    ]
    edges = [*DISTANCES, np.inf]
    for name, low, high in zip(distance_names(), edges[:-1], edges[1:], strict=True):
        of_class = link & ~promoter & (distance >= low) & (distance < high)
        chosen.append((name, low, high, of_class))
    return pd.DataFrame(
        [
            {"group": name, "low_bp": low, "high_bp": high}
            | _compare(pairs[rows], resamples.of(rows))
            for name, low, high, rows in chosen
        ]
    )


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


def _compare(pairs: pd.DataFrame, resamples: Resamples) -> dict[str, float]:
    names = ("spearman", "share")
    if len(pairs) < _LEAST:
        missing = {f"{name}{end}": np.nan for name in names for end in ("", "_low", "_high")}
        return {"n": len(pairs)} | missing
    predicted, planted = (pairs[name].to_numpy() for name in ("effect", "planted_effect"))
    found: dict[str, float] = {"n": len(pairs)}
    blocks = resamples.effective_blocks(np.ones(len(pairs)))
    counts = resamples.counts[:, resamples.block].astype(int)
    measures: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
        "spearman": _spearman,
        "share": _share,
    }
    for name, measure in measures.items():
        replicates = np.array(
            [measure(predicted.repeat(drawn), planted.repeat(drawn)) for drawn in counts]
        )
        low, high = intervals(replicates[np.newaxis], np.array([blocks]))
        found |= {
            name: measure(predicted, planted),
            f"{name}_low": float(low[0]),
            f"{name}_high": float(high[0]),
        }
    return found


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return np.nan
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def _share(predicted: np.ndarray, planted: np.ndarray) -> float:
    total = planted.sum()
    return float(predicted.sum() / total) if total else np.nan
