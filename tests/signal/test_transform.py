import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.signal.landscape import restored, transformed

SIGNAL = np.array([0.0, 0.5, 3.0, 2000.0])


@pytest.mark.parametrize(
    ("transform", "stored"),
    [
        ("none", SIGNAL),
        ("sqrt", SIGNAL**0.5),
        ("log1p", np.log(SIGNAL + 1)),
        ("asinh", np.log(SIGNAL + np.sqrt(SIGNAL**2 + 1))),
    ],
)
def test_what_is_stored(transform, stored):
    np.testing.assert_allclose(transformed(SIGNAL, transform), stored, rtol=1e-12)


@given(st.lists(st.floats(0, 1e6), min_size=1), st.sampled_from(["none", "sqrt", "log1p", "asinh"]))
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
