"""Trainings that start from the weights of another run: what is taken, and what is refused."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from claster.dataset.load import load_dataset
from claster.eir import flavours
from claster.eir.configure import require_own_configurations
from claster.eir.export import export_run
from claster.eir.flavours import derive
from claster.eir.inference import load_model, predict_arrays
from claster.eir.resume import _require_same_start
from claster.eir.run import train
from claster.eir.runs import RunFolder, read_run, trained_weights, write_run
from claster.eir.start import _by_name, find_start
from claster.errors import ClasterError

FIRST = "input_modules.landscape.feature_extractor.conv.0.conv_1.weight"


@pytest.fixture
def weights(trained):
    return torch.load(trained.run.path / read_run(trained.run.path).checkpoint, weights_only=True)


@pytest.fixture
def other(trained, tmp_path):
    """Return the dataset of the run with something changed; its arrays are not needed."""

    def other(**changes):
        content = yaml.safe_load(Path(trained.small.yaml).read_text()) | changes
        path = tmp_path / "other.yaml"
        path.write_text(yaml.safe_dump(content | {"name": "other"}))
        return load_dataset(path, project=trained.small.project)

    return other


def tracks(*names):
    return [{"name": name, "file": f"{name}.bw"} for name in names]


def test_all_weights_are_taken_for_another_cell(trained, tiny, other, weights):
    told, taken = find_start(trained.run, flavours.FLAVOURS["tiny"], other())
    assert taken.keys() == weights.keys()
    assert all(torch.equal(taken[name], weights[name]) for name in weights)
    assert told.line == f"starts from the weights of {trained.run.path}"


def test_weights_of_a_track_are_found_by_its_name(trained, tiny, other, weights):
    spec = other(tracks=tracks("H3K27ac", "new", "ATAC"))
    told, taken = find_start(trained.run, flavours.FLAVOURS["tiny"], spec)
    before, after = weights[FIRST], taken[FIRST]
    assert after.shape[1] == 3
    assert torch.equal(after[:, 0], before[:, 1])
    assert torch.equal(after[:, 2], before[:, 0])
    assert not after[:, 1].any()
    assert all(torch.equal(taken[name], weights[name]) for name in weights.keys() - {FIRST})
    assert "new tracks start from zero: new" in told.line


def test_tracks_that_are_not_there_are_left(trained, tiny, other, weights):
    told, taken = find_start(
        trained.run, flavours.FLAVOURS["tiny"], other(tracks=tracks("H3K27ac"))
    )
    assert torch.equal(taken[FIRST], weights[FIRST][:, 1:])
    assert told.line.endswith("tracks whose weights are not taken: ATAC")


def test_several_channels_of_a_track_stay_together():
    values = torch.arange(12.0).reshape(1, 12, 1, 1)
    taken = _by_name(values, 1, ["a", "b", "c"], ["c", "new", "a"]).ravel().tolist()
    assert taken == [8, 9, 10, 11, 0, 0, 0, 0, 0, 1, 2, 3]


def test_tracks_as_rows():
    kernel = torch.arange(6.0).reshape(1, 1, 2, 3)
    assert _by_name(kernel, 2, ["a", "b"], ["b", "a"]).ravel().tolist() == [3, 4, 5, 0, 1, 2]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": {"bin": 50, "bins": 2001}}, "window.bin was 100 and is 50"),
        ({"window": {"bin": 100, "bins": 2201}}, "columns of landscape was 2001 and is 2201"),
        (
            {"target": {"bins": 21, "conditions": [{"name": "ctrl", "file": "n.bw"}]}},
            "target.bins was 41 and is 21",
        ),
        (
            {
                "target": {
                    "bins": 41,
                    "conditions": [{"name": name, "file": f"{name}.bw"} for name in "ab"],
                }
            },
            "the number of conditions was 1 and is 2",
        ),
        (
            {"tracks": tracks("a", "b")},
            r"no track has the name of one of its own \(ATAC, H3K27ac\)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(trained, tiny, other, changes, message):
    with pytest.raises(ClasterError, match=message):
        find_start(trained.run, flavours.FLAVOURS["tiny"], other(**changes))


def test_another_network_is_refused(trained, tiny, other):
    tiny = flavours.FLAVOURS["tiny"]
    wider = derive(tiny, name="wider", description="", fusion={"fc_task_dim": 32})
    with pytest.raises(ClasterError, match=r"fc_task_dim in fusion.yaml was 16 and is 32"):
        find_start(trained.run, wider, other())
    contacts = derive(
        tiny,
        name="more",
        description="",
        inputs={"contacts": flavours.FLAVOURS["microc_diagonal"].inputs["contacts"].model_dump()},
    )
    with pytest.raises(ClasterError, match="its inputs was landscape and is contacts, landscape"):
        find_start(trained.run, contacts, other())


def test_incomplete_run_is_refused(trained, tiny, other, tmp_path):
    run = RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"), trained.small.project)
    write_run(run, read_run(run.path).model_copy(update={"status": "interrupted"}))
    with pytest.raises(ClasterError, match="is interrupted, not complete"):
        find_start(run, flavours.FLAVOURS["tiny"], other())


def test_exported_run_is_the_same_start(trained, tiny, other, weights, tmp_path):
    out = export_run(trained.run, tmp_path / "exported")
    _, taken = find_start(RunFolder(out, trained.small.project), flavours.FLAVOURS["tiny"], other())
    assert all(torch.equal(taken[name], weights[name]) for name in weights)


def test_only_the_same_start_is_resumed(trained, tiny, other, tmp_path):
    record = read_run(trained.run.path)
    with pytest.raises(ClasterError, match="started from random weights, not from the present"):
        _require_same_start(trained.run, record, trained.run)
    told, _ = find_start(trained.run, flavours.FLAVOURS["tiny"], other())
    record = record.model_copy(update={"started_from": told})
    _require_same_start(trained.run, record, trained.run)
    changed = record.model_copy(update={"started_from": told.model_copy(update={"sha256": "0"})})
    with pytest.raises(ClasterError, match="resume it without 'pretrained'"):
        _require_same_start(trained.run, changed, trained.run)


@pytest.mark.slow
def test_training_starts_where_the_other_ended(trained, tiny):
    small = trained.small
    flavours.FLAVOURS["tiny"] = derive(
        flavours.FLAVOURS["tiny"], name="tiny", description="", training={"lr": 1e-9}
    )
    run = train(
        "tiny",
        small.spec,
        dataset_yaml=small.yaml,
        seed=4,
        device="cpu",
        epochs=1,
        tag="again",
        pretrained=trained.run.path,
    )
    record = read_run(run.path)
    assert record.started_from.run == trained.run.path.as_posix()
    arrays = np.random.default_rng(1).gamma(0.3, 4.0, size=(4, 2, 1, 2001)).astype(np.float32)
    there, here = (
        predict_arrays(load_model(folder, device="cpu"), landscape=arrays)
        for folder in (trained.run, run)
    )
    np.testing.assert_allclose(here, there, rtol=1e-3)
    require_own_configurations(
        run,
        record,
        flavours.FLAVOURS["tiny"],
        small.spec,
    )
    shutil.rmtree(trained_weights(run)[1].parent)
    write_run(run, record.model_copy(update={"status": "interrupted"}))
    again = train(
        "tiny",
        small.spec,
        dataset_yaml=small.yaml,
        device="cpu",
        tag="again",
        resume=True,
        epochs=1,
        seed=4,
    )
    assert read_run(again.path).started_from == record.started_from
