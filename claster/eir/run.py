"""Training: EIR's `eirtrain` as a program, from a checked dataset to a run folder."""

import os
import shutil
import time
from dataclasses import dataclass
from typing import Any

from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import Manifest, read_manifest
from claster.dataset.spec import DatasetSpec
from claster.eir.configure import (
    configure,
    eirtrain_command,
    environment,
    require_own_configurations,
)
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.history import read_history, write_history
from claster.eir.machine import Machine
from claster.eir.parts import Flavour
from claster.eir.preflight import prepare_training
from claster.eir.program import EirFailedError, completed, find_program, now, run_recorded
from claster.eir.reference import embedding_weights
from claster.eir.resources import choose_feeding, require_machine, sample_bytes
from claster.eir.resume import (
    ResumePlan,
    bring_back,
    forget_earlier,
    plan_resumption,
    require_same_dataset,
    set_aside,
    set_up_resumption,
)
from claster.eir.runs import RunFolder, RunRecord, read_run, run_path, trained_weights, write_run
from claster.eir.settings import SEEDS, TrainSettings
from claster.eir.start import Start, find_start
from claster.eir.target_part import as_stored, predicted_part
from claster.eir.yaml_files import SampleCounts, plan_schedule
from claster.errors import ClasterError
from claster.files import sha256
from claster.lock import lock_folder
from claster.memory import free_memory
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.times import note_time
from claster.versions import versions

_LONG_RUN = 5000
"""From how many steps on a run is worth a look at its network first."""
_PACKAGES = ("claster", "eir-dl", "torch", "numpy")


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
    relative = run_path(spec.name, flavour.name, tag=asked.tag)
    run = RunFolder(spec.project / relative, spec.project)
    if run.path.exists() and not (asked.force or asked.resume):
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag, pass --resume to resume it or --force to replace it",
        )
    source = RunFolder(spec.project / asked.pretrained, spec.project) if asked.pretrained else None
    machine = require_machine(asked.device, devices=asked.devices, precision=asked.precision)
    counts = prepare_training(flavour, spec, progress=progress)
    spec = predicted_part(flavour, spec)
    machine, feeding = choose_feeding(
        machine,
        asked,
        sample_bytes=sample_bytes(flavour, spec),
        table=flavour.output.array is None,
        counts=counts,
        epochs=asked.epochs or flavour.training.n_epochs,
        cores=os.process_cpu_count() or 1,
        free=free_memory(),
    )
    _warn(flavour, spec, counts, asked.epochs, machine, progress)
    manifest = read_manifest(folders)
    data = {name: file.sha256 for name, file in manifest.sources.items()} if manifest else {}
    data |= embedding_weights(flavour, folders)
    with lock_folder(run.path.parent, name=f".{run.path.name}.lock"):
        if asked.resume and run.path.exists() and not asked.force:
            record = read_run(run.path)
            if record.status == "complete":
                progress.say(f"{run.path} is complete")
                return run
            if record.drop_tracks != asked.drop_tracks:
                raise ClasterError(
                    f"{run.path} was begun with 'drop_tracks' {record.drop_tracks:g},"
                    f" not {asked.drop_tracks:g}",
                    remedy=f"resume it with --drop-tracks {record.drop_tracks:g}",
                )
            if source:
                _require_same_start(run, record, source)
            elif record.started_from:
                source = RunFolder(spec.project / record.started_from.run, spec.project)
            require_same_dataset(run, record, spec, counts, data)
            require_own_configurations(run, record, flavour, spec, relative=relative)
            if plan := plan_resumption(run, record, machine):
                record = record.model_copy(update={"feeding": feeding, "tag": asked.tag})
                return _resume(run, record, plan, machine, progress)
            progress.say(f"{run.path} saved no model yet: it starts from the beginning")
            shutil.rmtree(run.path)
        start = find_start(source, flavour, spec) if source else None
        setup = _Setup(
            flavour, spec, asked, dataset_yaml, machine, feeding, counts, manifest, data, start
        )
        _train_anew(run, setup, progress)
        record = read_run(run.path)
        note_time(
            spec.project,
            "train",
            dataset=spec.name,
            flavour=flavour.name,
            device=machine.device,
            units=_steps_done(run, record) * record.batch_size,
            seconds=time.monotonic() - begun,
        )
    return run


def _require_same_start(run: RunFolder, record: RunRecord, source: RunFolder) -> None:
    """Refuse to resume a training that did not start from the weights of `source`."""
    begun = record.started_from
    if begun is None or begun.sha256 != sha256(trained_weights(source)[1]):
        raise ClasterError(
            f"{run.path} started from {begun.run if begun else 'random weights'}, not from the present "
            f"weights of {source.path}",
            remedy="resume it without --from, train again with --force, or choose another --tag",
        )


def _steps_done(run: RunFolder, record: RunRecord) -> int:
    """Return how many steps were trained: fewer than planned where it stopped early."""
    curve = read_history(run, record)
    return int(curve["step"].max()) if len(curve) else record.steps


@dataclass(frozen=True)
class _Setup:
    """What a training begins from."""

    flavour: Flavour
    spec: DatasetSpec
    asked: TrainSettings
    dataset_yaml: str
    machine: Machine
    feeding: str
    counts: SampleCounts
    manifest: Manifest | None
    data: dict[str, str]
    start: Start | None


def _train_anew(run: RunFolder, setup: _Setup, progress: Progress) -> None:
    flavour, spec, asked = setup.flavour, setup.spec, setup.asked
    counts, machine = setup.counts, setup.machine
    relative = run.path.relative_to(run.project)
    retired = set_aside(run)
    if setup.start:
        progress.say(setup.start.line)
        setup.start.write(run)
    configuration = configure(
        flavour,
        spec,
        out=run.configurations,
        run_folder=relative,
        machine=machine,
        schedule=plan_schedule(flavour, counts, asked.epochs, devices=machine.devices),
        made_by=pasteable(["claster", "train", flavour.name, "--dataset", setup.dataset_yaml]),
        pretrained=(relative / run.start.name).as_posix() if setup.start else None,
    )
    if configuration.batch_size < flavour.training.batch_size:
        progress.say(
            f"batch size {configuration.batch_size} instead of {flavour.training.batch_size}: "
            f"{counts.train} samples to train and {counts.valid} to validate on"
        )
    command = eirtrain_command(configuration.files, project=run.project)
    record = RunRecord(
        name=relative.name,
        flavour=flavour.name,
        dataset=setup.dataset_yaml,
        dataset_name=spec.name,
        tag=asked.tag,
        seed=asked.seed,
        device=machine.device,
        devices=machine.devices,
        precision=machine.precision or flavour.training.precision,
        feeding=setup.feeding,
        status="running",
        command=tuple(command),
        environment=environment(asked.seed),
        versions=versions(_PACKAGES),
        configurations={path.name: sha256(path) for path in configuration.files},
        training_samples=counts.train,
        validation_samples=counts.valid,
        batch_size=configuration.batch_size,
        steps=configuration.steps or 0,
        output=flavour.output.output_type,
        started=now(),
        scales=setup.manifest.scales if setup.manifest else {},
        trained_on=spec,
        data=setup.data,
        started_from=setup.start.told if setup.start else None,
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
