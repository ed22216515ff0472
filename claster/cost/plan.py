"""The plan of a study: what each step takes, from rates of this machine and of what was done before."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from rich.filesize import decimal

from claster.cost.estimate import (
    BY_THUMB,
    MEASURED,
    Amount,
    Genes,
    Rate,
    StepCost,
    Work,
    count_genes,
    estimate,
)
from claster.cost.machine import MachineRates, Measured, known_edits, machine_rates, network_cost
from claster.cost.settings import PlanSettings
from claster.dataset.build import bytes_a_gene
from claster.dataset.downloads.plan import plan_downloads
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import whole_name
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView
from claster.eir.arrays import as_stored, input_views, predicted_part
from claster.eir.flavours import find_flavour
from claster.eir.geometry import Cost
from claster.eir.machine import Machine, choose_feeding, resolve_device, sample_bytes
from claster.eir.parts import Flavour, SampleCounts
from claster.eir.settings import TrainSettings
from claster.eir.yaml_files import plan_schedule
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_sizes
from claster.progress import SILENT, Progress
from claster.settings import Device
from claster.times import Took, read_times

_GB = 1e9
_BUILD_BYTES_A_BASE = 16
_RATIO_OF_AN_EDIT = 0.7
"""Time of an edited window in that of a predicted one, on a CPU: its first convolution is mostly known."""
_TABLE = 2.5e-6
"""Seconds that `eirtrain` takes more a sample and column of a table of targets (docs/training.md)."""
_USUAL = {
    "bigwig": (0.10, 3.0),
    "cooler": (4.0, 3.0),
    "hic": (6.0, 3.0),
    "fasta": (0.32, 1.3),
    "gtf": (0.01, 2.0),
}
"""Bytes a base of the genome that files of a format take, and the factor that this is good for."""


def plan_costs(
    spec: DatasetSpec,
    settings: PlanSettings | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: object,
) -> list[StepCost]:
    """Tell what each step of a study takes, from the download to the report.

    The dataset's files need not be there, and no server is asked. Speeds of this machine, and of a training
    step of each flavour, are measured once (half a minute) and kept in the user's cache; steps that were done
    in the project before count more.

    Parameters
    ----------
    settings, **keywords
        What is planned: see `PlanSettings`.

    Returns
    -------
    list of StepCost
        In the order of the work; steps with a network once a flavour.

    Raises
    ------
    ClasterError
        If nothing tells how many genes there are, there is no such flavour, or the dataset lacks what it
        needs.
    """
    asked = PlanSettings.of(settings, **keywords)
    genes = count_genes(spec, told=asked.genes)
    measured = Measured(force=asked.force)
    rates = machine_rates(measured, progress=progress)
    past = read_times(spec.project)
    costs = _of_dataset(spec, genes, rates, past)
    edits = _edits(spec, genes, asked.edits, measured, progress)
    for name in asked.flavours:
        flavour = as_stored(find_flavour(name), DatasetFolders.of(spec))
        device, cost = _network(flavour, spec, measured, asked.device, progress)
        planned = _Planned(flavour, spec, genes, rates, past, device, cost)
        costs += planned.steps(asked.epochs, edits)
    if measured.new and measured.busy:
        progress.say(
            "this machine was busy with other work while it was measured: its speeds are too slow, and are "
            "kept until 'claster plan --force'"
        )
    return costs


def _network(
    flavour: Flavour, spec: DatasetSpec, measured: Measured, asked: Device, progress: Progress
) -> tuple[Device, Cost | None]:
    """Return where a flavour computes and what its step takes: None for a GPU that was nowhere measured."""
    try:
        device = resolve_device(asked)
    except ClasterError:  # a GPU is asked for that this machine lacks
        return "cuda", measured.elsewhere(flavour, spec)
    return device, network_cost(flavour, spec, measured, device=device, progress=progress)


def _of_dataset(
    spec: DatasetSpec, genes: Genes, rates: MachineRates, past: Sequence[Took]
) -> list[StepCost]:
    """Return the steps without a network."""
    files = 3 + sum(len(track.labels) for track in spec.tracks)
    written = genes.total.times(bytes_a_gene(spec))
    works = []
    if spec.simulation is not None:
        size = spec.simulation.megabases
        rate = Rate(0.2, rates.simulate_seconds_per_megabase, MEASURED, "measured")
        units = Amount.counted(size, "simulation")
        memory = 4e8 + 5e6 * size
        works = [Work("simulate", units, f"{size:g} Mb", rate, disk=6e6 * size, memory=memory)]
    elif (coming := _download_bytes(spec)) is not None:
        rate = Rate(2.0, 1 / 20e6, 5.0, "20 MB/s")
        size = coming.value
        works = [Work("download", coming, decimal(round(size)), rate, disk=size, memory=2e8)]
    works += [
        Work(
            "check",
            Amount.counted(files, "YAML"),
            f"{files} files",
            Rate(rates.start, 0.2 * rates.start, BY_THUMB, "rule of thumb"),
            memory=0.5 * _GB,
        ),
        Work(
            "build",
            written,
            f"{genes.total.value:,.0f} genes, {decimal(round(written.value))}",
            Rate(rates.build_start, 1 / rates.build_bytes_per_second, MEASURED, "measured"),
            disk=written.value,
            memory=0.7 * _GB + _BUILD_BYTES_A_BASE * _longest_chromosome(spec),
        ),
    ]
    return [estimate(work, rates.start, past) for work in works]


def _download_bytes(spec: DatasetSpec) -> Amount | None:
    """Return the bytes that are still to be downloaded; None where the dataset downloads nothing.

    No server is asked. Sizes that neither the YAML nor an earlier download tells are estimated from the
    format and the length of the genome.
    """
    if not spec.downloads:
        return None
    genome = sum(chromosome_sizes(spec.assembly, None).values())
    formats = {download.name: download.format for download in spec.downloads}
    value = low = high = 0.0
    known_from = "sizes that are known"
    for file in plan_downloads(spec).files:
        if (missing := file.missing_bytes) is not None:
            value, low, high = value + missing, low + missing, high + missing
            continue
        a_base, factor = _USUAL.get(formats[file.name], (0.01, 3.0))
        known_from = "usual sizes"
        value += genome * a_base
        low += genome * a_base / factor
        high += genome * a_base * factor
    return Amount(value, low, high, known_from)


def _longest_chromosome(spec: DatasetSpec) -> float:
    if spec.simulation is not None:
        return 1e6 * spec.simulation.megabases / spec.simulation.chromosomes
    try:
        return max(spec.chromosome_sizes().values())
    except ClasterError:  # its table is not here yet
        return 0.0


@dataclass(frozen=True)
class _Planned:
    """A flavour on a dataset, and what is known of its speed."""

    flavour: Flavour
    spec: DatasetSpec
    genes: Genes
    rates: MachineRates
    past: Sequence[Took]
    device: Device
    cost: Cost | None

    def steps(self, epochs: int | None, edits: Amount) -> Iterator[StepCost]:
        """Yield what is done with the network."""
        yield self._train(epochs)
        test, spec, cost = self.genes.test, self.spec, self.cost
        target = predicted_part(self.flavour, spec).require_target()
        forward = cost.forward if cost else None
        samples = test.times(2)
        yield self._step(
            "predict",
            samples,
            f"{samples.value:,.0f} samples",
            self._starting_eir(forward and forward + 1e-3),
            disk=samples.value * len(target.columns) * 6,
            memory=1.3 * _GB,
        )
        yield self._step(
            "evaluate",
            test,
            f"{test.value:,.0f} genes",
            Rate(3 * self.rates.start, 0.1, BY_THUMB, "rule of thumb"),
            memory=1.0 * _GB + 8 * test.value * len(target.columns),
        )
        if "landscape" in self.flavour.inputs:
            share = _RATIO_OF_AN_EDIT if self.device == "cpu" else 1.0
            yield self._step(
                "screen",
                edits,
                f"{edits.value:,.0f} edits",
                self._starting_eir(forward and share * forward + 5e-4),
                disk=edits.value * 60,
                memory=1.4 * _GB + 500 * edits.value,
            )
            a_sample = cost.seconds / cost.batch_size if cost else None
            yield self._step(
                "attribute",
                test,
                f"{test.value:,.0f} genes, 8 bins each",
                replace(self._starting_eir(a_sample and 8 * 32 * a_sample), factor=BY_THUMB),
                disk=test.value * 8 * prod(spec.landscape_shape),
                memory=1.7 * _GB,
            )
        yield self._step(
            "report",
            Amount.counted(1, ""),
            "1 page",
            Rate(3 * self.rates.start + self.rates.eir_start, 0.0, BY_THUMB, "rule of thumb"),
            disk=1e6,
            memory=1.4 * _GB,
        )

    def _train(self, epochs: int | None) -> StepCost:
        flavour, spec, genes, cost = self.flavour, self.spec, self.genes, self.cost
        counts = SampleCounts(
            max(2, round(2 * genes.train.value)), max(2, round(2 * genes.valid.value))
        )
        schedule = plan_schedule(flavour, counts, epochs)
        seen = (schedule.steps or 0) * schedule.batch_size
        samples = genes.train.times(seen / max(genes.train.value, 1))
        a_sample = None
        if cost is not None:
            evaluations = max(1, (schedule.steps or 0) // schedule.interval)
            looked_at = evaluations * counts.valid / max(seen, 1)
            a_sample = cost.seconds / cost.batch_size + cost.forward * looked_at
            if flavour.output.array is None:
                columns = len(predicted_part(flavour, spec).require_target().columns)
                a_sample += _TABLE * columns * (1 + looked_at)
        arrays = sample_bytes(flavour, spec)
        machine = choose_feeding(
            Machine(self.device),
            TrainSettings(),
            flavour=flavour,
            spec=spec,
            counts=counts,
            epochs=schedule.epochs,
        )
        held = 4 * arrays * (counts.train + counts.valid) if machine.memory else 0
        step_memory = cost.memory if cost else 0
        views = [
            view for view in input_views(flavour, spec).values() if isinstance(view, ArrayView)
        ]
        copied = sum(4 * prod(view.shape(spec)) for view in views if view.folder != view.modality)
        rate = self._starting_eir(a_sample)
        return self._step(
            "train",
            samples,
            f"{schedule.epochs} epochs of {counts.train:,} samples",
            replace(rate, fixed=rate.fixed + self.rates.start),
            disk=(16 * cost.weights if cost else 0) + copied * (counts.train + counts.valid) + 2e6,
            memory=1.3 * _GB + held + (step_memory if self.device == "cpu" else 0),
        )

    def _starting_eir(self, a_unit: float | None) -> Rate:
        known_from = "measured" if a_unit is not None else ""
        return Rate(self.rates.eir_start, a_unit or 0.0, MEASURED, known_from)

    def _step(
        self,
        step: str,
        units: Amount,
        amount: str,
        rate: Rate,
        *,
        disk: float = 0.0,
        memory: float,
    ) -> StepCost:
        with_network = step not in ("evaluate", "report")
        work = Work(
            step,
            units,
            amount,
            rate,
            memory=memory,
            disk=disk,
            flavour=self.flavour.name if with_network else "",
            device=self.device if with_network else "cpu",
        )
        of = whole_name(self.spec.name)
        like = [took for took in self.past if whole_name(took.dataset) == of]
        planned = estimate(work, self.rates.start, like)
        gpu = None
        if self.cost and work.device == "cuda":
            keeps_gradients = step in ("train", "attribute")
            gpu = self.cost.memory if keeps_gradients else self.cost.predicting
        return replace(planned, flavour=self.flavour.name, gpu_memory=gpu)


_PAIRS_A_GENE, _CONTROLS = 40.0, 15_000.0
"""Elements within 200 kb of a TSS (34 in the simulated genomes), and control regions of a screen."""


def _edits(
    spec: DatasetSpec, genes: Genes, told: int | None, measured: Measured, progress: Progress
) -> Amount:
    """Return the edits of a screen: told, counted by laying it out, or estimated."""
    if told is not None:
        return Amount.counted(told, "--edits")
    counted = known_edits(spec, measured, progress=progress)
    if counted is not None:
        return Amount.counted(counted, "screen laid out")
    return Amount.about(_PAIRS_A_GENE * genes.test.value + _CONTROLS, 2.0, "usual density")
