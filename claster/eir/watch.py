"""The progress of a training, from the tables and the log that EIR writes meanwhile."""

import os
import time
from pathlib import Path

from claster.dataset.yaml_file import read_yaml
from claster.eir.resume import learning_rate
from claster.eir.runs import RunFolder, RunRecord
from claster.progress import Step, duration

_TAIL_BYTES = 4096
_REDUCED = "Reduced learning rate from"
_PERFORMANCE = {"tabular": "validation r", "array": "validation 1 - loss"}


class Watcher:
    """Reports the progress of a run from what EIR writes.

    EIR writes the training loss twice an evaluation interval, so reports come as often.
    """

    def __init__(self, run: RunFolder, record: RunRecord, step: Step, steps: int) -> None:
        """Report to `step`, which counts the `steps` of the training."""
        self._run = run
        self._performance = _PERFORMANCE[record.output]
        self._step = step
        self._steps = steps
        self._done = 0
        self._begun: tuple[int, float] | None = None
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
