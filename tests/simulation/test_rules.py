"""Planted rules: what the truth tables say follows from the rules, and the tracks show it."""

import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.simulation import ToyGenome
from claster.simulation import transcription as rules

CONDITIONS = ("ctrl", "a485")


def test_rules_at_a_typical_gene() -> None:
    assert rules.promoter_activity(60.0, 70.0, 45.0) == pytest.approx(1.0)
    assert rules.repression([0.0, 2.0, 6.0]) == pytest.approx([1.0, 0.5, 0.1])
    assert rules.proximal_gain(30.0, [0, -10_000, 15_000, -20_000, 90_000]) == pytest.approx(
        [0.8, 0.8, 0.4, 0.0, 0.0]
    )
    assert rules.contact_gain(60.0, 5.0) == pytest.approx(2.0)
    assert rules.gene_levels(2.0, 0.5, 1.0) == pytest.approx(12.0)


def test_silencing_one_of_two_enhancers() -> None:
    # 1 + 1 + 2 = 4 falls to 1 + 1 = 2.
    assert rules.silencing_effect(2.0, 3.0) == pytest.approx(-1.0)
    assert rules.silencing_effect(0.0, 3.0) == 0.0


@pytest.mark.parametrize("condition", CONDITIONS)
def test_levels_follow_from_marks_and_gains(genes: pd.DataFrame, condition: str) -> None:
    activity = (
        (genes[f"ATAC_{condition}"] / 60) ** 0.7
        * (genes[f"H3K4me3_{condition}"] / 70) ** 0.8
        * (genes[f"H3K27ac_{condition}"] / 45) ** 0.3
    )
    level = 6 * activity / (1 + (genes["H3K27me3"] / 2) ** 2) * (1 + genes[f"gain_{condition}"])
    np.testing.assert_allclose(genes[f"level_{condition}"], level, rtol=1e-6)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_effect_of_silencing_is_that_of_leaving_the_element_out(
    genes: pd.DataFrame, elements: pd.DataFrame, condition: str
) -> None:
    by_gene = genes.set_index("gene_id")
    gain = elements[f"gain_{condition}"]
    total = gain.groupby(elements["gene_id"]).sum().reindex(by_gene.index, fill_value=0.0)
    np.testing.assert_allclose(by_gene[f"gain_{condition}"], total, rtol=1e-6, atol=1e-9)
    target = by_gene.loc[elements["gene_id"]].reset_index(drop=True)
    without = rules.gene_levels(
        target[f"activity_{condition}"],
        target["repression"],
        total.loc[elements["gene_id"]].to_numpy() - gain,
    )
    expected = np.log2(without / target[f"level_{condition}"])
    np.testing.assert_allclose(elements[f"effect_log2_{condition}"], expected, atol=1e-6)


def test_kinds_of_elements_keep_their_distances(
    genes: pd.DataFrame, elements: pd.DataFrame
) -> None:
    assert set(elements["kind"]) == {"proximal", "contact", "decoy"}
    distance = elements["distance"].abs().groupby(elements["kind"])
    assert distance.max()["proximal"] < 20_000
    assert distance.min()["contact"] >= 50_000
    assert distance.max()["contact"] <= 150_000
    assert distance.min()["decoy"] >= 25_000
    active = elements[elements["kind"] != "decoy"]
    assert (active[["effect_log2_ctrl", "effect_log2_a485"]] < 0).all(axis=None)
    decoys = elements[elements["kind"] == "decoy"]
    assert (decoys[["gain_ctrl", "effect_log2_ctrl", "effect_log2_a485"]] == 0).all(axis=None)
    tss = genes.set_index("gene_id")["tss"].loc[elements["gene_id"]].to_numpy()
    centre = (elements["start"] + elements["end"]) // 2
    np.testing.assert_array_equal(elements["distance"], centre - tss)


def test_a_quarter_to_half_of_genes_are_silent_and_domains_silence(genes: pd.DataFrame) -> None:
    silent = genes["level_ctrl"] < rules.SILENT_LEVEL
    assert 0.25 < silent.mean() < 0.5
    assert genes["level_ctrl"].quantile(0.9) > 10
    inside = genes["H3K27me3"] > 3
    assert inside.any()
    assert (genes.loc[inside, "level_ctrl"] < 2).all()


def test_inhibition_lowers_enhancer_driven_genes_most(genes: pd.DataFrame) -> None:
    active = genes[genes["level_ctrl"] > rules.SILENT_LEVEL]
    change = np.log2(active["level_a485"] / active["level_ctrl"])
    driven, alone = active["gain_ctrl"] > 1, active["gain_ctrl"] == 0
    assert driven.sum() >= 2
    assert alone.sum() >= 2
    assert change[driven].max() < -0.8
    assert change[alone].min() > -1.1
    assert change[driven].mean() < change[alone].mean() - 0.5


