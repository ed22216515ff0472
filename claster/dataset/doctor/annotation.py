"""Examine the annotation of a dataset: chromosome sizes, genes, elements, blacklist, genome."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import pandas as pd

from claster.dataset.doctor.findings import Finding, as_fault
from claster.dataset.doctor.genes import check_gene_file, check_gene_places, check_gene_table
from claster.dataset.doctor.intervals import (
    check_elements_file,
    check_fasta,
    check_places,
    check_sizes_file,
    unread,
)
from claster.dataset.doctor.setting import Setting, known_sizes
from claster.dataset.doctor.wording import base_pairs, count_of, percent
from claster.dataset.spec import DatasetSpec
from claster.dataset.words import unmatched_words
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases, chromosome_sizes, rename_chromosomes
from claster.genome.bed import read_bed
from claster.genome.genes import check_genes, read_gene_file
from claster.genome.regions import read_blacklist
from claster.genome.rows import source_lines

__all__ = ["examine_assembly", "examine_blacklist", "examine_genes", "examine_others"]


def examine_assembly(
    spec: DatasetSpec, there: Mapping[str, Path]
) -> tuple[dict[str, int], list[Finding]]:
    """Return the chromosome sizes in bp that the build goes by, empty where they are not known.

    Parameters
    ----------
    spec
        The dataset.
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
        return sizes, check_sizes_file(path, sizes, known, assembly=spec.assembly)
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
    """Return the gene table (0-based half-open) with the assembly's names, None where it does not read."""
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
            raise ClasterError("no gene in the file", remedy="bring a GTF, a BED6 or a table")
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
    """Return the regions of the blacklist as the build takes them, None where they do not read."""
    if "blacklist" not in there or not sizes:
        return None, []
    path = there["blacklist"]
    aliases = chromosome_aliases(spec.assembly)
    try:
        table = read_bed(path, named="blacklist")
    except ClasterError as error:
        return None, [unread(error, path, item="blacklist")]
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
        *check_places(table, sizes, aliases, item="blacklist", path=path, assembly=spec.assembly),
    ]


def examine_others(spec: DatasetSpec, there: Mapping[str, Path], setting: Setting) -> list[Finding]:
    """Look into the files that the build does not read: elements, genome."""
    findings: list[Finding] = []
    if spec.elements and "elements" in there:
        findings += check_elements_file(there["elements"], spec.elements, setting)
    if "genome" in there:
        findings += check_fasta(there["genome"], setting)
    return findings


def _comments(path: Path) -> str:
    """Return the comments at the top of a gene file."""
    lines = source_lines(path, named="genes", remedy="check 'genes' and 'data' in the dataset YAML")
    return " ".join(line for line in islice(lines, 20) if line.startswith("#"))
