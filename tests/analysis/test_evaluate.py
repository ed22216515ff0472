import copy
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import spearmanr
from sklearn.metrics import r2_score, root_mean_squared_error

from claster.analysis.evaluate import (
    RunOf,
    evaluate,
    evaluate_runs,
    evaluate_together,
    evaluation_of,
)
from claster.analysis.metrics import correlations, gene_means
from claster.analysis.other_cells import _unseen, directions
from claster.analysis.prepare import prepare
from claster.analysis.summary import evaluation_schema
from claster.analysis.tables import _SCORE_COLUMNS
from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table, read_targets
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import SHARED
from claster.eir.runs import RunFolder, RunRecord, write_run
from claster.errors import ClasterError
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT

METHODS = [
    *("network", "mean_profile", "nearest_tss", "ATAC_at_bin", "H3K27ac_at_bin"),
    *("ridge", "boosting", "attainable"),
]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("claster.analysis.baselines._TREES", 20)
    monkeypatch.setattr("claster.analysis.bootstrap.RESAMPLES", 100)


def _score(predictions, spec, *, split="test", seed=0):
    """Score a table of predictions beside the simple methods."""
    prepared = prepare(predictions, spec, DatasetFolders.of(spec), split=split, seed=seed)
    return evaluation_of(prepared.scored, [prepared], [], [spec], split=split, seed=seed)


@pytest.fixture(scope="module")
def scored_once():
    return []


@pytest.fixture
def scored(scored_once, truth, spec):
    """The scores of the truth itself, which are the same for every test that asks for them."""
    if not scored_once:
        scored_once.append(_score(truth, spec))
    return scored_once[0]


def one(evaluation, method, **chosen):
    """The row of one score."""
    key = {
        "against": "",
        "condition": "ctrl",
        "level": "bin",
        "scale": "log2(x+1)",
        "counted": "all",
        "how": "pooled",
        "metric": "pearson",
        "by": "all",
        "stratum": "all",
    } | chosen
    rows = evaluation.tables.scores
    rows = rows[rows["method"] == method]
    for column, value in key.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def test_every_method_has_every_score_once(scored):
    scores = scored.tables.scores
    assert scores.columns.tolist() == _SCORE_COLUMNS
    keys = [name for name in _SCORE_COLUMNS if name not in ("value", "low", "high", "n", "blocks")]
    assert not scores.duplicated(keys).any()
    assert scores["method"].unique().tolist() == METHODS
    assert scores["condition"].unique().tolist() == ["ctrl", "a485"]
    plain = scores[(scores["against"] == "") & (scores["by"] == "all")]
    counts = plain[plain["metric"] == "rmse"].groupby("level").size() / (len(METHODS) * 2)
    assert counts.to_dict() == {"bin": 2 * 2 * 3, "gene": 2, "paper": 2}
    assert set(scores.loc[scores["against"] != "", "method"]) == {"network"}
    units = scores.groupby("metric")["unit"].unique()
    assert sorted(units["mae"]) == ["log2(reads + 1)", "reads"]
    assert units["pearson"].tolist() == ["1"]


def test_scores_agree_with_independent_ones(project, truth, spec):
    folders = DatasetFolders.of(spec)
    found = _score(0.5 * truth, spec)
    genes = read_genes_table(folders, split="test")
    forward = [sample_id(gene, FORWARD) for gene in genes["gene_id"]]
    observed = read_targets(folders.target_table("test")).loc[forward].to_numpy(np.float64)
    predicted = (0.5 * truth).loc[forward].to_numpy(np.float64)
    for condition, columns in {"ctrl": slice(0, 21), "a485": slice(21, 42)}.items():
        x, y = observed[:, columns], predicted[:, columns]
        levels = {"bin": (x, y)}
        levels["gene"] = tuple(gene_means(v, genes, spec.target.binning) for v in (x, y))
        for level, (seen, guessed) in levels.items():
            expected = {
                "pearson": correlations(seen, guessed).pearson,
                "spearman": spearmanr(seen.ravel(), guessed.ravel()).statistic,
                "r2": r2_score(*(np.log2(v.ravel() + 1) for v in (seen, guessed))),
            }
            for metric, value in expected.items():
                row = one(found, "network", condition=condition, level=level, metric=metric)
                assert row["value"] == pytest.approx(value, abs=1e-6)
                assert row["n"] == seen.size
            row = one(
                found, "network", condition=condition, level=level, metric="rmse", scale="raw"
            )
            error = root_mean_squared_error(seen.ravel(), guessed.ravel())
            assert row["value"] == pytest.approx(error)


