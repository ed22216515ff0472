"""One fine-tuning by Lightning: checkpoints, history, and predictions of the best epoch."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader

from claster.dataset.embeddings import pool_weights
from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.spec import DatasetSpec
from claster.eir.machine import Machine
from claster.eir.predictions import average_orientations, prediction_table
from claster.eir.runs import RunFolder
from claster.eir.settings import Precision
from claster.errors import ClasterError
from claster.files import atomic_path
from claster.progress import SILENT, Progress
from claster.sequence.samples import SequenceSamples, TargetScale, read_stored_targets
from claster.sequence.settings import Tuning
from claster.sequence.trunk import Trunk
from claster.sequence.tuned import History, ProfileHead, TunedModel
from claster.sequence.windows import SequenceWindows

__all__ = ["Job", "fit", "precision_on"]

_PREDICTED: tuple[Split, ...] = ("valid", "test")


@dataclass(frozen=True)
class Job:
    """What is trained, on what, and where.

    Attributes
    ----------
    run
        Where checkpoints, history and predictions go.
    spec, folders
        The dataset with the target bins that are predicted.
    trunk, windows
        The sequence model and its sequences.
    tuning, machine
        How, and on what.
    """

    run: RunFolder
    spec: DatasetSpec
    folders: DatasetFolders
    trunk: Trunk
    windows: SequenceWindows
    tuning: Tuning
    machine: Machine


def fit(job: Job, *, resume: bool, progress: Progress = SILENT) -> dict[str, Any]:
    """Train with Lightning, and predict the validation and the test split with the best epoch.

    Parameters
    ----------
    job
        What, on what, and where.
    resume
        Whether to resume from the last checkpoint, if there is one.
    progress
        Where to report to.

    Returns
    -------
    dict
        Steps, checkpoint, performance and number of weights, as `RunRecord` names them.

    Raises
    ------
    ClasterError
        If the validation loss is not finite.
    """
    run, spec, tuning, machine = job.run, job.spec, job.tuning, job.machine
    target, geometry = spec.require_target(), job.trunk.geometry
    samples = {split: read_stored_targets(job.folders, spec, split) for split in ("train", "valid")}
    scale = TargetScale.of(samples["train"][1])
    pl.seed_everything(tuning.seed, verbose=False)
    tuned = TunedModel(
        job.trunk,
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
            SequenceSamples(job.trunk, job.windows, ids, scale.scaled(targets)),
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
    last = checkpoints / "last.ckpt"
    with _quiet(), progress.step(f"fine-tune {run.path.name}") as step:
        step.describe(f"at most {tuning.epochs} epochs")
        trainer = pl.Trainer(
            accelerator="gpu" if machine.device == "cuda" else "cpu",
            devices=machine.devices,
            strategy="ddp" if machine.devices > 1 else "auto",
            precision=precision_on(machine),
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
            _predict(job, tuned, scale, split, progress)
    return {
        "steps": trainer.global_step,
        "checkpoint": "checkpoints/best.ckpt",
        "performance": -float(best.best_model_score),
        "parameters": sum(weight.numel() for weight in tuned.parameters()),
    }


def _predict(
    job: Job, tuned: TunedModel, scale: TargetScale, split: Split, progress: Progress
) -> None:
    """Write the predictions of a split: both orientations averaged, in reads, not below 0."""
    ids, targets = read_stored_targets(job.folders, job.spec, split)
    samples = SequenceSamples(tuned.trunk, job.windows, ids, targets)
    place = "cuda" if job.machine.device == "cuda" else "cpu"
    tuned.to(place).eval()
    parts = []
    with torch.inference_mode(), progress.step(f"predict {split}", len(ids)) as step:
        for encoded, _ in DataLoader(samples, batch_size=job.tuning.batch_size):
            parts.append(tuned(encoded.to(place)).float().cpu().numpy())
            step.advance(len(encoded))
    signal = scale.signal(np.concatenate(parts), job.spec)
    target = job.spec.require_target()
    table = prediction_table(signal, ids=ids, columns=target.columns)
    table = average_orientations(table, target).clip(lower=0)
    with atomic_path(job.run.predictions(split)) as partial:
        table.to_parquet(partial)


def precision_on(machine: Machine) -> Precision:
    """Return what is computed in: as asked for, else bf16-mixed on a GPU and 32-true elsewhere."""
    return machine.precision or ("bf16-mixed" if machine.device == "cuda" else "32-true")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Lightning's advice on loader workers and log intervals from the user."""
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
