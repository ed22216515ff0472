"""One fine-tuning by Lightning of a sequence model with a profile head: checkpoints, history, predictions."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from torch import Tensor, nn
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
from claster.progress import SILENT, Progress, Step
from claster.sequence.settings import FinetuneSettings
from claster.sequence.trunk import Trunk
from claster.sequence.windows import SequenceWindows
from claster.signal.landscape import restored
from claster.text import read_table

_WIDTH = 32
_KERNEL = 5


class ProfileHead(nn.Module):
    """From an embedding to target bins: averaged over each bin, then two convolutions along the bins.

    `pool` is of `pool_weights`, shape (embedding bins, target bins); `groups` profiles are predicted.
    """

    def __init__(self, channels: int, pool: Tensor, groups: int) -> None:
        super().__init__()
        self.pool: Tensor
        self.register_buffer("pool", pool)
        # What tells genes apart is small beside what all have in common: each channel gets a mean and
        # standard deviation of its own, as EIR gives its arrays.
        self.norm = nn.BatchNorm1d(channels)
        self.first = nn.Conv1d(channels, _WIDTH, _KERNEL, padding="same")
        self.last = nn.Conv1d(_WIDTH, groups, _KERNEL, padding="same")

    def forward(self, embedding: Tensor) -> Tensor:
        """Return profiles, shape (samples, groups, target bins)."""
        pooled = torch.matmul(embedding, self.pool.to(embedding.dtype))
        return self.last(nn.functional.gelu(self.first(self.norm(pooled))))


class TunedModel(pl.LightningModule):
    """Trunk and head, trained together with the smooth L1 loss on scaled targets."""

    def __init__(self, trunk: Trunk, head: ProfileHead, asked: FinetuneSettings) -> None:
        super().__init__()
        self.trunk, self.head, self._asked = trunk, head, asked

    def forward(self, encoded: Tensor) -> Tensor:
        """Return scaled profiles, shape (samples, groups, bins)."""
        return self.head(self.trunk(encoded))

    def training_step(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Return the loss of a batch."""
        loss = self._loss(batch)
        self.log("train_loss", loss, on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor]) -> None:
        """Note the loss of a batch."""
        self.log("valid_loss", self._loss(batch), on_epoch=True, sync_dist=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return AdamW with a rate for the trunk and one for the head."""
        groups = [
            {"params": list(self.trunk.parameters()), "lr": self._asked.lr},
            {"params": list(self.head.parameters()), "lr": self._asked.head_lr},
        ]
        return torch.optim.AdamW(groups, weight_decay=self._asked.weight_decay)

    def _loss(self, batch: Sequence[Tensor]) -> Tensor:
        encoded, target = batch
        return nn.functional.smooth_l1_loss(self(encoded).float(), target)


class _History(Callback):
    """Writes loss by step and split as `claster train` does; a resumed training continues it.

    The CSV has `split` (train, valid), `step`, `loss`, `performance` (minus the loss, for validation).
    """

    state_key = "History"  # in checkpoints

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[dict[str, Any]] = []

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint keeps."""
        return {"rows": list(self._rows)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take up what a checkpoint has kept."""
        self._rows = list(state_dict["rows"])

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Write both losses of an epoch; validation has run before."""
        step = trainer.global_step
        for split in ("train", "valid"):
            loss = float(trainer.callback_metrics[f"{split}_loss"])
            performance = -loss if split == "valid" else None
            row = {"split": split, "step": step, "loss": loss, "performance": performance}
            self._rows.append(row)
        if trainer.is_global_zero:
            table = pd.DataFrame(self._rows).sort_values(["split", "step"], kind="stable")
            with atomic_path(self._path) as partial:
                table.to_csv(partial, index=False)


@dataclass(frozen=True)
class _TargetScale:
    """Mean and standard deviation of each group of target columns, float32, shape (groups, 1).

    They are on the scale of `target.transform`, over training samples and all bins.
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


def fit(
    run: RunFolder,
    spec: DatasetSpec,
    trunk: Trunk,
    windows: SequenceWindows,
    asked: FinetuneSettings,
    machine: Machine,
    *,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Train with Lightning, and predict the validation and the test split with the best epoch.

    Parameters
    ----------
    run
        Where checkpoints, history and predictions go.
    spec
        The dataset with the target bins that are predicted.
    trunk, windows
        The sequence model and its sequences.
    asked, machine
        How, and where; with `resume` from the last checkpoint, if there is one.

    Returns
    -------
    dict
        Steps, checkpoint, performance and number of weights, as `RunRecord` names them.

    Raises
    ------
    ClasterError
        If the validation loss is not finite.
    """
    target, geometry = spec.require_target(), trunk.geometry
    folders = DatasetFolders.of(spec)
    samples = {split: _read_stored_targets(folders, spec, split) for split in ("train", "valid")}
    scale = _TargetScale.of(samples["train"][1])
    pl.seed_everything(asked.seed, verbose=False)
    pool = torch.from_numpy(pool_weights(geometry.bin, geometry.bins, target.binning))
    head = ProfileHead(geometry.channels, pool, len(target.groups))
    tuned = TunedModel(trunk, head, asked)
    loaders = {
        split: DataLoader(
            _SequenceSamples(trunk, windows, ids, scale.scaled(targets)),
            batch_size=asked.batch_size,
            shuffle=split == "train",
            generator=torch.Generator().manual_seed(asked.seed),
        )
        for split, (ids, targets) in samples.items()
    }
    checkpoints = run.path / "checkpoints"
    best = ModelCheckpoint(
        checkpoints, "best", monitor="valid_loss", save_last=True, enable_version_counter=False
    )
    patience = EarlyStopping("valid_loss", patience=asked.patience, check_finite=True)
    last = checkpoints / "last.ckpt"
    with _quiet(), progress.step(f"fine-tune {run.path.name}") as step:
        step.describe(f"at most {asked.epochs} epochs")
        trainer = pl.Trainer(
            accelerator="gpu" if machine.device == "cuda" else "cpu",
            devices=machine.devices,
            strategy="ddp" if machine.devices > 1 else "auto",
            precision=precision_on(machine),
            max_epochs=asked.epochs,
            accumulate_grad_batches=asked.accumulate,
            gradient_clip_val=asked.clip,
            callbacks=[_History(run.history), patience, best],
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
            ckpt_path=last if asked.resume and last.is_file() else None,
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
        tuned.to("cuda" if machine.device == "cuda" else "cpu").eval()
        for split in ("valid", "test"):
            ids, targets = _read_stored_targets(folders, spec, split)
            unscaled = _SequenceSamples(trunk, windows, ids, targets)
            loader = DataLoader(unscaled, batch_size=asked.batch_size)
            with progress.step(f"predict {split}", len(ids)) as step:
                signal = scale.signal(_predict(tuned, loader, step), spec)
            table = prediction_table(signal, ids=ids, columns=target.columns)
            table = average_orientations(table, target).clip(lower=0)
            with atomic_path(run.predictions(split)) as partial:
                table.to_parquet(partial)
    return {
        "steps": trainer.global_step,
        "checkpoint": "checkpoints/best.ckpt",
        "performance": -float(best.best_model_score),
        "parameters": sum(weight.numel() for weight in tuned.parameters()),
    }


def _predict(
    tuned: TunedModel, loader: DataLoader[tuple[Tensor, Tensor]], step: Step
) -> np.ndarray:
    parts = []
    with torch.inference_mode():
        for encoded, _ in loader:
            parts.append(tuned(encoded.to(tuned.device)).float().cpu().numpy())
            step.advance(len(encoded))
    return np.concatenate(parts)


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
