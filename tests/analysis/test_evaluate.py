import json

import numpy as np
import pandas as pd
import pytest

from claster.analysis.baselines import local_features
from claster.analysis.evaluate import evaluate, metrics_table, score
from claster.analysis.metrics import correlations, gene_means
from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table, read_targets
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.genome.windows import FORWARD, REVERSE, mirror, sample_id

SPEC = DatasetSpec.model_validate(
    {
        "name": "tiny",
        "assembly": "toy",
        "tracks": [{"name": "ATAC", "file": "a.bw"}, {"name": "H3K27ac", "file": "b.bw"}],
        "genes": {"file": "genes.gtf"},
        "window": {"bin": 100, "bins": 301},
        "target": {
            "bin": 1000,
            "bins": 21,
            "conditions": [{"name": "ctrl", "file": "c.bw"}, {"name": "a485", "file": "d.bw"}],
        },
    }
)
COUNTS = {"train": 40, "valid": 10, "test": 20}


@pytest.fixture
def project(tmp_path):
    """A built dataset whose transcription follows a linear rule in the local signal, with noise."""
    rng = np.random.default_rng(11)
    folders = DatasetFolders.of(SPEC, project=tmp_path)
    folders.targets.mkdir(parents=True)
    genes, tables, truths = [], {}, {}
    for split in SPLITS:
        signal = rng.gamma(0.2, 9, (COUNTS[split], 2, SPEC.window.bins)).astype(np.float32)
        features = local_features(signal, SPEC.window.binning, SPEC.target.binning)
        rule = [features[:, :, 1] + features[:, :, 7], 2 * features[:, :, 7]]
        truth = 2 ** (2 * np.stack(rule, axis=1)) - 1
        noisy = rng.poisson(truth).astype(np.float32)
        names = [f"{split}{number}" for number in range(COUNTS[split])]
        samples = []
        folder = folders.arrays("landscape", split)
        folder.mkdir(parents=True)
        for number, name in enumerate(names):
            for orientation in (FORWARD, REVERSE):
                samples.append(sample_id(name, orientation))
                array = signal[number] if orientation == FORWARD else mirror(signal[number])
                np.save(folder / f"{samples[-1]}.npy", array)
            tss = 50_000 + 1000 * number
            genes.append((name, "chr1", tss, tss + int(rng.integers(300, 9000)), "+", tss, split))
        folders.ids(split).write_text("".join(f"{sample}\n" for sample in samples))

        def frame(values, samples=samples):
            both = np.stack([values, mirror(values)], axis=1)
            index = pd.Index(samples, name="ID")
            return pd.DataFrame(
                both.reshape(len(samples), -1), index=index, columns=SPEC.target.columns
            )

        tables[split], truths[split] = frame(noisy), frame(truth)
    pd.concat([tables["train"], tables["valid"]]).to_csv(folders.target_table("train"))
    tables["test"].to_csv(folders.target_table("test"))
    truths["test"].to_csv(folders.truth_table())
    columns = ["gene_id", "chrom", "start", "end", "strand", "tss", "split"]
    table = pd.DataFrame(genes, columns=columns).assign(type="protein_coding")
    table.assign(name=table["gene_id"]).to_csv(folders.genes, sep="\t", index=False)
    folders.manifest.write_text("{}")
    return tmp_path


@pytest.fixture
def truth(project):
    return read_targets(DatasetFolders.of(SPEC, project=project).truth_table())


def values_of(evaluation, method, **chosen):
    rows = evaluation.metrics.set_index(["method", "condition", "level", "statistic"])["value"]
    key = {"condition": "ctrl", "level": "bin", "statistic": "pearson"} | chosen
    return rows[method, key["condition"], key["level"], key["statistic"]]


def test_every_method_is_scored_at_both_levels(project, truth):
    metrics = score(truth, SPEC, project=project).metrics
    assert metrics.columns.tolist() == [
        "method", "condition", "level", "statistic", "value", "n", "scale", "split",
    ]  # fmt: skip
    assert metrics["method"].unique().tolist() == ["network", "mean_profile", "ridge", "attainable"]
    assert metrics["condition"].unique().tolist() == ["ctrl", "a485"]
    assert len(metrics) == 4 * 2 * 2 * 2
    assert set(metrics["scale"]) == {"log2(x+1)"}
    assert set(metrics["split"]) == {"test"}
    points = metrics.groupby("level")["n"].unique()
    assert points["bin"].tolist() == [20 * 21]
    assert points["gene"].tolist() == [20]


