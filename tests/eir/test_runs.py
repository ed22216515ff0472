import json

import pandas as pd
import pytest

from claster.eir.runs import (
    RunFolder,
    best_checkpoint,
    read_predictions,
    read_run,
    require_complete,
    run_path,
    write_run,
)
from claster.errors import ClasterError


def saved(run: RunFolder, *names: str) -> None:
    (run.eir / "saved_models").mkdir(parents=True)
    for name in names:
        (run.eir / "saved_models" / name).touch()


def test_run_path():
    assert run_path("toy", "pure_conv").as_posix() == "runs/toy/pure_conv"
    assert run_path("toy", "pure_conv", tag="b").as_posix() == "runs/toy/pure_conv-b"


def test_best_checkpoint_is_the_highest_number_and_not_the_last_name(tmp_path):
    run = RunFolder(tmp_path)
    saved(
        run,
        "eir_checkpoint_9_perf-average=-0.5000.pt",
        "eir_checkpoint_20_perf-average=0.8100.pt",
        "eir_checkpoint_100_perf-average=0.0900.pt",
        "eir_checkpoint_120_perf-average=nan.pt",
        "notes.pt",
    )
    path, performance = best_checkpoint(run)
    assert path.name == "eir_checkpoint_20_perf-average=0.8100.pt"
    assert performance == 0.81


def test_no_checkpoint(tmp_path):
    with pytest.raises(ClasterError, match=r"no saved model in .*evaluation interval"):
        best_checkpoint(RunFolder(tmp_path))


def test_no_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ClasterError, match=r"no run in .*train first"):
        read_run(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"name": "x"}'])
def test_record_that_is_none(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(ClasterError, match=r"run\.json is not the record of a run"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    "strange",
    [
        {"command": ["/bin/sh", "-c", "true"]},
        {"command": ["python", "x.py"]},
        {"environment": {"LD_PRELOAD": "/x.so"}},
        {"environment": {"EIR_SEED": "1; true"}},
    ],
)
def test_record_that_would_have_run_something_else(tmp_path, record, strange):
    content = record.model_dump(mode="json") | strange
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(ClasterError, match=r"run\.json is not the record of a run"):
        read_run(tmp_path)


@pytest.mark.parametrize("link", ["predictions", "eir/saved_models", "gone"])
def test_a_link_to_a_folder_elsewhere_is_refused(tmp_path, record, link):
    run = RunFolder(tmp_path / "run")
    write_run(run, record)
    (tmp_path / "elsewhere").mkdir()
    (run.path / link).parent.mkdir(exist_ok=True)
    (run.path / link).symlink_to(tmp_path / ("elsewhere" if link != "gone" else "nowhere"))
    with pytest.raises(
        ClasterError, match=rf"{link} is a link to a folder that is not the run's own"
    ):
        read_run(run.path)


def test_links_within_a_run_and_to_a_run_are_followed(tmp_path, record):
    write_run(RunFolder(tmp_path / "run"), record)
    (tmp_path / "run" / "inside").symlink_to(".")
    (tmp_path / "run" / "file").symlink_to("/etc/hostname")
    (tmp_path / "link").symlink_to("run")
    assert read_run(tmp_path / "link") == record


def test_incomplete_run_is_refused(trained, tmp_path):
    content = json.loads(trained.run.record.read_text()) | {"status": "failed"}
    (tmp_path / "run.json").write_text(json.dumps(content))
    with pytest.raises(ClasterError, match="is failed, not complete"):
        require_complete(RunFolder(tmp_path))


def test_predictions_read_back(tmp_path):
    run = RunFolder(tmp_path)
    with pytest.raises(ClasterError, match=r"no predictions of the test split.*claster predict"):
        read_predictions(run, "test")
    table = pd.DataFrame({"0_ctrl": [1.5]}, index=pd.Index(["g_rev"], name="ID"))
    run.predictions("test").parent.mkdir()
    table.to_parquet(run.predictions("test"))
    pd.testing.assert_frame_equal(read_predictions(tmp_path, "test"), table)
