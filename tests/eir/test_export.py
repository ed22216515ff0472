"""Exported runs: complete, readable, and the same model."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file

from claster import Project, Run
from claster.eir.bundle import pull_bundle
from claster.eir.export import export_run
from claster.eir.inference import load_model, predict_arrays
from claster.eir.predict import predict
from claster.eir.runs import RunFolder, best_checkpoint, read_run, write_run
from claster.errors import ClasterError
from claster.files import sha256


@pytest.fixture
def run(trained, tmp_path):
    run = RunFolder(shutil.copytree(trained.run.path, tmp_path / "run"))
    sources = {"track ATAC": "ab" * 32}
    write_run(run, read_run(run.path).model_copy(update={"data": sources}))
    return run


@pytest.mark.slow
def test_exported_run_is_the_same_model(run, trained, tmp_path):
    out = export_run(run, tmp_path / "models" / "tiny")
    checkpoint, _ = best_checkpoint(run)
    weights = torch.load(checkpoint, weights_only=True)
    exported = load_file(out / "model.safetensors")
    assert exported.keys() == weights.keys()
    assert all(torch.equal(exported[name], weights[name]) for name in weights)
    out = pull_bundle(str(out), tmp_path / "pulled")
    shutil.rmtree(run.path)
    arrays = np.random.default_rng(1).gamma(0.3, 4.0, size=(4, 2, 2001)).astype(np.float32)
    there = predict_arrays(load_model(trained.run, device="cpu"), landscape=arrays)
    np.testing.assert_array_equal(
        predict_arrays(load_model(out, device="cpu"), landscape=arrays), there
    )
    path = predict(RunFolder(out, trained.small.project), tracks=None, device="cpu")
    assert path == out / "predictions" / "test.parquet"
    own = predict(trained.run, tracks=None, device="cpu")
    assert path.read_bytes() == own.read_bytes()
    with (out / "model.safetensors").open("r+b") as weights:
        weights.seek(-1, 2)
        last = weights.read(1)[0]
        weights.seek(-1, 2)
        weights.write(bytes([last ^ 1]))
    with pytest.raises(ClasterError, match="is not as it was exported"):
        load_model(out, device="cpu")


@pytest.mark.slow
def test_three_lines_elsewhere_predict_as_the_run_does(run, trained, tmp_path, monkeypatch):
    bundle = export_run(run, tmp_path / "model").absolute()
    arrays = np.random.default_rng(1).gamma(0.3, 4.0, size=(3, 2, 2001)).astype(np.float32)
    there = Run.open(trained.run.path.absolute(), project=Project(trained.small.project.absolute()))
    expected = there.predict_arrays(arrays)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    pulled = pull_bundle(str(bundle))
    assert pulled == Path("runs/pulled/model")
    np.testing.assert_array_equal(Run.open(pulled).predict_arrays(arrays), expected)


def test_card(run, tmp_path):
    text = (export_run(run, tmp_path / "a", licence="CC-BY-4.0") / "README.md").read_text()
    assert yaml.safe_load(text.split("---")[1])["license"] == "CC-BY-4.0"
    assert "| track ATAC | `" + "ab" * 32 + "` |" in text
    assert f"`{sha256(tmp_path / 'a' / 'model.safetensors')}`" in text
    assert "eir-dl 0.25.0" in text
    assert "Not evaluated." in text
    config = json.loads((tmp_path / "a" / "config.json").read_text())
    assert config["inputs"] == {"landscape": [2, 1, 2001]}
    assert config["output"] == {"conditions": ["ctrl"], "bins": 41, "bin": 1000}
    assert "## Not for" in text
    assert "| arrays | landscape 2 x 1 x 2,001 |" in text
    assert "predict_arrays(model, landscape=landscape)" in text
    assert str(tmp_path) not in text


def test_scores_on_the_card(run, tmp_path):
    run.evaluation.mkdir()
    columns = ["condition", "method", "against", "level", "counted", "metric", "value", "low"]
    rows = [
        ("ctrl", "network", "", "bin", "once", "pearson", 0.512345, 0.4),
        ("ctrl", "network", "", "bin", "all", "pearson", 0.6, 0.5),
        ("ctrl", "network", "", "bin", "once", "spearman", 0.3, 0.2),
        ("ctrl", "network", "", "gene", "all", "pearson", 0.7, 0.6),
        ("ctrl", "network", "ridge", "gene", "all", "pearson", 0.1, 0.05),
        ("ctrl", "network", "", "gene", "all", "spearman", 0.25, np.nan),
    ]
    table = pd.DataFrame(rows, columns=columns)
    table = table.assign(high=table["low"] + 0.3, scale="log2(x+1)", how="pooled", by="all")
    table.to_csv(run.evaluation / "scores.csv", index=False)
    out = export_run(run, tmp_path / "a")
    text = (out / "README.md").read_text()
    assert "| condition | method | bins, pearson | bins, spearman | genes, pearson |" in text
    row = "0.512 (0.400-0.700) | 0.300 (0.200-0.500) | 0.700 (0.600-0.900) | 0.250"
    assert f"| ctrl | network | {row} |" in text
    assert (out / "evaluation" / "scores.csv").is_file()


def test_damaged_weights_are_not_exported(run, tmp_path):
    checkpoint, _ = best_checkpoint(run)
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(ClasterError, match="cannot be read as weights"):
        export_run(run, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_folder_that_is_there_stays(run, tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(ClasterError, match="exists already"):
        export_run(run, tmp_path / "a")
    first = sha256(export_run(run, tmp_path / "a", force=True) / "model.safetensors")
    assert sha256(export_run(run, tmp_path / "b") / "model.safetensors") == first


@pytest.mark.parametrize("status", ["running", "failed"])
def test_run_that_is_not_complete(run, tmp_path, status):
    write_run(run, read_run(run.path).model_copy(update={"status": status}))
    with pytest.raises(ClasterError, match=f"is {status}, not complete"):
        export_run(run, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_exported_run_is_not_exported_again(run, tmp_path):
    out = export_run(run, tmp_path / "a")
    with pytest.raises(ClasterError, match="not a run with weights of its own"):
        export_run(out, tmp_path / "b")


def test_writing_is_all_or_nothing(run, tmp_path):
    shutil.rmtree(run.eir / "meta")
    with pytest.raises(FileNotFoundError):
        export_run(run, tmp_path / "a")
    assert [entry.name for entry in tmp_path.iterdir()] == ["run"]
