"""Tables for people: drawn on a terminal, plain lines elsewhere."""

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from claster.cli.console import echo
from claster.dataset.doctor.findings import Report
from claster.dataset.doctor.show import report_lines, report_summary, report_table
from claster.dataset.downloads.plan import DownloadPlan
from claster.dataset.report import download_table, plan_line
from claster.dataset.spec import DatasetSpec
from claster.quoting import printable

__all__ = ["print_downloads", "print_report", "print_table"]


_SHORT = ["name", "file", "size", "state"]


def print_downloads(spec: DatasetSpec, plan: DownloadPlan, *, terms: bool) -> None:
    """Print what a dataset downloads and what of it is here; with `terms` also licence and citation."""
    rows = download_table(spec, plan).reset_index()
    console = Console()
    if console.is_terminal:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column in _SHORT:
            table.add_column(
                column, overflow="fold", justify="right" if column == "size" else "left"
            )
        for row in rows[_SHORT].itertuples(index=False):
            table.add_row(*map(_cell, row))
        console.print(table, highlight=False)
        for (citation, licence), group in rows.groupby(["citation", "licence"], sort=False):
            if terms:
                names = ", ".join(group["name"])
                said = printable(f": {citation}. {licence}")
                console.print(Text.assemble((names, "bold"), said), highlight=False)
    else:
        shown = [*_SHORT, "licence", "citation"] if terms else _SHORT
        echo(rows[shown].to_csv(sep="\t", index=False), nl=False)
    echo(plan_line(spec, plan))


def print_report(report: Report) -> None:
    """Print what the doctor found."""
    console = Console()
    if console.is_terminal:
        console.print(report_table(report), highlight=False)
        echo(report_summary(report))
    else:
        echo("\n".join(report_lines(report)))


def print_table(rows: pd.DataFrame) -> None:
    """Print a table of words."""
    console = Console()
    if not console.is_terminal:
        echo(rows.to_csv(sep="\t", index=False), nl=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in rows.columns:
        table.add_column(column, overflow="fold")
    for row in rows.itertuples(index=False):
        table.add_row(*map(_cell, row))
    console.print(table, highlight=False)


def _cell(value: object) -> Text:
    return Text(printable(str(value)))
