"""Training: EIR's `eirtrain` as a program, from a checked dataset to a run folder."""

import os
import shutil
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
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.history import write_history
from claster.eir.machine import Device, Machine
from claster.eir.parts import Flavour, Precision
from claster.eir.preflight import prepare_training
from claster.eir.program import EirFailedError, completed, find_program, now, run_recorded
from claster.eir.reference import embedding_weights
from claster.eir.resources import choose_feeding, require_machine, sample_bytes
from claster.eir.resume import (
    ResumePlan,
    bring_back,
    forget_earlier,
    plan_resumption,
    require_own_configurations,
    require_same_dataset,
    set_aside,
    set_up_resumption,
)
from claster.eir.runs import RunFolder, RunRecord, read_run, run_path, write_run
from claster.eir.target_part import as_stored, predicted_part
from claster.eir.yaml_files import SampleCounts, plan_schedule
from claster.errors import ClasterError
from claster.files import sha256
from claster.lock import lock_folder
from claster.memory import free_memory
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
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
    devices: int = 1,
    precision: Precision | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    memory: bool | None = None,
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
    device, devices
        Where to compute, and on how many of them.
    epochs, batch_size, precision
        Instead of the flavour's own; the batch is that of all devices together.
    workers, memory
        Processes that read samples ahead for each device, and whether samples are held in memory;
        None: as `choose_feeding` does.
    force
        Whether an existing run gives way. It is set aside, and comes back if this one fails.
    resume
        Whether a run that was killed, interrupted or failed resumes from its last saved model;
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
        dataset, this machine cannot do what is asked for, or EIR fails.
    """
    project = Path(project)
    find_program("eirtrain")
    folders = DatasetFolders.of(spec, project=project)
    folders.require_built()
    flavour = as_stored(find_flavour(flavour_name), folders)
    _check_options(seed, epochs, batch_size)
    if batch_size is not None:
        training = flavour.training.model_copy(update={"batch_size": batch_size})
        flavour = flavour.model_copy(update={"training": training})
    relative = run_path(spec.name, flavour.name, tag=tag)
    run = RunFolder(project / relative)
    if run.path.exists() and not (force or resume):
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag, pass --resume to resume it or --force to replace it",
        )
    machine = require_machine(device, devices=devices, precision=precision)
    counts = prepare_training(flavour, spec, project=project, progress=progress)
    spec = predicted_part(flavour, spec)
    machine, feeding = choose_feeding(
        machine,
        sample_bytes=sample_bytes(flavour, spec),
        table=flavour.output.array is None,
        counts=counts,
        epochs=epochs or flavour.training.n_epochs,
        cores=os.process_cpu_count() or 1,
        free=free_memory(),
        workers=workers,
        memory=memory,
    )
    _warn(flavour, spec, counts, epochs, machine, progress)
    manifest = read_manifest(folders)
    data = {name: file.sha256 for name, file in manifest.sources.items()} if manifest else {}
    data |= embedding_weights(flavour, folders)
    with lock_folder(run.path.parent, name=f".{run.path.name}.lock"):
        if resume and run.path.exists() and not force:
            record = read_run(run.path)
            if record.status == "complete":
                progress.say(f"{run.path} is complete")
                return run
            require_same_dataset(run, record, spec, counts, data)
            require_own_configurations(run, record, flavour, spec, relative=relative)
            if plan := plan_resumption(run, record, machine):
                record = record.model_copy(update={"feeding": feeding})
                return _resume(run, record, plan, project, machine, progress)
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
            machine=machine,
            feeding=feeding,
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
    machine: Machine,
    feeding: str,
    epochs: int | None,
    counts: SampleCounts,
    scales: dict[str, SignalScale],
    data: dict[str, str],
    progress: Progress,
) -> None:
    relative = run.path.relative_to(project)
    retired = set_aside(run)
    configuration = configure(
        flavour,
        spec,
        out=run.configurations,
        project=project,
        run_folder=relative,
        counts=counts,
        machine=machine,
        n_epochs=epochs,
        made_by=pasteable(["claster", "train", flavour.name, "--dataset", dataset_yaml]),
    )
    if configuration.batch_size < flavour.training.batch_size:
        progress.say(
            f"batch size {configuration.batch_size} instead of {flavour.training.batch_size}: "
            f"{counts.train} samples to train and {counts.valid} to validate on"
        )
    command = eirtrain_command(configuration.files, project=project)
    record = RunRecord(
        name=relative.name,
        flavour=flavour.name,
        dataset=dataset_yaml,
        dataset_name=spec.name,
        tag=tag,
        seed=seed,
        device=machine.device,
        devices=machine.devices,
        precision=machine.precision or flavour.training.precision,
        feeding=feeding,
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
        kept = run if retired is None else bring_back(run, retired)
        if isinstance(error, EirFailedError):
            raise error.complaint(kept) from None
        raise
    forget_earlier(run)


def _resume(
    run: RunFolder,
    record: RunRecord,
    plan: ResumePlan,
    project: Path,
    machine: Machine,
    progress: Progress,
) -> RunFolder:
    if not plan.epochs:
        progress.say(f"{run.path} was trained to its end before: recorded as complete")
        write_run(run, completed(run, record, seconds=None))
        write_history(run, record)
        forget_earlier(run)
        return run
    progress.say(f"{run.path} {plan.lost}")
    record = set_up_resumption(run, record, plan, machine=machine, now=now())
    seed = ((record.seed or 0) + len(record.resumed)) % _SEEDS  # not the first epochs' order again
    record = record.model_copy(update={"environment": environment(seed)})
    try:
        run_recorded(run, record, plan.steps, project, progress)
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


def _check_options(seed: int, epochs: int | None, batch_size: int | None) -> None:
    if not 0 <= seed < _SEEDS:
        raise ClasterError(
            f"seed {seed} is out of range", remedy=f"choose a number from 0 to {_SEEDS - 1}"
        )
    if epochs is not None and epochs < 1:
        raise ClasterError(f"--epochs must be 1 or more, not {epochs}", remedy="choose 1 or more")
    if batch_size is not None and batch_size < 2:
        raise ClasterError(
            f"--batch-size must be 2 or more, not {batch_size}", remedy="choose 2 or more"
        )
