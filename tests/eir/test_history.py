"""The progress of a training from EIR's files, written here by hand; and its curve for TensorBoard."""

import pandas as pd
import pytest
import yaml

from claster.eir import history
from claster.eir.history import Watcher, _write_tensorboard
from claster.eir.runs import RunFolder

SETTINGS = {
    "optimization": {"lr": 0.01},
    "lr_schedule": {"lr_schedule": "plateau", "warmup_steps": 10, "lr_plateau_factor": 0.2},
}


class Bar:
    def __init__(self):
        self.done, self.text = 0, ""

    def advance(self, amount):
        self.done += amount

    def describe(self, text):
        self.text = text


@pytest.fixture
def watched(record, tmp_path, monkeypatch):
    """A run that EIR has just begun, a bar, a clock that a test sets, and the watcher."""
    run = RunFolder(tmp_path / "run")
    run.eir.mkdir(parents=True)
    run.configurations.mkdir()
    (run.configurations / "globals.yaml").write_text(yaml.safe_dump(SETTINGS))
    run.log.write_text("EIR starts\n")
    clock = [0.0]
    monkeypatch.setattr(history.time, "monotonic", lambda: clock[0])
    bar = Bar()
    return run, bar, clock, Watcher(run, record, bar, 100)


def write(run, steps, performance=None):
    rows = "".join(f"{step},0.5\n" for step in range(1, steps + 1))
    (run.eir / "train_average_history.log").write_text(f"iteration,loss-average\n{rows}")
    if performance is not None:
        text = f"iteration,loss-average,perf-average\n{steps},0.4,{performance}\n"
        (run.eir / "validation_average_history.log").write_text(text)


def test_loss_r_rate_and_time_left(watched):
    run, bar, clock, watcher = watched
    watcher.look()
    assert (bar.done, bar.text) == (0, "EIR starts")
    write(run, 5)
    clock[0] = 60.0
    watcher.look()
    assert (bar.done, bar.text) == (5, "loss 0.500, rate 0.005")
    write(run, 20, 0.25)
    clock[0] = 75.0  # 15 steps in 15 seconds
    watcher.look()
    assert bar.text == "loss 0.500, validation r 0.250, rate 0.01, 80 s left"
    run.log.write_text("Iteration 30: Reduced learning rate from 1e-02 to 2e-03.\n")
    write(run, 40, 0.2)
    clock[0] = 200.0
    watcher.look()
    assert (bar.done, bar.text) == (
        40,
        "loss 0.500, validation r 0.200, rate 0.002, 4 min left",
    )


def test_row_that_is_being_written_is_not_read(watched):
    run, bar, _, watcher = watched
    (run.eir / "train_average_history.log").write_text("iteration,loss-average\n1,0.5\n2")
    watcher.look()
    assert bar.done == 1


CURVE = pd.DataFrame(
    {
        "split": ["train", "train", "valid"],
        "step": [1, 2, 2],
        "loss": [0.5, 0.25, 0.75],
        "performance": [None, None, 0.125],
    }
)


@pytest.mark.filterwarnings("ignore")
def test_curve_for_tensorboard(tmp_path):
    accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="no tensorboard here"
    )
    _write_tensorboard(RunFolder(tmp_path), CURVE)
    events = accumulator.EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    read = {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }
    assert read == {
        "loss/train": [(1, 0.5), (2, 0.25)],
        "loss/valid": [(2, 0.75)],
        "performance/valid": [(2, 0.125)],
    }


def test_without_tensorboard_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(history.importlib.util, "find_spec", lambda name: None)
    _write_tensorboard(RunFolder(tmp_path), CURVE)
    assert list(tmp_path.iterdir()) == []
