"""Tables of samples, checked one to one before anything is fitted or scored."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd

from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table, read_ids, read_targets
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import SHARED
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.files import require_file
from claster.genome.windows import FORWARD, Binning, sample_id, split_sample_id
from claster.settings import Split
from claster.text import read_table

_BUILD_AGAIN = "build the dataset again"


@dataclass(frozen=True)
class LabelledGenes:
    """Forward samples of one split: which genes, how to read their landscapes, and what was measured.

    Parameters
    ----------
    read
        Returns the landscapes of some of the genes, shape (genes, tracks, landscape bins). It is
        called for a few genes at a time, so memory does not grow with the number of genes.
    tss_distance
        Distance in bp from the middle of each target bin to the nearest TSS, shape (genes, bins).
    targets
        Measured signal (reads), shape (genes, conditions, target bins).
    """

    gene_ids: Sequence[str]
    read: Callable[[list[str]], np.ndarray]
    tss_distance: np.ndarray
    targets: np.ndarray


def require_genes(genes: pd.DataFrame, samples: list[str], *, split: str) -> None:
    """Raise `ClasterError` unless `genes` and the samples of a split name the same genes, once."""
    if genes.empty:
        raise ClasterError(
            f"the {split} split holds no gene", remedy="widen its rule in 'splits' and build again"
        )
    listed = {split_sample_id(sample)[0] for sample in samples}
    known = set(genes["gene_id"])
    if listed != known or genes["gene_id"].duplicated().any():
        raise ClasterError(
            f"gene table and ID file of the {split} split do not match{_examples(listed ^ known)}",
            remedy=_BUILD_AGAIN,
        )


def scored_genes(genes: pd.DataFrame) -> pd.DataFrame:
    """Return the genes whose measured value is their own: not those whose label several genes share."""
    if SHARED not in genes:
        return genes
    return genes[~genes[SHARED]].reset_index(drop=True)


def conditions_of(target: TargetSpec) -> list[str]:
    """Return the name of each group of `target.bins` columns, in the order of the columns."""
    return [column.partition("_")[2] for column in target.columns[:: target.bins]]


def annotated_genes(folders: DatasetFolders) -> pd.DataFrame:
    """Return all genes of a dataset's annotation that are of a chosen type: kept ones and dropped ones.

    Columns are `gene_id`, `chrom`, `start`, `end` (0-based half-open) and `tss` (0-based).
    """
    columns = ["gene_id", "chrom", "start", "end", "tss"]
    tables = [read_genes_table(folders)[columns]]
    if folders.dropped.is_file():
        dropped = read_table(folders.dropped)
        chosen = ~dropped["reason"].isin(["type_not_selected", "duplicate_id"])
        tables.append(dropped.loc[chosen, columns])
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


def measured(
    spec: DatasetSpec, folders: DatasetFolders, genes: pd.DataFrame, splits: Iterable[Split]
) -> np.ndarray:
    """Return the measured signal of genes of some splits in reads, shape (genes, conditions, bins)."""
    target = spec.require_target()
    tables = [table for _, table in _target_tables(folders, target, splits)]
    return profiles(pd.concat(tables), genes, target, named="targets", remedy=_BUILD_AGAIN)


def _target_tables(
    folders: DatasetFolders, target: TargetSpec, splits: Iterable[Split]
) -> Iterator[tuple[Path, pd.DataFrame]]:
    """Yield each table that holds targets of the splits, once."""
    for path in dict.fromkeys(folders.target_table(split) for split in splits):
        file = require_file(path, named="target table", remedy=_BUILD_AGAIN)
        yield path, read_targets(file, transform=target.transform)


def labelled_genes(
    folders: DatasetFolders,
    spec: DatasetSpec,
    splits: Collection[Split],
    *,
    annotation: pd.DataFrame,
    tracks: Sequence[str] | None = None,
) -> dict[Split, LabelledGenes]:
    """Return forward samples and targets by split, in the order of the gene table; each table is read once.

    Parameters
    ----------
    annotation
        The genes whose TSSs count, by `chrom` and `tss`.
    tracks
        Names of the tracks of landscapes, all by default.

    Raises
    ------
    ClasterError
        If a table is missing, or its samples and columns are not those of the dataset: a test gene in
        the table that EIR trains on is found here.
    """
    target = spec.require_target()
    labelled: dict[Split, LabelledGenes] = {}
    for path, table in _target_tables(folders, target, splits):
        together = [split for split in SPLITS if folders.target_table(split) == path]
        samples = [sample for split in together for sample in read_ids(folders, split)]
        for split in (split for split in together if split in splits):
            genes = read_genes_table(folders, split=split)
            genes = genes if split == "train" else scored_genes(genes)
            targets = profiles(
                table,
                genes,
                target,
                named=f"targets of the {split} split ({path})",
                remedy=_BUILD_AGAIN,
                only=samples,
            )
            reader = partial(read_landscapes, folders, spec, split=split, tracks=tracks)
            distance = _nearest_tss(genes, annotation, target.binning)
            labelled[split] = LabelledGenes(genes["gene_id"].tolist(), reader, distance, targets)
    return labelled


def _nearest_tss(genes: pd.DataFrame, annotation: pd.DataFrame, window: Binning) -> np.ndarray:
    """Return the distance in bp from the middle of each bin to the nearest TSS of any gene, (genes, bins)."""
    distance = np.empty((len(genes), window.bins), dtype=int)
    chrom = genes["chrom"].to_numpy()
    for name in pd.unique(chrom):
        rows = np.flatnonzero(chrom == name)
        starts = np.unique(annotation.loc[annotation["chrom"] == name, "tss"])
        middle = genes["tss"].to_numpy()[rows, np.newaxis] + window.offsets * window.size
        after = np.searchsorted(starts, middle).clip(max=len(starts) - 1)
        before = (after - 1).clip(min=0)
        distance[rows] = np.minimum(np.abs(starts[after] - middle), np.abs(starts[before] - middle))
    return distance


def profiles(
    table: pd.DataFrame,
    genes: pd.DataFrame,
    target: TargetSpec,
    *,
    named: str,
    remedy: str,
    only: Collection[str] | None = None,
) -> np.ndarray:
    """Return the forward samples of a table that fits the dataset.

    Parameters
    ----------
    table
        Samples x target columns, in any order; bins beyond those of `target` are left out.
    genes
        The genes that are wanted, by `gene_id`.
    named, remedy
        What the table is, and what to do when it does not fit, for messages.
    only
        The samples that the table may hold: all of them, or all forward ones. None lets it hold
        others besides the wanted ones.

    Returns
    -------
    numpy.ndarray
        Shape (genes, conditions, bins), in the order of `genes`.

    Raises
    ------
    ClasterError
        If a sample or column is missing, unknown or there twice, or a value is missing or infinite.
    """

    def refuse(found: str, examples: Iterable[object]) -> NoReturn:
        raise ClasterError(f"{named}: {found}{_examples(examples)}", remedy=remedy)

    table = _without_farther_bins(table, target)
    columns, wrong = len(table.columns), set(table.columns) ^ set(target.columns)
    if wrong or columns != len(target.columns):
        refuse(f"{columns} columns where the dataset has {len(target.columns)}", wrong)
    held = set(table.index)
    if len(held) < len(table):
        refuse("samples appear twice", table.index[table.index.duplicated()])
    forward = [sample_id(gene, FORWARD) for gene in genes["gene_id"]]
    needed = set(forward)
    if only is not None:
        if unknown := held - set(only):
            refuse(f"{len(unknown)} samples are not of this split", unknown)
        if held - needed:
            ahead = {sample_id(split_sample_id(sample)[0], FORWARD) for sample in only}
            needed = set(only) if held - ahead else ahead
    if missing := needed - held:
        refuse(f"{len(missing)} of {len(needed)} samples are missing", missing)
    values = table.loc[forward, target.columns].to_numpy()
    invalid = ~np.isfinite(values).all(axis=1)
    if invalid.any():
        found = f"values are missing or infinite in {invalid.sum()} samples"
        refuse(found, np.array(forward)[invalid])
    return values.reshape(len(genes), len(target.groups), target.bins)


def _without_farther_bins(table: pd.DataFrame, target: TargetSpec) -> pd.DataFrame:
    """Return the table without bins of the same conditions farther from the TSS than the target's."""
    names = [str(name).partition("_") for name in table.columns]
    farther = [
        group in target.groups and k.removeprefix("-").isdigit() and abs(int(k)) > target.bins // 2
        for k, _, group in names
    ]
    return table.loc[:, ~np.array(farther)] if any(farther) else table


def _examples(names: Iterable[object]) -> str:
    listed = sorted(str(name) for name in names)
    more = ", ..." if len(listed) > 3 else ""
    return f" ({', '.join(listed[:3])}{more})" if listed else ""
