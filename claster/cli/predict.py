"""`claster predict`: a table of predictions and browser tracks from one or several runs."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from claster.cli.arguments import Device
from claster.cli.complaint import echo
from claster.quoting import pasteable


def predict(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Run folders; of several the mean is written."),
    ],
    split: Annotated[
        Literal["train", "valid", "test", "all"] | None,
        typer.Option(
            "--split",
            help="Split whose genes are predicted; default: test, or all of another dataset.",
        ),
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option("--dataset", "-d", help="Another built dataset; it needs no target."),
    ] = None,
    device: Device = "auto",
    through: Annotated[
        Literal["memory", "eirpredict"],
        typer.Option(help="Whether EIR predicts in this process or as a program."),
    ] = "memory",
    average: Annotated[
        bool, typer.Option(help="Average the predictions of a window and of its mirror image.")
    ] = True,
    bigwig: Annotated[
        Literal["nearest", "mean", "none"],
        typer.Option(
            help="Value of a base under several windows: that of the nearest TSS, or their mean."
        ),
    ] = "nearest",
    csv: Annotated[bool, typer.Option("--csv", help="Also write the table as CSV.")] = False,
    batch_size: Annotated[
        int | None,
        typer.Option(min=1, help="Samples in a batch; default: as many as fit in memory."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write the mean of several runs into.", show_default=False),
    ] = None,
) -> None:
    """Predict with the best model of each run: a table, samples x bins, and bigWig tracks."""
    from claster.cli.console import console_progress
    from claster.eir.predict import predict as run_prediction

    table = run_prediction(
        runs,
        split=split,
        dataset=dataset,
        device=device,
        through=through,
        average=average,
        tracks=None if bigwig == "none" else bigwig,
        csv=csv,
        batch_size=batch_size,
        out=out,
        progress=console_progress(),
    )
    echo(f"predictions: {table}")
    if dataset is None and table.stem in ("train", "valid", "test"):
        command: list[str | Path] = [
            "claster",
            "evaluate",
            table.parent.parent,
            "--split",
            table.stem,
        ]
        echo(f"next: {pasteable(command)}")
