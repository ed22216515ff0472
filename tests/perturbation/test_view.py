"""Screens of a flavour that reads a part of the window: the same identities as of whole windows."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest
import torch

import claster.eir.inference as inference
from claster.analysis.perturbation import screen
from claster.analysis.perturbation.edits import flip, whole_bins
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView
from claster.eir.runs import RunFolder

VIEW = ArrayView("landscape", columns=201, without=("H3K27me3",))
BED = """\
chr2\t58570\t58905\tnear
chr2\t71200\t71470\toutside
chr2\t100800\t101300\tempty
"""


def of_part(window):
    """A linear model that takes nothing but the view."""
    stored = window["landscape"].astype(np.float64)
    assert stored.shape == (2, VIEW.columns)
    mixed = 0.3 * np.expm1(stored[0]) + stored[1]
    middles = 100 + 10 * np.arange(-10, 11)
    kernel = np.exp(-np.abs(middles[:, np.newaxis] - np.arange(VIEW.columns)) / 30)
    return (20 + kernel @ mixed)[np.newaxis]


@pytest.fixture
def load(world, monkeypatch, tmp_path):
    """Load made models as the members of one run; a model multiplies what is predicted."""

    def load(*factors):
        members = {RunFolder(tmp_path / str(factor)): factor for factor in factors}
        monkeypatch.setattr(screen, "member_runs", lambda *_, **__: list(members))
        monkeypatch.setattr(
            inference, "load_model", lambda run, **_: Model(members[run], world.spec)
        )
        monkeypatch.setattr(screen, "run_views", lambda _: {"landscape": VIEW})
        return screen.load_predictor(RunFolder(tmp_path), world.spec).predict

    @dataclass(frozen=True)
    class Model:
        factor: float
        spec: DatasetSpec
        inputs: tuple[str, ...] = ("landscape",)
        device = torch.device("cpu")

    def predict_windows(model, parts, *, batch_size):
        for some in itertools.batched(parts, int(3 * model.factor), strict=False):
            yield from (model.factor * of_part(part) for part in some)

    monkeypatch.setattr(inference, "predict_windows", predict_windows)
    return load


@pytest.fixture
def predict(load):
    return load(1.0)


def read(files):
    return pd.read_parquet(files.effects).set_index(["gene_id", "element_id"])


def test_identities_hold(world, screen, predict):
    bed = world.bed(BED)
    common = {"predict": predict, "reach": 19_000, "tracks": ("ATAC", "H3K27ac")}
    one = read(screen(bed, name="one", verb="scale", doses=(1.0,), controls=5, **common))
    assert (one["perturbed"] == one["baseline"]).all()
    table = read(screen(bed, name="silent", controls=20, **common))
    empty = table.xs("empty", level="element_id")
    assert (empty["effect"] == 0).all()
    assert (empty["p"].dropna() == 1).all()
    seen = table["distance_bp"].abs() < 9_000
    assert (table["effect"][~seen] == 0)[table["distance_bp"].abs() > 10_500].all()
    assert (table.xs("near", level="element_id")["effect"] < 0).any()


def test_effect_is_that_of_a_view_cut_by_hand(world, screen, predict):
    table = read(screen(world.bed(BED), predict=predict, tracks=("H3K27ac",), reach=10_000))
    stored = np.load(world.folders.arrays("landscape", "test") / "G8_forward.npy").reshape(3, 401)
    edited = stored.copy()
    edited[1, 206:210] *= 1 - np.array([0.8, 1, 1, 0.55])
    before, after = (
        of_part({"landscape": VIEW.cut(array, world.spec)})[0] for array in (stored, edited)
    )
    shares = np.array([0.5, 1, 1])
    row = table.loc[("G8", "near")]
    np.testing.assert_allclose(row["baseline"], (before[10:13] * shares).sum() / 2.5, rtol=1e-6)
    np.testing.assert_allclose(row["perturbed"], (after[10:13] * shares).sum() / 2.5, rtol=1e-6)


def test_flip_twice_and_both_centres(world, screen, predict):
    signal = np.random.default_rng(0).random((3, 401))
    span = whole_bins(570, 905, world.spec.window.binning)
    again = flip(flip(signal, [0, 1], span), [0, 1], span)
    np.testing.assert_array_equal(again, signal)
    bed = world.bed("chr2\t57850\t58150\tmiddle\n")
    by_gene = read(screen(bed, name="gene", predict=predict, reach=5_000))
    by_element = read(screen(bed, name="element", predict=predict, reach=5_000, centre="element"))
    # The element's middle is the TSS of G8: both windows are the same.
    assert by_gene.loc[("G8", "middle"), "effect"] == pytest.approx(
        by_element.loc[("G8", "middle"), "effect"], rel=1e-5
    )


def test_stated_width_and_signal_around_the_tss(world, screen, predict):
    bed = world.bed("chr2\t58700\t58800\tnarrow\n")
    wide = world.bed("chr2\t58250\t59250\twide\n", name="wide.bed")
    by_width = read(screen(bed, name="a", predict=predict, width=1000, around_tss=(500, 1500)))
    by_file = read(screen(wide, name="b", predict=predict, around_tss=(500, 1500)))
    assert by_width["width_bp"].tolist() == [1000] * len(by_width)
    assert by_width["measured_bp"].tolist() == [2000] * len(by_width)
    np.testing.assert_array_equal(by_width["effect"], by_file["effect"])


def test_an_ensemble_measures_the_mean_signal(world, screen, load):
    bed = world.bed(BED)
    common = {"reach": 10_000, "tracks": ("H3K27ac",), "controls": 5}
    one = read(screen(bed, name="one", predict=load(1.0), **common))
    # Batches of 3 and of 9 windows: the members take them at their own pace.
    both = read(screen(bed, name="both", predict=load(1.0, 3.0), **common))
    for column in ("baseline", "perturbed"):
        np.testing.assert_allclose(both[column], 2 * one[column], rtol=1e-12)
    assert (both["effect"] != one["effect"]).any()
