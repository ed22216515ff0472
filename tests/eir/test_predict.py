"""Tables and tracks of predictions: one run, several, another dataset."""

import json
import shutil

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.dataset.layout import read_targets
from claster.eir import predict as predict_module
from claster.eir.inference import load_model, predict_arrays
from claster.eir.predict import predict
from claster.eir.predictions import average_orientations
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.eir.trained_on import member_runs, require_same_inputs
from claster.errors import ClasterError

pytestmark = pytest.mark.usefixtures("in_project")


@pytest.fixture(scope="module")
def values(trained):
    """Every sample of the test split, as the network predicts it."""
    folder = trained.small.folders.arrays("landscape", "test")
    ids = trained.small.folders.ids("test").read_text().split()
    model = load_model(trained.run, device="cpu")
    predicted = predict_arrays(
        model, landscape=np.stack([np.load(folder / f"{name}.npy") for name in ids])
    )
    columns = trained.small.spec.target.columns
    return pd.DataFrame(predicted[:, 0], index=pd.Index(ids, name="ID"), columns=columns)


@pytest.fixture
def in_project(trained, monkeypatch):
    monkeypatch.chdir(trained.small.project)


@pytest.fixture
def run(trained, tmp_path):
    """A copy of the run that may be written to."""
    return RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"))


class Heard:
    """Keeps what is said."""

    def __init__(self):
        self.lines = []

    def say(self, text):
        self.lines.append(text)

    step = predict_module.SILENT.step


def test_each_orientation_by_itself(run, values):
    path = predict(run, average=False, tracks=None, device="cpu")
    assert path == run.predictions("test")
    table = read_predictions(run, "test")
    pd.testing.assert_frame_equal(table, values.clip(lower=0), rtol=1e-5, atol=1e-6)
    assert [entry.name for entry in path.parent.iterdir()] == ["test.parquet"]


def test_mean_over_both_orientations_and_its_tracks(run, values, trained):
    predict(run, device="cpu", csv=True)
    table = read_predictions(run, "test")
    expected = average_orientations(values, trained.small.spec.require_target()).clip(lower=0)
    pd.testing.assert_frame_equal(table, expected, rtol=1e-5, atol=1e-6)
    written = pd.read_csv(run.predictions("test").with_suffix(".csv"), index_col="ID")
    pd.testing.assert_frame_equal(written, table, check_dtype=False)
    observed = read_targets(trained.small.folders.target_table("test"))
    genes = pd.read_csv(trained.small.folders.genes, sep="\t").set_index("gene_id")
    middle = {
        "predicted": table.loc["test4_forward", "0_ctrl"],
        "observed": observed.loc["test4_forward", "0_ctrl"],
    }
    middle["residual"] = middle["observed"] - middle["predicted"]
    for kind, value in middle.items():
        with pyBigWig.open(str(run.path / "predictions" / f"test.ctrl.{kind}.bw")) as track:
            tss = genes.loc["test4", "tss"]
            found = track.values(genes.loc["test4", "chrom"], tss - 500, tss + 500)
            np.testing.assert_allclose(found, value, rtol=1e-5)
    stranger = run.predictions("test").with_name("test.2.csv")
    stranger.touch()
    predict(run, device="cpu", tracks=None)
    left = {path.name for path in stranger.parent.iterdir()}
    assert left == {"test.parquet", stranger.name}


def test_negative_values_become_zero(run, values, monkeypatch):
    monkeypatch.setattr(
        predict_module, "predict_in_memory", lambda *_, **__: values - values.stack().median()
    )
    heard = Heard()
    predict(run, average=False, tracks=None, device="cpu", progress=heard)
    table = read_predictions(run, "test").to_numpy()
    assert (table == 0).sum() == table.size // 2
    assert heard.lines == ["246 of 492 predicted values were below 0 and are now 0 (50.0%)"]


def test_through_the_program(run, values, monkeypatch):
    asked = []

    def program(run, record, spec, split, *, ids, device, progress):
        asked.append((split, device))
        return values.loc[ids]

    monkeypatch.setattr(predict_module, "predict_by_program", program)
    predict(run, through="eirpredict", average=False, tracks=None, device="cpu")
    assert asked == [("test", "cpu")]
    pd.testing.assert_frame_equal(read_predictions(run, "test"), values.clip(lower=0))


def test_all_splits(run, trained):
    predict(run, split="all", tracks=None, device="cpu")
    ids = [
        name
        for split in ("train", "valid", "test")
        for name in trained.small.folders.ids(split).read_text().split()
    ]
    assert list(read_predictions(run, "all").index) == ids


def new_dataset(trained, name, **changes):
    """Link the built arrays under another name, with another YAML."""
    content = json.loads(trained.small.spec.model_dump_json(exclude={"target"})) | {"name": name}
    project = trained.small.project
    path = project / "configurations" / "datasets" / f"{name}.yaml"
    path.write_text(json.dumps({k: v for k, v in (content | changes).items() if v is not None}))
    for kind in ("inputs", "targets"):
        if not (project / kind / name).exists():
            (project / kind / name).symlink_to(project / kind / "small")
    return name


