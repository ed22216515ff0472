"""Nascent transcription from chromatin tracks and contact maps: datasets, networks, and questions to them.

Three nouns do most of the work: a `Project` knows where everything lies, a `Dataset` is what a network
reads and predicts, a `Run` is a trained network. `docs/python.md` shows them at work.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from claster import plot
    from claster.analysis import metrics
    from claster.data import Dataset
    from claster.errors import ClasterError
    from claster.project import Project, simulate, train
    from claster.results import Results
    from claster.run import Run

__all__ = [
    "ClasterError",
    "Dataset",
    "Project",
    "Results",
    "Run",
    "metrics",
    "plot",
    "simulate",
    "train",
]

_HOMES = {
    "ClasterError": "claster.errors",
    "Dataset": "claster.data",
    "Project": "claster.project",
    "Results": "claster.results",
    "Run": "claster.run",
    "metrics": "claster.analysis.metrics",
    "plot": "claster.plot",
    "simulate": "claster.project",
    "train": "claster.project",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import what is asked for, so that `import claster` itself takes no time."""
    if name not in _HOMES:
        raise AttributeError(f"module 'claster' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    return home if _HOMES[name].rpartition(".")[2] == name else getattr(home, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
