"""What a training runs on, refused where it cannot be; and how its samples reach EIR."""

import math
import os

from rich.filesize import decimal

from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views
from claster.eir.machine import Machine, resolve_device
from claster.eir.parts import Flavour
from claster.eir.settings import Precision, TrainSettings
from claster.eir.yaml_files import SampleCounts
from claster.errors import ClasterError
from claster.settings import Device

_COPIES = 4
"""Memory that EIR takes while it reads arrays into it, in times of these (3.0 measured:
benchmarks/training.py)."""
_SHARE = 0.5
"""Share of the free memory that arrays may take."""
_READ_RATE = 300e6
"""Bytes a second that one process reads and normalises from cached files (benchmarks/loading.py)."""
_WORTH_WORKERS = 600.0
"""Seconds of preparing samples in a training; each worker first imports EIR for half a minute."""
_MOST_WORKERS = 4


def require_machine(device: Device, *, devices: int = 1, precision: Precision | None) -> Machine:
    """Return what EIR computes on.

    Parameters
    ----------
    device
        Where to compute; ``auto`` takes a GPU where there is one.
    devices
        How many GPUs; on the CPU, how many processes.
    precision
        Of the computation; None: the flavour's.

    Raises
    ------
    ClasterError
        If there is no such device, there are fewer of them, or it cannot compute so.
    """
    device = resolve_device(device)
    there = _devices(device)
    if not 1 <= devices <= there:
        kind = "GPU" if device == "cuda" else "CPU core"
        raise ClasterError(
            f"{devices} devices were asked for and there {'is' if there == 1 else 'are'} {there} "
            f"{kind}{'' if there == 1 else 's'} to use",
            remedy=f"choose --devices from 1 to {there}",
        )
    if precision == "16-mixed" and device == "cpu":
        raise ClasterError(
            "precision 16-mixed was asked for and needs a GPU",
            remedy="use --precision bf16-mixed or 32-true",
        )
    if precision == "bf16-mixed" and device == "cuda" and not _has_bf16():
        raise ClasterError(
            "precision bf16-mixed was asked for and this GPU has no bfloat16",
            remedy="use --precision 16-mixed or 32-true",
        )
    return Machine(device=device, devices=devices, precision=precision)


def choose_feeding(
    machine: Machine,
    asked: TrainSettings,
    *,
    sample_bytes: int,
    table: bool,
    counts: SampleCounts,
    epochs: int,
    cores: int,
    free: int | None,
) -> tuple[Machine, str]:
    """Choose whether samples are held in memory or read when their turn comes, by how many workers.

    Held in memory where EIR, which takes four times the arrays while it reads them, takes at most
    half of the free memory in all processes. Else workers read ahead on a GPU where reading takes
    over 10 minutes of the training in one process and a core is left for each; but not with a table of
    targets, which a worker hands over column by column, so that two together are slower than none. A
    step on a CPU takes many times as long as its samples.

    Parameters
    ----------
    machine
        Of `require_machine`.
    asked
        Its `workers` and `memory` are taken where they are given.
    sample_bytes
        Size of the arrays of one sample.
    table
        Whether targets are a table, and not an array.
    counts, epochs
        Length of the training.
    cores
        Cores that this process may use.
    free
        Available memory in bytes; None where that is not known.

    Returns
    -------
    tuple of Machine and str
        With both decided, and why, in a sentence.
    """
    workers, memory = asked.workers, asked.memory
    arrays = sample_bytes * (counts.train + counts.valid)
    taken = _COPIES * arrays * machine.devices
    fits = free is not None and taken <= _SHARE * free
    if memory is None:
        memory = fits and not workers
    seconds = epochs * sample_bytes * counts.train / _READ_RATE / machine.devices
    if workers is None:
        idle = memory or table or machine.device == "cpu" or seconds < _WORTH_WORKERS
        workers = 0 if idle else max(0, min(_MOST_WORKERS, cores // machine.devices - 1))
    room = "of unknown size" if free is None else decimal(free)
    why = (
        f"samples {'in memory' if memory else 'read from files'} by {workers or 'no'} workers: EIR takes "
        f"{decimal(taken)} of the free memory ({room}) to read {decimal(arrays)}"
    )
    if not memory:
        why += f"; one process reads for {seconds / 60:,.0f} min of the training"
    fed = Machine(machine.device, machine.devices, machine.precision, workers, memory)
    return fed, why


def sample_bytes(flavour: Flavour, spec: DatasetSpec) -> int:
    """Return the size of the float32 arrays of one sample: inputs, and the target where it is one."""
    sizes = [math.prod(view.shape(spec)) for view in input_views(flavour, spec).values()]
    target = len(spec.require_target().columns) if flavour.output.array else 0
    return 4 * (sum(sizes) + target)


def _devices(device: Device) -> int:
    if device == "cpu":
        return os.process_cpu_count() or 1
    import torch  # seconds, and only wanted where a GPU is in question

    return torch.cuda.device_count()


def _has_bf16() -> bool:
    import torch

    return torch.cuda.is_bf16_supported(including_emulation=False)
