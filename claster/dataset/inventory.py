"""Every source file that a dataset names: what it is, where it is, where the YAML says so."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from claster.dataset.signal_settings import SignalFiles
from claster.dataset.spec import DATA_VARIABLE, DatasetSpec
from claster.dataset.yaml_file import Location
from claster.files import require_file


@dataclass(frozen=True)
class Source:
    """A source file of a dataset.

    Attributes
    ----------
    label
        What messages call it ("track ATAC").
    file
        Its name as the YAML has it, without a group after ``::``.
    built
        Whether `claster data build` needs it.
    """

    label: str
    file: str
    path: Path
    location: Location
    built: bool = True


def list_sources(spec: DatasetSpec) -> list[Source]:
    """Return every source file of a dataset, there or not, in the order of the YAML's parts."""
    return [
        Source(label, name, spec.source(name), location, built)
        for label, file, location, built in _named(spec)
        for name in [file.partition("::")[0]]
    ]


def read_sources(spec: DatasetSpec) -> list[Source]:
    """Return the source files that a build reads: those that it needs, and a FASTA that is there."""
    return [
        source
        for source in list_sources(spec)
        if source.built or (source.label == "genome" and source.path.is_file())
    ]


def require_source(spec: DatasetSpec, source: Source) -> Path:
    """Return the path of a source file, or raise `ClasterError` where none is there that opens."""
    return require_file(
        source.path,
        named=f"{spec.place(*source.location)}: {source.label}",
        remedy=_remedy(spec, source),
    )


def strand_labels(label: str, files: SignalFiles) -> list[str]:
    """Return what messages call the files of a signal: `label`, or `label` and its strand."""
    return [label] if files.file is not None else [f"{label} plus", f"{label} minus"]


def _remedy(spec: DatasetSpec, source: Source) -> str:
    for download in spec.downloads:
        if download.file == source.file:
            return f"run 'claster data download {spec.name} --only {download.name}'"
    if spec.data_folder.is_dir():
        return f"check this line, and 'data' ({spec.data_folder})"
    bring = f"set {DATA_VARIABLE} to the folder that holds the source files"
    if DATA_VARIABLE not in spec.data:
        bring = f"correct 'data' ({spec.data}){_start_of(spec)}"
    return f"run 'claster simulate {spec.name}' first, or {bring}" if spec.simulation else bring


def _start_of(spec: DatasetSpec) -> str:
    if Path(spec.data).expanduser().is_absolute():
        return ""
    return f", which starts at the project's folder ({spec.project.absolute()})"


def _named(spec: DatasetSpec) -> Iterator[tuple[str, str, Location, bool]]:
    for position, track in enumerate(spec.tracks):
        for number, (label, file) in enumerate(track.labels.items()):
            key = ("file",) if track.file is not None else ("files", number)
            yield label, file, ("tracks", position, *key), True
    yield "genes", spec.genes.file, ("genes", "file"), True
    if spec.chrom_sizes:
        yield "chromosome sizes", spec.chrom_sizes, ("chrom_sizes",), True
    if spec.contacts:
        yield "contacts", spec.contacts.file, ("contacts", "file"), True
    if spec.target and spec.target.table:
        yield "target table", spec.target.table, ("target", "table"), True
    for position, condition in enumerate(spec.target.conditions if spec.target else ()):
        location = ("target", "conditions", position)
        yield from _signal(f"target {condition.name}", condition, location)
        if condition.truth:
            yield from _signal(f"truth {condition.name}", condition.truth, (*location, "truth"))
    if spec.elements:
        yield "elements", spec.elements.file, ("elements", "file"), False
    if spec.blacklist:
        yield "blacklist", spec.blacklist.file, ("blacklist", "file"), True
    if spec.genome:
        yield "genome", spec.genome, ("genome",), False


def _signal(
    label: str, files: SignalFiles, location: Location
) -> Iterator[tuple[str, str, Location, bool]]:
    keys = ["file"] if files.file is not None else ["plus", "minus"]
    for named, key, (file, _) in zip(strand_labels(label, files), keys, files.strands, strict=True):
        yield named, file, (*location, key), True
