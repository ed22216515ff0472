"""Blocks of predictions that outlive a killed process."""

import numpy as np
import pytest

from claster.dataset.layout import DatasetFolders
from claster.eir import predict as predict_module
from claster.eir.predict import _block_files, _fill_blocks
from claster.eir.runs import RunFolder

IDS = [f"s{n}" for n in range(7)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(predict_module, "_BLOCK", 3)
    run = RunFolder(tmp_path / "run")
    run.exported_weights.parent.mkdir(parents=True)
    run.exported_weights.write_bytes(b"weights")
    return run


def blocks(run, ids=IDS):
    return _block_files(run.predictions("test"), run, DatasetFolders("none", run.path), ids)


def fill(run, predict):
    return _fill_blocks(blocks(run), IDS, (1, 2), predict)


def kept(run, ids=IDS):
    return [first for first, file in blocks(run, ids).items() if file.is_file()]


def killed(names):
    for name in names:
        if name == "s5":
            raise KeyboardInterrupt
        yield np.full((1, 2), int(name[1:]))


def whole(asked):
    def predict(names):
        asked.extend(names)
        for name in names:
            yield np.full((1, 2), int(name[1:]))

    return predict


def test_killed_prediction_goes_on_with_the_unfinished_block(run):
    with pytest.raises(KeyboardInterrupt):
        fill(run, killed)
    assert kept(run) == [0]
    asked = []
    values = fill(run, whole(asked))
    assert asked == ["s3", "s4", "s5", "s6"]
    assert values[:, 0, 0].tolist() == list(range(7))


@pytest.mark.parametrize("change", ["weights", "samples"])
def test_blocks_of_another_model_or_other_samples_do_not_count(run, change):
    fill(run, whole([]))
    assert kept(run) == [0, 3, 6]
    if change == "weights":
        run.exported_weights.write_bytes(b"others")
    assert kept(run, IDS[::-1] if change == "samples" else IDS) == []
    assert kept(run) == []
