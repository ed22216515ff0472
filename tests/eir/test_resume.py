"""Resuming a training that was ended: plans by hand, and one training that is killed."""

import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import claster
from claster.eir import flavours
from claster.eir.configure import require_own_configurations
from claster.eir.flavours import derive
from claster.eir.history import read_history
from claster.eir.machine import Machine
from claster.eir.resume import (
    learning_rate,
    plan_resumption,
    set_up_resumption,
)
from claster.eir.run import train
from claster.eir.runs import RunFolder, best_checkpoint, read_run, write_run
from claster.errors import ClasterError
from claster.files import lock_folder
from claster.progress import _Silent


class Heard(_Silent):
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)


CPU = Machine("cpu")
SETTINGS = {
    "optimization": {"lr": 0.01},
    "lr_schedule": {
        "lr_schedule": "plateau",
        "warmup_steps": 4,
        "lr_plateau_patience": 2,
        "lr_plateau_factor": 0.1,
    },
}


@pytest.mark.parametrize(
    ("performances", "rate"),
    [
        ([0.1, 0.2, 0.3, 0.4], 0.01),
        ([0.4, 0.1, 0.1, 0.1, 0.1], 1e-4),  # bad steps 2-3 and 4-5
        ([0.4, 0.1, 0.5, 0.1, 0.1], 1e-3),
    ],
)
def test_rate_on_a_plateau(performances, rate):
    history = pd.DataFrame({"iteration": 10 * np.arange(1, 6)[: len(performances)]})
    history["perf-average"] = performances
    assert learning_rate(SETTINGS, history, step=50, steps=100) == pytest.approx(rate)


def test_rate_counts_what_was_seen_until_the_step_and_after_the_warmup():
    history = pd.DataFrame({"iteration": [2, 10, 20, 30], "perf-average": [0.9, 0.5, 0.4, 0.3]})
    assert learning_rate(SETTINGS, history, step=20, steps=100) == pytest.approx(0.01)
    assert learning_rate(SETTINGS, history, step=30, steps=100) == pytest.approx(0.001)


def test_rate_on_a_cosine():
    settings = SETTINGS | {"lr_schedule": {"lr_schedule": "cosine", "warmup_steps": 20}}
    rates = [learning_rate(settings, None, step=step, steps=120) for step in (10, 20, 70, 120)]
    assert rates == pytest.approx([0.01, 0.01, 0.005, 0.0])


@pytest.fixture
def killed(trained, tmp_path):
    """A copy of the run, as it was when 8 of its 12 steps were done."""
    path = shutil.copytree(trained.run.path, tmp_path / "runs" / "small" / "tiny")
    run = RunFolder(path, tmp_path)
    record = read_run(run.path).model_copy(update={"status": "running", "checkpoint": None})
    write_run(run, record)
    for model in (run.eir / "saved_models").iterdir():
        model.unlink()
    saved_model(run.eir, 8, 0.4)
    for name in ("train", "validation"):
        path = run.eir / f"{name}_average_history.log"
        table = pd.read_csv(path)
        table[table["iteration"] <= 10].to_csv(path, index=False)
    return run


def saved_model(folder, step, performance, *, whole=True):
    path = folder / "saved_models" / f"eir_checkpoint_{step}_perf-average={performance:.4f}.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data.pkl", b"0" * 1000)
    if not whole:
        path.write_bytes(path.read_bytes()[:-10])
    return path


def test_plan(killed):
    cut_off = saved_model(killed.eir, 12, 0.5, whole=False)
    plan = plan_resumption(killed, read_run(killed.path), CPU)
    assert (plan.step, plan.epochs, plan.steps, plan.warmup) == (8, 1, 4, 0)
    assert plan.rate == pytest.approx(0.01)
    assert "weights of step 8 with 1 more epochs at a learning rate of 0.01" in plan.lost
    assert "optimizer's moments" in plan.lost
    assert not cut_off.exists()


def test_rest_on_other_devices(killed):
    record = read_run(killed.path)
    two = Machine("cuda", 2, "bf16-mixed", workers=3, memory=False)
    plan = plan_resumption(killed, record, two)
    assert (plan.epochs, plan.steps) == (1, 4)
    record = set_up_resumption(killed, record, plan, machine=two)
    after = yaml.safe_load((killed.configurations / "resume_1" / "globals.yaml").read_text())
    training = after["basic_experiment"]
    assert (training["batch_size"], training["dataloader_workers"]) == (8, 3)
    assert after["accelerator"]["strategy"] == "ddp"
    assert after["training_control"] == {"early_stopping_patience": 0}
    assert (record.device, record.devices, record.precision) == ("cuda", 2, "bf16-mixed")
    with pytest.raises(ClasterError, match="fewer than 2 for each of 9 devices: choose fewer"):
        plan_resumption(killed, record, Machine("cuda", 9))


