"""The network, its configuration as EIR reads it, and how its training went."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict

from pydantic import ValidationError

from claster.eir.flavours import FLAVOURS, find_flavour
from claster.eir.geometry import Geometry, measure_geometry
from claster.eir.history import read_history
from claster.eir.runs import RunRecord
from claster.errors import ClasterError
from claster.files import write_text
from claster.plot import learning_curve
from claster.progress import duration
from claster.quoting import pasteable
from claster.report import page
from claster.report.subject import Subject
from claster.settings import Record
from claster.text import read_text


class _Measured(Record):
    """What `geometry.json` of a run holds: of which configuration, built by which EIR, what."""

    configurations: dict[str, str]
    eir: str
    geometry: Geometry


def network(subject: Subject) -> Iterator[page.Part]:
    """Yield the network's blocks and reach, the command that trained it, and its YAML files.

    What EIR builds is measured once and kept as `geometry.json` in the run's folder.
    """
    record = subject.record
    if record.members:
        listed = [pasteable(["claster", "report", member]) for member in record.members]
        yield page.Text(
            f"The predictions are the mean of {len(listed)} runs, which have reports of their own."
        )
        yield page.Command(listed)
        return
    flavour = FLAVOURS.get(record.flavour)
    yield page.Text(f"Flavour {record.flavour}" + (f": {flavour.description}." if flavour else "."))
    try:
        geometry = _measure(subject)
    except ClasterError as error:
        yield page.Missing(f"What EIR built is not known: {error.line}.")
        info = subject.run.eir / "model_architecture" / "model_info.txt"
        if info.is_file():
            yield page.Code("the network in EIR's words", read_text(info))
    else:
        yield from _geometry(subject, geometry)
    if record.command:
        yield page.Subtitle("The command that trained it")
        yield page.Command([pasteable(list(record.command), record.environment)])
    for path in sorted(subject.run.configurations.glob("*.yaml")):
        yield page.Code(path.name, read_text(path))


def _measure(subject: Subject) -> Geometry:
    path = subject.run.path / "geometry.json"
    record = subject.record
    eir = record.versions.get("eir-dl", "")
    if path.is_file():
        try:
            known = _Measured.model_validate_json(read_text(path))
        except ValidationError:
            known = None
        if known and (known.configurations, known.eir) == (record.configurations, eir):
            return known.geometry
    flavour = find_flavour(record.flavour)
    with subject.progress.step("network") as step:
        step.describe("EIR builds it")
        geometry = measure_geometry(flavour, subject.spec)
    kept = {"configurations": record.configurations, "eir": eir, "geometry": asdict(geometry)}
    write_text(path, json.dumps(kept, indent=1) + "\n")
    return geometry


def _geometry(subject: Subject, geometry: Geometry) -> Iterator[page.Part]:
    facts = [("parameters", f"{geometry.parameters:,}")]
    for branch in geometry.branches:
        channels, height, width = branch.shape
        covered = width * branch.bin
        sight = "everything" if branch.reach >= covered else f"{branch.reach:,} bp"
        told = (
            f"{channels} x {height} x {width:,} values in columns of {branch.bin:,} bp ({covered:,} bp); "
            f"{branch.positions:,} positions, one every {branch.pitch:,} bp, each sees {sight} "
            "through convolutions"
        )
        facts.append((branch.modality, told))
    for layer in geometry.attention:
        heads = f"{layer.heads} head{'s' * (layer.heads != 1)}"
        facts.append((f"attention in {layer.name}", f"over {layer.length:,} {layer.over}, {heads}"))
    yield page.Facts(facts)
    sizes = ("channels", "height", "width", "parameters")
    yield page.Table(
        "Blocks, in the order of the data",
        ("block", "class in EIR", *sizes),
        [
            (block.name, block.kind, *(page.count(getattr(block, size)) for size in sizes))
            for block in geometry.blocks
        ],
    )
    trained = subject.record.parameters
    if trained is not None and trained != geometry.parameters:
        yield page.Missing(
            f"The run trained {trained:,} parameters: the flavour {geometry.flavour!r} has changed "
            "since, and this table is not that of the trained network."
        )
    for warning in geometry.warnings:
        yield page.Missing(f"Warning: {warning}.")


_STEP = re.compile(r"checkpoint_(\d+)")
_PERFORMANCE = {"array": "Share of variance explained", "tabular": "Mean Pearson r of the bins"}


def training(subject: Subject) -> Iterator[page.Part]:
    """Yield what was trained on, for how long, and the learning curve; nothing of a mean of runs."""
    record = subject.record
    if record.members:
        return
    yield page.Facts(_facts(record))
    history = read_history(subject.run, record)
    if history.empty:
        yield page.Missing(
            f"No curve: EIR has not written one to {subject.run.eir.as_posix()} yet."
        )
        return
    found = _STEP.search(record.checkpoint or "")
    best = int(found[1]) if found and not record.resumed else None
    told = f"Learning curve: loss and validation performance over {record.steps:,} steps"
    last = history[history["split"] == "valid"]["loss"]
    if len(last):
        told += f"; the last validation loss is {last.iloc[-1]:.3g}"
    performance = f"{_PERFORMANCE[record.output]}\n(validation)"
    yield page.picture(
        learning_curve(history, best=best, performance=performance),
        alt=told,
        caption="A validation loss that rises while the training loss falls is overfitting; the "
        "model with the best validation performance is kept.",
    )


def _facts(record: RunRecord) -> list[tuple[str, str]]:
    samples = (
        f"{record.training_samples:,} to train, {record.validation_samples:,} to validate "
        "(each gene forward and mirrored)"
    )
    devices = f" x {record.devices}" if record.devices > 1 else ""
    rows = [
        ("samples", samples),
        ("steps", f"{record.steps:,} of {record.batch_size} samples"),
        ("seed", "unknown" if record.seed is None else str(record.seed)),
        ("device", f"{record.device}{devices}, {record.precision}"),
        ("started", record.started),
    ]
    if record.seconds is not None:
        rows.append(("took", duration(record.seconds)))
    if record.checkpoint:
        scored = "" if record.performance is None else f" (performance {record.performance:.4f})"
        rows.append(("model kept", record.checkpoint + scored))
    if record.started_from:
        rows.append(("started from", record.started_from.run))
    rows += [
        ("resumed", f"from step {part.step:,} with learning rate {part.rate:.2g}")
        for part in record.resumed
    ]
    return rows
