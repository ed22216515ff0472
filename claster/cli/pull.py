"""`claster pull`: a model that was shared, verified."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import Force
from claster.cli.complaint import echo
from claster.quoting import pasteable


def pull(
    source: Annotated[
        str,
        typer.Argument(help="A folder, an archive (tar, zip), or owner/name@revision of the hub."),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    force: Force = False,
) -> None:
    """Take a model that 'claster export' wrote, and verify every file of it."""
    from claster.cli.console import console_progress
    from claster.eir.bundle import pull_bundle

    folder = pull_bundle(source, out, force=force, progress=console_progress())
    echo(f"model: {folder}, every file as it was exported")
    echo(f"next: {pasteable(['claster', 'predict', folder])} --dataset NAME")
