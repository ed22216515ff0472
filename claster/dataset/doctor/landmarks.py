"""Genes whose place in an assembly is known, to tell how a file counts and which assembly it is for."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import pandas as pd

__all__ = ["Comparison", "assembly_of_genes", "compare_landmarks", "read_landmarks"]

_FAR = 2_000
_FARTHEST = 50_000
_FEWEST = 5
_UCSC_NAMES = {
    "GRCh37": "hg19",
    "GRCh38": "hg38",
    "MGSCv37": "mm9",
    "NCBIM37": "mm9",
    "GRCm38": "mm10",
    "GRCm39": "mm39",
}


class Comparison(NamedTuple):
    """How a gene table lies to the landmarks of an assembly.

    Attributes
    ----------
    known
        Genes of the table that are landmarks.
    far
        Those of which start and end both lie over 2 kb from the landmark's (builds of one species are
        often no more than some 10 kb apart), or the end over 50 kb, or the chromosome is another.
    same_end
        Those whose end is the landmark's, so that their starts can be compared.
    shifted
        Those of `same_end` whose start is one base too far to the right.
    example
        The first shifted gene: name, start in the table, start of the landmark (both 0-based).
    """

    known: int
    far: int
    same_end: int
    shifted: int
    example: tuple[str, int, int] | None

    @property
    def elsewhere(self) -> bool:
        """Whether most genes, of 5 or more that are known, lie elsewhere."""
        return self.known >= _FEWEST and self.far > 0.5 * self.known


@cache
def read_landmarks() -> pd.DataFrame:
    """Return the landmarks that come with the package.

    Returns
    -------
    pandas.DataFrame
        Columns `assembly`, `gene_id` (without version, "" where it is not known), `name`, `chrom`,
        `start`, `end` (0-based half-open).
    """
    with (files("claster.dataset.doctor") / "landmarks.tsv").open(encoding="utf-8") as handle:
        table = pd.read_csv(handle, sep="\t", comment="#", keep_default_na=False)
    return table.assign(start=table["start"] - 1)


def compare_landmarks(genes: pd.DataFrame, assembly: str) -> Comparison:
    """Compare genes with the landmarks of an assembly, by gene ID without version, else by name.

    Parameters
    ----------
    genes
        Gene table with the assembly's chromosome names, 0-based half-open.
    assembly
        Name of the assembly (UCSC's or NCBI's); without landmarks for it, nothing is known.
    """
    landmarks = read_landmarks()
    landmarks = landmarks[landmarks["assembly"] == _UCSC_NAMES.get(assembly, assembly)]
    plain = genes.assign(gene_id=genes["gene_id"].str.replace(r"\.\d+$", "", regex=True))
    by_id = landmarks["gene_id"].isin(plain["gene_id"])
    both = pd.concat(
        [
            plain.merge(landmarks[by_id], on="gene_id", suffixes=("", "_known")),
            plain.merge(landmarks[~by_id], on="name", suffixes=("", "_known")),
        ]
    )
    moved = (both["start"] - both["start_known"]).abs() > _FAR
    ends = (both["end"] - both["end_known"]).abs()
    moved = (moved & (ends > _FAR)) | (ends > _FARTHEST)
    far = (both["chrom"] != both["chrom_known"]) | moved
    same = both[~far & (both["end"] == both["end_known"])]
    shifted = same[same["start"] == same["start_known"] + 1]
    example = None
    if len(shifted):
        first = shifted.iloc[0]
        example = (str(first["name"]), int(first["start"]), int(first["start_known"]))
    return Comparison(len(both), int(far.sum()), len(same), len(shifted), example)


def assembly_of_genes(genes: pd.DataFrame) -> str:
    """Return the assembly in which most known genes of a table lie where they should, "" for none.

    Parameters
    ----------
    genes
        See `compare_landmarks`.
    """
    for assembly in read_landmarks()["assembly"].unique():
        found = compare_landmarks(genes, str(assembly))
        if found.known >= _FEWEST and not found.elsewhere:
            return str(assembly)
    return ""
