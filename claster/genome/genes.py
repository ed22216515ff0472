"""Gene tables: GTF, BED and headed tables into one checked frame with TSSs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from claster.errors import ClasterError
from claster.genome.gtf import is_gtf, read_gtf_genes
from claster.genome.rows import (
    AnnotationSource,
    Rule,
    check_table,
    data_rows,
    file_name_rules,
    first_row,
    header_columns,
    interval_table,
    place_of,
    source_lines,
)
from claster.quoting import printable

GENE_COLUMNS = ["gene_id", "name", "type", "chrom", "start", "end", "strand", "tss"]

_HEADER_NAMES = {
    "chr": "chrom",
    "chrom": "chrom",
    "chromosome": "chrom",
    "start": "start",
    "chromstart": "start",
    "end": "end",
    "chromend": "end",
    "strand": "strand",
    "gene_id": "gene_id",
    "ensembl_id": "gene_id",
    "ensembl_gene_id": "gene_id",
    "gene_name": "name",
    "name": "name",
    "symbol": "name",
    "gene_type": "type",
    "gene_biotype": "type",
    "type": "type",
}
_VERSION = r"\.\d+(?:_PAR_Y)?$"
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
    def versioned(self) -> int:
        """Number of gene IDs with a version (``ENSMUSG00000051951.5``)."""
        return int(self.genes["gene_id"].astype(str).str.contains(_VERSION).sum())

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
        If the file is missing, holds no gene, or a row breaks `check_genes`.

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
    check_genes(file.genes, named=named)
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
        Its table may be empty, and its rows may break `check_genes`.

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
    if is_gtf(first):
        gtf = read_gtf_genes(lines, named=named)
        type_name = next((n for n in ("gene_type", "gene_biotype") if n in gtf.attributes), "")
        return GeneFile(
            _with_tss(gtf.genes), "GTF", _gtf_dialect(gtf.attributes), type_name, gtf.features, 0
        )
    held = list(lines)
    padded = sum(any(field != field.strip() for field in line.split("\t")) for line in held)
    rows = data_rows(held)
    spellings = _HEADER_NAMES
    if "gene_name" in (field.lower() for field in first):  # beside it, a BED's 'name' is the ID
        spellings = _HEADER_NAMES | {"name": "gene_id"}
    columns = header_columns(
        first, spellings, named=named, needed=("chrom", "start", "end", "strand")
    )
    if columns is None:
        table = interval_table(rows, None, named=named, allow_empty=True)
        genes, type_name = _from_bed(table, named=named)
        return GeneFile(_with_tss(genes), "BED", "", type_name, {}, padded)
    if not {"gene_id", "name"} & set(columns):
        raise ClasterError(
            f"{named}: the header lacks gene_id",
            remedy="name the columns chr, start, end, strand, gene_id, gene_type",
        )
    next(rows)
    table = interval_table(rows, columns, named=named, allow_empty=True)
    type_name = first[columns.index("type")] if "type" in columns else ""
    return GeneFile(_with_tss(table), "table", "", type_name, {}, padded)


def _gtf_dialect(attributes: str) -> str:
    """Return who wrote a GTF, as far as the attributes of a row tell.

    Returns ``GENCODE``, ``RefSeq``, ``Ensembl``, or empty.

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


def check_genes(genes: pd.DataFrame, *, named: str = "genes", raise_errors: bool = True) -> bool:
    """Tell whether a gene table keeps its definition.

    Every row has an ID that can name a file, a chromosome, ``0 <= start < end``, a strand `+` or `-`,
    and its TSS is the first base.

    Parameters
    ----------
    genes
        A table with the columns of `GENE_COLUMNS`.
    named
        What the table is called in messages.
    raise_errors
        Whether a fault raises instead of returning False.

    Raises
    ------
    ClasterError
        On the first fault, with the row.
    """
    return check_table(genes, GENE_COLUMNS, _rules, named=named, raise_errors=raise_errors)


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
