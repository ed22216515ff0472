"""Which tracks a training window goes without, and how a network is told."""

import numpy as np
import pytest
import torch

from claster.dataset.missing import _left_out, leave_out, tracks_by_name, with_flags, with_flags_of
from claster.dataset.spec import DatasetSpec

NAMES = ("ATAC", "H3K4me3", "H3K27ac")


def spec_of(*names):
    content = {
        "name": "d",
        "assembly": "mm10",
        "tracks": [{"name": name, "file": f"{name}.bw"} for name in names],
        "genes": {"file": "genes.gtf"},
    }
    return DatasetSpec.model_validate(content)


@pytest.mark.parametrize("percent", [10, 50])
def test_each_track_is_left_out_as_often_as_asked_and_never_all(percent):
    drawn = [_left_out(f"G{number}_forward", NAMES, percent=percent) for number in range(4000)]
    assert max(map(len, drawn)) == 2
    for name in NAMES:
        share = np.mean([name in gone for gone in drawn])
        all_at_once = (percent / 50) ** 3 / 3 / 2
        assert share == pytest.approx(percent / 100 - all_at_once, abs=0.025)


@pytest.mark.parametrize("percent", [10, 50])
def test_contacts_are_left_out_as_often_as_asked(percent):
    window = {"contacts": np.ones((2, 4))}
    gone = [
        np.isnan(
            leave_out(f"G{n}_forward", window, spec_of(*NAMES), percent=percent)["contacts"]
        ).all()
        for n in range(4000)
    ]
    assert np.mean(gone) == pytest.approx(percent / 100, abs=0.02)


def test_a_window_or_its_mirror_image_is_whole():
    for number in range(50):
        both = (_left_out(f"G{number}_{way}", NAMES, percent=50) for way in ("forward", "rev"))
        assert sorted(map(len, both)) == [0, 2]


def test_left_out_tracks_are_nan_whole_and_the_others_untouched():
    window = {
        "landscape": np.arange(12.0, dtype="f4").reshape(3, 1, 4),
        "contacts": np.ones((2, 4)),
    }
    for sample in (f"{gene}_{way}" for gene in "abcd" for way in ("forward", "rev")):
        part = leave_out(sample, window, spec_of(*NAMES), percent=40, without=("ATAC",))
        gone = _left_out(sample, NAMES[1:], percent=40)
        for row, name in enumerate(NAMES):
            if name in gone:
                assert np.isnan(part["landscape"][row]).all()
            else:
                np.testing.assert_array_equal(part["landscape"][row], window["landscape"][row])
        assert np.isnan(part["contacts"]).all() or (part["contacts"] == 1).all()
    assert not np.isnan(window["landscape"]).any()


def test_tracks_are_found_by_name():
    landscape = np.array([[1.0, 2.0], [3.0, 4.0]])
    found = tracks_by_name(landscape, spec_of("H3K27ac", "ATAC"), spec_of(*NAMES))
    np.testing.assert_array_equal(found, [[3, 4], [np.nan, np.nan], [1, 2]])


def test_a_network_reads_values_and_then_what_is_known():
    array = np.array([[[1.0, 2.0]], [[np.nan, np.nan]]], dtype="f4")
    expected = [[[1, 2]], [[0, 0]], [[1, 1]], [[0, 0]]]
    np.testing.assert_array_equal(with_flags(array), expected)
    assert with_flags(array).dtype == np.float32
    np.testing.assert_array_equal(with_flags_of(torch.from_numpy(array[None]))[0], expected)
    assert with_flags(array[:, 0]).shape == (2, 2, 2)