def test_scores_do_not_depend_on_the_stored_scale(project, truth):
    plain = score(truth, SPEC, project=project).metrics
    content = SPEC.model_dump()
    for track in content["tracks"]:
        track["transform"] = "log1p"
    content["target"]["transform"] = "log1p"
    folders = DatasetFolders.of(SPEC, project=project)
    for split in SPLITS:
        for path in folders.arrays("landscape", split).iterdir():
            np.save(path, np.log1p(np.load(path)))
    for path in (
        folders.target_table("train"),
        folders.target_table("test"),
        folders.truth_table(),
    ):
        np.log1p(read_targets(path)).to_csv(path)
    logged = score(truth, DatasetSpec.model_validate(content), project=project).metrics
    # Rounding splits ties of the mean profile, which ranks feel.
    pearson = plain["statistic"] == "pearson"
    np.testing.assert_allclose(logged["value"][pearson], plain["value"][pearson], atol=1e-4)


def test_scores_agree_with_the_metrics(project, truth):
    folders = DatasetFolders.of(SPEC, project=project)
    found = score(0.5 * truth, SPEC, project=project)
    genes = read_genes_table(folders, split="test")
    forward = [sample_id(gene, FORWARD) for gene in genes["gene_id"]]
    observed = read_targets(folders.target_table("test")).loc[forward].to_numpy()
    predicted = (0.5 * truth).loc[forward].to_numpy()
    for condition, columns in {"ctrl": slice(0, 21), "a485": slice(21, 42)}.items():
        over_bins = correlations(observed[:, columns], predicted[:, columns])
        over_genes = correlations(
            *(
                gene_means(values[:, columns], genes, SPEC.target.binning)
                for values in (observed, predicted)
            )
        )
        for level, expected in {"bin": over_bins, "gene": over_genes}.items():
            for statistic in ("pearson", "spearman"):
                value = values_of(
                    found, "network", condition=condition, level=level, statistic=statistic
                )
                assert value == pytest.approx(getattr(expected, statistic), abs=1e-6)


def test_the_truth_reaches_all_that_is_attainable(project, truth):
    evaluation = score(truth, SPEC, project=project)
    assert {entry["share_of_attainable"] for entry in evaluation.summary["comparisons"]} == {1}
    assert "It reaches 100.0% over bins in ctrl" in evaluation.summary["verdict"]


def test_the_ridge_finds_the_planted_rule_and_the_verdict_says_that_it_wins(project, truth):
    poor = truth + 20
    evaluation = score(poor, SPEC, project=project)
    assert values_of(evaluation, "ridge") > 0.9 * values_of(evaluation, "attainable")
    assert values_of(evaluation, "ridge") > values_of(evaluation, "mean_profile") + 0.3
    shuffled = truth.sample(frac=1, random_state=1).set_axis(truth.index)
    evaluation = score(shuffled, SPEC, project=project)
    assert evaluation.summary["verdict"].startswith("The ridge beats the network: ")
    assert evaluation.summary["outcome"]["ridge"] == "loss"


def test_shuffled_predictions_score_near_0(project, truth):
    values = truth.to_numpy().copy()
    np.random.default_rng(2).shuffle(values.reshape(-1))
    shuffled = pd.DataFrame(values, index=truth.index, columns=truth.columns)
    evaluation = score(shuffled, SPEC, project=project)
    for condition in ("ctrl", "a485"):
        for statistic in ("pearson", "spearman"):
            found = values_of(evaluation, "network", condition=condition, statistic=statistic)
            assert abs(found) < 4 / np.sqrt(20 * 21)


def test_baselines_come_as_tables(project, truth):
    evaluation = score(truth, SPEC, project=project)
    folders = DatasetFolders.of(SPEC, project=project)
    targets = read_targets(folders.target_table("train"))
    train = targets[
        [name.startswith("train") and name.endswith("forward") for name in targets.index]
    ]
    for table in evaluation.baselines.values():
        assert table.index.tolist() == [f"test{number}_forward" for number in range(20)]
        assert table.columns.tolist() == SPEC.target.columns
    expected = np.tile(train.mean().to_numpy(), (20, 1))
    np.testing.assert_allclose(evaluation.baselines["mean_profile"], expected, rtol=1e-6)


def test_order_of_rows_and_columns_does_not_matter(project, truth):
    plain = score(truth, SPEC, project=project)
    turned = score(truth.iloc[::-1, ::-1], SPEC, project=project)
    pd.testing.assert_frame_equal(plain.metrics, turned.metrics)


def test_forward_predictions_are_enough(project, truth):
    forward = truth[truth.index.str.endswith(FORWARD)]
    pd.testing.assert_frame_equal(
        score(forward, SPEC, project=project).metrics, score(truth, SPEC, project=project).metrics
    )


def test_without_a_truth_table_nothing_is_attainable(project, truth):
    DatasetFolders.of(SPEC, project=project).truth_table().unlink()
    evaluation = score(truth, SPEC, project=project)
    assert "attainable" not in set(evaluation.metrics["method"])
    assert "attainable" not in evaluation.summary["verdict"]


