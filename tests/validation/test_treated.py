"""Treated cells: predicted and measured change of each gene."""

from functools import partial

import numpy as np
import pandas as pd
import pyBigWig
import pytest
import yaml
from scipy.stats import pearsonr, spearmanr

from claster.analysis.bootstrap import resample_blocks
from claster.analysis.statistics import spearman
from claster.analysis.summary import Score
from claster.analysis.treated import _difference, _require_fitting, compare_treated
from claster.dataset.signal_settings import TargetSpec
from claster.eir.runs import read_run, write_run
from claster.errors import ClasterError
from claster.plot.validation import draw_treated


def test_treated_marks_predict_the_measured_change(toy, made_model):
    treated = toy.project / "configurations" / "datasets" / "a485.yaml"
    summary, files = compare_treated(toy.run, treated=treated, average=False)
    genes = pd.read_csv(files.genes)
    assert summary.tracks == ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")
    found = {(c.method, c.metric): c.value for c in summary.correlations}
    change = genes["predicted_change"], genes["measured_change"]
    assert found["network", "spearman"] == pytest.approx(spearmanr(*change).statistic, abs=1e-4)
    assert found["network", "pearson"] == pytest.approx(pearsonr(*change).statistic, abs=1e-4)
    assert found["network", "spearman"] > 0.5
    for metric, score in summary.differences.items():
        assert score.value == pytest.approx(
            found["network", metric] - found["promoter marks", metric], abs=1e-9
        )
    loud = genes["measured_baseline"] >= 1
    for kind, chosen in (("all", genes["tss"] > 0), ("transcribed", loud)):
        medians = genes.loc[chosen, ["predicted_change", "measured_change"]].median()
        ratio = medians["predicted_change"] / medians["measured_change"]
        assert summary.shares[kind].value == pytest.approx(ratio, rel=1e-4)
    loudest = genes.loc[genes["measured_baseline"].idxmax()]
    for condition, column in (("ctrl", "measured_baseline"), ("a485", "measured_treated")):
        total = 0.0
        for strand in ("plus", "minus"):
            path = toy.spec.data_folder / condition / f"nascent.{strand}.bw"
            with pyBigWig.open(str(path)) as track:
                values = track.values(loudest["chrom"], int(loudest["start"]), int(loudest["end"]))
                total += np.nansum(values) / len(values)
        # The target is smoothed over 1 kb, which carries signal over the gene's ends.
        assert loudest[column] == pytest.approx(total, rel=0.2)
    assert [path.name for path in draw_treated(files)] == ["change.png"]
    only, _ = compare_treated(toy.run, treated=treated, tracks=("H3K27me3",), average=False)
    assert only.tracks == ("H3K27me3",)
    assert abs(next(c.value for c in only.correlations if c.method == "network")) < 0.5


def test_differences_are_paired():
    rng = np.random.default_rng(0)
    blocks = resample_blocks(np.repeat(np.arange(40), 3), resamples=200)
    marks = rng.normal(size=120)
    change = marks + rng.normal(size=120)
    alone = Score.of(spearman, marks, change, resamples=blocks)
    same = Score.of(partial(_difference, spearman), 2 * marks, marks, change, resamples=blocks)
    better = Score.of(partial(_difference, spearman), change, marks, change, resamples=blocks)
    assert alone.high - alone.low > 0.1
    assert (same.value, same.low, same.high) == (0, 0, 0)
    assert better.value == pytest.approx(1 - alone.value)
    assert (better.low, better.high) == pytest.approx((1 - alone.high, 1 - alone.low))


def test_datasets_that_do_not_fit_are_refused(toy, made_model):
    folder = toy.project / "configurations" / "datasets"
    text = (folder / "a485.yaml").read_text()
    other = folder / "other.yaml"
    other.write_text(
        text.replace("bins: 2001", "bins: 1001").replace("name: a485", "name: other", 1)
    )
    with pytest.raises(ClasterError, match="have other window"):
        compare_treated(toy.run, treated=other)
    with pytest.raises(ClasterError, match="no track 'CTCF'"):
        compare_treated(toy.run, treated=folder / "a485.yaml", tracks=("CTCF",))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"tracks": 0, "transform": "sqrt"}, "'transform' of track ATAC"),
        ({"tracks": 0, "clip": 3.0}, "'clip' of track ATAC"),
        ({"target": "smoothing", "value": 0}, "'smoothing' of the target"),
        ({"summary": "mean_covered"}, "summary"),
        ({"blacklist": "mask.bed"}, "blacklist"),
    ],
)
def test_treated_datasets_of_other_settings_are_refused(toy, made_model, change, said):
    folder = toy.project / "configurations" / "datasets"
    content = yaml.safe_load((folder / "a485.yaml").read_text()) | {"name": "odd"}
    (toy.spec.data_folder / "mask.bed").write_text("chr2\t50000\t60000\n")
    match change:
        case {"tracks": row, **keys}:
            content["tracks"][row] |= keys
        case {"target": key, "value": value}:
            content["target"][key] = value
        case keys:
            content |= keys
    (folder / "odd.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ClasterError, match=f"have other {said}"):
        compare_treated(toy.run, treated=folder / "odd.yaml")


def test_a_table_of_values_is_no_profile(toy):
    table = {"table": "rna.tsv", "id": "gene", "value": "rpkm"}
    spec = toy.spec.model_copy(update={"target": TargetSpec.model_validate(table)})
    with pytest.raises(
        ClasterError, match="is a table, and treated cells are compared by profiles"
    ):
        _require_fitting(spec, toy.spec, ())


def test_a_baseline_that_changed_since_training_is_refused(toy):
    record = read_run(toy.run.path)
    first = toy.spec.tracks[0].model_copy(update={"transform": "sqrt"})
    before = toy.spec.model_copy(update={"tracks": (first, *toy.spec.tracks[1:])})
    write_run(toy.run, record.model_copy(update={"trained_on": before}))
    treated = toy.project / "configurations" / "datasets" / "a485.yaml"
    try:
        with pytest.raises(
            ClasterError, match=r"'tracks\.ATAC\.transform' of dataset 'ctrl' is log1p"
        ):
            compare_treated(toy.run, treated=treated)
    finally:
        write_run(toy.run, record)
