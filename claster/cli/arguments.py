"""Arguments and options that several commands share."""

from typing import Annotated, Literal

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
Force = Annotated[bool, typer.Option("--force", help="Replace what already exists.")]
RunFolderPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, such as runs/toy/pure_conv.")
]
SplitOption = Annotated[
    Literal["train", "valid", "test"], typer.Option("--split", help="Split whose genes are used.")
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", help="Where to compute; auto uses a GPU if there is one."),
]
