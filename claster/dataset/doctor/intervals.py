"""What is found in the elements, the chromosome sizes and the genome of a dataset."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import pandas as pd

from claster.dataset.doctor.findings import Finding, as_fault, base_pairs, count_of, listed, percent
from claster.dataset.doctor.genes import check_gene_file, check_gene_places, check_gene_table
from claster.dataset.doctor.setting import Setting, known_sizes
from claster.dataset.gene_settings import ElementsSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.words import unmatched_words
from claster.errors import ClasterError
from claster.genome.assembly import (
    assemblies_with,
    chromosome_aliases,
    chromosome_sizes,
    rename_chromosomes,
)
from claster.genome.bed import read_bed
from claster.genome.elements import read_elements, select_elements
from claster.genome.fasta import fasta_records, index_of, indexed_lengths
from claster.genome.genes import check_genes, read_gene_file
from claster.genome.regions import covered_shares, read_blacklist
from claster.genome.rows import source_lines
from claster.genome.windows import window_table
from claster.text import text_lines

_FEWEST_ON_ASSEMBLY = 0.9
_READ_WHOLE = 20_000_000  # bytes of a FASTA


def _check_elements_file(path: Path, wanted: ElementsSpec, setting: Setting) -> list[Finding]:
    """Tell how many elements of which groups there are, and whether they lie on the assembly.

    Checks ``kind``, ``groups``, ``starts``, ``chromosomes``.
    """
    try:
        elements = read_elements(path)
    except ClasterError as error:
        return [_unread(error, path, item="elements")]
    groups = elements["group"].replace("", "(no group)").str.split(",").explode().str.strip()
    counts = listed((f"{n:,} {group}" for group, n in groups.value_counts().items()), 4)
    if not elements["group"].any():
        counts = "without groups"
    results = [
        Finding(
            "elements",
            str(path),
            "kind",
            "fine",
            f"{count_of(len(elements), 'element')} ({counts})",
        )
    ]
    try:
        kept = select_elements(elements, groups=wanted.groups)
        if wanted.groups:
            results.append(
                Finding(
                    "elements",
                    str(path),
                    "groups",
                    "fine",
                    f"{len(kept):,} are {listed(wanted.groups)}",
                )
            )
    except ClasterError as error:
        results.append(as_fault(error, item="elements", file=str(path), check="groups"))
    return results + _check_places(
        elements,
        setting.sizes,
        setting.aliases,
        item="elements",
        path=path,
        assembly=setting.assembly,
    )


def _check_sizes_file(
    path: Path, sizes: Mapping[str, int], known: Mapping[str, int], *, assembly: str
) -> list[Finding]:
    """Compare a file of chromosome sizes with the assembly of that name. Check ``sizes``."""
    item = "chromosome sizes"
    total = f"{count_of(len(sizes), 'chromosome')}, {sum(sizes.values()) / 1e6:,.1f} Mb"
    other = {name: size for name, size in sizes.items() if known.get(name, size) != size}
    builds = " or ".join(assemblies_with(sizes))
    if other:
        name, size = next(iter(other.items()))
        seen = f"{name} has {size:,} bp here and {known[name]:,} bp in {assembly}"
        if builds:
            seen += f"; these are the sizes of {builds}"
        remedy = f"leave 'chrom_sizes' out ({assembly} is known without it), or correct 'assembly'"
        return [Finding(item, str(path), "sizes", "warning", seen, remedy)]
    if known and not known.keys() & sizes.keys():
        return [
            Finding(
                item,
                str(path),
                "sizes",
                "note",
                f"{total}; names are {listed(sizes)}, {assembly} is known with {listed(known)}",
                f"leave 'chrom_sizes' out to go by the names of {assembly}",
            )
        ]
    return [Finding(item, str(path), "sizes", "fine", f"{assembly}, {total}")]


def _check_fasta(path: Path, setting: Setting) -> list[Finding]:
    """Compare a genome FASTA with the assembly.

    By all its sequences where it is small or its `.fai` index fits it, else by its first header. Checks
    ``kind``, ``chromosomes``.
    """
    try:
        found = indexed_lengths(path)
        if found is None and path.stat().st_size <= _READ_WHOLE:
            found = {name: len(letters) for name, letters in fasta_records(path)}
        if found is not None:
            return [_check_lengths(found, setting, path)]
        header = next(iter(text_lines(path, named="genome"))).strip()
    except ClasterError as error:
        return [as_fault(error, item="genome", file=str(path), check="kind")]
    renamed = rename_chromosomes(
        pd.DataFrame({"chrom": header.removeprefix(">").split()[:1]}),
        sizes=setting.sizes,
        aliases=setting.aliases,
    )
    beside = (
        "the index beside it is older or does not fit"
        if index_of(path).is_file()
        else "no index beside it"
    )
    evidence = f"starts with '{header[:40]}'; {beside}, so only the first name was looked at"
    if not setting.sizes or bool(renamed["chrom"].isin(setting.sizes.keys()).all()):
        return [Finding("genome", str(path), "chromosomes", "fine", evidence)]
    return [
        Finding(
            "genome",
            str(path),
            "chromosomes",
            "warning",
            f"{evidence}; {setting.assembly} has no such chromosome",
            f"use the FASTA of {setting.assembly}",
        )
    ]


def _check_lengths(found: Mapping[str, int], setting: Setting, path: Path) -> Finding:
    table = rename_chromosomes(
        pd.DataFrame({"chrom": list(found), "length": list(found.values())}),
        sizes=setting.sizes,
        aliases=setting.aliases,
    )
    lengths = dict(zip(table["chrom"], table["length"], strict=True))
    other = [chrom for chrom, size in setting.sizes.items() if lengths.get(chrom, size) != size]
    lacking = [chrom for chrom in setting.wanted if chrom not in lengths]
    if not other and not lacking:
        evidence = f"{setting.assembly}, {count_of(len(found), 'sequence')}"
        return Finding("genome", str(path), "chromosomes", "fine", evidence)
    if other:
        seen = (
            f"{other[0]} has {lengths[other[0]]:,} bp here and {setting.sizes[other[0]]:,} bp in "
            f"{setting.assembly}"
        )
        if builds := assemblies_with(found):
            seen += f"; this is {' or '.join(builds)}"
    else:
        seen = f"lacks {listed(lacking)}, which have genes"
    remedy = f"use the FASTA of {setting.assembly}"
    return Finding("genome", str(path), "chromosomes", "warning", seen, remedy)


def _check_places(
    table: pd.DataFrame,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
    *,
    item: str,
    path: Path,
    assembly: str,
) -> list[Finding]:
    """Tell whether intervals lie on the assembly. Check ``chromosomes``."""
    if not sizes:
        return []
    named = rename_chromosomes(table, sizes=sizes, aliases=aliases)
    on = named[named["chrom"].isin(sizes.keys())]
    past = on[on["end"] > on["chrom"].map(sizes)]
    share = len(on) / max(len(named), 1)
    correct = f"use the file for {assembly}, or correct 'assembly' in the YAML"
    if len(past):
        first = past.iloc[0]
        return [
            Finding(
                item,
                str(path),
                "chromosomes",
                "warning",
                f"{count_of(len(past), 'interval')} past the end of the chromosome (first at "
                f"{first['chrom']}:{first['end']:,}, which has {sizes[first['chrom']]:,} bp)",
                correct,
            )
        ]
    if share < _FEWEST_ON_ASSEMBLY:
        return [
            Finding(
                item,
                str(path),
                "chromosomes",
                "warning",
                f"only {percent(share)} lie on chromosomes of {assembly}; "
                f"the file names {listed(table['chrom'].unique())}",
                correct,
            )
        ]
    evidence = f"{assembly}, {count_of(on['chrom'].nunique(), 'chromosome')}"
    return [Finding(item, str(path), "chromosomes", "fine", evidence)]


def _unread(error: ClasterError, path: Path, *, item: str) -> Finding:
    """Return the error that a file of intervals raises as a finding; ``starts`` where they count from 1."""
    if "without bases" not in error.found:
        return as_fault(error, item=item, file=str(path), check="kind")
    return Finding(
        item,
        str(path),
        "starts",
        "fault",
        f"{error.found}: its starts seem to count from 1, those of a BED count from 0",
        "subtract 1 from every start",
    )


def examine_assembly(
    spec: DatasetSpec, there: Mapping[str, Path]
) -> tuple[dict[str, int], list[Finding]]:
    """Return the chromosome sizes in bp that the build goes by, empty where they are not known.

    Parameters
    ----------
    there
        The files that can be read, by what messages call them.
    """
    known = known_sizes(spec.assembly)
    if spec.chrom_sizes is not None:
        path = there.get("chromosome sizes")
        if path is None:
            return known, []
        try:
            sizes = chromosome_sizes(spec.assembly, path)
        except ClasterError as error:
            return known, [as_fault(error, item="chromosome sizes", file=str(path), check="kind")]
        return sizes, _check_sizes_file(path, sizes, known, assembly=spec.assembly)
    if known:
        seen = f"{spec.assembly}, {count_of(len(known), 'chromosome')}"
        return known, [Finding("assembly", "", "assembly", "fine", seen)]
    try:
        return chromosome_sizes(spec.assembly), []
    except ClasterError as error:
        return {}, [as_fault(error, item="assembly", file="", check="assembly")]


def examine_genes(
    spec: DatasetSpec, path: Path, sizes: Mapping[str, int]
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Return the gene table (0-based half-open) with the assembly's names, None where it cannot be read."""
    findings: list[Finding] = []
    try:
        gene_file = read_gene_file(path)
        findings += check_gene_file(
            gene_file, file=path, assembly=spec.assembly, comments=_comments(path)
        )
        if any(finding.verdict == "fault" for finding in findings):
            return None, findings
        genes = gene_file.genes
        if genes.empty:
            raise ClasterError("no gene in the file", remedy="provide a GTF, a BED6 or a table")
        check_genes(genes, named=f"genes ({path})")
    except ClasterError as error:
        return None, [*findings, as_fault(error, item="genes", file=str(path), check="kind")]
    findings = check_gene_table(gene_file, file=path) + findings
    if not sizes:
        return None, findings
    named = rename_chromosomes(genes, sizes=sizes, aliases=chromosome_aliases(spec.assembly))
    findings += check_gene_places(
        named,
        sizes,
        file=path,
        assembly=spec.assembly,
        spelled={
            ours: theirs
            for ours, theirs in zip(named["chrom"], genes["chrom"], strict=True)
            if ours != theirs
        },
    )
    findings += [
        as_fault(error, item="genes", file=str(path), check=check)
        for check, error in unmatched_words(spec, named, sizes)
    ]
    return named if named["chrom"].isin(sizes.keys()).any() else None, findings


