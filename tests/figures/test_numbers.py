"""The numbers behind figures against computations of their own."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import simpson
from scipy.ndimage import gaussian_filter1d
from scipy.stats import pearsonr, spearmanr

from claster.cli.figures import _receipt_lines
from claster.figures.base import Page
from claster.figures.make import _FIGURES, _compare_published, _Comparison, write_receipt
from claster.files import sha256

PAGE = Page(2)


def table_of(name, context):
    return _FIGURES[name].draw(context, PAGE)[2]


def raw(context, split="test", *, what="predicted"):
    """Read profiles without the package's own readers."""
    genes = pd.read_csv(context.folders.genes, sep="\t").query("split == @split")
    if what == "predicted":
        table = pd.read_parquet(context.run.predictions(split))
    else:
        file = "test.csv" if split == "test" else "train_valid.csv"
        table = np.expm1(
            pd.read_csv(context.folders.targets / file, index_col=0).astype(np.float64)
        )
    return genes, table.loc[genes["gene_id"] + "_forward"].to_numpy(np.float64)


def test_a_gene_is_found_by_id_without_version_or_symbol(context):
    wanted = context.genes().iloc[3]
    for named in (wanted["gene_id"], wanted["gene_id"].split(".")[0], wanted["name"]):
        assert context.gene("nobody", named)["gene_id"] == wanted["gene_id"]


@pytest.mark.parametrize(("name", "split"), [("F1a", "test"), ("T4", "valid")])
def test_correlation_of_bins(context, name, split):
    x, y = (
        np.log2(raw(context, split, what=what)[1] + 1).ravel() for what in ("observed", "predicted")
    )
    table = table_of(name, context).set_index("quantity")["value"]
    assert table["pearson"] == pytest.approx(pearsonr(x, y).statistic, abs=1e-5)
    assert table["spearman"] == pytest.approx(spearmanr(x, y).statistic, abs=1e-4)
    assert table["slope"] == pytest.approx(np.polyfit(x, y, 1)[0], abs=1e-4)
    assert table["points"] == x.size


def test_values_of_genes(context):
    table = table_of("F1b", context)
    genes, observed = raw(context, what="observed")
    rows = table.dropna(subset=["gene_id"]).set_index("gene_id")
    for profile, gene in zip(observed, genes.itertuples(), strict=True):
        bases = np.repeat(profile, 10)
        start, end = (round((edge - gene.tss) / 100) + 2005 for edge in (gene.start, gene.end))
        mean = bases[max(start, 0) : max(end, 1)].mean()
        assert rows.loc[gene.gene_id, "observed"] == pytest.approx(mean, rel=0.1, abs=0.3)
        first, last = (round((edge - gene.tss) / 1000) + 200 for edge in (gene.start, gene.end))
        first, last = max(first, 0), min(last, 401)
        area = simpson(profile[first:last]) / (last - first) if last - first > 1 else 0.0
        assert rows.loc[gene.gene_id, "observed_published"] == pytest.approx(
            area, rel=1e-4, abs=1e-6
        )
    scores = table.set_index("quantity")["value"]
    expected = pearsonr(rows["observed_published"], rows["predicted_published"]).statistic
    assert scores["pearson, published arithmetic"] == pytest.approx(expected)