@pytest.mark.slow
def test_scores_do_not_depend_on_the_stored_scale(project, truth, spec):
    plain = _score(truth, spec).tables.scores
    content = spec.model_dump()
    for track in content["tracks"]:
        track["transform"] = "log1p"
    content["target"]["transform"] = "log1p"
    folders = DatasetFolders.of(spec)
    for split in SPLITS:
        for path in folders.arrays("landscape", split).iterdir():
            np.save(path, np.log1p(np.load(path)))
    for path in (
        folders.target_table("train"),
        folders.target_table("test"),
        folders.truth_table(),
    ):
        np.log1p(read_targets(path)).to_csv(path)
    logged = _score(truth, DatasetSpec.model_validate(content).within(project)).tables.scores
    pearson = (plain["metric"] == "pearson") & (plain["by"] == "all")
    pearson &= ~plain["method"].eq("boosting") & ~plain["against"].eq("boosting")  # its bins move
    np.testing.assert_allclose(logged["value"][pearson], plain["value"][pearson], atol=1e-3)


def test_intervals_hold_their_value_and_differences_are_paired(scored):
    scores = scored.tables.scores
    known = scores.dropna(subset=["value", "low"])
    known = known[(known["by"] == "all") & (known["metric"] != "r2")]
    inside = (known["low"] <= known["value"]) & (known["value"] <= known["high"])
    assert inside.mean() > 0.97
    row = one(scored, "network", against="ridge")
    values = [one(scored, name)["value"] for name in ("network", "ridge")]
    assert row["value"] == pytest.approx(values[0] - values[1])
    same = one(scored, "network", against="attainable")  # the truth is what is scored here
    assert (same["value"], same["low"], same["high"]) == (0, 0, 0)


def test_the_truth_reaches_all_that_is_attainable(scored):
    row = one(scored, "network", metric="share_of_attainable", counted="once")
    assert (row["value"], row["low"], row["high"]) == (1, 1, 1)
    assert "Share of the noise ceiling (Pearson r): 100.0% (100.0% to 100.0%)" in (
        scored.summary.verdict
    )


def test_the_verdict_begins_with_what_is_worst(project, truth, spec):
    shuffled = truth.sample(frac=1, random_state=1).set_axis(truth.index)
    evaluation = _score(shuffled, spec)
    first = evaluation.summary.verdict.splitlines()[0]
    assert first.startswith("The network does not beat the best simple method over bins in ctrl,")
    assert not any(entry.beats for entry in evaluation.summary.comparisons)
    assert one(evaluation, "ridge")["value"] > 0.8
    for entry in evaluation.summary.comparisons:
        assert entry.baseline in ("ridge", "boosting", "H3K27ac_at_bin")
        assert entry.difference.value < 0


def test_predictions_of_other_genes_score_near_0(project, truth, spec):
    values = truth.to_numpy().copy()
    np.random.default_rng(2).shuffle(values.reshape(-1))
    shuffled = pd.DataFrame(values, index=truth.index, columns=truth.columns)
    evaluation = _score(shuffled, spec)
    for condition in ("ctrl", "a485"):
        for metric in ("pearson", "spearman"):
            row = one(evaluation, "network", condition=condition, metric=metric)
            assert abs(row["value"]) < 4 / np.sqrt(20 * 21)
            assert row["low"] < 0 < row["high"]


def test_the_other_tables(scored):
    tables = scored.tables
    assert tables.bins.groupby(["method", "condition"]).size().unique().tolist() == [21]
    assert tables.bins["offset"].min() == -10_000
    assert tables.calibration.groupby(["method", "condition"])["band"].max().max() <= 20
    assert tables.genes.groupby("condition").size().to_dict() == {"ctrl": 20, "a485": 20}


def test_simple_methods_come_as_tables(scored, spec):
    assert list(scored.predictions) == METHODS[1:-1]
    for table in scored.predictions.values():
        assert table.index.tolist() == [f"test{number}_forward" for number in range(20)]
        assert table.columns.tolist() == spec.target.columns