def test_configuration_of_what_remains(killed):
    record = read_run(killed.path)
    plan = plan_resumption(killed, record, CPU)
    record = set_up_resumption(killed, record, plan, machine=CPU)
    before = yaml.safe_load((killed.configurations / "globals.yaml").read_text())
    after = yaml.safe_load((killed.configurations / "resume_1" / "globals.yaml").read_text())
    folder = "runs/small/tiny"
    assert after["model"] == {
        "pretrained_checkpoint": f"{folder}/eir.part1/saved_models/{plan.model.name}"
    }
    assert after["basic_experiment"] == before["basic_experiment"] | {"n_epochs": 1}
    assert after["lr_schedule"] == before["lr_schedule"] | {"warmup_steps": 0}
    assert after["evaluation_checkpoint"]["sample_interval"] == 4
    assert f"{folder}/configurations/resume_1/globals.yaml" in record.command
    assert record.command[3:] == read_run(killed.path).command[3:]
    assert (record.status, record.resumed[0].step) == ("running", 8)
    assert (killed.path / "train.part1.log").is_file()
    assert not killed.eir.exists()


def test_curve_goes_on_after_several_ends(killed):
    record = read_run(killed.path)
    record = set_up_resumption(killed, record, plan_resumption(killed, record, CPU), machine=CPU)
    # Killed before it saved anything: the next one starts from the same model.
    killed.eir.mkdir()
    (killed.eir / "train_average_history.log").write_text("iteration,loss-average\n1,9.0\n")
    again = plan_resumption(killed, record, CPU)
    assert (again.step, again.model.parent.parent.name) == (8, "eir.part1")
    record = set_up_resumption(killed, record, again, machine=CPU)
    # Killed before EIR made its folder, then trained to the end.
    third = plan_resumption(killed, record, CPU)
    assert third.step == 8
    record = set_up_resumption(killed, record, third, machine=CPU)
    assert [resumption.step for resumption in record.resumed] == [8, 8]
    saved_model(killed.eir, 4, 0.3)
    (killed.eir / "train_average_history.log").write_text(
        "iteration,loss-average\n1,0.25\n2,0.5\n3,0.5\n4,0.5\n"
    )
    curve = read_history(killed, record).query("split == 'train'")
    assert curve["step"].tolist() == list(range(1, 13))
    assert curve["loss"].tolist()[8:] == [0.25, 0.5, 0.5, 0.5]
    assert plan_resumption(killed, record, CPU).epochs == 0
    assert best_checkpoint(killed)[1] == 0.4


def resume(small, **options):
    heard = Heard()
    run = train(
        "tiny",
        small.spec,
        dataset_yaml=small.yaml,
        device="cpu",
        resume=True,
        progress=heard,
        **options,
    )
    return run, heard.lines


def test_complete_run_is_left_as_it_is(trained, tiny):
    before = trained.run.record.read_bytes()
    _, said = resume(trained.small)
    assert trained.run.record.read_bytes() == before
    assert said == [f"{trained.run.path} is complete"]


@pytest.fixture
def begun(small, trained, tiny):
    """A killed run in a project of its own, on the same arrays."""
    run = RunFolder(small.project / "runs" / "small" / "tiny", small.project)
    shutil.copytree(trained.run.path, run.path)
    record = read_run(run.path).model_copy(
        update={"status": "running", "trained_on": small.spec, "checkpoint": None}
    )
    write_run(run, record)
    return run


def test_run_that_another_process_trains(small, begun):
    with (
        lock_folder(begun.path.parent, name=".tiny.lock"),
        pytest.raises(ClasterError, match="another command is writing"),
    ):
        resume(small)


def test_dataset_that_has_changed(small, begun):
    record = read_run(begun.path)
    write_run(begun, record.model_copy(update={"training_samples": 62}))
    with pytest.raises(ClasterError, match="'small' has changed since the training"):
        resume(small)


def test_training_that_had_come_to_its_end(small, begun):
    saved_model(begun.eir, 12, 0.9)
    run, said = resume(small)
    assert said == [f"{begun.path} was trained to its end before: recorded as complete"]
    assert read_run(run.path).status == "complete"
    assert pd.read_csv(run.history)["step"].max() == 12


def altered(run, name, *place, to):
    """Give a key of a run's configuration another value."""
    path = run.configurations / name
    content = yaml.safe_load(path.read_text())
    *above, last = place
    part = content
    for step in above:
        part = part.setdefault(step, {})
    part[last] = to
    path.write_text(yaml.safe_dump(content))


