"""Genes whose place in an assembly is known, to tell how a file counts and which assembly it is for."""

from functools import cache
from importlib.resources import files
from typing import NamedTuple

import pandas as pd

__all__ = ["Comparison", "compare_landmarks", "read_landmarks"]

_FAR = 50_000


class Comparison(NamedTuple):
    """How a gene table lies to the landmarks of an assembly.

    Attributes
    ----------
    known
        Genes of the table that are landmarks.
    far
        Those that lie over 50 kb from their landmark, or on another chromosome.
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
        Name of the assembly; without landmarks for it, nothing is known.
    """
    landmarks = read_landmarks()
    landmarks = landmarks[landmarks["assembly"] == assembly]
    plain = genes.assign(gene_id=genes["gene_id"].str.replace(r"\.\d+$", "", regex=True))
    by_id = landmarks["gene_id"] != ""
    both = pd.concat(
        [
            plain.merge(landmarks[by_id], on="gene_id", suffixes=("", "_known")),
            plain.merge(landmarks[~by_id], on="name", suffixes=("", "_known")),
        ]
    )
    far = (both["chrom"] != both["chrom_known"]) | ((both["end"] - both["end_known"]).abs() > _FAR)
    same = both[~far & (both["end"] == both["end_known"])]
    shifted = same[same["start"] == same["start_known"] + 1]
    example = None
    if len(shifted):
        first = shifted.iloc[0]
        example = (str(first["name"]), int(first["start"]), int(first["start_known"]))
    return Comparison(len(both), int(far.sum()), len(same), len(shifted), example)
