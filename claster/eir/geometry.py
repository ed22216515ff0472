"""The geometry of the network that EIR builds: positions, reach, attention, and what is wrong with it.

Every number is taken from EIR's own module. Shapes are those that flow through it. A receptive field
is where the gradient of one position is not zero, in a copy in which everything that looks at all
positions at once (norms, channel gates, attention) is switched off: EIR's norms reach everywhere, so a
gradient through them says nothing.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views, predicted_part
from claster.eir.machine import resolve_device
from claster.eir.network import (
    Attention,
    Block,
    as_linear,
    build_network,
    find_attention,
    output_values,
    random_inputs,
    steps_and_reach,
    trace_blocks,
)
from claster.eir.parts import Flavour, Modality
from claster.eir.preflight import sample_counts
from claster.progress import duration
from claster.settings import Device

if TYPE_CHECKING:
    import torch


_FEWEST_POSITIONS = 8
"""A last feature map with fewer positions than this hardly tells places apart."""

_LOCALITY = 10_000
"""How far (bp) the published attributions of a bin reach on either side of it, for the most part."""


@dataclass(frozen=True)
class Branch:
    """The way from one input to its last feature map or, where a profile is predicted, to its bins.

    `shape` is channels, height and width of the arrays that come in, `bin` the width of one of their columns
    in bp. `positions` are those of the last feature map or profile, `pitch` apart (bp); `reach` is the
    receptive field of one in bp, through convolutions alone, at most the whole array.
    """

    modality: Modality
    shape: tuple[int, int, int]
    bin: int
    positions: int
    pitch: int
    reach: int


@dataclass(frozen=True)
class Geometry:
    """What EIR builds of a flavour for a dataset, and what is wrong with it in words.

    `blocks` are in the order of the data; for their names see `trace_blocks`.
    """

    flavour: str
    dataset: str
    parameters: int
    blocks: tuple[Block, ...]
    branches: tuple[Branch, ...]
    attention: tuple[Attention, ...]
    warnings: tuple[str, ...]


def measure_geometry(flavour: Flavour, spec: DatasetSpec) -> Geometry:
    """Have EIR build a flavour for a dataset and measure what it has built.

    Parameters
    ----------
    flavour, spec
        What to build, for which dataset; its files need not be there.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs, or EIR cannot build it.
    """
    spec = predicted_part(flavour, spec)
    model = build_network(flavour, spec)
    parameters = sum(weights.numel() for weights in model.parameters())
    blocks = trace_blocks(model)
    attention = find_attention(model, blocks)
    as_linear(model)
    branches = []
    for modality, view in input_views(flavour, spec).items():
        profile = flavour.output.output_type == "array" and modality == flavour.continued
        step, span = steps_and_reach(model, modality, profile=profile)
        channels, height, width = (1, *view.shape(spec))[-3:]
        bin = _column_width(modality, spec)
        end = "output" if profile else modality
        maps = [name for name in blocks if name.startswith(f"{end}.") and ".vector" not in name]
        branches.append(
            Branch(
                modality=modality,
                shape=(channels, height, width),
                bin=bin,
                positions=blocks[maps[-1]].width,
                pitch=bin * step,
                reach=bin * min(span, width),
            )
        )
    faults = [_branch_faults(branch, flavour, spec, blocks) for branch in branches]
    faults += [_attention_faults(block) for block in attention]
    return Geometry(
        flavour=flavour.name,
        dataset=spec.name,
        parameters=parameters,
        blocks=tuple(blocks.values()),
        branches=tuple(branches),
        attention=attention,
        warnings=tuple(chain.from_iterable(faults)),
    )


def _column_width(modality: Modality, spec: DatasetSpec) -> int:
    if modality == "contacts" and spec.contacts is not None:
        return spec.contacts.resolution
    if modality == "embedding":
        return spec.require_target().bin
    return spec.window.bin


def _branch_faults(
    branch: Branch, flavour: Flavour, spec: DatasetSpec, blocks: dict[str, Block]
) -> list[str]:
    found = []
    is_square = spec.contacts is not None and spec.contacts.map == "paper_square"
    if branch.positions < _FEWEST_POSITIONS and branch.modality != "activity":
        found.append(
            f"the last feature map has {branch.positions} "
            f"position{'' if branch.positions == 1 else 's'} of {branch.shape[2]:,} columns, so that "
            "where something lies is lost; use fewer layers, a smaller stride or no dilation"
        )
    if branch.modality == "landscape" and flavour.output.output_type == "array":
        if branch.reach < 2 * _LOCALITY:
            found.append(
                f"a bin of the profile sees {branch.reach:,} bp, less than the {2 * _LOCALITY:,} bp in "
                "which most of what explains it lies; use larger kernels or more layers"
            )
    elif branch.modality == "landscape":
        target = spec.require_target().binning.width
        seen = (branch.positions - 1) * branch.pitch + branch.reach
        seen = min(seen, branch.shape[2] * branch.bin)
        if seen < target:
            found.append(
                f"the network sees {seen:,} bp around the TSS and predicts {target:,} bp; for bins "
                "beyond its sight it can only guess"
            )
    elif is_square and blocks["contacts.0"].height == 1:
        found.append(
            f"the first kernel spans all {branch.shape[1]} rows of a square map, whose rows are "
            "bins as its columns are; use a small kernel_height, as microc_square does"
        )
    return [f"{branch.modality}: {fault}" for fault in found]


def _attention_faults(block: Attention) -> list[str]:
    found = []
    if block.over != "positions":
        found.append(f"attention runs over {block.length} {block.over}, not over positions")
    if block.heads < block.heads_asked:
        found.append(
            f"EIR takes {block.heads} of {block.heads_asked} attention heads, for their number must "
            "divide the channels; choose another channel_exp_base"
        )
    return [f"{block.name}: {fault}" for fault in found]


@dataclass(frozen=True)
class Cost:
    """One measured training step: seconds, bytes, and the device.

    `memory` is, on a GPU, the most that was allocated; on the CPU the weights, their gradients, the
    optimizer's two moments and what the backward pass keeps. `forward` is the time of one sample in a
    batch that is predicted, `predicting` the most that was allocated on a GPU meanwhile (None on a CPU),
    `weights` how many weights there are.
    """

    batch_size: int
    device: str
    seconds: float
    memory: int
    forward: float = 0.0
    weights: int = 0
    predicting: int | None = None

    def epoch(self, samples: int) -> float:
        """Return the seconds of one epoch of so many samples, loading not counted."""
        return self.seconds * samples / self.batch_size


def measure_cost(flavour: Flavour, spec: DatasetSpec, *, device: str = "cpu") -> Cost:
    """Time a training step, forward and backward and AdamW, on random numbers in single precision.

    The median counts of some steps, as many as fit into two seconds; then of as many predictions.

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

    batch = flavour.training.batch_size
    step(2)  # the first step sets things up
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds = _median_time(lambda: step(batch), device)
    held = sum(tensor.numel() * tensor.element_size() for tensor in model.parameters())
    memory = 4 * held + sum(kept.values())
    if device == "cuda":
        memory = torch.cuda.max_memory_allocated()
    model.eval()
    optimizer.state.clear()  # its moments are not held while one predicts
    windows = random_inputs(model, samples=batch)
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    with torch.inference_mode():
        model(windows)
        forward = _median_time(lambda: model(windows), device) / batch
    return Cost(
        batch_size=batch,
        device=device,
        seconds=seconds,
        memory=memory,
        forward=forward,
        weights=sum(tensor.numel() for tensor in model.parameters()),
        predicting=torch.cuda.max_memory_allocated() if device == "cuda" else None,
    )


_LONG_ENOUGH = 2.0
_ENOUGH = 9


def _median_time(work: Callable[[], object], device: str) -> float:
    """Return the median seconds of some repetitions, of one at least."""
    import torch

    times: list[float] = []
    while sum(times) < _LONG_ENOUGH and len(times) < _ENOUGH:
        start = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return median(times)


_SAMPLES = 1000
"""For how many samples an epoch is told where the dataset is not built."""


def show_flavour(flavour: Flavour, spec: DatasetSpec, *, device: Device = "auto") -> str:
    """Return what EIR builds of a flavour for a dataset, and what a training step of it takes.

    Parameters
    ----------
    flavour, spec
        What to build, for which dataset; it need not be built.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs, or EIR cannot build it.
    """
    geometry = measure_geometry(flavour, spec)
    cost = measure_cost(flavour, spec, device=resolve_device(device))
    folders = DatasetFolders.of(spec)
    is_built = folders.ids("train").is_file()
    samples = sample_counts(folders).train if is_built else _SAMPLES
    return _geometry_text(geometry, cost, samples=samples)


def _geometry_text(geometry: Geometry, cost: Cost, *, samples: int) -> str:
    """Return what EIR builds of a flavour as a table and sentences."""
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
