"""What a training step of a network takes: time and memory, measured."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claster.dataset.spec import DatasetSpec
from claster.eir.blocks import output_values, random_inputs
from claster.eir.network import build_network
from claster.eir.parts import Flavour

if TYPE_CHECKING:
    import torch

__all__ = ["Cost", "measure_cost"]


@dataclass(frozen=True)
class Cost:
    """One measured training step: seconds, bytes, and the device.

    `memory` is, on a GPU, the most that was allocated; on the CPU the weights, their gradients, the
    optimizer's two moments and what the backward pass keeps.
    """

    batch_size: int
    device: str
    seconds: float
    memory: int

    def epoch(self, samples: int) -> float:
        """Return the seconds of one epoch of so many samples, loading not counted."""
        return self.seconds * samples / self.batch_size


def measure_cost(flavour: Flavour, spec: DatasetSpec, *, device: str = "cpu") -> Cost:
    """Time one training step, forward and backward and AdamW, on random numbers in single precision.

    Parameters
    ----------
    flavour, spec
        What to build, for which dataset; its files need not be there.
    device
        ``cpu`` or ``cuda``.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs, or EIR cannot build it.
    """
    model = build_network(flavour, spec).to(device).train()

    import torch

    optimizer = torch.optim.AdamW(model.parameters())
    kept: dict[int, int] = {}

    def keep(tensor: "torch.Tensor") -> "torch.Tensor":
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    def step(samples: int) -> None:
        kept.clear()
        inputs = random_inputs(model, samples=samples)
        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            losses = [values.square().mean() for values in output_values(model(inputs))]
            loss = torch.stack(losses).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    batch = flavour.training.batch_size
    step(2)  # the first step sets things up
    start = time.perf_counter()
    step(batch)
    seconds = time.perf_counter() - start
    weights = sum(tensor.numel() * tensor.element_size() for tensor in model.parameters())
    memory = 4 * weights + sum(kept.values())
    if device == "cuda":
        memory = torch.cuda.max_memory_allocated()
    return Cost(batch_size=batch, device=device, seconds=seconds, memory=memory)
