"""`claster train`: run eirtrain on a built dataset."""

from typing import Annotated

import typer

from claster.cli.arguments import DatasetOption, Device, Force


def train(
    flavour: Annotated[str, typer.Argument(help="What to train; 'claster configure' lists them.")],
    dataset: DatasetOption = "toy",
    tag: Annotated[
        str | None, typer.Option(help="Tells runs of one flavour and dataset apart.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, sample order and dropout.")] = 0,
    device: Device = "auto",
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Instead of the flavour's number.")
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run that was killed or failed; else begin it."),
    ] = False,
) -> None:
    """Train a flavour with eirtrain; the run folder holds configuration, log, record and model."""
    from claster.cli.console import console_progress
    from claster.dataset.load import load_dataset
    from claster.eir.run import train as run_training

    run = run_training(
        flavour,
        load_dataset(dataset),
        dataset_yaml=dataset,
        tag=tag,
        seed=seed,
        device=device,
        epochs=epochs,
        force=force,
        resume=resume,
        progress=console_progress(),
    )
    typer.echo(f"run: {run.path}")
    typer.echo(f"next: claster predict {run.path}")
