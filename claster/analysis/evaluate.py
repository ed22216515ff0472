"""Score the predictions of a run against the simple methods, in the same way for every run."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claster.analysis.baselines import fit_local_ridge, mean_profile, predict_local_ridge
from claster.analysis.metrics import SCALE, correlations, gene_means
from claster.analysis.samples import labelled_genes, profiles, require_genes
from claster.analysis.verdict import compare, outcome, verdict
from claster.dataset.layout import (
    DatasetFolders,
    Split,
    read_genes_table,
    read_ids,
    read_targets,
)
from claster.dataset.parts import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder, read_predictions
from claster.files import atomic_path, write_text
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT, Progress

__all__ = ["Evaluation", "evaluate", "metrics_table", "score", "write_evaluation"]

_DECIMALS = 6


@dataclass(frozen=True)
class Evaluation:
    """The scores of one run.

    Parameters
    ----------
    metrics
        Tidy: `method` (network, mean_profile, ridge, attainable), `condition`, `level` (bin, gene),
        `statistic` (pearson, spearman), `value`, `n` (points), `scale`, `split`.
    summary
        What `summary.json` holds: the verdict and the numbers behind it.
    baselines
        Predictions of each baseline, raw scale, forward samples x target columns.
    """

    metrics: pd.DataFrame
    summary: dict[str, Any]
    baselines: dict[str, pd.DataFrame]


def evaluate(
    run_folder: RunFolder | Path | str,
    spec: DatasetSpec,
    *,
    project: Path | str = ".",
    split: Split = "test",
    progress: Progress = SILENT,
) -> Evaluation:
    """Score the predictions of a run and write the scores into its folder.

    The test split is written to ``evaluation/``, another split to ``evaluation/<split>/``. The same
    predictions give the same bytes.

    Parameters
    ----------
    run_folder
        A folder below ``runs/`` that holds predictions of `split`.
    spec
        The dataset that the run was trained on.
    project
        The project's folder.
    split
        The split to score.
    progress
        Where to report to.

    Returns
    -------
    Evaluation

    Raises
    ------
    ClasterError
        If predictions, targets and genes do not match one to one, or hold values that cannot be
        scored.
    """
    run = run_folder if isinstance(run_folder, RunFolder) else RunFolder(Path(run_folder))
    evaluation = score(
        read_predictions(run, split), spec, project=project, split=split, progress=progress
    )
    write_evaluation(evaluation, run.evaluation if split == "test" else run.evaluation / split)
    return evaluation


def score(
    predictions: pd.DataFrame,
    spec: DatasetSpec,
    *,
    project: Path | str = ".",
    split: Split = "test",
    seed: int = 0,
    progress: Progress = SILENT,
) -> Evaluation:
    """Score a table of predictions beside the baselines, which are fitted here.

    Only forward samples are scored, and the baselines train on forward samples of the training
    split. The ridge's penalty is chosen on the validation split.

    Parameters
    ----------
    predictions
        Raw scale, indexed by sample name, columns as `spec.target.columns`: every sample of the
        split once (rev samples may be left out altogether).
    spec
        The dataset.
    project
        The project's folder.
    split
        The split that `predictions` belong to.
    seed
        Chooses the ridge's training rows where there are more than it takes.
    progress
        Where to report to.

    Returns
    -------
    Evaluation

    Raises
    ------
    ClasterError
        See `evaluate`.
    """
    target = spec.require_target()
    folders = DatasetFolders.of(spec, project=project)
    folders.require_built()
    genes = read_genes_table(folders, split=split)
    require_genes(genes, read_ids(folders, split), split=split)
    network = profiles(
        predictions,
        genes,
        target,
        named=f"predictions of the {split} split",
        remedy=f"predict the {split} split of {spec.name!r} with this run again",
        only=read_ids(folders, split),
    )
    labelled = labelled_genes(folders, spec, ["train", "valid", split])
    train, valid = labelled["train"], labelled["valid"]
    ridge = fit_local_ridge(
        train,
        valid,
        window=spec.window.binning,
        target=target.binning,
        seed=seed,
        progress=progress,
    )
    observed = labelled[split].targets
    baselines = {
        "mean_profile": np.broadcast_to(mean_profile(train.targets), observed.shape),
        "ridge": predict_local_ridge(ridge, labelled[split], progress=progress),
    }
    methods = {"network": network} | baselines
    if split == "test" and folders.truth_table().is_file():
        methods["attainable"] = profiles(
            read_targets(folders.truth_table(), transform=target.transform),
            genes,
            target,
            named=f"noise-free targets ({folders.truth_table()})",
            remedy="build the dataset again",
        )
    metrics = metrics_table(methods, observed, genes, target, split=split)
    comparisons = compare(metrics)
    summary = {
        "verdict": verdict(comparisons, genes=len(genes), split=split),
        "outcome": {rival: outcome(comparisons, rival) for rival in baselines},
        "dataset": spec.name,
        "split": split,
        "genes": len(genes),
        "scale": SCALE,
        "samples": "forward samples only; rev samples are augmentation",
        "comparisons": comparisons,
        "ridge": {
            "alpha": dict(zip(target.groups, ridge.alphas, strict=True)),
            "training_rows": ridge.rows,
            "training_genes": len(train.gene_ids),
            "validation_genes": len(valid.gene_ids),
        },
    }
    tables = {name: _table(values, genes, target) for name, values in baselines.items()}
    return Evaluation(metrics, summary, tables)


def metrics_table(
    methods: Mapping[str, np.ndarray],
    observed: np.ndarray,
    genes: pd.DataFrame,
    target: TargetSpec,
    *,
    split: str,
) -> pd.DataFrame:
    """Return the tidy table of scores (columns: see `Evaluation`).

    Parameters
    ----------
    methods
        Name and prediction of each method, raw scale, shape (genes, conditions, bins).
    observed
        The measured signal, same shape.
    genes
        Gene table in the same order, with `gene_id`, `start`, `end`, `tss`.
    target
        Conditions and bins.
    split
        Name of the split, for the table.
    """
    rows = []
    for method, predicted in methods.items():
        for number, condition in enumerate(target.groups):
            seen, guessed = observed[:, number], predicted[:, number]
            levels = {
                "bin": correlations(seen, guessed),
                "gene": correlations(
                    gene_means(seen, genes, target.binning),
                    gene_means(guessed, genes, target.binning),
                ),
            }
            for level, result in levels.items():
                for statistic in ("pearson", "spearman"):
                    value = round(getattr(result, statistic), _DECIMALS)
                    rows.append((method, condition, level, statistic, value, result.n))
    table = pd.DataFrame(rows, columns=["method", "condition", "level", "statistic", "value", "n"])
    return table.assign(scale=SCALE, split=split)


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write metrics (CSV, Parquet), baselines (Parquet) and summary (JSON, last) to `folder`."""
    split = evaluation.summary["split"]
    text = evaluation.metrics.to_csv(
        index=False, float_format=f"%.{_DECIMALS}f", lineterminator="\n"
    )
    write_text(folder / "metrics.csv", text)
    with atomic_path(folder / "metrics.parquet") as partial:
        evaluation.metrics.to_parquet(partial, index=False)
    for name, table in evaluation.baselines.items():
        with atomic_path(folder / f"{name}_{split}.parquet") as partial:
            table.to_parquet(partial)
    write_text(folder / "summary.json", json.dumps(evaluation.summary, indent=2) + "\n")


def _table(profiles: np.ndarray, genes: pd.DataFrame, target: TargetSpec) -> pd.DataFrame:
    index = pd.Index([sample_id(gene, FORWARD) for gene in genes["gene_id"]], name="ID")
    values = profiles.reshape(len(genes), -1).astype(np.float32)
    return pd.DataFrame(values, index=index, columns=target.columns)
