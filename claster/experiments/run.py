"""Run an experiment: build, train, predict, evaluate."""

from pathlib import Path

from claster.analysis.evaluate import RunOf, evaluate, evaluate_together
from claster.dataset.build import build_dataset
from claster.eir.machine import Device
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.experiments.spec import find_experiment, ready
from claster.progress import SILENT, Progress

__all__ = ["run_experiment"]


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

    What is complete is left as it is, and a training that was cut off goes on. Runs lie in
    ``runs/<dataset>/<flavour>``, with ``-seedN`` where there are several seeds; these are scored
    together too, in ``runs/<dataset>/<flavour>-seeds``.

    Parameters
    ----------
    name
        The experiment.
    of
        Another dataset than its own.
    project
        The project's folder.
    flavour
        Instead of the experiment's own.
    epochs, device
        See `claster.eir.run.train`.
    progress
        Where to report to.

    Returns
    -------
    list of RunFolder
        The runs.

    Raises
    ------
    ClasterError
        If the experiment is not possible or only compares datasets, or a step cannot be done.
    """
    experiment = find_experiment(name, project=project)
    if experiment.compare:
        raise ClasterError(
            f"experiment {name!r} trains nothing, it compares datasets",
            remedy="use `claster.experiments.recipes.compare_recipes`",
        )
    dataset, spec, flavours = ready(name, of=of, project=project)
    build_dataset(spec, project=project, progress=progress)
    runs = []
    for chosen in [flavour] if flavour else [f.name for f in flavours]:
        seeds = []
        for seed in experiment.seeds:
            run = train(
                chosen,
                spec,
                dataset_yaml=dataset,
                project=project,
                tag=f"seed{seed}" if len(experiment.seeds) > 1 else None,
                seed=seed,
                device=device,
                epochs=epochs,
                resume=True,
                progress=progress,
            )
            predict(run, project=project, device=device, progress=progress)
            evaluate(run, spec, project=project, progress=progress)
            seeds.append(run)
        if len(seeds) > 1:
            members = [RunOf(run, spec) for run in seeds]
            together = seeds[0].path.with_name(f"{chosen}-seeds")
            evaluate_together(members, together, project=project, progress=progress)
        runs += seeds
    return runs
