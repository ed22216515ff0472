"""Planted effects by hand, agreement, control p-values, and a validation from end to end."""

import json

import numpy as np
import pandas as pd
import pyBigWig
import pytest
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from claster.analysis.abc import (
    activity_by_contact,
    power_law_contact,
)
from claster.analysis.bootstrap import resample_blocks
from claster.analysis.perturbation.screen import perturb
from claster.analysis.perturbation.settings import EditSettings, ScreenSettings
from claster.analysis.validation.linked import (
    Bar,
    _agreement,
    _control_p_values,
    _uniformity,
    called_far,
    distance_names,
    distance_of_network,
)
from claster.analysis.validation.planted import PlantedScreen, planted_effects, read_planted
from claster.analysis.validation.validate import _lifts_repression, compare_repression, validate
from claster.cli import app
from claster.contacts.shapes import PSEUDO
from claster.dataset.layout import read_arrays
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.plot.validation import draw_validation

SILENCED = ScreenSettings(
    edit=EditSettings(verb="silence", tracks=("ATAC", "H3K4me3", "H3K27ac")), around_tss=None
)


def pairs_of(planted, condition="ctrl"):
    """Every planted pair as the row of a screen over the elements' own extents."""
    places = planted.elements.set_index("element_id")[["start", "end"]]
    rows = planted.links[["element_id", "gene_id", "chrom"]].join(places, on="element_id")
    return rows.rename(columns={"start": "element_start", "end": "element_end"})


def test_planted_baseline_is_the_noise_free_track(toy):
    planted = read_planted(toy.spec)
    pairs = pairs_of(planted).iloc[:20]
    found = planted_effects(pairs, planted, settings=SILENCED, condition="ctrl", reach=10**6)
    genes = planted.genes.set_index("gene_id")
    folder = toy.spec.data_folder / "truth" / "ctrl"
    for row in pairs.itertuples():
        gene = genes.loc[row.gene_id]
        total = 0.0
        for strand in ("plus", "minus"):
            with pyBigWig.open(str(folder / f"nascent.{strand}.bw")) as track:
                total += track.stats(gene.chrom, gene.start, gene.end, exact=True)[0]
        assert found.loc[row.Index, "planted_baseline"] == pytest.approx(total, rel=1e-3)


def test_planted_effects_follow_the_rules(toy):
    planted = read_planted(toy.spec)
    pairs = pairs_of(planted)
    found = planted_effects(pairs, planted, settings=SILENCED, condition="ctrl", reach=10**6)
    truth = planted.links.loc[pairs.index]
    kinds = truth["kind"].where(truth["gain_ctrl"] > 0, "decoy")
    own = found["planted"] == "promoter"
    assert (found["planted"] == kinds)[~own].all()
    assert (found["link"] == (truth["gain_ctrl"] > 0)).all()
    loud = found["planted_baseline"] > 20
    # Where the pseudocount is small, the effect is that of the level, which the truth table holds.
    expected = truth["effect_log2_ctrl"][loud & ~own]
    assert len(expected) >= 5
    np.testing.assert_allclose(found["planted_effect"][loud & ~own], expected, rtol=0.1, atol=0.01)
    inert = found[(truth["gain_ctrl"] == 0) & ~own]
    assert inert["planted_effect"].abs().max() < 0.1


def test_planted_repression_is_lifted(toy):
    planted = read_planted(toy.spec)
    genes = planted.genes[planted.genes["state"] == "poised"]
    pairs = pd.DataFrame(
        {
            "gene_id": genes["gene_id"],
            "chrom": genes["chrom"],
            "element_start": genes["tss"] - 5_000,
            "element_end": genes["tss"] + 5_000,
        }
    )
    lifted = ScreenSettings(edit=EditSettings(verb="silence", tracks=("H3K27me3",)))
    found = planted_effects(pairs, planted, settings=lifted, condition="ctrl", reach=10**6)
    assert (found["planted_effect"] > 0).all()
    own = EditSettings(verb="repress", tracks=(), gain_track="H3K27me3", gain=50.0)
    held = planted_effects(
        pairs, planted, settings=ScreenSettings(edit=own), condition="ctrl", reach=10**6
    )
    assert (held["planted_effect"] <= 0).all()


