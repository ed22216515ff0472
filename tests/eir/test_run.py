"""Training and prediction: once with EIR itself, the failures with a stand-in for it."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from claster.eir import program
from claster.eir.predict import predict
from claster.eir.program import run_program, why_it_failed
from claster.eir.run import train
from claster.eir.runs import RunFolder, read_run
from claster.eir.trained_programs import _gather_predictions
from claster.errors import ClasterError
from claster.files import sha256


def test_training_leaves_a_whole_record(trained):
    run, small = trained.run, trained.small
    assert run.path == small.project / "runs" / "small" / "tiny"
    record = read_run(run.path)
    assert record.status == "complete"
    assert (record.flavour, record.dataset_name, record.seed) == ("tiny", "small", 3)
    assert (record.training_samples, record.validation_samples) == (64, 16)
    assert record.steps == 12
    assert record.versions["eir-dl"] == "0.25.0"
    assert (run.path / record.checkpoint).is_file()
    assert record.parameters > 1000
    for name, digest in record.configurations.items():
        assert sha256(run.configurations / name) == digest
    assert "Global random seed grabbed from environment variable 'EIR_SEED 'set to 3" in (
        run.log.read_text()
    )


@pytest.mark.slow
def test_two_processes_train_to_the_end(small, tiny):
    run = train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu", devices=2)
    record = read_run(run.path)
    assert (record.status, record.devices, record.steps) == ("complete", 2, 12)
    history = pd.read_csv(run.history)
    assert history.query("split == 'train'")["step"].tolist() == list(range(1, 13))
    assert "Using devices: 2" in run.log.read_text()


def test_existing_run_is_refused(trained):
    with pytest.raises(
        ClasterError, match="exists already: choose another 'tag', pass resume=True"
    ):
        train("tiny", trained.small.spec, dataset_yaml="small")


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """Return a function that puts a Python script in the place of EIR's programs."""

    def put(source: str) -> None:
        script = tmp_path / "stand_in.py"
        script.write_text(f"#!{sys.executable}\n{source}")
        script.chmod(0o755)
        monkeypatch.setattr(program, "find_program", lambda name: script)

    return put


CRASH = """
import sys
print("setting up")
def build():
    raise ValueError("Could not find columns {'5_x'}\\nin targets.csv.")
build()
"""


def test_failure_of_eir_is_one_line_with_the_log(small, tiny, stand_in):
    stand_in(CRASH)
    with pytest.raises(ClasterError) as raised:
        train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu")
    run = RunFolder(small.project / "runs" / "small" / "tiny", small.project)
    message = str(raised.value)
    assert message.startswith(
        "eirtrain failed: ValueError: Could not find columns {'5_x'} in targets.csv. "
        "(stand_in.py:6): "
    )
    assert str(run.log) in message
    assert "\n" not in message
    record = read_run(run.path)
    assert record.status == "failed"
    assert "5_x" in record.error
    with pytest.raises(ClasterError, match="is failed, not complete"):
        predict(run)


@pytest.mark.parametrize(
    "raised",
    [
        "import torch; raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')",
        "raise RuntimeError('[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: "
        "can\\'t allocate memory: you tried to allocate 9 bytes.')",
        "raise MemoryError",
        "import numpy; numpy.empty(2**55)",
        "raise RuntimeError('DataLoader worker (pid 7) is killed by signal: Killed. ')",
        "import os; os.kill(os.getpid(), 9)",
    ],
)
def test_want_of_memory_suggests_a_smaller_batch(small, tiny, stand_in, raised):
    stand_in(raised)
    with pytest.raises(ClasterError, match=r"eirtrain failed: .*: choose 'batch_size' 8") as error:
        train(
            "tiny",
            small.spec,
            dataset_yaml=small.yaml,
            device="cpu",
            memory=True,
        )
    assert "or memory=False; " in str(error.value)
    assert "\n" not in str(error.value)


def test_what_training_leaves_behind(trained):
    eir = trained.run.eir
    columns = len(trained.small.spec.require_target().columns)
    assert not (eir / "results").exists()
    assert len([path for path in eir.rglob("*") if path.is_file()]) == columns + 19
    assert len(list((eir / "saved_models").iterdir())) == 1
    history = pd.read_csv(trained.run.history)
    assert history.query("split == 'valid'")["step"].tolist() == [4, 8, 12]
    best = read_run(trained.run.path).performance
    assert history["performance"].max() == pytest.approx(best, abs=1e-4)


def test_success_without_a_checkpoint_is_a_failure(small, tiny, stand_in):
    stand_in("print('nothing done')")
    with pytest.raises(ClasterError, match="no saved model"):
        train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu")
    assert read_run(small.project / "runs/small/tiny").status == "failed"


def test_forced_run_that_fails_leaves_the_earlier_one(small, tiny, stand_in):
    earlier = small.project / "runs" / "small" / "tiny"
    earlier.mkdir(parents=True)
    (earlier / "kept.txt").write_text("kept")
    stand_in(CRASH)
    with pytest.raises(ClasterError, match=r"tiny\.failed/train\.log"):
        train(
            "tiny",
            small.spec,
            dataset_yaml=small.yaml,
            device="cpu",
            force=True,
        )
    assert [path.name for path in earlier.iterdir()] == ["kept.txt"]
    failed = earlier.with_name("tiny.failed")
    assert json.loads((failed / "run.json").read_text())["status"] == "failed"
    assert sorted(path.name for path in earlier.parent.iterdir()) == ["tiny", "tiny.failed"]


