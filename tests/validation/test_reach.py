"""How far information reaches: curves with a known end, and features that end where they say."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from claster.analysis.bootstrap import resample_blocks
from claster.analysis.nested import _ring_means, predict_masked
from claster.analysis.perturbation.measure import Predictor
from claster.analysis.reach import _first_enough, _how_far, find_reach
from claster.cli import app
from claster.dataset.layout import read_arrays, read_genes_table
from claster.errors import ClasterError

RADII = (1_000, 10_000, 100_000, 500_000)
GENES = 400


def curves(*shares, seed=0):
    """Predictions that know a level up to some noise, less of it from radius to radius."""
    rng = np.random.default_rng(seed)
    level = rng.normal(size=GENES)
    noise = rng.normal(size=GENES)
    return np.stack([level + share * noise for share in shares]), level


def resamples():
    return resample_blocks(np.arange(GENES) // 4, resamples=400, seed=1)


def test_reach_is_where_the_gain_ends():
    curve, observed = curves(2.0, 1.0, 0.2, 0.2)
    table, reach = _how_far("marks", curve, observed, RADII, resamples())
    assert (reach.bp, reach.low, reach.high) == (100_000, 100_000, 100_000)
    assert reach.beyond == (0.0, 0.0, 0.0)
    value, low, high = reach.gained
    assert 0 < low < value < high
    assert reach.sentence.startswith("marks: information reaches 100 kb (95 % interval 100 kb to")
    assert "beyond it nothing is gained" in reach.sentence
    plain = [np.corrcoef(row, observed)[0, 1] for row in curve]
    np.testing.assert_allclose(table["r"], plain)
    np.testing.assert_allclose(table["gain"][1:], np.diff(plain))
    assert (table["low"] <= table["r"]).all()
    assert (table["r"] <= table["high"]).all()


def test_reach_is_the_promoter_where_nothing_is_gained():
    curve, observed = curves(1.0, 1.0, 1.0, 1.0)
    _, reach = _how_far("marks", curve, observed, RADII, resamples())
    assert (reach.bp, reach.low, reach.high) == (1_000, 1_000, 1_000)


def test_reach_may_be_the_whole_window():
    curve, observed = curves(2.0, 1.5, 1.0, 0.3)
    _, reach = _how_far("marks", curve, observed, RADII, resamples())
    assert reach.bp == 500_000
    assert reach.sentence.endswith("the window ends there")


def test_reach_is_the_promoter_where_a_gain_is_not_sure():
    near, observed = curves(1.0)
    other = np.random.default_rng(1).normal(size=GENES)
    curve = np.concatenate([near, *[[observed + 0.97 * other]] * 3])
    table, reach = _how_far("marks", curve, observed, RADII, resamples())
    assert table["gain"][1] > 0 > table["gain_low"][1]
    assert (reach.bp, reach.low, reach.high) == (1_000, 1_000, 1_000)


def test_a_twentieth_of_the_gain_may_be_missing():
    r = np.array([[0.2, 0.2], [0.581, 0.579], [0.59, 0.581], [0.6, 0.6]])
    assert _first_enough(r, np.array([0.4, 0.4])).tolist() == [1, 2]


def test_predictions_that_tell_nothing_reach_nowhere():
    _, observed = curves(1.0)
    same = np.ones((len(RADII), GENES))
    _, reach = _how_far("marks", same, observed, RADII, resamples())
    assert reach.sentence == "marks: tells nothing of these genes' levels (r 0.00)"


def test_three_loci_tell_no_distance(toy):
    with pytest.raises(ClasterError, match="the test genes lie in 3 loci; intervals need 10"):
        find_reach(toy.spec)


@pytest.fixture
def few_loci(monkeypatch):
    """Let the made genome's three loci be enough."""
    monkeypatch.setattr("claster.analysis.bootstrap._FEWEST_LOCI", 3)


def test_rings_are_means_of_both_sides():
    landscape = np.zeros((1, 2, 41), np.float32)
    landscape[0, 0, [20 - 15, 20 + 15]] = 8.0
    landscape[0, 1, 20] = 3.0
    rings = _ring_means(landscape, 100, (1_000, 2_000)).reshape(2, 2)
    assert rings[0] == pytest.approx([0, 16 / 20])
    assert rings[1] == pytest.approx([3 / 21, 0])


