"""A trained run in EIR's own programs: `eirpredict` for a table, `eirserve` for clients."""

import csv
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import read_yaml, to_yaml
from claster.eir.bundle import require_unchanged
from claster.eir.configure import eirtrain_command, environment
from claster.eir.machine import resolve_device
from claster.eir.predictions import prediction_table
from claster.eir.program import find_program, run_program, why_it_failed
from claster.eir.runs import RunFolder, RunRecord, best_checkpoint, require_model, run_views
from claster.eir.trained_on import trained_dataset
from claster.eir.yaml_files import OUTPUT_NAME
from claster.errors import ClasterError
from claster.files import write_text
from claster.progress import Progress
from claster.settings import Device, Split
from claster.signal.landscape import restored


def program_checkpoint(run: RunFolder, scratch: Path) -> Path:
    """Return a checkpoint of the best model that `eirpredict` and `eirserve` read.

    They read torch's format only, from a folder ``saved_models`` beside EIR's configurations. Exported
    weights are written so, and what EIR needs is copied beside them.

    Parameters
    ----------
    scratch
        An empty folder for what is made of exported weights. It must stay while EIR starts.
    """
    if not run.exported_weights.is_file():
        return best_checkpoint(run)[0]
    import torch  # seconds

    from claster.eir.trained_network import read_weights

    require_unchanged(run.path)
    shutil.copytree(run.eir, scratch, dirs_exist_ok=True)
    checkpoint = scratch / "saved_models" / "exported.pt"
    checkpoint.parent.mkdir()
    torch.save(read_weights(run.exported_weights), checkpoint)
    return checkpoint


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
        A complete run with a tabular output: of an array EIR writes no sample names.
    spec, split, ids
        The dataset, which samples, and their names in the order wanted.

    Returns
    -------
    pandas.DataFrame
        float32, samples x target columns, signal in reads, not cut off at 0.
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
    """Return EIR's predictions, one folder a target, as one table; values as EIR wrote them, unclipped."""
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
    folders, out = DatasetFolders.of(spec), str((scratch / "out").absolute())
    changes: dict[str, dict[str, dict[str, Any]]] = {
        "globals.yaml": {
            # EIR loads the model onto `device` and computes on `hardware`.
            "basic_experiment": {"device": device, "memory_dataset": False, "output_folder": out},
            "accelerator": {"hardware": device},
        }
    }
    for modality, view in run_views(run).items():
        source = str(folders.arrays(view.folder, split).absolute())
        changes[f"input_{modality}.yaml"] = {"input_info": {"input_source": source}}
    changes |= {"fusion.yaml": {}, "output.yaml": {"output_info": {"output_source": None}}}
    for name, sections in changes.items():
        content = read_yaml(run.configurations / name)[0]
        for section, settings in sections.items():
            content[section] = content[section] | settings
        write_text(scratch / name, to_yaml(content))
    _, *files = eirtrain_command([scratch / name for name in changes], project=run.project)
    checkpoint = str(program_checkpoint(run, scratch / "exported").absolute())
    command = ["eirpredict", *files, "--model_path", checkpoint, "--output_folder", out]
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


def serve_command(
    run: RunFolder | Path | str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    device: Device = "auto",
) -> list[str]:
    """Return the `eirserve` command line for the best model of a run.

    For a folder that `claster export` wrote, the checkpoint that `eirserve` reads is made first, in a
    temporary folder. It goes when this process ends, also after `become`.

    Parameters
    ----------
    run
        A run, or a folder that `claster export` wrote.
    host
        Where it listens. The server asks nobody for a password: any address but the loopback one opens
        it to everyone who reaches this machine.
    port
        TCP port.

    Raises
    ------
    ClasterError
        If the run saved no model, its weights are damaged, or the port is taken.
    """
    _require_free(host, port)
    run = RunFolder.of(run)
    require_model(run)
    settings = {"--host": host, "--port": str(port), "--device": resolve_device(device)}
    scratch = _folder_of_this_process() if run.exported_weights.is_file() else Path()
    command = ["eirserve", "--model-path", str(program_checkpoint(run, scratch))]
    return [*command, *chain.from_iterable(settings.items())]


def describe_inputs(run: RunFolder | Path | str) -> list[str]:
    """Return a line an input: shape and type of its arrays, and where the dataset has such arrays.

    Parameters
    ----------
    run
        A run, or a folder that `claster export` wrote.

    Raises
    ------
    ClasterError
        If there is no run.
    """
    run = RunFolder.of(run)
    spec = trained_dataset(run, require_model(run))
    lines = []
    for name, view in run_views(run).items():
        shape = " x ".join(f"{length:,}" for length in view.shape(spec))
        at = DatasetFolders.of(spec).inputs / view.folder
        lines.append(f"{name}: {shape} float32, as in {at}")
    return lines


def become(command: Sequence[str]) -> NoReturn:
    """Run one of EIR's programs in the place of this process, which does not come back."""
    program = find_program(command[0])
    sys.stdout.flush()
    os.execv(program, [str(program), *command[1:]])


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise ClasterError(
            f"cannot listen on {host}, port {port}: {error.strerror}",
            remedy="choose another --port, or another --host",
        ) from error


def _folder_of_this_process() -> Path:
    """Return a new folder that a shell removes once this process is gone, whatever it has become.

    The shell waits for the end of a pipe that only this process holds; SIGKILL closes it too.
    """
    folder = tempfile.mkdtemp(prefix="claster-")
    read, write = os.pipe()
    os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", 'cat > /dev/null; rm -r -- "$1"', "sh", folder],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)],
        setpgroup=0,  # an interrupt in the terminal is not for it
    )
    os.close(read)
    os.set_inheritable(write, True)  # noqa: FBT003 - kept by what this process becomes
    return Path(folder)
