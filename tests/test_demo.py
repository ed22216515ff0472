import doctest
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import claster
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_ids, read_targets
from claster.dataset.load import load_dataset
from claster.demo import _DEMO_SIZES, _draw_run, run_demo
from claster.eir.export import export_run
from claster.eir.runs import RunFolder, read_predictions, read_run
from claster.errors import ClasterError
from claster.simulation import simulate_genome
from claster.text import read_json

PROJECT = Path(__file__).parents[1]
FIGURES = {"contacts.png", "density.png", "overview.png", "profile.png", "tracks.png"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    shutil.copytree(PROJECT / "configurations/datasets", tmp_path / "configurations/datasets")
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path / "source"))
    return tmp_path


def test_unknown_size_is_refused(project):
    with pytest.raises(ClasterError, match="choose one of default, tiny"):
        run_demo("huge", project=project)
    assert all(load_dataset(dataset, project=project) for dataset, _ in _DEMO_SIZES.values())


@pytest.mark.slow
def test_figures_of_a_run(project):
    """The drawing alone, on predictions that are the targets with noise."""
    spec = load_dataset("demo_tiny", project=project)
    simulate_genome(spec.data_folder, **spec.simulation.model_dump())
    build_dataset(spec)
    folders = DatasetFolders.of(spec)
    targets = read_targets(folders.target_table("test"), transform="log1p")
    run = RunFolder(project / "runs/demo_tiny/fake", project)
    run.predictions("test").parent.mkdir(parents=True)
    noise = np.random.default_rng(0).uniform(0.5, 1.5, targets.shape)
    (targets * noise).to_parquet(run.predictions("test"))
    drawn = _draw_run(run, spec)
    assert {path.name for path in drawn} == FIGURES
    before = {path: path.read_bytes() for path in drawn}
    assert all(content.startswith(b"\x89PNG") for content in before.values())
    _draw_run(run, spec)
    assert {path: path.read_bytes() for path in drawn} == before


def failed_examples():
    """Run the examples of the package's own names, those too that need the tiny genome and its run."""
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    finder = doctest.DocTestFinder(recurse=False)
    for name in ("simulate", "Dataset", "Project", "Run", "Results"):
        for test in finder.find(getattr(claster, name), name):
            for example in test.examples:
                example.options.pop(doctest.SKIP, None)
            runner.run(test)
    assert runner.tries > 10
    return runner.failures


@pytest.mark.slow
def test_the_main_job_from_end_to_end(project, monkeypatch):
    run, summary = run_demo("tiny", project=project, device="cpu")
    spec = load_dataset("demo_tiny", project=project)
    ids = read_ids(DatasetFolders.of(spec), "test")
    predictions = read_predictions(run, "test")
    assert predictions.index.tolist() == ids
    assert predictions.columns.tolist() == spec.target.columns
    assert np.isfinite(predictions.to_numpy()).all()
    as_csv = pd.read_csv(run.predictions("test").with_suffix(".csv"), index_col="ID")
    np.testing.assert_allclose(as_csv, predictions, rtol=1e-4, atol=1e-6)
    assert read_run(run.path).status == "complete"
    scores = pd.read_csv(run.evaluation / "scores.csv")
    assert {"network", "mean_profile", "ridge", "boosting"} < set(scores["method"])
    attainable = scores.query(
        "method == 'attainable' and level == 'bin' and metric == 'pearson' and counted == 'once'"
        " and scale == 'log2(x+1)' and how == 'pooled' and by == 'all'"
    )
    assert attainable["value"].item() > 0.9
    card = (export_run(run, project / "model") / "README.md").read_text()
    assert f"| ctrl | attainable | {attainable['value'].item():.3f} " in card
    assert {path.name for path in run.figures.iterdir()} == FIGURES
    assert (run.path / "summary.md").read_text() == summary
    assert read_json(run.evaluation / "summary.json")["verdict"] in summary
    monkeypatch.chdir(project)
    assert failed_examples() == 0
