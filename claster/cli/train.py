"""`claster train`: run eirtrain on a built dataset, once or for several seeds and folds."""

from typing import Annotated

import typer

from claster.cli.arguments import DatasetOption
from claster.cli.complaint import echo
from claster.cli.options import takes
from claster.eir.settings import TrainSettings


@takes(TrainSettings)
def train(
    flavour: Annotated[str, typer.Argument(help="Flavour to train; docs/flavours.md lists them.")],
    *,
    settings: TrainSettings,
    dataset: DatasetOption = "toy",
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
) -> None:
    """Train a flavour with eirtrain; the run folder holds configuration, log, record and model."""
    from claster.cli.console import console_progress
    from claster.eir.series import next_lines, plan_series, train_series

    series = plan_series(
        dataset, seeds=seeds, seed=settings.seed, folds=folds, tag=settings.tag, shard=shard
    )
    runs = train_series(flavour, series, settings, progress=console_progress())
    for run in runs:
        echo(f"run: {run.path}")
    for line in next_lines(runs):
        echo(f"next: {line}")
