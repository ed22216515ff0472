"""How long steps took, noted in the project, so that the cost of the next ones can be told."""

import os
import platform
import re
import resource
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from claster.settings import Device


class Took(BaseModel):
    """A step that was done from its beginning to its end.

    `units` is how much there was to do, in what the step counts (genes, samples, edits); `flavour` is empty
    where no network took part, `memory` the most that the process took, in bytes.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    step: str
    dataset: str
    flavour: str = ""
    machine: str
    device: Device = "cpu"
    units: float
    seconds: float
    memory: int = 0


def note_time(
    project: Path,
    step: str,
    *,
    dataset: str,
    units: float,
    seconds: float,
    flavour: str = "",
    device: Device = "cpu",
) -> None:
    """Note a step that was done, as a line in ``runs/.times.jsonl`` of the project, if that may be written.

    Parameters
    ----------
    units, seconds
        How much there was to do, and how long that took in this process.
    """
    process = resource.RUSAGE_CHILDREN if step == "train" else resource.RUSAGE_SELF
    unit = 1 if sys.platform == "darwin" else 1024
    took = Took(
        step=step,
        dataset=dataset,
        flavour=flavour,
        machine=machine_name(device),
        device=device,
        units=units,
        seconds=round(seconds, 3),
        memory=unit * resource.getrusage(process).ru_maxrss,
    )
    path = _times(project)
    with suppress(OSError):  # what may only be read keeps no times, and the step is done
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as handle:
            # One write: lines of two commands do not mix.
            handle.write(took.model_dump_json() + "\n")


def read_times(project: Path) -> list[Took]:
    """Return what was noted in a project, the oldest first; a line that is cut off does not count."""
    path, past = _times(project), []
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    for line in text.splitlines():
        with suppress(ValueError):
            past.append(Took.model_validate_json(line))
    return past


def _times(project: Path) -> Path:
    return project / "runs" / ".times.jsonl"


def machine_name(device: Device) -> str:
    """Return what decides how fast this machine is: processor and cores that a command uses, or the GPU."""
    if device == "cuda":
        import torch  # seconds; whoever computes on a GPU has it already

        if torch.cuda.is_available():
            return torch.cuda.get_device_name()
    info = Path("/proc/cpuinfo")
    told = info.read_text(encoding="utf-8", errors="replace") if info.is_file() else ""
    found = re.search(r"^model name[^:\n]*:(.*)$", told, re.MULTILINE)
    name = found[1].strip() if found else platform.processor() or platform.machine()
    cores, threads = os.process_cpu_count() or 1, os.environ.get("OMP_NUM_THREADS", "")
    return f"{name}, {min(cores, int(threads)) if threads.isdecimal() else cores} cores"
