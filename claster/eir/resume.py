"""What a training that was ended early can resume from.

EIR 0.25 saves the weights of a model, whenever the validation performance rises, and nothing else:
no moments of the optimizer, no state of the schedule, no step. What can be worked out again from its
history (step, learning rate) is; the rest is lost, and `lost` says so.

The folder may have come from elsewhere, so it is data: the command line is composed again.
"""

import glob
import math
import re
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt, ValidationError

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import read_keys, to_yaml
from claster.eir.configure import eirtrain_command, require_own_configurations
from claster.eir.history import learning_rate, part_steps, read_part
from claster.eir.machine import Machine, on_machine
from claster.eir.parts import Flavour, SampleCounts
from claster.eir.runs import Resumption, RunFolder, RunRecord, now, read_run, trained_weights
from claster.eir.settings import TrainSettings
from claster.eir.trained_on import built_from
from claster.eir.yaml_files import steps_an_epoch
from claster.errors import ClasterError
from claster.files import sha256, write_text


def set_aside(run: RunFolder) -> Path | None:
    """Move an existing run into a hidden folder beside it; return where it is now.

    Where a training was killed, which can restore nothing, the run before it is still hidden: it takes
    its name back first, so that a run that is complete only gives way to another one that is.
    """
    for earlier in _hidden(run):
        if not run.path.exists():
            earlier.replace(run.path)
            earlier.parent.rmdir()
        elif run.record.is_file() and read_run(run.path).status == "complete":
            shutil.rmtree(earlier.parent)
        else:
            bring_back(run, earlier)
    if not run.path.exists():
        return None
    hidden = Path(tempfile.mkdtemp(prefix=f".{run.path.name}.old-", dir=run.path.parent))
    return run.path.replace(hidden / run.path.name)


def forget_earlier(run: RunFolder) -> None:
    """Remove what was set aside for a run that is complete now."""
    for earlier in _hidden(run):
        shutil.rmtree(earlier.parent)


def bring_back(run: RunFolder, retired: Path) -> RunFolder:
    """Put the earlier run back; return where the failed one is kept."""
    kept = RunFolder(run.path.with_name(f"{run.path.name}.failed"))
    if kept.path.exists():
        shutil.rmtree(kept.path)
    run.path.replace(kept.path)
    retired.replace(run.path)
    retired.parent.rmdir()
    return kept


def _hidden(run: RunFolder) -> list[Path]:
    name = glob.escape(run.path.name)
    return sorted(run.path.parent.glob(f".{name}.old-*/{name}"))


_STEP = re.compile(r"_checkpoint_(?P<step>\d+)_")
_ANEW = "train again with --force, or choose another --tag"


@dataclass(frozen=True)
class ResumePlan:
    """Where a training resumes: from the model saved at `step`, for the `epochs` of `steps` that remain.

    EIR trains whole epochs only. `rate` is what the schedule had reached, `warmup` the steps until it is
    reached again: the moments of the optimizer start from nothing.
    """

    step: int
    model: Path
    epochs: int
    steps: int
    rate: float
    warmup: int

    @property
    def lost(self) -> str:
        """What the resumed training does not have, in a sentence."""
        return (
            f"resumes from the weights of step {self.step:,} with {self.epochs} more epochs at a "
            f"learning rate of {self.rate:g}; EIR saves weights only, so the optimizer's moments, the "
            f"counts of plateau and early stopping, and all steps after {self.step:,} are lost"
        )


def plan_resumption(run: RunFolder, record: RunRecord, machine: Machine) -> ResumePlan | None:
    """Find the last whole saved model and what remains to train; None where no model was saved.

    Models that were cut off while they were written are removed. `machine` is what the rest will be
    trained on; each of its devices needs 2 samples of a batch.
    """
    if record.batch_size > record.training_samples:
        raise ClasterError(
            f"the batch of {run.path} has {record.batch_size:,} samples of {record.training_samples:,}",
            remedy=_ANEW,
        )
    if record.batch_size // machine.devices < 2:
        raise ClasterError(
            f"the batch of {run.path} has {record.batch_size} samples, fewer than 2 for each of "
            f"{machine.devices} devices",
            remedy="choose fewer --devices",
        )
    saved = []
    for number, (folder, before) in enumerate(part_steps(run, record)):
        for path in (folder / "saved_models").glob("*.pt"):
            if not zipfile.is_zipfile(path):
                path.unlink()
            elif found := _STEP.search(path.name):
                saved.append((before + int(found["step"]), number, before, path))
    if not saved:
        return None
    step, number, before, path = max(saved)
    settings = _globals(run, number)
    rate = learning_rate(
        settings,
        read_part(path.parent.parent, "valid"),
        step=step - before,
        steps=record.steps - before,
    )
    an_epoch = steps_an_epoch(record.training_samples, record.batch_size, machine.devices)
    epochs = max(0, math.ceil((record.steps - step) / an_epoch))
    warmup = settings["lr_schedule"].get("warmup_steps") or 0
    limit = epochs * an_epoch // 10
    return ResumePlan(
        step=step,
        model=path,
        epochs=epochs,
        steps=epochs * an_epoch,
        rate=rate,
        warmup=min(warmup, limit) if isinstance(warmup, int) else limit,
    )


