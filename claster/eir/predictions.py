"""Tables of predictions: samples x target columns, over both orientations, over several runs."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from claster.dataset.signal_settings import TargetSpec
from claster.dataset.targets import mirror_targets
from claster.errors import ClasterError
from claster.genome.windows import FORWARD, REVERSE, sample_id, split_sample_id


def prediction_table(
    values: np.ndarray, *, ids: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """Return predictions as a table: float32, samples x target columns, index `ID`.

    Parameters
    ----------
    values
        Shape (samples, groups of columns, bins) or (samples, columns).
    ids, columns
        Names of samples and target columns.
    """
    flat = np.asarray(values, np.float32).reshape(len(ids), len(columns))
    return pd.DataFrame(flat, index=pd.Index(ids, name="ID"), columns=list(columns))


def average_orientations(table: pd.DataFrame, target: TargetSpec) -> pd.DataFrame:
    """Replace both orientations of each gene by their mean.

    A gene's forward profile becomes the mean of what is predicted from its window and, turned back,
    from the mirrored one; its rev profile the same, mirrored.

    Parameters
    ----------
    table
        Samples x target columns, both orientations of each gene.
    target
        What the columns are, and how they are mirrored (`mirror_targets`).

    Returns
    -------
    pandas.DataFrame
        The same samples and columns.

    Raises
    ------
    ClasterError
        If a gene has one orientation only.
    """
    genes = list(dict.fromkeys(split_sample_id(str(name))[0] for name in table.index))
    forward = [sample_id(gene, FORWARD) for gene in genes]
    reverse = [sample_id(gene, REVERSE) for gene in genes]
    lacking = sorted({*forward, *reverse} - set(table.index))
    if lacking:
        raise ClasterError(
            f"no prediction of {lacking[0]}, so there is no mean over both orientations",
            remedy="pass --no-average, or build the dataset again",
        )
    shape = (len(genes), len(target.groups), target.bins)
    ahead = table.loc[forward].to_numpy().reshape(shape)
    back = table.loc[reverse].to_numpy().reshape(shape)
    mean = (ahead + mirror_targets(target, back)) / 2
    both = np.concatenate([mean, mirror_targets(target, mean)])
    averaged = prediction_table(both, ids=[*forward, *reverse], columns=list(table.columns))
    return averaged.loc[table.index]
