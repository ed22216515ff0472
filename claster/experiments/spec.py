"""What an experiment is, and which there are."""

from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.dataset.variants import EXPERIMENTS, experiment_files, read_experiment
from claster.eir.flavours import find_flavour
from claster.eir.parts import Flavour
from claster.errors import ClasterError

__all__ = ["Experiment", "find_experiment", "list_experiments", "ready"]


class Experiment(BaseModel):
    """An experiment (`configurations/experiments/NAME.yaml`).

    Attributes
    ----------
    about
        What it asks, and what is different from the published one.
    of
        The dataset that it is run on unless another one is named.
    flavours
        What is trained.
    seeds
        Of each flavour; several are scored together.
    dataset
        Changes laid over the dataset's YAML (`claster.dataset.variants.laid_over`).
    simulated
        Instead of `dataset` where the dataset is simulated.
    compare
        Other experiments whose datasets are built and scored with simple methods beside the dataset
        as it is; nothing is trained.
    figures
        Figures of the paper that show it.
    published
        Printed numbers.
    not_possible
        Why there is nothing to run.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    of: str = "mesc"
    flavours: tuple[str, ...] = ("pure_conv",)
    seeds: tuple[int, ...] = (0,)
    dataset: dict[str, object] = {}
    simulated: dict[str, object] | None = None
    compare: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    published: dict[str, float] = {}
    not_possible: str | None = None


def find_experiment(name: str, *, project: Path | str = ".") -> Experiment:
    """Return an experiment.

    Raises
    ------
    ClasterError
        If there is none, or a key of it is wrong.
    """
    content = read_experiment(name, project=project)
    try:
        return Experiment.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise ClasterError(
            f"{EXPERIMENTS / name}.yaml: {key}: {first['msg']}", remedy="mend this key"
        ) from None


def list_experiments(*, project: Path | str = ".") -> pd.DataFrame:
    """Return all experiments.

    Returns
    -------
    pandas.DataFrame
        `experiment`, `of`, `trains`, `figures`, `about` and `published`.
    """
    rows = []
    for name in experiment_files(project=project):
        found = find_experiment(name, project=project)
        trains = ", ".join(found.flavours)
        if len(found.seeds) > 1:
            trains += f" (seeds {', '.join(map(str, found.seeds))})"
        if found.compare:
            trains = "nothing: compares data sets"
        rows.append(
            {
                "experiment": name,
                "of": found.of,
                "trains": "not possible" if found.not_possible else trains,
                "figures": ", ".join(found.figures),
                "about": " ".join((found.not_possible or found.about).split()),
                "published": ", ".join(f"{key} {value}" for key, value in found.published.items()),
            }
        )
    return pd.DataFrame(rows)


def ready(
    name: str, *, of: str | None = None, project: Path | str = "."
) -> tuple[str, DatasetSpec, list[Flavour]]:
    """Return the dataset of an experiment, by the name that `load_dataset` takes, and its flavours.

    Parameters
    ----------
    name
        The experiment.
    of
        Another dataset than its own.
    project
        The project's folder.

    Raises
    ------
    ClasterError
        If experiment or dataset has a fault, or it is not possible.
    """
    experiment = find_experiment(name, project=project)
    if experiment.not_possible:
        raise ClasterError(
            f"experiment {name!r} is not possible: {' '.join(experiment.not_possible.split())}",
            remedy="see docs/flavours.md, Losses",
        )
    base = of or experiment.of
    changes = experiment.dataset or experiment.simulated
    dataset = f"{base}+{name}" if changes else base
    spec = load_dataset(dataset, project=project)
    return dataset, spec, [find_flavour(flavour) for flavour in experiment.flavours]