def require_same_training(
    run: RunFolder,
    record: RunRecord,
    flavour: Flavour,
    spec: DatasetSpec,
    asked: TrainSettings,
    counts: SampleCounts,
) -> None:
    """Refuse to resume a training that began otherwise than what is asked for.

    What is said of the dataset, and where it lies, may differ.
    """
    if record.drop_tracks != asked.drop_tracks:
        raise ClasterError(
            f"{run.path} was begun with 'drop_tracks' {record.drop_tracks:g}, not {asked.drop_tracks:g}",
            remedy=f"resume it with --drop-tracks {record.drop_tracks:g}",
        )
    if asked.pretrained:
        _require_same_start(run, record, RunFolder(run.project / asked.pretrained))
    _, data = built_from(DatasetFolders.of(spec), flavour)
    begun = SampleCounts(train=record.training_samples, valid=record.validation_samples)
    spoken_of = {"description", "data", "downloads", "example_gene"}  # change no sample
    here = spec.model_dump(exclude=spoken_of)
    then = record.trained_on.model_dump(exclude=spoken_of) if record.trained_on else here
    if counts != begun or then != here or record.data not in ({}, data):
        raise ClasterError(
            f"dataset {spec.name!r} has changed since the training of {run.path} started",
            remedy=_ANEW,
        )
    require_own_configurations(run, record, flavour, spec)


def _require_same_start(run: RunFolder, record: RunRecord, source: RunFolder) -> None:
    """Refuse to resume a training that did not start from the weights of `source`."""
    begun = record.started_from
    if begun is None or begun.sha256 != sha256(trained_weights(source)[1]):
        raise ClasterError(
            f"{run.path} started from {begun.run if begun else 'random weights'}, not from the present "
            f"weights of {source.path}",
            remedy="resume it without --from, train again with --force, or choose another --tag",
        )


def set_up_resumption(
    run: RunFolder, record: RunRecord, plan: ResumePlan, *, machine: Machine
) -> RunRecord:
    """Put the ended training aside, write the configuration of the next one, return the new record.

    EIR's folder becomes ``eir.part<n>`` and its log ``train.part<n>.log``; the new one's globals are in
    ``configurations/resume_<n>``. The run folder may have been renamed.
    """
    model = plan.model.relative_to(run.path)
    if run.eir.is_dir():
        number = len(run.earlier) + 1
        run.eir.rename(run.path / f"eir.part{number}")
        if run.log.is_file():
            run.log.rename(run.path / f"train.part{number}.log")
        if model.parts[0] == run.eir.name:
            model = Path(f"eir.part{number}", *model.parts[1:])
    number = len(run.earlier)
    settings = _globals(run, 0)
    folder = run.path.relative_to(run.project)
    training = settings["basic_experiment"] | {
        "output_folder": (folder / run.eir.name).as_posix(),
        "n_epochs": plan.epochs,
        "batch_size": record.batch_size // machine.devices,
    }
    interval = max(2, min(settings["evaluation_checkpoint"]["sample_interval"], plan.steps))
    settings |= {
        "basic_experiment": training,
        "optimization": settings["optimization"] | {"lr": plan.rate},
        "lr_schedule": settings["lr_schedule"] | {"warmup_steps": plan.warmup},
        "evaluation_checkpoint": settings["evaluation_checkpoint"]
        | {"sample_interval": interval, "checkpoint_interval": interval},
        "model": settings.get("model", {}) | {"pretrained_checkpoint": (folder / model).as_posix()},
    }
    written = run.configurations / f"resume_{number}" / "globals.yaml"
    write_text(written, to_yaml(on_machine(settings, machine)))
    others = [name for name in record.configurations if name != "globals.yaml"]
    files = [written.relative_to(run.path), *(Path(run.configurations.name, n) for n in others)]
    command = eirtrain_command([folder / file for file in files])
    resumption = Resumption(
        step=plan.step,
        checkpoint=model.as_posix(),
        epochs=plan.epochs,
        rate=plan.rate,
        warmup=plan.warmup,
        started=now(),
    )
    return record.model_copy(
        update={
            "name": run.path.name,
            "status": "running",
            "device": machine.device,
            "devices": machine.devices,
            "precision": machine.precision or record.precision,
            "command": tuple(command),
            "resumed": (*record.resumed[: number - 1], resumption),
            "ended": None,
            "error": None,
        }
    )


class _Rates(BaseModel):
    lr: float = Field(gt=0, allow_inf_nan=False)
    lr_lb: float = Field(default=0, ge=0, allow_inf_nan=False)


class _Schedule(BaseModel):
    lr_schedule: str
    warmup_steps: NonNegativeInt | Literal["auto"] | None = None
    lr_plateau_patience: PositiveInt
    lr_plateau_factor: float = Field(gt=0, lt=1)


class _Evaluations(BaseModel):
    sample_interval: PositiveInt


class _Globals(BaseModel):
    """What is read of EIR's global configuration, which may have been changed or come from elsewhere."""

    basic_experiment: dict[str, Any]
    accelerator: dict[str, Any]
    optimization: _Rates
    lr_schedule: _Schedule
    evaluation_checkpoint: _Evaluations


def _globals(run: RunFolder, part: int) -> dict[str, Any]:
    """Return EIR's global configuration of the training in `eir.part<part + 1>`, or of the last one."""
    folder = run.configurations / f"resume_{part}" if part else run.configurations
    path = folder / "globals.yaml"
    content, places = read_keys(path, remedy=_ANEW)
    try:
        _Globals.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise ClasterError(
            f"{places.of(first['loc'])}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            remedy=_ANEW,
        ) from error
    return content
