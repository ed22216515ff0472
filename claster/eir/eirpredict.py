"""Prediction of a built dataset's samples, by EIR's eirpredict as a program or in this process."""

import csv
import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import network_window, readable, view_of_folder
from claster.dataset.yaml_file import read_yaml, to_yaml
from claster.eir.configure import environment
from claster.eir.predictions import prediction_table
from claster.eir.program import run_program, why_it_failed
from claster.eir.runs import RunFolder, RunRecord, input_folders, read_run, trained_weights
from claster.eir.trained_network import program_checkpoint
from claster.eir.yaml_files import OUTPUT_NAME
from claster.errors import ClasterError
from claster.files import atomic_path, sha256, write_text
from claster.progress import Progress
from claster.settings import Device, Split
from claster.signal.landscape import restored
from claster.text import read_npy


def predict_by_program(
    run: RunFolder,
    record: RunRecord,
    spec: DatasetSpec,
    split: Split,
    *,
    ids: Sequence[str],
    device: Device,
    progress: Progress,
) -> pd.DataFrame:
    """Run `eirpredict` over the arrays of a split.

    Parameters
    ----------
    run, record
        A complete run with a tabular output.
    spec, split, ids
        The dataset, which samples, and their names in the order wanted.
    device
        Where to compute, ``cpu`` or ``cuda``.

    Returns
    -------
    pandas.DataFrame
        float32, samples x target columns, signal in reads, not cut off at 0.

    Raises
    ------
    ClasterError
        If the output is an array, of which EIR writes no sample names, the run was trained with tracks left
        out, or EIR fails.
    """
    if record.drop_tracks:
        raise ClasterError(
            f"{run.path} was trained with tracks left out, and eirpredict knows nothing of missing ones",
            remedy="predict without '--through eirpredict'",
        )
    output = read_yaml(run.configurations / "output.yaml")[0]
    if output["output_info"]["output_type"] != "tabular":
        raise ClasterError(
            f"{run.path} predicts arrays, which eirpredict writes without sample names",
            remedy="predict without '--through eirpredict'",
        )
    target = (record.trained_on or spec).require_target()
    scratch = Path(tempfile.mkdtemp(prefix=".predict-", dir=run.path))
    try:
        _predict(run, record, spec, split, scratch, device, progress)
        table = _gather_predictions(scratch / "out" / OUTPUT_NAME, target.columns, ids)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    table[:] = restored(table.to_numpy(), record.transform or target.transform)
    return table


def _gather_predictions(folder: Path, columns: Sequence[str], ids: Sequence[str]) -> pd.DataFrame:
    """Return EIR's predictions, one folder a target, as one table.

    Returns float32, samples x columns, index `ID`; values as EIR wrote them, unclipped.
    """
    values = np.empty((len(ids), len(columns)), dtype=np.float32)
    rows = {name: row for row, name in enumerate(ids)}
    remedy = "predict again; if it stays, EIR's output format has changed"
    for j, column in enumerate(columns):
        path = folder / column / "predictions.csv"
        if not path.is_file():
            raise ClasterError(
                f"EIR wrote no predictions of {column} (no {path.name})", remedy=remedy
            )
        with path.open(newline="", encoding="utf-8") as handle:
            found = [(row["ID"], row[f"{column} Untransformed"]) for row in csv.DictReader(handle)]
        if len(found) != len(rows) or {name for name, _ in found} != rows.keys():
            raise ClasterError(
                f"EIR predicted {len(found)} samples of {column} where {len(rows)} others were "
                f"asked for",
                remedy=remedy,
            )
        values[[rows[name] for name, _ in found], j] = [float(value) for _, value in found]
    if not np.isfinite(values).all():
        count = int((~np.isfinite(values)).sum())
        raise ClasterError(
            f"{count} of {values.size} predicted values are not finite",
            remedy="train again with a lower learning rate",
        )
    return prediction_table(values, ids=ids, columns=columns)


