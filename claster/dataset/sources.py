"""Open and check every source file of a dataset before any work is done."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.contacts.matrix import ContactMatrix, open_contacts
from claster.dataset.inventory import (
    excluded_chromosomes,
    list_sources,
    read_sources,
    require_source,
    strand_labels,
    unmatched_words,
)
from claster.dataset.signal_settings import Condition, SignalFiles, TargetSpec, TrackSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import read_values
from claster.errors import ClasterError
from claster.genome.assembly import (
    chromosome_aliases,
    match_chromosomes,
    rename_chromosomes,
)
from claster.genome.genes import read_genes
from claster.genome.regions import read_blacklist
from claster.signal.bigwig import BigWig, Replicates, TrackReader

Strands = list[tuple[BigWig, float]]

_OTHER_SIGN = "correct 'minus_values' in the dataset YAML, or swap plus and minus"


@dataclass(frozen=True)
class Sources:
    """The open source files of a dataset, all of one assembly.

    Attributes
    ----------
    sizes
        Chromosome sizes in bp.
    genes
        Every gene of the annotation, on the assembly's chromosome names, its TSS as `genes.recipe` says.
    targets
        Strands and their signs by group of columns (`TargetSpec.groups`).
    truths
        The same for noise-free tracks, where the dataset names them.
    contacts, contact_names
        The contact matrix and its name of each chromosome, or None and empty.
    without_signal, without_contacts
        Chromosomes that some file lacks, with what is said of them.
    blacklist
        Regions without data in every track (`read_blacklist`), or None.
    genome
        The FASTA that tells genes with copied sequences, where the dataset names one that is there.
    values
        One value a gene, where the target is a table (`read_values`), else None.
    """

    sizes: dict[str, int]
    genes: pd.DataFrame
    tracks: list[TrackReader]
    targets: dict[str, Strands]
    truths: dict[str, Strands]
    contacts: ContactMatrix | None
    contact_names: dict[str, str]
    without_signal: dict[str, str]
    without_contacts: dict[str, str]
    blacklist: pd.DataFrame | None = None
    genome: Path | None = None
    values: pd.DataFrame | None = None


@contextmanager
def open_sources(spec: DatasetSpec) -> Iterator[Sources]:
    """Open all files of a dataset and check that they belong together.

    Yields
    ------
    Sources

    Raises
    ------
    ClasterError
        At the first file that is missing, cannot be read, or belongs to another assembly.
    """
    _require_sources(spec)
    sizes = spec.chromosome_sizes()
    aliases = chromosome_aliases(spec.assembly)
    genes = rename_chromosomes(
        read_genes(spec.source(spec.genes.file)), sizes=sizes, aliases=aliases
    )
    if spec.genes.recipe == "paper":
        # As published: the GTF's 1-based number taken for a 0-based position, on both strands.
        genes = genes.assign(tss=genes["tss"] + 1)
    blacklist = None
    if spec.blacklist:
        blacklist = read_blacklist(spec.source(spec.blacklist.file), sizes=sizes, aliases=aliases)
    masked = masked_regions(blacklist)
    for _, error in unmatched_words(spec, genes, sizes):
        raise error
    wanted = _chromosomes_with_genes(genes, sizes, spec)
    lacking: dict[str, str] = {}
    with ExitStack() as stack:

        def open_track(path: Path, named: str) -> BigWig:
            track = stack.enter_context(BigWig(path, named=named))
            track.rename(
                match_chromosomes(wanted, track.sizes, aliases=aliases, file=path, named=named)
            )
            for chrom in wanted:
                if not track.has(chrom):
                    lacking.setdefault(chrom, f"{named} lacks {chrom}")
            return track

        def open_strands(files: SignalFiles, named: str) -> Strands:
            strands = [
                (open_track(spec.source(file), label), sign)
                for label, (file, sign) in zip(
                    strand_labels(named, files), files.strands, strict=True
                )
            ]
            for track, sign in strands:
                track.require_values(sign, remedy=_OTHER_SIGN, mostly=True)
            return strands

        def open_row(track: TrackSpec) -> TrackReader:
            files = [open_track(spec.source(file), label) for label, file in track.labels.items()]
            for file in files:
                file.require_values(1.0, remedy="give a track of values above 0", mostly=False)
                file.mask(masked)
            if len(files) == 1:
                return files[0]
            return Replicates(files, track.weights or [1.0] * len(files), spec.summary)

        tracks = [open_row(track) for track in spec.tracks]
        conditions: tuple[Condition, ...] = spec.target.conditions if spec.target else ()
        targets = {c.name: open_strands(c, f"target {c.name}") for c in conditions}
        truths = {c.name: open_strands(c.truth, f"truth {c.name}") for c in conditions if c.truth}
        if spec.target:
            targets = _by_column_group(spec.target, targets)
            truths = _by_column_group(spec.target, truths)
        contacts, names, without = _open_contacts(spec, wanted, aliases)
        genome = next((s.path for s in read_sources(spec) if s.label == "genome"), None)
        yield Sources(
            sizes,
            genes,
            tracks,
            targets,
            truths,
            contacts,
            names,
            lacking,
            without,
            blacklist,
            genome,
            read_values(spec, genes),
        )


def _by_column_group[S](target: TargetSpec, strands: Mapping[str, list[S]]) -> dict[str, list[S]]:
    """Return the strands by group of columns (`TargetSpec.groups`), from those by condition."""
    if target.strands != "apart":
        return dict(strands)
    return {
        group: [strand]
        for condition, pair in strands.items()
        for group, strand in zip(target.groups_of(condition), pair, strict=True)
    }


def _require_sources(spec: DatasetSpec) -> None:
    """Check that every file that a build needs is there."""
    for source in list_sources(spec):
        if source.built:
            require_source(spec, source)


def masked_regions(blacklist: pd.DataFrame | None) -> dict[str, np.ndarray]:
    """Return the regions of a blacklist as `BigWig.mask` takes them."""
    if blacklist is None:
        return {}
    return {
        str(chrom): those[["start", "end"]].to_numpy()
        for chrom, those in blacklist.groupby("chrom")
    }


def _chromosomes_with_genes(
    genes: pd.DataFrame, sizes: Mapping[str, int], spec: DatasetSpec
) -> dict[str, int]:
    """Return the sizes of the chromosomes that may get windows; `genes` has the assembly's names."""
    found = dict.fromkeys(genes["chrom"], 0)
    match_chromosomes(
        dict.fromkeys(sizes, 0), found, file=spec.source(spec.genes.file), named="genes"
    )
    excluded = excluded_chromosomes(spec, sizes)
    wanted = {chrom: size for chrom, size in sizes.items() if chrom in set(found) - set(excluded)}
    if not wanted:
        raise ClasterError(
            f"genes ({spec.source(spec.genes.file)}): every one is on an excluded chromosome "
            f"({', '.join(excluded)})",
            remedy="shorten 'genes.exclude_chromosomes'",
        )
    return wanted


def _open_contacts(
    spec: DatasetSpec, wanted: Mapping[str, int], aliases: Mapping[str, str]
) -> tuple[ContactMatrix | None, dict[str, str], dict[str, str]]:
    if spec.contacts is None:
        return None, {}, {}
    path = spec.source(spec.contacts.file)
    matrix = open_contacts(path, resolution=spec.contacts.resolution, balance=spec.contacts.balance)
    names = match_chromosomes(wanted, matrix.sizes, aliases=aliases, file=path, named="contacts")
    return matrix, names, {c: f"contacts lack {c}" for c in wanted if c not in names}