@pytest.mark.slow
def test_profile_equals_the_truth_track_binned_by_pybigwig(
    tiny: ToyGenome, genes: pd.DataFrame, profiles: pd.DataFrame
) -> None:
    assert list(profiles.columns) == ["gene_id", "condition", *map(str, range(-200, 201))]
    compared = 0
    for condition in CONDITIONS:
        rows = profiles[profiles["condition"] == condition].set_index("gene_id")
        assert list(rows.index) == list(genes["gene_id"])
        tracks = [
            pyBigWig.open(str(tiny.folder / "truth" / condition / f"nascent.{strand}.bw"))
            for strand in ("plus", "minus")
        ]
        for gene in genes.itertuples():
            start, end = gene.tss - 200_500, gene.tss + 200_500
            if start < 0 or end > tiny.chrom_sizes[gene.chrom]:
                continue
            binned = sum(
                np.array(t.stats(gene.chrom, start, end, nBins=401, exact=True)) for t in tracks
            )
            profile = rows.loc[gene.gene_id].drop("condition").to_numpy(float)
            np.testing.assert_allclose(profile, binned, rtol=1e-5, atol=1e-6)
            compared += 1
        for track in tracks:
            track.close()
    assert compared > len(genes)


def test_genes_near_an_end_have_no_profile_beyond_it(
    tiny: ToyGenome, genes: pd.DataFrame, profiles: pd.DataFrame
) -> None:
    size = genes["chrom"].map(tiny.chrom_sizes)
    near = (genes["tss"] < 500_050) | (genes["tss"] > size - 500_050)
    assert 1 <= near.sum() <= 4
    ctrl = profiles[profiles["condition"] == "ctrl"].reset_index(drop=True)
    for k in (-200, 0, 200):
        start = genes["tss"] + 1000 * k - 500
        beyond = (start < 0) | (start + 1000 > size)
        np.testing.assert_array_equal(ctrl[str(k)].isna(), beyond)


def test_attainable_r_is_high_but_below_one(
    tiny: ToyGenome, genes: pd.DataFrame, profiles: pd.DataFrame
) -> None:
    rows = profiles[profiles["condition"] == "ctrl"].set_index("gene_id")
    noisy, exact = [], []
    tracks = [
        pyBigWig.open(str(tiny.folder / "ctrl" / f"nascent.{strand}.bw"))
        for strand in ("plus", "minus")
    ]
    for gene in genes.itertuples():
        start, end = gene.tss - 200_500, gene.tss + 200_500
        if start < 0 or end > tiny.chrom_sizes[gene.chrom]:
            continue
        values = sum(np.nan_to_num(t.values(gene.chrom, start, end, numpy=True)) for t in tracks)
        noisy.append(values.reshape(401, 1000).mean(axis=1))
        exact.append(rows.loc[gene.gene_id].drop("condition").to_numpy(float))
    for track in tracks:
        track.close()
    r = np.corrcoef(np.log2(np.ravel(noisy) + 1), np.log2(np.ravel(exact) + 1))[0, 1]
    assert 0.92 < r < 0.98


@pytest.mark.parametrize("length", [2_000, 30_000, 150_000])
def test_transcription_along_a_gene(length: int) -> None:
    at = rules.body_shape(np.array([0.0, 300.0, 1_900.0, 0.98 * length, length + 20_000.0]), length)
    assert at[0] == 0
    assert at[1] == at.max()
    assert at[3] > 3 * at[4]
    assert rules.tail_scale(length) < 5_000


def test_nascent_runs_along_the_strand_of_the_gene() -> None:
    genes = pd.DataFrame(
        {"start": [20_000], "end": [50_000], "strand": ["-"], "tss": [49_999], "level_ctrl": [10.0]}
    )
    elements = pd.DataFrame({"centre": [], "H3K27ac_ctrl": []})
    signal = rules.expected_nascent(genes, elements, 100_000, "ctrl")
    body, upstream = slice(20_000 // 20, 49_900 // 20), slice(50_100 // 20, 51_000 // 20)
    assert signal["minus"][body].min() > 3
    assert signal["plus"][body].max() == pytest.approx(rules.BACKGROUND)
    assert signal["minus"][upstream].max() == pytest.approx(rules.BACKGROUND)
    assert 0.2 < signal["plus"][upstream].max() < 3
