"""What is told of a gene, before and after the build."""

import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_genes_table, read_targets
from claster.dataset.report import explain_gene
from claster.errors import ClasterError
from claster.text import read_table

UNBUILT = "not built yet; contact maps not looked at"


def test_kept_gene(edited):
    spec = edited()
    before = explain_gene(spec, "GB")
    assert before == [
        "GB.1 (B), protein_coding: chr1:40,000-50,001 -, TSS 50,000",
        f"kept ({UNBUILT}), split train; input window chr1:44,950-55,050",
    ]
    build_dataset(spec)
    after = explain_gene(spec, "B")
    assert after[:2] == [before[0], before[1].replace(UNBUILT, "as built")]
    assert after[2:] == [
        "landscape: inputs/small/landscape/train/GB.1_forward.npy",
        "contacts: inputs/small/contacts/train/GB.1_forward.npy",
        "target: row GB.1_forward of targets/small/train_valid.csv",
    ]


def test_a_name_of_several_genes_or_of_none(edited, world):
    path = world / "source/genes.tsv"
    path.write_text(path.read_text().replace("\tC\t", "\tB\t"))
    with pytest.raises(
        ClasterError, match=r"2 genes are called 'B': GB\.1, GC\.1: give the gene ID"
    ):
        explain_gene(edited(), "B")
    with pytest.raises(ClasterError, match=r"no gene 'GQ' among 7: .*choose among A, B"):
        explain_gene(edited(), "GQ")


@pytest.mark.parametrize("built", [False, True])
def test_dropped_genes_and_their_reasons(edited, built):
    spec = edited()
    if built:
        build_dataset(spec)
    assert explain_gene(spec, "GN.1")[1].endswith(
        "type_not_selected: the gene's type is not among 'genes.types' (lincRNA)"
    )
    assert "chromosome_excluded" in explain_gene(spec, "M")[1]
    assert "window_leaves_chromosome" in explain_gene(spec, "GE.1")[1]
    with pytest.raises(ClasterError, match="no gene 'GX' among 7"):
        explain_gene(spec, "GX")


def test_an_id_that_is_kept_once_and_dropped_once(edited, world):
    table = world / "source/genes.tsv"
    row = next(line for line in table.read_text().splitlines() if "GA.1" in line)
    table.write_text(table.read_text() + row.replace("30000", "31000") + "\n")
    lines = explain_gene(edited(), "GA.1")
    assert [line.split(" (")[0] for line in lines[1:]] == ["kept", "dropped"]
    assert "duplicate_id" in lines[2]


def test_ids_that_look_like_missing_values_or_numbers(edited, world):
    table = world / "source/genes.tsv"
    text = table.read_text()
    for before, after in {"GA.1": "nan", "GB.1": "NA", "GN.1": "null", "GE.1": "1e5"}.items():
        text = text.replace(before, after)
    table.write_text(text)
    spec = edited()
    build_dataset(spec)
    folders = DatasetFolders.of(spec)
    assert {"nan", "NA"} <= set(read_genes_table(folders)["gene_id"])
    assert {"null", "1e5"} <= set(read_table(folders.dropped)["gene_id"])
    assert "nan_forward" in read_targets(folders.target_table("train")).index
    for name in ("nan", "NA"):
        assert explain_gene(spec, name)[1].startswith("kept (as built)")
    for name in ("null", "1e5"):
        assert explain_gene(spec, name)[1].startswith("dropped (as built)")
