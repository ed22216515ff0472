"""`claster train`: run eirtrain on a built dataset, once or for several seeds and folds."""

from typing import Annotated, Literal

import typer

from claster.cli.arguments import DatasetOption, Device, Force
from claster.cli.complaint import echo


def train(
    flavour: Annotated[str, typer.Argument(help="Flavour to train; docs/flavours.md lists them.")],
    dataset: DatasetOption = "toy",
    tag: Annotated[
        str | None, typer.Option(help="Tag that distinguishes runs of one flavour and dataset.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, sample order and dropout.")] = 0,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="N,N,...", help="One training for each seed, in runs with the tag seedN."
        ),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            help="One training for each of K folds of chromosomes; folds that are missing are built.",
        ),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="I/N: only every N-th training, starting with the I-th."),
    ] = None,
    device: Device = "auto",
    devices: Annotated[
        int, typer.Option(help="Number of GPUs; on the CPU, of processes (docs/training.md).")
    ] = 1,
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "16-mixed"] | None,
        typer.Option(help="Precision instead of the flavour's."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Number of epochs instead of the flavour's.")
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(help="Batch size of all devices together, instead of the flavour's."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that read samples ahead; the default is chosen, and the reason is printed."
        ),
    ] = None,
    memory: Annotated[
        bool | None,
        typer.Option(
            "--memory/--no-memory",
            help="Hold all samples in memory; default: if they fit.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Resume a run that was interrupted or failed; start one if there is none.",
        ),
    ] = False,
) -> None:
    """Train a flavour with eirtrain; the run folder holds configuration, log, record and model."""
    from claster.cli.console import console_progress
    from claster.eir.series import next_lines, plan_series, train_series

    series = plan_series(dataset, seeds=seeds, seed=seed, folds=folds, tag=tag, shard=shard)
    runs = train_series(
        flavour,
        series,
        device=device,
        devices=devices,
        precision=precision,
        epochs=epochs,
        batch_size=batch_size,
        workers=workers,
        memory=memory,
        force=force,
        resume=resume,
        progress=console_progress(),
    )
    for run in runs:
        echo(f"run: {run.path}")
    for line in next_lines(runs):
        echo(f"next: {line}")
