"""Variants of datasets: a few keys laid over a dataset's YAML, as experiments ask for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import claster
from claster.dataset.place import read_keys
from claster.errors import ClasterError

__all__ = [
    "EXPERIMENTS",
    "experiment_files",
    "laid_over",
    "read_experiment",
    "shipped_configurations",
    "vary",
]

EXPERIMENTS = Path("configurations") / "experiments"
"""Where experiments are, from the project's folder."""


def shipped_configurations() -> Path:
    """Return the folder of configurations that come with CLASTER: in the package or beside it in a clone."""
    package = Path(claster.__file__).parent
    inside = package / "configurations"
    return inside if inside.is_dir() else package.parent / "configurations"


def experiment_files(*, project: Path | str = ".") -> dict[str, Path]:
    """Return the YAML of each experiment by name; the project's own ones come before those of CLASTER."""
    folders = (shipped_configurations() / EXPERIMENTS.name, Path(project) / EXPERIMENTS)
    found = {path.stem: path for folder in folders for path in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def read_experiment(name: str, *, project: Path | str = ".") -> dict[str, Any]:
    """Return the content of an experiment's YAML.

    Raises
    ------
    ClasterError
        If there is none, or it is no YAML with keys, each once.
    """
    files = experiment_files(project=project)
    if name not in files:
        raise ClasterError(
            f"no experiment {name!r} in {Path(project) / EXPERIMENTS}",
            remedy=f"choose one of {', '.join(files)}",
        )
    return read_keys(files[name], remedy="see docs/figures_of_the_paper.md")[0]


def vary(content: Mapping[str, Any], variant: str, *, project: Path | str = ".") -> dict[str, Any]:
    """Return the content of a dataset's YAML with an experiment's changes laid over it.

    A simulated dataset gets the changes of `simulated` where the experiment has them, else, as any
    other, those of `dataset`. The name becomes ``<name>-<variant>``.

    Parameters
    ----------
    content
        The dataset's YAML.
    variant
        Name of the experiment.
    project
        The project's folder.

    Raises
    ------
    ClasterError
        See `read_experiment`.
    """
    experiment = read_experiment(variant, project=project)
    changes = experiment.get("dataset") or {}
    if "simulation" in content and "simulated" in experiment:
        changes = experiment["simulated"] or {}
    varied: dict[str, Any] = laid_over(content, changes)
    return varied | {"name": f"{content.get('name')}-{variant}"}


def laid_over(base: Any, changes: Any) -> Any:  # noqa: ANN401
    """Return `base` with changes: keys in turn, parts of a list by their `name`, else the new value.

    A change to None takes the key away.

    Examples
    --------
    >>> laid_over({"a": 1, "b": [{"name": "x", "k": 1}]}, {"a": None, "b": [{"name": "x", "m": 2}]})
    {'b': [{'name': 'x', 'k': 1, 'm': 2}]}
    """
    if isinstance(base, Mapping) and isinstance(changes, Mapping):
        merged = {key: laid_over(base.get(key), value) for key, value in changes.items()}
        return {key: value for key, value in {**base, **merged}.items() if value is not None}
    if _have_names(base) and _have_names(changes):
        parts = {part["name"]: part for part in base}
        parts |= {part["name"]: laid_over(parts.get(part["name"], {}), part) for part in changes}
        return list(parts.values())
    return changes


def _have_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(p, Mapping) and "name" in p for p in value)
