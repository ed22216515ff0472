"""Training: EIR's `eirtrain` as a program, from a checked dataset to a run folder, once or in series."""

import re
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import fold_names, load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import as_stored, predicted_part
from claster.eir.configure import configure, eirtrain_command, environment
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.history import read_history, write_history
from claster.eir.machine import Machine, choose_feeding, require_machine
from claster.eir.parts import Flavour, SampleCounts
from claster.eir.preflight import prepare_training
from claster.eir.program import EirFailedError, completed, find_program, run_recorded
from claster.eir.resume import (
    ResumePlan,
    bring_back,
    forget_earlier,
    plan_resumption,
    require_same_training,
    set_aside,
    set_up_resumption,
)
from claster.eir.runs import RunFolder, RunRecord, now, read_run, run_path, write_run
from claster.eir.settings import SEEDS, TrainSettings
from claster.eir.start import find_start, write_start
from claster.eir.trained_on import built_from
from claster.eir.yaml_files import plan_schedule
from claster.errors import ClasterError
from claster.files import lock_folder, sha256
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.settings import parse_shard
from claster.times import note_time
from claster.versions import versions

_LONG_RUN = 5000
"""From how many steps on a run is worth a look at its network first."""
_PACKAGES = ("claster", "eir-dl", "torch", "numpy")
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
            if not asked.force and run.record.is_file() and read_run(run).status == "complete":
                progress.say(f"{run.path} is complete")
                continue
        folders = DatasetFolders.of(spec)
        if (
            "@" in training.dataset and not folders.is_built
        ):  # another dataset is the user's to build
            progress.say(f"{folders.inputs} is not built: it is built first")
            build_dataset(spec, progress=progress)
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


def train(
    flavour_name: str,
    spec: DatasetSpec,
    settings: TrainSettings | None = None,
    *,
    dataset_yaml: str,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> RunFolder:
    """Train a flavour on a built dataset.

    Parameters
    ----------
    flavour_name, spec
        What to train, on which dataset.
    settings, **keywords
        How: see `TrainSettings`. An existing run that `force` replaces is set aside, and comes back if this
        one fails. With `resume`, a run that was interrupted or failed resumes from its last saved model, and
        `progress` says what that loses; without such a run training starts from the beginning, and a complete
        run is left as it is.
    dataset_yaml
        Name or path of the dataset's YAML, for the record.

    Raises
    ------
    ClasterError
        If the dataset has a fault, the run exists, another process trains it, it was begun on another
        dataset, this machine cannot do what is asked for, or EIR fails.
    """
    begun = time.monotonic()
    asked = TrainSettings.of(settings, **keywords)
    find_program("eirtrain")
    folders = DatasetFolders.of(spec)
    folders.require_built()
    flavour = as_stored(find_flavour(flavour_name), folders)
    changed: dict[str, float] = {"drop_tracks": asked.drop_tracks}
    if asked.batch_size is not None:
        changed["batch_size"] = asked.batch_size
    training = flavour.training.model_copy(update=changed)
    flavour = flavour.model_copy(update={"training": training})
    run = RunFolder(spec.project / run_path(spec.name, flavour.name, tag=asked.tag), spec.project)
    if run.path.exists() and not (asked.force or asked.resume):
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag, pass --resume to resume it or --force to replace it",
        )
    machine = require_machine(asked.device, devices=asked.devices, precision=asked.precision)
    counts = prepare_training(flavour, spec, progress=progress)
    spec = predicted_part(flavour, spec)
    epochs = asked.epochs or flavour.training.n_epochs
    machine = choose_feeding(
        machine, asked, flavour=flavour, spec=spec, counts=counts, epochs=epochs
    )
    _warn(flavour, spec, counts, asked.epochs, machine, progress)
    with lock_folder(run.path.parent, name=f".{run.path.name}.lock"):
        if asked.resume and run.path.exists() and not asked.force:
            record = read_run(run.path)
            if record.status == "complete":
                progress.say(f"{run.path} is complete")
                return run
            require_same_training(run, record, flavour, spec, asked, counts)
            if plan := plan_resumption(run, record, machine):
                return _resume(run, record, plan, asked.tag, machine, progress)
            progress.say(f"{run.path} saved no model yet: it starts from the beginning")
            if record.started_from and not asked.pretrained:
                asked = asked.model_copy(update={"pretrained": Path(record.started_from.run)})
            shutil.rmtree(run.path)
        _train_anew(run, flavour, spec, asked, dataset_yaml, machine, counts, progress)
        record = read_run(run.path)
        curve = read_history(run, record)
        # Fewer steps than planned where it stopped early.
        steps = int(curve["step"].max()) if len(curve) else record.steps
        note_time(
            spec.project,
            "train",
            dataset=spec.name,
            flavour=flavour.name,
            device=machine.device,
            units=steps * record.batch_size,
            seconds=time.monotonic() - begun,
        )
    return run


