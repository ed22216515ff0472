"""GTF files in the dialects of GENCODE, Ensembl and RefSeq: their gene rows as a table."""

import re
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from claster.errors import ClasterError
from claster.genome.rows import interval_table

_COLUMNS = ["chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes"]
_TYPE_ATTRIBUTES = ("gene_type", "gene_biotype")
_NAME_ATTRIBUTES = ("gene_name", "gene")


class _GtfGenes(NamedTuple):
    """What a GTF says about genes.

    Attributes
    ----------
    genes
        Gene ID, name, type and place (0-based half-open) of each ``gene`` row, in file order.
    features
        Number of rows by feature (``gene``, ``exon``, ...).
    attributes
        The attributes of the first ``gene`` row, or of the first row where there is none.
    """

    genes: pd.DataFrame
    features: dict[str, int]
    attributes: str


def is_gtf(fields: list[str]) -> bool:
    """Tell whether the fields of a row are those of a GTF or GFF3."""
    return (
        len(fields) == len(_COLUMNS)
        and not fields[2].isdecimal()
        and (fields[6] in ("+", "-", ".", "?") or (fields[3].isdecimal() and fields[4].isdecimal()))
    )


def read_gtf_genes(lines: Iterable[str], *, named: str) -> _GtfGenes:
    """Read the ``gene`` rows of a GTF; of all other rows only the feature is looked at.

    Parameters
    ----------
    lines
        The lines of the file; a whole annotation has millions, which are not held.
    named
        What the file is called in messages, with its place.

    Returns
    -------
    _GtfGenes
        The table has the columns `gene_id`, `name`, `type`, `chrom`, `start`, `end`, `strand`. The type
        is `gene_type` (GENCODE) or `gene_biotype` (Ensembl, RefSeq); the name is `gene_name`, or `gene`
        (RefSeq), or the ID.

    Raises
    ------
    ClasterError
        If the file is a GFF3, or a ``gene`` row holds no interval.

    References
    ----------
    GTF: https://www.ensembl.org/info/website/upload/gff.html and
    https://www.ncbi.nlm.nih.gov/datasets/docs/v2/reference-docs/file-formats/annotation-files/about-ncbi-gtf/
    """
    features: Counter[str] = Counter()
    gene_rows = []
    first_attributes = ""
    for number, line in enumerate(lines, start=1):
        start_of_row = line.split("\t", 3)
        if len(start_of_row) < 4 or line.startswith("#"):
            continue
        feature = start_of_row[2]
        if not features:
            first_attributes = line.rpartition("\t")[2]
        features[feature] += 1
        if feature == "gene":
            gene_rows.append((number, [field.strip() for field in line.split("\t")]))
    if gene_rows:
        first_attributes = gene_rows[0][1][-1]
    if '"' not in first_attributes and "=" in first_attributes:
        raise ClasterError(
            f"{named} are GFF3, not GTF", remedy="take the GTF of the same annotation"
        )
    rows = interval_table(gene_rows, _COLUMNS, named=named, allow_empty=True)
    attributes = rows["attributes"]
    gene_id = _first_of(attributes, ("gene_id",))
    name = _first_of(attributes, _NAME_ATTRIBUTES)
    kind = _first_of(attributes, _TYPE_ATTRIBUTES)
    genes = pd.DataFrame(
        {
            "gene_id": gene_id,
            "name": name.where(name.notna(), gene_id),
            "type": kind.where(kind.notna(), ""),
            "chrom": rows["chrom"],
            "start": rows["start"] - 1,
            "end": rows["end"],
            "strand": rows["strand"],
        }
    )
    return _GtfGenes(genes, dict(features), first_attributes)


def _first_of(attributes: pd.Series, keys: Iterable[str]) -> pd.Series:
    """Return the value of the first attribute that a row has; missing where it has none."""
    found = pd.Series(pd.NA, index=attributes.index, dtype=object)
    for key in keys:
        value = attributes.str.extract(rf'(?:^|;)\s*{re.escape(key)} "([^"]*)"', expand=False)
        found = found.where(found.notna(), value)
    return found
