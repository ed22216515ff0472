"""Several seeds and folds of one flavour, one training after the other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import fold_names, load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.run import train
from claster.eir.runs import RunFolder, read_run, run_path
from claster.eir.settings import TrainSettings
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.settings import parse_shard

_NUMBERS = re.compile(r"\d+(,\d+)*")


@dataclass(frozen=True)
class _Training:
    """One training of a series: a dataset by name, a tag, a seed; the n-th of so many."""

    dataset: str
    tag: str | None
    seed: int
    number: int
    of: int


def plan_series(
    dataset: str,
    *,
    seeds: str | None = None,
    seed: int = 0,
    folds: int | None = None,
    tag: str | None = None,
    shard: str | None = None,
) -> list[_Training]:
    """Return what to train, in order: all folds with the first seed, then with the next.

    Parameters
    ----------
    dataset
        Name or path of the dataset's YAML.
    seeds
        ``1,2,3``: one training each, tagged ``seed<n>`` after `tag`; None: `seed` alone, without one.
    folds
        Train on each of so many folds of the dataset.
    tag
        Distinguishes the runs from others.
    shard
        ``2/4``: of these only the second, the sixth, the tenth and so on.

    Raises
    ------
    ClasterError
        If `seeds`, `folds` or `shard` are not numbers, or out of range.

    Examples
    --------
    >>> for training in plan_series("toy", seeds="1,2", folds=3, shard="2/3"):
    ...     print(training.dataset, training.tag)
    toy@1of3 seed1
    toy@1of3 seed2
    """
    if folds is not None and folds < 3:
        raise ClasterError(
            f"--folds must be 3 or more, not {folds}", remedy="choose a larger number"
        )
    datasets = [dataset] if folds is None else fold_names(dataset, folds)
    tagged = [(tag, seed)]
    if seeds is not None:
        if not _NUMBERS.fullmatch(seeds):
            raise ClasterError(
                f"--seeds must be numbers, not {seeds!r}", remedy="write them as 1,2,3"
            )
        numbers = list(dict.fromkeys(int(number) for number in seeds.split(",")))
        tagged = [(f"{tag}-seed{n}" if tag else f"seed{n}", n) for n in numbers]
    of = len(tagged) * len(datasets)
    pairs = [(name, *run) for run in tagged for name in datasets]
    every = [_Training(*pair, number, of) for number, pair in enumerate(pairs, start=1)]
    if shard is None:
        return every
    part, parts = parse_shard(shard)
    return every[part - 1 :: parts]


def train_series(
    flavour: str,
    series: Sequence[_Training],
    settings: TrainSettings | None = None,
    *,
    project: Path | str = ".",
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> list[RunFolder]:
    """Train a flavour several times; what is complete already is left as it is.

    A fold whose dataset is not built is built first. The first fault ends the series; the same call
    then continues after what is done.

    Parameters
    ----------
    series
        Of `plan_series`.
    settings, **keywords
        See `TrainSettings`; tags and seeds are those of the series. With `force` complete runs are trained
        again.

    Returns
    -------
    list of RunFolder
        In the order of `series`.

    Raises
    ------
    ClasterError
        If a fold cannot be built, or a training has a fault.
    """
    asked = TrainSettings.of(settings, **keywords)
    runs = []
    for training in series:
        spec = load_dataset(training.dataset, project=project)
        run = RunFolder(spec.project / run_path(spec.name, flavour, tag=training.tag), spec.project)
        runs.append(run)
        if training.of > 1:
            progress.say(f"{training.number} of {training.of}: {run.path}")
            if not asked.force and run.record.is_file() and read_run(run.path).status == "complete":
                progress.say(f"{run.path} is complete")
                continue
        _build_fold(training.dataset, spec, progress)
        train(
            flavour,
            spec,
            asked,
            dataset_yaml=training.dataset,
            progress=progress,
            tag=training.tag,
            seed=training.seed,
        )
    return runs


def next_lines(runs: Sequence[RunFolder]) -> list[str]:
    """Return the commands that predict with the runs and score them, several together."""
    names = [str(run.path) for run in runs]
    if len(names) < 2:
        return [pasteable(["claster", "predict", name]) for name in names]
    return [
        f'for run in {pasteable(names)}; do claster predict "$run"; done',
        pasteable(["claster", "evaluate", *names]),
    ]


def _build_fold(name: str, spec: DatasetSpec, progress: Progress) -> None:
    """Build the dataset of a fold where it is not; another dataset is the user's to build."""
    folders = DatasetFolders.of(spec)
    if "@" in name and not folders.is_built:
        progress.say(f"{folders.inputs} is not built: it is built first")
        build_dataset(spec, progress=progress)
