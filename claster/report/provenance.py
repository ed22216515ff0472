"""Where everything comes from: commands, versions, hashes."""

from claster.quoting import pasteable
from claster.report.page import Command, Part, Row, Section, Subtitle, Table, Text, count
from claster.report.subject import Subject

__all__ = ["provenance"]

_SHOWN = 16


def provenance(subject: Subject) -> Section:
    """Return the commands that repeat the run, and versions and hashes of what it is made of."""
    record, manifest = subject.record, subject.manifest
    parts: list[Part] = [Subtitle("Commands that repeat it"), Command(tuple(_commands(subject)))]
    if manifest is not None and manifest.sources:
        rows: list[Row] = [
            (label, source.path, count(source.bytes), source.sha256[:_SHOWN])
            for label, source in manifest.sources.items()
        ]
        parts.append(
            Table(
                "Source files of the dataset", ("source", "file", "bytes", "SHA-256"), tuple(rows)
            )
        )
        changed = [
            label
            for label, digest in record.data.items()
            if label in manifest.sources and manifest.sources[label].sha256 != digest
        ]
        if changed:
            listed = ", ".join(changed)
            parts.append(
                Text(f"Since the training, other files have taken the place of: {listed}.")
            )
    used = {**record.configurations, **record.data}
    if used:
        hashes = tuple((name, digest[:_SHOWN]) for name, digest in used.items())
        parts.append(Table("What the run was trained with", ("what", "SHA-256"), hashes))
    names = sorted({*record.versions, *(manifest.versions if manifest else {})})
    parts.append(
        Table(
            "Versions",
            ("package", "training", "build of the dataset"),
            tuple(
                (
                    name,
                    record.versions.get(name, ""),
                    manifest.versions.get(name, "") if manifest else "",
                )
                for name in names
            ),
        )
    )
    parts.append(
        Text(f"Hashes are the first {_SHOWN} of 64 digits; run.json and manifest.json have all.")
    )
    return Section("provenance", "Provenance", tuple(parts))


def _commands(subject: Subject) -> list[str]:
    record, spec = subject.record, subject.spec
    commands = []
    if spec.simulation:
        commands.append(["simulate", record.dataset])
    if spec.downloads:
        commands.append(["data", "download", record.dataset])
    commands.append(["data", "build", record.dataset])
    if record.members:
        commands.append(["predict", *record.members, "--out", subject.name])
    else:
        options = ["--tag", record.tag] if record.tag else []
        options += ["--seed", str(record.seed)] if record.seed else []
        options += ["--devices", str(record.devices)] if record.devices > 1 else []
        commands.append(["train", record.flavour, "--dataset", record.dataset, *options])
        commands.append(["predict", subject.name])
    commands += [[verb, subject.name] for verb in ("evaluate", "report")]
    return [pasteable(["claster", *command]) for command in commands]
