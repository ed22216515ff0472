"""A plan for people, as a table and a line, and for programs, as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd
from rich.filesize import decimal

from claster.cost.estimate import StepCost
from claster.dataset.spec import DatasetSpec
from claster.files import free_disk
from claster.progress import duration

__all__ = ["cost_table", "plan_as_json", "total_line"]


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
    low, mid, high = (sum(getattr(cost, name) for cost in known) for name in _TIMES)
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


_TIMES = ("low", "seconds", "high")


def _time(cost: StepCost) -> str:
    if cost.seconds is None or cost.low is None or cost.high is None:
        return "not known"
    return f"{duration(cost.seconds)} ({duration(cost.low)} to {duration(cost.high)})"


def plan_as_json(spec: DatasetSpec, costs: Sequence[StepCost]) -> str:
    """Return a plan as JSON: the dataset, and its steps with seconds and bytes."""
    return json.dumps({"dataset": spec.name, "steps": [asdict(cost) for cost in costs]}, indent=1)