@pytest.mark.parametrize(
    ("name", "place", "to"),
    [
        ("globals.yaml", ("basic_experiment", "manual_valid_ids_file"), "/etc/passwd"),
        ("globals.yaml", ("model", "pretrained_checkpoint"), "/elsewhere/model.pt"),
        ("globals.yaml", ("optimization", "optimizer"), "other"),
        ("globals.yaml", ("accelerator", "hardware"), "../x"),
        ("globals.yaml", ("metrics", "con_averaging_metrics"), ["r2"]),
        ("input_landscape.yaml", ("input_info", "input_source"), "/elsewhere/train_valid"),
        ("input_landscape.yaml", ("model_config", "model_type"), "someone/model"),
        ("input_landscape.yaml", ("pretrained_config",), {"model_path": "/x"}),
        ("output.yaml", ("output_info", "output_source"), "/elsewhere/train.csv"),
        ("output.yaml", ("output_type_info", "target_con_columns"), ["0_ctrl"]),
        ("globals.yaml", ("optimization", "wd"), float("nan")),
        ("globals.yaml", ("basic_experiment", "n_epochs"), [1]),
    ],
)
def test_configurations_that_name_other_places_are_not_run(small, begun, name, place, to):
    altered(begun, name, *place, to=to)
    saved_model(begun.eir, 8, 0.4)
    before = begun.record.read_bytes()
    with pytest.raises(
        ClasterError, match=rf"{name}: {place[0]}.* is not what this version writes"
    ):
        resume(small)
    assert begun.record.read_bytes() == before


@pytest.mark.parametrize("to", ["/elsewhere/eir", "runs/small/other/eir"])
def test_a_renamed_run_resumes_where_it_lies_now(small, begun, tiny, to):
    altered(begun, "globals.yaml", "basic_experiment", "output_folder", to=to)
    saved_model(begun.eir, 8, 0.4)
    renamed = RunFolder(begun.path.rename(begun.path.with_name("tiny-again")), begun.project)
    record = read_run(renamed.path)
    require_own_configurations(
        renamed,
        record,
        flavours.FLAVOURS["tiny"],
        small.spec,
    )
    plan = plan_resumption(renamed, record, CPU)
    resumed = set_up_resumption(renamed, record, plan, machine=CPU)
    written = yaml.safe_load((renamed.configurations / "resume_1/globals.yaml").read_text())
    assert written["basic_experiment"]["output_folder"] == "runs/small/tiny-again/eir"
    model = written["model"]["pretrained_checkpoint"]
    assert (small.project / model).is_file()
    assert resumed.name == "tiny-again"
    named = [word for word in resumed.command if word.endswith(".yaml")]
    assert named
    assert all(word.startswith("runs/small/tiny-again/") for word in named)


def test_numbers_of_a_configuration_may_differ(small, begun, tiny):
    altered(begun, "globals.yaml", "optimization", "lr", to=0.5)
    altered(begun, "globals.yaml", "accelerator", "precision", to="bf16-mixed")
    record = read_run(begun.path)
    require_own_configurations(
        begun,
        record,
        flavours.FLAVOURS["tiny"],
        small.spec,
    )


@pytest.mark.parametrize(
    ("place", "to", "told"),
    [
        (
            ("optimization", "lr"),
            None,
            r"optimization\.lr: Input should be a valid number",
        ),
        (("optimization", "lr"), -5, r"optimization\.lr: Input should be greater than 0"),
        (("optimization",), 5, r"optimization: "),
        (("lr_schedule", "lr_plateau_factor"), 2.0, r"lr_plateau_factor: "),
        (("evaluation_checkpoint",), {}, r"sample_interval: Field required"),
    ],
)
@pytest.mark.parametrize("part", [0, 1])
def test_global_settings_without_meaning_are_told(killed, part, place, to, told):
    if part:
        plan = plan_resumption(killed, read_run(killed.path), CPU)
        write_run(killed, set_up_resumption(killed, read_run(killed.path), plan, machine=CPU))
        saved_model(killed.eir, 2, 0.5)
    altered(killed, "resume_1/globals.yaml" if part else "globals.yaml", *place, to=to)
    with pytest.raises(ClasterError, match=rf"globals\.yaml, line .*{told}.*: train again"):
        plan_resumption(killed, read_run(killed.path), CPU)