def test_what_is_not_planted_is_refused(toy):
    planted = read_planted(toy.spec)
    pairs = pairs_of(planted)
    moved = ScreenSettings(edit=EditSettings(verb="flip", tracks=("ATAC",)))
    for settings, condition, wanted in (
        (moved, "ctrl", "'flip' changes is not planted"),
        (SILENCED, "heat", "no rule is planted for the condition 'heat'"),
    ):
        with pytest.raises(ClasterError, match=wanted):
            planted_effects(pairs, planted, settings=settings, condition=condition, reach=200_000)
    elsewhere = toy.spec.model_copy(update={"data": str(toy.project)})
    with pytest.raises(ClasterError, match="planted truth"):
        read_planted(elsewhere)


def made_pairs(count=400):
    rng = np.random.default_rng(0)
    distance = np.geomspace(1_500, 190_000, count)
    planted = -rng.random(count)
    seen = distance < 20_000
    return pd.DataFrame(
        {
            "planted": np.where(distance < 50_000, "proximal", "contact"),
            "link": True,
            "planted_effect": planted,
            "effect": np.where(seen, 0.5 * planted, 0.0) + rng.normal(0, 0.02, count),
            "distance_bp": distance * rng.choice([-1, 1], count),
        }
    )


def test_agreement_tells_where_the_network_stops():
    pairs = made_pairs()
    resamples = resample_blocks(np.arange(len(pairs)) % 40, resamples=60)
    table = _agreement(pairs, resamples)
    rows = table.set_index("group")
    near = pairs[pairs["planted"] == "proximal"]
    expected = spearmanr(near["effect"], near["planted_effect"]).statistic
    assert rows.loc["proximal", "spearman"] == pytest.approx(expected)
    assert rows.loc["5-10 kb", "share"] == pytest.approx(0.5, abs=0.05)
    assert rows.loc["5-10 kb", "share_low"] < 0.5 < rows.loc["5-10 kb", "share_high"]
    assert rows.loc["repressors", "n"] == 0
    assert np.isnan(rows.loc["repressors", "spearman"])
    assert rows.loc["far", "n"] == (pairs["distance_bp"].abs() >= 50_000).sum()
    assert distance_of_network(table) == (20_000, 20_000)
    assert list(rows.index[-7:]) == distance_names()


def test_called_far_compares_with_all_control_regions_from_50_kb_on():
    pairs = pd.DataFrame(
        {
            "distance_bp": [-50_000, 60_000, 70_000, 80_000, 49_999],
            "effect": [-0.5, 0.01, 0.0, -0.02, 9.0],
        }
    )
    null = np.linspace(-0.1, 0.1, 99)
    controls = pd.DataFrame({"distance_bp": 60_000, "effect": null})
    controls.loc[99] = [1_000, 5.0]
    resamples = resample_blocks(np.arange(5), resamples=200)
    found = called_far(pairs, controls, resamples)
    assert found.value == 1 / 4  # p 1/100, times four pairs, is below 5 %
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert called_far(pairs, controls[:60], resamples).value == 0
    assert called_far(pairs[-1:], controls, resamples.of(np.array([4]))).value is None
    far = Bar(name="called", value=found.value, rule="at most", bar=0.05)
    assert not far.met
    assert far.model_copy(update={"value": 0.05}).met


@pytest.mark.parametrize(
    ("share", "low", "expected"),
    [
        (0.30, 0.10, (20_000, None)),
        (0.30, 0.00, (10_000, 10_000)),  # the interval touches 0
        (0.30, -0.2, (10_000, 10_000)),  # a large share that may be chance
        (0.09, 0.05, (10_000, 10_000)),  # a sure share that is too small
        (np.nan, np.nan, (10_000, 10_000)),
    ],
)
def test_a_class_counts_where_its_share_is_large_and_sure(share, low, expected):
    table = pd.DataFrame(
        {
            "low_bp": [np.nan, 5_000.0, 10_000.0],
            "high_bp": [np.nan, 10_000.0, 20_000.0],
            "n": [9, 9, 9],
            "share": [0.0, 0.5, share],
            "share_low": [-1.0, 0.4, low],
        }
    )
    assert distance_of_network(table) == expected


