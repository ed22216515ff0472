"""Small files and names that must be on disk before the next step."""

import os
from pathlib import Path

from claster.files import sync_folder

__all__ = ["fresh_name", "replace_text"]


def fresh_name(path: Path) -> Path:
    """Return where `replace_text` writes before the rename."""
    return path.with_name(f"{path.name}.new")


def replace_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` whole or not at all, safe against a power cut.

    The temporary name is always the same: it is for one writer at a time, who may be killed at any moment
    a hundred times and leaves one file at most.
    """
    fresh = fresh_name(path)
    with fresh.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
