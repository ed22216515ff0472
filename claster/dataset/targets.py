"""Target profiles as a dataset asks for them: strands, sums, mirrored samples."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders, read_targets
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import atomic_path
from claster.signal.intervals import ChromosomeSignal
from claster.signal.landscape import Transform, transformed
from claster.signal.means import Summary
from claster.signal.target import target_profiles, target_reach

__all__ = ["mirror_targets", "reach_of_targets", "target_signal", "write_table_view"]


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


def write_table_view(spec: DatasetSpec, transform: Transform, *, bins: int) -> None:
    """Write central target bins of training and validation on another scale, unless they are there.

    Parameters
    ----------
    bins
        How many bins around the TSS.

    Raises
    ------
    ClasterError
        If a value is below 0.
    """
    folders = DatasetFolders.of(spec)
    final = folders.table_view(transform, bins=bins)
    if final.is_file():
        return
    target = spec.require_target()
    path = folders.target_table("train")
    table = read_targets(path, transform=target.transform)
    table = table[target.model_copy(update={"bins": bins}).columns]
    if (lowest := table.to_numpy().min()) < 0:
        raise ClasterError(
            f"{path} holds values below 0 ({lowest:g}), and the flavour is trained on their logarithms",
            remedy="choose another flavour",
        )
    table[:] = transformed(table.to_numpy(), transform)
    with atomic_path(final) as partial:
        table.to_csv(partial, float_format="%.6g")
