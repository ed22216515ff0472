"""Run an experiment: build, train, predict, evaluate."""

from pathlib import Path

import pandas as pd
from pydantic import Field, ValidationError

from claster.analysis.evaluate import RunOf, evaluate, evaluate_together
from claster.dataset.build import build_dataset
from claster.dataset.load import EXPERIMENTS, experiment_files, load_dataset, read_experiment
from claster.dataset.spec import DatasetSpec
from claster.eir.flavours import find_flavour
from claster.eir.parts import Flavour
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.settings import Device, Record, explained


class _Experiment(Record):
    """An experiment (`configurations/experiments/NAME.yaml`).

    `about` says what it asks and what is different from the published one, `of` which dataset it is run on
    unless another one is named, `dataset` what is laid over that one's YAML (`claster.dataset.load`), or
    `simulated` where it is simulated. Several `seeds` of a flavour are scored together. `compare` names other
    experiments whose datasets are built and scored with simple methods beside the dataset as it is, without a
    training. `figures` of the paper show it, `published` are printed numbers; `not_possible` is why there is
    nothing to run.
    """

    about: str
    of: str = "mesc"
    flavours: tuple[str, ...] = ("pure_conv",)
    seeds: tuple[int, ...] = (0,)
    dataset: dict[str, object] = Field(default_factory=dict)
    simulated: dict[str, object] | None = None
    compare: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    published: dict[str, float] = Field(default_factory=dict)
    not_possible: str | None = None


def find_experiment(name: str, *, project: Path | str = ".") -> _Experiment:
    """Return an experiment.

    Raises
    ------
    ClasterError
        If there is none, or a key of it is wrong.
    """
    content = read_experiment(name, project=project)
    try:
        return _Experiment.model_validate(content)
    except ValidationError as error:
        fault = explained(error, _Experiment)
        raise ClasterError(
            f"{EXPERIMENTS / name}.yaml: {fault.found}", remedy=fault.remedy
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
            trains = "nothing: compares datasets"
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


def _ready(
    name: str, *, of: str | None = None, project: Path | str = "."
) -> tuple[str, DatasetSpec, list[Flavour]]:
    """Return the dataset of an experiment, by the name that `load_dataset` takes, and its flavours."""
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


def run_experiment(
    name: str,
    *,
    of: str | None = None,
    project: Path | str = ".",
    flavour: str | None = None,
    epochs: int | None = None,
    device: Device = "auto",
    progress: Progress = SILENT,
) -> list[RunFolder]:
    """Build the dataset of an experiment, train its flavours, predict the test split and score it.

    What is complete is left as it is, and an interrupted training resumes. Runs lie in
    ``runs/<dataset>/<flavour>``, with ``-seedN`` where there are several seeds; these are scored
    together too, in ``runs/<dataset>/<flavour>-seeds``.

    Parameters
    ----------
    epochs, device
        See `claster.eir.run.train`.

    Raises
    ------
    ClasterError
        If the experiment is not possible or only compares datasets, or a step cannot be done.
    """
    experiment = find_experiment(name, project=project)
    if experiment.compare:
        raise ClasterError(
            f"experiment {name!r} trains nothing, it compares datasets",
            remedy="use `claster.analysis.recipes.compare_recipes`",
        )
    dataset, spec, flavours = _ready(name, of=of, project=project)
    build_dataset(spec, progress=progress)
    runs = []
    for chosen in [flavour] if flavour else [f.name for f in flavours]:
        seeds = []
        for seed in experiment.seeds:
            run = train(
                chosen,
                spec,
                dataset_yaml=dataset,
                tag=f"seed{seed}" if len(experiment.seeds) > 1 else None,
                seed=seed,
                device=device,
                epochs=epochs,
                resume=True,
                progress=progress,
            )
            predict(run, device=device, progress=progress)
            evaluate(run, spec, progress=progress)
            seeds.append(run)
        if len(seeds) > 1:
            members = [RunOf(run, spec) for run in seeds]
            together = seeds[0].path.with_name(f"{chosen}-seeds")
            evaluate_together(members, together, progress=progress)
        runs += seeds
    return runs
