"""How much there is to do for a dataset, and what a step takes by a measured rate and what it took before."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from claster.dataset.choice import choose_genes
from claster.dataset.inventory import list_sources
from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.settings import Device
from claster.times import Took, machine_name

_GENES = {"mm": 21_900, "hg": 20_000}
"""Protein-coding genes of GENCODE's annotations, by the first letters of an assembly."""
_KEPT_OF_SIMULATED = 0.97


@dataclass(frozen=True)
class Amount:
    """How much there is of something, and between what bounds it lies where it is estimated."""

    value: float
    low: float
    high: float
    known_from: str

    @classmethod
    def counted(cls, value: float, known_from: str) -> "Amount":
        """Return an amount that is known."""
        return cls(value, value, value, known_from)

    @classmethod
    def about(cls, value: float, factor: float, known_from: str) -> "Amount":
        """Return an amount that is known up to a factor."""
        return cls(value, value / factor, value * factor, known_from)

    def times(self, factor: float) -> "Amount":
        """Return so many times the amount."""
        return Amount(self.value * factor, self.low * factor, self.high * factor, self.known_from)


@dataclass(frozen=True)
class Genes:
    """The genes of each split; a gene is two samples, as it is and mirrored."""

    train: Amount
    valid: Amount
    test: Amount

    @property
    def total(self) -> Amount:
        """All of them."""
        parts = [(part.value, part.low, part.high) for part in (self.train, self.valid, self.test)]
        value, low, high = (sum(numbers) for numbers in zip(*parts, strict=True))
        return Amount(value, low, high, self.train.known_from)


def count_genes(spec: DatasetSpec, *, told: int | None = None) -> Genes:
    """Return how many genes get a window: from the build, else the source files, else an estimate.

    `told` is how many there are, where neither tells.

    Raises
    ------
    ClasterError
        If a file has a fault that the build refuses, or nothing tells: the dataset is neither built nor
        simulated, its files are not there, the assembly is not one of mouse or human, and `told` is None.
    """
    folders = DatasetFolders.of(spec)
    if folders.is_built:
        split, known_from = read_genes_table(folders)["split"], "built dataset"
    elif told is None and all(part.path.exists() for part in list_sources(spec) if part.built):
        with open_sources(spec) as sources:
            split, known_from = choose_genes(spec, sources).kept["split"], "files"
    else:
        return _estimated(spec, told)
    return Genes(*(Amount.counted(int((split == name).sum()), known_from) for name in SPLITS))


def _estimated(spec: DatasetSpec, told: int | None) -> Genes:
    """Divide the genes of an assembly by the length of the chromosomes that are held out."""
    factor = 1.1
    if told is not None:
        genes, known_from = float(told), "--genes"
    elif spec.simulation is not None:
        genes, known_from = spec.simulation.genes * _KEPT_OF_SIMULATED, "simulation"
    elif per_assembly := _GENES.get(spec.assembly[:2]):
        genes, known_from = float(per_assembly), "genes of such an assembly"
    else:
        raise ClasterError(
            f"dataset {spec.name!r} is neither built nor are its files there, so its genes are not counted",
            remedy="say how many there are with --genes",
        )
    valid, test = _share(spec, spec.splits.valid), _share(spec, spec.splits.test)
    if max(valid, test) > 0.02:
        factor = 1.4  # genes are not spread evenly over chromosomes
    return Genes(
        train=Amount.about(genes * (1 - valid - test), 1.1, known_from),
        valid=Amount.about(genes * valid, factor, known_from),
        test=Amount.about(genes * test, factor, known_from),
    )


def _share(spec: DatasetSpec, rules: Sequence[str]) -> float:
    """Return the share of the genome that a split's chromosomes and regions have."""
    if spec.splits.folds is not None:
        return 1 / spec.splits.folds
    if spec.simulation is not None:
        return len(rules) / spec.simulation.chromosomes
    try:
        sizes = spec.chromosome_sizes()
    except ClasterError:
        sizes = dict.fromkeys((f"chr{n}" for n in range(1, 21)), 1)
    total = sum(sizes.values())
    return sum(_length(rule, sizes) for rule in rules) / total


def _length(rule: str, sizes: dict[str, int]) -> float:
    chrom, _, span = rule.partition(":")
    if chrom not in sizes:
        return 0.0
    start, _, end = span.replace(",", "").partition("-")
    return int(end) - int(start) if start.isdecimal() and end.isdecimal() else sizes[chrom]


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


def estimate(work: Work, start: float, past: Sequence[Took]) -> StepCost:
    """Return what a step takes by its rate, or by what it took before.

    `start` is how many seconds a command takes to begin, `past` what was done in the project; a step with a
    network on the same dataset.
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
    start *= 2 if like and work.step not in _LIGHT else 1
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
