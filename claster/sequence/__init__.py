"""DNA sequence around each TSS, what sequence models make of it, and their training."""

import importlib
from typing import Any

_HOMES = {
    "MODELS": "models",
    "embed_dataset": "embed",
    "extract_windows": "windows",
    "finetune": "finetune",
    "write_tiny_model": "tiny",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what is asked for, so that a part of the room does not load all of it."""
    if name not in _HOMES:
        raise AttributeError(f"module 'claster.sequence' has no attribute {name!r}")
    return getattr(importlib.import_module(f"claster.sequence.{_HOMES[name]}"), name)
