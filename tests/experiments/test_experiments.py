"""Every experiment is one small YAML that gives a checked dataset and configured flavours."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from claster.analysis.recipes import _metric_faults, _row, _Scored, compare_recipes
from claster.dataset.load import _laid_over, load_dataset
from claster.eir.configure import configure
from claster.errors import ClasterError
from claster.experiments import run as running
from claster.experiments.run import _ready, find_experiment, list_experiments, run_experiment

PROJECT = Path(__file__).parents[2]
NAMES = list_experiments(project=PROJECT)["experiment"].tolist()
IMPOSSIBLE = {"poisson", "softplus"}


def test_the_experiments_of_the_paper_are_there():
    tracks = ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")
    asked = {f"without_{track}" for track in tracks} | {
        "context_20kb",
        "chr19_held_out",
        "unsmoothed",
    }
    asked |= {"promoter_capture", "log1p_scale", "raw_scale", "two_conditions", "k562_rna"}
    asked |= {"k562_polr2a", "seeds", "recipe_paper", "recipes", *IMPOSSIBLE}
    assert asked <= set(NAMES)


@pytest.mark.parametrize("name", sorted(set(NAMES) - IMPOSSIBLE))
@pytest.mark.parametrize("of", [None, "demo_tiny"])
def test_experiments_are_ready(name, of, tmp_path):
    dataset, spec, flavours = _ready(name, of=of, project=PROJECT)
    assert load_dataset(dataset, project=PROJECT) == spec
    assert ("+" in dataset) == spec.name.endswith(f"-{name}")
    for flavour in flavours:
        written = configure(flavour, spec, out=tmp_path / flavour.name)
        for file in written.files:
            assert yaml.safe_load(file.read_text())


def test_what_they_change():
    _, spec, _ = _ready("k562_polr2a", project=PROJECT)
    assert spec.target.conditions[0].file.startswith("GSE91426")
    _, spec, _ = _ready("two_conditions", project=PROJECT)
    assert [c.name for c in spec.target.conditions] == ["ctrl", "a485_60min"]
    _, spec, _ = _ready("raw_scale", of="demo_tiny", project=PROJECT)
    assert {track.transform for track in spec.tracks} == {spec.target.transform} == {"none"}
    _, spec, _ = _ready("recipe_paper", project=PROJECT)
    assert spec.recipe == spec.target.recipe == "paper"
    assert spec.contacts.map == "paper_rotated"
    assert (
        load_dataset("demo_tiny+unsmoothed@1of3", project=PROJECT).name
        == "demo_tiny-unsmoothed-fold1of3"
    )


@pytest.mark.parametrize("name", sorted(IMPOSSIBLE))
def test_what_eir_cannot_do_says_why(name):
    with pytest.raises(ClasterError, match=r"not possible: .*EIR"):
        _ready(name, project=PROJECT)


def test_faults_are_told(tmp_path):
    with pytest.raises(ClasterError, match=r"no experiment 'nothing'.*context_20kb"):
        find_experiment("nothing", project=PROJECT)
    folder = tmp_path / "configurations" / "experiments"
    folder.mkdir(parents=True)
    for text, match in (
        ("about: [", "is not YAML"),
        ("- a", "no keys"),
        ("abuot: x", "abuot|about"),
    ):
        (folder / "bad.yaml").write_text(text)
        with pytest.raises(ClasterError, match=match):
            find_experiment("bad", project=tmp_path)


def test_changes_are_laid_over():
    base = {"keep": 1, "gone": 2, "parts": [{"name": "a", "x": 1}, {"name": "b"}], "plain": [1, 2]}
    changes = {"gone": None, "parts": [{"name": "a", "y": 2}, {"name": "c"}], "plain": [3]}
    assert _laid_over(base, changes) == {
        "keep": 1,
        "parts": [{"name": "a", "x": 1, "y": 2}, {"name": "b"}, {"name": "c"}],
        "plain": [3],
    }


def test_an_experiment_runs_step_by_step(monkeypatch):
    calls = []

    def step(name):
        return lambda *args, **options: calls.append((name, options)) or Path(name)

    class Run:
        path = Path("runs/demo_tiny/profile-seed0")

    monkeypatch.setattr(running, "build_dataset", step("build"))
    monkeypatch.setattr(running, "train", lambda *a, **o: calls.append(("train", o)) or Run())
    for name in ("predict", "evaluate", "evaluate_together"):
        monkeypatch.setattr(running, name, step(name))
    runs = run_experiment("seeds", of="demo_tiny", flavour="profile", project=PROJECT)
    assert len(runs) == 3
    assert [name for name, _ in calls] == [
        "build",
        *["train", "predict", "evaluate"] * 3,
        "evaluate_together",
    ]
    assert [o["seed"] for name, o in calls if name == "train"] == [0, 1, 2]
    with pytest.raises(ClasterError, match="trains nothing"):
        run_experiment("recipes", project=PROJECT)


def test_rows_of_recipes():
    _, spec, _ = _ready("without_ATAC", of="demo_tiny", project=PROJECT)
    rng = np.random.default_rng(1)
    tss = 1_000_000 + 700_000 * np.arange(12)
    genes = pd.DataFrame(
        {"gene_id": [f"g{n}" for n in range(12)], "chrom": "chr1", "start": tss, "end": tss + 9000}
    ).assign(strand="+", tss=tss)
    observed = rng.gamma(0.5, 9.0, (12, 401))
    guess = observed * rng.uniform(0.5, 1.5, observed.shape)
    exact = _Scored(spec, genes, observed, {"ridge": guess, "boosting": observed})
    row = _row(exact, exact)
    assert row["targets_r"] == pytest.approx(1)
    assert row["boosting_bins"] == pytest.approx(1)
    logged = np.corrcoef(np.log2(observed + 1).ravel(), np.log2(guess + 1).ravel())[0, 1]
    assert row["ridge_bins"] == pytest.approx(logged)
    shifted = _Scored(spec, genes[::-1].reset_index(drop=True), observed[::-1], exact.predicted)
    assert _row(shifted, exact)["targets_r"] == pytest.approx(1)
    every, paper, raw = _metric_faults(exact)
    assert every["ridge_bins"] == pytest.approx(logged)
    assert 0 < paper["ridge_genes"] <= 1
    assert raw["boosting_genes"] == pytest.approx(1)


@pytest.mark.slow
def test_recipes_on_the_toy_genome(tmp_path, monkeypatch):
    from claster.simulation import simulate_genome

    shutil.copytree(PROJECT / "configurations", tmp_path / "configurations")
    monkeypatch.setenv("CLASTER_DATA", str(tmp_path / "source"))
    spec = load_dataset("demo_tiny", project=tmp_path)
    simulate_genome(spec.data_folder, chromosomes=3, megabases=6.8, genes=36)
    chosen = ["fault_tss", "fault_target_bins"]
    table = compare_recipes("demo_tiny", chosen, project=tmp_path).set_index("what")
    assert table.index.tolist() == ["exact", *chosen, "every window", "Simpson", "raw genes"]
    assert table.loc["fault_tss", "targets_r"] > 0.9999
    assert 0.9 < table.loc["fault_target_bins", "targets_r"] < 0.9999
    assert table.loc["exact", "ridge_bins_change"] == 0
