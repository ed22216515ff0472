"""The reader of CRISPR tables, and a comparison from end to end on a table made of planted rules."""

import gzip

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from claster.analysis.crispr import score_crispr
from claster.analysis.crispr_table import add_contacts, match_genes, read_crispr_table
from claster.analysis.perturbation.screen import perturb
from claster.analysis.validation.planted import read_planted, read_planted_screen
from claster.dataset.layout import read_genes_table
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases
from claster.plot.validation import draw_crispr

COLUMNS = [
    "chrom",
    "chromStart",
    "chromEnd",
    "name",
    "EffectSize",
    "chrTSS",
    "startTSS",
    "endTSS",
    "measuredGeneSymbol",
    "Significant",
    "pValueAdjusted",
    "PowerAtEffectSize25",
    "ValidConnection",
    "CellType",
    "Reference",
    "Regulated",
]


def line(start=100, gene="GATA1", *, cell="K562", valid="TRUE", regulated="TRUE", tss=5000):
    place = f"chr1:{start}-{start + 500}"
    return [
        *("chr1", start, start + 500, f"{gene}|{place}:*", "-0.4", "chr1", tss, tss, gene),
        *("TRUE", "NA", "0.9", valid, cell, "Made2024", regulated),
    ]


def written(path, lines, columns=COLUMNS):
    text = "\n".join("\t".join(map(str, row)) for row in (columns, *lines)) + "\n"
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt") as file:
        file.write(text)
    return path


@pytest.mark.parametrize("name", ["pairs.tsv", "pairs.tsv.gz"])
def test_table_is_read(tmp_path, name):
    lines = [line(), line(900, "NA", valid="overlaps potential promoter", regulated="FALSE")]
    table = read_crispr_table(written(tmp_path / name, lines))
    assert table["element_id"].tolist() == ["chr1:100-600", "chr1:900-1400"]
    assert table["symbol"].tolist() == ["GATA1", "NA"]
    assert table["regulated"].tolist() == [True, False]
    assert table["effect_size"].tolist() == [-0.4, -0.4]
    assert table["valid"].tolist() == ["TRUE", "overlaps potential promoter"]


def test_unknown_cells_of_real_tables_are_no_fault(tmp_path):
    # pandas writes True and 5000.0 where the public tables have TRUE and 5000.
    lines = [line(tss="NA"), line(900, regulated="NA"), line(valid="True", regulated="True")]
    lines[2][6] = "5000.0"
    table = read_crispr_table(written(tmp_path / "pairs.tsv", lines))
    assert table["valid"].tolist() == ["no TSS or truth", "no TSS or truth", "TRUE"]
    assert table["table_tss"].tolist() == [-1, 5000, 5000]
    assert table["regulated"].tolist() == [True, False, True]
    genes = pd.DataFrame({"gene_id": ["ENSG1.1"], "name": ["GATA1"], "tss": [5000]})
    assert match_genes(table, genes)["gene_id"].tolist() == ["ENSG1.1"] * 3


@pytest.mark.parametrize(
    ("lines", "columns", "cell_type", "wanted"),
    [
        (
            [line()],
            [c.replace("Regulated", "Target") for c in COLUMNS],
            None,
            "lack the columns Reg",
        ),
        ([line(), line(cell="WTC11")], COLUMNS, None, "2 cell types: K562, WTC11"),
        ([line()], COLUMNS, "HCT116", "hold no pair of HCT116"),
        ([line(), line(regulated="maybe")], COLUMNS, None, "row 2 of K562"),
        ([line(), line(-5)], COLUMNS, None, "row 2 of K562"),
    ],
)
def test_faults_are_named(tmp_path, lines, columns, cell_type, wanted):
    path = written(tmp_path / "pairs.tsv", lines, columns)
    with pytest.raises(ClasterError, match=wanted):
        read_crispr_table(path, cell_type=cell_type)


@pytest.mark.parametrize("spelled", ["chr1", "1", "NC_000001.11", '"chr1"'])
def test_contacts_match_pairs_in_any_spelling_of_the_chromosome(tmp_path, spelled):
    pairs = read_crispr_table(written(tmp_path / "pairs.tsv", [line(), line(900)]))
    columns = ["chrom", "chromStart", "chromEnd", "measuredGeneSymbol", "3DContact"]
    path = written(tmp_path / "contacts", [[spelled, 900, 1400, "GATA1", 0.5]], columns)
    joined, names = add_contacts(pairs, path, aliases=chromosome_aliases("hg38"))
    assert names == ["3DContact"]
    np.testing.assert_array_equal(joined["3DContact"], [np.nan, 0.5])


def test_genes_are_matched_by_id_then_by_name():
    pairs = pd.DataFrame(
        {
            "symbol": ["old", "B", "C", "D"],
            "ensembl_id": ["ENSG1", "", "", ""],
            "table_tss": [10, 20, 30, 40],
        }
    )
    genes = pd.DataFrame(
        {
            "gene_id": ["ENSG1.4", "ENSG2.1", "ENSG3.1", "ENSG4.1"],
            "name": ["A", "B", "C", "C"],
            "tss": [10, 20, 30, 35],
        }
    )
    matched = match_genes(pairs, genes)
    assert matched["gene_id"].tolist() == ["ENSG1.4", "ENSG2.1", "", ""]
    assert matched["ambiguous"].tolist() == [False, False, True, False]
    par = genes.assign(gene_id=[f"ENSG00000000001.{n}_PAR_Y" for n in range(4)], name="NA")
    named = match_genes(pairs.assign(ensembl_id=["ENSG00000000001", "NA", "", "x"]), par)
    assert named["gene_id"].tolist() == [""] * 4
    assert named["ambiguous"].tolist() == [True, False, False, False]
    named = match_genes(pairs.assign(ensembl_id="ENSG00000000001"), par[:1])
    assert set(named["gene_id"]) == {"ENSG00000000001.0_PAR_Y"}
    with pytest.raises(ClasterError, match="of another assembly"):
        match_genes(pairs, genes.assign(tss=genes["tss"] + 40_000))


