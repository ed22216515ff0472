"""Prediction: EIR's `eirpredict` as a program, its folder a target gathered into one table."""

import csv
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.adopt import adopt_run, can_be_adopted
from claster.eir.content import OUTPUT_NAME, Device
from claster.eir.preflight import check_prediction, resolve_device
from claster.eir.program import run_program, why_it_failed
from claster.eir.reference import require_same_divisors
from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, require_complete
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.progress import SILENT, Progress
from claster.signal.transform import restored

__all__ = ["gather_predictions", "predict"]


def predict(
    run: RunFolder | Path | str,
    *,
    split: Split = "test",
    project: Path | str = ".",
    device: Device = "auto",
    progress: Progress = SILENT,
) -> Path:
    """Predict a split with the best model of a run.

    Predictions are on the scale of the target (reads). The network may go below 0, which
    transcription cannot: such values become 0, and `progress` says how many there were.

    Parameters
    ----------
    run
        The run or its folder.
    split
        Which samples.
    project
        The project's folder.
    device
        Where to compute.
    progress
        Where to report to.

    Returns
    -------
    Path
        ``predictions/<split>.parquet``; a CSV of the same name lies beside it. Samples x target
        columns, float32, indexed by sample name in the order of the split's ID file.

    Raises
    ------
    ClasterError
        If the run is not complete, the split has a fault, or EIR fails.
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    project = Path(project)
    if can_be_adopted(run):
        adopt_run(run, project=project)
        progress.say(f"{run.path} was trained by eirtrain itself: recorded as {run.record}")
    record = require_complete(run)
    spec = load_dataset(record.dataset, project=project)
    target = spec.require_target()
    require_same_divisors(record, spec, project=project)
    device = resolve_device(device)
    inputs = _inputs(record)
    ids = check_prediction(inputs, spec, split, project=project, progress=progress)
    scratch = Path(tempfile.mkdtemp(prefix=".predict-", dir=run.path))
    try:
        _predict(run, record, spec, split, scratch, inputs, project, device, progress)
        table = gather_predictions(scratch / "out" / OUTPUT_NAME, target.columns, ids)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    table[:] = restored(table.to_numpy(), target.transform)
    negative = int((table.to_numpy() < 0).sum())
    if negative:
        progress.say(
            f"{negative:,} of {table.size:,} predicted values were below 0 and are now 0 "
            f"({100 * negative / table.size:.1f}%)"
        )
    table = table.clip(lower=0)
    path = run.predictions(split)
    with atomic_path(path) as partial:
        table.to_parquet(partial)
    with atomic_path(path.with_suffix(".csv")) as partial:
        table.to_csv(partial)
    return path


def gather_predictions(folder: Path, columns: Sequence[str], ids: Sequence[str]) -> pd.DataFrame:
    """Return EIR's predictions, one folder a target, as one table.

    Parameters
    ----------
    folder
        EIR's folder of the output: ``<column>/predictions.csv`` with columns ID, ``<column>
        Untransformed`` (the target's own scale) and ``<column>`` (z-scored).
    columns
        The target columns, in the order wanted.
    ids
        The samples, in the order wanted.

    Returns
    -------
    pandas.DataFrame
        float32, samples x columns, index `ID`; values as EIR wrote them, unclipped.

    Raises
    ------
    ClasterError
        If a column is missing, the samples of a column are not exactly `ids`, or a value is no
        finite number.
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
            f"{count} of {values.size} predicted values are no finite numbers",
            remedy="train again with a lower learning rate",
        )
    return pd.DataFrame(values, index=pd.Index(ids, name="ID"), columns=list(columns))


def _inputs(record: RunRecord) -> list[str]:
    """Return the modalities that a run was trained on."""
    names = sorted(record.configurations)
    return [
        name.removeprefix("input_").removesuffix(".yaml")
        for name in names
        if name.startswith("input_")
    ]


def _predict(
    run: RunFolder,
    record: RunRecord,
    spec: DatasetSpec,
    split: Split,
    scratch: Path,
    inputs: Sequence[str],
    project: Path,
    device: Device,
    progress: Progress,
) -> None:
    folders = DatasetFolders.of(spec, project=project)
    written: dict[str, list[str]] = {}

    def write(option: str, name: str, changes: dict[str, Any]) -> None:
        content = yaml.safe_load((run.configurations / name).read_text(encoding="utf-8"))
        for section, settings in changes.items():
            content[section] = content[section] | settings
        write_text(scratch / name, yaml.safe_dump(content, sort_keys=False))
        written.setdefault(option, []).append(str((scratch / name).absolute()))

    write(
        "--global_configs",
        "globals.yaml",
        {
            # EIR loads the model onto `device` and computes on `hardware`.
            "basic_experiment": {"device": device, "memory_dataset": False},
            "accelerator": {"hardware": device},
        },
    )
    for modality in inputs:
        source = str(folders.arrays(modality, split).absolute())
        write("--input_configs", f"input_{modality}.yaml", {"input_info": {"input_source": source}})
    write("--fusion_configs", "fusion.yaml", {})
    write("--output_configs", "output.yaml", {"output_info": {"output_source": None}})
    checkpoint, _ = best_checkpoint(run)
    command = ["eirpredict"]
    for option, paths in written.items():
        command += [option, *paths]
    command += ["--model_path", str(checkpoint.absolute())]
    command += ["--output_folder", str((scratch / "out").absolute())]
    log = run.path / f"predict_{split}.log"
    with progress.step(f"predict {split}") as step:
        step.describe("EIR predicts")
        status = run_program(
            command, cwd=project, log=log, variables=record.environment, watch=lambda: None
        )
    if status:
        raise ClasterError(
            f"eirpredict failed: {why_it_failed(log, status)}",
            remedy=f"mend what it names; {log} holds its output",
        )
