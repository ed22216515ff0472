"""`claster explain`: the story of one gene."""

from typing import Annotated

import typer

from claster.cli.arguments import DatasetOption
from claster.cli.complaint import echo


def explain(
    gene: Annotated[str, typer.Argument(help="Gene ID, with or without its version, or name.")],
    dataset: DatasetOption = "toy",
) -> None:
    """Show whether a gene was kept, in which split, or why it was dropped, and where its samples are."""
    from claster.dataset.load import load_dataset
    from claster.dataset.report import explain_gene

    for line in explain_gene(load_dataset(dataset), gene):
        echo(line)
