"""What the files of a dataset are held against: its assembly, and the windows that it asks for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from claster.dataset.choice import choose_genes
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_sizes
from claster.genome.selection import GeneSelection

__all__ = ["Setting", "known_sizes", "places_without_genes", "select_windows"]

_PLACES = 200


@dataclass(frozen=True)
class Setting:
    """What every file of a dataset is held against.

    Attributes
    ----------
    spec
        The dataset.
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
    """

    spec: DatasetSpec
    sizes: Mapping[str, int]
    aliases: Mapping[str, str]
    wanted: Mapping[str, int]
    centres: pd.DataFrame
    blacklist: pd.DataFrame | None = None

    @property
    def assembly(self) -> str:
        """The assembly's name."""
        return self.spec.assembly


def known_sizes(assembly: str) -> dict[str, int]:
    """Return the chromosome sizes of an assembly that needs no file, empty for others."""
    try:
        return chromosome_sizes(assembly)
    except ClasterError:
        return {}


def select_windows(
    spec: DatasetSpec,
    genes: pd.DataFrame,
    *,
    sizes: Mapping[str, int],
    without_signal: Mapping[str, str],
    without_contacts: Mapping[str, str],
    blacklist: pd.DataFrame | None,
) -> GeneSelection:
    """Select genes as the build does, from what is known of its files.

    Parameters
    ----------
    spec
        The dataset.
    genes
        Checked gene table (0-based half-open) with the assembly's chromosome names.
    sizes
        Chromosome sizes in bp.
    without_signal, without_contacts
        Chromosomes that some file lacks, with what is said of them.
    blacklist
        See `Setting`.

    Raises
    ------
    ClasterError
        If a rule under 'regions' or 'splits' does not read.
    """
    known = Sources(
        sizes=dict(sizes),
        genes=genes,
        tracks=[],
        targets={},
        truths={},
        contacts=None,
        contact_names={},
        without_signal=dict(without_signal),
        without_contacts=dict(without_contacts),
        blacklist=blacklist,
    )
    return choose_genes(spec, known)


def places_without_genes(sizes: Mapping[str, int], *, half: int) -> pd.DataFrame:
    """Return evenly spread window centres, for datasets whose genes do not read.

    Parameters
    ----------
    sizes
        Chromosome sizes in bp.
    half
        Half the window in bp; centres keep that distance from both ends.
    """
    length = sum(sizes.values())
    step = max(length // _PLACES, 1)
    rows = [
        ("", chrom, int(tss))
        for chrom, size in sizes.items()
        for tss in np.arange(half, size - half + 1, step)
    ]
    return pd.DataFrame(rows, columns=["gene_id", "chrom", "tss"])
