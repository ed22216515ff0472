"""One fine-tuning by Lightning: checkpoints, history, and predictions of the best epoch."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from claster.dataset.embeddings import pool_weights
from claster.dataset.layout import DatasetFolders, read_ids
from claster.dataset.spec import DatasetSpec
from claster.eir.machine import Machine
from claster.eir.predictions import average_orientations, prediction_table
from claster.eir.runs import RunFolder
from claster.eir.settings import Precision
from claster.errors import ClasterError
from claster.files import atomic_path
from claster.genome.windows import REVERSE, split_sample_id
from claster.progress import SILENT, Progress
from claster.sequence.settings import Tuning
from claster.sequence.trunk import Trunk
from claster.sequence.tuned import History, ProfileHead, TunedModel
from claster.sequence.windows import SequenceWindows
from claster.settings import Split
from claster.signal.landscape import restored
from claster.text import read_table


@dataclass(frozen=True)
class _TargetScale:
    """One mean and standard deviation a group of target columns, over training samples and all bins.

    Attributes
    ----------
    mean, deviation
        float32, shape (groups, 1), on the scale of `target.transform`.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, stored: np.ndarray) -> "_TargetScale":
        """Return the scale of targets of shape (samples, groups, bins)."""
        mean = stored.mean(axis=(0, 2), dtype=np.float64)[:, None]
        deviation = stored.std(axis=(0, 2), dtype=np.float64)[:, None]
        return cls(mean.astype(np.float32), np.maximum(deviation, 1e-6).astype(np.float32))

    def scaled(self, stored: np.ndarray) -> np.ndarray:
        """Return targets as the loss sees them."""
        return (stored - self.mean) / self.deviation

    def signal(self, scaled: np.ndarray, spec: DatasetSpec) -> np.ndarray:
        """Return predictions as signal (reads)."""
        stored = scaled * self.deviation + self.mean
        return restored(stored, spec.require_target().transform)


class _SequenceSamples(Dataset[tuple[Tensor, Tensor]]):
    """Encoded sequence and scaled target of each sample; rev samples are reverse complements."""

    def __init__(
        self, trunk: Trunk, windows: SequenceWindows, ids: Sequence[str], targets: np.ndarray
    ) -> None:
        row_of = {gene: row for row, gene in enumerate(windows.table["gene_id"])}
        named = [split_sample_id(name) for name in ids]
        self._places = [(row_of[gene], way == REVERSE) for gene, way in named]
        self._encode = trunk.encode
        self._windows = windows
        self._targets = torch.from_numpy(targets)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self._places)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        """Return sequence and target of one sample."""
        row, rev = self._places[number]
        letters = self._windows.sample(row, rev=rev)[np.newaxis]
        return torch.from_numpy(np.ascontiguousarray(self._encode(letters)[0])), self._targets[
            number
        ]


def _read_stored_targets(
    folders: DatasetFolders, spec: DatasetSpec, split: str
) -> tuple[list[str], np.ndarray]:
    """Return the samples of a split and their targets on the scale of `target.transform`.

    Returns float32, shape (samples, groups, bins).
    """
    target = spec.require_target()
    ids = read_ids(folders, split)  # type: ignore[arg-type]
    table = read_table(folders.target_table(split), index_col="ID")
    values = table.loc[ids, target.columns].to_numpy(np.float32)
    return ids, values.reshape(len(ids), len(target.groups), target.bins)


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
    resume
        Whether to resume from the last checkpoint, if there is one.

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
    samples = {
        split: _read_stored_targets(job.folders, spec, split) for split in ("train", "valid")
    }
    scale = _TargetScale.of(samples["train"][1])
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
            _SequenceSamples(job.trunk, job.windows, ids, scale.scaled(targets)),
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
    job: Job, tuned: TunedModel, scale: _TargetScale, split: Split, progress: Progress
) -> None:
    """Write the predictions of a split: both orientations averaged, in reads, not below 0."""
    ids, targets = _read_stored_targets(job.folders, job.spec, split)
    samples = _SequenceSamples(tuned.trunk, job.windows, ids, targets)
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
