"""Cells other than those that a run was trained on: which genes are new, how unlike, and what changes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from claster.analysis.baselines import REACHES, local_features, predict_baselines
from claster.analysis.bootstrap import resample_loci
from claster.analysis.metrics import gene_means, log_signal
from claster.analysis.prepare import (
    Prepared,
    Scored,
    baseline_fits,
    fit_simple_methods,
    network_profiles,
    stacked,
)
from claster.analysis.samples import (
    annotated_genes,
    conditions_of,
    labelled_genes,
    measured,
    profiles,
    scored_genes,
)
from claster.analysis.summary import Directions, Score
from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import spread_evenly
from claster.dataset.signal_settings import TargetSpec, TrackSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.genome.gene_names import one_gene
from claster.genome.regions import overlapping
from claster.genome.windows import Binning, window_table
from claster.progress import SILENT, Progress
from claster.text import read_parquet

_TRAINING_CELL = "training_cell"
"""The method that says of a gene what was measured in the cells that the run was trained on."""

_CHUNK = 64
_NEIGHBOURS = 10
_UNLIKE = 0.99
_OUTSIDE = (0.01, 0.99)
_NEAR, _PROMOTER = REACHES.index(5_000), REACHES.index(2_000)
_LEAST = (0.0, 1.0)
_FEWEST = 10


def shared_tracks(own: DatasetSpec, other: DatasetSpec) -> tuple[TrackSpec, ...]:
    """Return the tracks of a dataset that another one has too, by their names."""
    there = {track.name for track in other.tracks}
    return tuple(track for track in own.tracks if track.name in there)


def target_difference(own: TargetSpec, other: TargetSpec) -> str:
    """Return the setting by which what is measured elsewhere is not what a run predicts; "" for none.

    Files, `transform` and `clip` may differ, and the name of a condition where both have a single one.
    """
    free = {"conditions", "transform", "clip"}
    here, there = (target.model_dump(exclude=free) for target in (own, other))
    for key in here:
        if here[key] != there[key]:
            return key
    names = conditions_of(own), conditions_of(other)
    single = len(own.conditions) == len(other.conditions) == 1
    return "" if names[0] == names[1] or single else "conditions"


def prepare_elsewhere(
    predictions: Path, own: DatasetSpec, other: DatasetSpec, *, progress: Progress = SILENT
) -> Prepared:
    """Take what a run predicts of the cells of another dataset, with simple methods beside it.

    Scored are genes that the run was not trained or stopped on: not the same gene (`one_gene`) and, on the
    same assembly, no input window that shares a base with a training or validation window. The simple methods
    are fitted on the run's own training genes, with the tracks that both have. ``training_cell`` is the
    gene's own measured profile in the training cells, and the mean profile where a gene has none.

    Parameters
    ----------
    predictions
        The table of what the run predicts of `other`; `own` is the run's dataset.

    Raises
    ------
    ClasterError
        If both measure something else, or the run was trained on every gene.
    """
    target = own.require_target()
    if key := target_difference(target, other.require_target()):
        here, there = (getattr(spec.require_target(), key) for spec in (own, other))
        if key == "conditions":
            here, there = (conditions_of(spec.require_target()) for spec in (own, other))
        raise ClasterError(
            f"'target.{key}' of {other.name!r} is {there}, and {here} in {own.name!r}",
            remedy="write it as there, so that the same is predicted and measured",
        )
    folders, where = (DatasetFolders.of(spec) for spec in (own, other))
    everyone = read_genes_table(folders)
    genes = _unseen(own, everyone, other, read_genes_table(where), progress)
    tracks = shared_tracks(own, other)
    shared = [track.name for track in tracks]
    trained = labelled_genes(
        folders, own, ["train", "valid"], annotation=annotated_genes(folders), tracks=shared
    )
    known_by_both = own.model_copy(update={"tracks": tracks})
    fitted = fit_simple_methods(trained, known_by_both, seed=0, progress=progress)
    annotation, conditions = annotated_genes(where), tuple(conditions_of(target))
    table = read_parquet(predictions)
    own_profiles = measured(own, folders, everyone, SPLITS)
    own_rows = pd.Series(np.arange(len(everyone)), index=_keys(everyone).to_numpy())
    own_rows = own_rows[~own_rows.index.duplicated()]
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
            place = own_rows.reindex(_keys(here))
            cell[place.notna()] = own_profiles[place.dropna().astype(int)]
            methods[_TRAINING_CELL] = cell
        methods["network"] = profiles(
            table, here, target, named=str(predictions), remedy="predict again"
        )
        parts.append(Scored(here, annotation, conditions, labelled.targets[rows], methods))
    compared = require_manifest(where).sequences_compared
    return Prepared(stacked(parts), baseline_fits(fitted, conditions, trained), 0, compared)


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


def unlikeness(
    training: np.ndarray, validation: np.ndarray, found: np.ndarray
) -> tuple[np.ndarray, float]:
    """Tell how unlike training genes others are, by features of shape (genes, features).

    Fewer than 10 training genes are refused.

    Returns
    -------
    distances : numpy.ndarray
        Mean distance of each gene of `found` to the 10 nearest training genes, each feature in units of its
        deviation; shape (genes,).
    limit : float
        Distance that 99 % of the validation genes keep.
    """
    if len(training) < _NEIGHBOURS:
        raise ClasterError(
            f"{len(training)} training genes tell nothing of what is usual",
            remedy="train on more genes",
        )
    mean, deviation = training.mean(axis=0), training.std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    points = KDTree((training - mean) / deviation)
    distances, of_validation = (
        points.query((features - mean) / deviation, k=_NEIGHBOURS)[0].mean(axis=1)
        for features in (found, validation)
    )
    return distances, float(np.quantile(of_validation, _UNLIKE))


def promoter_features(
    spec: DatasetSpec,
    folders: DatasetFolders,
    genes: pd.DataFrame,
    *,
    most: int | None = None,
    tracks: Sequence[str] | None = None,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Return what is known of the chromatin at TSSs: log1p of each track's mean within 0.5 to 20 kb.

    Parameters
    ----------
    genes
        Columns `gene_id` and `split`.
    most
        Read at most so many genes, spread evenly.
    tracks
        Names of the tracks, all by default.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, tracks * reaches), in the order of `genes` (`local_features`).
    """
    chosen = spread_evenly(genes, most or len(genes)).reset_index(drop=True)
    at_tss = Binning(1, spec.require_target().bin if spec.target else 1000)
    rows = np.empty((len(chosen), 0))
    with progress.step("chromatin at TSSs", len(chosen)) as step:
        for split, here in chosen.groupby("split", sort=False).indices.items():
            for first in range(0, len(here), _CHUNK):
                part = here[first : first + _CHUNK]
                ids = chosen["gene_id"].iloc[part].tolist()
                landscapes = read_landscapes(folders, spec, ids, split=split, tracks=tracks)
                features = local_features(landscapes, spec.window.binning, at_tss)[:, 0]
                if not rows.shape[1]:
                    rows = np.empty((len(chosen), features.shape[1]))
                rows[part] = features
                step.advance(len(part))
    return rows


