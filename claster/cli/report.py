"""`claster report`: what is known of a run, as one HTML file."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import RunFolderPath
from claster.cli.complaint import echo


def report(
    run: RunFolderPath,
    to: Annotated[
        Path | None,
        typer.Option("--to", help="File to write.", show_default="report.html in the run's folder"),
    ] = None,
) -> None:
    """Write a page: verdict, data, network, scores, genes, panels, provenance; opens offline."""
    from claster.cli.console import console_progress
    from claster.report import write_report

    path = write_report(run, to=to, progress=console_progress())
    echo(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")
