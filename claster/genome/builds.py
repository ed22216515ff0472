"""The assemblies that come with bioframe, and what the spellings of a chromosome have in common."""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

import bioframe
import pandas as pd

__all__ = ["MITOCHONDRION", "KnownAssembly", "known_assemblies", "known_assembly", "plain_name"]

MITOCHONDRION = "M"


class KnownAssembly(NamedTuple):
    """Chromosomes of an assembly.

    Attributes
    ----------
    sizes
        Lengths in bp by UCSC name.
    aliases
        UCSC name by accession and by name without ``chr``.
    """

    sizes: dict[str, int]
    aliases: dict[str, str]


@cache
def known_assembly(assembly: str) -> KnownAssembly | None:
    """Return an assembly that bioframe has a table of its own for, or None.

    Parameters
    ----------
    assembly
        UCSC or NCBI name ("mm10", "GRCm38").
    """
    listed = _listed().set_index("provider_build")
    if assembly not in listed.index:
        return None
    build = listed.loc[assembly]
    if build["provider"] == "ucsc" and build["seqinfo"] != f"{assembly}.seqinfo.tsv":
        return None  # danRer11 is listed with the lengths of danRer10
    info = bioframe.assembly_info(f"{build['provider']}.{assembly}")
    sizes = {str(name): int(size) for name, size in info.chromsizes.items()}
    without_chr = {
        "MT" if plain_name(name, {}) == MITOCHONDRION else plain_name(name, {}): name
        for name in sizes
    }
    return KnownAssembly(sizes, without_chr | info.alias_dict)


@cache
def _listed() -> pd.DataFrame:
    return bioframe.assemblies_available()


@cache
def known_assemblies() -> dict[str, KnownAssembly]:
    """Return every known assembly by its UCSC name."""
    listed = _listed()
    builds = listed.loc[listed["provider"] == "ucsc", "provider_build"]
    return {build: known for build in builds if (known := known_assembly(build)) is not None}


def plain_name(name: str, aliases: Mapping[str, str]) -> str:
    """Return what the spellings of a chromosome have in common.

    Parameters
    ----------
    name
        A chromosome's name in any spelling.
    aliases
        The assembly's name by other spelling.

    Examples
    --------
    >>> [plain_name(name, {"NC_000067.6": "chr1"}) for name in ("chr1", "1", "NC_000067.6", "MT")]
    ['1', '1', '1', 'M']
    """
    plain = aliases.get(name, name).removeprefix("chr")
    return MITOCHONDRION if plain == "MT" else plain
