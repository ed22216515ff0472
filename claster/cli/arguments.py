"""Arguments and options that several commands share."""

from typing import Annotated

import typer

DatasetName = Annotated[
    str, typer.Argument(help="A name below configurations/datasets, or a path to a YAML file.")
]
DatasetOption = Annotated[
    str,
    typer.Option(
        "--dataset", "-d", help="A name below configurations/datasets, or a path to a YAML file."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace what is there already.")]
RunFolderPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, such as runs/toy/pure_conv.")
]
SplitOption = Annotated[str, typer.Option("--split", help="Which genes: train, valid or test.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]