def examine_blacklist(
    spec: DatasetSpec, there: Mapping[str, Path], sizes: Mapping[str, int]
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Return the regions of the blacklist as the build takes them, None where they cannot be read."""
    if "blacklist" not in there or not sizes:
        return None, []
    path = there["blacklist"]
    aliases = chromosome_aliases(spec.assembly)
    try:
        table = read_bed(path, named="blacklist")
    except ClasterError as error:
        return None, [_unread(error, path, item="blacklist")]
    try:
        blacklist = read_blacklist(path, sizes=sizes, aliases=aliases)
    except ClasterError as error:
        return None, [as_fault(error, item="blacklist", file=str(path), check="chromosomes")]
    bases = int((blacklist["end"] - blacklist["start"]).sum())
    share = percent(bases / sum(sizes.values()))
    evidence = (
        f"{count_of(len(table), 'region')}, {base_pairs(bases)}, {share} of the assembly, "
        "without data in every track"
    )
    return blacklist, [
        Finding("blacklist", str(path), "kind", "fine", evidence),
        *_check_places(table, sizes, aliases, item="blacklist", path=path, assembly=spec.assembly),
    ]


def examine_others(spec: DatasetSpec, there: Mapping[str, Path], setting: Setting) -> list[Finding]:
    """Look into the files that the build does not read: elements, genome."""
    findings: list[Finding] = []
    if spec.elements and "elements" in there:
        findings += _check_elements_file(there["elements"], spec.elements, setting)
    if "genome" in there:
        findings += _check_fasta(there["genome"], setting)
    return findings


def _comments(path: Path) -> str:
    """Return the comments at the top of a gene file."""
    lines = source_lines(path, named="genes", remedy="check 'genes' and 'data' in the dataset YAML")
    return " ".join(line for line in islice(lines, 20) if line.startswith("#"))


def check_blacklisted(blacklist: pd.DataFrame, setting: Setting, *, file: str) -> list[Finding]:
    """Tell which share of the windows is without data by the blacklist. Check ``windows``.

    How many genes it drops stands under ``genes`` of the windows.
    """
    if setting.centres.empty:
        return []
    windows = window_table(setting.centres, setting.spec.window.binning)
    shares = covered_shares(windows, blacklist)
    evidence = (
        f"covers {percent(float(shares.mean()))} of the windows' bases, at most "
        f"{percent(float(shares.max()))} of one; {count_of(int((shares > 0).sum()), 'window')} "
        f"of {len(shares):,} hold some of it"
    )
    return [Finding("blacklist", file, "windows", "fine", evidence)]
