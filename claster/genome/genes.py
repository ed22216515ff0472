"""Gene tables: GTF, BED and headed tables into one checked frame with TSSs."""

import gzip
import io
import re
from pathlib import Path

import pandas as pd

from claster.errors import ClasterError, one_line
from claster.files import require_file

__all__ = ["GENE_COLUMNS", "check_genes", "read_genes"]

GENE_COLUMNS = ["gene_id", "name", "type", "chrom", "start", "end", "strand", "tss"]

_GTF_COLUMNS = [
    "chrom",
    "source",
    "feature",
    "start",
    "end",
    "score",
    "strand",
    "frame",
    "attributes",
]
_HEADER_NAMES = {
    "#chr": "chrom",
    "chr": "chrom",
    "#chrom": "chrom",
    "chrom": "chrom",
    "start": "start",
    "end": "end",
    "name": "name",
    "strand": "strand",
    "ensembl_id": "gene_id",
    "gene_id": "gene_id",
    "gene_type": "type",
    "gene_biotype": "type",
    "type": "type",
}
_BED_COLUMNS = ["chrom", "start", "end", "gene_id", "score", "strand", "name", "type"]


def read_genes(path: Path | str) -> pd.DataFrame:
    """Read genes from a GTF, a BED6+ or a headed table, plain or gzipped.

    A GTF (GENCODE or Ensembl; `gene` rows only) is 1-based closed and is converted. A BED holds
    chromosome, start, end, gene ID, score, strand and, when there, name and type. A headed table
    names its columns (chr, start, end, name, strand, gene_id or Ensembl_ID, gene_type), 0-based.

    Parameters
    ----------
    path
        The file; told apart by its content, not by its name.

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
    GTF: https://www.ensembl.org/info/website/upload/gff.html
    """
    path = require_file(path, named="genes", remedy="check 'genes' and 'data' in the dataset YAML")
    lines = [
        line for line in _read_text(path).splitlines() if line.strip() and not _is_comment(line)
    ]
    if not lines:
        raise ClasterError(
            f"genes ({path}) are empty", remedy="give a GTF, a BED6 or a table with a header"
        )
    text = "\n".join(lines)
    fields = lines[0].split("\t")
    try:
        if len(fields) == len(_GTF_COLUMNS) and fields[3].isdigit() and '"' in fields[8]:
            genes = _from_gtf(text, path)
        elif not fields[1:2] or not fields[1].strip().isdigit():
            genes = _from_headed(text, path)
        else:
            genes = _from_bed(text, path)
    except (ValueError, pd.errors.ParserError) as error:
        raise ClasterError(
            f"genes ({path}) do not read: {one_line(error)}",
            remedy="give a GTF, a BED6 or a table with a header",
        ) from error
    genes["tss"] = genes["start"].where(genes["strand"] == "+", genes["end"] - 1)
    check_genes(genes, named=f"genes ({path})")
    return genes[GENE_COLUMNS]


def check_genes(genes: pd.DataFrame, *, named: str = "genes", raise_errors: bool = True) -> bool:
    """Tell whether a gene table keeps its definition.

    Every row has an ID that can name a file, ``0 <= start < end``, a strand `+` or `-`, and its TSS is
    the first base.

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
    missing = [column for column in GENE_COLUMNS if column not in genes]
    if missing:
        faults = [(f"{named}: no column {', '.join(missing)}", "add it")]
    else:
        first_base = genes["start"].where(genes["strand"] == "+", genes["end"] - 1)
        rules = [
            (genes["gene_id"].isna() | (genes["gene_id"] == ""), "a row without gene ID"),
            (
                genes["gene_id"].astype(str).str.contains(r"[\s/]"),
                "a gene ID with a blank or a slash, which cannot name a file",
            ),
            (~genes["strand"].isin(["+", "-"]), "a strand that is neither + nor -"),
            ((genes["start"] < 0) | (genes["start"] >= genes["end"]), "an interval without bases"),
            (genes["tss"] != first_base, "a TSS that is not the first base"),
        ]
        faults = [
            (
                f"{named}: {text} (row {int(bad.to_numpy().argmax()) + 1} of {len(genes)})",
                "mend the row",
            )
            for bad, text in rules
            if bad.any()
        ]
    if faults and raise_errors:
        found, remedy = faults[0]
        raise ClasterError(found, remedy=remedy)
    return not faults


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as handle:
            zipped = handle.read(2) == b"\x1f\x8b"
        if zipped:
            with gzip.open(path, "rt", encoding="utf-8") as handle:
                return handle.read()
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
        raise ClasterError(
            f"genes ({path}) are not text: {error}",
            remedy="give a GTF, a BED6 or a table with a header",
        ) from error


def _is_comment(line: str) -> bool:
    """Tell comments from a header such as ``#chr<tab>start``."""
    return line.startswith("#") and "\t" not in line


