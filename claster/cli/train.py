"""`claster train`: run eirtrain on a built dataset, once or for several seeds and folds."""

from typing import Annotated, Literal

import typer

from claster.cli.arguments import DatasetOption, Device, Force
from claster.cli.complaint import echo


def train(
    flavour: Annotated[str, typer.Argument(help="What to train; 'claster configure' lists them.")],
    dataset: DatasetOption = "toy",
    tag: Annotated[
        str | None, typer.Option(help="Tells runs of one flavour and dataset apart.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of weights, sample order and dropout.")] = 0,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="N,N,...", help="One training a seed, in runs tagged seedN."),
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(metavar="K", help="One training a fold of chromosomes; folds are built."),
    ] = None,
    shard: Annotated[
        str | None,
        typer.Option(metavar="I/N", help="Only every N-th training, from the I-th on (from 1)."),
    ] = None,
    device: Device = "auto",
    devices: Annotated[
        int, typer.Option(help="GPUs to train on; on the CPU, processes (docs/training.md).")
    ] = 1,
    precision: Annotated[
        Literal["32-true", "bf16-mixed", "16-mixed"] | None,
        typer.Option(help="Instead of the flavour's."),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Instead of the flavour's number.")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Instead of the flavour's; of all devices together.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that read samples ahead; default: chosen, and said why."),
    ] = None,
    memory: Annotated[
        bool | None,
        typer.Option(
            "--memory/--no-memory",
            help="Hold all samples in memory; default: where they fit.",
            show_default=False,
        ),
    ] = None,
    force: Force = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with a run that was killed or failed; else begin it."),
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