def made_controls(genes, shift=0.0):
    rng = np.random.default_rng(3)
    count = genes * 20
    effect = np.round(rng.normal(0, 1, count), 1)
    gene = np.arange(count) % genes
    effect[gene % 2 == 0] *= 1 + shift
    return pd.DataFrame(
        {
            "gene_id": [f"G{number:04d}" for number in gene],
            "effect": effect,
            "width_class": 2500,
            "distance_class": 1 + gene % 3,
            "signal_class": rng.integers(0, 2, count),
            "signal": 1.0,
        }
    )


def test_p_of_like_regions_is_uniform_and_of_others_is_not():
    p, others = _control_p_values(made_controls(400), most=100, seed=0)
    assert (len(p), others) == (200, 200)
    assert _uniformity(p, others=others)[1] > 0.01
    assert _uniformity(p**2, others=others)[1] < 1e-6
    assert _uniformity(np.array([]), others=0)[0] == 0
    silent, others = _control_p_values(made_controls(200).assign(effect=0.0), most=100, seed=1)
    assert _uniformity(silent, others=others)[1] > 0.01


@pytest.mark.slow
def test_uniformity_of_genes_that_differ_is_refused_no_more_often_than_it_says():
    """Regions of a gene are alike; a test that took the other half for the truth would say no too often."""
    rng = np.random.default_rng(8)
    levels = np.repeat(rng.lognormal(0, 1, 80), 5)
    controls = pd.DataFrame(
        {
            "gene_id": np.repeat(np.arange(80), 5).astype(str),
            "effect": levels * rng.uniform(0.8, 1.2, 400),
            "width_class": 2500,
            "distance_class": 1,
            "signal_class": 0,
            "signal": 1.0,
        }
    )
    drawn = [_control_p_values(controls, most=1000, seed=seed) for seed in range(100)]
    refused = [_uniformity(p, others=others)[1] < 0.05 for p, others in drawn]
    taken_for_the_truth = [_uniformity(p, others=10**9)[1] < 0.05 for p, _ in drawn]
    assert np.mean(refused) <= 0.1
    assert np.mean(taken_for_the_truth) > 0.15


def test_contact_is_the_pixel_of_element_and_tss(toy):
    gene = pd.read_csv(toy.folders.genes, sep="\t").query("split == 'test'").iloc[3]
    size, distance = 1600, np.array([20 * 1600, -21 * 1600, 90_000])
    at = gene["tss"] // size * size
    pairs = pd.DataFrame({"gene_id": gene["gene_id"], "tss": at, "distance_bp": distance})
    middle = pairs["tss"] + pairs["distance_bp"]
    pairs = pairs.assign(element_start=middle - 150, element_end=middle + 150)
    activity, contact, source = activity_by_contact(pairs, toy.spec, toy.folders, split="test")
    assert source == "contact map"
    stored = read_arrays(toy.folders, [gene["gene_id"]], split="test", modality="contacts")[0]
    ratio = np.maximum(2.0 ** stored.astype(float) * (1 + PSEUDO) - PSEUDO, 0)
    half = toy.spec.contacts_shape.half
    near = (ratio[10, half - 10] + ratio[11, half - 11]) / 2
    expected = np.array([ratio[10, half + 10], near, 1.0]) * power_law_contact(distance)
    expected[2] = (
        power_law_contact(distance)[2] * ratio[28, half + 28] if half >= 28 else expected[2]
    )
    np.testing.assert_allclose(contact, expected)
    landscape = read_landscapes(toy.folders, toy.spec, [gene["gene_id"]], split="test")[0]
    names, binning = [track.name for track in toy.spec.tracks], toy.spec.window.binning
    bases = np.repeat(landscape.astype(float), binning.size, axis=1)
    inside = slice(binning.half + distance[0] - 150, binning.half + distance[0] + 150)
    means = bases[[names.index("ATAC"), names.index("H3K27ac")], inside].mean(axis=1)
    assert activity[0] == pytest.approx(np.sqrt(means.prod()))


