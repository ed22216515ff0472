"""Prediction of a built dataset's samples in this process, through EIR's Python objects."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.spec import DatasetSpec
from claster.eir.eirpredict import input_folders
from claster.eir.kept import KeptBlocks
from claster.eir.machine import Device
from claster.eir.predictions import prediction_table
from claster.eir.runs import RunFolder
from claster.progress import Progress

__all__ = ["predict_in_memory"]


def predict_in_memory(
    run: RunFolder,
    spec: DatasetSpec,
    samples: Mapping[Split, Sequence[str]],
    *,
    project: Path,
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
    project
        The project's folder.
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
        model = load_model(run, device=device, project=project)
    folders = DatasetFolders.of(spec, project=project)
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
