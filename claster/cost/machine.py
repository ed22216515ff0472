"""How fast this machine is, measured once and kept: a start, a small build, a step of a network."""

import hashlib
import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import BaseModel, ConfigDict

from claster.analysis.perturbation.plan import count_edits
from claster.dataset.build import build_dataset, bytes_a_gene
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import input_views, predicted_part
from claster.eir.geometry import Cost, measure_cost
from claster.eir.parts import Flavour
from claster.errors import ClasterError
from claster.files import sha256, write_text
from claster.progress import Progress
from claster.settings import Record
from claster.simulation.genome import GenomeSettings, simulate_genome
from claster.times import machine_name
from claster.versions import versions


class MachineRates(Record):
    """Speeds of a machine.

    `start` is how many seconds a command takes to begin, `eir_start` the same with EIR, `build_start` what is
    compiled before a build.
    """

    start: float
    eir_start: float
    build_start: float
    build_bytes_per_second: float
    simulate_seconds_per_megabase: float


class _Kept(BaseModel):
    """The file of what was measured, by machine; edits of a screen by the dataset's manifest."""

    model_config = ConfigDict(extra="forbid")

    machines: dict[str, MachineRates] = {}
    networks: dict[str, dict[str, Cost]] = {}
    edits: dict[str, int] = {}


class Measured:
    """What was measured before, in ``rates.json`` of the user's cache; `force` measures it again."""

    def __init__(self, *, force: bool = False) -> None:
        """Read the file; one that is damaged counts as none."""
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        self.file = cache / "claster" / "rates.json"
        self.force = force
        self.busy = os.getloadavg()[0] > (os.process_cpu_count() or 1)
        self.new = False
        self.kept = _Kept()
        if self.file.is_file():
            with suppress(ValueError):
                self.kept = _Kept.model_validate_json(self.file.read_text(encoding="utf-8"))

    def elsewhere(self, flavour: Flavour, spec: DatasetSpec) -> Cost | None:
        """Return what a step of a flavour takes on a GPU of another machine that keeps its rates here."""
        key = _network_key(flavour, spec, "cuda")
        found = [known[key] for known in self.kept.networks.values() if key in known]
        return found[-1] if found else None

    def write(self) -> None:
        """Keep what is known."""
        self.new = True
        write_text(self.file, self.kept.model_dump_json(indent=1) + "\n")


_STARTS = {
    "start": "import claster.dataset.build, claster.dataset.load, claster.cli",
    "eir_start": "import claster.cli, claster.eir.inference, eir.train",
}
_GENOME = GenomeSettings(seed=1, chromosomes=2, megabases=8, genes=60)


def machine_rates(measured: Measured, *, progress: Progress) -> MachineRates:
    """Return how fast this machine is, as known or measured now in some ten seconds, and keep it."""
    name = machine_name("cpu")
    known = measured.kept.machines.get(name)
    if known is not None and not measured.force:
        return known
    with progress.step("measure this machine", 4) as step, TemporaryDirectory() as scratch:
        starts = {}
        for start, code in _STARTS.items():
            begun = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            starts[start] = time.perf_counter() - begun
            step.advance()
        spec = _small_dataset(Path(scratch))
        begun = time.perf_counter()
        simulate_genome(spec.data_folder, _GENOME)
        simulated = time.perf_counter() - begun
        step.advance()
        builds = []
        for _ in range(2):  # the first one compiles, as a command does
            begun = time.perf_counter()
            kept = build_dataset(spec, force=True).manifest.genes_kept
            builds.append(time.perf_counter() - begun)
        step.advance()
    written = sum(kept.values()) * bytes_a_gene(spec)
    rates = MachineRates(
        **starts,
        build_start=max(builds[0] - builds[1], 0.0),
        build_bytes_per_second=written / builds[1],
        simulate_seconds_per_megabase=simulated / _GENOME.megabases,
    )
    measured.kept.machines[name] = rates
    measured.write()
    return rates


def _small_dataset(project: Path) -> DatasetSpec:
    """Return a dataset with windows of the published size, to be simulated below a folder."""
    spec = load_dataset("demo_tiny", project=project)
    changed = spec.model_copy(update={"data": str(project / "source")})
    splits = spec.splits.model_copy(update={"valid": (), "test": ("chr2",)})
    return changed.model_copy(update={"splits": splits}).within(project)


def network_cost(
    flavour: Flavour, spec: DatasetSpec, measured: Measured, *, device: str, progress: Progress
) -> Cost:
    """Return what a step of a flavour takes on ``cpu`` or ``cuda``, as known or measured now, and keep it."""
    name = machine_name("cuda" if device == "cuda" else "cpu")
    key = _network_key(flavour, spec, device)
    known = measured.kept.networks.setdefault(name, {})
    if key not in known or measured.force:
        with progress.step(f"measure {flavour.name}") as step:
            step.describe("EIR starts")
            known[key] = measure_cost(flavour, spec, device=device)
        measured.write()
    return known[key]


def _network_key(flavour: Flavour, spec: DatasetSpec, device: str) -> str:
    """Name what decides the time of a step: the network, its shapes, batch, versions."""
    shapes = {name: view.shape(spec) for name, view in input_views(flavour, spec).items()}
    columns = len(predicted_part(flavour, spec).require_target().columns)
    network = flavour.model_dump(mode="json", exclude={"name", "description", "dataset"})
    network["training"] = flavour.training.batch_size
    told = json.dumps(
        [network, shapes, columns, device, versions(["torch", "eir-dl"])], default=str
    )
    return f"{flavour.name} {hashlib.sha256(told.encode()).hexdigest()[:16]}"


def known_edits(spec: DatasetSpec, measured: Measured, *, progress: Progress) -> int | None:
    """Return how many edits a screen of a built dataset makes, laid out once and kept.

    None where it is not built, names no elements, or no screen can be laid out.
    """
    folders = DatasetFolders.of(spec)
    file = spec.source(spec.elements.file) if spec.elements else None
    if not folders.is_built or file is None or not file.is_file():
        return None
    key = f"{sha256(folders.manifest)} {sha256(file)}"
    if key not in measured.kept.edits:
        try:
            with progress.step("lay out a screen"):
                measured.kept.edits[key] = count_edits(spec)
        except ClasterError:  # the screen tells its own faults
            return None
        measured.write()
    return measured.kept.edits[key]
