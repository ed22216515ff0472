"""`claster configure`: readable EIR YAML of a flavour, and the network that EIR makes of it."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.arguments import Device
from claster.cli.complaint import echo
from claster.quoting import pasteable


def configure(
    flavours: Annotated[list[str] | None, typer.Argument(help="Flavours; default: all.")] = None,
    dataset: Annotated[
        str | None,
        typer.Option(
            "--dataset",
            "-d",
            help="A name below configurations/datasets, or a path to a YAML file; default: toy, or "
            "the variant of it that the flavour needs.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder to write a folder a flavour into; default: configurations."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed in the printed command.")] = 0,
    show: Annotated[
        bool,
        typer.Option(
            "--show", help="Write nothing; show the network that EIR builds, and time one step."
        ),
    ] = False,
    device: Device = "auto",
) -> None:
    """Write the EIR configuration of each flavour and print the command that trains it."""
    from claster.dataset.load import load_dataset
    from claster.eir.configure import configure as write_configuration
    from claster.eir.flavours import FLAVOURS, find_flavour

    for flavour in [find_flavour(name) for name in flavours or FLAVOURS]:
        named = dataset or flavour.dataset
        spec = load_dataset(named)
        if show:
            from claster.eir.show import show_flavour

            echo(show_flavour(flavour, spec, device=device))
            continue
        folder = (out or Path("configurations")) / flavour.name
        configuration = write_configuration(
            flavour,
            spec,
            out=folder,
            made_by=pasteable(["claster", "configure", flavour.name, "--dataset", named]),
        )
        echo(f"{folder}: {', '.join(path.name for path in configuration.files)}")
        echo(f"  {configuration.command(seed=seed)}")
