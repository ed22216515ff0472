"""Gene tables: GTF, BED and headed tables into one checked frame with TSSs."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from claster.errors import ClasterError
from claster.genome.rows import (
    PLACES,
    AnnotationSource,
    Rule,
    file_name_rules,
    first_row,
    interval_table,
    place_of,
    read_intervals,
    require_rows,
    source_lines,
)
from claster.quoting import printable

GENE_COLUMNS = ["gene_id", "name", "type", "chrom", "start", "end", "strand", "tss"]

_SPELLINGS = PLACES | {
    "strand": ("strand",),
    "gene_id": ("gene_id", "ensembl_id", "ensembl_gene_id"),
    "name": ("gene_name", "name", "symbol"),
    "type": ("gene_type", "gene_biotype", "type"),
}
_GTF_COLUMNS = [
    *("chrom", "source", "feature", "start", "end", "score", "strand", "frame", "attributes")
]
_TYPE_ATTRIBUTES = ("gene_type", "gene_biotype")
_KINDS = "give a GTF, a BED6 or a table with a header"


@dataclass(frozen=True)
class GeneFile:
    """The genes of a file before any check, and what the file is like.

    Attributes
    ----------
    genes
        Columns of `GENE_COLUMNS`, in file order; names as `printable` writes them.
    dialect
        Who wrote a GTF: ``GENCODE``, ``Ensembl``, ``RefSeq``, or empty.
    type_name
        Where the gene's type comes from: ``gene_type``, ``gene_biotype``, a column of the file; empty
        when it has none.
    features
        Number of rows by feature of a GTF; empty for the other formats.
    padded
        Number of rows with blanks around a field (they are taken off).
    """

    genes: pd.DataFrame
    format: Literal["GTF", "BED", "table"]
    dialect: str
    type_name: str
    features: Mapping[str, int]
    padded: int

    @property
    def without_bases(self) -> int:
        """Number of rows with ``start == end``: 1-based positions in a BED."""
        return int((self.genes["start"] == self.genes["end"]).sum())


def read_genes(source: AnnotationSource) -> pd.DataFrame:
    """Read genes from a GTF, a BED6+ or a headed table, plain or gzipped, or from a BedTool.

    A GTF (GENCODE, Ensembl or RefSeq; `gene` rows only) is 1-based closed and is converted. A BED holds
    chromosome, start, end, gene ID, score, strand and, when there, name and type. A headed table
    names its columns (chr, start, end, name, strand, gene_id or Ensembl_ID, gene_type), 0-based; beside
    `gene_name`, `name` is the ID.

    Parameters
    ----------
    source
        The file, told apart by its content and not by its name, or a `pybedtools.BedTool`.

    Returns
    -------
    pandas.DataFrame
        Columns `gene_id`, `name`, `type`, `chrom`, `start`, `end` (0-based half-open), `strand`
        and `tss` (0-based position of the gene's first base), in file order.

    Raises
    ------
    ClasterError
        If the file is missing, holds no gene, or a row breaks `require_genes`.

    References
    ----------
    GTF: https://www.ensembl.org/info/website/upload/gff.html;
    BED: https://genome.ucsc.edu/FAQ/FAQformat.html#format1
    """
    file = read_gene_file(source)
    named = f"genes ({place_of(source)})"
    if file.genes.empty:
        if file.features:
            rows = ", ".join(f"{count:,} {name}" for name, count in file.features.items())
            raise ClasterError(
                f"{named}: the GTF has no 'gene' rows, only {rows}",
                remedy="take the full annotation (GENCODE, Ensembl or NCBI RefSeq), which has them",
            )
        raise ClasterError(f"{named} are empty", remedy=_KINDS)
    require_genes(file.genes, named=named)
    return file.genes


def read_gene_file(source: AnnotationSource) -> GeneFile:
    """Read genes without checking them, and tell what their file is like.

    Parameters
    ----------
    source
        As for `read_genes`.

    Returns
    -------
    GeneFile
        Its table may be empty, and its rows may break `require_genes`.

    Raises
    ------
    ClasterError
        If the file is missing or none of the formats, or a row holds no interval.
    """
    named = f"genes ({place_of(source)})"
    lines = source_lines(
        source, named="genes", remedy="check 'genes' and 'data' in the dataset YAML"
    )
    first, lines = first_row(lines)
    if _is_gtf(first):
        return _read_gtf(lines, named=named)
    held = list(lines)
    padded = sum(any(field != field.strip() for field in line.split("\t")) for line in held)
    spellings = _SPELLINGS
    if "gene_name" in (field.lower() for field in first):  # beside it, a BED's 'name' is the ID
        spellings = spellings | {"gene_id": (*spellings["gene_id"], "name"), "name": ("gene_name",)}
    table, header = read_intervals(
        held, spellings, named=named, needed=(*PLACES, "strand"), allow_empty=True
    )
    if not header:
        genes, type_name = _from_bed(table, named=named)
        return GeneFile(_with_tss(genes), "BED", "", type_name, {}, padded)
    if not {"gene_id", "name"} & set(table):
        raise ClasterError(
            f"{named}: the header lacks gene_id",
            remedy="name the columns chr, start, end, strand, gene_id, gene_type",
        )
    type_name = header[list(table).index("type")] if "type" in table else ""
    return GeneFile(_with_tss(table), "table", "", type_name, {}, padded)


def _is_gtf(fields: list[str]) -> bool:
    """Tell whether the fields of a row are those of a GTF or GFF3."""
    return (
        len(fields) == len(_GTF_COLUMNS)
        and not fields[2].isdecimal()
        and (fields[6] in ("+", "-", ".", "?") or (fields[3].isdecimal() and fields[4].isdecimal()))
    )


def _read_gtf(lines: Iterable[str], *, named: str) -> GeneFile:
    """Read the ``gene`` rows of a GTF; of all others, millions that are not held, only the feature counts.

    The type is `gene_type` (GENCODE) or `gene_biotype` (Ensembl, RefSeq); the name is `gene_name`, or `gene`
    (RefSeq), or the ID.
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
    rows = interval_table(gene_rows, _GTF_COLUMNS, named=named, allow_empty=True)
    gene_id, name, kind = (
        _first_of(rows["attributes"], keys)
        for keys in (("gene_id",), ("gene_name", "gene"), _TYPE_ATTRIBUTES)
    )
    genes = rows[["chrom", "start", "end", "strand"]].assign(
        gene_id=gene_id,
        name=name.where(name.notna(), gene_id),
        type=kind.where(kind.notna(), ""),
        start=rows["start"] - 1,
    )
    type_name = next((n for n in _TYPE_ATTRIBUTES if n in first_attributes), "")
    dialect = _gtf_dialect(first_attributes)
    return GeneFile(_with_tss(genes), "GTF", dialect, type_name, dict(features), 0)


def _first_of(attributes: pd.Series, keys: Iterable[str]) -> pd.Series:
    """Return the value of the first attribute that a row has; missing where it has none."""
    found = pd.Series(pd.NA, index=attributes.index, dtype=object)
    for key in keys:
        value = attributes.str.extract(rf'(?:^|;)\s*{re.escape(key)} "([^"]*)"', expand=False)
        found = found.where(found.notna(), value)
    return found


def _gtf_dialect(attributes: str) -> str:
    """Return who wrote a GTF (`GeneFile.dialect`), as far as the attributes of a row tell.

    Examples
    --------
    >>> _gtf_dialect('gene_id "ENSG1.2"; gene_type "lincRNA";')
    'GENCODE'
    >>> _gtf_dialect('gene_id "Xkr4"; db_xref "GeneID:497097"; gene_biotype "protein_coding";')
    'RefSeq'
    """
    for dialect, mark in (
        ("GENCODE", 'gene_type "'),
        ("RefSeq", 'db_xref "GeneID:'),
        ("Ensembl", 'gene_biotype "'),
    ):
        if mark in attributes:
            return dialect
    return ""


def require_genes(genes: pd.DataFrame, *, named: str = "genes") -> None:
    """Refuse a gene table that does not keep its definition.

    It has the columns of `GENE_COLUMNS`, and every row an ID that can name a file, a chromosome,
    ``0 <= start < end``, a strand `+` or `-`, and as TSS its first base.

    Raises
    ------
    ClasterError
        On the first fault, with the row.
    """
    require_rows(genes, GENE_COLUMNS, _rules, named=named)


def _rules(genes: pd.DataFrame) -> Iterator[Rule]:
    yield from file_name_rules(genes["gene_id"], kind="gene")
    yield (
        genes["chrom"].isna() | (genes["chrom"] == ""),
        "a row without chromosome",
        "name the chromosome of every gene",
    )
    yield (
        ~genes["strand"].isin(["+", "-"]),
        "a strand that is neither + nor -",
        "give the strand, or take the gene out",
    )
    yield (
        (genes["start"] < 0) | (genes["start"] >= genes["end"]),
        "an interval without bases",
        "give start < end; in a BED or table start counts from 0 (1-based start minus 1)",
    )
    first_base = genes["start"].where(genes["strand"] == "+", genes["end"] - 1)
    yield (
        genes["tss"] != first_base,
        "a TSS that is not the first base",
        "take start on the + strand and end - 1 on the - strand",
    )


def _from_bed(table: pd.DataFrame, *, named: str) -> tuple[pd.DataFrame, str]:
    """Name the columns of a BED6 with gene ID, name and type; tell where the type is."""
    if not table.empty and "strand" not in table:
        raise ClasterError(
            f"{named}: {table.shape[1]} columns, no strand",
            remedy="give BED6: chrom, start, end, gene ID, score, strand",
        )
    table = table.rename(columns={"name": "gene_id"})
    if "column_7" not in table or table["column_7"].str.isdigit().all():  # BED12: thick ends
        return table, ""
    table = table.rename(columns={"column_7": "name", "column_8": "type"})
    return table, "column 8" if "type" in table else ""


def _with_tss(table: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a gene table, the missing ones filled in."""
    genes = pd.DataFrame(table, columns=GENE_COLUMNS)
    if "gene_id" not in table:
        genes["gene_id"] = genes["name"]
    if "name" not in table:
        genes["name"] = genes["gene_id"]
    genes["name"] = genes["name"].map(printable, na_action="ignore")
    if "type" not in table:
        genes["type"] = ""
    genes["tss"] = genes["start"].where(genes["strand"] == "+", genes["end"] - 1)
    return genes
