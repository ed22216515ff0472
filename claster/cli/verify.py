"""`claster verify`: whether a built dataset is unchanged."""

from pathlib import Path
from typing import Annotated

import typer

from claster.cli.complaint import echo


def verify(
    dataset: Annotated[
        str, typer.Argument(help="A dataset, or the folder of its arrays (inputs/NAME).")
    ],
) -> None:
    """Read every file of a built dataset and compare its SHA-256; exit code 1 where one differs."""
    from claster.cli.console import console_progress
    from claster.dataset.checksums import verify_dataset
    from claster.dataset.layout import DatasetFolders
    from claster.dataset.load import load_dataset

    folder = Path(dataset)
    is_folder = folder.is_dir() and folder.parent.name == "inputs"
    folders = DatasetFolders.at(folder) if is_folder else DatasetFolders.of(load_dataset(dataset))
    found = verify_dataset(folders, progress=console_progress())
    for mismatch in found:
        echo(f"{mismatch.how:<8}{mismatch.path}")
    if found:
        echo(f"{len(found)} differ: claster data build {folders.name} --force makes them again")
        raise typer.Exit(1)
    echo(f"{folders.inputs} and {folders.targets} are as they were built")
