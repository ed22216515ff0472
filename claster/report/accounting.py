"""Where everything comes from: genes, tracks, commands, versions, hashes."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from claster.dataset.layout import SPLITS, read_genes_table
from claster.dataset.manifest import Manifest
from claster.dataset.selection import DROP_REASONS
from claster.dataset.spec import DatasetSpec
from claster.quoting import pasteable
from claster.report import page
from claster.report.subject import Subject
from claster.text import read_table

_EXAMPLES = 3


def accounting(subject: Subject) -> Iterator[page.Part]:
    """Yield genes in, kept by split and chromosome, dropped by reason; tracks and target."""
    if subject.manifest is None:
        yield page.missing(
            f"The dataset {subject.spec.name!r} is not built here, so its genes cannot be counted.",
            ["data", "build", subject.record.dataset],
        )
    else:
        yield from _genes(subject, subject.manifest)
    yield _windows(subject.spec)
    yield _tracks(subject)


def _genes(subject: Subject, manifest: Manifest) -> Iterator[page.Part]:
    kept, dropped = sum(manifest.genes_kept.values()), sum(manifest.genes_dropped.values())
    splits = ", ".join(f"{n:,} {split}" for split, n in manifest.genes_kept.items())
    said = f"{manifest.genes_in:,} genes in = {kept:,} kept ({splits}) + {dropped:,} dropped."
    if manifest.genes_padded:
        said += f" The windows of {manifest.genes_padded:,} kept genes leave their chromosome."
    shared = [f"{pair} {bases:,} bp" for pair, bases in manifest.shared_bp.items() if bases]
    if shared:
        said += f" Input windows of two splits share: {', '.join(shared)}."
    else:
        said += " No base of an input window belongs to two splits."
    yield page.Text(said)
    genes = read_genes_table(subject.folders)
    counts = pd.crosstab(genes["chrom"], genes["split"]).reindex(columns=SPLITS, fill_value=0)
    yield page.Table(
        "Genes kept, by chromosome and split",
        ("chromosome", *SPLITS),
        [
            (chrom, *(page.count(counts.loc[chrom, split]) for split in SPLITS))
            for chrom in genes["chrom"].drop_duplicates()
        ],
    )
    if manifest.genes_dropped:
        yield _dropped(subject.folders.dropped, manifest.genes_dropped)


def _dropped(path: Path, counts: Mapping[str, int]) -> page.Table:
    table = read_table(path, dtype=str)
    names = table["name"].fillna(table["gene_id"]).groupby(table["reason"])
    rows: list[page.Row] = []
    for reason, n in sorted(counts.items(), key=lambda item: -item[1]):
        examples = list(names.get_group(reason)[:_EXAMPLES]) if reason in names.groups else []
        rows.append((reason, page.count(n), DROP_REASONS.get(reason, ""), ", ".join(examples)))
    return page.Table(
        f"Genes dropped, one reason each (all of them: {path.as_posix()})",
        ("reason", "genes", "meaning", "for example"),
        rows,
    )


def _windows(spec: DatasetSpec) -> page.Facts:
    window, target = spec.window.binning, spec.require_target()
    told = (
        f"{target.bins:,} bins of {target.bin:,} bp; {', '.join(target.groups)}; "
        f"{target.statistic} of each bin, smoothed by {target.smoothing:,} bp; "
        f"trained on {_scale(target.transform)}"
    )
    rows = [
        ("assembly", spec.assembly),
        ("input window", f"{window.bins:,} bins of {window.size:,} bp around the TSS"),
        ("target", told),
    ]
    if spec.contacts:
        shape = " x ".join(map(str, spec.contacts_shape.shape))
        of = f"{shape} bins of {spec.contacts.resolution:,} bp, {spec.contacts.value}"
        rows.append(("contact maps", f"{spec.contacts.map}, {of}"))
    return page.Facts(rows)


def _tracks(subject: Subject) -> page.Table:
    scales = subject.record.scales
    measured = ("mean", "q50", "q99", "max") if scales else ()
    rows: list[page.Row] = []
    for track in subject.spec.tracks:
        seen = _scale(track.transform) + (f", divided by {track.scale}" * (track.scale != "none"))
        scale = scales.get(track.name)
        numbers = [page.number(getattr(scale, name) if scale else None, 2) for name in measured]
        rows.append((track.name, ", ".join(track.labels.values()), seen, *numbers))
    return page.Table(
        "Input tracks" + ("; signal per bin around training genes" if scales else ""),
        ("track", "file", "scale that the network sees", *measured),
        rows,
    )


def _scale(transform: str) -> str:
    return "signal as it is" if transform == "none" else f"{transform} of the signal"


_SHOWN = 16


def provenance(subject: Subject) -> Iterator[page.Part]:
    """Yield the commands that repeat the run, and versions and hashes of what it is made of."""
    record, manifest = subject.record, subject.manifest
    yield page.Subtitle("Commands that repeat it")
    yield page.Command(_commands(subject))
    if manifest is not None and manifest.sources:
        files: list[page.Row] = [
            (label, source.path, page.count(source.bytes), source.sha256[:_SHOWN])
            for label, source in manifest.sources.items()
        ]
        yield page.Table(
            "Source files of the dataset", ("source", "file", "bytes", "SHA-256"), files
        )
        changed = [
            label
            for label, digest in record.data.items()
            if label in manifest.sources and manifest.sources[label].sha256 != digest
        ]
        if changed:
            listed = ", ".join(changed)
            yield page.Text(f"Since the training, other files have taken the place of: {listed}.")
    if used := {**record.configurations, **record.data}:
        hashes = [(name, digest[:_SHOWN]) for name, digest in used.items()]
        yield page.Table("What the run was trained with", ("what", "SHA-256"), hashes)
    trained, built = record.versions, manifest.versions if manifest else {}
    versions = [
        (name, trained.get(name, ""), built.get(name, "")) for name in sorted({*trained, *built})
    ]
    yield page.Table("Versions", ("package", "training", "build of the dataset"), versions)
    yield page.Text(
        f"Hashes are the first {_SHOWN} of 64 digits; run.json and manifest.json have all."
    )


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
