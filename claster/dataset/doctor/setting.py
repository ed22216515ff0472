"""What the files of a dataset are held against: its assembly, and the windows that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.choice import choose_genes
from claster.dataset.doctor.findings import Finding, Item, count_of, listed
from claster.dataset.selection import GeneSelection
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.assembly import (
    assemblies_naming,
    assemblies_with,
    match_chromosomes,
    rename_chromosomes,
)

_PLACES = 200


@dataclass(frozen=True)
class Setting:
    """What every file of a dataset is held against.

    Attributes
    ----------
    sizes
        Chromosome sizes of the assembly in bp; empty where they are not known.
    aliases
        The assembly's name by other spelling.
    wanted
        Sizes of the chromosomes that matter to the build: those with genes.
    centres
        Windows by their centre: `gene_id`, `chrom`, `tss` (0-based), `strand` of every gene that keeps to
        the rules of the dataset, ordered by position; evenly spread places, without `strand`, where genes
        could not be read.
    blacklist
        Regions without data in every track (`read_blacklist`), or None.
    by_rules
        What the rules of the dataset alone select, once that is known.
    """

    spec: DatasetSpec
    sizes: Mapping[str, int]
    aliases: Mapping[str, str]
    wanted: Mapping[str, int]
    centres: pd.DataFrame
    blacklist: pd.DataFrame | None = None
    by_rules: GeneSelection | None = None

    @property
    def assembly(self) -> str:
        """The assembly's name."""
        return self.spec.assembly


def select_windows(
    setting: Setting,
    genes: pd.DataFrame,
    *,
    without_signal: Mapping[str, str],
    without_contacts: Mapping[str, str],
    genome: Path | None = None,
    values: pd.DataFrame | None = None,
) -> GeneSelection:
    """Select genes as the build does, from what is known of its files.

    Parameters
    ----------
    genes
        Checked gene table (0-based half-open) with the assembly's chromosome names.
    without_signal, without_contacts
        Chromosomes that some file lacks, with what is said of them.
    genome
        The FASTA that tells genes with copied sequences, or None.
    values
        Values of the genes where the target is a table (`read_values`), or None.

    Raises
    ------
    ClasterError
        If the FASTA is of another assembly, or a rule under 'regions' or 'splits' cannot be read.
    """
    known = Sources(
        sizes=dict(setting.sizes),
        genes=genes,
        tracks=[],
        targets={},
        truths={},
        contacts=None,
        contact_names={},
        without_signal=dict(without_signal),
        without_contacts=dict(without_contacts),
        blacklist=setting.blacklist,
        genome=genome,
        values=values,
    )
    complete = not without_signal and not without_contacts
    return choose_genes(setting.spec, known, by_rules=setting.by_rules if complete else None)


def places_without_genes(sizes: Mapping[str, int], *, half: int) -> pd.DataFrame:
    """Return evenly spread window centres, for datasets whose genes cannot be read.

    Parameters
    ----------
    half
        Half the window in bp; centres keep that distance from both ends of a chromosome.
    """
    length = sum(sizes.values())
    step = max(length // _PLACES, 1)
    rows = [
        ("", chrom, int(tss))
        for chrom, size in sizes.items()
        for tss in np.arange(half, size - half + 1, step)
    ]
    return pd.DataFrame(rows, columns=["gene_id", "chrom", "tss"])


def check_chromosomes(
    found: Mapping[str, int], setting: Setting, item: Item
) -> tuple[dict[str, str], Finding]:
    """Compare the chromosomes of a file with those of the assembly that carry genes.

    Parameters
    ----------
    found
        Lengths in bp by the file's names; nothing is compared where the assembly's are not known.

    Returns
    -------
    names : dict of str to str
        The file's name of each chromosome that matters and that the file holds in the right length.
    finding : Finding
        A fault where the build would refuse the file.
    """
    if not setting.wanted:
        seen = f"{count_of(len(found), 'chromosome')} ({listed(found)})"
        if builds := assemblies_with(found):
            seen += f"; lengths of {' or '.join(builds)}"
        return {name: name for name in found}, item.found("chromosomes", "fine", seen)
    try:
        names = match_chromosomes(
            setting.wanted, found, aliases=setting.aliases, file=item.path, named=item.label
        )
    except ClasterError:
        return {}, _refused(found, setting, item)
    renamed = {chrom: name for chrom, name in names.items() if chrom != name}
    needed = list(setting.centres["chrom"].unique()) or list(setting.wanted)
    here = [chrom for chrom in needed if chrom in names]
    held = count_of(len(here), "chromosome") if len(here) > 1 else listed(here or names, 1)
    if len(here) < len(needed):
        held = f"{len(here)} of {len(needed)} chromosomes ({listed(here or names, 2)})"
    seen = f"{setting.assembly}, {held}"
    if not renamed:
        return names, item.found("chromosomes", "fine", seen)
    ours, theirs = next(iter(renamed.items()))
    seen += f"; the file says {theirs} where the assembly says {ours}, lengths agree: read as such"
    return names, item.found("chromosomes", "note", seen)


def _refused(found: Mapping[str, int], setting: Setting, item: Item) -> Finding:
    """Return what keeps a file from being one of the assembly."""
    builds = " or ".join(assemblies_with(found) or assemblies_naming(found))
    table = pd.DataFrame(
        {"name": list(found), "chrom": list(found), "length": list(found.values())}
    )
    table = rename_chromosomes(table, sizes=setting.wanted, aliases=setting.aliases)
    wanted = table["chrom"].map(setting.wanted)
    other = table[wanted.notna() & (wanted != table["length"])]
    if len(other):
        first = other.iloc[0]
        count = "" if len(found) == 1 else f" (one of {len(found)} chromosomes)"
        seen = (
            f"{first['name']} has {first['length']:,} bp here and "
            f"{setting.wanted[first['chrom']]:,} bp in {setting.assembly}{count}"
        )
        remedy = f"use the file for {setting.assembly}, or correct 'assembly' in the YAML"
    else:
        seen = (
            f"holds {listed(found)}; genes are on {listed(setting.wanted)} of {setting.assembly}, "
            "no name in common"
        )
        remedy = (
            f"rename its chromosomes to those of {setting.assembly} "
            f"(such as {next(iter(setting.wanted))})"
        )
    if builds and builds != setting.assembly:
        seen += f"; this is {builds}"
        remedy = (
            f"use the file for {setting.assembly}, or lift it over from {builds}; "
            f"if {builds} is right, write 'assembly: {builds.split(' or ')[0]}' and use the genes for it"
        )
    return item.found("chromosomes", "fault", seen, remedy)
