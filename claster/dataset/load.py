"""Find and read dataset YAMLs; faults name file, line and key."""

import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from claster.dataset.place import Places, read_keys
from claster.dataset.spec import DatasetSpec
from claster.dataset.variants import shipped_configurations, vary
from claster.errors import ClasterError
from claster.files import write_text
from claster.text import read_text

__all__ = ["dataset_of", "find_dataset", "fold_names", "list_datasets", "load_dataset"]

_VARIANT = re.compile(r"(?P<dataset>[^+]+)\+(?P<variant>[A-Za-z0-9._-]+)")
_FOLD = re.compile(r"(?P<dataset>.+)@(?P<fold>\d+)of(?P<folds>\d+)")


def find_dataset(name: str, *, project: Path | str = ".") -> Path:
    """Return the YAML file of a dataset.

    Parameters
    ----------
    name
        A name below `configurations/datasets` ("toy", "examples/k562_chr21", or "k562_chr21" where
        only one sub-folder has it) or a path to a YAML file.
    project
        The project's folder.

    Raises
    ------
    ClasterError
        If there is no such file.
    """
    if name.endswith((".yaml", ".yml")):
        path = Path(name)
        if path.is_file():
            return path
        raise ClasterError(f"no dataset file at {path}", remedy="check the path")
    folder = _folder(project)
    for place in (folder, shipped_configurations() / "datasets"):
        path = place / f"{name}.yaml"
        deeper = [path] if path.is_file() else list(place.rglob(f"{name}.yaml"))
        if len(deeper) == 1:
            return _brought(deeper[0], project)
    raise ClasterError(
        f"no dataset {name!r} in {folder}",
        remedy=f"choose one of {', '.join(list_datasets(project=project))}",
    )


def list_datasets(*, project: Path | str = ".") -> list[str]:
    """Return the names of a project's datasets and of those that come with CLASTER, for `find_dataset`."""
    folders = (_folder(project), shipped_configurations() / "datasets")
    found = {
        path.relative_to(folder).with_suffix("").as_posix()
        for folder in folders
        for path in folder.rglob("*.yaml")
    }
    return sorted(found)


def fold_names(name: str, folds: int) -> list[str]:
    """Return what `load_dataset` calls the folds of a dataset.

    Examples
    --------
    >>> fold_names("toy", 3)
    ['toy@0of3', 'toy@1of3', 'toy@2of3']
    """
    return [f"{name}@{fold}of{folds}" for fold in range(folds)]


def _brought(path: Path, project: Path | str) -> Path:
    """Return a configuration of the project; one that comes with CLASTER is copied into it first.

    So a project is whole: what a run was made from lies beside it, and a person may change it.
    """
    shipped = shipped_configurations().resolve()
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
    project
        The project's folder.

    Returns
    -------
    DatasetSpec

    Raises
    ------
    ClasterError
        If the file is missing, is no YAML, has a key twice, or breaks the schema; the message names
        file, line and key.
    """
    fold = _FOLD.fullmatch(str(name))
    unfolded = fold["dataset"] if fold else str(name)
    variant = _VARIANT.fullmatch(unfolded)
    path = find_dataset(variant["dataset"] if variant else unfolded, project=project)
    content, places = read_keys(path, remedy="start from configurations/datasets/toy.yaml")
    if variant:
        content = vary(content, variant["variant"], project=project)
    if fold:
        content |= {
            "name": f"{content.get('name')}-fold{fold['fold']}of{fold['folds']}",
            "splits": {"folds": int(fold["folds"]), "fold": int(fold["fold"])},
        }
    return _checked(content, places, project=project)


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
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        below = (*first["loc"], *first.get("ctx", {}).get("below", ()))
        place = places.of(below) if places else f"dataset {content.get('name')!r}"
        if first["type"] == "extra_forbidden":
            raise ClasterError(
                f"{place}: unknown key '{key}'",
                remedy="remove it or mend its spelling (docs/file_formats.md lists the keys)",
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ClasterError(f"{place}: {key}: {message}{more}", remedy="mend this key") from None
    return spec.written_in(places, project=project)