def track_shift(tracks: Sequence[str], usual: np.ndarray, found: np.ndarray) -> pd.DataFrame:
    """Tell of each track how far genes lie from training genes, both by their `promoter_features`.

    Returns
    -------
    pandas.DataFrame
        A row a track: medians `training` and `here` of its mean within 5 kb of the TSS (signal), and which
        share of genes lies `below` and `above` what 98 % of the training genes have.
    """
    rows = []
    for name, there, here in zip(
        tracks, _level(usual, tracks, _NEAR).T, _level(found, tracks, _NEAR).T, strict=True
    ):
        low, high = np.quantile(there, _OUTSIDE)
        medians = {"training": np.median(there), "here": np.median(here)}
        shares = {"below": (here < low).mean(), "above": (here > high).mean()}
        rows.append({"track": name} | {key: np.expm1(x) for key, x in medians.items()} | shares)
    return pd.DataFrame(rows)


def _level(features: np.ndarray, tracks: Sequence[str], reach: int) -> np.ndarray:
    """Return the features of one reach (its place in `REACHES`), shape (genes, tracks)."""
    return features.reshape(len(features), len(tracks), -1)[:, :, reach]


def genes_of_both(own: DatasetSpec, scored: Scored) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the run's own test genes that are scored in other cells too, and their rows there."""
    genes = read_genes_table(DatasetFolders.of(own), split="test")
    rows = pd.Index(_keys(scored.genes)).get_indexer(_keys(genes))
    return genes[rows >= 0].reset_index(drop=True), rows[rows >= 0]


