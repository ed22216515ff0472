"""The geometry of a network in words, for `claster configure --show`."""

from pathlib import Path

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.cost import Cost, measure_cost
from claster.eir.geometry import Geometry, measure_geometry
from claster.eir.machine import Device, resolve_device
from claster.eir.parts import Flavour
from claster.eir.preflight import sample_counts
from claster.eir.watch import duration

__all__ = ["geometry_text", "show_flavour"]

_SAMPLES = 1000
"""For how many samples an epoch is told where the dataset is not built."""


def show_flavour(
    flavour: Flavour, spec: DatasetSpec, *, project: Path | str = ".", device: Device = "auto"
) -> str:
    """Return what EIR builds of a flavour for a dataset, and what a training step of it takes.

    Parameters
    ----------
    flavour, spec
        What to build, for which dataset; it need not be built.
    project
        The project's folder.
    device
        Where the step is timed.

    Raises
    ------
    ClasterError
        If the dataset lacks what the flavour needs, or EIR cannot build it.
    """
    geometry = measure_geometry(flavour, spec)
    cost = measure_cost(flavour, spec, device=resolve_device(device))
    folders = DatasetFolders.of(spec, project=project)
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