@pytest.mark.slow
def test_order_of_rows_and_columns_does_not_matter(project, truth, spec):
    plain = _score(truth, spec)
    turned = _score(truth.iloc[::-1, ::-1], spec)
    pd.testing.assert_frame_equal(plain.tables.scores, turned.tables.scores)
    forward = _score(truth[truth.index.str.endswith(FORWARD)], spec)
    pd.testing.assert_frame_equal(plain.tables.scores, forward.tables.scores)


def test_without_a_truth_table_nothing_is_attainable(project, truth, spec):
    DatasetFolders.of(spec).truth_table().unlink()
    evaluation = _score(truth, spec)
    assert "attainable" not in set(evaluation.tables.scores["method"])
    assert "attainable" not in evaluation.summary.verdict
    assert {entry.share for entry in evaluation.summary.comparisons} == {None}


def test_the_training_split_is_scored_with_a_warning(project, spec):
    targets = read_targets(DatasetFolders.of(spec).target_table("train"))
    train = targets[targets.index.str.startswith("train")]
    evaluation = _score(train, spec, split="train")
    assert one(evaluation, "network")["value"] == pytest.approx(1)
    assert "These genes were trained on" in evaluation.summary.verdict
    assert evaluation.summary.genes == 40


def remove_a_sample(table):
    return table.drop("test3_forward")


def repeat_a_sample(table):
    return pd.concat([table, table.loc[["test3_forward"]]])


def rename_a_sample(table):
    return table.rename(index={"test3_forward": "train3_forward"})


def remove_a_rev_sample(table):
    return table.drop("test3_rev")


def lose_a_value(table):
    return table.mask((table.index == "test3_forward")[:, np.newaxis] & (table.columns == "0_ctrl"))


def remove_a_column(table):
    return table.drop(columns="0_a485")


def rename_a_column(table):
    return table.rename(columns={"0_a485": "0_other"})


def repeat_a_column(table):
    return pd.concat([table, table[["0_a485"]]], axis=1)