def test_the_validation_split_can_be_scored(project):
    targets = read_targets(DatasetFolders.of(SPEC, project=project).target_table("valid"))
    valid = targets[targets.index.str.startswith("valid")]
    evaluation = score(valid, SPEC, project=project, split="valid")
    assert values_of(evaluation, "network") == 1
    assert set(evaluation.metrics["split"]) == {"valid"}
    assert evaluation.summary["genes"] == 10


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
        (fall_below_0, "predicted signal: 420 of 420 values are negative"),
    ],
)
def test_predictions_that_do_not_fit_are_refused(project, truth, fault, message):
    with pytest.raises(ClasterError, match=message):
        score(fault(truth), SPEC, project=project)


def test_targets_that_do_not_fit_are_refused(project, truth):
    folders = DatasetFolders.of(SPEC, project=project)
    targets = read_targets(folders.target_table("test"))
    targets.drop("test0_forward").to_csv(folders.target_table("test"))
    with pytest.raises(ClasterError, match=r"targets of the test split \(.*test\.csv\): 1 of 20"):
        score(truth, SPEC, project=project)


def test_gene_table_and_ids_must_match(project, truth):
    ids = DatasetFolders.of(SPEC, project=project).ids("test")
    ids.write_text(ids.read_text().replace("test0_forward\ntest0_rev\n", ""))
    with pytest.raises(ClasterError, match=r"of the test split do not match \(test0\)"):
        score(truth, SPEC, project=project)


def test_a_missing_landscape_is_named(project, truth):
    folders = DatasetFolders.of(SPEC, project=project)
    (folders.arrays("landscape", "train") / "train0_forward.npy").unlink()
    with pytest.raises(ClasterError, match=r"no landscape at .*train0_forward\.npy"):
        score(truth, SPEC, project=project)


def test_a_dataset_that_is_not_built_is_refused(tmp_path, truth):
    with pytest.raises(ClasterError, match="not built"):
        score(truth, SPEC, project=tmp_path / "elsewhere")


def test_a_dataset_without_target_is_refused(project, truth):
    with pytest.raises(ClasterError, match="'tiny' has no target"):
        score(truth, SPEC.model_copy(update={"target": None}), project=project)


def test_evaluate_writes_the_same_bytes_twice(project, truth):
    run = RunFolder(project / "runs" / "tiny" / "pure_conv")
    run.predictions("test").parent.mkdir(parents=True)
    truth.to_parquet(run.predictions("test"))
    evaluation = evaluate(run.path, SPEC, project=project)
    written = {path.name: path.read_bytes() for path in run.evaluation.iterdir()}
    assert set(written) == {
        "metrics.csv",
        "metrics.parquet",
        "summary.json",
        "mean_profile_test.parquet",
        "ridge_test.parquet",
    }
    evaluate(run, SPEC, project=project)
    assert {path.name: path.read_bytes() for path in run.evaluation.iterdir()} == written

    pd.testing.assert_frame_equal(
        pd.read_parquet(run.evaluation / "metrics.parquet"), evaluation.metrics
    )
    pd.testing.assert_frame_equal(pd.read_csv(run.evaluation / "metrics.csv"), evaluation.metrics)
    pd.testing.assert_frame_equal(
        pd.read_parquet(run.evaluation / "ridge_test.parquet"), evaluation.baselines["ridge"]
    )
    assert json.loads(written["summary.json"]) == evaluation.summary


def test_another_split_is_written_beside_the_test_split(project):
    targets = read_targets(DatasetFolders.of(SPEC, project=project).target_table("valid"))
    run = RunFolder(project / "run")
    run.predictions("valid").parent.mkdir(parents=True)
    targets[targets.index.str.startswith("valid")].to_parquet(run.predictions("valid"))
    evaluate(run, SPEC, project=project, split="valid")
    assert [path.name for path in run.evaluation.iterdir()] == ["valid"]
    assert (run.evaluation / "valid" / "ridge_valid.parquet").is_file()


def test_a_run_without_predictions_is_refused(project):
    with pytest.raises(ClasterError, match="claster predict"):
        evaluate(project / "run", SPEC, project=project)


def test_strands_apart_are_scored_one_by_one():
    pair = {"name": "ctrl", "plus": "p.bw", "minus": "m.bw"}
    target = SPEC.target.model_validate({"bins": 21, "conditions": [pair], "strands": "apart"})
    genes = pd.DataFrame({"start": [5000] * 9, "end": [9000] * 9, "tss": [5000] * 9, "strand": "+"})
    observed = np.random.default_rng(0).gamma(1, 5, (9, 2, 21))
    predicted = observed.copy()
    predicted[:, 1] = predicted[::-1, 1]
    table = metrics_table({"network": predicted}, observed, genes, target, split="test")
    pearson = table[(table["level"] == "bin") & (table["statistic"] == "pearson")]
    value = dict(zip(pearson["condition"], pearson["value"], strict=True))
    assert value["ctrl_plus"] == 1.0
    assert value["ctrl_minus"] < 0.9
