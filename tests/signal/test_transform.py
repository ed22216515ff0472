from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.signal.landscape import Transform, rescaled, restored, transformed

SIGNAL = np.array([0.0, 0.5, 3.0, 2000.0])


@pytest.mark.parametrize(
    ("transform", "stored"),
    [
        ("none", SIGNAL),
        ("sqrt", SIGNAL**0.5),
        ("log1p", np.log(SIGNAL + 1)),
        ("log1p_10x", np.log(10 * SIGNAL + 1)),
        ("asinh", np.log(SIGNAL + np.sqrt(SIGNAL**2 + 1))),
    ],
)
def test_what_is_stored(transform, stored):
    np.testing.assert_allclose(transformed(SIGNAL, transform), stored, rtol=1e-12)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from(get_args(Transform)))
def test_transforms_are_undone(signal, transform):
    signal = np.array(signal)
    np.testing.assert_allclose(
        restored(transformed(signal, transform), transform), signal, rtol=1e-9, atol=1e-12
    )


def test_root_keeps_the_sign():
    stored = transformed(np.array([-4.0, 9.0]), "sqrt")
    np.testing.assert_array_equal(stored, [-2.0, 3.0])
    np.testing.assert_array_equal(restored(stored, "sqrt"), [-4.0, 9.0])


def test_small_values_become_zero_before_the_transform():
    stored = transformed(SIGNAL, "log1p", floor=3.0, clip=5.0)
    np.testing.assert_allclose(stored, np.log1p([0.0, 0.0, 3.0, 5.0]))
    assert transformed(SIGNAL.astype(np.float32), "none", floor=1.0).dtype == np.float32


def test_large_values_are_clipped_before_the_transform():
    stored = transformed(SIGNAL, "log1p", clip=3.0)
    np.testing.assert_allclose(stored, np.log1p([0.0, 0.5, 3.0, 3.0]))
    assert SIGNAL[-1] == 2000.0


def test_two_anchors_are_the_power_law_of_s3norm():
    background, peaks = (0.4, 1.0), (8.0, 50.0)
    b = np.log(peaks[1] / background[1]) / np.log(peaks[0] / background[0])
    a = background[1] / background[0] ** b
    np.testing.assert_allclose(rescaled(SIGNAL, [background, peaks]), a * SIGNAL**b, rtol=1e-12)


def test_one_pair_is_a_factor_and_none_below_0_is_left():
    np.testing.assert_allclose(rescaled(np.array([-3.0, 0.0, 6.0]), [(2.0, 5.0)]), [0, 0, 15])


@settings(derandomize=True)
@given(
    st.lists(st.floats(0.01, 100), min_size=1, max_size=6, unique=True),
    st.lists(st.floats(0.01, 100), min_size=6, max_size=6, unique=True),
)
def test_every_pair_is_met_and_order_is_kept(here, there):
    here = np.unique(np.round(here, 2))
    there = np.unique(np.round(there, 2))
    n = min(len(here), len(there))
    pairs = list(zip(here[:n], there[:n], strict=True))
    np.testing.assert_allclose(rescaled(here[:n], pairs), there[:n], rtol=1e-9)
    along = rescaled(np.linspace(0, 120, 500), pairs)
    assert along[0] == 0
    assert (np.diff(along) >= 0).all()
