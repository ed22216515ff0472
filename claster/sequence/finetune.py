"""Fine-tuning of a sequence model together with a profile head, into a run folder like any other."""

import json
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from pydantic import BaseModel, ConfigDict, Field
from torch.utils.data import DataLoader

from claster.dataset.embeddings import covered_bins, pool_weights
from claster.dataset.layout import DatasetFolders, Split, read_ids
from claster.dataset.spec import DatasetSpec
from claster.eir.embedded import narrowed
from claster.eir.machine import Device, Machine
from claster.eir.parts import Precision
from claster.eir.predictions import average_orientations, prediction_table
from claster.eir.recorded import now
from claster.eir.resources import check_machine
from claster.eir.runs import RunFolder, RunRecord, read_run, run_path, write_run
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.lock import lock_folder
from claster.progress import SILENT, Progress
from claster.sequence.models import find_model
from claster.sequence.samples import SequenceSamples, TargetScale, read_stored_targets
from claster.sequence.trunk import Trunk
from claster.sequence.tuned import History, ProfileHead, TunedModel
from claster.sequence.weights import find_weights
from claster.sequence.windows import SequenceWindows, extract_windows
from claster.versions import versions

__all__ = ["Tuning", "finetune"]

_PACKAGES = ("claster", "torch", "lightning", "transformers", "enformer-pytorch", "borzoi-pytorch")
_PREDICTED: tuple[Split, ...] = ("valid", "test")


