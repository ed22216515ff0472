"""Several seeds and folds; training itself is replaced by a function that notes what is asked for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from claster.eir import run as run_module
from claster.eir.run import next_lines, plan_series, train_series
from claster.eir.runs import RunFolder, run_path, write_run
from claster.errors import ClasterError

SCRIPT = Path(__file__).parents[2] / "scripts" / "train.slurm"


def planned(**options):
    return [(one.dataset, one.tag, one.seed) for one in plan_series("toy", **options)]


def test_plans():
    assert planned(seed=7, tag="x") == [("toy", "x", 7)]
    assert planned(seeds="3,1,3") == [("toy", "seed3", 3), ("toy", "seed1", 1)]
    assert planned(seeds="2", tag="x") == [("toy", "x-seed2", 2)]
    assert planned(folds=3, seeds="1,2") == [
        (f"toy@{fold}of3", f"seed{seed}", seed) for seed in (1, 2) for fold in range(3)
    ]


@pytest.mark.parametrize("shards", [1, 2, 4, 6, 9])
def test_shards_are_every_training_once(shards):
    whole = planned(folds=3, seeds="1,2")
    parts = [planned(folds=3, seeds="1,2", shard=f"{n + 1}/{shards}") for n in range(shards)]
    assert sorted(one for part in parts for one in part) == sorted(whole)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": "1;2"}, "'seeds' must be numbers, not '1;2': write them as 1,2,3"),
        ({"seeds": ""}, "'seeds' must be numbers, not ''"),
        ({"folds": 2}, "'folds' must be 3 or more, not 2: choose a larger"),
        ({"shard": "0/3"}, "'shard' must be I/N, not '0/3': write 2/4"),
        ({"shard": "4/3"}, "'shard' must be I/N, not '4/3'"),
        ({"shard": "1"}, "'shard' must be I/N, not '1'"),
    ],
)
def test_plans_that_cannot_be(options, message):
    with pytest.raises(ClasterError, match=message):
        plan_series("toy", **options)


@pytest.fixture
def asked(record, monkeypatch):
    """Record what is trained; each training leaves a complete run."""
    calls = []

    def note(flavour, spec, settings, *, tag, seed, **_):
        calls.append((spec.name, tag, seed, settings.resume))
        run = RunFolder(spec.project / run_path(spec.name, flavour, tag=tag), spec.project)
        run.path.mkdir(parents=True)
        write_run(run, record)
        return run

    monkeypatch.setattr(run_module, "train", note)
    return calls


def test_finished_runs_are_skipped_the_second_time(small, asked):
    trainings = plan_series(small.yaml, seeds="1,2")
    runs = train_series("tiny", trainings, project=small.project)
    assert [run.path.name for run in runs] == ["tiny-seed1", "tiny-seed2"]
    shutil.rmtree(runs[0].path)
    again = train_series("tiny", trainings, project=small.project, resume=True)
    assert again == runs
    assert asked == [
        ("small", "seed1", 1, False),
        ("small", "seed2", 2, False),
        ("small", "seed1", 1, True),
    ]


def test_folds_are_built_and_other_datasets_are_not(small, asked, monkeypatch):
    built = []
    monkeypatch.setattr(run_module, "build_dataset", lambda spec, **_: built.append(spec.name))
    train_series("tiny", plan_series("small", folds=3), project=small.project)
    assert built == ["small-fold0of3", "small-fold1of3", "small-fold2of3"]
    assert [call[0] for call in asked] == built
    small.folders.manifest.unlink()
    train_series("tiny", plan_series("small", seeds="1,2"), project=small.project)
    assert len(built) == 3


def test_lines_that_come_next():
    runs = [RunFolder(Path(f"runs/toy/toy-seed{n}")) for n in (1, 2)]
    together = "runs/toy/toy-seed1 runs/toy/toy-seed2"
    assert next_lines(runs) == [
        f'for run in {together}; do claster predict "$run"; done',
        f"claster evaluate {together}",
    ]
    assert next_lines(runs[:1]) == ["claster predict runs/toy/toy-seed1"]
    assert next_lines([]) == []


def test_slurm_script_parses_and_its_options_exist():
    subprocess.run(["bash", "-n", str(SCRIPT)], check=True)
    text = SCRIPT.read_text()
    command = text[text.index("claster train") :]
    help_text = subprocess.run(
        [Path(sys.executable).with_name("claster"), "train", "-h"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    options = {word for word in command.split() if word.startswith("--")}
    assert options >= {"--shard", "--resume"}
    assert all(option in help_text for option in options)
