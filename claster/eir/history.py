"""The curve of a training: watched while EIR trains, and read in one piece however often it was resumed."""

import importlib.util
import math
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claster.dataset.yaml_file import read_yaml
from claster.eir.runs import RunFolder, RunRecord
from claster.errors import ClasterError
from claster.files import atomic_folder, atomic_path
from claster.progress import Step, duration
from claster.text import read_table

_REMEDY = "restore it from a copy of the run, or train again"
_FILES = {"train": "train_average_history.log", "valid": "validation_average_history.log"}
_TAIL_BYTES = 4096
_REDUCED = "Reduced learning rate from"
_PERFORMANCE = {"tabular": "validation r", "array": "validation 1 - loss"}


def part_steps(run: RunFolder, record: RunRecord) -> list[tuple[Path, int]]:
    """Return EIR's output folders in order, each with the step that its first one follows."""
    folders = [*run.earlier, *([run.eir] if run.eir.is_dir() else [])]
    steps = [0, *(resumption.step for resumption in record.resumed)]
    return list(zip(folders, steps, strict=False))


def read_part(folder: Path, split: str) -> pd.DataFrame | None:
    """Return EIR's own curve of a split in one of its output folders, None where it wrote none.

    Its columns `iteration` (the step), `loss-average` and, of the validation samples, `perf-average` are
    there and hold numbers, else it is refused.
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
    """Write `history.csv`, see `read_history`, and the same for TensorBoard."""
    curve = read_history(run, record)
    with atomic_path(run.history) as partial:
        curve.to_csv(partial, index=False)
    _write_tensorboard(run, curve)


def _write_tensorboard(run: RunFolder, curve: pd.DataFrame) -> None:
    """Write the loss and performance of a run as TensorBoard's events, where that is installed."""
    if importlib.util.find_spec("tensorboard") is None:
        return
    from torch.utils.tensorboard import SummaryWriter  # seconds

    with (
        atomic_folder(run.path / "tensorboard", replace=True) as folder,
        SummaryWriter(folder) as writer,
    ):
        for row in curve.itertuples():
            writer.add_scalar(f"loss/{row.split}", row.loss, row.step)
            if row.split == "valid":
                writer.add_scalar("performance/valid", row.performance, row.step)


def learning_rate(
    settings: dict[str, Any], history: pd.DataFrame | None, *, step: int, steps: int
) -> float:
    """Return the learning rate that EIR's schedule had reached at `step` of a training of `steps`.

    `settings` is EIR's global configuration, `history` its validation curve (`read_part`).
    """
    rate, lowest = settings["optimization"]["lr"], settings["optimization"].get("lr_lb", 0.0)
    schedule = settings["lr_schedule"]
    warmup = schedule.get("warmup_steps") or 0
    warmup = warmup if isinstance(warmup, int) else 0
    if schedule["lr_schedule"] == "cosine":
        part = min(1.0, max(0, step - warmup) / max(1, steps - warmup))
        return lowest + (rate - lowest) * (1 + math.cos(math.pi * part)) / 2
    if schedule["lr_schedule"] != "plateau" or history is None:
        return rate
    import torch  # seconds

    optimizer = torch.optim.SGD([torch.zeros(1)], lr=rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        mode="max",
        factor=schedule["lr_plateau_factor"],
        patience=schedule["lr_plateau_patience"] - 1,  # EIR counts its patience from 1
        min_lr=lowest,
    )
    seen = history[(history["iteration"] > warmup) & (history["iteration"] <= step)]
    for performance in seen["perf-average"]:
        plateau.step(performance)
    return float(optimizer.param_groups[0]["lr"])


class Watcher:
    """Reports the progress of a run from what EIR writes twice an evaluation interval."""

    def __init__(self, run: RunFolder, record: RunRecord, step: Step, steps: int) -> None:
        """Report to `step`, which counts the `steps` of the training."""
        self._run = run
        self._performance = _PERFORMANCE[record.output]
        self._step = step
        self._steps = steps
        self._done = 0
        self._begun: tuple[int, float] | None = None  # the first report: steps, and time
        path = Path(record.command[record.command.index("--global_configs") + 1])
        folder = run.configurations
        settings = folder / path.parent.name / path.name
        settings = settings if settings.is_file() else folder / path.name
        self._settings = read_yaml(settings)[0]
        step.describe("EIR starts")

    def look(self) -> None:
        """Report what is new."""
        trained = _last_row(self._run.eir / "train_average_history.log")
        done = int(trained.get("iteration", 0))
        if done <= self._done:
            return
        words = [f"loss {trained['loss-average']:.3f}"] if "loss-average" in trained else []
        checked = _last_row(self._run.eir / "validation_average_history.log")
        if "perf-average" in checked:
            words.append(f"{self._performance} {checked['perf-average']:.3f}")
        words.append(f"rate {self._rate(done):.2g}")
        if left := self._time_left(done):
            words.append(left)
        self._step.describe(", ".join(words))
        self._step.advance(done - self._done)
        self._done = done

    def _rate(self, done: int) -> float:
        """Return the learning rate; reductions on a plateau are counted in EIR's log."""
        schedule = self._settings["lr_schedule"]
        rate: float = self._settings["optimization"]["lr"]
        if done < (warmup := schedule["warmup_steps"] or 0):
            return rate * done / warmup
        if schedule["lr_schedule"] != "plateau":
            return learning_rate(self._settings, None, step=done, steps=self._steps)
        log = self._run.log.read_text(encoding="utf-8", errors="replace")
        return rate * float(schedule["lr_plateau_factor"]) ** log.count(_REDUCED)

    def _time_left(self, done: int) -> str:
        """Return the time that the rest takes at the pace since the first report; EIR's start not counted."""
        now = time.monotonic()
        if self._begun is None:
            self._begun = done, now
        step, then = self._begun
        if done == step:
            return ""
        return f"{duration((self._steps - done) * (now - then) / (done - step))} left"


def _last_row(table: Path) -> dict[str, float]:
    """Return the last whole row of a CSV that another process writes; empty if there is none."""
    try:
        with table.open("rb") as handle:
            names = handle.readline().decode().strip().split(",")
            start = handle.tell()
            handle.seek(max(start, handle.seek(0, os.SEEK_END) - _TAIL_BYTES))
            lines = handle.read().decode().splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    for line in reversed(lines):
        try:
            values = [float(value) for value in line.split(",")]
        except ValueError:
            continue
        if len(values) == len(names):
            return dict(zip(names, values, strict=True))
    return {}
