"""Training: EIR's `eirtrain` as a program, from a checked dataset to a run folder."""

import shutil
import tempfile
from pathlib import Path

from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import read_manifest
from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.eir.configure import (
    configure,
    eirtrain_command,
    environment,
)
from claster.eir.content import Device, SampleCounts, plan_schedule
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.history import write_history
from claster.eir.parts import Flavour
from claster.eir.preflight import check_training, resolve_device
from claster.eir.program import find_program
from claster.eir.recorded import EirFailedError, completed, now, run_recorded
from claster.eir.resume import ResumePlan, plan_resumption, set_up_resumption
from claster.eir.runs import RunFolder, RunRecord, read_run, run_path, write_run
from claster.errors import ClasterError
from claster.files import sha256
from claster.lock import lock_folder
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["train"]

_SEEDS = 2**32
_LONG_RUN = 5000
"""From how many steps on a run is worth a look at its network first."""
_PACKAGES = ("claster", "eir-dl", "torch", "numpy")


def train(
    flavour_name: str,
    spec: DatasetSpec,
    *,
    dataset_yaml: str,
    project: Path | str = ".",
    tag: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    epochs: int | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Progress = SILENT,
) -> RunFolder:
    """Train a flavour on a built dataset.

    Parameters
    ----------
    flavour_name, spec
        What to train, on which dataset.
    dataset_yaml
        Name or path of the dataset's YAML, for the record.
    project
        The project's folder; EIR runs there.
    tag
        Distinguishes runs of the same flavour and dataset.
    seed
        Seed of the weights, the order of samples and dropout.
    device
        Where to compute.
    epochs
        Instead of the flavour's number of epochs.
    force
        Whether an existing run gives way. It is set aside, and comes back if this one fails.
    resume
        Whether a run that was killed, interrupted or failed goes on from its last saved model;
        `progress` says what that loses. Without such a run training starts from the beginning, and a
        complete run is left as it is.
    progress
        Where to report to.

    Returns
    -------
    RunFolder

    Raises
    ------
    ClasterError
        If the dataset has a fault, the run exists, another process trains it, it was begun on another
        dataset, or EIR fails.
    """
    project = Path(project)
    flavour = find_flavour(flavour_name)
    find_program("eirtrain")
    DatasetFolders.of(spec, project=project).require_built()
    _check_options(seed, epochs)
    relative = run_path(spec.name, flavour.name, tag=tag)
    run = RunFolder(project / relative)
    if run.path.exists() and not (force or resume):
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag, pass --resume to go on with it or --force to replace it",
        )
    device = resolve_device(device)
    counts = check_training(flavour, spec, project=project, progress=progress)
    _warn(flavour, spec, counts, epochs, progress)
    manifest = read_manifest(DatasetFolders.of(spec, project=project))
    data = {name: file.sha256 for name, file in manifest.sources.items()} if manifest else {}
    with lock_folder(run.path.parent, name=f".{run.path.name}.lock"):
        if resume and run.path.exists() and not force:
            record = read_run(run.path)
            if record.status == "complete":
                progress.say(f"{run.path} is complete")
                return run
            _require_same_dataset(run, record, spec, counts, data)
            if plan := plan_resumption(run, record):
                return _resume(run, record, plan, project, device, progress)
            progress.say(f"{run.path} saved no model yet: it starts from the beginning")
            shutil.rmtree(run.path)
        _train_anew(
            run,
            flavour,
            spec,
            dataset_yaml=dataset_yaml,
            project=project,
            tag=tag,
            seed=seed,
            device=device,
            epochs=epochs,
            counts=counts,
            scales=manifest.scales if manifest else {},
            data=data,
            progress=progress,
        )
    return run