def _predict(
    run: RunFolder,
    record: RunRecord,
    spec: DatasetSpec,
    split: Split,
    scratch: Path,
    device: Device,
    progress: Progress,
) -> None:
    folders = DatasetFolders.of(spec)
    written: dict[str, list[str]] = {}

    def write(option: str, name: str, changes: dict[str, Any]) -> None:
        content = read_yaml(run.configurations / name)[0]
        for section, settings in changes.items():
            content[section] = content[section] | settings
        write_text(scratch / name, to_yaml(content))
        written.setdefault(option, []).append(str((scratch / name).absolute()))

    write(
        "--global_configs",
        "globals.yaml",
        {
            # EIR loads the model onto `device` and computes on `hardware`.
            "basic_experiment": {
                "device": device,
                "memory_dataset": False,
                "output_folder": str((scratch / "out").absolute()),
            },
            "accelerator": {"hardware": device},
        },
    )
    for modality, folder in input_folders(run).items():
        source = str(folders.arrays(folder, split).absolute())
        write("--input_configs", f"input_{modality}.yaml", {"input_info": {"input_source": source}})
    write("--fusion_configs", "fusion.yaml", {})
    write("--output_configs", "output.yaml", {"output_info": {"output_source": None}})
    checkpoint = program_checkpoint(run, scratch / "exported")
    command = ["eirpredict"]
    for option, paths in written.items():
        command += [option, *paths]
    command += ["--model_path", str(checkpoint.absolute())]
    command += ["--output_folder", str((scratch / "out").absolute())]
    log = run.path / f"predict_{split}.log"
    with progress.step(f"predict {split}") as step:
        step.describe("EIR predicts")
        status = run_program(
            command,
            cwd=run.project,
            log=log,
            variables=environment(record.seed or 0),
            watch=lambda: None,
        )
    if status:
        raise ClasterError(
            f"eirpredict failed: {why_it_failed(log, status)}",
            remedy=f"correct what it names; {log} holds its output",
        )


_BLOCK = 1024
"""Samples of a block; a multiple of every batch size that is chosen without being asked for."""


class _KeptBlocks:
    """Finished blocks of one prediction, in a hidden folder beside its table.

    They belong to one model, one built dataset and one list of samples; blocks of another are thrown away.
    """

    def __init__(
        self, table: Path, run: RunFolder, folders: DatasetFolders, ids: Sequence[str]
    ) -> None:
        """Find what an earlier process left."""
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
        """Return the predictions of all samples, float32; `shape` after the axis of samples."""
        values = np.empty((len(self._ids), *shape), np.float32)
        for start, stop in self._spans():
            file = self._file(start)
            if file.is_file():
                values[start:stop] = read_npy(file, remedy="remove it and run again")
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
    spec, samples
        The dataset, and names of its samples by split.
    device
        Where to compute, ``cpu`` or ``cuda``.
    table
        The table that the prediction shall become.
    batch_size
        See `predict_arrays`.

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
    left_out = bool(read_run(run).drop_tracks)
    views = {name: view_of_folder(folder) for name, folder in inputs.items()}
    if left_out:
        inputs = {name: name for name in readable(views.values(), spec)}
    split_of = {name: split for split, names in samples.items() for name in names}
    rebuild = f"run 'claster data build {folders.name} --force'"
    kept = _KeptBlocks(table, run, folders, list(split_of))
    if kept.samples:
        progress.say(
            f"{kept.samples:,} of {len(split_of):,} samples were predicted before it was stopped"
        )

    def windows(names: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        for name in names:
            window = {
                modality: read_npy(
                    folders.arrays(folder, split_of[name]) / f"{name}.npy", remedy=rebuild
                )
                for modality, folder in inputs.items()
            }
            yield network_window(views, window, spec, model.spec) if left_out else window

    with progress.step(f"predict {' '.join(samples)}", len(split_of) - kept.samples) as step:

        def predicted(names: Sequence[str]) -> Iterator[np.ndarray]:
            for profiles in predict_windows(model, windows(names), batch_size=batch_size):
                yield profiles
                step.advance()

        values = kept.fill(model.profile_shape, predicted)
    return prediction_table(values, ids=list(split_of), columns=model.target.columns)
