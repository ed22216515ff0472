"""Predictions of a long list of samples, kept block by block: a killed prediction goes on where it was."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from claster.dataset.layout import DatasetFolders
from claster.eir.runs import RunFolder, trained_weights
from claster.files import atomic_path, sha256

__all__ = ["KeptBlocks", "remove_blocks"]

_BLOCK = 1024
"""Samples of a block; a multiple of every batch size that is chosen without being asked for."""


class KeptBlocks:
    """Finished blocks of one prediction, in a hidden folder beside its table.

    They belong to one model, one built dataset and one list of samples; blocks of another are thrown away.
    """

    def __init__(
        self, table: Path, run: RunFolder, folders: DatasetFolders, ids: Sequence[str]
    ) -> None:
        """Find what an earlier process left.

        Parameters
        ----------
        table
            The table that the prediction shall become.
        run, folders
            The model and the built dataset.
        ids
            Names of all samples, in order.
        """
        told = hashlib.sha256(sha256(trained_weights(run)[1]).encode())
        if folders.manifest.is_file():
            told.update(sha256(folders.manifest).encode())
        told.update("\n".join(ids).encode())
        self._ids = ids
        folder = _blocks_of(table)
        self._folder = folder / told.hexdigest()[:16]
        for other in folder.glob("*"):
            if other != self._folder:
                shutil.rmtree(other)

    @property
    def samples(self) -> int:
        """How many samples are predicted already."""
        return sum(stop - start for start, stop in self._spans() if self._file(start).is_file())

    def fill(
        self, shape: tuple[int, ...], predict: Callable[[Sequence[str]], Iterator[np.ndarray]]
    ) -> np.ndarray:
        """Return the predictions of all samples, float32; `shape` after the axis of samples.

        Parameters
        ----------
        shape
            Of one sample's prediction.
        predict
            Yields the predictions of the samples with these names, in order; called a block at a time.
        """
        values = np.empty((len(self._ids), *shape), np.float32)
        for start, stop in self._spans():
            file = self._file(start)
            if file.is_file():
                values[start:stop] = np.load(file, allow_pickle=False)
                continue
            for row, profiles in enumerate(predict(self._ids[start:stop]), start):
                values[row] = profiles
            with atomic_path(file) as partial, partial.open("wb") as handle:
                np.save(handle, values[start:stop])
        return values

    def _file(self, start: int) -> Path:
        return self._folder / f"{start}.npy"

    def _spans(self) -> Iterator[tuple[int, int]]:
        for start in range(0, len(self._ids), _BLOCK):
            yield start, min(start + _BLOCK, len(self._ids))


def remove_blocks(table: Path) -> None:
    """Throw the blocks of a prediction away, once its table is written."""
    shutil.rmtree(_blocks_of(table), ignore_errors=True)


def _blocks_of(table: Path) -> Path:
    return table.parent / f".{table.stem}.blocks"
