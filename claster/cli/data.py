"""`claster data`: source files into arrays and tables."""

import typer

from claster.cli.arguments import DatasetName, Force

app = typer.Typer(help="Prepare datasets.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Prepare datasets."""


@app.command()
def build(dataset: DatasetName, force: Force = False) -> None:
    """Write landscapes, contact maps, targets and the list of dropped genes of a dataset."""
    from claster.cli.console import console_progress
    from claster.dataset.build import build_dataset
    from claster.dataset.load import load_dataset
    from claster.dataset.report import build_lines

    result = build_dataset(load_dataset(dataset), force=force, progress=console_progress())
    for line in build_lines(result):
        typer.echo(line)
