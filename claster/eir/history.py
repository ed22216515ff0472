"""The curve of a training, in one piece however often it was resumed."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd

from claster.eir.runs import RunFolder, RunRecord
from claster.errors import ClasterError
from claster.files import atomic_folder, atomic_path
from claster.text import read_table


def _write_tensorboard(run: RunFolder, curve: pd.DataFrame) -> bool:
    """Write the loss and performance of a run as TensorBoard's events, below ``tensorboard``.

    Returns whether they were written: not where the package tensorboard is not installed.
    """
    if importlib.util.find_spec("tensorboard") is None:
        return False
    from torch.utils.tensorboard import SummaryWriter  # seconds

    with (
        atomic_folder(run.path / "tensorboard", replace=True) as folder,
        SummaryWriter(folder) as writer,
    ):
        for row in curve.itertuples():
            writer.add_scalar(f"loss/{row.split}", row.loss, row.step)
            if row.split == "valid":
                writer.add_scalar("performance/valid", row.performance, row.step)
    return True


_REMEDY = "restore it from a copy of the run, or train again"
_FILES = {"train": "train_average_history.log", "valid": "validation_average_history.log"}


def part_steps(run: RunFolder, record: RunRecord) -> list[tuple[Path, int]]:
    """Return EIR's output folders in order, each with the step that its first one follows."""
    folders = [*run.earlier, *([run.eir] if run.eir.is_dir() else [])]
    steps = [0, *(resumption.step for resumption in record.resumed)]
    return list(zip(folders, steps, strict=False))


def read_part(folder: Path, split: str) -> pd.DataFrame | None:
    """Return EIR's own curve of a split in one of its output folders, None where it wrote none.

    Returns
    -------
    pandas.DataFrame
        `iteration` (the step), `loss-average`, and `perf-average` of the validation samples.

    Raises
    ------
    ClasterError
        If a column is missing or holds something else than numbers.
    """
    path = folder / _FILES[split]
    if not path.is_file():
        return None
    table = read_table(path, remedy=_REMEDY)
    for column in ("iteration", "loss-average", *(["perf-average"] if split == "valid" else [])):
        if column not in table or not pd.api.types.is_numeric_dtype(table[column]):
            raise ClasterError(f"{path} has no column {column!r} of numbers", remedy=_REMEDY)
    if not np.isfinite(table["iteration"]).all():
        raise ClasterError(f"{path} has a line without its step", remedy=_REMEDY)
    return table


def read_history(run: RunFolder, record: RunRecord) -> pd.DataFrame:
    """Return loss and validation performance step by step.

    Steps after the model that a resumption went on from were lost with the killed process and done
    again; only those that count are listed.

    Returns
    -------
    pandas.DataFrame
        `split` (train, valid), `step`, `loss`, `performance` (see `runs.best_checkpoint`; missing for
        training), ordered by split and step.
    """
    parts = part_steps(run, record)
    tables = []
    for number, (folder, before) in enumerate(parts):
        last = min((step for _, step in parts[number + 1 :]), default=None)
        for split in _FILES:
            table = read_part(folder, split)
            if table is None:
                continue
            step = table["iteration"].astype(int) + before
            rows = pd.DataFrame({"split": split, "step": step, "loss": table["loss-average"]})
            if split == "valid":
                rows["performance"] = table["perf-average"]
            tables.append(rows if last is None else rows[step <= last])
    if not tables:
        return pd.DataFrame(columns=["split", "step", "loss", "performance"])
    curve = pd.concat(tables).reindex(columns=["split", "step", "loss", "performance"])
    return curve.sort_values(["split", "step"], kind="stable", ignore_index=True)


def write_history(run: RunFolder, record: RunRecord) -> None:
    """Write `history.csv`, see `read_history`, and the same for TensorBoard where that is installed."""
    curve = read_history(run, record)
    with atomic_path(run.history) as partial:
        curve.to_csv(partial, index=False)
    _write_tensorboard(run, curve)
