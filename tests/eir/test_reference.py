"""Where the scales of a model's training tracks are found."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from claster.dataset.manifest import require_manifest
from claster.eir.predict import predict
from claster.eir.runs import RunFolder, read_run, write_run
from claster.eir.trained_on import reference_scales, require_same_divisors
from claster.errors import ClasterError


def test_scales_of_a_run_are_those_of_its_dataset(trained):
    small = trained.small
    run = trained.run.path.relative_to(small.project)
    of_run = reference_scales(run.as_posix(), project=small.project)
    assert of_run["ATAC"].q99 == 15
    assert of_run == reference_scales("small", project=small.project)


def test_runs_and_datasets_without_scales(small):
    run = RunFolder(small.project / "runs/old", small.project)
    run.path.mkdir(parents=True)
    with pytest.raises(ClasterError, match="no dataset 'runs/old'"):
        reference_scales("runs/old", project=small.project)
    small.folders.manifest.unlink()
    with pytest.raises(ClasterError, match="is not built"):
        reference_scales("small", project=small.project)


def test_run_from_before_there_were_scales(trained, tmp_path):
    old = RunFolder(tmp_path / "runs" / "old")
    old.path.mkdir(parents=True)
    write_run(old, read_run(trained.run.path).model_copy(update={"scales": {}}))
    with pytest.raises(
        ClasterError, match="runs/old has no record of its tracks' values: name its"
    ):
        reference_scales("runs/old", project=tmp_path)


def scaled(small, *, name="small", q99=15.0):
    """The dataset `small` with its first track divided by `q99`, as its manifest records it."""
    tracks = [small.spec.tracks[0].model_copy(update={"scale": "q99"}), *small.spec.tracks[1:]]
    spec = small.spec.model_copy(update={"name": name, "tracks": tuple(tracks)})
    manifest = require_manifest(small.folders)
    scales = {"ATAC": manifest.scales["ATAC"].model_copy(update={"q99": q99})}
    folders = type(small.folders).of(spec)
    folders.inputs.mkdir(exist_ok=True)
    folders.manifest.write_text(manifest.model_copy(update={"scales": scales}).model_dump_json())
    return spec


def test_tracks_divided_otherwise_than_in_training_are_refused(trained, small):
    record = read_run(trained.run.path)
    require_same_divisors(record, trained.small.spec)
    require_same_divisors(record, scaled(small))
    other = scaled(small, name="other", q99=30.0)
    with pytest.raises(
        ClasterError,
        match=r"track ATAC of dataset 'other' is divided by 30, run .* values divided by 15: "
        "set 'scales_from: small' in its YAML",
    ):
        require_same_divisors(record, other)


def test_a_run_does_not_predict_its_dataset_divided_anew(trained, small):
    record = read_run(trained.run.path)
    run = RunFolder(small.project / "runs" / "copy", small.project)
    shutil.copytree(trained.run.path, run.path)
    spec = scaled(small, q99=30.0)
    Path(small.yaml).write_text(yaml.safe_dump(json.loads(spec.model_dump_json())))
    write_run(run, record.model_copy(update={"dataset": small.yaml, "trained_on": spec}))
    with pytest.raises(ClasterError, match="values divided by 15: train again"):
        predict(run, device="cpu")
