"""What is attributed for which genes of a run, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.attribution.inputs import Seen, seen_inputs
from claster.dataset.layout import DatasetFolders
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder, read_run, trained_weights
from claster.eir.trained_on import checked_dataset
from claster.errors import ClasterError, choose_among
from claster.genome.gene_names import find_gene


@dataclass(frozen=True)
class Explained:
    """A run with a model, its dataset, and what it sees of it.

    Attributes
    ----------
    spec, folders
        The built dataset that it was trained on.
    """

    run: RunFolder
    name: str
    weights: Path
    spec: DatasetSpec
    folders: DatasetFolders
    seen: Seen


def explained_run(run: RunFolder | Path | str) -> Explained:
    """Return a run that can be explained.

    Raises
    ------
    ClasterError
        If there is no run, it has no model, or its dataset is not built or has changed.
    """
    run = RunFolder.of(run)
    record = read_run(run.path)
    if record.members:
        raise ClasterError(
            f"{run.path} holds the predictions of several runs, no model",
            remedy=f"explain one of {', '.join(record.members)}",
        )
    _, weights = trained_weights(run)
    _, spec, folders = checked_dataset(run)
    return Explained(run, record.name, weights, spec, folders, seen_inputs(run, spec))


def choose_rows(seen: Seen, tracks: Sequence[str]) -> tuple[str, ...]:
    """Return what is attributed to: the tracks named, or everything that the run sees.

    Raises
    ------
    ClasterError
        If the run does not see one of them.
    """
    for track in tracks:
        if track not in seen.rows:
            raise ClasterError(
                f"the run sees no track {track!r}", remedy=choose_among(track, seen.rows)
            )
    return tuple(row for row in seen.rows if row in (tracks or seen.rows))


def choose_condition(spec: DatasetSpec, condition: str | None) -> str:
    """Return the group of target columns of that name; None for the first one.

    Raises
    ------
    ClasterError
        If there is none.
    """
    groups = spec.require_target().groups
    if condition is None:
        return groups[0]
    if condition not in groups:
        raise ClasterError(
            f"dataset {spec.name!r} has no condition {condition!r}",
            remedy=choose_among(condition, groups),
        )
    return condition


def require_bins(bins: tuple[int, ...] | int | None, target: TargetSpec) -> None:
    """Raise `ClasterError` if there are no such bins, or not so many."""
    half = target.bins // 2
    if bins == ():
        raise ClasterError("no bin", remedy="give 'all', how many, or their numbers")
    if isinstance(bins, int) and not 1 <= bins <= target.bins:
        raise ClasterError(
            f"{bins:,} bins of {target.bins:,}", remedy=f"choose 1 to {target.bins:,}, or 'all'"
        )
    wrong = [number for number in bins if abs(number) > half] if isinstance(bins, tuple) else []
    if wrong:
        raise ClasterError(
            f"there is no bin {wrong[0]}", remedy=f"the bins are numbered {-half} to {half}"
        )


def choose_genes(
    genes: pd.DataFrame,
    wanted: tuple[str, ...] | int | None,
    also: tuple[str, ...],
    *,
    split: str,
    seed: int,
) -> pd.DataFrame:
    """Return the genes that are explained, in the split's order and with their places in it as index.

    Parameters
    ----------
    genes
        The genes of a split, with `gene_id` and `name`.
    wanted
        IDs or names, or how many, drawn without replacement; None for all.
    also
        IDs or names of genes that are added.

    Raises
    ------
    ClasterError
        If the split holds no gene, or not one of those named.
    """
    if genes.empty:
        raise ClasterError(f"the {split} split holds no gene", remedy="choose another --split")
    kept = np.zeros(len(genes), dtype=bool)
    if wanted is None:
        kept[:] = True
    elif isinstance(wanted, int):
        if wanted < 1:
            raise ClasterError(f"--genes must be 1 or more, not {wanted}", remedy="correct it")
        number = min(wanted, len(genes))
        kept[np.random.default_rng(seed).choice(len(genes), number, replace=False)] = True
    else:
        also = (*wanted, *also)
    for name in also:
        try:
            gene = find_gene(genes, name)
        except ClasterError as error:
            raise ClasterError(f"{split} split: {error.found}", remedy=error.remedy) from None
        kept |= (genes["gene_id"] == gene["gene_id"]).to_numpy()
    return genes.reset_index(drop=True)[kept]