def fall_below_0(table):
    return table - 1000


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (remove_a_sample, r"1 of 40 samples are missing \(test3_forward\)"),
        (remove_a_rev_sample, r"1 of 40 samples are missing \(test3_rev\)"),
        (repeat_a_sample, r"samples appear twice \(test3_forward\)"),
        (rename_a_sample, r"1 samples are not of this split \(train3_forward\)"),
        (lose_a_value, r"missing or infinite in 1 samples \(test3_forward\)"),
        (remove_a_column, r"41 columns where the dataset has 42 \(0_a485\)"),
        (rename_a_column, r"42 columns where the dataset has 42 \(0_a485, 0_other\)"),
        (repeat_a_column, "43 columns where the dataset has 42"),
        (fall_below_0, "prediction of network: 420 of 420 values are negative"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(project, truth, spec, fault, message):
    with pytest.raises(ClasterError, match=message):
        _score(fault(truth), spec)


def test_targets_that_do_not_fit_are_refused(project, truth, spec):
    folders = DatasetFolders.of(spec)
    targets = read_targets(folders.target_table("test"))
    targets.drop("test0_forward").to_csv(folders.target_table("test"))
    with pytest.raises(ClasterError, match=r"targets of the test split \(.*test\.csv\): 1 of 40"):
        _score(truth, spec)


def test_gene_table_and_ids_must_match(project, truth, spec):
    ids = DatasetFolders.of(spec).ids("test")
    ids.write_text(ids.read_text().replace("test0_forward\ntest0_rev\n", ""))
    with pytest.raises(ClasterError, match=r"of the test split do not match \(test0\)"):
        _score(truth, spec)


def test_a_missing_landscape_is_named(project, truth, spec):
    folders = DatasetFolders.of(spec)
    (folders.arrays("landscape", "train") / "train0_forward.npy").unlink()
    with pytest.raises(ClasterError, match=r"no file at .*train0_forward\.npy"):
        _score(truth, spec)


def test_a_test_gene_among_the_training_samples_is_detected(project, truth, spec):
    ids = DatasetFolders.of(spec).ids("train")
    ids.write_text(ids.read_text() + "test5_rev\n")
    with pytest.raises(
        ClasterError, match=r"1 of 20 genes .* were seen in training, such as test5"
    ):
        _score(truth, spec)


def test_a_test_gene_in_the_table_that_eir_trains_on_is_detected(project, truth, spec):
    folders = DatasetFolders.of(spec)
    trained, tested = (read_targets(folders.target_table(split)) for split in ("train", "test"))
    pd.concat([trained, tested.loc[["test7_forward"]]]).to_csv(folders.target_table("train"))
    said = r"targets of the train split \(.*\): 1 samples are not of this split \(test7_forward\)"
    with pytest.raises(ClasterError, match=said):
        _score(truth, spec)


def test_windows_that_share_bases_with_training_are_detected(tmp_path, spec, build):
    truth = build(spec, test_chrom="chr1")
    with pytest.raises(
        ClasterError, match="bp of the test split's input windows lie in windows of"
    ):
        _score(truth, spec)
    allowed = spec.model_copy(
        update={"splits": spec.splits.model_copy(update={"allow_shared_windows": True})}
    )
    evaluation = _score(truth, allowed)
    assert evaluation.summary.shared_bp == 182_100  # 19 steps of 8 kb and a window of 30,100 bp
    assert "182,100 bp of the scored input windows lie in training windows" in (
        evaluation.summary.verdict
    )


def test_a_dataset_that_is_not_built_is_refused(tmp_path, spec):
    with pytest.raises(ClasterError, match="not built"):
        _score(pd.DataFrame(), spec)


def test_a_dataset_without_target_is_refused(project, truth, spec):
    with pytest.raises(ClasterError, match="'tiny' has no target"):
        _score(truth, spec.model_copy(update={"target": None}))


def predicted_run(project, table, name="pure_conv", split="test"):
    run = RunFolder(project / "runs" / "tiny" / name, project)
    run.predictions(split).parent.mkdir(parents=True)
    table.to_parquet(run.predictions(split))
    return run


def files_of(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_evaluate_writes_the_same_bytes_twice(project, truth, spec):
    run = predicted_run(project, truth)
    evaluation = evaluate(run, spec)
    written = files_of(run.evaluation)
    tables = ("scores", "bins", "calibration", "genes")
    assert set(written) == {
        *(f"{name}.{suffix}" for name in tables for suffix in ("csv", "parquet")),
        *(f"predictions/{name}.parquet" for name in METHODS[1:-1]),
        "summary.json",
    }
    evaluate(run, spec)
    assert files_of(run.evaluation) == written
    for name in tables:
        stored = pd.read_parquet(run.evaluation / f"{name}.parquet")
        pd.testing.assert_frame_equal(stored, getattr(evaluation.tables, name), atol=1e-6)
        text = pd.read_csv(run.evaluation / f"{name}.csv", keep_default_na=False, na_values=[""])
        assert text.columns.tolist() == stored.columns.tolist()
        assert len(text) == len(stored)


def test_the_summary_fits_its_schema(project, truth, spec):
    import jsonschema  # its own imports take 2 s

    run = predicted_run(project, truth * 0 + 1)  # a constant: correlations are undefined
    evaluation = evaluate(run, spec)
    content = json.loads((run.evaluation / "summary.json").read_text())
    schema = json.loads(evaluation_schema())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    assert content["comparisons"][0]["network"] == {"value": None, "low": None, "high": None}
    assert content["runs"] == [run.path.as_posix()]
    assert content["worst"] == list(evaluation.summary.worst)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(content | {"split": "other"}, schema)


def test_another_split_is_written_beside_the_test_split(project, spec):
    targets = read_targets(DatasetFolders.of(spec).target_table("valid"))
    run = predicted_run(
        project, targets[targets.index.str.startswith("valid")], name="v", split="valid"
    )
    evaluate(run, spec, split="valid")
    assert [path.name for path in run.evaluation.iterdir()] == ["valid"]


def test_seeds_become_an_ensemble_with_mean_and_spread(project, truth, spec):
    rng = np.random.default_rng(0)
    noisy = [truth * rng.lognormal(0, 0.8, truth.shape) for _ in range(3)]
    members = [
        RunOf(predicted_run(project, table, name=f"seed{number}"), spec)
        for number, table in enumerate(noisy)
    ]
    to = project / "runs" / "tiny" / "ensemble"
    evaluation = evaluate_together(members, to)
    singles = [one(evaluation, f"network {member.run.path.as_posix()}") for member in members]
    alone = _score(noisy[1], spec)
    assert singles[1]["value"] == pytest.approx(one(alone, "network")["value"])
    mean = sum(noisy) / 3
    together = _score(mean, spec)
    assert one(evaluation, "ensemble")["value"] == pytest.approx(
        one(together, "network")["value"], abs=1e-6
    )
    assert one(evaluation, "ensemble")["value"] > max(row["value"] for row in singles)
    spread = pd.read_csv(to / "spread.csv")
    row = spread.query(
        "condition == 'ctrl' and level == 'bin' and scale == 'log2(x+1)' and counted == 'all'"
        " and how == 'pooled' and metric == 'pearson' and by == 'all'"
    ).iloc[0]
    values = [single["value"] for single in singles]
    assert row["mean"] == pytest.approx(np.mean(values), abs=1e-6)
    assert row["sd"] == pytest.approx(np.std(values, ddof=1), abs=1e-6)
    assert row["runs"] == 3
    assert evaluation.summary.method == "ensemble"
    assert evaluation.summary.verdict.startswith("The ensemble ")
    assert (to / "predictions" / "ensemble.parquet").is_file()


@pytest.mark.slow
def test_folds_are_scored_as_one(tmp_path, spec, build):
    members, truths = [], []
    for number in range(2):
        fold = spec.model_copy(update={"name": f"fold{number}"})
        prefix = f"f{number}"
        truths.append(build(fold, seed=number, prefix=prefix, test_chrom=f"chr{3 + number}"))
        members.append(RunOf(predicted_run(tmp_path, truths[-1], name=prefix), fold))
    evaluation = evaluate_together(members, tmp_path / "together")
    assert evaluation.summary.genes == 40
    assert evaluation.summary.datasets == ("fold0", "fold1")
    assert len(evaluation.summary.baselines) == 2
    assert one(evaluation, "network")["n"] == 40 * 21
    chromosomes = evaluation.tables.scores.query("by == 'chromosome'")["stratum"].unique()
    assert chromosomes.tolist() == ["chr3", "chr4"]
    for member in members:
        alone = evaluate(member.run, member.spec)
        for name in METHODS[1:-1]:
            rows = alone.predictions[name].index
            pd.testing.assert_frame_equal(
                evaluation.predictions[name].loc[rows], alone.predictions[name]
            )


def test_runs_that_are_neither_seeds_nor_folds_are_refused(project, tmp_path, truth, spec, build):
    other = spec.model_copy(update={"name": "other"})
    build(other)
    members = [RunOf(predicted_run(project, truth, name=s.name), s) for s in (spec, other)]
    with pytest.raises(ClasterError, match="gene test0 is scored in two of the folds"):
        evaluate_together(members, tmp_path / "to")
    with pytest.raises(ClasterError, match="a run is given twice"):
        evaluate_together(members[:1] * 2, tmp_path / "to")
    narrow = other.model_copy(update={"target": other.target.model_copy(update={"bins": 11})})
    with pytest.raises(ClasterError, match="other bins or conditions"):
        evaluate_together([members[0], RunOf(members[1].run, narrow)], tmp_path / "to")


def recorded_run(project, table, spec, name):
    """A run that tells its dataset, as `claster train` leaves it."""
    folder = project / "configurations" / "datasets"
    folder.mkdir(parents=True, exist_ok=True)
    content = spec.model_dump(mode="json", exclude_none=True)
    (folder / f"{spec.name}.yaml").write_text(yaml.safe_dump(content))
    run = predicted_run(project, table, name=name)
    facts = dict.fromkeys(("training_samples", "validation_samples", "batch_size", "steps"), 1)
    words = dict.fromkeys(("name", "flavour", "dataset_name", "device", "started"), "x")
    empty = {key: {} for key in ("environment", "versions", "configurations")}
    record = RunRecord(
        **facts,
        **words,
        **empty,
        dataset=spec.name,
        tag=None,
        seed=0,
        status="complete",
        command=(),
    )
    write_run(run, record)
    return run


@pytest.mark.slow
def test_runs_name_their_dataset_themselves(project, truth, spec):
    runs = [recorded_run(project, truth + shift, spec, f"run{shift}") for shift in (0, 1)]
    alone, folder = evaluate_runs(runs[:1])
    assert folder == runs[0].evaluation
    assert (folder / "summary.json").is_file()
    assert alone.summary.method == "network"
    with pytest.raises(ClasterError, match="2 runs and no folder for their common scores"):
        evaluate_runs(runs)
    together, folder = evaluate_runs(runs, to=project / "both")
    assert folder == project / "both"
    assert together.summary.runs == tuple(run.path.as_posix() for run in runs)
    elsewhere, folder = evaluate_runs(runs[:1], to=project / "one")
    assert files_of(folder) == files_of(runs[0].evaluation)
    assert elsewhere.summary == alone.summary


@pytest.fixture
def elsewhere(project, truth, spec, build):
    """A run, and what it predicts of other cells: their truth; both cells' targets are noisy."""
    other = spec.model_copy(update={"name": "other"})
    other_truth = build(other, seed=12)
    run = recorded_run(project, truth, spec, "made")
    content = yaml.safe_dump(other.model_dump(mode="json", exclude_none=True))
    (project / "configurations/datasets/other.yaml").write_text(content)
    other_truth.to_parquet(run.predictions("other"))
    return run


def test_other_cells_are_scored_on_unseen_genes_beside_the_training_cells(elsewhere, spec):
    evaluation, folder = evaluate_runs([elsewhere], dataset="other")
    assert folder == elsewhere.path / "evaluation/other"
    assert evaluation.summary.datasets == ("other",)
    assert evaluation.summary.genes == 20  # the other 50 taught the run
    assert {"training_cell", "mean_profile", "ridge"} <= set(evaluation.predictions)
    own = read_targets(DatasetFolders.of(spec).target_table("test"))
    told = evaluation.predictions["training_cell"]
    np.testing.assert_allclose(told, own.loc[told.index, told.columns])
    assert one(evaluation, "network")["value"] > one(evaluation, "training_cell")["value"]


@pytest.mark.parametrize(("assembly", "left"), [("tiny", ["C"]), ("another", ["B", "C"])])
def test_windows_that_share_a_base_with_training_are_not_scored(spec, assembly, left):
    own = spec.model_copy(update={"assembly": "tiny"})
    other = spec.model_copy(update={"assembly": assembly})
    place = {"chrom": "chr1", "split": "test"}
    width = spec.window.binning.width
    known = pd.DataFrame({"gene_id": ["A"], "tss": [500_000]} | place | {"split": "train"})
    genes = pd.DataFrame({"gene_id": ["B", "C"], "tss": [500_001 - width, 500_000 - width]} | place)
    assert _unseen(own, known, other, genes, SILENT)["gene_id"].tolist() == left


def test_the_direction_of_change_between_cells(elsewhere, spec):
    evaluation, folder = evaluate_runs([elsewhere], dataset="other")
    table = pd.read_csv(folder / "changes.csv")
    cells = [DatasetFolders.of(s) for s in (spec, spec.model_copy(update={"name": "other"}))]
    genes = [pd.read_csv(where.genes, sep="\t").set_index("gene_id") for where in cells]
    targets = [read_targets(where.target_table("test")) for where in cells]
    for condition, rows in table.groupby("condition"):
        for row in rows.itertuples():
            levels = []
            for body, found in zip(genes, targets, strict=True):
                at = body.loc[row.gene_id]
                edges = at["tss"] + (np.arange(22) - 10.5) * 1000
                covered = np.diff(np.interp(edges, [at["start"], at["end"]], [0, 1]))
                columns = [c for c in found if c.endswith(f"_{condition}")]
                values = found.loc[f"{row.gene_id}_forward", columns].to_numpy()
                levels.append(np.log2(1 + (values * covered).sum() / covered.sum()))
            assert row.measured == pytest.approx(levels[1] - levels[0], abs=1e-4)
    agree = np.sign(table["measured"]) == np.sign(table["predicted"])
    for entry in evaluation.summary.directions:
        chosen = (table["condition"] == entry.condition) & (table["measured"].abs() >= entry.least)
        assert (entry.genes, entry.network.value) == (chosen.sum(), agree[chosen].mean())
    assert "the network tells the direction of" in evaluation.summary.verdict
    again, _ = evaluate_runs([elsewhere], dataset="other")
    assert again.summary == evaluation.summary


def test_directions_of_genes_that_change(spec):
    """Of 20 genes, each a locus, 4 stay, 6 change a little and 10 twofold; the marks are wrong about 8."""
    measured = np.array([0.0] * 4 + [0.5, -0.5] * 3 + [2.0, -1.0] * 5)
    table = pd.DataFrame(
        {
            "gene_id": [f"g{n}" for n in range(20)],
            "chrom": "chr1",
            "tss": np.arange(20) * 10_000_000,
            "condition": "ctrl",
            "measured": measured,
            "predicted": np.where(np.arange(20) == 19, 0.0, 0.1 * measured),
            "promoter_marks": np.where(np.arange(20) < 12, -measured, measured),
        }
    )
    every, twofold = directions(table, spec)
    assert (every.genes, every.network.value, every.promoter_marks.value) == (16, 15 / 16, 8 / 16)
    assert (twofold.genes, twofold.network.value, twofold.promoter_marks.value) == (10, 0.9, 0.8)
    assert twofold.difference.value == pytest.approx(0.1)
    assert twofold.network.low <= 0.9 <= twofold.network.high == 1


def test_other_cells_are_scored_on_labels_of_their_own(elsewhere, spec):
    genes = DatasetFolders.of(spec.model_copy(update={"name": "other"})).genes
    table = pd.read_csv(genes, sep="\t")
    table[SHARED] = table["gene_id"].isin(["test3", "test7"])
    table.to_csv(genes, sep="\t", index=False)
    evaluation, _ = evaluate_runs([elsewhere], dataset="other")
    assert evaluation.summary.genes == 18


def test_simple_methods_know_the_tracks_that_both_cells_have(elsewhere, project):
    path = project / "configurations/datasets/other.yaml"
    content = yaml.safe_load(path.read_text())
    del content["tracks"][0]
    path.write_text(yaml.safe_dump(content))
    for array in (project / "inputs/other/landscape").rglob("*.npy"):
        np.save(array, np.load(array)[1:])
    evaluation, _ = evaluate_runs([elsewhere], dataset="other")
    assert {"H3K27ac_at_bin", "ridge", "boosting"} <= set(evaluation.predictions)
    assert "ATAC_at_bin" not in evaluation.predictions


def test_other_cells_that_cannot_be_scored_are_refused(elsewhere, project):
    with pytest.raises(ClasterError, match="'dataset' is for one run"):
        evaluate_runs([elsewhere] * 2, dataset="other")
    with pytest.raises(ClasterError, match="'dataset' is for one run"):
        evaluate_runs([elsewhere], dataset="other", split="valid")
    path = project / "configurations/datasets/other.yaml"
    content = yaml.safe_load(path.read_text())
    named, content["target"]["conditions"][0]["name"] = copy.deepcopy(content), "k562"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(
        ClasterError, match=r"'target\.conditions' of 'other' is \['k562', 'a485'\]"
    ):
        evaluate_runs([elsewhere], dataset="other")
    content = named
    content["target"]["smoothing"] = 700
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ClasterError, match=r"'target\.smoothing' of 'other' is 700, and"):
        evaluate_runs([elsewhere], dataset="other")


def test_a_run_without_predictions_is_refused(project, spec):
    with pytest.raises(ClasterError, match="claster predict"):
        evaluate(project / "run", spec)
    with pytest.raises(ClasterError, match="no run in"):
        evaluate_runs([project / "run"])


def test_strands_apart_are_scored_one_by_one(tmp_path, spec, build):
    pair = {"name": "ctrl", "plus": "p.bw", "minus": "m.bw"}
    target = spec.target.model_validate({"bins": 21, "conditions": [pair], "strands": "apart"})
    apart = spec.model_copy(update={"target": target})
    predicted = build(apart)
    minus = [column for column in predicted.columns if column.endswith("_minus")]
    predicted[minus] = predicted[minus].to_numpy()[::-1]
    evaluation = _score(predicted, apart)
    plus = one(evaluation, "network", condition="ctrl_plus")["value"]
    assert plus > 0.7 > 0.4 > one(evaluation, "network", condition="ctrl_minus")["value"]
