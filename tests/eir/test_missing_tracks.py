"""A network trained with tracks left out: other datasets with fewer tracks, or in another order."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from claster import cli
from claster.analysis.attribution.inputs import explained_run, read_window
from claster.analysis.perturbation.screen import load_predictor
from claster.dataset.layout import DatasetFolders
from claster.dataset.missing import _left_out
from claster.eir import flavours
from claster.eir.bundle import pull_bundle
from claster.eir.export import export_run
from claster.eir.inference import load_model, predict_arrays
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import RunFolder, read_predictions, read_run, write_run
from claster.eir.start import find_start
from claster.eir.trained_on import require_same_inputs
from claster.errors import ClasterError
from claster.progress import SILENT

FIRST = "input_modules.landscape.feature_extractor.conv.0.conv_1.weight"


@pytest.mark.slow
def test_fewer_tracks_in_any_order(beside, trained_without):
    small, run = trained_without.small, trained_without.run
    assert read_run(run.path).drop_tracks == 0.5
    views = DatasetFolders.of(small.spec).arrays("view_landscape_drop_50", "train")
    for file in sorted(views.iterdir())[:20]:
        known = np.load(file)[len(small.spec.tracks) :, 0]
        gone = _left_out(file.stem, ["ATAC", "H3K27ac"], percent=50)
        assert [bool(row.all()) for row in known] == [n not in gone for n in ("ATAC", "H3K27ac")]
    predict(run, tracks=None, device="cpu")
    whole = read_predictions(run, "test")
    beside(small, "turned", (1, 0))
    predict(run, dataset="turned", split="test", tracks=None, device="cpu")
    turned = pd.read_parquet(run.path / "predictions" / "turned_test.parquet")
    pd.testing.assert_frame_equal(turned, whole, rtol=1e-5)

    beside(small, "fewer", (1,))
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

    with pytest.raises(ClasterError, match="knows nothing of missing ones"):
        predict(run, through="eirpredict", tracks=None, device="cpu")
    strange = [{"name": "CTCF", "file": "c.bw"}]
    beside(small, "strange", (0,), tracks=strange)
    with pytest.raises(ClasterError, match="knows no track CTCF of dataset 'strange'"):
        predict(run, dataset="strange", tracks=None, device="cpu")


@pytest.mark.slow
def test_the_other_commands_know_what_is_missing(beside, trained_without, tmp_path):
    small, run = trained_without.small, trained_without.run
    predict(run, average=False, tracks=None, device="cpu")
    table = read_predictions(run, "test")
    arrays = [np.load(small.folders.arrays("landscape", "test") / f"{n}.npy") for n in table.index]

    edited = load_predictor(run, small.spec, device="cpu")
    assert edited.inputs == ("landscape",)
    given = np.stack(list(edited.predict({"landscape": array} for array in arrays)))
    np.testing.assert_allclose(given[:, 0].clip(min=0), table, rtol=1e-4, atol=1e-5)

    seen = explained_run(run).seen
    assert seen.rows == ("ATAC", "H3K27ac")
    window = read_window(explained_run(run), "test0", split="test")
    windows = {name: torch.from_numpy(array)[None] for name, array in window.items()}
    explained = seen.network_inputs(windows, small.spec)
    model = load_model(run, device="cpu")
    told = predict_arrays(model, **{name: value.numpy() for name, value in explained.items()})
    np.testing.assert_allclose(
        told[0, 0].clip(min=0), table.loc["test0_forward"], rtol=1e-4, atol=1e-5
    )

    out = export_run(run, tmp_path / "exported")
    moved = RunFolder(pull_bundle(str(out), tmp_path / "pulled"), small.project)
    beside(small, "less", (1,))
    predict(moved, dataset="less", split="test", tracks=None, device="cpu")

    flavour = flavours.FLAVOURS["tiny"]
    with pytest.raises(ClasterError, match=r"tracks are left out .* was True and is False"):
        find_start(moved, flavour, small.spec)
    training = flavour.training.model_copy(update={"drop_tracks": 0.3})
    _, weights = find_start(
        moved,
        flavour.model_copy(update={"training": training}),
        beside(small, "other_order", (1, 0)).spec,
    )
    before = load_file(moved.exported_weights)[FIRST]
    assert torch.equal(weights[FIRST], before[:, [1, 0, 3, 2]])


@pytest.mark.slow
def test_a_run_that_saw_every_track_needs_every_track(trained):
    record = read_run(trained.run.path)
    fewer = trained.small.spec.model_copy(update={"tracks": trained.small.spec.tracks[:1]})
    with pytest.raises(ClasterError, match="drop_tracks' to predict without a track"):
        require_same_inputs(trained.run, record, fewer)


TRACKS = [{"name": "ATAC", "file": "a.bw"}, {"name": "H3K27ac", "file": "b.bw"}]
RENAMED = [{"name": "atac", "file": "a.bw"}, TRACKS[1]]
ROOTED = [TRACKS[0] | {"transform": "sqrt"}, TRACKS[1]]


@pytest.mark.parametrize(
    ("drop_tracks", "changes", "told"),
    [
        (0.5, {"tracks": []}, "tracks"),
        (0.5, {"tracks": RENAMED}, "runs/small/tiny knows no track atac of dataset 'changed'"),
        (0.5, {"tracks": ROOTED}, "'tracks.ATAC.transform' of dataset 'changed' is sqrt, and"),
        (
            0.5,
            {"window": {"bin": 200, "bins": 1001}},
            "'window.bin' of dataset 'changed' is 200, and",
        ),
        (0.0, {"tracks": TRACKS[::-1]}, "'tracks' of dataset 'changed' is H3K27ac, ATAC, and"),
        (0.0, {"tracks": TRACKS[:1]}, "'tracks' of dataset 'changed' is ATAC, and"),
        (0.0, {"tracks": RENAMED}, "'tracks' of dataset 'changed' is atac, H3K27ac, and"),
        (0.0, {"tracks": ROOTED}, "'tracks.ATAC.transform' of dataset 'changed' is sqrt, and"),
    ],
)
def test_a_dataset_that_does_not_fit_is_refused_in_one_line(
    small, record, monkeypatch, capsys, drop_tracks, changes, told
):
    run = RunFolder(small.project / "runs" / "small" / "tiny", small.project)
    run.configurations.mkdir(parents=True)
    source = {"input_source": "inputs/small/landscape/train_valid"}
    info = source | {"input_name": "landscape", "input_type": "array"}
    (run.configurations / "input_landscape.yaml").write_text(yaml.safe_dump({"input_info": info}))
    write_run(run, record.model_copy(update={"drop_tracks": drop_tracks, "trained_on": small.spec}))
    content = yaml.safe_load(Path(small.yaml).read_text()) | {"name": "changed"} | changes
    Path(small.yaml).with_name("changed.yaml").write_text(yaml.safe_dump(content))
    monkeypatch.chdir(small.project)
    monkeypatch.setattr(
        sys, "argv", ["claster", "predict", "runs/small/tiny", "--dataset", "changed"]
    )
    with pytest.raises(SystemExit) as left:
        cli.main()
    said = capsys.readouterr()
    assert left.value.code not in (0, None)
    assert told in said.err
    assert said.err.startswith("error: ")
    assert said.err.count("\n") <= 2
    assert said.out == ""


class Heard:
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    step = SILENT.step


@pytest.mark.slow
def test_a_training_with_tracks_left_out_resumes(small, beside, trained_without):
    run = RunFolder(small.project / "runs" / "small" / "tiny", small.project)
    shutil.copytree(trained_without.run.path, run.path)
    (model,) = (run.eir / "saved_models").glob("*.pt")
    model.rename(model.with_name("eir_checkpoint_8_perf-average=0.1000.pt"))
    for name in ("train", "validation"):
        path = run.eir / f"{name}_average_history.log"
        table = pd.read_csv(path)
        table[table["iteration"] <= 8].to_csv(path, index=False)
    begun = {"status": "running", "trained_on": small.spec, "checkpoint": None}
    write_run(run, read_run(run.path).model_copy(update=begun))
    asked = {"dataset_yaml": small.yaml, "device": "cpu", "resume": True}
    with pytest.raises(ClasterError, match=r"was begun with 'drop_tracks' 0\.5, not 0"):
        train("tiny", small.spec, **asked)
    heard = Heard()
    train("tiny", small.spec, drop_tracks=0.5, progress=heard, **asked)
    assert "weights of step 8" in heard.lines[0]
    record = read_run(run.path)
    assert (record.status, record.drop_tracks, record.resumed[0].step) == ("complete", 0.5, 8)
    beside(small, "fewer", (1,))
    predict(run, dataset="fewer", split="test", tracks=None, device="cpu")
    assert (run.path / "predictions" / "fewer_test.parquet").is_file()