@pytest.mark.usefixtures("few_loci")
def test_the_command_tells_how_far(toy, monkeypatch):
    monkeypatch.chdir(toy.project)
    result = CliRunner().invoke(app, ["reach", "ctrl", "--split", "test"])
    assert result.exit_code == 0, result.output
    assert "planted rule: information reaches" in result.output
    folder = toy.project / "reach" / "ctrl_test"
    assert (folder / "reach.png").is_file()
    scores = pd.read_csv(folder / "scores.csv")
    assert set(scores["model"]) == {"marks", "planted rule"}
    assert scores["radius_bp"].unique().tolist() == [1_000, 5_000, 10_000, 20_000, 50_000, 100_000]
    planted = scores[scores["model"] == "planted rule"].set_index("radius_bp")["r"]
    assert planted[100_000] > planted[1_000]
    lines = (folder / "reaches.jsonl").read_text().splitlines()
    assert [json.loads(line)["farthest"] for line in lines] == [100_000, 100_000]
    again, _ = find_reach(toy.spec)
    assert [reach.model_dump(mode="json") for reach in again] == [
        json.loads(line) for line in lines
    ]


@pytest.mark.usefixtures("few_loci")
def test_a_run_reaches_as_far_as_it_looks(toy, made_model, monkeypatch):
    """The made model reads enhancers up to 20 kb away, and no contacts."""

    def predictor(*_, **__):
        return Predictor(lambda windows: map(made_model, windows), ("landscape", "contacts"))

    monkeypatch.setattr("claster.analysis.nested.load_predictor", predictor)
    reaches, files = find_reach(toy.run)
    assert files.folder == toy.run.path / "reach" / "test"
    assert [reach.model for reach in reaches] == ["marks", "marks and contacts", "planted rule"]
    scores = pd.read_csv(files.scores).set_index(["model", "radius_bp"])["r"]
    near, far = (scores["marks"][radius] for radius in (1_000, 20_000))
    assert near != far
    assert scores["marks"][50_000] == scores["marks"][100_000] == pytest.approx(far, abs=1e-3)
    np.testing.assert_array_equal(scores["marks"], scores["marks and contacts"])
    assert reaches[0].bp <= 20_000


def test_what_is_hidden_comes_from_bins_without_annotation(toy, made_model, monkeypatch):
    shown = []

    def predictor(*_, **__):
        def look(window):
            shown.append(window)
            return np.zeros((1, 401))

        return Predictor(lambda windows: map(look, windows), ("landscape", "contacts"))

    monkeypatch.setattr("claster.analysis.nested.load_predictor", predictor)
    gene = read_genes_table(toy.folders, split="test")[:1]
    found = predict_masked(toy.run, gene, toy.spec, split="test", radii=(1_000, 5_000))
    assert [values.tolist() for values in found.values()] == [[[0.0], [0.0]]] * 2
    ids = gene["gene_id"].tolist()
    landscape, contacts = (
        read_arrays(toy.folders, ids, split="test", modality=name)[0]
        for name in ("landscape", "contacts")
    )
    # Each window is followed by its mirror image.
    narrow, wide, _, last = shown[::2]
    middle = landscape.shape[-1] // 2
    for window, bins in ((narrow, 10), (wide, 50)):
        kept = slice(middle - bins, middle + bins + 1)
        np.testing.assert_array_equal(window["landscape"][..., kept], landscape[..., kept])
    beyond = np.arange(landscape.shape[-1]) > middle + 50
    np.testing.assert_array_equal(narrow["landscape"][..., beyond], wide["landscape"][..., beyond])
    assert np.expm1(narrow["landscape"][2][beyond]).max() < 5 < np.expm1(landscape[2]).max()
    np.testing.assert_array_equal(narrow["contacts"], wide["contacts"])
    np.testing.assert_array_equal(last["contacts"], contacts)
    assert not np.array_equal(wide["contacts"], contacts)