def test_another_dataset_without_target(run, trained):
    path = predict(run, dataset=new_dataset(trained, "fresh"), device="cpu")
    assert path == run.path / "predictions" / "fresh.parquet"
    assert len(pd.read_parquet(path)) == 92
    assert [track.name for track in path.parent.glob("*.bw")] == ["fresh.ctrl.predicted.bw"]
    part = predict(run, dataset="fresh", split="valid", tracks="mean", device="cpu")
    assert part.name == "fresh_valid.parquet"
    assert len(pd.read_parquet(part)) == 16


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"tracks": [{"name": "H3K27ac", "file": "b.bw"}, {"name": "ATAC", "file": "a.bw"}]},
            "'tracks' of dataset 'strange' is H3K27ac, ATAC, and .*run was trained with ATAC, H3K27ac",
        ),
        (
            {
                "tracks": [
                    {"name": "ATAC", "file": "a.bw", "transform": "log1p"},
                    {"name": "H3K27ac", "file": "b.bw"},
                ]
            },
            "'tracks.ATAC.transform' of dataset 'strange' is log1p, and .*run was trained with none",
        ),
        ({"window": {"bin": 50, "bins": 2001}}, "'window.bin' .* is 50, and .* trained with 100"),
        ({"summary": "mean_covered"}, "'summary' .* is mean_covered, and .* trained with mean_all"),
    ],
)
def test_dataset_that_means_something_else(run, trained, changes, said):
    name = new_dataset(trained, "strange", **changes)
    with pytest.raises(ClasterError, match=said):
        predict(run, dataset=name, device="cpu")


@pytest.mark.parametrize(
    "change", [{"scale": "q99"}, {"transform": "sqrt"}, {"floor": 1.0}, {"clip": 30.0}]
)
def test_whatever_moves_a_tracks_values_makes_another_input(run, trained, change):
    record, spec = read_run(run.path), trained.small.spec
    require_same_inputs(run, record, spec)
    last = spec.tracks[-1].model_copy(update=change)
    other = spec.model_copy(update={"tracks": (*spec.tracks[:-1], last)})
    with pytest.raises(
        ClasterError, match=f"'tracks.H3K27ac.{next(iter(change))}' of dataset 'small' is"
    ):
        require_same_inputs(run, record, other)


def test_contact_maps_do_not_matter_to_a_run_without(run, trained):
    name = new_dataset(trained, "mapless", contacts=None)
    assert predict(run, dataset=name, split="test", tracks=None, device="cpu").is_file()


def test_mean_of_several_runs(run, trained, tmp_path, monkeypatch, values):
    other = RunFolder(shutil.copytree(run.path, tmp_path / "other"))
    tables = {run.path: values + 5, other.path: values + 7}
    monkeypatch.setattr(predict_module, "predict_in_memory", lambda run, *_, **__: tables[run.path])
    both = [run, other.path]
    path = predict(both, average=False, tracks=None, device="cpu")
    ensemble = RunFolder(trained.small.project / "runs" / "small" / "ensemble")
    assert path == ensemble.predictions("test").relative_to(trained.small.project)
    pd.testing.assert_frame_equal(read_predictions(ensemble, "test"), values + 6)
    spread = pd.read_parquet(path.with_suffix(".spread.parquet"))
    np.testing.assert_allclose(spread, np.sqrt(2), rtol=1e-4)
    record = read_run(ensemble.path)
    assert record.members == (str(run.path), str(other.path))
    assert (record.dataset, record.seed, record.checkpoint) == (trained.small.yaml, None, None)
    predict(both, average=False, tracks=None, device="cpu")
    with pytest.raises(ClasterError, match="holds something other than the mean of these runs"):
        predict([other, run], device="cpu")
    with pytest.raises(ClasterError, match="a run is named twice: name each run once"):
        predict([run, RunFolder(run.path / "eir" / "..")], device="cpu")
    with pytest.raises(ClasterError, match="of several runs, no model: give its members"):
        predict(ensemble, device="cpu")
    with pytest.raises(ClasterError, match="of several runs, no model: give its members"):
        load_model(ensemble)
    assert member_runs(run) == [run]
    assert member_runs(ensemble) == [run, other]
    shutil.rmtree(other.path)
    with pytest.raises(ClasterError, match=r"no file at .*run.json.* restore it"):
        member_runs(ensemble)


def test_one_run_has_a_folder_of_its_own(run, tmp_path):
    with pytest.raises(ClasterError, match="'out' is for the mean of several runs"):
        predict(run, out=tmp_path / "elsewhere", device="cpu")


def test_run_without_its_configuration(run):
    (run.configurations / "input_landscape.yaml").unlink()
    with pytest.raises(ClasterError, match=r"lacks input_landscape.yaml in its folder"):
        predict(run, device="cpu")


def test_folder_of_a_run_is_no_place_for_an_ensemble(run, tmp_path):
    other = shutil.copytree(run.path, tmp_path / "other")
    with pytest.raises(ClasterError, match="choose another folder with 'out'"):
        predict([run, other], out=run.path, device="cpu")


def test_tracks_need_chromosome_lengths(run, trained, monkeypatch):
    name = new_dataset(trained, "lengthless", chrom_sizes="none.sizes")
    with pytest.raises(ClasterError, match="or pass 'tracks' none for no tracks"):
        predict(run, dataset=name, device="cpu")


def test_unbuilt_dataset(run, trained):
    name = new_dataset(trained, "unbuilt")
    (trained.small.project / "inputs" / name).unlink()
    with pytest.raises(ClasterError, match=r"is not built .*claster data build unbuilt"):
        predict(run, dataset=name, tracks=None, device="cpu")


def test_killed_prediction_goes_on(run, values, monkeypatch):
    def killed(*_, **__):
        raise KeyboardInterrupt

    with monkeypatch.context() as change:
        change.setattr(predict_module, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            predict(run, average=False, tracks=None, device="cpu")
    heard = Heard()
    path = predict(run, average=False, tracks=None, device="cpu", progress=heard)
    assert f"{len(values)} of {len(values)} samples were predicted before" in heard.lines[0]
    pd.testing.assert_frame_equal(pd.read_parquet(path), values.clip(lower=0))
    assert [file.name for file in path.parent.iterdir()] == [path.name]
