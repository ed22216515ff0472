"""A network trained with tracks left out: other datasets with fewer tracks, or in another order."""

import shutil

import numpy as np
import pandas as pd
import pytest

from claster.analysis.evaluate import evaluate_runs
from claster.dataset.layout import DatasetFolders
from claster.dataset.missing import left_out
from claster.eir.inference import load_model, predict_arrays
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import read_predictions, read_run
from claster.errors import ClasterError

pytestmark = pytest.mark.slow


@pytest.fixture
def trained_without(small, tiny, monkeypatch):
    """A run of `small` whose training samples lack a track in half of the cases."""
    monkeypatch.chdir(small.project)
    return train("tiny", small.spec, dataset_yaml=small.yaml, drop_tracks=0.5, device="cpu")


def with_rows(name, order):
    """Build a dataset with the arrays and targets of `small`, and of its tracks those in `order`."""
    tracks = [SPEC["tracks"][row] for row in order]
    other = build_small(small.project, SPEC | {"name": name, "tracks": tracks})
    for split in ("train", "valid", "test"):
        for file in small.folders.arrays("landscape", split).iterdir():
            np.save(
                other.folders.arrays("landscape", split) / file.name, np.load(file)[list(order)]
            )
    shutil.copytree(small.folders.targets, other.folders.targets, dirs_exist_ok=True)
    return other


def test_fewer_tracks_in_any_order(small, beside, with_rows, trained_without):
    run = trained_without
    assert read_run(run.path).drop_tracks == 0.5
    views = DatasetFolders.of(small.spec).arrays("view_landscape_drop_50", "train")
    for file in sorted(views.iterdir())[:20]:
        known = np.load(file)[len(small.spec.tracks) :, 0]
        gone = left_out(file.stem, ["ATAC", "H3K27ac"], percent=50)
        assert [bool(row.all()) for row in known] == [n not in gone for n in ("ATAC", "H3K27ac")]
    predict(run, tracks=None, device="cpu")
    whole = read_predictions(run, "test")
    with_rows("turned", (1, 0))
    predict(run, dataset="turned", split="test", tracks=None, device="cpu")
    turned = pd.read_parquet(run.path / "predictions" / "turned_test.parquet")
    pd.testing.assert_frame_equal(turned, whole, rtol=1e-5)

    with_rows("fewer", (1,))
    predict(run, dataset="fewer", split="test", average=False, tracks=None, device="cpu")
    table = pd.read_parquet(run.path / "predictions" / "fewer_test.parquet")
    arrays = [np.load(small.folders.arrays("landscape", "test") / f"{n}.npy") for n in table.index]
    landscape = np.stack(arrays)
    landscape[:, 0] = 0
    flags = np.ones_like(landscape)
    flags[:, 0] = 0
    read = np.concatenate([landscape, flags], axis=1)
    expected = predict_arrays(load_model(run, device="cpu"), landscape=read)[:, 0]
    np.testing.assert_allclose(table, expected.clip(min=0), rtol=1e-4, atol=1e-5)
    assert not np.allclose(table.loc[whole.index], whole, rtol=1e-2)

    predict(run, dataset="fewer", tracks=None, device="cpu")
    evaluation, _ = evaluate_runs([run], dataset="fewer")
    assert "h3k27ac_at_bin" in {name.lower() for name in evaluation.predictions}
    assert "atac_at_bin" not in {name.lower() for name in evaluation.predictions}
    with pytest.raises(ClasterError, match="knows nothing of missing ones"):
        predict(run, through="eirpredict", force=True, tracks=None, device="cpu")
    beside(name="strange", tracks=[H3K27AC, {"name": "CTCF", "file": "c.bw"}])
    with pytest.raises(ClasterError, match="knows no track CTCF of dataset 'strange'"):
        predict(run, dataset="strange", tracks=None, device="cpu")


def test_a_run_that_saw_every_track_needs_every_track(small, with_rows, tiny, monkeypatch):
    monkeypatch.chdir(small.project)
    run = train("tiny", small.spec, dataset_yaml=small.yaml, device="cpu")
    with_rows("fewer", (0,))
    with pytest.raises(ClasterError, match="--drop-tracks to predict without a track"):
        predict(run, dataset="fewer", tracks=None, device="cpu")