@pytest.mark.slow
def test_profiles_and_tracks_are_those_of_the_files(context):
    genes, observed = raw(context, what="observed")
    table = table_of("F1s", context)
    assert table["gene_id"].nunique() == 4
    for gene, rows in table.groupby("gene_id"):
        place = genes["gene_id"].tolist().index(gene)
        np.testing.assert_allclose(rows["observed"], observed[place], rtol=1e-4, atol=1e-5)
    gene = context.gene("Lck")
    tracks = table_of("T1", context)
    stored = np.load(
        context.folders.inputs / "landscape" / gene["split"] / f"{gene['gene_id']}_forward.npy"
    )
    np.testing.assert_allclose(tracks["ATAC_forward"], np.expm1(stored[0, 0]), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(tracks["H3K27me3_rev"], tracks["H3K27me3_forward"][::-1])
    targets = table_of("T3", context)
    np.testing.assert_array_equal(targets["rev"], targets["forward"][::-1])
    contacts = table_of("T2", context)
    array = np.load(
        context.folders.inputs / "contacts" / gene["split"] / f"{gene['gene_id']}_forward.npy"
    )
    np.testing.assert_array_equal(contacts["value"], array.ravel())


def test_effects(context):
    effects = pd.read_parquet(context.run.path / "perturb/P2/effects.parquet")
    table = table_of("F2c", context)
    change = (effects["baseline"] - effects["perturbed"]) / effects["baseline"]
    np.testing.assert_allclose(table["relative_change"], change)
    between = table_of("F2d", context)
    assert between["background"].sum() == pytest.approx(1)
    assert between["enrichment"].sum() == pytest.approx(1)
    counts = effects["genes_between"].value_counts(normalize=True)
    assert between["background"][1] == pytest.approx(counts[1])
    profiles = table_of("F2a", context)
    assert set(profiles["screen"]) == {"P1", "P2"}
    assert (profiles["element_id"] == "").sum() == 2 * 3 * 401


def test_centred_effects(context):
    table = table_of("R1", context)
    pairs = table[table["part"] == "pair"]
    assert (pairs.groupby("element_id")["is_most_affected"].sum() == 1).all()
    most = pairs[pairs["is_most_affected"].astype(bool)]
    assert (
        most["change"] == pairs.groupby("element_id")["change"].transform("max")[most.index]
    ).all()
    profiles = pd.read_parquet(context.run.path / "perturb/centred/profiles.parquet")
    bins = [column for column in profiles.columns if column.lstrip("-").isdigit()]
    before = profiles[profiles["element_id"] == ""].set_index("window")[bins]
    after = profiles[profiles["element_id"] != ""].set_index("window")[bins]
    expected = (after - before.loc[after.index]).abs().mean()
    position = table[table["part"] == "position"]
    np.testing.assert_allclose(position["mean"], expected, rtol=1e-6)
    distances = table_of("R2", context)
    assert distances["pairs"].sum() == len(pairs)
    both = table_of("R17", context)
    assert len(both) == len(pairs)
    assert len(table_of("R18", context)) == pairs["element_id"].nunique()


def test_scores_beside_published_ones(context):
    scores = pd.read_parquet(context.run.evaluation / "scores.parquet")
    here = "method == 'ridge' and against == '' and level == 'bin' and counted == 'all' and by == 'all'"
    here += " and how == 'pooled' and metric == 'pearson' and scale == 'log2(x+1)'"
    table = table_of("F2e", context)
    ours = table.query("method == 'ridge' and metric == 'pearson'")["value"]
    assert ours.tolist() == scores.query(here)["value"].tolist()
    assert (table["method"] == "network").sum() == 4
    flavoured = table.assign(flavour="pure_conv")
    found = _compare_published(_FIGURES["F2e"], flavoured)
    value = table.query("metric == 'pearson'")["value"].iloc[0]
    first = found[0]
    assert isinstance(first, _Comparison)
    assert (first.published, first.quantity) == (0.8852, "pure_conv, bin, pearson")
    assert first.difference == pytest.approx(value - 0.8852, abs=1e-6)
    assert found[-1].found is None


def test_receipt_traces_numbers_to_files(context, tmp_path):
    figure = _FIGURES["F1a"]
    receipt = write_receipt(
        figure,
        context,
        table_of("F1a", context),
        to=tmp_path,
        command=["claster", "figures", "F1a"],
    )
    assert json.loads((tmp_path / "F1a.receipt.json").read_text())["table_sha256"] == sha256(
        tmp_path / "F1a.csv"
    )
    hashes = {file.path: file.sha256 for file in receipt.inputs}
    predictions = context.run.predictions("test")
    assert hashes[predictions.as_posix()] == sha256(predictions)
    assert not receipt.same_data
    lines = _receipt_lines(receipt)
    assert any(line.startswith("published pearson: 0.8852, here 0.") for line in lines)
    assert lines[-1].startswith("'demo_tiny' is not the published data")


@pytest.mark.slow
def test_smoothing_and_metrics(context):
    steps = table_of("S6", context)
    fine, smooth, target = (
        steps[steps["step"] == name]["signal"].to_numpy() for name in ("fine", "smoothed", "target")
    )
    inside = slice(400, -400)
    np.testing.assert_allclose(
        gaussian_filter1d(fine, 50)[inside], smooth[inside], rtol=1e-6, atol=1e-9
    )
    np.testing.assert_allclose(smooth.reshape(401, 50).mean(axis=1), target, rtol=1e-3, atol=1e-3)
    scores = table_of("R7", context).set_index(["scale", "predictions"])
    assert scores.loc[("raw", "clipped"), "mse"] <= scores.loc[("raw", "unclipped"), "mse"]
    profile = table_of("R9", context)
    np.testing.assert_array_equal(profile["clipped"], profile["unclipped"].clip(lower=0))
    edited = table_of("R3", context)
    assert (edited["promoter doubled"] >= edited["promoter halved"]).all()
    assert (edited["as it is"] != edited["promoter doubled"]).any()
    contacts = table_of("R11", context)
    genes = context.genes("test")["gene_id"]
    maps = [
        np.load(context.folders.inputs / "contacts/test" / f"{gene}_forward.npy") for gene in genes
    ]
    np.testing.assert_allclose(contacts["median"], np.median(maps, axis=0).ravel(), rtol=1e-6)


def test_distributions_count_every_bin(context):
    table = table_of("R10", context)
    test = table.query("what == 'ATAC' and split == 'test'")
    assert test["count"].sum() == len(context.genes("test")) * 10_001
    states = table_of("F2b", context)
    bins = states.groupby(["x", "y"])["bins"].sum()
    assert (bins <= len(context.genes("test")) * 501).all()
    assert (bins > 0.99 * len(context.genes("test")) * 501).all()


def test_crispr_pairs(context):
    pairs = pd.read_parquet(context.run.path / "crispr/crispr/pairs.parquet").query("scored")
    table = table_of("R15", context)
    chosen = table.query("answer == 'primary' and regulated and chosen")["pairs"].item()
    assert chosen == (pairs["regulated"] & pairs["primary"]).sum()
    assert table_of("R19", context)["pairs"].sum() == pairs["regulated"].sum()
