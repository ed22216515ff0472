"""Find and read dataset YAMLs; faults name file, line and key."""

import re
from pathlib import Path

from pydantic import ValidationError

from claster.dataset.place import read_keys
from claster.dataset.spec import DatasetSpec
from claster.dataset.variants import vary
from claster.errors import ClasterError

__all__ = ["find_dataset", "fold_names", "list_datasets", "load_dataset"]

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
    path = folder / f"{name}.yaml"
    if path.is_file():
        return path
    if len(deeper := list(folder.rglob(f"{name}.yaml"))) == 1:
        return deeper[0]
    known = list_datasets(project=project)
    raise ClasterError(
        f"no dataset {name!r} in {folder}",
        remedy=f"choose one of {', '.join(known)}" if known else "run from the project's folder",
    )


def list_datasets(*, project: Path | str = ".") -> list[str]:
    """Return the names of a project's datasets, as `find_dataset` takes them."""
    folder = _folder(project)
    return sorted(p.relative_to(folder).with_suffix("").as_posix() for p in folder.rglob("*.yaml"))


def fold_names(name: str, folds: int) -> list[str]:
    """Return what `load_dataset` calls the folds of a dataset.

    Examples
    --------
    >>> fold_names("toy", 3)
    ['toy@0of3', 'toy@1of3', 'toy@2of3']
    """
    return [f"{name}@{fold}of{folds}" for fold in range(folds)]


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
    try:
        spec = DatasetSpec.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        place = places.of((*first["loc"], *first.get("ctx", {}).get("below", ())))
        if first["type"] == "extra_forbidden":
            raise ClasterError(
                f"{place}: unknown key '{key}'",
                remedy="remove it or mend its spelling (docs/file_formats.md lists the keys)",
            ) from None
        message = first["msg"].removeprefix("Value error, ")
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise ClasterError(f"{place}: {key}: {message}{more}", remedy="mend this key") from None
    return spec.written_in(places)
