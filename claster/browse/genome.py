"""The genome that tracks lie on: chromosomes, sequence, genes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.fasta import indexed_lengths
from claster.genome.gene_names import find_gene, genes_called
from claster.text import read_table

__all__ = ["BrowserGenome", "find_genome", "genes_as_bed", "sizes_text"]

_AROUND = 300_000
_NO_GENES = ("duplicate_id", "chromosome_unknown")


@dataclass(frozen=True)
class BrowserGenome:
    """What a browser needs to know of a genome.

    Attributes
    ----------
    name
        Of the assembly.
    sizes
        Chromosome lengths in bp.
    fasta
        An indexed FASTA file, None where there is none.
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end` (0-based half-open), `strand`.
    locus
        The stretch that is shown first, as browsers write it: 1-based, both ends included.
    """

    name: str
    sizes: Mapping[str, int]
    fasta: Path | None
    genes: pd.DataFrame
    locus: str


def find_genome(spec: DatasetSpec, folders: DatasetFolders) -> BrowserGenome:
    """Return the genome of a built dataset.

    Genes are all of the annotation, kept and dropped ones, for all of them may be transcribed. The
    locus is the surroundings of the dataset's example gene if that is a test gene, else of the first
    test gene.

    Parameters
    ----------
    spec, folders
        The dataset.

    Raises
    ------
    ClasterError
        If the dataset is not built, or the sizes of its chromosomes are not known.
    """
    folders.require_built()
    sizes = spec.chromosome_sizes()
    kept = read_genes_table(folders)
    columns = ["gene_id", "name", "chrom", "start", "end", "strand"]
    tables = [kept[columns]]
    if folders.dropped.is_file():
        dropped = read_table(folders.dropped)
        tables.append(dropped.loc[~dropped["reason"].isin(_NO_GENES), columns])
    genes = pd.concat([table for table in tables if len(table)], ignore_index=True)
    fasta = spec.source(spec.genome) if spec.genome else None
    if fasta is not None and not (fasta.is_file() and indexed_lengths(fasta)):
        fasta = None
    return BrowserGenome(
        name=spec.assembly,
        sizes=sizes,
        fasta=fasta,
        genes=genes.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True),
        locus=_locus(kept, sizes, spec.example_gene),
    )


def genes_as_bed(genes: pd.DataFrame) -> str:
    """Return genes as BED6, the name in the fourth column.

    References
    ----------
    BED: https://samtools.github.io/hts-specs/BEDv1.pdf
    """
    table = genes.assign(shown=genes["name"].fillna(genes["gene_id"]), score=0)
    columns = ["chrom", "start", "end", "shown", "score", "strand"]
    return table[columns].to_csv(sep="\t", index=False, header=False, lineterminator="\n")


def sizes_text(sizes: Mapping[str, int]) -> str:
    """Return chromosome sizes as the file that browsers read: name, tab, length."""
    return "".join(f"{chrom}\t{size}\n" for chrom, size in sizes.items())


def _locus(genes: pd.DataFrame, sizes: Mapping[str, int], example: str | None) -> str:
    test = genes[genes["split"] == "test"]
    among = test if len(test) else genes
    if among.empty:
        raise ClasterError("the dataset holds no gene", remedy="widen 'genes' and build again")
    (found,) = genes_called(among, [example or ""])
    gene = find_gene(among, found[0]) if len(found) == 1 else among.iloc[0]
    size = sizes[gene["chrom"]]
    start, end = max(gene["tss"] - _AROUND, 0), min(gene["tss"] + _AROUND, size)
    return f"{gene['chrom']}:{start + 1}-{end}"
