"""Sequences and scaled targets of a dataset's samples, as PyTorch reads them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from claster.dataset.layout import DatasetFolders, read_ids
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import REVERSE, split_sample_id
from claster.sequence.trunk import Trunk
from claster.sequence.windows import SequenceWindows
from claster.signal.landscape import restored
from claster.text import read_table

__all__ = ["SequenceSamples", "TargetScale", "read_stored_targets"]


@dataclass(frozen=True)
class TargetScale:
    """One mean and standard deviation a group of target columns, over training samples and all bins.

    Attributes
    ----------
    mean, deviation
        float32, shape (groups, 1), on the scale of `target.transform`.
    """

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, stored: np.ndarray) -> "TargetScale":
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


class SequenceSamples(Dataset[tuple[Tensor, Tensor]]):
    """Encoded sequence and scaled target of each sample; rev samples are reverse complements.

    Parameters
    ----------
    trunk
        Encodes the letters.
    windows
        The sequences.
    ids
        The samples.
    targets
        float32, shape (samples, groups, bins), scaled.
    """

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


def read_stored_targets(
    folders: DatasetFolders, spec: DatasetSpec, split: str
) -> tuple[list[str], np.ndarray]:
    """Return the samples of a split and their targets on the scale of `target.transform`.

    Returns
    -------
    ids : list of str
    targets : numpy.ndarray
        float32, shape (samples, groups, bins).
    """
    target = spec.require_target()
    ids = read_ids(folders, split)  # type: ignore[arg-type]
    table = read_table(folders.target_table(split), index_col="ID")
    values = table.loc[ids, target.columns].to_numpy(np.float32)
    return ids, values.reshape(len(ids), len(target.groups), target.bins)
