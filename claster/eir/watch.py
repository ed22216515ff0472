"""The progress of a training, from the tables that EIR writes meanwhile."""

import os
from pathlib import Path

from claster.eir.runs import RunFolder
from claster.progress import Step

__all__ = ["Watcher"]

_TAIL_BYTES = 4096


class Watcher:
    """Reports the progress of a run from the tables that EIR writes."""

    def __init__(self, run: RunFolder, step: Step) -> None:
        """Report to `step`, which counts training steps."""
        self._run = run
        self._step = step
        self._done = 0
        step.describe("EIR starts")

    def look(self) -> None:
        """Report what is new."""
        trained = _last_row(self._run.eir / "train_average_history.log")
        done = int(trained.get("iteration", 0))
        if done <= self._done:
            return
        self._step.advance(done - self._done)
        self._done = done
        words = [f"loss {trained['loss-average']:.3f}"] if "loss-average" in trained else []
        checked = _last_row(self._run.eir / "validation_average_history.log")
        if "perf-average" in checked:
            words.append(f"validation performance {checked['perf-average']:.3f}")
        self._step.describe(", ".join(words))


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
