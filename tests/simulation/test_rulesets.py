"""The other rule sets: what moves with them, and what stays."""

import numpy as np
import pandas as pd
import pytest

from claster.simulation import simulate_genome
from claster.simulation.annotation import _element_table, _gene_table
from claster.simulation.chromosome import Chromosome, plant_chromosome
from claster.simulation.classes import MATCH, _enhancer_input
from claster.simulation.genome import _simulated_parameters, ensure_genome
from claster.simulation.layout import plan_genome
from claster.simulation.tracks import _noise
from claster.simulation.transcription import Rules, gene_levels, silencing_effect


def planted(ruleset: Rules) -> Chromosome:
    plan = plan_genome(seed=4, chromosomes=1, megabases=20, genes=150)
    return plant_chromosome(plan[0], seed=4, ruleset=ruleset)


def truth(ruleset: Rules) -> tuple[pd.DataFrame, pd.DataFrame]:
    c = planted(ruleset)
    genes = c.genes.assign(gene_id=np.arange(len(c.genes)), gene_name="")
    elements = c.elements.assign(element_id=np.arange(len(c.elements)))
    return _gene_table(genes), _element_table(genes, elements, c.links)


def test_an_input_by_hand() -> None:
    # 1.5 * sqrt(4) * 0.5 * 1 / (1 + 1), with a boundary of log(2) / 4 that halves it.
    given = _enhancer_input(
        [120.0, 120.0, 120.0, 3.0],
        [-50_000, 50_000, 160_000, 0],
        match=np.array([0.5, 0.5, 0.5, 0.1]),
        insulation=np.array([0.0, np.log(2) / 4, 0.0, 0.0]),
    )
    assert given == pytest.approx([0.75, 0.375, 0.0, 0.0])


def test_a_gene_saturates() -> None:
    assert gene_levels(1.0, 1.0, 4.0, 4.0) == pytest.approx(6.0 * 3)
    assert silencing_effect(4.0, 4.0, 4.0) == pytest.approx(np.log2(1 / 3))
    assert silencing_effect(1.0, 9.0) == silencing_effect(1.0, 9.0, np.inf)


def test_all_places_and_loops_stay() -> None:
    first = planted("contact")
    for ruleset in ("local", "classes"):
        other = planted(ruleset)
        assert other.elements["centre"].equals(first.elements["centre"])
        assert other.genes["tss"].equals(first.genes["tss"])
        assert other.loops.equals(first.loops)
        assert other.elements["H3K27ac_ctrl"].equals(first.elements["H3K27ac_ctrl"])


def test_nothing_reaches_far_in_a_local_genome() -> None:
    _, before = truth("contact")
    _, links = truth("local")
    acts = links["gain_ctrl"] > 0
    assert links.loc[acts, "distance"].abs().max() < 20_000
    assert (links["kind"] == "proximal").equals(acts)
    looped = links["loop_strength"] > 0
    assert looped.any()
    assert (links.loc[looped, ["gain_ctrl", "effect_log2_ctrl"]] == 0).all(axis=None)
    # The pairs of elements and genes are those of the genome with long-range effects.
    assert links[["element_id", "gene_id"]].equals(before[["element_id", "gene_id"]])


def test_the_truth_of_classes_follows_from_its_columns() -> None:
    genes, links = truth("classes")
    gene = genes.set_index("gene_id").loc[links["gene_id"]].reset_index(drop=True)
    match = [MATCH.loc[p, e] for p, e in zip(gene["class"], links["class"], strict=True)]
    np.testing.assert_array_equal(links["match"], match)
    added = 1.5 * np.sqrt(links["H3K27ac_ctrl"] / 30) * match * np.exp(-4 * links["insulation"])
    added /= 1 + links["distance"].abs() / 50_000
    added[(added < 0.2) | (links["distance"].abs() > 150_000)] = 0
    np.testing.assert_allclose(links["gain_ctrl"], added)
    total = added.groupby(links["gene_id"]).sum().reindex(genes["gene_id"], fill_value=0)
    np.testing.assert_allclose(genes["gain_ctrl"], total)
    gain = genes["gain_ctrl"] / (1 + genes["gain_ctrl"] / genes["ceiling"])
    level = 6 * genes["activity_ctrl"] * genes["repression"] * (1 + gain)
    np.testing.assert_allclose(genes["level_ctrl"], level)
    far = links["distance"].abs().between(50_000, 150_000) & (links["gain_ctrl"] > 0)
    assert far.sum() > 50
    assert links.loc[far, "effect_log2_ctrl"].quantile(0.25) < -0.2
    alone = links[links["kind"] == "decoy"]
    assert not alone["element_id"].duplicated().any()
    assert not alone["element_id"].isin(links.loc[links["gain_ctrl"] > 0, "element_id"]).any()


def test_insulation_counts_the_boundaries_between() -> None:
    c = planted("classes")
    centre = c.elements["centre"].to_numpy()[c.links["element"]]
    tss = c.genes["tss"].to_numpy()[c.links["gene"]]
    low, high = np.minimum(centre, tss)[:, None], np.maximum(centre, tss)[:, None]
    between = (c.boundaries >= low) & (c.boundaries < high)
    np.testing.assert_allclose(c.links["insulation"], between @ c.insulation, atol=1e-12)
    assert (c.links["insulation"] > 0).any()


def test_a_folder_remembers_its_rules(tmp_path, monkeypatch) -> None:
    size = {"seed": 1, "chromosomes": 1, "megabases": 3.0, "genes": 10, "smooth": False}
    simulate_genome(tmp_path / "toy", rules="local", **size)
    assert _simulated_parameters(tmp_path / "toy") == size | {"rules": "local"}
    assert not ensure_genome(tmp_path / "toy", size | {"rules": "local"})
    asked = []
    monkeypatch.setattr(
        "claster.simulation.genome.simulate_genome", lambda *_, **given: asked.append(given)
    )
    assert ensure_genome(tmp_path / "toy", size)
    assert ensure_genome(tmp_path / "toy", size | {"rules": "contact"})
    assert ensure_genome(tmp_path / "toy", size | {"rules": "local", "cell": 2})
    assert len(asked) == 3


def test_other_cells_have_other_heights_in_the_same_places() -> None:
    plan = plan_genome(seed=4, chromosomes=1, megabases=20.0, genes=120)
    one, same, other = (plant_chromosome(plan[0], seed=4, cell=cell) for cell in (1, 1, 2))
    pd.testing.assert_frame_equal(one.genes, same.genes)
    for table in ("genes", "elements"):
        before, after = getattr(one, table), getattr(other, table)
        drawn = [name for name in before if name.endswith(("_ctrl", "_a485"))]
        pd.testing.assert_frame_equal(before.drop(columns=drawn), after.drop(columns=drawn))
        assert (before["H3K27ac_ctrl"] != after["H3K27ac_ctrl"]).all()
    for table in ("domains", "ctcf", "blacklist", "loops"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table))
    active = (one.genes["state"] == "active").to_numpy()
    change = np.log2(other.genes["level_ctrl"] / one.genes["level_ctrl"])[active]
    assert 0.5 < change.std() < 3
    assert abs(change.mean()) < 0.5
    noise = [_noise(c, "ATAC", "ctrl", seed=4).random() for c in (one, same, other)]
    assert noise[0] == noise[1] != noise[2]
