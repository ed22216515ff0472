"""`claster export`: a run as a folder to hand on."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import Force, RunFolderPath


def export(
    run: RunFolderPath,
    out: Annotated[Path, typer.Option(help="The new folder.")],
    licence: Annotated[str, typer.Option(help="Licence of the weights.")] = "not stated",
    force: Force = False,
) -> None:
    """Write weights (safetensors), configuration and a model card that can be loaded elsewhere."""
    from claster.eir.export import export_run

    folder = export_run(run, out, licence=licence, force=force)
    typer.echo(f"model: {folder / 'model.safetensors'}")
    typer.echo(f"card: {folder / 'README.md'}")
    typer.echo(f"next: claster predict {folder} --dataset NAME")
