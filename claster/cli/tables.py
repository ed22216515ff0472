"""Tables and plans for people and programs: drawn on a terminal, plain lines elsewhere."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
from rich import box
from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from claster.cli.console import echo
from claster.cost.estimate import StepCost
from claster.dataset.doctor.findings import Report
from claster.dataset.downloads.plan import DownloadPlan
from claster.dataset.report import download_table, plan_line
from claster.dataset.spec import DatasetSpec
from claster.files import free_disk
from claster.progress import duration
from claster.quoting import printable


def cost_table(costs: Sequence[StepCost]) -> pd.DataFrame:
    """Return a plan as words, a step a row."""
    return pd.DataFrame(
        {
            "step": f"{cost.step} {cost.flavour}".rstrip(),
            "how much": cost.amount,
            "time": _time(cost),
            "disk": decimal(round(cost.disk)) if cost.disk else "",
            "memory": decimal(round(cost.memory)),
            "GPU memory": "" if cost.gpu_memory is None else decimal(round(cost.gpu_memory)),
            "known from": cost.known_from,
        }
        for cost in costs
    )


def total_line(spec: DatasetSpec, costs: Sequence[StepCost]) -> str:
    """Return what all steps take together, and how much room there is, as one line."""
    known = [cost for cost in costs if cost.seconds is not None]
    low, mid, high = (
        sum(getattr(cost, name) for cost in known) for name in ("low", "seconds", "high")
    )
    disk = sum(cost.disk for cost in costs)
    text = (
        f"{spec.name}: about {duration(mid)} ({duration(low)} to {duration(high)}), one after the other; "
        f"{decimal(round(disk))} of disk, {decimal(free_disk(spec.project))} free; "
        f"memory {decimal(round(max(cost.memory for cost in costs)))}"
    )
    if unknown := [cost.step for cost in costs if cost.seconds is None]:
        text += (
            f"; without {', '.join(dict.fromkeys(unknown))}, which were not measured on a GPU yet"
        )
    return text


def _time(cost: StepCost) -> str:
    if cost.seconds is None or cost.low is None or cost.high is None:
        return "not known"
    return f"{duration(cost.seconds)} ({duration(cost.low)} to {duration(cost.high)})"


def plan_as_json(spec: DatasetSpec, costs: Sequence[StepCost]) -> str:
    """Return a plan as JSON: the dataset, and its steps with seconds and bytes."""
    return json.dumps({"dataset": spec.name, "steps": [asdict(cost) for cost in costs]}, indent=1)


_SHORT = ["name", "file", "size", "state"]


def print_downloads(spec: DatasetSpec, plan: DownloadPlan, *, terms: bool) -> None:
    """Print what a dataset downloads and what of it is here; with `terms` also licence and citation."""
    rows = download_table(spec, plan).reset_index()
    console = Console()
    is_drawn = console.is_terminal
    print_table(rows[[*_SHORT, "licence", "citation"] if terms and not is_drawn else _SHORT])
    if terms and is_drawn:
        for (citation, licence), group in rows.groupby(["citation", "licence"], sort=False):
            said = printable(f": {citation}. {licence}")
            names = ", ".join(group["name"])
            console.print(Text.assemble((names, "bold"), said), highlight=False)
    echo(plan_line(spec, plan))


def print_report(report: Report) -> None:
    """Print what the doctor found."""
    console = Console()
    if console.is_terminal:
        console.print(report.as_table(), highlight=False)
        echo(repr(report))
    else:
        echo(str(report))


def print_table(rows: pd.DataFrame) -> None:
    """Print a table of words, sizes to the right."""
    console = Console()
    if not console.is_terminal:
        echo(rows.to_csv(sep="\t", index=False), nl=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in rows.columns:
        table.add_column(column, overflow="fold", justify="right" if column == "size" else "left")
    for row in rows.itertuples(index=False):
        table.add_row(*(Text(printable(str(value))) for value in row))
    console.print(table, highlight=False)
