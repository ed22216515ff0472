"""A run gives way to another of its name only when that one is complete, kills included."""

import pytest

from claster.eir.resume import bring_back, forget_earlier, set_aside
from claster.eir.runs import RunFolder, read_run, write_run


@pytest.fixture
def run(tmp_path, record):
    """A complete run with seed 1."""
    run = RunFolder(tmp_path / "runs" / "tiny[1]")
    write_run(run, record.model_copy(update={"seed": 1}))
    return run


def train(run, record, *, seed, status):
    write_run(run, record.model_copy(update={"seed": seed, "status": status}))


def seeds(run):
    return {
        path.relative_to(run.path.parent).as_posix(): read_run(path).seed
        for path in [*run.path.parent.glob("*"), *run.path.parent.glob(".*/*")]
        if path.is_dir() and (path / "run.json").is_file()
    }


def test_what_failed_gives_way_to_the_earlier_run(run, record):
    retired = set_aside(run)
    train(run, record, seed=2, status="failed")
    bring_back(run, retired)
    assert seeds(run) == {"tiny[1]": 1, "tiny[1].failed": 2}


def test_the_run_before_a_killed_training_comes_back_with_the_next_one(run, record):
    set_aside(run)
    train(run, record, seed=2, status="running")  # killed here
    retired = set_aside(run)
    assert read_run(retired).seed == 1
    train(run, record, seed=3, status="failed")
    bring_back(run, retired)
    assert seeds(run) == {"tiny[1]": 1, "tiny[1].failed": 3}


def test_killed_before_anything_was_written(run):
    set_aside(run)
    retired = set_aside(run)
    assert read_run(retired).seed == 1
    assert not run.path.exists()


def test_killed_after_the_training_was_complete(run, record):
    set_aside(run)
    train(run, record, seed=2, status="complete")
    retired = set_aside(run)
    assert read_run(retired).seed == 2
    train(run, record, seed=3, status="complete")
    forget_earlier(run)
    assert seeds(run) == {"tiny[1]": 3}
    assert [path.name for path in run.path.parent.iterdir()] == ["tiny[1]"]
