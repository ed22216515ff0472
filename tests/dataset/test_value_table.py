"""A target that is a table: one value a gene and condition."""

import gzip

import numpy as np
import pandas as pd
import pytest
import yaml

from claster.analysis.evaluate import evaluation_of
from claster.analysis.prepare import prepare
from claster.dataset.build import build_dataset
from claster.dataset.doctor.check import check_dataset
from claster.dataset.layout import DatasetFolders, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.signal_settings import TargetSpec
from claster.errors import ClasterError

TABLE = {"table": "rna.tsv", "id": "gene", "value": "rpkm"}
ROWS = "gene\trpkm\ttreated\tblended\nGA\t1.5\t3\tFalse\nGB.1\t8\t4\tTRUE\nGC\t0\t1\tfalse\nGD\t3\tNA\t0\n"


@pytest.fixture
def tabled(world):
    """Write the small world's YAML with another target, and its table."""
    path = world / "configurations" / "datasets" / "small.yaml"

    def write(rows=ROWS, *, splits=None, **target):
        (world / "source" / "rna.tsv").write_bytes(gzip.compress(rows.encode()))
        content = yaml.safe_load(path.read_text())
        content.pop("contacts", None)
        content["target"] = TABLE | target
        content["splits"] = splits or {"test": ["chr1:90,000-120,000"]}
        path.write_text(yaml.safe_dump(content))
        return load_dataset("small")

    return write


def test_a_value_in_each_condition_is_a_column_of_one_bin(tabled):
    spec = tabled(value={"ctrl": "rpkm", "late": "treated"}, transform="log1p")
    assert spec.target.columns == ["0_ctrl", "0_late"]
    build_dataset(spec)
    folders = DatasetFolders.of(spec)
    table = pd.read_csv(folders.target_table("train"), index_col="ID")
    for way in ("forward", "rev"):
        assert table.loc[f"GA.1_{way}"].tolist() == pytest.approx(np.log1p([1.5, 3.0]), rel=1e-5)
    raw = read_targets(folders.target_table("test"), transform="log1p")
    assert raw.loc["GC.1_forward"].tolist() == pytest.approx([0, 1], rel=1e-5)
    dropped = pd.read_csv(folders.dropped, sep="\t").set_index("gene_id")
    assert dropped.loc["GD.1", "reason"] == "no_value"  # NA in one condition


def test_a_quote_that_nothing_closes_swallows_no_row(tabled):
    rows = 'note\t"gene"\trpkm\n"5\t"GA"\t1.5\n3"\tGB.1\t8\n"a"\tGC\t0\n'
    build_dataset(tabled(rows))
    table = read_genes_table(DatasetFolders.of(load_dataset("small")))
    assert set(table["gene_id"]) == {"GA.1", "GB.1", "GC.1"}


@pytest.mark.parametrize("train", [False, True])
def test_genes_that_share_a_value_train_as_the_setting_says(tabled, train):
    spec = tabled(shared="blended", train_shared=train)
    build_dataset(spec)
    genes = read_genes_table(DatasetFolders.of(spec)).set_index("gene_id")
    assert ("GB.1" in genes.index) is train
    report = check_dataset(spec)
    told = [f.evidence for f in report.findings if f.check == "shared"]
    assert told == [
        "1 values stand for several genes: those genes "
        f"{'train' if train else 'do not train'}, and are not scored"
    ]


def test_genes_that_share_a_value_are_predicted_and_not_scored(tabled):
    spec = tabled(shared="blended", splits={"test": ["chr1"], "valid": []})
    build_dataset(spec)
    genes = read_genes_table(DatasetFolders.of(spec), split="test").set_index("gene_id")
    assert genes["label_shared"].to_dict() == {"GA.1": False, "GB.1": True, "GC.1": False}
    ids = [f"{gene}_forward" for gene in genes.index]
    predictions = pd.DataFrame({"0_ctrl": [1.0, 100.0, 2.0]}, index=ids)
    prepared = prepare(predictions, spec, DatasetFolders.of(spec))
    evaluation = evaluation_of(prepared.scored, [prepared], [], [spec], split="test", seed=0)
    assert evaluation.summary.genes == 2


@pytest.mark.parametrize(
    ("rows", "target", "told"),
    [
        (ROWS, {"value": "fpkm"}, "no column 'fpkm'"),
        (ROWS.replace("GC", "GA"), {}, "has 'GA' twice"),
        (ROWS.replace("1.5", "-1"), {}, "'-1' is not a number"),
        (ROWS.replace("1.5", "inf"), {}, "'inf' is not a number"),
        (ROWS.replace("1.5\t3", "1.5"), {}, "row 1: 3 fields, the header has 4"),
        (ROWS.replace("FALSE", "x").replace("False", "x"), {"shared": "blended"}, "'x' is neither"),
        (ROWS.replace("G", "ENSG"), {}, "a value for none of 7 genes"),
        ("gene\trpkm\n", {}, "holds no gene"),
        ("gene\tgene\n1\t2\n", {}, "names a column twice"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(tabled, rows, target, told):
    spec = tabled(rows, **target)
    with pytest.raises(ClasterError, match=told) as caught:
        build_dataset(spec)
    assert "small.yaml, line" in str(caught.value)
    faults = [f for f in check_dataset(spec).findings if f.verdict == "fault"]
    assert any(told in fault.evidence for fault in faults)


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({}, "give 'conditions', or a 'table'"),
        ({"table": "t.tsv", "id": "gene"}, "needs 'id' and 'value'"),
        (TABLE | {"bins": 9}, "leave 'bins' out"),
        (TABLE | {"conditions": [{"name": "a", "file": "a.bw"}]}, "leave 'conditions' out"),
        (TABLE | {"train_shared": True}, "without 'shared'"),
        ({"conditions": [{"name": "a", "file": "a.bw"}], "id": "gene"}, "columns of a 'table'"),
    ],
)
def test_a_table_leaves_out_what_it_decides(target, told):
    with pytest.raises(ValueError, match=told):
        TargetSpec.model_validate(target)


def test_a_table_is_the_same_when_it_is_read_back():
    spec = TargetSpec.model_validate(TABLE)
    assert spec.bins == 1
    assert TargetSpec.model_validate(spec.model_dump()) == spec
    assert TargetSpec.model_validate_json(spec.model_dump_json()) == spec


def test_rows_are_found_by_the_rule_that_names_genes(tabled):
    rows = "gene\trpkm\nA\t1\nGB\t2\nGB.1\t3\nGC.1\t4\nC\t5\nGD\t6\nD\t7\nnobody\t8\n"
    spec = tabled(rows, splits={"test": ["chr1:90,000-120,000"], "valid": []})
    build_dataset(spec)
    folders = DatasetFolders.of(spec)
    found = pd.concat(
        read_targets(folders.target_table(s), transform="none") for s in ("train", "test")
    )
    # Of GD and D, which both mean GD.1 without being its ID, nobody knows which.
    assert found["0_ctrl"].filter(like="forward").to_dict() == {
        "GA.1_forward": 1,
        "GB.1_forward": 3,
        "GC.1_forward": 4,
    }