@pytest.mark.slow
def test_a_model_that_knows_the_rules_meets_the_bars(toy, made_model):
    summary, files = validate(toy.run)
    bars = {bar.name.split()[0]: bar for bar in summary.bars}
    assert bars["Spearman"].value >= 0.8
    assert bars["AUPRC"].value >= 2
    assert summary.contact == "contact map"
    assert json.loads(files.summary.read_text())["verdict"] == summary.verdict
    pairs = pd.read_parquet(files.pairs)
    attributed = pairs[["gene_id", "element_id"]].assign(score=pairs["link"] * 1.0, signed=0.0)
    folder = toy.run.path / "attributions" / "made"
    folder.mkdir(parents=True, exist_ok=True)
    attributed.to_parquet(folder / "elements.parquet")
    again, files = validate(toy.run, attribution="made")
    scores = pd.read_csv(files.scores).set_index(["predictor", "metric"])
    assert scores.loc[("attribution", "auprc"), "value"] == 1
    assert again.bars == summary.bars
    with pytest.raises(ClasterError, match="screen"):
        validate(toy.run, perturbation="nothing")
    result = CliRunner().invoke(app, ["validate", "--help"])
    assert result.exit_code == 0


def test_repression_is_compared_over_the_nearest_stretch_of_each_gene():
    rng = np.random.default_rng(1)
    planted = np.where(np.arange(60) < 20, rng.random(60) + 0.1, 0.0)
    own = pd.DataFrame(
        {
            "gene_id": [f"G{number}" for number in range(60)],
            "planted": "promoter",
            "planted_effect": planted,
            "effect": 0.5 * planted + rng.normal(0, 0.1, 60),
            "distance_bp": 100,
        }
    )
    own[["gene_name", "chrom", "tss", "strand", "element_id"]] = ""
    own[["element_start", "element_end", "baseline"]] = 0
    own["planted_baseline"] = np.arange(60) % 5 / 2
    farther = own.assign(distance_bp=-4_000, effect=9.0)
    pairs = pd.concat([farther, own, own.assign(planted="none", distance_bp=0)], ignore_index=True)
    blocks = resample_blocks(np.arange(len(pairs)) % 60 // 3, resamples=60)
    settings = ScreenSettings(edit=EditSettings(verb="background", tracks=("H3K27me3",)))
    assert _lifts_repression(settings)
    found, genes = compare_repression(PlantedScreen("made", settings, pairs, pairs, blocks))
    assert (found.genes, found.repressed) == (60, 20)
    assert found.spearman.value == pytest.approx(spearmanr(own["effect"], planted).statistic)
    among = own[planted > 0]
    expected = spearmanr(among["effect"], among["planted_effect"]).statistic
    assert found.spearman_of_repressed.value == pytest.approx(expected)
    assert found.share.value == pytest.approx(among["effect"].sum() / planted.sum())
    assert found.share.low < 0.5 < found.share.high
    assert found.auroc.value == pytest.approx(roc_auc_score(planted > 0, own["effect"]))
    assert found.median_of_others == pytest.approx(own["effect"][planted == 0].median())
    active = own[(planted == 0) & (own["planted_baseline"] >= 1)]
    assert found.median_of_active == pytest.approx(active["effect"].median())
    assert genes["effect"].tolist() == own["effect"].tolist()


@pytest.mark.slow
def test_lifted_repression_is_compared_by_gene(toy, made_model):
    summary, files = validate(toy.run)
    found = summary.repression
    genes = pd.read_csv(files.repression)
    assert genes["gene_id"].is_unique
    assert found.genes == len(genes)
    assert found.repressed == genes["repressed"].sum() >= 1
    truth = read_planted(toy.spec).genes.set_index("gene_id")["H3K27me3"]
    assert (truth[genes.loc[genes["repressed"], "gene_id"]] > 0).all()
    assert "Repression: " in summary.verdict
    assert "repression.png" in [path.name for path in draw_validation(files)]
    alone, files = validate(toy.run, perturbation="repression_test")
    assert alone.repression == found
    assert (alone.links, alone.bars) == (0, ())
    assert [path.name for path in draw_validation(files)] == ["repression.png"]
    with pytest.raises(ClasterError, match="compared with links"):
        validate(toy.run, perturbation="repression_test", attribution="made")
    beside = toy.project / "beside.bed"
    tss = int(genes["tss"].iloc[3]) + 3_000
    beside.write_text(f"chr2\t{tss}\t{tss + 200}\tE1\n")
    options = {"tracks": ("H3K27me3",), "controls": 0, "reach": 9_000}
    perturb(toy.run, elements=beside, name="beside", **options)
    with pytest.raises(ClasterError, match="holds the TSS"):
        validate(toy.run, perturbation="beside")
