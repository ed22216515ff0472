"""Runs with different windows on the bins that all predict."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import pearsonr, spearmanr
from typer.testing import CliRunner

from claster.analysis.compare import _COMMON, _OWN, compare_runs, published_scores, write_comparison
from claster.analysis.metrics import paper_gene_values
from claster.cli import app
from claster.dataset.layout import DatasetFolders, read_genes_table, read_targets
from claster.eir.arrays import narrowed
from claster.eir.runs import RunFolder, RunRecord, write_run
from claster.errors import ClasterError
from claster.files import write_text
from claster.genome.windows import Binning
from claster.plot import learning_curves, profile_panels

NAMES = {"profile": 21, "enformer_head": 11, "hyenadna_small_32k_finetuned": 5}


@pytest.fixture
def runs(project, spec):
    """Write three runs whose predictions are the truth and ever more noise, rows in any order."""
    path = project / "configurations" / "datasets" / "tiny.yaml"
    write_text(path, yaml.safe_dump(spec.model_dump(mode="json", exclude_none=True)))
    truth = read_targets(DatasetFolders.of(spec).truth_table())
    rng = np.random.default_rng(2)
    folders = []
    for number, (name, bins) in enumerate(NAMES.items()):
        part = narrowed(spec, bins)
        table = truth[part.require_target().columns]
        table = table * rng.lognormal(0, 0.3 * (number + 1), table.shape)
        run = RunFolder(project / "runs" / "tiny" / name, project)
        record = RunRecord(
            name=name,
            flavour=name,
            dataset=str(path),
            dataset_name=spec.name,
            tag=None,
            seed=0,
            device="cpu",
            status="complete",
            command=(),
            environment={},
            versions={},
            configurations={},
            training_samples=1,
            validation_samples=1,
            batch_size=1,
            steps=1,
            started="2026-01-01T00:00:00+00:00",
            trained_on=part,
        )
        run.predictions("test").parent.mkdir(parents=True)
        table.sample(frac=1, random_state=number).to_parquet(run.predictions("test"))
        write_run(run, record)
        history = "split,step,loss,performance\ntrain,1,0.5,\nvalid,1,0.4,-0.4\nvalid,2,0.3,-0.3\n"
        run.history.write_text(history)
        folders.append(run)
    return folders


def of(scores, **wanted):
    for key, value in wanted.items():
        scores = scores[scores[key] == value]
    return scores


def test_common_bins_are_the_fewest_and_own_bins_stand_beside(runs, project):
    compared = compare_runs(runs)
    assert compared.target == Binning(5, 1000)
    scores = compared.scores
    assert set(of(scores, window=_COMMON)["bins"]) == {5}
    own = of(scores, window=_OWN, against="")
    assert own.groupby("method")["bins"].unique().str[0].to_dict() == NAMES
    differences = of(scores, window=_COMMON)
    assert set(differences.loc[differences["against"] != "", "method"]) == {"profile"}


def test_scores_are_scipy_s_of_rows_joined_by_name(runs, project, spec):
    scores = compare_runs(runs).scores
    folders = DatasetFolders.of(spec)
    genes = read_genes_table(folders, split="test")
    ids = [f"{gene}_forward" for gene in genes["gene_id"]]
    observed = read_targets(folders.target_table("test"))
    for run in runs:
        predicted = pd.read_parquet(run.predictions("test"))
        for window, bins in ((_COMMON, 5), (_OWN, NAMES[run.path.name])):
            columns = [f"{k}_ctrl" for k in range(-(bins // 2), bins // 2 + 1)]
            x, y = (table.loc[ids, columns].to_numpy(np.float64) for table in (observed, predicted))
            found = of(
                scores,
                method=run.path.name,
                window=window,
                condition="ctrl",
                how="pooled",
                by="all",
                against="",
            )
            logged = of(found, level="bin", scale="log2(x+1)", counted="all").set_index("metric")
            u, v = np.log2(x + 1).ravel(), np.log2(y + 1).ravel()
            assert logged.at["pearson", "value"] == pytest.approx(pearsonr(u, v).statistic)
            assert logged.at["spearman", "value"] == pytest.approx(spearmanr(u, v).statistic)
            paper = of(found, level="paper", scale="raw").set_index("metric")
            areas = (paper_gene_values(part, genes, Binning(bins, 1000)) for part in (x, y))
            assert paper.at["pearson", "value"] == pytest.approx(pearsonr(*areas).statistic)


def test_published_values_stand_in_a_column_of_their_own(runs, project, tmp_path):
    compared = compare_runs(runs)
    table = compared.main_scores()
    assert len(table) == 3 * 2 * 3 * 2  # runs, conditions, levels, metrics
    chosen = of(table, condition="ctrl", metric="pearson").set_index(["method", "level"])[
        "published"
    ]
    assert chosen["enformer_head", "bin"] == 0.8739
    assert chosen["enformer_head", "paper"] == 0.7874
    assert chosen["hyenadna_small_32k_finetuned", "paper"] == 0.5247
    assert chosen[["profile"]].isna().all()
    assert chosen[:, "gene"].isna().all()
    path = write_comparison(compared, tmp_path / "out")
    assert pd.read_csv(path)["common_bins"].unique().tolist() == [5]
    assert len(pd.read_csv(path.with_name("scores.csv"))) == len(compared.scores)


def test_published_table_is_that_of_the_paper():
    table = published_scores().set_index(["method", "level", "metric"])
    assert table.at[("CLASTER, chromatin", "bin", "pearson"), "published"] == 0.8852
    assert table.groupby("bins").size().to_dict() == {31: 4, 115: 4, 401: 10}


def test_what_cannot_be_compared(runs, project):
    with pytest.raises(ClasterError, match="one run and nothing"):
        compare_runs(runs[:1])
    with pytest.raises(ClasterError, match="two runs have the same name"):
        compare_runs([runs[0], runs[0]])
    other = runs[1]
    record = RunRecord.model_validate_json(other.record.read_text())
    write_run(other, record.model_copy(update={"dataset_name": "toy"}))
    with pytest.raises(ClasterError, match=r"different datasets \(tiny, toy\)"):
        compare_runs(runs)


@pytest.mark.slow
def test_command_draws_every_figure(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = CliRunner().invoke(
        app, ["sequence", "compare", *(str(run.path) for run in runs), "--to", str(tmp_path / "c")]
    )
    assert found.exit_code == 0, found.output
    assert {path.stem for path in Path(tmp_path / "c").glob("*.png")} == {
        "densities",
        "learning_curves",
        "pearson_spearman",
        "profiles",
        *(
            f"{level}_{metric}"
            for level in ("bin", "gene", "paper")
            for metric in ("pearson", "spearman")
        ),
    }


def test_profile_panels_end_with_the_measurement():
    wide, narrow = Binning(21, 1000), Binning(5, 1000)
    observed = np.arange(21.0)
    _, axes = profile_panels(
        {"a": (observed / 2, wide), "b": (np.ones(5), narrow)}, observed, wide, common=narrow
    )
    assert len(axes) == 3
    assert [ax.texts[0].get_text() for ax in axes] == ["a", "b", "measured"]
    for ax in axes:
        assert ax.lines[0].get_xdata().tolist() == [-2.5, 2.5]
        assert ax.get_xlim() == (-10.5, 10.5)
    assert axes[1].patches[0].get_data().edges.tolist() == [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5]


def test_learning_curves_mark_the_best_step():
    history = pd.DataFrame(
        {
            "split": ["train", "valid", "valid", "valid"],
            "step": [1, 1, 2, 3],
            "loss": [3, 2, 1, 1.5],
        }
    )
    _, axes = learning_curves({"x": history})
    assert axes[0].lines[-1].get_xydata().tolist() == [[2, 1]]
