"""The network, its configuration as EIR reads it, and how its training went."""

import json
import re
from dataclasses import asdict

from pydantic import ValidationError

from claster.eir.flavours import FLAVOURS, find_flavour
from claster.eir.geometry import Geometry, measure_geometry
from claster.eir.history import read_history
from claster.errors import ClasterError
from claster.files import write_text
from claster.plot import learning_curve
from claster.progress import SILENT, Progress, duration
from claster.quoting import pasteable
from claster.report.page import (
    Code,
    Command,
    Facts,
    Missing,
    Part,
    Section,
    Subtitle,
    Table,
    Text,
    count,
    picture,
)
from claster.report.subject import Subject
from claster.settings import Record
from claster.text import read_text


class _Measured(Record):
    """What `geometry.json` of a run holds: of which configuration, built by which EIR, what."""

    configurations: dict[str, str]
    eir: str
    geometry: Geometry


def network(subject: Subject, *, progress: Progress = SILENT) -> Section:
    """Return the network's blocks and reach, the command that trained it, and its YAML files.

    What EIR builds is measured once and kept as `geometry.json` in the run's folder.
    """
    record = subject.record
    if record.members:
        listed = tuple(pasteable(["claster", "report", member]) for member in record.members)
        text = (
            f"The predictions are the mean of {len(listed)} runs, which have reports of their own."
        )
        return Section("network", "Network", (Text(text), Command(listed)))
    flavour = FLAVOURS.get(record.flavour)
    about = f"Flavour {record.flavour}" + (f": {flavour.description}." if flavour else ".")
    parts: list[Part] = [Text(about)]
    try:
        parts += _geometry(subject, _measure(subject, progress))
    except ClasterError as error:
        parts.append(Missing(f"What EIR built is not known: {error.line}."))
        parts += _info(subject)
    if record.command:
        parts += [
            Subtitle("The command that trained it"),
            Command((pasteable(list(record.command), record.environment),)),
        ]
    files = sorted(subject.run.configurations.glob("*.yaml"))
    parts += [Code(path.name, read_text(path)) for path in files]
    return Section("network", "Network", tuple(parts))


def _measure(subject: Subject, progress: Progress) -> Geometry:
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
    with progress.step("network") as step:
        step.describe("EIR builds it")
        geometry = measure_geometry(flavour, subject.spec)
    kept = {
        "configurations": record.configurations,
        "eir": eir,
        "geometry": asdict(geometry),
    }
    write_text(path, json.dumps(kept, indent=1) + "\n")
    return geometry


def _geometry(subject: Subject, geometry: Geometry) -> list[Part]:
    facts = [("parameters", f"{geometry.parameters:,}")]
    for branch in geometry.branches:
        channels, height, width = branch.shape
        covered = width * branch.bin
        sight = "everything" if branch.reach >= covered else f"{branch.reach:,} bp"
        facts.append(
            (
                branch.modality,
                f"{channels} x {height} x {width:,} values in columns of {branch.bin:,} bp ({covered:,} bp); "
                f"{branch.positions:,} positions, one every {branch.pitch:,} bp, each sees {sight} "
                "through convolutions",
            )
        )
    facts += [
        (
            f"attention in {block.name}",
            f"over {block.length:,} {block.over}, {block.heads} head{'s' * (block.heads != 1)}",
        )
        for block in geometry.attention
    ]
    blocks = Table(
        "Blocks, in the order of the data",
        ("block", "class in EIR", "channels", "height", "width", "parameters"),
        tuple(
            (
                block.name,
                block.kind,
                count(block.channels),
                count(block.height),
                count(block.width),
                count(block.parameters),
            )
            for block in geometry.blocks
        ),
    )
    parts: list[Part] = [Facts(tuple(facts)), blocks]
    trained = subject.record.parameters
    if trained is not None and trained != geometry.parameters:
        parts.append(
            Missing(
                f"The run trained {trained:,} parameters: the flavour {geometry.flavour!r} has changed "
                "since, and this table is not that of the trained network."
            )
        )
    return parts + [Missing(f"Warning: {warning}.") for warning in geometry.warnings]


def _info(subject: Subject) -> list[Part]:
    path = subject.run.eir / "model_architecture" / "model_info.txt"
    if not path.is_file():
        return []
    return [Code("the network in EIR's words", read_text(path))]


_STEP = re.compile(r"checkpoint_(\d+)")
_PERFORMANCE = {"array": "Share of variance explained", "tabular": "Mean Pearson r of the bins"}


def training(subject: Subject) -> Section:
    """Return what was trained on, for how long, and the learning curve."""
    record = subject.record
    parts: list[Part] = [Facts(tuple(_facts(subject)))]
    history = read_history(subject.run, record)
    if record.members:
        parts = []
    elif history.empty:
        parts.append(
            Missing(f"No curve: EIR has not written one to {subject.run.eir.as_posix()} yet.")
        )
    else:
        found = _STEP.search(record.checkpoint or "")
        best = int(found[1]) if found and not record.resumed else None
        fig, _ = learning_curve(
            history, best=best, performance=f"{_PERFORMANCE[record.output]}\n(validation)"
        )
        last = history[history["split"] == "valid"]["loss"]
        parts.append(
            picture(
                fig,
                alt=f"Learning curve: loss and validation performance over {record.steps:,} steps"
                + (f"; the last validation loss is {last.iloc[-1]:.3g}" if len(last) else ""),
                caption="A validation loss that rises while the training loss falls is overfitting; the "
                "model with the best validation performance is kept.",
            )
        )
    return Section("training", "Training", tuple(parts))


def _facts(subject: Subject) -> list[tuple[str, str]]:
    record = subject.record
    rows = [
        (
            "samples",
            f"{record.training_samples:,} to train, {record.validation_samples:,} to validate "
            "(each gene forward and mirrored)",
        ),
        ("steps", f"{record.steps:,} of {record.batch_size} samples"),
        ("seed", "unknown" if record.seed is None else str(record.seed)),
        (
            "device",
            f"{record.device}{f' x {record.devices}' * (record.devices > 1)}, {record.precision}",
        ),
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
