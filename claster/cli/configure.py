"""`claster configure`: readable EIR YAML of a flavour."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import DatasetOption


def configure(
    flavours: Annotated[list[str] | None, typer.Argument(help="Flavours; default: all.")] = None,
    dataset: DatasetOption = "toy",
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write a folder a flavour into; default: configurations."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed in the printed command.")] = 0,
) -> None:
    """Write the EIR configuration of each flavour and print the command that trains it."""
    from claster.dataset.load import load_dataset
    from claster.eir.configure import configure as write_configuration
    from claster.eir.configure import eirtrain_command, environment, pasteable
    from claster.eir.flavours import FLAVOURS, find_flavour

    spec = load_dataset(dataset)
    for flavour in [find_flavour(name) for name in flavours or FLAVOURS]:
        folder = (out or Path("configurations")) / flavour.name
        configuration = write_configuration(
            flavour,
            spec,
            out=folder,
            made_by=f"claster configure {flavour.name} --dataset {dataset}",
        )
        typer.echo(f"{folder}: {', '.join(path.name for path in configuration.files)}")
        typer.echo(f"  {pasteable(eirtrain_command(configuration), environment(seed))}")
