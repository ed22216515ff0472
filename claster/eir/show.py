"""The geometry of a network in words, for `claster configure --show`."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.blocks import output_values, random_inputs
from claster.eir.geometry import Geometry, measure_geometry
from claster.eir.machine import Device, resolve_device
from claster.eir.network import build_network
from claster.eir.parts import Flavour
from claster.eir.preflight import sample_counts
from claster.progress import duration

if TYPE_CHECKING:
    import torch

__all__ = ["Cost", "geometry_text", "measure_cost", "show_flavour"]


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


_SAMPLES = 1000
"""For how many samples an epoch is told where the dataset is not built."""


def show_flavour(flavour: Flavour, spec: DatasetSpec, *, device: Device = "auto") -> str:
    """Return what EIR builds of a flavour for a dataset, and what a training step of it takes.

    Parameters
    ----------
    flavour, spec
        What to build, for which dataset; it need not be built.
    device
        Where the step is timed.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs, or EIR cannot build it.
    """
    geometry = measure_geometry(flavour, spec)
    cost = measure_cost(flavour, spec, device=resolve_device(device))
    folders = DatasetFolders.of(spec)
    built = folders.ids("train").is_file()
    return geometry_text(
        geometry, cost, samples=sample_counts(folders).train if built else _SAMPLES
    )


def geometry_text(geometry: Geometry, cost: Cost, *, samples: int) -> str:
    """Return what EIR builds of a flavour as a table and sentences.

    Parameters
    ----------
    geometry
        Of `measure_geometry`.
    cost
        Of `measure_cost`.
    samples
        For how many samples the time of an epoch is told.
    """
    lines = [
        f"{geometry.flavour} on dataset {geometry.dataset}: {geometry.parameters:,} parameters",
        f"  {'block':<18} {'class in EIR':<24} {'channels x height x width':>26} {'parameters':>12}",
    ]
    lines += [
        f"  {block.name:<18} {block.kind:<24} "
        f"{f'{block.channels} x {block.height} x {block.width:,}':>26} {block.parameters:>12,}"
        for block in geometry.blocks
    ]
    for branch in geometry.branches:
        channels, height, width = branch.shape
        covered = width * branch.bin
        sight = "everything" if branch.reach >= covered else f"{branch.reach:,} bp"
        positions = (
            "1 position, which"
            if branch.positions == 1
            else f"{branch.positions:,} positions, one every {branch.pitch:,} bp, each"
        )
        lines.append(
            f"  {branch.modality}: {channels} x {height} x {width:,} in columns of {branch.bin:,} bp "
            f"({covered:,} bp); {positions} sees {sight} through convolutions"
        )
    lines += [
        f"  {block.name}: attention over {block.length:,} {block.over}, {block.heads} "
        f"head{'' if block.heads == 1 else 's'}"
        for block in geometry.attention
    ]
    lines.append(
        f"  one step of {cost.batch_size} samples on {cost.device}: {cost.seconds:.2g} s, "
        f"{cost.memory / 1e9:.2g} GB; an epoch of {samples:,} samples: about "
        f"{duration(cost.epoch(samples))}"
    )
    lines += [f"  warning: {warning}" for warning in geometry.warnings]
    return "\n".join(lines)