def _train_anew(
    run: RunFolder,
    flavour: Flavour,
    spec: DatasetSpec,
    *,
    dataset_yaml: str,
    project: Path,
    tag: str | None,
    seed: int,
    device: Device,
    epochs: int | None,
    counts: SampleCounts,
    scales: dict[str, SignalScale],
    data: dict[str, str],
    progress: Progress,
) -> None:
    relative = run.path.relative_to(project)
    retired = _set_aside(run)
    configuration = configure(
        flavour,
        spec,
        out=run.configurations,
        project=project,
        run_folder=relative,
        counts=counts,
        device=device,
        n_epochs=epochs,
        made_by=f"claster train {flavour.name} --dataset {dataset_yaml}",
    )
    if configuration.batch_size < flavour.training.batch_size:
        progress.say(
            f"batch size {configuration.batch_size} instead of {flavour.training.batch_size}: "
            f"{counts.train} samples to train and {counts.valid} to validate on"
        )
    command = eirtrain_command(configuration, project=project)
    record = RunRecord(
        name=relative.name,
        flavour=flavour.name,
        dataset=dataset_yaml,
        dataset_name=spec.name,
        tag=tag,
        seed=seed,
        device=device,
        status="running",
        command=tuple(command),
        environment=environment(seed),
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
    )
    try:
        run_recorded(run, record, record.steps, project, progress)
    except BaseException as error:
        kept = run if retired is None else _bring_back(run, retired)
        if isinstance(error, EirFailedError):
            raise error.complaint(kept) from None
        raise
    if retired is not None:
        shutil.rmtree(retired.parent)


def _resume(
    run: RunFolder,
    record: RunRecord,
    plan: ResumePlan,
    project: Path,
    device: Device,
    progress: Progress,
) -> RunFolder:
    if not plan.epochs:
        progress.say(f"{run.path} had been trained to its end: recorded as complete")
        write_run(run, completed(run, record, seconds=None))
        write_history(run, record)
        return run
    progress.say(f"{run.path} {plan.lost}")
    record = set_up_resumption(run, record, plan, device=device, now=now())
    seed = ((record.seed or 0) + len(record.resumed)) % _SEEDS  # not the first epochs' order again
    record = record.model_copy(update={"environment": environment(seed)})
    try:
        run_recorded(run, record, plan.steps, project, progress)
    except EirFailedError as error:
        raise error.complaint(run) from None
    return run


def _warn(
    flavour: Flavour,
    spec: DatasetSpec,
    counts: SampleCounts,
    epochs: int | None,
    progress: Progress,
) -> None:
    """Say what is wrong with the network before a long run; to build it takes EIR half a minute."""
    steps = plan_schedule(flavour, counts, epochs).steps
    if steps is not None and steps >= _LONG_RUN:
        progress.say("EIR builds the network once to look at it")
        for warning in measure_geometry(flavour, spec).warnings:
            progress.say(f"warning: {warning}")


def _require_same_dataset(
    run: RunFolder, record: RunRecord, spec: DatasetSpec, counts: SampleCounts, data: dict[str, str]
) -> None:
    begun = SampleCounts(train=record.training_samples, valid=record.validation_samples)
    spoken_of = {"description", "data", "downloads", "example_gene"}  # change no sample
    now = spec.model_dump(exclude=spoken_of)
    then = record.trained_on.model_dump(exclude=spoken_of) if record.trained_on else now
    if counts != begun or then != now or record.data not in ({}, data):
        raise ClasterError(
            f"dataset {spec.name!r} has changed since the training of {run.path} began",
            remedy="train anew with --force, or choose another --tag",
        )


def _check_options(seed: int, epochs: int | None) -> None:
    if not 0 <= seed < _SEEDS:
        raise ClasterError(
            f"seed {seed} is out of range", remedy=f"choose a number from 0 to {_SEEDS - 1}"
        )
    if epochs is not None and epochs < 1:
        raise ClasterError(f"{epochs} epochs are no training", remedy="choose 1 or more")


def _set_aside(run: RunFolder) -> Path | None:
    """Move an existing run into a hidden folder beside it; return where it is now."""
    if not run.path.exists():
        return None
    hidden = Path(tempfile.mkdtemp(prefix=f".{run.path.name}.old-", dir=run.path.parent))
    return run.path.replace(hidden / run.path.name)


def _bring_back(run: RunFolder, retired: Path) -> RunFolder:
    """Put the earlier run back; return where the failed one is kept."""
    kept = RunFolder(run.path.with_name(f"{run.path.name}.failed"))
    if kept.path.exists():
        shutil.rmtree(kept.path)
    run.path.replace(kept.path)
    retired.replace(run.path)
    retired.parent.rmdir()
    return kept