@pytest.fixture
def made_table(toy, tmp_path):
    """Planted pairs of chr2 as a CRISPR table, and rows that cannot be scored."""
    truth = toy.spec.data_folder / "truth"
    links = pd.read_csv(truth / "elements.tsv", sep="\t").query("chrom == 'chr2'")
    genes = read_genes_table(toy.folders)
    rows = []
    for gene in genes[genes["split"] == "test"].itertuples():
        for element in links.drop_duplicates("element_id").itertuples():
            if abs(element.start - gene.tss) > 70_000:
                continue
            own = links.query("element_id == @element.element_id and gene_id == @gene.gene_id")
            effect = 2 ** own["effect_log2_ctrl"].sum() - 1
            rows.append(
                [
                    *("chr2", element.start, element.end, f"{gene.name}|x", round(effect, 4)),
                    *("chr2", gene.tss, gene.tss + 1, gene.name, "TRUE", "0.01", "0.9"),
                    *("TRUE", "toy", "made", "TRUE" if effect < -0.05 else "FALSE"),
                ]
            )
    trained = genes[genes["split"] == "train"].iloc[0]
    odd = []
    for column, value in {12: "overlaps potential promoter", 5: "chr1", 8: "Nobody"}.items():
        odd.append([value if n == column else cell for n, cell in enumerate(rows[0])])
    odd.append([*rows[0][:5], "chr2", trained.tss, trained.tss + 1, trained["name"], *rows[0][9:]])
    odd.append(["chr2", 40_000, 40_500, *rows[-1][3:]])
    odd.append(rows[-1])
    # The first row does not count; the pair does, where it is named again.
    return written(tmp_path / "made.tsv", [odd[0], *rows, *odd[1:]]), len(rows)


def test_a_comparison_counts_what_it_cannot_score(toy, made_model, made_table):
    table, scored = made_table
    summary, files = score_crispr(
        toy.run,
        pairs=table,
        centre="gene",
        reach=90_000,
        around_tss=(2000, 3000),
    )
    assert summary.scored == scored
    assert summary.left_out == {
        "invalid connection": 1,
        "element and gene on two chromosomes": 1,
        "gene not in the dataset": 1,
        "gene of another split": 1,
        "out of reach": 1,
        "pair named before": 1,
    }
    scores = (
        pd.read_csv(files.scores)
        .query("subset == 'all' and pairs == 'scored'")
        .set_index(["predictor", "metric"])
    )
    # In this table near elements act and far ones do not, so distance tells them apart as well.
    assert scores.loc[("perturbation", "auprc"), "value"] > 0.95
    assert scores.loc[("distance", "auprc"), "value"] > 0.95
    assert summary.folds == "loci"
    scored_pairs = pd.read_parquet(files.pairs).query("scored")
    expected = roc_auc_score(scored_pairs["regulated"], scored_pairs["effect"].abs())
    assert scores.loc[("perturbation", "auroc"), "value"] == pytest.approx(expected)
    screen = {"around_tss": (2000, 3000), "reach": 90_000, "controls": 0, "name": "same"}
    perturb(toy.run, elements=files.elements, **screen)
    planted = read_planted_screen(
        toy.run,
        "same",
        read_planted(toy.spec),
        condition="ctrl",
        binning=toy.spec.require_target().binning,
    ).pairs
    both = scored_pairs.merge(planted, on=["gene_id", "element_id"], suffixes=("", "_planted"))
    assert len(both) == scored
    np.testing.assert_allclose(both["effect"], both["effect_planted"])
    assert roc_auc_score(both["regulated"], -both["planted_effect"]) > 0.95
    decisions = pd.read_csv(files.decisions).set_index("predictor")
    assert decisions.loc["closest gene", "n"] == scored
    pairs = pd.read_parquet(files.pairs)
    assert pairs["scored"].sum() == scored
    assert np.isfinite(pairs.loc[pairs["scored"], "effect"]).all()
    assert [path.name for path in draw_crispr(files)] == ["curves.png", "effects.png"]
    spelled = table.with_name("spelled.tsv")
    spelled.write_text(table.read_text().replace("chr2\t", "2\t").replace("chr1\t", "1\t"))
    again, _ = score_crispr(
        toy.run,
        pairs=spelled,
        centre="gene",
        reach=90_000,
        around_tss=(2000, 3000),
        force=True,
    )
    assert (again.scored, again.left_out) == (summary.scored, summary.left_out)
    spelled.write_text(table.read_text().replace("chr2\t", "scaffold7\t"))
    with pytest.raises(ClasterError, match=r"are on scaffold7.* has chr1, chr2"):
        score_crispr(toy.run, pairs=spelled)
    nowhere = table.with_name("nowhere.tsv")
    lines = table.read_text().splitlines()[:2]
    nowhere.write_text("\n".join(lines) + "\n")
    with pytest.raises(ClasterError, match="pairs that can be scored are regulated"):
        score_crispr(toy.run, pairs=nowhere)


def test_several_runs_need_a_folder(tmp_path):
    with pytest.raises(ClasterError, match="2 runs and no folder"):
        score_crispr([tmp_path / "a", tmp_path / "b"], pairs=tmp_path / "pairs.tsv")
