"""Examine the annotation of a dataset: chromosome sizes, genes, elements, blacklist, genome."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

import pandas as pd

from claster.dataset.doctor.findings import Finding, as_fault
from claster.dataset.doctor.genes import check_gene_file, check_gene_places, check_gene_table
from claster.dataset.doctor.intervals import (
    check_blacklist,
    check_elements_file,
    check_fasta,
    check_sizes_file,
)
from claster.dataset.doctor.setting import Setting, known_sizes
from claster.dataset.doctor.wording import count_of
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases, chromosome_sizes, rename_chromosomes
from claster.genome.genes import check_genes, read_gene_file
from claster.genome.rows import source_lines

__all__ = ["examine_assembly", "examine_genes", "examine_others"]


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
    findings = check_gene_table(gene_file, spec.genes, file=path) + findings
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
    return named if named["chrom"].isin(sizes.keys()).any() else None, findings


def examine_others(spec: DatasetSpec, there: Mapping[str, Path], setting: Setting) -> list[Finding]:
    """Look into the files that the build does not read: elements, blacklist, genome."""
    findings: list[Finding] = []
    if spec.elements and "elements" in there:
        findings += check_elements_file(there["elements"], spec.elements, setting)
    if "blacklist" in there:
        findings += check_blacklist(there["blacklist"], setting)
    if "genome" in there:
        findings += check_fasta(there["genome"], setting)
    return findings


def _comments(path: Path) -> str:
    """Return the comments at the top of a gene file."""
    lines = source_lines(path, named="genes", remedy="check 'genes' and 'data' in the dataset YAML")
    return " ".join(line for line in islice(lines, 20) if line.startswith("#"))
