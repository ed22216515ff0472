"""Chromosome names and sizes, and which assembly a file belongs to."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import bioframe
import pandas as pd

from claster.errors import ClasterError
from claster.genome.rows import position_fault, split_fields
from claster.text import text_lines

MITOCHONDRION = "M"


class _KnownAssembly(NamedTuple):
    """Lengths in bp by UCSC name; UCSC name by accession and by name without ``chr``."""

    sizes: dict[str, int]
    aliases: dict[str, str]


@cache
def known_assembly(assembly: str) -> _KnownAssembly | None:
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
    return _KnownAssembly(sizes, without_chr | info.alias_dict)


@cache
def _listed() -> pd.DataFrame:
    return bioframe.assemblies_available()


def assembly_in(text: str) -> str:
    """Return the first known assembly that a text names, by the name that it uses; none: an empty one."""
    known = map(str, _listed()["provider_build"])
    return next((build for build in known if re.search(rf"\b{re.escape(build)}\b", text)), "")


@cache
def _known_assemblies() -> dict[str, _KnownAssembly]:
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


def chromosome_sizes(assembly: str, chrom_sizes: Path | None = None) -> dict[str, int]:
    """Return the chromosome sizes of an assembly.

    Parameters
    ----------
    assembly
        Name of the assembly ("mm10"); looked up in bioframe's own tables unless `chrom_sizes` is given.
    chrom_sizes
        A tab-separated file of names and lengths.

    Returns
    -------
    dict of str to int
        Length in bp by chromosome.

    Raises
    ------
    ClasterError
        If the assembly is unknown and no file is given, or the file cannot be read.
    """
    if chrom_sizes is not None:
        return read_chrom_sizes(chrom_sizes)
    known = known_assembly(assembly)
    if known is None:
        raise ClasterError(
            f"assembly {assembly!r} is not among those that come with bioframe",
            remedy="name a file of chromosome sizes under 'chrom_sizes' in the dataset YAML",
        )
    return dict(known.sizes)


def chromosome_aliases(assembly: str) -> dict[str, str]:
    """Return other spellings of an assembly's chromosomes.

    Parameters
    ----------
    assembly
        Name of the assembly ("mm10").

    Returns
    -------
    dict of str to str
        The assembly's name by RefSeq accession (``NC_000067.6``), GenBank accession and name without
        ``chr``; ``MT`` stands for ``chrM``. Empty for an assembly that bioframe does not know.

    Examples
    --------
    >>> [chromosome_aliases("mm10")[name] for name in ("NC_000067.6", "1", "MT")]
    ['chr1', 'chr1', 'chrM']
    """
    known = known_assembly(assembly)
    return dict(known.aliases) if known else {}


def assemblies_with(sizes: Mapping[str, int]) -> list[str]:
    """Return the known assemblies that chromosome lengths agree with.

    The mitochondrion is left out of the comparison: its length is the same in several mouse
    assemblies, and differs between editions of one human assembly.

    Parameters
    ----------
    sizes
        Lengths in bp by name, with or without ``chr``, or by accession.

    Returns
    -------
    list of str
        UCSC names; at least one chromosome is shared, and every shared one has this length.

    Examples
    --------
    >>> assemblies_with({"1": 195_154_279}), assemblies_with({"1": 195_154_280})
    (['mm39'], [])
    """
    agreeing = []
    for build, known in _known_assemblies().items():
        lengths = {plain_name(name, known.aliases): size for name, size in known.sizes.items()}
        shared = [
            lengths[plain] == size
            for name, size in sizes.items()
            if (plain := plain_name(name, known.aliases)) in lengths and plain != MITOCHONDRION
        ]
        if shared and all(shared):
            agreeing.append(build)
    return agreeing


def assemblies_naming(names: Iterable[str]) -> list[str]:
    """Return the known assemblies whose accessions are among chromosome names.

    The version of an accession tells the build: ``NC_000067.6`` is chr1 of mm10, ``NC_000067.7`` of
    mm39. Names such as ``chr1`` and ``1`` tell nothing.

    Parameters
    ----------
    names
        Chromosome names of a file.

    Returns
    -------
    list of str
        UCSC names of the assemblies with most of these accessions; empty when no name is one.

    Examples
    --------
    >>> assemblies_naming(["NC_000067.6"]), assemblies_naming(["NC_000067.7"]), assemblies_naming(["1"])
    (['mm10'], ['mm39'], [])
    """
    names = set(names)
    accessions = {
        build: sum(
            name in known.aliases
            and plain_name(name, known.aliases) not in (plain_name(name, {}), MITOCHONDRION)
            for name in names
        )
        for build, known in _known_assemblies().items()
    }
    most = max(accessions.values())
    return [build for build, count in accessions.items() if most and count == most]


def read_chrom_sizes(path: Path) -> dict[str, int]:
    """Read a file of chromosome names and lengths (bp), such as UCSC's ``chrom.sizes`` or a ``.fai``.

    Parameters
    ----------
    path
        Two columns, separated by a tab or blanks; after tabs more may follow. Lines that start with ``#``
        are comments.

    Raises
    ------
    ClasterError
        If the file is missing or no text, a line is not a name and a positive whole number, or one name has
        two lengths.
    """
    remedy = "give two columns: name and length in bp"
    sizes: dict[str, int] = {}
    lines = text_lines(path, named="chromosome sizes", remedy="check 'chrom_sizes' and 'data'")
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        tabbed = "\t" in line
        fields = split_fields(line)
        whole = len(fields) == 2 or (tabbed and len(fields) > 2)
        if not whole or not fields[0] or position_fault(fields[1]) or int(fields[1]) == 0:
            raise ClasterError(
                f"{path}, line {number}: {line!r} is not a chromosome name and a length",
                remedy=remedy,
            )
        name, size = fields[0], int(fields[1])
        if sizes.setdefault(name, size) != size:
            raise ClasterError(
                f"{path}, line {number}: {name} has {size:,} bp here and {sizes[name]:,} bp above",
                remedy="keep the line of this assembly",
            )
    if not sizes:
        raise ClasterError(f"{path} names no chromosome", remedy=remedy)
    return sizes


def match_chromosomes(
    wanted: Mapping[str, int],
    found: Mapping[str, int],
    *,
    aliases: Mapping[str, str] | None = None,
    file: Path | str,
    named: str,
) -> dict[str, str]:
    """Map the assembly's chromosome names onto those of a file, and refuse another assembly.

    A mitochondrion of another length counts as lacking when other chromosomes match: hg19 goes about
    with two of them.

    Parameters
    ----------
    wanted
        Sizes in bp of the chromosomes that matter, by the assembly's names.
    found
        Sizes in bp of the file's chromosomes.
    aliases
        The assembly's name by other spelling (`chromosome_aliases`); without them names match with and
        without ``chr`` only.
    file, named
        The file and what the user calls it, for messages.

    Returns
    -------
    dict of str to str
        The file's name of each wanted chromosome that it holds; others are left out.

    Raises
    ------
    ClasterError
        If no name matches, or a matching chromosome has another length.
    """
    aliases = aliases or {}
    names = _names_among(found, wanted, aliases)
    if not names:
        raise ClasterError(
            f"{named} ({file}) has none of the chromosomes {_some(wanted)}; "
            f"it has {_some(found)}{_build_of(found)}",
            remedy="use a file with the assembly's chromosome names, or correct 'assembly' in the YAML",
        )
    other = {chrom: name for chrom, name in names.items() if found[name] != wanted[chrom]}
    for chrom, name in other.items():
        if len(names) > 1 and plain_name(chrom, aliases) == MITOCHONDRION:
            continue
        raise ClasterError(
            f"{named} ({file}) has {name} with {found[name]:,} bp, the assembly {wanted[chrom]:,} bp"
            f"{_build_of(found)}",
            remedy="use the file for this assembly, or correct 'assembly' in the YAML",
        )
    return {chrom: name for chrom, name in names.items() if chrom not in other}


def rename_chromosomes(
    table: pd.DataFrame, *, sizes: Mapping[str, int], aliases: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Put a table of genes, elements or regions onto the assembly's chromosome names.

    Parameters
    ----------
    table
        Has the column `chrom`.
    sizes
        Sizes in bp by the assembly's names.
    aliases
        The assembly's name by other spelling (`chromosome_aliases`).

    Returns
    -------
    pandas.DataFrame
        A copy whose `chrom` is the assembly's name where it is one in another spelling; a chromosome
        that the assembly lacks keeps its name.

    Examples
    --------
    >>> table = pd.DataFrame({"chrom": ["1", "NC_000068.7", "GL000009.2"]})
    >>> names = rename_chromosomes(
    ...     table, sizes=chromosome_sizes("mm10"), aliases=chromosome_aliases("mm10")
    ... )
    >>> names["chrom"].tolist()
    ['chr1', 'chr2', 'GL000009.2']
    """
    written = table["chrom"].unique()
    names = _names_among(sizes, written, aliases or {})
    return table.assign(
        chrom=table["chrom"].map({chrom: names.get(chrom, chrom) for chrom in written})
    )


def _names_among(
    found: Mapping[str, int], wanted: Iterable[str], aliases: Mapping[str, str]
) -> dict[str, str]:
    """Return how `found` spells each wanted chromosome that it holds."""
    spelled: dict[str, str] = {}
    for name in found:
        spelled.setdefault(plain_name(name, aliases), name)
    return {
        chrom: chrom if chrom in found else spelled[plain]
        for chrom in wanted
        if chrom in found or (plain := plain_name(chrom, aliases)) in spelled
    }


def _build_of(found: Mapping[str, int]) -> str:
    if builds := assemblies_with(found):
        return f"; its lengths are those of {' or '.join(builds)}"
    if builds := assemblies_naming(found):
        return f"; its names are those of {' or '.join(builds)}"
    return ""


def _some(names: Mapping[str, int]) -> str:
    shown = ", ".join(list(names)[:4])
    return shown + (", ..." if len(names) > 4 else "")