def changes_between(
    predictions: pd.DataFrame,
    own: DatasetSpec,
    other: DatasetSpec,
    scored: Scored,
    both: tuple[pd.DataFrame, np.ndarray],
    *,
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Return how each gene of both cells changes from the run's own cells to the other ones.

    Parameters
    ----------
    predictions
        What the run predicts of the test genes of its `own` dataset.
    scored
        What is measured and predicted of the other one.
    both
        See `genes_of_both`.

    Returns
    -------
    pandas.DataFrame
        A row a gene and condition: `gene_id` (of the run's dataset), `chrom`, `tss`, `condition`, and three
        changes: `measured` and `predicted` of log2(x + 1) of the gene's mean, in reads, and
        `promoter_marks` of log2(x + 1) of the mean within 2 kb of the TSS, averaged over
        the tracks that both have.
    """
    genes, rows = both
    folders = DatasetFolders.of(own)
    there = scored.genes.iloc[rows].reset_index(drop=True)
    binning = own.require_target().binning
    signals = {
        "measured": (measured(own, folders, genes, ["test"]), scored.observed[rows]),
        "predicted": (
            network_profiles(predictions, own, folders, genes, split="test"),
            scored.methods["network"][rows],
        ),
    }
    shared = [track.name for track in shared_tracks(own, other)]
    marks = [
        _level(
            promoter_features(
                spec, DatasetFolders.of(spec), table, tracks=shared, progress=progress
            ),
            shared,
            _PROMOTER,
        ).mean(axis=1)
        for spec, table in ((own, genes), (other, there))
    ]
    tables = []
    for number, condition in enumerate(scored.conditions):
        table = genes[["gene_id", "chrom", "tss"]].assign(condition=condition)
        for name, (before, after) in signals.items():
            table[name] = log_signal(gene_means(after[:, number], there, binning)) - log_signal(
                gene_means(before[:, number], genes, binning)
            )
        table["promoter_marks"] = (marks[1] - marks[0]) / np.log(2)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def directions(changes: pd.DataFrame, own: DatasetSpec) -> Sequence[Directions]:
    """Return which share of genes has the sign of the measured change, by the network and by promoter marks.

    From `changes_between`, for each condition, of all genes that change at all and of those that change
    twofold; none of fewer than 10 genes.
    """
    binning, length = own.require_target().binning, own.window.binning.width
    found = []
    for condition, table in changes.groupby("condition", sort=False):
        resamples = resample_loci(table, binning, length=length)
        sign, size = np.sign(table["measured"].to_numpy()), table["measured"].abs().to_numpy()
        network, marks = (
            (np.sign(table[name].to_numpy()) == sign).astype(np.float64)
            for name in ("predicted", "promoter_marks")
        )
        agreeing = {"network": network, "promoter_marks": marks, "difference": network - marks}
        for least in _LEAST:
            changed = (size > 0) & (size >= least)
            if changed.sum() < _FEWEST:
                continue
            some = resamples.of(changed)
            scores = {
                name: Score.of(np.mean, agrees[changed], resamples=some)
                for name, agrees in agreeing.items()
            }
            found.append(
                Directions(
                    condition=str(condition), least=least, genes=int(changed.sum()), **scores
                )
            )
    return found
