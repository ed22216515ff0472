"""A linear and a curved model of two tracks, as attribution sees a network."""

import numpy as np
import pytest
import torch

BINS, TARGETS = 12, 5


@pytest.fixture
def window():
    return {"landscape": torch.randn(2, BINS, generator=torch.Generator().manual_seed(1))}


@pytest.fixture
def baseline(window):
    return {"landscape": torch.full_like(window["landscape"], 0.3)}


@pytest.fixture
def weights():
    """Two target bins, and a mean over three."""
    chosen = np.zeros((3, 1, TARGETS), np.float32)
    chosen[0, 0, 0] = chosen[1, 0, 4] = 1
    chosen[2, 0, 1:4] = 1 / 3
    return torch.from_numpy(chosen)


@pytest.fixture
def slopes():
    return torch.randn(TARGETS, 2, BINS, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def linear(slopes):
    return lambda inputs: torch.einsum("nkb,tkb->nt", inputs["landscape"], slopes)[:, None] + 7


@pytest.fixture
def curved(linear):
    return lambda inputs: torch.tanh(linear(inputs) / 3) + linear(inputs) ** 2 / 50
