"""Score the predictions of runs against the simple methods, in the same way for every run."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import CONFIDENCE, counted_once, resample_loci
from claster.analysis.folder import ResultFolder
from claster.analysis.other_cells import (
    changes_between,
    directions,
    genes_of_both,
    prepare_elsewhere,
)
from claster.analysis.prepare import (
    ENSEMBLE,
    Prepared,
    Scored,
    as_ensemble,
    network_profiles,
    prepare,
    stacked,
)
from claster.analysis.settings import EvaluateSettings
from claster.analysis.summary import (
    Comparison,
    EvaluationSummary,
    Score,
    direction_lines,
    verdict,
)
from claster.analysis.tables import Tables, make_tables
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.predict import predict_missing
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.eir.trained_on import predicted_by
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.times import note_time

_DECIMALS = 6
_WORST = 20
_PRIMARY = {"bin": "once", "gene": "all"}


class RunOf(NamedTuple):
    """A run and the dataset that it was trained on."""

    run: RunFolder
    spec: DatasetSpec


@dataclass(frozen=True)
class Evaluation:
    """The scores of one run, or of several together.

    Parameters
    ----------
    predictions
        Predictions of the simple methods, and of an ensemble: raw scale, forward samples x columns.
    changes
        Of genes of other cells that the run's own dataset holds too (`changes_between`).
    """

    tables: Tables
    summary: EvaluationSummary
    predictions: dict[str, pd.DataFrame]
    changes: pd.DataFrame | None = None


def evaluate_runs(
    runs: Sequence[RunFolder | Path | str],
    settings: EvaluateSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[Evaluation, Path]:
    """Score one run, or several together, with the datasets that they name themselves.

    Parameters
    ----------
    settings, keywords
        `EvaluateSettings`, or its fields; without `to`, one run's scores go into its own folder (see
        `evaluate`).

    Returns
    -------
    evaluation : Evaluation
    folder : Path
        Where it was written.

    Raises
    ------
    ClasterError
        If a run is missing, `to` is missing for several, or see `evaluate` and `evaluate_together`.
    """
    asked = EvaluateSettings.of(settings, **keywords)
    to, split = asked.to, asked.split
    if asked.dataset and (len(runs) > 1 or split != "test"):
        raise ClasterError(
            "--dataset is for one run, whose unseen genes are scored, whatever their split",
            remedy="leave --split out, and give several runs as an ensemble ('claster predict RUN...')",
        )
    members = [
        RunOf(run, load_dataset(read_run(run).dataset, project=run.project))
        for run in map(RunFolder.of, runs)
    ]
    if asked.dataset:
        return _evaluate_elsewhere(members[0], asked, progress=progress)
    if to is None and len(members) > 1:
        raise ClasterError(
            f"{len(members)} runs and no folder for their common scores",
            remedy="name one with --to, such as --to runs/toy/ensemble",
        )
    folder = to or _own_folder(members[0].run, split)
    return evaluate_together(members, folder, split=split, progress=progress), folder


def evaluate(
    run_folder: RunFolder | Path | str,
    spec: DatasetSpec,
    *,
    to: Path | None = None,
    split: Split = "test",
    progress: Progress = SILENT,
) -> Evaluation:
    """Score the predictions of a run and write the scores. The same predictions give the same bytes.

    Parameters
    ----------
    run_folder
        A folder below ``runs/`` that holds predictions of `split`.
    to
        Where to write; None takes ``evaluation/`` in the run's folder for the test split, and
        ``evaluation/<split>/`` for another one.

    Raises
    ------
    ClasterError
        If predictions, targets and genes do not match one to one, hold values that cannot be scored,
        or were seen in training.
    """
    run = RunFolder.of(run_folder)
    to = to or _own_folder(run, split)
    return evaluate_together([RunOf(run, spec)], to, split=split, progress=progress)


def evaluate_together(
    runs: Sequence[RunOf],
    to: Path,
    *,
    split: Split = "test",
    seed: int = 0,
    progress: Progress = SILENT,
) -> Evaluation:
    """Score runs as one: seeds as an ensemble, folds with each gene from its own run.

    Runs that score the same genes of one dataset are seeds: their mean prediction is the method
    ``ensemble``, and ``spread.csv`` tells mean and spread of each score over the runs. Runs that score
    different genes are folds: each gene is predicted by the run that held it out, beside the simple
    methods of the same fold.

    Parameters
    ----------
    runs
        One or more, with predictions of `split`.
    seed
        Chooses the resamples, and the training rows of the simple methods.

    Raises
    ------
    ClasterError
        If the runs are neither, or see `evaluate`.
    """
    begun = time.monotonic()
    runs = [RunOf(run, _as_predicted(run, spec)) for run, spec in runs]
    tables = [read_predictions(run, split) for run, _ in runs]
    names = [run.path.as_posix() for run, _ in runs]
    specs = [spec for _, spec in runs]
    if len(set(names)) < len(names):
        raise ClasterError("a run is given twice", remedy="give each run once")
    seeds = len({spec.name for spec in specs}) == 1
    if not seeds and any(spec.target != specs[0].target for spec in specs):
        raise ClasterError(
            "the runs predict other bins or conditions", remedy="give folds with the same 'target'"
        )
    prepared = [
        prepare(table, spec, DatasetFolders.of(spec), split=split, seed=seed, progress=progress)
        for spec, table in zip(specs[:1] if seeds else specs, tables, strict=False)
    ]
    scored = stacked([part.scored for part in prepared])
    if seeds and len(runs) > 1:
        folders = DatasetFolders.of(specs[0])
        networks = {
            name: network_profiles(table, specs[0], folders, scored.genes, split=split)
            for name, table in zip(names, tables, strict=True)
        }
        scored = as_ensemble(scored, networks)
    evaluation = evaluation_of(
        scored, prepared, names, specs, split=split, seed=seed, progress=progress
    )
    _write_evaluation(evaluation, to)
    note_time(
        specs[0].project,
        "evaluate",
        dataset=specs[0].name,
        units=len(scored.genes),
        seconds=time.monotonic() - begun,
    )
    return evaluation


def _evaluate_elsewhere(
    member: RunOf, asked: EvaluateSettings, *, progress: Progress
) -> tuple[Evaluation, Path]:
    """Score a run on another dataset (`prepare_elsewhere`); missing predictions are made first."""
    run, spec = member
    own = _as_predicted(run, spec)
    other = _as_predicted(run, load_dataset(str(asked.dataset), project=spec.project))
    path = run.predictions(other.name)
    predict_missing(run, path, dataset=asked.dataset, device=asked.device, progress=progress)
    prepared = prepare_elsewhere(path, own, other, progress=progress)
    scored, name = prepared.scored, run.path.as_posix()
    evaluation = evaluation_of(
        scored, [prepared], [name], [other], split="test", seed=0, progress=progress
    )
    folder = asked.to or run.evaluation / other.name
    both = genes_of_both(own, scored)
    if len(both[0]):
        tests = run.predictions("test")
        predict_missing(run, tests, device=asked.device, progress=progress, tracks="none")
        predicted = read_predictions(run, "test")
        changes = changes_between(predicted, own, other, scored, both, progress=progress)
        found = directions(changes, own)
        text = "\n".join([evaluation.summary.verdict, *direction_lines(found)])
        summary = evaluation.summary.model_copy(
            update={"verdict": text, "directions": tuple(found)}
        )
        evaluation = replace(evaluation, summary=summary, changes=changes)
    _write_evaluation(evaluation, folder)
    return evaluation, folder


def _as_predicted(run: RunFolder, spec: DatasetSpec) -> DatasetSpec:
    """Return the dataset with the bins that the run predicts; a folder of mere tables predicts all."""
    return predicted_by(read_run(run.path), spec) if run.record.is_file() else spec


def _own_folder(run: RunFolder, split: Split) -> Path:
    return run.evaluation if split == "test" else run.evaluation / split


def evaluation_of(
    scored: Scored,
    prepared: Sequence[Prepared],
    runs: Sequence[str],
    specs: Sequence[DatasetSpec],
    *,
    split: Split,
    seed: int,
    progress: Progress = SILENT,
) -> Evaluation:
    """Score everything in `scored`.

    Parameters
    ----------
    prepared
        Where it comes from: one part, or one a fold.
    specs
        Their datasets, with the same target.
    seed
        Chooses the resamples.
    """
    spec = specs[0]
    target = spec.require_target()
    length = spec.window.binning.width
    resamples = resample_loci(scored.genes, target.binning, length=length, seed=seed)
    unit = "reads" if target.statistic == "mean" else f"reads per {target.bin} bp"
    tables = make_tables(scored, target.binning, resamples, raw_unit=unit, progress=progress)
    comparisons = _compare(tables.scores, main=scored.main, baselines=scored.baselines)
    once = counted_once(scored.genes, target.binning)
    shared_bp = sum(part.shared_bp for part in prepared)
    compared = all(part.sequences_compared for part in prepared)
    summary = EvaluationSummary(
        verdict=verdict(
            comparisons,
            main=scored.main,
            genes=len(scored.genes),
            blocks=resamples.blocks,
            split=split,
            shared_bp=shared_bp,
            sequences_compared=compared,
        ),
        method=scored.main,
        runs=tuple(runs),
        datasets=tuple(dict.fromkeys(spec.name for spec in specs)),
        split=split,
        genes=len(scored.genes),
        blocks=resamples.blocks,
        block_length=length,
        resamples=len(resamples.counts),
        confidence=CONFIDENCE,
        seed=seed,
        times_counted=round(once.size / int(once.sum()), _DECIMALS),
        shared_bp=shared_bp,
        sequences_compared=compared,
        comparisons=tuple(comparisons),
        worst=tuple(dict.fromkeys(tables.genes.query("worst <= @_WORST")["gene_id"])),
        baselines=tuple(part.fits for part in prepared),
    )
    kept = [name for name in scored.methods if name in (*scored.baselines, ENSEMBLE)]
    index = pd.Index([sample_id(gene, FORWARD) for gene in scored.genes["gene_id"]], name="ID")
    predictions = {
        name: pd.DataFrame(
            scored.methods[name].reshape(len(index), -1).astype(np.float32),
            index=index,
            columns=target.columns,
        )
        for name in kept
    }
    return Evaluation(tables, summary, predictions)


def _compare(scores: pd.DataFrame, *, main: str, baselines: Sequence[str]) -> list[Comparison]:
    """Return the network beside the best simple method, for each condition and level.

    The best one has the highest Pearson r on the scored genes themselves, which favours it.
    """
    chosen = (scores["scale"] == "log2(x+1)") & (scores["how"] == "pooled")
    chosen &= (scores["by"] == "all") & (scores["counted"] == scores["level"].map(_PRIMARY))
    keys = ["condition", "level", "metric", "method", "against"]
    table = scores[chosen].set_index(keys)[["value", "low", "high"]].sort_index()
    found = []
    for condition in scores["condition"].unique():
        for level in _PRIMARY:
            rows = table.xs((condition, level))
            values = {name: rows.loc[("pearson", name, ""), "value"] for name in baselines}
            best = max(baselines, key=lambda name: (not math.isnan(values[name]), values[name]))
            difference = Score.of_row(rows.loc[("pearson", main, best)])
            share = ("share_of_attainable", main, "")
            found.append(
                Comparison(
                    condition=condition,
                    level=level,
                    network=Score.of_row(rows.loc[("pearson", main, "")]),
                    baseline=best,
                    baseline_score=Score.of_row(rows.loc[("pearson", best, "")]),
                    difference=difference,
                    beats=None if difference.low is None else difference.low > 0,
                    share=Score.of_row(rows.loc[share]) if share in rows.index else None,
                )
            )
    return found


def _write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write tables (Parquet and CSV), predictions (Parquet) and `summary.json` (last) to `folder`."""
    tables = dict(vars(evaluation.tables))
    if evaluation.summary.method == ENSEMBLE:
        tables["spread"] = _spread_over_runs(evaluation.tables.scores)
    if evaluation.changes is not None:
        tables["changes"] = evaluation.changes
    for name, table in tables.items():
        rounded = table.round(_DECIMALS)
        with atomic_path(folder / f"{name}.parquet") as partial:
            rounded.to_parquet(partial, index=False)
        write_text(folder / f"{name}.csv", rounded.to_csv(index=False, lineterminator="\n"))
    for name, table in evaluation.predictions.items():
        with atomic_path(folder / "predictions" / f"{name}.parquet") as partial:
            table.to_parquet(partial)
    ResultFolder(folder).write(evaluation.summary)


def _spread_over_runs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean and spread (n - 1 degrees of freedom) of each score over the networks of an ensemble."""
    each = scores[scores["method"].str.startswith("network ") & (scores["against"] == "")]
    keys = ["condition", "level", "scale", "counted", "how", "metric", "by", "stratum", "unit"]
    grouped = each.groupby(keys, sort=False)["value"]
    table = grouped.agg(mean="mean", sd="std", lowest="min", highest="max", runs="size")
    return table.reset_index()
