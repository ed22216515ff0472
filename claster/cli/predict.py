"""`claster predict`: one table of predictions from a run."""

import typer

from claster.cli.arguments import Device, RunFolderPath, SplitOption


def predict(run: RunFolderPath, split: SplitOption = "test", device: Device = "auto") -> None:
    """Predict a split with the run's best model: one table, samples x bins, as parquet and CSV."""
    from claster.cli.console import console_progress
    from claster.eir.predict import predict as run_prediction

    table = run_prediction(run, split=split, device=device, progress=console_progress())
    typer.echo(f"predictions: {table} (and .csv)")
    typer.echo(f"next: claster evaluate {run} --split {split}")
