"""Everything from end to end: the demo, and the experiments behind the figures."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.console import console_progress, echo
from claster.cli.options import Device


def experiment(
    name: Annotated[
        str | None, typer.Argument(help="Name of the experiment; without it all are listed.")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="Another dataset than the experiment's own."),
    ] = None,
    flavour: Annotated[
        str | None, typer.Option(help="Another flavour, such as 'profile' on a small genome.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs instead of the flavour's own.")
    ] = None,
    device: Device = "auto",
) -> None:
    """List the experiments behind the figures, or build, train, predict and score one."""
    from claster.analysis.recipes import compare_recipes
    from claster.cli.tables import print_table
    from claster.experiments.run import find_experiment, list_experiments, run_experiment
    from claster.files import below, write_text

    if name is None:
        print_table(list_experiments())
        return
    found = find_experiment(name)
    if found.compare:
        of = dataset or found.of
        path = below(Path("runs"), f"{of}/{name}.csv", named=f"the table of experiment {name!r}")
        table = compare_recipes(of, found.compare, progress=console_progress())
        write_text(path, table.to_csv(index=False))
        print_table(table.drop(columns="about"))
        echo(f"{path}")
        return
    for run in run_experiment(
        name, of=dataset, flavour=flavour, epochs=epochs, device=device, progress=console_progress()
    ):
        echo(f"{run.path}: {run.evaluation / 'scores.csv'}")


def demo(
    size: Annotated[
        str, typer.Option(help="default, or tiny to check that everything runs.")
    ] = "default",
    device: Device = "auto",
) -> None:
    """Simulate, build, train, predict, evaluate and draw; print the results at the end."""
    from claster.demo import run_demo

    result = run_demo(size, device=device, progress=console_progress())
    echo(result.summary)
