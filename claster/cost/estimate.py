"""What a step takes, by a rate that was measured and by what it took before."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from claster.cost.machine import MachineRates
from claster.cost.work import Amount
from claster.settings import Device
from claster.times import Took, machine_name


@dataclass(frozen=True)
class StepCost:
    """What a step takes; None is not known.

    `seconds` with `low` and `high` are those of the whole command. `disk` is what it leaves, `memory` and
    `gpu_memory` what it takes at most, in bytes. `amount` says how much there is to do, `known_from` where
    amount and rate come from.
    """

    step: str
    flavour: str
    seconds: float | None
    low: float | None
    high: float | None
    disk: float
    memory: float
    gpu_memory: float | None
    amount: str
    known_from: str


@dataclass(frozen=True)
class Rate:
    """Seconds in a command once it has begun: `fixed`, and `a_unit` for each unit; good up to a factor."""

    fixed: float
    a_unit: float
    factor: float
    known_from: str


MEASURED, BY_THUMB = 1.5, 2.5
"""Factors that a measured rate and a usual one are good for, before a step was done here."""
_LIKE = 1.25
"""The same where it was done before, at least."""


_LIGHT = ("simulate", "download", "check", "build")


@dataclass(frozen=True)
class Work:
    """A step that is to be done.

    `step` is its name in `Took`; `units` how much there is to do, `amount` the same in words; `rate` what is
    expected before it was done here; `disk` and `memory` are bytes; `flavour` and `device` those of the
    network that takes part.
    """

    step: str
    units: Amount
    amount: str
    rate: Rate
    memory: float
    disk: float = 0.0
    flavour: str = ""
    device: Device = "cpu"


def estimate(work: Work, rates: MachineRates, past: Sequence[Took]) -> StepCost:
    """Return what a step takes by its rate, or by what it took before.

    Parameters
    ----------
    rates, past
        Speeds of the machine, and what was done in the project; a step with a network on the same dataset.
    """
    units, device = work.units, work.device
    like = [
        took
        for took in past
        if (took.step, took.flavour, took.device) == (work.step, work.flavour, device)
        and (device == "cuda" or took.machine == machine_name("cpu"))
    ]
    rate = _learned(work.rate, like)
    sources = [source for source in (units.known_from, rate.known_from) if source]
    # What a step noted leaves out what it imports: twice a start where there is a network or a score.
    start = rates.start * (2 if like and work.step not in _LIGHT else 1)
    took = [start + rate.fixed + rate.a_unit * n for n in (units.value, units.low, units.high)]
    known = bool(rate.known_from)
    return StepCost(
        step=work.step,
        flavour=work.flavour,
        seconds=took[0] if known else None,
        low=took[1] / rate.factor if known else None,
        high=took[2] * rate.factor if known else None,
        disk=work.disk,
        memory=max([work.memory, *(float(earlier.memory) for earlier in like)]),
        gpu_memory=None,
        amount=work.amount,
        known_from=", ".join(dict.fromkeys(sources)) if known else "not measured on a GPU",
    )


def _learned(rate: Rate, like: Sequence[Took]) -> Rate:
    """Return a rate by what steps took: long ones tell the time of a unit, short ones what all share."""
    if not like:
        return rate
    long = [took for took in like if took.seconds > 2 * rate.fixed]
    a_unit = rate.a_unit
    if long:
        a_unit = median((took.seconds - rate.fixed) / took.units for took in long)
    if not rate.known_from and not long:
        return rate
    short = [took for took in like if took not in long]
    fixed = rate.fixed
    if short:
        fixed = median(max(took.seconds - a_unit * took.units, 0.0) for took in short)
    told = [took.seconds / max(fixed + a_unit * took.units, 1e-6) for took in like]
    spread = max(_LIKE, *told, *(1 / max(ratio, 0.1) for ratio in told))
    known_from = f"{len(like)} earlier" if long else f"{rate.known_from}, {len(like)} earlier"
    return Rate(fixed, a_unit, spread, known_from)
