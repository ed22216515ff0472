"""Find and read dataset YAMLs; faults name file, line and key."""

import glob
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import claster
from claster.dataset.spec import DatasetSpec
from claster.dataset.yaml_file import Places, read_keys
from claster.errors import ClasterError, choose_among
from claster.files import is_below, write_text
from claster.settings import explained
from claster.text import read_text

EXPERIMENTS = Path("configurations") / "experiments"
"""Where experiments are, from the project's folder."""


class NoDatasetError(ClasterError):
    """A dataset, or the experiment that varies it, of which no YAML is here."""


def _shipped_configurations() -> Path:
    """Return the folder of configurations that come with CLASTER: in the package or beside it in a clone."""
    package = Path(claster.__file__).parent
    inside = package / "configurations"
    return inside if inside.is_dir() else package.parent / "configurations"


def experiment_files(*, project: Path | str = ".") -> dict[str, Path]:
    """Return the YAML of each experiment by name; the project's own ones come before those of CLASTER."""
    folders = (_shipped_configurations() / EXPERIMENTS.name, Path(project) / EXPERIMENTS)
    found = {path.stem: path for folder in folders for path in folder.glob("*.yaml")}
    return dict(sorted(found.items()))


def read_experiment(name: str, *, project: Path | str = ".") -> dict[str, Any]:
    """Return the content of an experiment's YAML.

    Raises
    ------
    ClasterError
        If there is none, or it is not YAML with keys, each once.
    """
    files = experiment_files(project=project)
    if name not in files:
        raise NoDatasetError(
            f"no experiment {name!r} in {Path(project) / EXPERIMENTS}",
            remedy=choose_among(name, files),
        )
    return read_keys(files[name], remedy="see docs/figures_of_the_paper.md")[0]


def _vary(content: Mapping[str, Any], variant: str, *, project: Path | str = ".") -> dict[str, Any]:
    """Return the content of a dataset's YAML with an experiment's changes laid over it.

    A simulated dataset gets the changes of `simulated` where the experiment has them, else, as any
    other, those of `dataset`. The name becomes ``<name>-<variant>``.
    """
    experiment = read_experiment(variant, project=project)
    changes = experiment.get("dataset") or {}
    if "simulation" in content and "simulated" in experiment:
        changes = experiment["simulated"] or {}
    varied: dict[str, Any] = _laid_over(content, changes)
    return varied | {"name": f"{content.get('name')}-{variant}"}


def _laid_over(base: Any, changes: Any) -> Any:  # noqa: ANN401
    """Return `base` with changes: keys in turn, parts of a list by their `name`, else the new value.

    A change to None takes the key away.

    Examples
    --------
    >>> _laid_over({"a": 1, "b": [{"name": "x", "k": 1}]}, {"a": None, "b": [{"name": "x", "m": 2}]})
    {'b': [{'name': 'x', 'k': 1, 'm': 2}]}
    """
    if isinstance(base, Mapping) and isinstance(changes, Mapping):
        merged = {key: _laid_over(base.get(key), value) for key, value in changes.items()}
        return {key: value for key, value in {**base, **merged}.items() if value is not None}
    if _have_names(base) and _have_names(changes):
        parts = {part["name"]: part for part in base}
        parts |= {part["name"]: _laid_over(parts.get(part["name"], {}), part) for part in changes}
        return list(parts.values())
    return changes


def _have_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(p, Mapping) and "name" in p for p in value)


_VARIANT = re.compile(r"(?P<dataset>[^+]+)\+(?P<variant>[A-Za-z0-9._-]+)")
_FOLD = re.compile(r"(?P<dataset>.+)@(?P<fold>\d+)of(?P<folds>\d+)")


