"""A sequence model with a profile head, and how Lightning trains both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import pandas as pd
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from claster.files import atomic_path
from claster.sequence.trunk import Trunk

_WIDTH = 32
_KERNEL = 5


class ProfileHead(nn.Module):
    """From an embedding to target bins: averaged over each bin, then two convolutions along the bins.

    Parameters
    ----------
    pool
        Of `pool_weights`, shape (embedding bins, target bins).
    groups
        Profiles that are predicted.
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
    """Trunk and head, trained together with the smooth L1 loss on scaled targets.

    Parameters
    ----------
    lr, head_lr
        Learning rates of AdamW.
    """

    def __init__(
        self, trunk: Trunk, head: ProfileHead, *, lr: float, head_lr: float, weight_decay: float
    ) -> None:
        super().__init__()
        self.trunk, self.head = trunk, head
        self._rates = lr, head_lr
        self._weight_decay = weight_decay

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
        lr, head_lr = self._rates
        groups = [
            {"params": list(self.trunk.parameters()), "lr": lr},
            {"params": list(self.head.parameters()), "lr": head_lr},
        ]
        return torch.optim.AdamW(groups, weight_decay=self._weight_decay)

    def _loss(self, batch: Sequence[Tensor]) -> Tensor:
        encoded, target = batch
        return nn.functional.smooth_l1_loss(self(encoded).float(), target)


class History(Callback):
    """Writes loss by step and split as `claster train` does; a resumed training continues it.

    Parameters
    ----------
    path
        The CSV: `split` (train, valid), `step`, `loss`, `performance` (minus the loss, for validation).
    """

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
