"""What is attributed for which genes of a run, checked before anything is computed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import pandas as pd

from claster.analysis.attribution.inputs import Seen, seen_inputs
from claster.analysis.attribution.settings import BASELINES, Baseline
from claster.analysis.perturbation.spans import covered_bins
from claster.dataset.layout import DatasetFolders
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.eir.ensemble import checked_dataset
from claster.eir.runs import RunFolder, read_run, trained_weights
from claster.errors import ClasterError, choose_among

__all__ = [
    "Explained",
    "Targets",
    "choose_baselines",
    "choose_condition",
    "choose_genes",
    "choose_rows",
    "explained_run",
    "gene_targets",
    "parse_bins",
    "parse_genes",
    "require_bins",
]


@dataclass(frozen=True)
class Explained:
    """A run with a model, its dataset, and what it sees of it.

    Attributes
    ----------
    run
        The run.
    name
        Its name.
    weights
        The file of its weights.
    spec, folders
        The built dataset that it was trained on.
    seen
        What it sees.
    """

    run: RunFolder
    name: str
    weights: Path
    spec: DatasetSpec
    folders: DatasetFolders
    seen: Seen


def explained_run(run: RunFolder | Path | str, *, project: Path | str = ".") -> Explained:
    """Return a run that can be explained.

    Raises
    ------
    ClasterError
        If there is no run, it has no model, or its dataset is not built or has changed.
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    record = read_run(run.path)
    if record.members:
        raise ClasterError(
            f"{run.path} holds the predictions of several runs, no model",
            remedy=f"explain one of {', '.join(record.members)}",
        )
    _, weights = trained_weights(run)
    _, spec, folders = checked_dataset(run, project=project)
    return Explained(run, record.name, weights, spec, folders, seen_inputs(run, spec))


def choose_baselines(names: Sequence[str]) -> tuple[Baseline, ...]:
    """Return the baselines of these names, each once; all without a name.

    Raises
    ------
    ClasterError
        If there is none of a name.
    """
    for name in names:
        if name not in BASELINES:
            raise ClasterError(
                f"there is no baseline {name!r}", remedy=f"choose among {', '.join(BASELINES)}"
            )
    return cast("tuple[Baseline, ...]", tuple(dict.fromkeys(names))) or BASELINES


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


@dataclass(frozen=True)
class Targets:
    """Linear functions of one gene's prediction.

    Attributes
    ----------
    bins
        Numbers of the bins in genome orientation, from the TSS, shape (bins,).
    weights
        float32, shape (bins + 1, groups, target bins): a bin each, and last the mean over the part of
        the gene inside the target window, edge bins counted by the share covered.
    """

    bins: np.ndarray
    weights: np.ndarray


def parse_bins(text: str) -> tuple[int, ...] | int | None:
    """Return what ``all``, a number of bins, or their numbers with commas mean.

    Raises
    ------
    ClasterError
        If `text` is none of these.

    Examples
    --------
    >>> parse_bins("all"), parse_bins("8"), parse_bins("-2,0"), parse_bins("0,")
    (None, 8, (-2, 0), (0,))
    """
    if text == "all":
        return None
    try:
        if "," in text:
            return tuple(dict.fromkeys(int(number) for number in text.split(",") if number))
        return int(text)
    except ValueError as error:
        raise ClasterError(
            f"bins {text!r}", remedy="give 'all', how many, or numbers with commas such as -5,0,5"
        ) from error


def parse_genes(words: Sequence[str]) -> tuple[str, ...] | int | None:
    """Return what IDs or names of genes, or one number of them, mean; none means all.

    Examples
    --------
    >>> parse_genes(["20"]), parse_genes(["Klf4", "Akirin2"]), parse_genes([])
    (20, ('Klf4', 'Akirin2'), None)
    """
    if len(words) == 1 and words[0].isdecimal():
        return int(words[0])
    return tuple(words) or None


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


def gene_targets(
    gene: pd.Series,
    target: TargetSpec,
    *,
    condition: str,
    bins: tuple[int, ...] | int | None,
    seed: tuple[int, int],
) -> Targets:
    """Return what is attributed of a gene.

    Parameters
    ----------
    gene
        `start`, `end`, `tss` (0-based half-open), `strand`.
    target
        Groups and bins of the prediction.
    condition
        The group.
    bins
        See `AttributionSettings`; a number of bins is drawn without replacement.
    seed
        Of the draw: the user's, and the gene's place in the split.

    Raises
    ------
    ClasterError
        If the gene has no base inside the target window.
    """
    offsets = target.binning.offsets
    if isinstance(bins, int):
        chosen = np.sort(np.random.default_rng(seed).choice(offsets, bins, replace=False))
    elif bins is None:
        chosen = offsets
    else:
        chosen = np.asarray(bins) * (-1 if gene["strand"] == "-" else 1)
    group = target.groups.index(condition)
    weights = np.zeros((len(chosen) + 1, len(target.groups), target.bins), np.float32)
    weights[np.arange(len(chosen)), group, chosen + target.bins // 2] = 1
    tss = gene["tss"]
    span = covered_bins(int(gene["start"] - tss), int(gene["end"] - tss), target.binning)
    if not span.shares.size:
        raise ClasterError(
            f"gene {gene['gene_id']} has no base inside the target window",
            remedy="leave it out of --genes",
        )
    weights[-1, group, span.bins] = span.shares / span.shares.sum()
    return Targets(chosen, weights)


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
    split
        Its name, for messages.
    seed
        Of the draw.

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
            raise ClasterError(f"{wanted} genes", remedy="choose 1 or more")
        number = min(wanted, len(genes))
        kept[np.random.default_rng(seed).choice(len(genes), number, replace=False)] = True
    else:
        also = (*wanted, *also)
    for name in also:
        found = ((genes["gene_id"] == name) | (genes["name"] == name)).to_numpy()
        if not found.any():
            raise ClasterError(
                f"no gene {name!r} in the {split} split",
                remedy="give an ID or a name of inputs/<dataset>/genes.tsv, or another --split",
            )
        kept |= found
    return genes.reset_index(drop=True)[kept]
