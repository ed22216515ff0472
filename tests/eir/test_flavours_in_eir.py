"""Every flavour, built and trained by EIR itself at the real size."""

import re

import pandas as pd
import pytest

from claster.eir.flavours import FLAVOURS
from claster.eir.run import train
from claster.eir.runs import read_run

pytestmark = pytest.mark.slow

# Channels x positions of the last feature map of each branch.
FLAT = {
    "pure_conv": {"landscape": 64 * 31},
    "microc_diagonal": {"landscape": 64 * 31, "contacts": 32 * 31},
}


@pytest.mark.parametrize("name", FLAVOURS)
def test_flavour_trains_and_keeps_its_positions(name, full_size):
    small = full_size
    run = train(
        name, small.spec, dataset_yaml=small.yaml, project=small.project, device="cpu", epochs=1
    )
    record = read_run(run.path)
    assert (record.status, record.batch_size, record.steps) == ("complete", 4, 3)
    model = (run.eir / "model_architecture" / "model_info.txt").read_text()
    assert "ConvAttentionBlock" not in model
    for modality, features in FLAT.get(name, {}).items():
        assert re.search(rf"in_features={features}\b", model), modality


def test_same_seed_same_training(small, tiny):
    histories = []
    for tag in ("a", "b"):
        run = train(
            "tiny",
            small.spec,
            dataset_yaml=small.yaml,
            project=small.project,
            tag=tag,
            seed=11,
            device="cpu",
        )
        histories.append(pd.read_csv(run.eir / "train_average_history.log"))
    pd.testing.assert_frame_equal(histories[0], histories[1], rtol=1e-5)
