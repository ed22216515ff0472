"""From a run's predictions to what is scored: checked, with the simple methods fitted beside it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from claster.analysis.baselines import Baselines, fit_baselines, predict_baselines
from claster.analysis.samples import (
    LabelledGenes,
    annotated_genes,
    conditions_of,
    labelled_genes,
    profiles,
    require_genes,
    scored_genes,
)
from claster.analysis.summary import BaselineFits
from claster.dataset.layout import DatasetFolders, read_genes_table, read_ids, read_targets
from claster.dataset.manifest import require_manifest
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.gene_names import one_gene
from claster.genome.regions import shared_bases
from claster.genome.windows import Binning, split_sample_id, window_table
from claster.progress import SILENT, Progress
from claster.settings import Split


def _require_unseen_genes(scored: Collection[str], trained: Collection[str], *, split: str) -> None:
    """Raise `ClasterError` if a gene that is scored has a sample among the training ones.

    A gene is the same under another version of its ID, or as the pseudoautosomal twin (`one_gene`).
    """
    known = set(_genes(split_sample_id(sample)[0] for sample in trained))
    seen = [gene for gene, key in zip(scored, _genes(scored), strict=True) if key in known]
    if seen:
        raise ClasterError(
            f"{len(seen)} of {len(scored)} genes of the {split} split were seen in training, such as"
            f" {min(seen)}",
            remedy="build the dataset and train again; these scores would say nothing",
        )


def _require_unseen_windows(
    scored: pd.DataFrame, trained: pd.DataFrame, window: Binning, *, split: str, allowed: bool
) -> int:
    """Return how many bases of the scored input windows lie in training windows, each counted once."""
    columns = ["chrom", "start", "end"]
    shared = shared_bases(*(window_table(genes, window)[columns] for genes in (scored, trained)))
    if shared and not allowed:
        raise ClasterError(
            f"{shared:,} bp of the {split} split's input windows lie in windows of training genes",
            remedy="build the dataset again, or say 'allow_shared_windows: true' in its 'splits'",
        )
    return shared


def _genes(ids: Iterable[str]) -> list[str]:
    return one_gene(pd.DataFrame({"gene_id": list(ids)}, dtype=str)).tolist()


_NETWORK = "network"
ENSEMBLE = "ensemble"
ATTAINABLE = "attainable"


@dataclass(frozen=True)
class Scored:
    """Genes of one split with what was measured and what was predicted.

    Parameters
    ----------
    genes
        See `read_genes_table`.
    annotation
        All genes that can be neighbours: `gene_id`, `chrom`, `start`, `end`, `tss`.
    observed
        Measured signal (reads), shape (genes, conditions, bins).
    methods
        Prediction of each method, same unit and shape.
    main
        The method that the others are compared with.
    """

    genes: pd.DataFrame
    annotation: pd.DataFrame
    conditions: tuple[str, ...]
    observed: np.ndarray
    methods: Mapping[str, np.ndarray]
    main: str = _NETWORK

    @property
    def baselines(self) -> list[str]:
        """The simple methods: neither a network nor the noise-free truth."""
        networks = (_NETWORK, ENSEMBLE, ATTAINABLE)
        return [name for name in self.methods if not name.startswith(networks)]


def stacked(folds: Sequence[Scored]) -> Scored:
    """Return the genes of several folds as one, each predicted by the run that held it out.

    A gene that is in two folds, and folds of other methods or conditions, are refused.
    """
    first = folds[0]
    for fold in folds[1:]:
        if fold.conditions != first.conditions or fold.methods.keys() != first.methods.keys():
            raise ClasterError(
                "the runs have other conditions or tracks", remedy="give folds of one dataset"
            )
    genes = pd.concat([fold.genes for fold in folds], ignore_index=True)
    if genes["gene_id"].duplicated().any():
        twice = genes.loc[genes["gene_id"].duplicated(), "gene_id"].iloc[0]
        raise ClasterError(
            f"gene {twice} is scored in two of the folds",
            remedy="give runs whose scored genes are the same, or all different",
        )
    annotation = pd.concat([fold.annotation for fold in folds]).drop_duplicates("gene_id")
    return Scored(
        genes,
        annotation.reset_index(drop=True),
        first.conditions,
        np.concatenate([fold.observed for fold in folds]),
        {name: np.concatenate([fold.methods[name] for fold in folds]) for name in first.methods},
        first.main,
    )


def as_ensemble(scored: Scored, networks: Mapping[str, np.ndarray]) -> Scored:
    """Return the same genes with several networks and the mean of their predictions.

    Parameters
    ----------
    networks
        Prediction of each network, by the name of its run; shape (genes, conditions, bins).

    Returns
    -------
    Scored
        Methods ``ensemble`` (which is the main one), ``network <run>`` for each run, and the others.
    """
    mean = np.mean(list(networks.values()), axis=0, dtype=np.float64)
    methods = {ENSEMBLE: mean} | {f"{_NETWORK} {run}": array for run, array in networks.items()}
    methods |= {name: array for name, array in scored.methods.items() if name != _NETWORK}
    return replace(scored, methods=methods, main=ENSEMBLE)


_SEEN: dict[Split, tuple[Split, ...]] = {
    "train": (),
    "valid": ("train",),
    "test": ("train", "valid"),
}


@dataclass(frozen=True)
class Prepared:
    """What is scored, and what is said about it.

    Parameters
    ----------
    shared_bp
        Bases of the scored input windows that lie in training windows.
    sequences_compared
        Whether the build saw to it that no training gene has a copy of a scored gene's sequence.
    """

    scored: Scored
    fits: BaselineFits
    shared_bp: int
    sequences_compared: bool


def prepare(
    predictions: pd.DataFrame,
    spec: DatasetSpec,
    folders: DatasetFolders,
    *,
    split: Split = "test",
    seed: int = 0,
    progress: Progress = SILENT,
) -> Prepared:
    """Check a table of predictions and fit the simple methods on the training split.

    Only forward samples are scored, and the simple methods train on forward samples.

    Parameters
    ----------
    predictions
        Raw scale, indexed by sample name, columns as `spec.target.columns`: every sample of the
        split once (rev samples may be left out altogether).
    seed
        Chooses the training rows where there are more than are taken.

    Raises
    ------
    ClasterError
        If predictions, targets and genes do not match one to one, a value cannot be scored, or what
        is scored was seen in training.
    """
    target = spec.require_target()
    folders.require_built()
    every = read_genes_table(folders)
    genes = every[every["split"] == split].reset_index(drop=True)
    require_genes(genes, read_ids(folders, split), split=split)
    trained = [sample for seen in _SEEN[split] for sample in read_ids(folders, seen)]
    _require_unseen_genes(genes["gene_id"].tolist(), trained, split=split)
    shared_bp = _require_unseen_windows(
        genes,
        every[every["split"].isin(_SEEN[split])],
        spec.window.binning,
        split=split,
        allowed=spec.splits.allow_shared_windows,
    )
    genes = scored_genes(genes) if split != "train" else genes
    methods = {_NETWORK: network_profiles(predictions, spec, folders, genes, split=split)}
    annotation = annotated_genes(folders)
    labelled = labelled_genes(folders, spec, ["train", "valid", split], annotation=annotation)
    fitted = fit_simple_methods(labelled, spec, seed=seed, progress=progress)
    methods |= predict_baselines(fitted, labelled[split], progress=progress)
    if split == "test" and folders.truth_table().is_file():
        methods[ATTAINABLE] = profiles(
            read_targets(folders.truth_table(), transform=target.transform),
            genes,
            target,
            named=f"noise-free targets ({folders.truth_table()})",
            remedy="build the dataset again",
        )
    conditions = tuple(conditions_of(target))
    scored = Scored(genes, annotation, conditions, labelled[split].targets, methods)
    compared = require_manifest(folders).sequences_compared
    return Prepared(scored, baseline_fits(fitted, conditions, labelled), shared_bp, compared)


def fit_simple_methods(
    labelled: Mapping[Split, LabelledGenes],
    spec: DatasetSpec,
    *,
    seed: int,
    progress: Progress = SILENT,
) -> Baselines:
    """Fit the simple methods on the training genes of a dataset, its validation genes choosing."""
    return fit_baselines(
        labelled["train"],
        labelled["valid"],
        track_names=[track.name for track in spec.tracks],
        window=spec.window.binning,
        target=spec.require_target().binning,
        seed=seed,
        progress=progress,
    )


def network_profiles(
    predictions: pd.DataFrame,
    spec: DatasetSpec,
    folders: DatasetFolders,
    genes: pd.DataFrame,
    *,
    split: Split,
) -> np.ndarray:
    """Return the forward predictions of genes of a split, checked; shape (genes, conditions, bins)."""
    return profiles(
        predictions,
        genes,
        spec.require_target(),
        named=f"predictions of the {split} split",
        remedy=f"predict the {split} split of {spec.name!r} with this run again",
        only=read_ids(folders, split),
    )


def baseline_fits(
    fitted: Baselines, conditions: tuple[str, ...], labelled: Mapping[Split, LabelledGenes]
) -> BaselineFits:
    """Return what the simple methods were fitted on, and what the validation genes chose."""
    named = list(zip(conditions, fitted.conditions, strict=True))
    return BaselineFits(
        training_genes=len(labelled["train"].gene_ids),
        validation_genes=len(labelled["valid"].gene_ids),
        training_rows=fitted.rows,
        ridge_penalty={name: float(fit.ridge.alpha) for name, fit in named},
        boosting_trees={name: int(fit.boosting.n_iter_) for name, fit in named},
    )
