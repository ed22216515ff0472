"""Prediction by EIR's `eirpredict` as a program, its folder a target gathered into one table."""

import csv
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import read_yaml, to_yaml
from claster.eir.configure import environment
from claster.eir.predictions import prediction_table
from claster.eir.program import run_program, why_it_failed
from claster.eir.runs import RunFolder, RunRecord, input_folders
from claster.eir.trained_network import program_checkpoint
from claster.eir.yaml_files import OUTPUT_NAME, Device
from claster.errors import ClasterError
from claster.files import write_text
from claster.progress import Progress
from claster.signal.landscape import restored

__all__ = ["gather_predictions", "predict_by_program"]


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
    progress
        Where to report to.

    Returns
    -------
    pandas.DataFrame
        float32, samples x target columns, signal in reads, not cut off at 0.

    Raises
    ------
    ClasterError
        If the output is an array, of which EIR writes no sample names, or EIR fails.
    """
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
        table = gather_predictions(scratch / "out" / OUTPUT_NAME, target.columns, ids)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    table[:] = restored(table.to_numpy(), target.transform)
    return table


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
