"""Score the predictions of runs against the simple methods, in the same way for every run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from claster.analysis.other_cells import (
    changes_between,
    directions,
    genes_of_both,
    prepare_elsewhere,
)
from claster.analysis.prepare import as_ensemble, network_profiles, prepare, stacked
from claster.analysis.result import Evaluation, evaluation_of, write_evaluation
from claster.analysis.settings import EvaluateSettings
from claster.analysis.summary import direction_lines
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.predict import predict_missing
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.eir.trained_on import predicted_by
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.times import note_time


@dataclass(frozen=True)
class RunOf:
    """A run and the dataset that it was trained on."""

    run: RunFolder
    spec: DatasetSpec


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
    if len(members) > 1:
        if to is None:
            raise ClasterError(
                f"{len(members)} runs and no folder for their common scores",
                remedy="name one with --to, such as --to runs/toy/ensemble",
            )
        evaluation = evaluate_together(members, to, split=split, progress=progress)
        return evaluation, to
    run, spec = members[0].run, members[0].spec
    if asked.dataset:
        return _evaluate_elsewhere(members[0], asked, progress=progress)
    folder = to or _own_folder(run, split)
    evaluation = evaluate(run, spec, to=folder, split=split, progress=progress)
    return evaluation, folder


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
    spec
        The dataset that the run was trained on.
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
    runs = [RunOf(member.run, _as_predicted(member)) for member in runs]
    first = runs[0]
    tables = [read_predictions(member.run, split) for member in runs]
    names = [member.run.path.as_posix() for member in runs]
    if len(set(names)) < len(names):
        raise ClasterError("a run is given twice", remedy="give each run once")
    seeds = all(member.spec.name == first.spec.name for member in runs)
    if not seeds and any(member.spec.target != first.spec.target for member in runs):
        raise ClasterError(
            "the runs predict other bins or conditions", remedy="give folds with the same 'target'"
        )
    prepared = []
    for member, table in zip(runs[:1] if seeds else runs, tables, strict=False):
        folders = DatasetFolders.of(member.spec)
        prepared.append(
            prepare(table, member.spec, folders, split=split, seed=seed, progress=progress)
        )
    scored = stacked([part.scored for part in prepared])
    if seeds and len(runs) > 1:
        folders = DatasetFolders.of(first.spec)
        networks = {
            name: network_profiles(table, first.spec, folders, scored.genes, split=split)
            for name, table in zip(names, tables, strict=True)
        }
        scored = as_ensemble(scored, networks)
    specs = [member.spec for member in runs]
    evaluation = evaluation_of(
        scored, prepared, names, specs, split=split, seed=seed, progress=progress
    )
    write_evaluation(evaluation, to)
    note_time(
        first.spec.project,
        "evaluate",
        dataset=first.spec.name,
        units=len(scored.genes),
        seconds=time.monotonic() - begun,
    )
    return evaluation


def _evaluate_elsewhere(
    member: RunOf, asked: EvaluateSettings, *, progress: Progress
) -> tuple[Evaluation, Path]:
    """Score a run on another dataset (`prepare_elsewhere`); missing predictions are made first."""
    own, other = (
        _as_predicted(RunOf(member.run, spec))
        for spec in (
            member.spec,
            load_dataset(str(asked.dataset), project=member.spec.project),
        )
    )
    path = member.run.predictions(other.name)
    predict_missing(member.run, path, dataset=asked.dataset, device=asked.device, progress=progress)
    prepared = prepare_elsewhere(path, own, other, progress=progress)
    name = member.run.path.as_posix()
    evaluation = evaluation_of(
        prepared.scored, [prepared], [name], [other], split="test", seed=0, progress=progress
    )
    folder = asked.to or member.run.evaluation / other.name
    both = genes_of_both(own, prepared.scored)
    if len(both[0]):
        tests = member.run.predictions("test")
        predict_missing(member.run, tests, device=asked.device, progress=progress, tracks="none")
        changes = changes_between(
            read_predictions(member.run, "test"),
            own,
            other,
            prepared.scored,
            both,
            progress=progress,
        )
        found = directions(changes, own)
        text = "\n".join([evaluation.summary.verdict, *direction_lines(found)])
        summary = evaluation.summary.model_copy(
            update={"verdict": text, "directions": tuple(found)}
        )
        evaluation = replace(evaluation, summary=summary, changes=changes)
    write_evaluation(evaluation, folder)
    return evaluation, folder


def _as_predicted(member: RunOf) -> DatasetSpec:
    """Return the dataset with the bins that the run predicts; a folder of mere tables predicts all."""
    if not member.run.record.is_file():
        return member.spec
    return predicted_by(read_run(member.run.path), member.spec)


def _own_folder(run: RunFolder, split: Split) -> Path:
    return run.evaluation if split == "test" else run.evaluation / split
