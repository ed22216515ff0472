"""Blocks of predictions that outlive a killed process."""

import numpy as np
import pytest

from claster.dataset.layout import DatasetFolders
from claster.eir import eirpredict
from claster.eir.eirpredict import _KeptBlocks, remove_blocks
from claster.eir.runs import RunFolder

IDS = [f"s{n}" for n in range(7)]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setattr(eirpredict, "_BLOCK", 3)
    run = RunFolder(tmp_path / "run")
    run.exported_weights.parent.mkdir(parents=True)
    run.exported_weights.write_bytes(b"weights")
    return run


def blocks(run, ids=IDS):
    return _KeptBlocks(run.predictions("test"), run, DatasetFolders("none", run.path), ids)


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
        blocks(run).fill((1, 2), killed)
    again = blocks(run)
    assert again.samples == 3
    asked = []
    values = again.fill((1, 2), whole(asked))
    assert asked == ["s3", "s4", "s5", "s6"]
    assert values[:, 0, 0].tolist() == list(range(7))
    remove_blocks(run.predictions("test"))
    assert not list(run.predictions("test").parent.iterdir())


@pytest.mark.parametrize("change", ["weights", "samples"])
def test_blocks_of_another_model_or_other_samples_do_not_count(run, change):
    blocks(run).fill((1, 2), whole([]))
    assert blocks(run).samples == 7
    if change == "weights":
        run.exported_weights.write_bytes(b"others")
    assert blocks(run, IDS[::-1] if change == "samples" else IDS).samples == 0
    assert blocks(run).samples == 0