def test_a_configuration_that_is_a_list_is_not_run(small, begun, tiny):
    (begun.configurations / "fusion.yaml").write_text("- a\n")
    with pytest.raises(ClasterError, match=r"fusion\.yaml: its content is not what"):
        require_own_configurations(
            begun,
            read_run(begun.path),
            flavours.FLAVOURS["tiny"],
            small.spec,
        )


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "iteration,loss-average,perf-average\nx,1,2\n"])
def test_a_curve_of_something_else_is_told(killed, text):
    (killed.eir / "validation_average_history.log").write_text(text)
    record = read_run(killed.path)
    for read in (
        lambda: plan_resumption(killed, record, CPU),
        lambda: read_history(killed, record),
    ):
        with pytest.raises(ClasterError, match=r"has no column 'iteration' of numbers: restore"):
            read()


def test_folders_that_only_look_like_earlier_parts(killed):
    for name in ("eir.partX", "eir.part-1", "eir.part", "eir.part2.bak"):
        (killed.path / name).mkdir()
    assert killed.earlier == []


def test_a_batch_of_more_than_there_is(killed):
    record = read_run(killed.path).model_copy(update={"batch_size": 10**12})
    with pytest.raises(ClasterError, match=r"the batch of .* has 1,000,000,000,000 samples of"):
        plan_resumption(killed, record, CPU)


def test_configurations_that_are_gone_or_more(small, begun, tiny):
    record = read_run(begun.path)
    more = record.model_copy(
        update={"configurations": {**record.configurations, "input_x.yaml": ""}}
    )
    with pytest.raises(ClasterError, match=r"was configured by .*input_x\.yaml and"):
        require_own_configurations(begun, more, flavours.FLAVOURS["tiny"], small.spec)
    (begun.configurations / "output.yaml").unlink()
    with pytest.raises(ClasterError, match=r"no file at .*output\.yaml: train again"):
        require_own_configurations(begun, record, flavours.FLAVOURS["tiny"], small.spec)


def test_the_command_of_a_record_is_not_run(killed):
    record = read_run(killed.path)
    strange = record.model_copy(
        update={"command": ("eirtrain", "--global_configs", "/x", "--evil")}
    )
    plan = plan_resumption(killed, record, CPU)
    after = set_up_resumption(killed, strange, plan, machine=CPU)
    assert after.command[3:] == record.command[3:]
    assert after.command[:2] == ("eirtrain", "--global_configs")


SCRIPT = """
import sys
from claster.dataset.load import load_dataset
from claster.eir import flavours
from claster.eir.flavours import Flavour
from claster.eir.run import train
flavours.FLAVOURS["tiny"] = Flavour.model_validate_json(sys.argv[1])
train("tiny", load_dataset(sys.argv[2]), dataset_yaml=sys.argv[2], device="cpu")
"""
EPOCHS, INTERVAL = 150, 20


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.slow
def test_killed_training_goes_on(small, tiny, monkeypatch):
    training = {"n_epochs": EPOCHS, "evaluations": EPOCHS * 4 // INTERVAL}
    flavour = derive(
        flavours.FLAVOURS["tiny"],
        name="tiny",
        description="long",
        training=training | {"early_stopping_patience": 1000},
    )
    monkeypatch.setitem(flavours.FLAVOURS, "tiny", flavour)
    run = RunFolder(small.project / "runs" / "small" / "tiny", small.project)
    command = [sys.executable, "-c", SCRIPT, flavour.model_dump_json(), small.yaml]
    variables = os.environ | {"PYTHONPATH": str(Path(claster.__file__).parents[1])}
    with subprocess.Popen(command, cwd=small.project, env=variables) as process:
        try:
            models = run.eir / "saved_models"
            wait_for(lambda: process.poll() or any(models.glob("*_checkpoint_[4-9]0_*")), 240)
            assert process.poll() is None
            listed = subprocess.run(
                ["ps", "-o", "pid=", "--ppid", str(process.pid)],
                capture_output=True,
                text=True,
                check=True,
            )
        finally:
            process.kill()
    children = [int(pid) for pid in listed.stdout.split()]
    assert children
    wait_for(lambda: not any(map(is_there, children)), 20)
    assert read_run(run.path).status == "running"

    _, said = resume(small)
    record = read_run(run.path)
    assert record.status == "complete"
    (resumption,) = record.resumed
    assert resumption.step in range(INTERVAL, 4 * EPOCHS, INTERVAL)
    assert f"weights of step {resumption.step}" in said[0]
    curve = pd.read_csv(run.history)
    losses = curve.query("split == 'train'").set_index("step")["loss"]
    assert losses.index.tolist() == list(range(1, 4 * EPOCHS + 1))
    assert losses.iloc[resumption.step : resumption.step + 20].mean() < losses.iloc[:20].mean()
    checked = curve.query("split == 'valid'")["step"].tolist()
    assert checked == list(range(INTERVAL, 4 * EPOCHS + 1, INTERVAL))
    assert (run.path / record.checkpoint).is_file()