class Tuning(BaseModel):
    """How a model is fine-tuned.

    `batch_size` is that of one device and step; `accumulate` of them make one step of the optimizer.
    `lr` is the trunk's rate, `head_lr` that of the new head. `patience` epochs without a better
    validation loss end the training.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(default=50, ge=1)
    batch_size: int = Field(default=4, ge=1)
    accumulate: int = Field(default=4, ge=1)
    lr: float = Field(default=6e-5, ge=0)
    head_lr: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.1, ge=0)
    clip: float = Field(default=1.0, gt=0)
    patience: int = Field(default=8, ge=1)
    seed: int = Field(default=0, ge=0)


def finetune(
    spec: DatasetSpec,
    model_name: str,
    *,
    dataset_yaml: str,
    project: Path | str = ".",
    weights: Path | str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    tuning: Tuning | None = None,
    tag: str | None = None,
    device: Device = "auto",
    devices: int = 1,
    precision: Precision | None = None,
    force: bool = False,
    resume: bool = False,
    progress: Progress = SILENT,
) -> RunFolder:
    """Train a sequence model and a head on the sequences of a dataset, and predict with the best of it.

    The validation genes choose the model and end the training; test genes are predicted once, in the
    end. Targets have the scale of `target.transform`, standardised over the training samples, as
    CLASTER's. Both orientations are trained on, as samples of their own.

    Parameters
    ----------
    spec, model_name
        A built dataset with a `genome`, and the sequence model.
    dataset_yaml
        Name or path of the dataset's YAML, for the record.
    project
        The project's folder; the run is ``runs/<dataset>/<model>_finetuned[-<tag>]``.
    weights, revision, trust_remote_code
        See `embed_dataset`.
    tuning
        Lengths and rates.
    tag
        Tells runs apart.
    device, devices, precision
        Where to compute; None takes bf16-mixed on a GPU and 32-true elsewhere.
    force, resume
        Whether an earlier run gives way, or goes on from its last epoch.
    progress
        Where to report to.

    Returns
    -------
    RunFolder
        With predictions of the validation and the test split, `history.csv` and checkpoints.

    Raises
    ------
    ClasterError
        If the run exists, was begun otherwise, weights or data are missing or damaged, or the loss is
        not finite.
    """
    project, tuning = Path(project), tuning or Tuning()
    folders = DatasetFolders.of(spec, project=project)
    folders.require_built()
    machine = check_machine(device, devices=devices, precision=precision)
    model = find_model(model_name)
    files = find_weights(model, folder=weights, revision=revision)
    trunk = model.load(files.folder, trust_remote_code=trust_remote_code)
    windows = extract_windows(
        spec, length=trunk.geometry.length, project=project, progress=progress
    )
    bins = covered_bins(trunk.geometry.bin * trunk.geometry.bins, spec.require_target().binning)
    spec = narrowed(spec, bins)
    run = RunFolder(project / run_path(spec.name, f"{model.name}_finetuned", tag=tag))
    settings = {
        "model": model.name,
        "weights": files.hashes,
        "geometry": vars(trunk.geometry),
        "bins": spec.require_target().bins,
        **tuning.model_dump(),
    }
    if _is_helper():
        _fit(run, spec, folders, trunk, windows, tuning, machine, resume, progress)
        return run
    if run.path.exists() and not _may_go_on(run, settings, force=force, resume=resume):
        progress.say(f"{run.path} is complete")
        return run
    with lock_folder(run.path.parent, name=f".{run.path.name}.lock"):
        write_text(run.path / "finetune.json", json.dumps(settings, indent=2) + "\n")
        record = RunRecord(
            name=run.path.name,
            flavour=f"{model.name}_finetuned",
            dataset=dataset_yaml,
            dataset_name=spec.name,
            tag=tag,
            seed=tuning.seed,
            device=machine.device,
            devices=machine.devices,
            precision=_precision(machine),
            status="running",
            command=("claster", "sequence", "finetune", dataset_yaml, "--model", model.name),
            environment={},
            versions=versions(_PACKAGES),
            configurations={},
            training_samples=len(read_ids(folders, "train")),
            validation_samples=len(read_ids(folders, "valid")),
            batch_size=tuning.batch_size * tuning.accumulate * machine.devices,
            steps=0,
            output="array",
            started=now(),
            trained_on=spec,
        )
        write_run(run, record)
        start = time.monotonic()
        try:
            changes = _fit(run, spec, folders, trunk, windows, tuning, machine, resume, progress)
        except BaseException as error:
            status = "failed" if isinstance(error, ClasterError) else "interrupted"
            ended = {"status": status, "ended": now(), "error": str(error)}
            write_run(run, record.model_copy(update=ended))
            raise
        done = {"status": "complete", "ended": now(), "seconds": round(time.monotonic() - start, 1)}
        write_run(run, record.model_copy(update=done | changes))
    return run


def _fit(
    run: RunFolder,
    spec: DatasetSpec,
    folders: DatasetFolders,
    trunk: Trunk,
    windows: SequenceWindows,
    tuning: Tuning,
    machine: Machine,
    resume: bool,  # noqa: FBT001
    progress: Progress,
) -> dict[str, Any]:
    """Train, predict with the best epoch, and return what the record says of it."""
    target, geometry = spec.require_target(), trunk.geometry
    samples = {split: read_stored_targets(folders, spec, split) for split in ("train", "valid")}
    scale = TargetScale.of(samples["train"][1])
    pl.seed_everything(tuning.seed, verbose=False)
    tuned = TunedModel(
        trunk,
        ProfileHead(
            geometry.channels,
            torch.from_numpy(pool_weights(geometry.bin, geometry.bins, target.binning)),
            len(target.groups),
        ),
        lr=tuning.lr,
        head_lr=tuning.head_lr,
        weight_decay=tuning.weight_decay,
    )
    loaders = {
        split: DataLoader(
            SequenceSamples(trunk, windows, ids, scale.scaled(targets)),
            batch_size=tuning.batch_size,
            shuffle=split == "train",
            generator=torch.Generator().manual_seed(tuning.seed),
        )
        for split, (ids, targets) in samples.items()
    }
    checkpoints = run.path / "checkpoints"
    best = ModelCheckpoint(
        checkpoints, "best", monitor="valid_loss", save_last=True, enable_version_counter=False
    )
    patience = EarlyStopping("valid_loss", patience=tuning.patience, check_finite=True)
    trainer = pl.Trainer(
        accelerator="gpu" if machine.device == "cuda" else "cpu",
        devices=machine.devices,
        strategy="ddp" if machine.devices > 1 else "auto",
        precision=_precision(machine),
        max_epochs=tuning.epochs,
        accumulate_grad_batches=tuning.accumulate,
        gradient_clip_val=tuning.clip,
        callbacks=[History(run.history), patience, best],
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=run.path,
    )
    last = checkpoints / "last.ckpt"
    with _quiet(), progress.step(f"fine-tune {run.path.name}") as step:
        step.describe(f"at most {tuning.epochs} epochs")
        trainer.fit(
            tuned.train(),
            loaders["train"],
            loaders["valid"],
            ckpt_path=last if resume and last.is_file() else None,
            weights_only=True,
        )
    if trainer.interrupted:
        raise KeyboardInterrupt
    if best.best_model_score is None or not torch.isfinite(best.best_model_score):
        raise ClasterError(
            f"the validation loss of {run.path} is not finite",
            remedy="choose a lower --lr, or --precision 32-true",
        )
    if trainer.is_global_zero:
        state = torch.load(checkpoints / "best.ckpt", map_location="cpu", weights_only=True)
        tuned.load_state_dict(state["state_dict"])
        for split in _PREDICTED:
            _predict(run, tuned, spec, folders, windows, scale, split, tuning, machine, progress)
    return {
        "steps": trainer.global_step,
        "checkpoint": "checkpoints/best.ckpt",
        "performance": -float(best.best_model_score),
        "parameters": sum(weight.numel() for weight in tuned.parameters()),
    }


def _predict(
    run: RunFolder,
    tuned: TunedModel,
    spec: DatasetSpec,
    folders: DatasetFolders,
    windows: SequenceWindows,
    scale: TargetScale,
    split: Split,
    tuning: Tuning,
    machine: Machine,
    progress: Progress,
) -> None:
    """Write the predictions of a split: both orientations averaged, in reads, not below 0."""
    ids, targets = read_stored_targets(folders, spec, split)
    samples = SequenceSamples(tuned.trunk, windows, ids, targets)
    place = "cuda" if machine.device == "cuda" else "cpu"
    tuned.to(place).eval()
    parts = []
    with torch.inference_mode(), progress.step(f"predict {split}", len(ids)) as step:
        for encoded, _ in DataLoader(samples, batch_size=tuning.batch_size):
            parts.append(tuned(encoded.to(place)).float().cpu().numpy())
            step.advance(len(encoded))
    signal = scale.signal(np.concatenate(parts), spec)
    table = prediction_table(signal, ids=ids, columns=spec.require_target().columns)
    table = average_orientations(table, spec.require_target()).clip(lower=0)
    with atomic_path(run.predictions(split)) as partial:
        table.to_parquet(partial)


def _may_go_on(run: RunFolder, settings: dict[str, Any], *, force: bool, resume: bool) -> bool:
    """Make way for a training; False where it is complete already."""
    if force:
        shutil.rmtree(run.path)
        return True
    if not resume:
        raise ClasterError(
            f"{run.path} exists already",
            remedy="choose another --tag, pass --resume to go on with it or --force to replace it",
        )
    there = json.loads((run.path / "finetune.json").read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(settings))
    other = sorted(key for key in wanted if there.get(key) != wanted[key] and key != "epochs")
    if other:
        raise ClasterError(
            f"{run.path} was begun with another {', '.join(other)}",
            remedy="resume it with its own settings, or pass --force to begin anew",
        )
    complete = read_run(run.path).status == "complete"
    return not complete or wanted["epochs"] > there["epochs"]


def _precision(machine: Machine) -> Precision:
    return machine.precision or ("bf16-mixed" if machine.device == "cuda" else "32-true")


def _is_helper() -> bool:
    """Tell whether Lightning started this process for a further device."""
    return int(os.environ.get("LOCAL_RANK", "0")) > 0


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice on loader workers and log intervals from the user."""
    import logging

    logger = logging.getLogger("lightning.pytorch")
    before = logger.level
    logger.setLevel(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="lightning")
            warnings.filterwarnings("ignore", category=UserWarning, module="torch")
            yield
    finally:
        logger.setLevel(before)
