"""The machine that EIR computes on, and what it changes in EIR's global configuration."""

import ctypes
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from claster.eir.settings import Precision
from claster.errors import ClasterError
from claster.settings import Device

_NEVER = 10**6


@dataclass(frozen=True)
class Machine:
    """What EIR computes on, and how samples reach it.

    Attributes
    ----------
    device, devices
        Kind and number; each of several has a process of its own and its part of a batch.
    precision
        Of the computation; None: the flavour's.
    workers
        Processes that read samples ahead, for each device.
    memory
        Whether all samples are held in memory; None: as the flavour says.
    """

    device: Device = "auto"
    devices: int = 1
    precision: Precision | None = None
    workers: int = 0
    memory: bool | None = None


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
    if device == "cpu":
        return "cpu"
    if device == "auto" and not any(Path("/dev").glob("nvidia[0-9]*")):
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
