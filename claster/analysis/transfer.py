"""Score a run on the cells of another dataset, beside methods that know the cells it was trained on."""

from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.baselines import predict_baselines
from claster.analysis.prepare import Prepared, Scored, baseline_fits, fit_simple_methods, stacked
from claster.analysis.samples import (
    annotated_genes,
    conditions_of,
    labelled_genes,
    measured,
    profiles,
    scored_genes,
    shared_tracks,
    target_difference,
)
from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table
from claster.dataset.manifest import require_manifest
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.gene_names import one_gene
from claster.genome.regions import overlapping
from claster.genome.windows import window_table
from claster.progress import SILENT, Progress
from claster.text import read_parquet

__all__ = ["prepare_elsewhere"]

_TRAINING_CELL = "training_cell"
"""The method that says of a gene what was measured in the cells that the run was trained on."""


def prepare_elsewhere(
    predictions: Path,
    own: DatasetSpec,
    other: DatasetSpec,
    *,
    seed: int = 0,
    progress: Progress = SILENT,
) -> Prepared:
    """Take what a run predicts of the cells of another dataset, with simple methods beside it.

    Scored are genes that the run was not trained or stopped on: not the same gene (`one_gene`) and, on the
    same assembly, no input window that shares a base with a training or validation window. The simple methods
    are fitted on the run's own training genes, with the tracks that both have. `_TRAINING_CELL` is the gene's
    own measured profile in the training cells, and the mean profile where a gene has none.

    Parameters
    ----------
    predictions
        The table of all genes of `other`.
    own, other
        The run's dataset and the other one, both with the target bins that the run predicts.
    seed
        Chooses training rows of the simple methods.

    Raises
    ------
    ClasterError
        If the targets differ in more than their files, or no gene is left to score.
    """
    if key := target_difference(own.require_target(), other.require_target()):
        here, there = (getattr(spec.require_target(), key) for spec in (own, other))
        if key == "conditions":
            here, there = (conditions_of(spec.require_target()) for spec in (own, other))
        raise ClasterError(
            f"'target.{key}' of {other.name!r} is {there}, and {here} in {own.name!r}",
            remedy="write it as there, so that the same is predicted and measured",
        )
    folders, where = (DatasetFolders.of(spec) for spec in (own, other))
    target = own.require_target()
    genes = _unseen(own, read_genes_table(folders), other, read_genes_table(where), progress)
    tracks = shared_tracks(own, other)
    shared = [track.name for track in tracks]
    trained = labelled_genes(
        folders, own, ["train", "valid"], annotation=annotated_genes(folders), tracks=shared
    )
    known_by_both = own.model_copy(update={"tracks": tracks})
    fitted = fit_simple_methods(trained, known_by_both, seed=seed, progress=progress)
    annotation, conditions = annotated_genes(where), tuple(conditions_of(target))
    table = read_parquet(predictions)
    own_rows, own_profiles = _own_cell(own, folders)
    known = _keys(genes).isin(own_rows.index)
    if not known.any():
        progress.say(f"no gene of {other.name!r} has a measured profile in {own.name!r}")
    parts = []
    for split in (split for split in SPLITS if (genes["split"] == split).any()):
        labelled = labelled_genes(where, other, [split], annotation=annotation, tracks=shared)[
            split
        ]
        here = genes[genes["split"] == split].reset_index(drop=True)
        rows = pd.Index(labelled.gene_ids).get_indexer(here["gene_id"])
        simple = predict_baselines(fitted, labelled, progress=progress)
        methods = {name: array[rows] for name, array in simple.items()}
        if known.any():
            cell = methods["mean_profile"].copy()
            place = own_rows.reindex(_keys(here)).to_numpy()
            cell[place >= 0] = own_profiles[place[place >= 0].astype(int)]
            methods[_TRAINING_CELL] = cell
        methods["network"] = profiles(
            table, here, target, named=str(predictions), remedy="predict again"
        )
        parts.append(Scored(here, annotation, conditions, labelled.targets[rows], methods))
    counts = len(trained["train"].gene_ids), len(trained["valid"].gene_ids)
    compared = require_manifest(where).sequences_compared
    return Prepared(stacked(parts), baseline_fits(fitted, conditions, *counts), 0, compared)


def _keys(genes: pd.DataFrame) -> pd.Series:
    return one_gene(genes[["gene_id"]])


def _unseen(
    own: DatasetSpec,
    known: pd.DataFrame,
    other: DatasetSpec,
    genes: pd.DataFrame,
    progress: Progress,
) -> pd.DataFrame:
    """Return the genes that the run was neither trained nor stopped on."""
    trained = known[known["split"] != "test"]
    seen = _keys(genes).isin(_keys(trained))
    if own.assembly == other.assembly and not own.splits.allow_shared_windows:
        windows = (window_table(table, own.window.binning) for table in (genes, trained))
        seen |= overlapping(*(table[["chrom", "start", "end"]] for table in windows))
    if seen.all():
        raise ClasterError(
            f"the run was trained on every gene of {other.name!r}, or on windows that share bases with them",
            remedy="build it with genes on the chromosomes that the run's dataset holds out",
        )
    if seen.any():
        progress.say(
            f"{int(seen.sum()):,} of {len(genes):,} genes were seen in training: not scored"
        )
    return scored_genes(genes[~seen])


def _own_cell(own: DatasetSpec, folders: DatasetFolders) -> tuple[pd.Series, np.ndarray]:
    """Return the measured profiles of the run's own dataset, and the row of each gene by its key."""
    genes = read_genes_table(folders)
    found = measured(own, folders, genes, SPLITS)
    rows = pd.Series(np.arange(len(genes)), index=_keys(genes).to_numpy())
    return rows[~rows.index.duplicated()], found
