"""Closed forms, and captum called by itself."""

import numpy as np
import pytest
import torch

from claster.analysis.attribution.blocks import BlockGrid
from claster.analysis.attribution.explain import (
    Cut,
    Explainer,
    gradient_x_input,
    integrated_gradients,
    occlusion,
)
from claster.analysis.attribution.inputs import Seen

BINS = [("landscape", (slice(t, t + 1), slice(b, b + 1))) for t in range(2) for b in range(12)]


def test_linear_model(linear, slopes, window, baseline, weights):
    """Integrated gradients are weight x (input - baseline), and so is what an occluded bin takes away."""
    mixed = torch.einsum("tgo,okb->tkb", weights, slopes)
    wanted = (mixed * (window["landscape"] - 0.3)).numpy()
    found = integrated_gradients(linear, window, baseline, weights, steps=3)
    np.testing.assert_allclose(found.values["landscape"], wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.delta, 0, atol=1e-4)
    np.testing.assert_allclose(found.change, wanted.sum(axis=(1, 2)), rtol=1e-4, atol=1e-5)
    predicted = linear({"landscape": window["landscape"][None]})[0]
    np.testing.assert_allclose(found.predicted, torch.einsum("gb,tgb->t", predicted, weights))
    lost = occlusion(linear, window, baseline, weights, blocks=BINS)
    np.testing.assert_allclose(lost.reshape(wanted.shape), wanted, rtol=1e-4, atol=1e-5)
    times = gradient_x_input(linear, window, baseline, weights).values["landscape"]
    np.testing.assert_allclose(times, (mixed * window["landscape"]).numpy(), rtol=1e-4, atol=1e-6)


def test_sum_of_squares(window, baseline):
    """The path integral of x squared is (x - b)(x + b) whatever the steps; of its cube it needs them."""
    weights = torch.ones(1, 1, 1)
    x = window["landscape"].numpy()
    for power in (2, 3):
        found = integrated_gradients(
            lambda inputs, power=power: (inputs["landscape"] ** power).sum((1, 2))[:, None, None],
            window,
            baseline,
            weights,
            steps=8,
        )
        np.testing.assert_allclose(
            found.values["landscape"][0], x**power - 0.3**power, rtol=1e-3, atol=1e-4
        )


def test_same_as_captum(curved, window, baseline, weights):
    from captum.attr import InputXGradient, IntegratedGradients

    def answer(landscape):
        return torch.einsum("ngb,tgb->nt", curved({"landscape": landscape}), weights)

    mine = gradient_x_input(curved, window, baseline, weights, batch_size=2)
    path = integrated_gradients(curved, window, baseline, weights, steps=20, batch_size=2)
    given, start = window["landscape"][None], baseline["landscape"][None]
    for target in range(3):
        by_captum = InputXGradient(answer).attribute(given.clone().requires_grad_(), target=target)
        np.testing.assert_allclose(
            mine.values["landscape"][target], by_captum.detach()[0], rtol=1e-4, atol=1e-6
        )
        by_captum, delta = IntegratedGradients(answer).attribute(
            given, start, target=target, n_steps=20, return_convergence_delta=True
        )
        np.testing.assert_allclose(
            path.values["landscape"][target], by_captum[0], rtol=1e-3, atol=1e-5
        )
        assert path.delta[target] == pytest.approx(delta.item(), abs=1e-4)
    assert np.isnan(mine.delta).all()


def test_a_cut_model_has_the_same_attributions(window, baseline):
    """Behind an affine function the path is straight too."""
    torch.manual_seed(5)
    first = torch.nn.Conv1d(2, 3, 4, stride=2).requires_grad_(requires_grad=False)
    weights = torch.randn(3, 1, 5)

    def rest(inputs):
        return torch.tanh(inputs["landscape"]).prod(dim=1, keepdim=True) * 5

    def whole(inputs):
        return rest({"landscape": first(inputs["landscape"])})

    cut = Cut({"landscape": first}, rest)
    wanted = integrated_gradients(whole, window, baseline, weights)
    for size in (2, 64):
        found = integrated_gradients(whole, window, baseline, weights, batch_size=size, cut=cut)
        np.testing.assert_allclose(
            found.values["landscape"], wanted.values["landscape"], rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(found.delta, 0, atol=1e-3)


def test_few_steps_do_not_converge(curved, window, baseline, weights):
    rough, fine = (
        np.abs(integrated_gradients(curved, window, baseline, weights, steps=steps).delta).max()
        for steps in (2, 40)
    )
    assert fine < 1e-4 < rough


@pytest.mark.parametrize(("bend", "wanted"), [(1, 8), (9, 16), (20, 32), (300, 50)])
def test_steps_are_doubled_until_they_add_up(bend, wanted):
    """The sharper the bend of the path, the more points it takes, up to those that are asked for."""
    taken = []

    def forward(inputs):
        taken.append(len(inputs["landscape"]))
        return torch.tanh(bend * (inputs["landscape"] - 0.41))

    explainer = Explainer(
        forward,
        torch.device("cpu"),
        Seen({}, ("a",), None, None),
        ("a",),
        BlockGrid((), np.empty(0)),
        steps=50,
    )
    zero, one = ({"landscape": np.full((1, 1), x, np.float32)} for x in (0, 1))
    found = explainer.explain("integrated_gradients", one, zero, np.ones((1, 1, 1)))
    assert max(taken) == wanted
    assert found.adds_up() == (wanted < 50)


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_any_batch_gives_the_same(curved, window, baseline, weights, batch_size):
    whole = occlusion(curved, window, baseline, weights, blocks=BINS, batch_size=24)
    part = occlusion(curved, window, baseline, weights, blocks=BINS, batch_size=batch_size)
    np.testing.assert_allclose(part, whole, rtol=1e-4, atol=1e-6)
    paths = [
        integrated_gradients(curved, window, baseline, weights, steps=6, batch_size=size)
        for size in (64, max(batch_size, 1))
    ]
    np.testing.assert_allclose(
        paths[0].values["landscape"], paths[1].values["landscape"], rtol=1e-4, atol=1e-6
    )
    assert not window["landscape"].requires_grad


def test_occluded_block_of_two_tracks(curved, window, baseline, weights):
    place = (slice(None), slice(3, 7))
    lost = occlusion(curved, window, baseline, weights, blocks=[("landscape", place)])
    edited = window["landscape"].clone()
    edited[:, 3:7] = 0.3
    change = curved({"landscape": window["landscape"][None]}) - curved({"landscape": edited[None]})
    np.testing.assert_allclose(
        lost[:, 0], torch.einsum("ngb,tgb->t", change, weights), rtol=1e-4, atol=1e-6
    )
