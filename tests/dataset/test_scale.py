"""Tracks divided by a statistic of their own values around training genes."""

import numpy as np
import pyBigWig
import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import read_arrays, read_genes_table
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError


def scaled(**track):
    def change(content):
        content["tracks"][1] |= track

    return change


@pytest.fixture
def training_values(world):
    """All base-level means of H3K27ac in the landscape bins of the training genes."""
    values = []
    with pyBigWig.open(str(world / "source/H3K27ac.bw")) as file:
        for tss in (30_000, 50_000):
            bases = np.nan_to_num(file.values("chr1", tss - 5050, tss + 5050, numpy=True))
            values.append(bases.reshape(101, 100).mean(axis=1))
    return np.concatenate(values)


@pytest.mark.parametrize("statistic", ["q99", "mean"])
def test_a_track_is_divided_between_clip_and_transform(edited, training_values, statistic):
    plain = build_dataset(edited().within("plain")).folders
    spec = edited(scaled(scale=statistic, clip=9.0, transform="log1p"))
    result = build_dataset(spec.within("scaled"))
    divisor = {"q99": np.quantile(training_values, 0.99), "mean": training_values.mean()}[statistic]
    assert getattr(result.manifest.scales["H3K27ac"], statistic) == pytest.approx(divisor, rel=1e-6)
    for gene, split in (("GA.1", "train"), ("GD.1", "test")):
        signal = read_arrays(plain, [gene], split=split)
        stored = read_arrays(result.folders, [gene], split=split)
        np.testing.assert_array_equal(stored[:, 0], signal[:, 0])
        expected = np.log1p(np.minimum(signal[:, 1], 9.0) / divisor)
        np.testing.assert_allclose(stored[:, 1], expected, rtol=1e-5, atol=1e-7)
        back = read_landscapes(result.folders, spec, [gene], split=split)
        np.testing.assert_allclose(back[:, 1], np.minimum(signal[:, 1], 9.0), rtol=1e-5, atol=1e-6)
        np.testing.assert_array_equal(back[:, 0], signal[:, 0])


def test_held_out_genes_have_no_part_in_the_scale(edited, world, make):
    before = build_dataset(edited(scaled(scale="q99"))).manifest.scales["H3K27ac"]
    make.track(world / "source/H3K27ac.bw", 1, sizes=make.sizes, height=50.0, only="chr2")
    after = build_dataset(edited(scaled(scale="q99")), force=True)
    assert after.manifest.scales["H3K27ac"] == before
    test = read_landscapes(after.folders, after.manifest.dataset, ["GD.1"], split="test")
    assert test[0, 1].max() > 500


def test_a_rescaled_track_is_stored_and_measured_as_in_training(edited):
    plain = build_dataset(edited().within("plain"))
    pairs = [[1.0, 2.0], [4.0, 32.0]]  # y = 2 x^2
    spec = edited(scaled(rescale=pairs, transform="log1p"))
    result = build_dataset(spec.within("rescaled"))
    signal = read_arrays(plain.folders, ["GD.1"], split="test")[:, 1]
    stored = read_arrays(result.folders, ["GD.1"], split="test")[:, 1]
    np.testing.assert_allclose(stored, np.log1p(2 * signal.astype(float) ** 2), rtol=1e-5)
    before, after = (made.manifest.scales["H3K27ac"] for made in (plain, result))
    assert after.q99 == pytest.approx(2 * before.q99**2, rel=0.02)


@pytest.mark.parametrize("pairs", [[[1, 2], [1, 3]], [[1, 2], [3, 2]], [[0, 1]], []])
def test_pairs_that_do_not_rise_are_refused(edited, pairs):
    with pytest.raises(ClasterError, match="rescale"):
        edited(scaled(rescale=pairs))


def prediction_only(content):
    scaled(scale="q99")(content)
    content["name"] = "other"
    content["splits"] = {"test": ["chr1", "chr2"]}


def test_another_dataset_takes_the_scale_of_the_one_that_is_trained_on(edited):
    build_dataset(trained := edited(scaled(scale="q99")))

    def with_scales(content):
        prediction_only(content)
        content["scales_from"] = trained.name

    spec = edited(with_scales)
    folders = build_dataset(spec).folders
    assert set(read_genes_table(folders)["split"]) == {"test"}
    ours = read_arrays(folders, ["GA.1"], split="test")
    theirs = read_arrays(type(folders).of(trained), ["GA.1"], split="train")
    np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(ClasterError, match="dataset 'gone' is not built"):
        build_dataset(spec.model_copy(update={"scales_from": "gone", "name": "third"}))


def test_scales_that_cannot_be_measured(edited, world, make):
    with pytest.raises(ClasterError, match=r"no usable gene is left for training.*scales_from"):
        build_dataset(edited(prediction_only))
    make.track(world / "source/H3K27ac.bw", 1, sizes=make.sizes, height=0.0)
    with pytest.raises(
        ClasterError, match="track H3K27ac: 'scale: q99' is 0 around training genes"
    ):
        build_dataset(edited(scaled(scale="q99")))
