"""Chromosome names and sizes, and whether a file belongs to them."""

from collections.abc import Mapping
from pathlib import Path

import bioframe

from claster.errors import ClasterError

__all__ = ["alias_of", "chromosome_sizes", "match_chromosomes", "read_chrom_sizes"]


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
        If the assembly is unknown and no file is given, or the file does not read.
    """
    if chrom_sizes is not None:
        return read_chrom_sizes(chrom_sizes)
    try:
        sizes = bioframe.assembly_info(assembly).chromsizes
    except ValueError as error:
        raise ClasterError(
            f"assembly {assembly!r} is not among those that come with bioframe",
            remedy="name a file of chromosome sizes under 'chrom_sizes' in the dataset YAML",
        ) from error
    return {str(name): int(size) for name, size in sizes.items()}


def read_chrom_sizes(path: Path) -> dict[str, int]:
    """Read a tab-separated file of chromosome names and lengths (bp).

    Raises
    ------
    ClasterError
        If the file is missing or a line is not a name and a positive whole number.
    """
    if not path.is_file():
        raise ClasterError(
            f"chromosome sizes: no file at {path}", remedy="check 'chrom_sizes' and 'data'"
        )
    sizes: dict[str, int] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split()
        if len(fields) < 2 or not fields[1].isdigit() or int(fields[1]) == 0:
            raise ClasterError(
                f"{path}, line {number}: {line!r} is not a chromosome name and a length",
                remedy="give two columns: name and length in bp",
            )
        sizes[fields[0]] = int(fields[1])
    if not sizes:
        raise ClasterError(
            f"{path} names no chromosome", remedy="give two columns: name and length in bp"
        )
    return sizes


def alias_of(chrom: str) -> str:
    """Return the other common spelling of a chromosome: with or without ``chr``; ``chrM`` and ``MT``.

    Examples
    --------
    >>> alias_of("chr21"), alias_of("X"), alias_of("MT")
    ('21', 'chrX', 'chrM')
    """
    if chrom in ("chrM", "MT"):
        return "MT" if chrom == "chrM" else "chrM"
    return chrom.removeprefix("chr") if chrom.startswith("chr") else f"chr{chrom}"


def match_chromosomes(
    wanted: Mapping[str, int], found: Mapping[str, int], *, file: Path | str, named: str
) -> dict[str, str]:
    """Map the assembly's chromosome names onto those of a file, and refuse another assembly.

    Parameters
    ----------
    wanted
        Sizes in bp of the chromosomes that matter, by the assembly's names.
    found
        Sizes in bp of the file's chromosomes.
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
    names: dict[str, str] = {}
    for chrom in wanted:
        if chrom in found:
            names[chrom] = chrom
        elif alias_of(chrom) in found:
            names[chrom] = alias_of(chrom)
    if not names:
        raise ClasterError(
            f"{named} ({file}) has none of the chromosomes {_some(wanted)}; it has {_some(found)}",
            remedy="bring a file with the assembly's chromosome names, or correct 'assembly' in the YAML",
        )
    for chrom, name in names.items():
        if found[name] != wanted[chrom]:
            raise ClasterError(
                f"{named} ({file}) has {name} with {found[name]:,} bp, the assembly {wanted[chrom]:,} bp",
                remedy="bring the file for this assembly, or correct 'assembly' in the YAML",
            )
    return names


def _some(names: Mapping[str, int]) -> str:
    shown = ", ".join(list(names)[:4])
    return shown + (", ..." if len(names) > 4 else "")
