"""Arguments and options that several commands share."""

from typing import Annotated

import typer

from claster import settings
from claster.settings import DEVICE, FORCE, SPLIT

DatasetName = Annotated[
    str, typer.Argument(help="A name below configurations/datasets, or a path to a YAML file.")
]
DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset", "-d", help="A name below configurations/datasets, or a path to a YAML file."
    ),
]
Force = Annotated[bool, typer.Option("--force", help=FORCE.description)]
RunFolderPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, such as runs/toy/pure_conv.")
]
SplitOption = Annotated[settings.Split, typer.Option("--split", help=SPLIT.description)]
Device = Annotated[
    settings.Device,
    typer.Option("--device", help=DEVICE.description),
]