def _train_anew(
    run: RunFolder,
    flavour: Flavour,
    spec: DatasetSpec,
    asked: TrainSettings,
    dataset_yaml: str,
    machine: Machine,
    counts: SampleCounts,
    progress: Progress,
) -> None:
    relative = run.path.relative_to(run.project)
    start = None
    if asked.pretrained:
        source = RunFolder(run.project / asked.pretrained, run.project)
        start, weights = find_start(source, flavour, spec)
    retired = set_aside(run)
    if start:
        progress.say(start.line)
        write_start(run, weights)
    configuration = configure(
        flavour,
        spec,
        out=run.configurations,
        run_folder=relative,
        machine=machine,
        schedule=plan_schedule(flavour, counts, asked.epochs, devices=machine.devices),
        made_by=pasteable(["claster", "train", flavour.name, "--dataset", dataset_yaml]),
        pretrained=(relative / run.start.name).as_posix() if start else None,
    )
    if configuration.batch_size < flavour.training.batch_size:
        progress.say(
            f"batch size {configuration.batch_size} instead of {flavour.training.batch_size}: "
            f"{counts.train} samples to train and {counts.valid} to validate on"
        )
    scales, data = built_from(DatasetFolders.of(spec), flavour)
    record = RunRecord(
        name=relative.name,
        flavour=flavour.name,
        dataset=dataset_yaml,
        dataset_name=spec.name,
        tag=asked.tag,
        seed=asked.seed,
        device=machine.device,
        devices=machine.devices,
        precision=machine.precision or flavour.training.precision,
        feeding=machine.feeding,
        status="running",
        command=tuple(eirtrain_command(configuration.files, project=run.project)),
        environment=environment(asked.seed),
        versions=versions(_PACKAGES),
        configurations={path.name: sha256(path) for path in configuration.files},
        training_samples=counts.train,
        validation_samples=counts.valid,
        batch_size=configuration.batch_size,
        steps=configuration.steps or 0,
        output=flavour.output.output_type,
        started=now(),
        scales=scales,
        trained_on=spec,
        data=data,
        started_from=start,
        drop_tracks=asked.drop_tracks,
        transform=flavour.output.transform,
    )
    try:
        run_recorded(run, record, record.steps, progress)
    except BaseException as error:
        kept = run if retired is None else bring_back(run, retired)
        if isinstance(error, EirFailedError):
            raise error.complaint(kept) from None
        raise
    forget_earlier(run)


def _resume(
    run: RunFolder,
    record: RunRecord,
    plan: ResumePlan,
    tag: str | None,
    machine: Machine,
    progress: Progress,
) -> RunFolder:
    record = record.model_copy(update={"feeding": machine.feeding, "tag": tag})
    if not plan.epochs:
        progress.say(f"{run.path} was trained to its end before: recorded as complete")
        write_run(run, completed(run, record, seconds=None))
        write_history(run, record)
        forget_earlier(run)
        return run
    progress.say(f"{run.path} {plan.lost}")
    record = set_up_resumption(run, record, plan, machine=machine)
    seed = ((record.seed or 0) + len(record.resumed)) % SEEDS  # not the first epochs' order again
    record = record.model_copy(update={"environment": environment(seed)})
    try:
        run_recorded(run, record, plan.steps, progress)
    except EirFailedError as error:
        raise error.complaint(run) from None
    forget_earlier(run)
    return run


def _warn(
    flavour: Flavour,
    spec: DatasetSpec,
    counts: SampleCounts,
    epochs: int | None,
    machine: Machine,
    progress: Progress,
) -> None:
    """Say what is wrong with the network before a long run; to build it takes EIR half a minute."""
    if machine.devices > 1:
        progress.say(
            f"{machine.devices} devices: the learning rate stays {flavour.training.lr:g}, without early "
            f"stopping, and 1 in {machine.devices} validation samples is looked at (docs/training.md)"
        )
    steps = plan_schedule(flavour, counts, epochs, devices=machine.devices).steps
    if steps is not None and steps >= _LONG_RUN:
        progress.say("EIR builds the network once to look at it")
        for warning in measure_geometry(flavour, spec).warnings:
            progress.say(f"warning: {warning}")
