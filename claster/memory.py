"""How much memory is available, before work that needs much of it."""

from pathlib import Path

from claster.errors import ClasterError


def free_memory(
    meminfo: Path = Path("/proc/meminfo"), control_group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return the bytes of memory that are available, on Linux; None elsewhere.

    The limit of a container or of a cluster's job counts (control groups, version 2).
    """
    if not meminfo.is_file():
        return None
    free = [
        1024 * int(line.split()[1])
        for line in meminfo.read_text(encoding="ascii").splitlines()
        if line.startswith("MemAvailable:")
    ]
    limit, used = (_number(control_group / name) for name in ("memory.max", "memory.current"))
    if limit is not None and used is not None:
        free.append(max(0, limit - used))
    return min(free, default=None)


def require_memory(*, needed: int, named: str, remedy: str) -> None:
    """Refuse work that needs more bytes of memory than are available; where that is not known, nothing is.

    `named` is what takes them, for the message.
    """
    free = free_memory()
    if free is not None and free < needed:
        raise ClasterError(
            f"{named} needs {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB is available",
            remedy=remedy,
        )


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is no file or it says ``max``."""
    text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
    return int(text) if text.isdecimal() else None