def find_dataset(name: str, *, project: Path | str = ".") -> Path:
    """Return the YAML file of a dataset, or raise `NoDatasetError`.

    Parameters
    ----------
    name
        A name below `configurations/datasets` ("toy", "examples/k562_chr21", or "k562_chr21" where
        only one sub-folder has it) or a path to a YAML file; a relative one starts at `project`.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(project) / Path(name).expanduser()
        if path.is_file():
            return path
        raise NoDatasetError(f"no dataset file at {path}", remedy="check the path")
    folder = _folder(project)
    for place in (folder, _shipped_configurations() / "datasets"):
        if not is_below(name):
            break
        path = place / f"{name}.yaml"
        deeper = [path] if path.is_file() else list(place.rglob(f"{glob.escape(name)}.yaml"))
        if len(deeper) == 1:
            return _brought(deeper[0], project)
    raise NoDatasetError(
        f"no dataset {name!r} in {folder}",
        remedy=choose_among(name, [*_names_in(folder), *list_datasets(project=project)]),
    )


def list_datasets(*, project: Path | str = ".") -> list[str]:
    """Return the names of a project's datasets and of those that come with CLASTER, for `find_dataset`."""
    shipped = _shipped_configurations() / "datasets"
    return sorted({*_names_in(_folder(project)), *_names_in(shipped)})


def _names_in(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml")
    )


def _brought(path: Path, project: Path | str) -> Path:
    """Return a configuration of the project; one that comes with CLASTER is copied into it first."""
    shipped = _shipped_configurations().resolve()
    if not path.resolve().is_relative_to(shipped):
        return path
    own = Path(project) / "configurations" / path.resolve().relative_to(shipped)
    if not own.is_file():
        write_text(own, read_text(path))
    return own


def _folder(project: Path | str) -> Path:
    return Path(project) / "configurations" / "datasets"


def load_dataset(name: str | Path, *, project: Path | str = ".") -> DatasetSpec:
    """Read and check a dataset YAML.

    Parameters
    ----------
    name
        See `find_dataset`. ``toy@1of5`` is the dataset `toy` with other splits, and named
        ``toy-fold1of5``: of five folds of chromosomes number 1 (from 0) is for testing.
        ``toy+unsmoothed`` is `toy` as the experiment `unsmoothed` has it, named ``toy-unsmoothed``.

    Raises
    ------
    ClasterError
        If the file is missing, is not YAML, has a key twice, or breaks the schema; the message names
        file, line and key.
    """
    fold = _FOLD.fullmatch(str(name))
    unfolded = fold["dataset"] if fold else str(name)
    variant = _VARIANT.fullmatch(unfolded)
    path = find_dataset(variant["dataset"] if variant else unfolded, project=project)
    content, places = read_keys(path, remedy="start from configurations/datasets/toy.yaml")
    if variant:
        content = _vary(content, variant["variant"], project=project)
    if fold:
        content |= {
            "name": f"{content.get('name')}-fold{fold['fold']}of{fold['folds']}",
            "splits": {"folds": int(fold["folds"]), "fold": int(fold["fold"])},
        }
    return _checked(content, places, project=project)


def fold_names(name: str, folds: int) -> list[str]:
    """Return what `load_dataset` calls the folds of a dataset.

    Examples
    --------
    >>> fold_names("toy", 3)
    ['toy@0of3', 'toy@1of3', 'toy@2of3']
    """
    return [f"{name}@{fold}of{folds}" for fold in range(folds)]


def whole_name(name: str) -> str:
    """Return the name of the dataset that a fold is one of.

    Examples
    --------
    >>> whole_name("toy-fold1of5")
    'toy'
    """
    return re.sub(r"-fold\d+of\d+$", "", name)


def dataset_of(keys: Mapping[str, object], *, project: Path | str = ".") -> DatasetSpec:
    """Return the dataset that the keys of a YAML describe, without a YAML.

    Raises
    ------
    ClasterError
        If the keys break the schema.
    """
    return _checked(dict(keys), None, project=project)


def _checked(
    content: dict[str, object], places: Places | None, *, project: Path | str
) -> DatasetSpec:
    try:
        spec = DatasetSpec.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        below = (*first["loc"], *first.get("ctx", {}).get("below", ()))
        named = f"dataset {content['name']!r}" if content.get("name") else "the dataset"
        fault = explained(error, DatasetSpec)
        place = places.of(below) if places else named
        raise ClasterError(f"{place}: {fault.found}", remedy=fault.remedy) from None
    return spec.within(project, places)


def dataset_schema() -> str:
    """Return the JSON Schema (draft 2020-12) of `DatasetSpec` as text, the same for the same code."""
    schema = DatasetSpec.model_json_schema() | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CLASTER dataset",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
