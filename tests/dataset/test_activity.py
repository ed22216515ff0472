"""Contact-weighted activity: against loops over bases, mirrored, edited, and with gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.dataset.activity import (
    _SHELLS,
    _WEIGHTS,
    _column_means,
    _contact_weighted,
    _distance_weighted,
    _shells_within,
)

RESOLUTION, BIN, COLUMNS = 5_000, 1_000, 61
BINS = 321
PLACES = np.arange(-(COLUMNS // 2), COLUMNS // 2 + 1) * RESOLUTION


def channels(landscape, stripe, reach=100_000):
    found = _contact_weighted(landscape, stripe, bin=BIN, resolution=RESOLUTION, reach=reach)
    return found.reshape(len(found), landscape.shape[1], len(_WEIGHTS), -1)


def random_window(seed, tracks=2):
    rng = np.random.default_rng(seed)
    landscape = rng.gamma(1.0, 1.0, (1, tracks, BINS))
    stripe = np.stack([rng.normal(0, 1.2, COLUMNS), rng.normal(-3, 0.5, COLUMNS)])[None]
    return torch.tensor(landscape).float(), torch.tensor(stripe).float()


def test_channels_are_sums_over_bases():
    landscape, stripe = random_window(0)
    bases = landscape[0].double().numpy().repeat(BIN, axis=1)
    middle = bases.shape[1] // 2
    ratio = np.maximum(1.5 * 2.0 ** stripe[0, 0].double().numpy() - 0.5, 0)
    frequency = 10.0 ** stripe[0, 1].double().numpy()
    weights = {
        "oe": ratio,
        "above_1": np.maximum(ratio - 1, 0),
        "above_2": np.maximum(ratio - 2, 0),
        "above_4": np.maximum(ratio - 4, 0),
        "frequency": 100 * frequency / frequency.sum(),
        "distance": 100 * np.maximum(np.abs(PLACES) / RESOLUTION, 1) ** -1.02,
    }
    assert tuple(weights) == _WEIGHTS
    found = channels(landscape, stripe)[0].numpy()
    for track in range(2):
        for row, weight in enumerate(weights.values()):
            for column, (low, high) in enumerate(_shells_within(100_000)):
                total = sum(
                    bases[track, middle + at - 2_500 : middle + at + 2_500].mean() * weight[m]
                    for m, at in enumerate(PLACES)
                    if low <= abs(at) < high
                )
                assert found[track, row, column] == pytest.approx(np.log1p(total / 10), rel=1e-5)


@pytest.mark.parametrize(
    ("half", "resolution", "means"),
    [(2, 100, [1, 2, 4, 8, 16]), (0, 500, [6.2]), (1, 150, [1.5, 13 / 3, 12])],
)
def test_columns_as_wide_as_the_window_are_means_of_all_its_bins(half, resolution, means):
    landscape = torch.tensor([[[1.0, 2, 4, 8, 16]]])
    found = _column_means(landscape, half, bin=100, resolution=resolution)
    assert found.flatten().tolist() == pytest.approx(means)


@settings(max_examples=20)
@given(st.integers(0, 10_000))
def test_a_mirrored_window_gives_the_same(seed):
    landscape, stripe = random_window(seed)
    turned = channels(landscape.flip(-1), stripe.flip(-1))
    torch.testing.assert_close(turned, channels(landscape, stripe), rtol=1e-6, atol=1e-7)


def looped(at):
    """A promoter that touches one place, and two equal enhancers: there and on the other side."""
    stripe = torch.zeros(1, 2, COLUMNS)
    stripe[:, 1] = -3
    stripe[0, 0, COLUMNS // 2 + at // RESOLUTION] = 2.5
    landscape = torch.full((1, 1, BINS), 0.1)
    for place in (at, -at):
        landscape[0, 0, BINS // 2 + place // BIN - 1 : BINS // 2 + place // BIN + 2] = 20
    return landscape, stripe


def silenced(landscape, at):
    edited = landscape.clone()
    edited[0, 0, BINS // 2 + at // BIN - 1 : BINS // 2 + at // BIN + 2] = 0.1
    return edited


def test_silencing_a_looped_enhancer_changes_the_channel_and_elsewhere_not():
    landscape, stripe = looped(70_000)
    touched = _WEIGHTS.index("above_2")
    before = channels(landscape, stripe)[0, 0]
    there = channels(silenced(landscape, 70_000), stripe)[0, 0]
    elsewhere = channels(silenced(landscape, -70_000), stripe)[0, 0]
    assert there[touched, 1] < 0.1 * before[touched, 1]
    assert elsewhere[touched, 1] == before[touched, 1]
    assert (there[:, 0] == before[:, 0]).all()  # the shell of 20 to 50 kb


def test_gradients_find_the_looped_enhancer():
    landscape, stripe = looped(70_000)
    landscape.requires_grad_()
    channels(landscape, stripe)[0, 0, _WEIGHTS.index("above_2")].sum().backward()
    slope = landscape.grad[0, 0]
    assert slope[BINS // 2 + 70] > 0
    assert slope[BINS // 2 - 70] == 0
    assert torch.isfinite(slope).all()


def test_shells_end_within_reach():
    assert _shells_within(_SHELLS[-1])[-1] == (200_000, 500_000)
    assert _shells_within(60_000) == [(20_000, 50_000)]


def test_distance_stands_for_contacts_that_are_not_there():
    landscape, stripe = random_window(3)
    some = landscape[..., : 2 * 125 + 1]
    stripe = stripe[..., :1].expand(1, 2, 251)
    by_contact = _contact_weighted(some, stripe, bin=1600, resolution=1600, reach=200_000)
    expected = by_contact.reshape(1, 2, len(_WEIGHTS), -1)[:, :, _WEIGHTS.index("distance")]
    found = _distance_weighted(some, bin=1600, reach=200_000).reshape(expected.shape)
    np.testing.assert_allclose(found.expm1().numpy(), expected.expm1().numpy(), rtol=1e-4)