def _from_gtf(text: str, path: Path) -> pd.DataFrame:
    rows = pd.read_csv(
        io.StringIO("\n".join(line for line in text.splitlines() if "\tgene\t" in line)),
        sep="\t",
        names=_GTF_COLUMNS,
        dtype={"chrom": str, "attributes": str},
        quoting=3,
    )
    rows = rows[rows["feature"] == "gene"].reset_index(drop=True)
    if rows.empty:
        raise ClasterError(
            f"genes ({path}): the GTF has no 'gene' rows",
            remedy="take the full annotation (GENCODE or Ensembl), which has them",
        )
    attributes = rows["attributes"]
    gene_id = _attribute(attributes, "gene_id")
    kind = _attribute(attributes, "gene_type").fillna(_attribute(attributes, "gene_biotype"))
    return pd.DataFrame(
        {
            "gene_id": gene_id,
            "name": _attribute(attributes, "gene_name").fillna(gene_id),
            "type": kind.fillna(""),
            "chrom": rows["chrom"],
            "start": rows["start"].astype("int64") - 1,
            "end": rows["end"].astype("int64"),
            "strand": rows["strand"],
        }
    )


def _attribute(attributes: pd.Series, key: str) -> pd.Series:
    return attributes.str.extract(rf'(?:^|;)\s*{re.escape(key)} "([^"]*)"', expand=False)


def _from_headed(text: str, path: Path) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO(text), sep="\t", dtype=str, comment=None, skipinitialspace=True)
    table = table.rename(
        columns={c: _HEADER_NAMES.get(str(c).strip().lower(), c) for c in table.columns}
    )
    needed = [column for column in ("chrom", "start", "end", "strand") if column not in table]
    if needed or not {"gene_id", "name"} & set(table.columns):
        raise ClasterError(
            f"genes ({path}): the header lacks {', '.join(needed) or 'gene_id'}",
            remedy="name the columns chr, start, end, strand, gene_id, gene_type",
        )
    return _typed(table)


def _from_bed(text: str, path: Path) -> pd.DataFrame:
    table = pd.read_csv(io.StringIO(text), sep="\t", dtype=str, header=None, comment="#")
    if table.shape[1] < 6:
        raise ClasterError(
            f"genes ({path}): {table.shape[1]} columns, no strand",
            remedy="give BED6: chrom, start, end, gene ID, score, strand",
        )
    return _typed(
        table.iloc[:, : len(_BED_COLUMNS)].set_axis(_BED_COLUMNS[: table.shape[1]], axis=1)
    )


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    table = table.apply(lambda column: column.str.strip())
    gene_id = table["gene_id"] if "gene_id" in table else table["name"]
    return pd.DataFrame(
        {
            "gene_id": gene_id,
            "name": table.get("name", gene_id),
            "type": table.get("type", pd.Series("", index=table.index)),
            "chrom": table["chrom"],
            "start": table["start"].astype("int64"),
            "end": table["end"].astype("int64"),
            "strand": table["strand"],
        }
    )
