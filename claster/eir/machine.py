"""The machine that EIR computes on: what it can do, what it changes in EIR's configuration, how it is fed."""

import ctypes
import math
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.filesize import decimal

from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views
from claster.eir.parts import Flavour, SampleCounts
from claster.eir.settings import Precision, TrainSettings
from claster.errors import ClasterError
from claster.files import free_memory
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
_NEVER = 10**6


@dataclass(frozen=True)
class Machine:
    """What EIR computes on, and how samples reach it.

    Each of several `devices` has a process of its own and its part of a batch; `precision` None is the
    flavour's. `workers` read samples ahead for each device; `memory` is whether all samples are held in
    memory (None: as the flavour says); `feeding` tells both, and why.
    """

    device: Device = "auto"
    devices: int = 1
    precision: Precision | None = None
    workers: int = 0
    memory: bool | None = None
    feeding: str = ""


def on_machine(settings: dict[str, Any], machine: Machine) -> dict[str, Any]:
    """Return EIR's global configuration for a machine.

    On several devices EIR 0.25 sets the learning rate in the first process only, so that the weights
    of the others drift away, and an early stop in it ends the others with an error: there the rate
    stays as it is, and all epochs are trained.
    """
    several = machine.devices > 1
    accelerator = settings["accelerator"] | {
        "hardware": machine.device,
        "strategy": "ddp" if several else "auto",
        "devices": machine.devices,
    }
    if machine.precision is not None:
        accelerator["precision"] = machine.precision
    feeding: dict[str, Any] = {"dataloader_workers": machine.workers}
    if machine.memory is not None:
        feeding["memory_dataset"] = machine.memory
    settings = settings | {
        "basic_experiment": settings["basic_experiment"] | feeding,
        "accelerator": accelerator,
    }
    if several:
        settings["lr_schedule"] = settings["lr_schedule"] | {
            "lr_schedule": "plateau",
            "warmup_steps": None,
            "lr_plateau_patience": _NEVER,
        }
        settings["training_control"] = {"early_stopping_patience": 0}
    return settings


def resolve_device(device: Device) -> Device:
    """Return where to compute: ``auto`` becomes ``cuda`` if EIR can use one, else ``cpu``.

    Raises
    ------
    ClasterError
        If ``cuda`` is asked for where there is none.
    """
    if device == "cpu" or (device == "auto" and not any(Path("/dev").glob("nvidia[0-9]*"))):
        return "cpu"
    import torch  # seconds, and only wanted where a GPU is in question

    if torch.cuda.is_available():
        return "cuda"
    if device == "auto":
        return "cpu"
    raise ClasterError(
        "device cuda was asked for and PyTorch finds no CUDA GPU here",
        remedy="use --device cpu, or check the driver with nvidia-smi",
    )


_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of glibc's malloc.h
_KEPT_BYTES = 2**29
_MAPPED_BYTES = 2**25


def keep_freed_memory() -> None:
    """Let this process keep up to 512 MB that it has freed, for what it allocates next.

    A forward pass on a CPU allocates and frees some MB at every layer. glibc gives them back to the kernel
    each time, and new pages take as long as the arithmetic. Another C library is left as it is.
    """
    if hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        library.mallopt(_MMAP_THRESHOLD, _MAPPED_BYTES)


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
    there, has_bf16 = os.process_cpu_count() or 1, True
    if device == "cuda":
        import torch  # seconds

        there = torch.cuda.device_count()
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
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
    if precision == "bf16-mixed" and not has_bf16:
        raise ClasterError(
            "precision bf16-mixed was asked for and this GPU has no bfloat16",
            remedy="use --precision 16-mixed or 32-true",
        )
    return Machine(device=device, devices=devices, precision=precision)


def choose_feeding(
    machine: Machine,
    asked: TrainSettings,
    *,
    flavour: Flavour,
    spec: DatasetSpec,
    counts: SampleCounts,
    epochs: int,
) -> Machine:
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
    flavour, spec, counts, epochs
        What is trained, on what, and how long.
    """
    workers, memory = asked.workers, asked.memory
    free = free_memory()
    a_sample = sample_bytes(flavour, spec)
    arrays = a_sample * (counts.train + counts.valid)
    taken = _COPIES * arrays * machine.devices
    if memory is None:
        memory = free is not None and taken <= _SHARE * free and not workers
    seconds = epochs * a_sample * counts.train / _READ_RATE / machine.devices
    if workers is None:
        is_table = flavour.output.array is None
        idle = memory or is_table or machine.device == "cpu" or seconds < _WORTH_WORKERS
        cores = os.process_cpu_count() or 1
        workers = 0 if idle else max(0, min(_MOST_WORKERS, cores // machine.devices - 1))
    room = "of unknown size" if free is None else decimal(free)
    why = (
        f"samples {'in memory' if memory else 'read from files'} by {workers or 'no'} workers: EIR takes "
        f"{decimal(taken)} of the free memory ({room}) to read {decimal(arrays)}"
    )
    if not memory:
        why += f"; one process reads for {seconds / 60:,.0f} min of the training"
    return replace(machine, workers=workers, memory=memory, feeding=why)


def sample_bytes(flavour: Flavour, spec: DatasetSpec) -> int:
    """Return the size of the float32 arrays of one sample: inputs, and the target where it is one."""
    sizes = [math.prod(view.shape(spec)) for view in input_views(flavour, spec).values()]
    target = len(spec.require_target().columns) if flavour.output.array else 0
    return 4 * (sum(sizes) + target)
