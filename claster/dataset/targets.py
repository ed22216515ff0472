"""Target profiles as a dataset asks for them: strands, sums, mirrored samples."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from claster.dataset.signal_settings import TargetSpec
from claster.signal.intervals import ChromosomeSignal, Summary
from claster.signal.target import target_profiles, target_reach


def reach_of_targets(target: TargetSpec) -> int:
    """Return how many bp from the TSS the target reads."""
    return target_reach(target.binning, smoothing=target.smoothing, recipe=target.recipe)


def target_signal(
    target: TargetSpec,
    strands: Sequence[tuple[ChromosomeSignal, float]],
    genes: pd.DataFrame,
    *,
    summary: Summary,
) -> np.ndarray:
    """Return one group of target columns for genes of one chromosome, as signal.

    Parameters
    ----------
    target
        Bins, smoothing, statistic, recipe, and what becomes of strands.
    strands
        The group's files there and the sign that makes their values positive: one, or plus and minus.
    genes
        With `tss` (0-based) and `strand`.
    summary
        See `window_means`.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, bins), in genome orientation: mean or sum a bin.

    Raises
    ------
    ClasterError
        If a strand's values have the other sign than the dataset says.
    """
    profiles_of = partial(
        target_profiles,
        binning=target.binning,
        smoothing=target.smoothing,
        summary=summary,
        recipe=target.recipe,
    )
    tsss = genes["tss"].to_numpy()
    if target.strands == "sense":
        profiles = np.empty((len(genes), target.bins))
        on_minus = (genes["strand"] == "-").to_numpy()
        for strand, here in zip(strands, (~on_minus, on_minus), strict=True):
            profiles[here] = profiles_of([strand], tsss[here])
    else:
        profiles = profiles_of(strands, tsss)
    return profiles * target.bin if target.statistic == "sum" else profiles


def mirror_targets(target: TargetSpec, profiles: np.ndarray) -> np.ndarray:
    """Return the targets of mirrored windows: bins reversed; plus and minus, where apart, exchanged.

    The plus strand of the mirrored genome is the minus strand turned round.

    Parameters
    ----------
    target
        Conditions, bins and strands.
    profiles
        Shape (..., groups, bins).

    Examples
    --------
    >>> conditions = [{"name": "c", "plus": "p.bw", "minus": "m.bw"}]
    >>> target = TargetSpec(conditions=conditions, bins=3, strands="apart")
    >>> mirror_targets(target, np.array([[1, 2, 3], [4, 5, 6]])).tolist()
    [[6, 5, 4], [3, 2, 1]]
    """
    turned = profiles[..., ::-1]
    if target.strands == "apart":
        groups = np.arange(len(target.groups))
        turned = turned[..., groups ^ 1, :]
    return np.ascontiguousarray(turned)
