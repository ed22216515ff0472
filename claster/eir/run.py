"""Training: EIR's `eirtrain` as a program, from a checked dataset to a run folder."""

import os
import re
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import read_manifest
from claster.dataset.spec import DatasetSpec
from claster.eir.configure import (
    configure,
    eirtrain_command,
    environment,
)
from claster.eir.content import Device, SampleCounts, plan_schedule
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.eir.parts import Flavour
from claster.eir.preflight import check_training, resolve_device
from claster.eir.program import find_program, run_program, why_it_failed
from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, run_path, write_run
from claster.errors import ClasterError
from claster.files import sha256
from claster.progress import SILENT, Progress, Step
from claster.versions import versions

__all__ = ["train"]

_SEEDS = 2**32
_LONG_RUN = 5000
"""From how many steps on a run is worth a look at its network first."""
_TAIL_BYTES = 4096
_PARAMETERS = re.compile(r"Trainable parameters: (?P<count>[\d,]+)")
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
    progress
        Where to report to.

    Returns
    -------
    RunFolder

    Raises
    ------
    ClasterError
        If the dataset has a fault, the run exists, or EIR fails.
    """
    project = Path(project)
    flavour = find_flavour(flavour_name)
    find_program("eirtrain")
    DatasetFolders.of(spec, project=project).require_built()
    _check_options(seed, epochs)
    relative = run_path(spec.name, flavour.name, tag=tag)
    run = RunFolder(project / relative)
    if run.path.exists() and not force:
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag or pass --force to replace it",
        )
    device = resolve_device(device)
    counts = check_training(flavour, spec, project=project, progress=progress)
    _warn(flavour, spec, counts, epochs, progress)
    manifest = read_manifest(DatasetFolders.of(spec, project=project))
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
        started=_now(),
        scales=manifest.scales if manifest else {},
    )
    write_run(run, record)
    try:
        ended = _run_eir(run, record, project, progress)
    except BaseException as error:
        status = "failed" if isinstance(error, ClasterError | _EirFailedError) else "interrupted"
        changes = {"status": status, "ended": _now(), "error": str(error)}
        write_run(run, record.model_copy(update=changes))
        kept = run if retired is None else _bring_back(run, retired)
        if isinstance(error, _EirFailedError):
            raise ClasterError(
                f"eirtrain failed: {error}", remedy=f"{error.remedy}; {kept.log} holds its output"
            ) from None
        raise
    write_run(run, ended)
    if retired is not None:
        shutil.rmtree(retired.parent)
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


def _check_options(seed: int, epochs: int | None) -> None:
    if not 0 <= seed < _SEEDS:
        raise ClasterError(
            f"seed {seed} is out of range", remedy=f"choose a number from 0 to {_SEEDS - 1}"
        )
    if epochs is not None and epochs < 1:
        raise ClasterError(f"{epochs} epochs are no training", remedy="choose 1 or more")


class _EirFailedError(Exception):
    """EIR ended with a status other than 0."""

    def __init__(self, reason: str) -> None:
        memory = "memory" in reason
        self.remedy = "lower batch_size of the flavour" if memory else "mend what it names"
        super().__init__(reason)


class _Watcher:
    """Reports the progress of a run from the tables that EIR writes."""

    def __init__(self, run: RunFolder, step: Step) -> None:
        self._run = run
        self._step = step
        self._done = 0
        step.describe("EIR starts")

    def look(self) -> None:
        """Report what is new."""
        trained = _last_row(self._run.eir / "train_average_history.log")
        done = int(trained.get("iteration", 0))
        if done <= self._done:
            return
        self._step.advance(done - self._done)
        self._done = done
        words = [f"loss {trained['loss-average']:.3f}"] if "loss-average" in trained else []
        checked = _last_row(self._run.eir / "validation_average_history.log")
        if "perf-average" in checked:
            words.append(f"validation performance {checked['perf-average']:.3f}")
        self._step.describe(", ".join(words))


def _run_eir(run: RunFolder, record: RunRecord, project: Path, progress: Progress) -> RunRecord:
    start = time.monotonic()
    with progress.step(f"train {record.flavour}", record.steps) as step:
        status = run_program(
            record.command,
            cwd=project,
            log=run.log,
            variables=record.environment,
            watch=_Watcher(run, step).look,
        )
    seconds = time.monotonic() - start
    if status:
        raise _EirFailedError(why_it_failed(run.log, status))
    checkpoint, performance = best_checkpoint(run)
    return record.model_copy(
        update={
            "status": "complete",
            "ended": _now(),
            "seconds": round(seconds, 1),
            "checkpoint": checkpoint.relative_to(run.path).as_posix(),
            "performance": performance,
            "parameters": _parameters(run),
        }
    )


def _last_row(table: Path) -> dict[str, float]:
    """Return the last whole row of a CSV that another process writes; empty if there is none."""
    try:
        with table.open("rb") as handle:
            names = handle.readline().decode().strip().split(",")
            start = handle.tell()
            handle.seek(max(start, handle.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = handle.read().decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    for line in reversed(lines):
        try:
            values = [float(value) for value in line.split(",")]
        except ValueError:
            continue
        if len(values) == len(names):
            return dict(zip(names, values, strict=True))
    return {}


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


def _parameters(run: RunFolder) -> int | None:
    """Return the number of trainable parameters that EIR printed, None if it printed none."""
    found = _PARAMETERS.search(run.log.read_text(encoding="utf-8", errors="replace"))
    return int(found["count"].replace(",", "")) if found else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
