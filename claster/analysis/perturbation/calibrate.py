"""Effects against those of control regions: percentile, empirical p, false discovery rate."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control

from claster.analysis.perturbation.controls import regions_of
from claster.analysis.perturbation.strata import STRATUM

__all__ = ["calibrate", "empirical_p", "percentile"]

_ASKED = ["condition", "dose"]


def empirical_p(effects: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Return the two-sided empirical p of effects: (r + 1) / (n + 1).

    r of n controls have an effect that is at least as large, sign aside.

    Examples
    --------
    >>> empirical_p(np.array([0.0, -3.0]), np.array([1.0, 2.0, -4.0])).tolist()
    [1.0, 0.5]

    References
    ----------
    Phipson and Smyth 2010, doi 10.2202/1544-6115.1585
    """
    sizes = np.sort(np.abs(controls))
    smaller = np.searchsorted(sizes, np.abs(effects), side="left")
    return (sizes.size - smaller + 1) / (sizes.size + 1)


def percentile(effects: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Return which share of controls (%) has a lower signed effect; equal ones count half.

    Examples
    --------
    >>> percentile(np.array([0.0, 2.0]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [0.0, 37.5]
    """
    ordered = np.sort(controls)
    below, not_above = (np.searchsorted(ordered, effects, side=side) for side in ("left", "right"))
    return 100 * (below + not_above) / (2 * ordered.size)


def calibrate(effects: pd.DataFrame, controls: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """Compare each effect with those of the control regions of its stratum.

    Parameters
    ----------
    effects, controls
        Columns `condition`, `dose`, `effect` (log2) and those of `STRATUM`; of `controls` also `number`
        and `signal`.
    most
        Control regions a stratum.

    Returns
    -------
    pandas.DataFrame
        `effects` with `n_controls`, `n_matched` (of the same signal class), `control_signal` (their median
        relative signal), `percentile`, `p` and `fdr` (Benjamini and Hochberg, over all rows of one
        condition and dose). Those are missing where there is no control region, as for elements within
        `TSS_MARGIN` of the TSS.
    """
    asked = _with_whole_keys(controls)
    known = {key: asked.loc[rows] for key, rows in asked.groupby(_ASKED).groups.items()}
    keyed = _with_whole_keys(effects)
    counts, matched = (np.zeros(len(effects), dtype=np.int64) for _ in range(2))
    level, ranks, p, fdr = (np.full(len(effects), np.nan) for _ in range(4))
    measured = effects["effect"].to_numpy()
    for key, rows in keyed.groupby([*_ASKED, *STRATUM]).indices.items():
        if key[:2] not in known:
            continue
        null = regions_of(key[2:], known[key[:2]], most=most)
        if null.empty:
            continue
        counts[rows] = len(null)
        matched[rows] = int((null["signal_class"] == key[-1]).sum())
        level[rows] = null["signal"].median()
        ranks[rows] = percentile(measured[rows], null["effect"].to_numpy())
        p[rows] = empirical_p(measured[rows], null["effect"].to_numpy())
    for rows in keyed.groupby(_ASKED).indices.values():
        tested = rows[np.isfinite(p[rows])]
        if tested.size:
            fdr[tested] = false_discovery_control(p[tested], method="bh")
    return effects.assign(
        n_controls=counts,
        n_matched=matched,
        control_signal=level,
        percentile=ranks,
        p=p,
        fdr=fdr,
    )


def _with_whole_keys(effects: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose missing doses can be compared."""
    return effects.assign(dose=effects["dose"].fillna(np.inf))
