"""Targets as a dataset asks for them: profiles of strands, sums, mirrored samples, or a table of values."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.gene_names import genes_called
from claster.genome.rows import split_fields
from claster.signal.intervals import ChromosomeSignal, Summary
from claster.signal.landscape import target_profiles, target_reach
from claster.text import text_lines

SHARED = "label_shared"
"""Column of the genes whose value stands for several genes."""

_TRUTH = {"true": True, "1": True, "false": False, "0": False}
_UNKNOWN = {"", "na", "nan"}


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


def read_values(spec: DatasetSpec, genes: pd.DataFrame) -> pd.DataFrame | None:
    """Return the values of the genes of a dataset whose target is a table, None where it is not.

    Parameters
    ----------
    genes
        Its annotation, by `gene_id` and `name` (`genes_called` tells which gene a row means; one that
        means several, or of several that mean one gene without being its ID, none is taken).

    Returns
    -------
    pandas.DataFrame
        Indexed by gene ID, those of `genes` that have a value in every condition: float64, a column a
        condition, not below 0, and `SHARED` (bool).
    """
    target = spec.target
    if target is None or target.table is None:
        return None
    assert target.id is not None
    assert target.value is not None
    path = spec.source(target.table)
    place = f"{spec.place('target', 'table')}: target table ({path})"
    fields = _fields(path, place)
    columns = [target.id, *target.value.values(), *([target.shared] if target.shared else [])]
    if lacking := [name for name in columns if name not in fields]:
        raise ClasterError(
            f"{place} has no column {lacking[0]!r}, only {', '.join(fields.columns[:12])}",
            remedy="correct 'id', 'value' or 'shared' beside it",
        )
    ids = fields[target.id]
    if ids.duplicated().any():
        raise ClasterError(
            f"{place} has {ids[ids.duplicated()].iloc[0]!r} twice", remedy="keep one row a gene"
        )
    found = {name: _numbers(fields, column, place) for name, column in target.value.items()}
    table = pd.DataFrame(found).set_axis(ids, axis=0)
    table[SHARED] = _flags(fields, target.shared, place) if target.shared else False
    table = table.dropna()
    wanted = pd.Index(genes["gene_id"].drop_duplicates(), name="gene_id")
    called = genes_called(genes, table.index)
    table["gene_id"] = [gene[0] if len(gene) == 1 else "" for gene in called]
    # A gene's own row goes before rows that only mean it; of several such, nobody knows which.
    own = table["gene_id"] == table.index
    alone = ~table["gene_id"].isin(table["gene_id"][own]) & ~table["gene_id"].duplicated(keep=False)
    known = table[own | alone].set_index("gene_id")
    known = known.loc[wanted[wanted.isin(known.index)]]
    if known.empty:
        raise ClasterError(
            f"{place} has a value for none of {len(wanted):,} genes; it begins with "
            f"{', '.join(ids.head(3))}, the genes with {', '.join(wanted[:3])}",
            remedy="name the column with the annotation's gene IDs as 'id'",
        )
    return known.astype(dict.fromkeys(found, np.float64) | {SHARED: bool})


def _fields(path: Path, place: str) -> pd.DataFrame:
    """Return the table's fields as text (`split_fields`)."""
    lines = text_lines(path, named=place)
    rows = [row for line in lines if any(row := split_fields(line, at_blanks=False))]
    header = rows[0] if rows else []
    if len(set(header)) < len(header):
        raise ClasterError(f"{place} names a column twice", remedy="rename one of them")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise ClasterError(
                f"{place}, row {number}: {len(row)} fields, the header has {len(header)}",
                remedy="give a tab-separated table with a header",
            )
    if len(rows) < 2:
        raise ClasterError(f"{place} holds no gene", remedy="give a table with a header and rows")
    return pd.DataFrame(rows[1:], columns=header, dtype=str)


def _numbers(fields: pd.DataFrame, column: str, place: str) -> np.ndarray:
    text = fields[column]
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    unknown = text.str.lower().isin(_UNKNOWN).to_numpy()
    wrong = ~unknown & ~(np.isfinite(numbers) & (numbers >= 0))
    if wrong.any():
        raise ClasterError(
            f"{place}, column {column!r}: {text[wrong].iloc[0]!r} is not a number from 0 on",
            remedy="give values on a plain scale (no logarithm), and leave unknown ones empty",
        )
    return np.where(unknown, np.nan, numbers)


def _flags(fields: pd.DataFrame, column: str, place: str) -> np.ndarray:
    flags = fields[column].str.lower().map(_TRUTH)
    if flags.isna().any():
        raise ClasterError(
            f"{place}, column {column!r}: {fields.loc[flags.isna(), column].iloc[0]!r} is neither true nor "
            "false",
            remedy="write True or False in every row",
        )
    return flags.to_numpy(dtype=bool)
