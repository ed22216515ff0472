"""The package's own names: a project, its datasets and its runs, from any working directory."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

import claster
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import PerturbSettings
from claster.dataset.layout import read_arrays, read_targets
from claster.dataset.track_scales import stored_arrays
from claster.errors import ClasterError

HEAVY = ("torch", "numpy", "pandas", "pydantic", "matplotlib", "eir")


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    """The project of a trained run, seen from elsewhere."""
    monkeypatch.chdir(tmp_path)
    return claster.Project(trained.small.project, device="cpu")


@pytest.fixture
def run(project, trained):
    return project.run(trained.run.path.relative_to(trained.small.project))


def test_importing_the_package_imports_nothing_heavy():
    code = f"import sys, claster; assert not set(sys.modules) & set({HEAVY!r}), 'heavy'"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_name_is_there_and_sorted():
    assert claster.__all__ == sorted(claster.__all__)
    assert all(getattr(claster, name).__doc__ for name in claster.__all__)
    assert set(claster.__all__) <= set(dir(claster))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        claster.nothing  # noqa: B018


def test_arrays_of_a_gene_have_axes_in_bp_from_the_tss(project, trained):
    dataset = project.dataset("small")
    stored = read_arrays(trained.small.folders, ["test1"], split="test")[0]
    landscape = dataset.landscape("test1")
    np.testing.assert_array_equal(landscape, stored)
    assert list(landscape.index) == ["ATAC", "H3K27ac"]
    assert list(landscape.columns[[0, 1000, 2000]]) == [-100_050, -50, 99_950]
    np.testing.assert_array_equal(dataset.landscape("test1", rev=True), stored[:, ::-1])
    target = dataset.target("test1")
    table = read_targets(trained.small.folders.target_table("test"))
    np.testing.assert_array_equal(target.loc["ctrl"], table.loc["test1_forward"])
    assert list(target.columns[[0, 20, 40]]) == [-20_500, -500, 19_500]
    contacts = dataset.contacts("test1")
    assert list(contacts.index[:2]) == [0, 2 * 1600]
    assert contacts.columns[len(contacts.columns) // 2] == -800


def test_a_gene_is_asked_for_by_its_name(project):
    dataset = project.dataset("small")
    assert dataset.gene("valid3")["split"] == "valid"
    assert len(dataset.genes) == 46
    with pytest.raises(ClasterError, match="no gene 'test77' among 46: did you mean 'test"):
        dataset.landscape("test77")


def test_a_dataset_from_keys_is_that_of_its_yaml(project, trained):
    keys = yaml.safe_load(Path(trained.small.yaml).read_text())
    assert project.dataset(**keys).spec == project.dataset("small").spec
    with pytest.raises(ClasterError, match="dataset 'small': unknown key 'colour'"):
        project.dataset(**keys, colour="red")
    with pytest.raises(ClasterError, match="needs a name, a YAML file or the keys"):
        project.dataset()


def test_a_dataset_from_keys_is_found_by_its_name_once_it_is_built(project, monkeypatch):
    monkeypatch.setattr("claster.dataset.build.build_dataset", lambda *_, **__: None)
    keys = {"name": "own", "assembly": "mm10", "tracks": [{"name": "ATAC", "file": "a.bw"}]}
    dataset = project.dataset(**keys, genes={"file": "g.gtf"}).build()
    assert project.dataset("own").spec == dataset.spec
    dataset.build()
    with pytest.raises(ClasterError, match=r"own\.yaml describes another dataset 'own'"):
        project.dataset(**keys, genes={"file": "other.gtf"}).build()
    other = project.dataset(**keys, genes={"file": "other.gtf"}).build(force=True)
    assert project.dataset("own").spec == other.spec


def test_a_dataset_from_keys_that_does_not_build_leaves_no_yaml(tmp_path):
    project = claster.Project(tmp_path / "new")
    keys = {"name": "own", "assembly": "mm10", "tracks": [{"name": "ATAC", "file": "a.bw"}]}
    looked = (
        f"no file at {tmp_path}/new/chromatin/a.bw: correct 'data' .chromatin., which starts at the"
    )
    with pytest.raises(ClasterError, match=f"{looked} project's folder .{tmp_path}/new"):
        project.dataset(**keys, data="chromatin", genes={"file": "g.gtf"}).build()
    assert not list(tmp_path.rglob("*.yaml"))
    with pytest.raises(ClasterError, match=r"no dataset 'own' in .*; or give the dataset itself"):
        claster.train("profile", "own")
    with pytest.raises(ClasterError, match=r"no dataset 'own' in .*/new/configurations/datasets"):
        claster.train("profile", "own", project=project)


def test_what_is_no_split_run_or_folder_is_refused(project, run, tmp_path):
    with pytest.raises(ClasterError, match="no split 'tests': did you mean 'test'"):
        project.dataset("small").targets("tests")
    with pytest.raises(ClasterError, match=r"settings are 'a\.bed': name what it is: elements="):
        run.perturb("a.bed")
    with pytest.raises(ClasterError, match="no run in "):
        run.compare("runs/other")
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ClasterError, match=r"notes\.txt is a file: give the project's folder"):
        claster.Project(tmp_path / "notes.txt")


def test_a_run_is_evaluated_on_another_dataset(run, project):
    with pytest.raises(ClasterError, match="no dataset 'cells'"):
        run.evaluate(dataset="cells")


def test_a_dropped_gene_is_told_from_one_that_is_misspelled(project, monkeypatch, tmp_path):
    dataset = project.dataset("small")
    table = tmp_path / "dropped.tsv"
    table.write_text("gene_id\tname\treason\tdetail\nG7.2\tToy1\ttype_not_selected\tlincRNA\n")
    monkeypatch.setattr("claster.dataset.layout.DatasetFolders.dropped", table)
    for named in ("Toy1", "G7.2"):
        with pytest.raises(ClasterError, match=f"gene '{named}' has no window: .*type.*lincRNA"):
            dataset.landscape(named)
    with pytest.raises(ClasterError, match="no gene 'Toy2' among 46"):
        dataset.landscape("Toy2")


def test_arrays_in_memory_are_predicted_as_those_on_disk(run, project):
    table = run.predict(average=False, tracks=None).table()
    genes = project.dataset("small").genes.query("split == 'test'")["gene_id"]
    landscapes = np.stack([run.dataset.landscape(gene) for gene in genes])
    predicted = run.predict_arrays(landscapes)
    expected = table.loc[[f"{gene}_forward" for gene in genes]].to_numpy()
    np.testing.assert_allclose(np.maximum(predicted[:, 0], 0), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run.predict_arrays(landscapes[0]), predicted[:1], rtol=1e-5)
    with pytest.raises(ClasterError, match=r"shape \(6, 2, 2000\): give \(genes, 2, 2001\)"):
        run.predict_arrays(landscapes[:, :, 1:])
    with pytest.raises(ClasterError, match="landscape holds no numbers"):
        run.predict_arrays("landscapes.npy")
    with pytest.raises(ClasterError, match="reads landscape: give landscape"):
        run.predict_arrays()


def test_own_arrays_are_of_the_same_genes(project):
    spec = project.dataset("small").spec
    landscape, contacts = (
        np.ones((3, *spec.landscape_shape)),
        np.ones((2, *spec.contacts_shape.shape)),
    )
    with pytest.raises(ClasterError, match="landscape of 3 genes and contacts of 2 genes"):
        stored_arrays(spec, {}, {"landscape": landscape, "contacts": contacts})
    with pytest.raises(ClasterError, match=r"contacts of shape \(2, 3\): give \(genes, "):
        stored_arrays(spec, {}, {"contacts": np.ones((2, 3))})
    one = stored_arrays(spec, {}, {"landscape": landscape[0], "contacts": contacts[0]})
    assert {name: len(values) for name, values in one.items()} == {"landscape": 1, "contacts": 1}


def test_results_are_the_tables_and_figures_of_a_folder(tmp_path):
    table = pd.DataFrame({"gene": ["NA", "007"], "effect": [0.5, 1.0]})
    table.to_parquet(tmp_path / "effects.parquet")
    table.to_csv(tmp_path / "pairs.csv", index=False)
    (tmp_path / "summary.json").write_text('{"verdict": "two <genes>", "genes": 17}')
    results = claster.Results(tmp_path, "effects", draw=lambda: [tmp_path / "a.png"])
    assert results.tables == ["effects", "pairs"]
    pd.testing.assert_frame_equal(results.table(), table)
    pd.testing.assert_frame_equal(results.table("pairs"), table)
    assert results.figures == [tmp_path / "a.png"]
    assert "two &lt;genes&gt;" in results._repr_html_()
    assert ">17</td>" in results._repr_html_()
    with pytest.raises(ClasterError, match="holds no table 'colours': choose among effects, pairs"):
        results.table("colours")


def test_objects_show_themselves(run, project):
    assert "small" in project._repr_html_()
    assert "46" not in repr(run)
    assert "32 train, 8 valid, 6 test" in repr(project.dataset("small"))
    assert "<th" in run._repr_html_()
    assert "tiny" in run._repr_html_()
    assert "32 train, 8 valid, 6 test" in run._repr_html_()


def test_a_run_that_does_not_fit_its_dataset_is_not_opened(run, project, trained, monkeypatch):
    changed = trained.small.spec.model_copy(update={"summary": "mean_covered"})
    monkeypatch.setattr("claster.eir.trained_on.load_dataset", lambda *_, **__: changed)
    with pytest.raises(ClasterError, match="'summary' of dataset 'small' is mean_covered"):
        claster.Run.open(run.folder, project=project)
    with pytest.raises(
        ClasterError, match=r"no run in .*runs/none .*choose among .*runs/small/tiny"
    ):
        project.run("runs/none")


def test_relative_paths_start_at_the_project_wherever_python_is(trained, tmp_path, monkeypatch):
    folder = tmp_path / "project"
    for name in ("configurations", "inputs", "targets", "runs/small/tiny"):
        shutil.copytree(trained.small.project / name, folder / name, symlinks=True)
    (folder / "own.yaml").write_text(Path(trained.small.yaml).read_text())
    shutil.copytree(folder / "runs/small/tiny", folder / "runs/small/again")
    monkeypatch.chdir(tmp_path)
    project = claster.Project("project", device="cpu")
    monkeypatch.chdir("/")
    assert project.dataset("own.yaml").is_built
    assert project.dataset("small").is_built
    both = project.run("runs/small/tiny", "runs/small/again")
    assert both.folder == folder / "runs/small/ensemble"
    assert both.members == ["runs/small/tiny", "runs/small/again"]
    assert project.run("runs/small/ensemble").dataset.is_built
    assert {run.path for run in both._members} == {folder / name for name in both.members}
    with pytest.raises(ClasterError, match=f"no dataset file at {folder}/none.yaml"):
        project.dataset("none.yaml")


def test_the_data_folder_is_read_when_a_dataset_is(project, monkeypatch):
    monkeypatch.setenv("CLASTER_DATA", "/first")
    dataset = project.dataset("demo_tiny")
    folder = dataset.spec.data_folder
    monkeypatch.setenv("CLASTER_DATA", "/second")
    assert dataset.spec.data_folder == folder
    assert folder.is_relative_to("/first")
    assert project.dataset("demo_tiny").spec.data_folder.is_relative_to("/second")


def test_a_genome_is_simulated_where_its_dataset_says_so(project, monkeypatch):
    made = []
    monkeypatch.setattr("claster.simulation.ensure_genome", lambda *given, **_: made.append(given))
    dataset = claster.simulate("demo_tiny", project=project)
    (folder, settings) = made[0]
    assert folder == dataset.spec.data_folder
    assert folder.is_relative_to(project.root)
    assert settings["genes"] == dataset.spec.simulation.genes
    with pytest.raises(ClasterError, match="dataset 'small' is not simulated"):
        claster.simulate("small", project=project)


def test_a_run_is_asked_with_settings_or_with_their_fields(run, project, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "claster.analysis.perturbation.screen.perturb",
        lambda folder, **options: asked.append(options) or ScreenFiles(folder),
    )
    run.perturb(PerturbSettings(elements="a.bed", controls=5), seed=3)
    run.perturb(elements="a.bed", controls=5, seed=3)
    assert asked[0] == asked[1]
    assert asked[0]["elements"] == project.root / "a.bed"
    assert asked[0]["device"] == "cpu"