def test_forced_run_that_succeeds_replaces_the_earlier_one(small, tiny, stand_in):
    earlier = small.project / "runs" / "small" / "tiny"
    earlier.mkdir(parents=True)
    (earlier / "gone.txt").touch()
    stand_in(
        "from pathlib import Path\n"
        "models = Path('runs/small/tiny/eir/saved_models')\n"
        "models.mkdir(parents=True)\n"
        "(models / 'eir_checkpoint_4_perf-average=0.5000.pt').touch()\n"
    )
    run = train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu", force=True)
    assert read_run(run.path).performance == 0.5
    assert not (earlier / "gone.txt").exists()
    assert [path.name for path in earlier.parent.iterdir()] == ["tiny"]


def test_fault_in_the_dataset_leaves_no_run(small, tiny):
    next(small.folders.arrays("landscape", "train").iterdir()).unlink()
    with pytest.raises(ClasterError, match="not an array file"):
        train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu")
    assert not (small.project / "runs").exists()


def test_unbuilt_dataset(small, tiny):
    small.folders.manifest.unlink()
    with pytest.raises(ClasterError, match=r"is not built .*claster data build small"):
        train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed must be 0 or more, not"),
        ({"epochs": 0}, "epochs must be 1 or more, not"),
        ({"batch_size": 1}, "batch_size must be 2 or more, not"),
        ({"workers": -1}, "workers must be 0 or more, not"),
        ({"device": "cpu", "devices": 1000}, "1000 devices were asked for"),
        ({"device": "cpu", "precision": "16-mixed"}, "16-mixed was asked for and needs a GPU"),
        ({"tag": "../x"}, r"'tag' '\.\./x' is not a plain name"),
    ],
)
def test_options_that_cannot_be(small, tiny, options, message):
    with pytest.raises(ClasterError, match=message):
        train("tiny", small.spec, dataset_yaml="small", **options)
    assert not (small.project / "runs").exists()


def test_interrupt_ends_the_program(tmp_path, stand_in):
    stand_in("import time, pathlib\npathlib.Path('on').touch()\ntime.sleep(60)")

    def interrupt():
        if (tmp_path / "on").exists():
            raise KeyboardInterrupt

    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_program(["eirtrain"], cwd=tmp_path, log=tmp_path / "log", variables={}, watch=interrupt)
    assert time.monotonic() - start < 20
    left = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path / "stand_in.py") not in left


@pytest.mark.parametrize(
    ("log", "status", "reason"),
    [
        ("working\nTraceback (most recent call last):\n  x\nStopIteration\n", 1, "StopIteration"),
        (
            "Traceback (most recent call last):\n"
            '  File "/a/b/first.py", line 3, in f\n'
            "    f()\n"
            "KeyError: 'a'\n\nDuring handling of the above exception, another:\n\n"
            "Traceback (most recent call last):\n"
            '  File "/a/b/second.py", line 9, in g\n'
            "    g()\n"
            "torch.cuda.OutOfMemoryError: CUDA out of memory.\nmore\nlast\ntoo much\n",
            1,
            "OutOfMemoryError: CUDA out of memory. more last (second.py:9)",
        ),
        ("usage: eirtrain\neirtrain: error: unknown\n\n", 2, "eirtrain: error: unknown"),
        ("", 3, "it ended with status 3 and printed nothing"),
        ("", -9, "it was killed (signal 9), most likely because memory ran out"),
        ("", -signal.SIGTERM, "it was ended by signal 15"),
    ],
)
def test_why_it_failed(tmp_path, log, status, reason):
    path = tmp_path / "log"
    path.write_text(log)
    assert why_it_failed(path, status) == reason


def test_program_that_is_not_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(ClasterError, match=r"no eirtrain at .*install EIR"):
        program.find_program("eirtrain")


def write_predictions(folder: Path, column: str, ids: list[str], values: list[object]) -> None:
    (folder / column).mkdir(parents=True)
    frame = pd.DataFrame({"ID": ids, f"{column} Untransformed": values, column: 0.0})
    frame.to_csv(folder / column / "predictions.csv", index=False)


def test_gather_sorts_by_id_and_column(tmp_path):
    write_predictions(tmp_path, "1_c", ["b", "a"], [2.0, 1.0])
    write_predictions(tmp_path, "-1_c", ["a", "b"], [3.0, -4.0])
    table = _gather_predictions(tmp_path, ["-1_c", "1_c"], ["a", "b"])
    assert table.to_dict("list") == {"-1_c": [3.0, -4.0], "1_c": [1.0, 2.0]}
    assert list(table.index) == ["a", "b"]
    assert set(table.dtypes) == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("ids", "values", "message"),
    [
        (["a"], [1.0], "EIR predicted 1 samples of 0_c"),
        (["a", "c"], [1.0, 2.0], "EIR predicted 2 samples of 0_c where 2 others"),
        (["a", "b", "b"], [1.0, 2.0, 2.0], "EIR predicted 3 samples of 0_c"),
        (["a", "b"], [1.0, "nan"], "1 of 2 predicted values are not finite"),
    ],
)
def test_gather_refuses_other_samples_and_nan(tmp_path, ids, values, message):
    write_predictions(tmp_path, "0_c", ids, values)
    with pytest.raises(ClasterError, match=message):
        _gather_predictions(tmp_path, ["0_c"], ["a", "b"])


def test_gather_refuses_a_missing_column(tmp_path):
    write_predictions(tmp_path, "0_c", ["a"], [1.0])
    with pytest.raises(ClasterError, match="no predictions of 1_c"):
        _gather_predictions(tmp_path, ["0_c", "1_c"], ["a"])
