"""`claster export`: a run as a folder to share."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import Force, RunFolderPath
from claster.cli.complaint import echo
from claster.quoting import pasteable


def export(
    run: RunFolderPath,
    out: Annotated[Path, typer.Option(help="Folder to write.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "not stated",
    force: Force = False,
) -> None:
    """Write weights (safetensors), configuration and a model card that can be loaded elsewhere."""
    from claster.eir.export import export_run

    folder = export_run(run, out, licence=licence, force=force)
    echo(f"model: {folder / 'model.safetensors'}")
    echo(f"card: {folder / 'README.md'}")
    echo(f"next: {pasteable(['claster', 'predict', folder])} --dataset NAME")
