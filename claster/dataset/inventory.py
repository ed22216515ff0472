"""What a dataset's YAML names: its source files, and words among its genes and chromosomes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from claster.dataset.signal_settings import SignalFiles
from claster.dataset.spec import DATA_VARIABLE, DatasetSpec
from claster.dataset.yaml_file import Location
from claster.errors import ClasterError, choose_among
from claster.files import require_file
from claster.genome.assembly import (
    MITOCHONDRION,
    chromosome_aliases,
    plain_name,
    rename_chromosomes,
)
from claster.genome.gene_names import find_gene


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
        start = f", which starts at the project's folder ({spec.project.absolute()})"
        is_absolute = Path(spec.data).expanduser().is_absolute()
        bring = f"correct 'data' ({spec.data}){'' if is_absolute else start}"
    return f"run 'claster simulate {spec.name}' first, or {bring}" if spec.simulation else bring


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


def excluded_chromosomes(spec: DatasetSpec, sizes: Mapping[str, int]) -> list[str]:
    """Return `genes.exclude_chromosomes` by the assembly's names; a name that it lacks stays."""
    named = pd.DataFrame({"chrom": list(spec.genes.exclude_chromosomes)}, dtype=object)
    aliases = chromosome_aliases(spec.assembly)
    return rename_chromosomes(named, sizes=sizes, aliases=aliases)["chrom"].tolist()


def unmatched_words(
    spec: DatasetSpec, genes: pd.DataFrame, sizes: Mapping[str, int]
) -> Iterator[tuple[str, ClasterError]]:
    """Yield what is wrong with words that name nothing, each under the name of its check.

    They are chromosomes to leave out, which are of the assembly or of the gene file (the mitochondrion
    need not be), types of genes, and the example gene. `claster data check` shows all, a build stops at
    the first.

    Parameters
    ----------
    genes
        The whole annotation by the assembly's chromosome names: `gene_id`, `name`, `type`, `chrom`.
    sizes
        Chromosome sizes of the assembly in bp.
    """

    def fault(*location: int | str, found: str, remedy: str) -> ClasterError:
        return ClasterError(f"{spec.place(*location)}: {found}", remedy=remedy)

    known = dict.fromkeys([*sizes, *genes["chrom"].unique()])
    aliases = chromosome_aliases(spec.assembly)
    excluded = zip(spec.genes.exclude_chromosomes, excluded_chromosomes(spec, sizes), strict=True)
    for position, (word, chrom) in enumerate(excluded):
        if chrom not in known and plain_name(chrom, aliases) != MITOCHONDRION:
            found = f"neither the assembly nor the genes have a chromosome {word!r}"
            place = ("genes", "exclude_chromosomes", position)
            yield "chromosomes", fault(*place, found=found, remedy=choose_among(word, known))
    types = [kind for kind in genes["type"].value_counts().index if kind]
    for position, word in enumerate(spec.genes.types or ()):
        if word in types:
            continue
        remedy = "write 'types: null' under 'genes' to take all"
        if spec.genes.recipe == "paper":
            remedy = "leave 'recipe: paper' out of 'genes' and choose other 'types'"
        elif types:
            remedy = choose_among(word, types)
        found = f"no gene has the type {word!r}"
        yield "types", fault("genes", "types", position, found=found, remedy=remedy)
    if spec.example_gene is not None:
        try:
            find_gene(genes, spec.example_gene)
        except ClasterError as error:
            yield "example", fault("example_gene", found=error.found, remedy=error.remedy)
