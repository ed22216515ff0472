"""Prediction of a built dataset's samples in this process, through EIR's Python objects."""

import hashlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.spec import DatasetSpec
from claster.eir.machine import Device
from claster.eir.predictions import prediction_table
from claster.eir.runs import RunFolder, input_folders, trained_weights
from claster.files import atomic_path, sha256
from claster.progress import Progress

__all__ = ["KeptBlocks", "predict_in_memory", "remove_blocks"]

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


def predict_in_memory(
    run: RunFolder,
    spec: DatasetSpec,
    samples: Mapping[Split, Sequence[str]],
    *,
    device: Device,
    table: Path,
    batch_size: int | None,
    progress: Progress,
) -> pd.DataFrame:
    """Predict samples from their array files.

    What a killed process had finished is kept in blocks beside `table`, and not predicted again.

    Parameters
    ----------
    run
        A complete run.
    spec, samples
        The dataset, and names of its samples by split.
    device
        Where to compute, ``cpu`` or ``cuda``.
    table
        The table that the prediction shall become.
    batch_size
        See `predict_arrays`.
    progress
        Where to report to.

    Returns
    -------
    pandas.DataFrame
        float32, samples x target columns, signal in reads, not cut off at 0.

    Raises
    ------
    ClasterError
        If the model cannot be loaded, or does not go with the arrays.
    """
    from claster.eir.inference import load_model, predict_windows  # EIR: many seconds

    with progress.step(f"load {run.path.name}") as step:
        step.describe("EIR starts")
        model = load_model(run, device=device)
    folders = DatasetFolders.of(spec)
    inputs = input_folders(run)
    split_of = {name: split for split, names in samples.items() for name in names}
    kept = KeptBlocks(table, run, folders, list(split_of))
    if kept.samples:
        progress.say(
            f"{kept.samples:,} of {len(split_of):,} samples were predicted before it was stopped"
        )

    def windows(names: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        for name in names:
            yield {
                modality: np.load(
                    folders.arrays(folder, split_of[name]) / f"{name}.npy", allow_pickle=False
                )
                for modality, folder in inputs.items()
            }

    with progress.step(f"predict {' '.join(samples)}", len(split_of) - kept.samples) as step:

        def predicted(names: Sequence[str]) -> Iterator[np.ndarray]:
            for profiles in predict_windows(model, windows(names), batch_size=batch_size):
                yield profiles
                step.advance()

        values = kept.fill(model.profile_shape, predicted)
    return prediction_table(values, ids=list(split_of), columns=model.target.columns)
