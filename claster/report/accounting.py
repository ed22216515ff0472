"""Where everything comes from: genes, tracks, commands, versions, hashes."""

import pandas as pd

from claster.dataset.layout import SPLITS, read_genes_table
from claster.dataset.manifest import Manifest
from claster.dataset.selection import DROP_REASONS
from claster.quoting import pasteable
from claster.report.page import (
    Command,
    Facts,
    Missing,
    Part,
    Row,
    Section,
    Subtitle,
    Table,
    Text,
    count,
    number,
)
from claster.report.subject import Subject
from claster.text import read_table

_EXAMPLES = 3


def accounting(subject: Subject) -> Section:
    """Return genes in, kept by split and chromosome, dropped by reason; tracks and target."""
    parts: list[Part] = []
    if subject.manifest is None:
        parts.append(
            Missing(
                f"The dataset {subject.spec.name!r} is not built here, so its genes cannot be counted.",
                (pasteable(["claster", "data", "build", subject.record.dataset]),),
            )
        )
    else:
        parts += _genes(subject, subject.manifest)
    return Section("data", "Data", (*parts, _windows(subject), _tracks(subject)))


def _genes(subject: Subject, manifest: Manifest) -> list[Part]:
    kept, dropped = sum(manifest.genes_kept.values()), sum(manifest.genes_dropped.values())
    splits = ", ".join(f"{n:,} {split}" for split, n in manifest.genes_kept.items())
    said = f"{manifest.genes_in:,} genes in = {kept:,} kept ({splits}) + {dropped:,} dropped."
    if manifest.genes_padded:
        said += f" The windows of {manifest.genes_padded:,} kept genes leave their chromosome."
    shared = {pair: bases for pair, bases in manifest.shared_bp.items() if bases}
    said += (
        " Input windows of two splits share: "
        + ", ".join(f"{pair} {bases:,} bp" for pair, bases in shared.items())
        + "."
        if shared
        else " No base of an input window belongs to two splits."
    )
    return [Text(said), _kept(subject), *_dropped(subject, manifest)]


def _kept(subject: Subject) -> Table:
    genes = read_genes_table(subject.folders)
    counts = pd.crosstab(genes["chrom"], genes["split"]).reindex(columns=SPLITS, fill_value=0)
    order = genes["chrom"].drop_duplicates()
    return Table(
        "Genes kept, by chromosome and split",
        ("chromosome", *SPLITS),
        tuple((chrom, *(count(counts.loc[chrom, split]) for split in SPLITS)) for chrom in order),
    )


def _dropped(subject: Subject, manifest: Manifest) -> list[Part]:
    if not manifest.genes_dropped:
        return []
    table = read_table(subject.folders.dropped, dtype=str)
    names = table["name"].fillna(table["gene_id"]).groupby(table["reason"])
    rows = []
    for reason, n in sorted(manifest.genes_dropped.items(), key=lambda item: -item[1]):
        examples = list(names.get_group(reason)[:_EXAMPLES]) if reason in names.groups else []
        rows.append((reason, count(n), DROP_REASONS.get(reason, ""), ", ".join(examples)))
    listed = subject.folders.dropped.as_posix()
    return [
        Table(
            f"Genes dropped, one reason each (all of them: {listed})",
            ("reason", "genes", "meaning", "for example"),
            tuple(rows),
        )
    ]


def _windows(subject: Subject) -> Facts:
    spec = subject.spec
    window, target = spec.window.binning, spec.require_target()
    rows = [
        ("assembly", spec.assembly),
        ("input window", f"{window.bins:,} bins of {window.size:,} bp around the TSS"),
        (
            "target",
            f"{target.bins:,} bins of {target.bin:,} bp; {', '.join(target.groups)}; "
            f"{target.statistic} of each bin, smoothed by {target.smoothing:,} bp; "
            f"trained on {_scale(target.transform)}",
        ),
    ]
    if spec.contacts:
        rows.append(
            (
                "contact maps",
                f"{spec.contacts.map}, {' x '.join(map(str, spec.contacts_shape.shape))} bins of "
                f"{spec.contacts.resolution:,} bp, {spec.contacts.value}",
            )
        )
    return Facts(tuple(rows))


def _tracks(subject: Subject) -> Table:
    scales = subject.record.scales
    heads = ["track", "file", "scale that the network sees"]
    measured = ("mean", "q50", "q99", "max") if scales else ()
    rows: list[Row] = []
    for track in subject.spec.tracks:
        seen = _scale(track.transform) + (f", divided by {track.scale}" * (track.scale != "none"))
        scale = scales.get(track.name)
        rows.append(
            (
                track.name,
                ", ".join(track.labels.values()),
                seen,
                *(number(getattr(scale, name) if scale else None, 2) for name in measured),
            )
        )
    return Table(
        "Input tracks" + ("; signal per bin around training genes" if scales else ""),
        (*heads, *measured),
        tuple(rows),
    )


def _scale(transform: str) -> str:
    return "signal as it is" if transform == "none" else f"{transform} of the signal"


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
