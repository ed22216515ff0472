"""BED files and BedTools as tables, and tables as BedTools."""

from typing import TYPE_CHECKING

import pandas as pd

from claster.errors import ClasterError
from claster.genome.rows import AnnotationSource, data_rows, interval_table, place_of, source_lines

if TYPE_CHECKING:
    from pybedtools import BedTool


_EMPTY = {"name": ".", "score": "0", "strand": "."}


def read_bed(
    source: AnnotationSource,
    *,
    named: str = "BED",
    remedy: str = "check the file name",
    allow_empty: bool = False,
) -> pd.DataFrame:
    """Read a BED file or a BedTool.

    Parameters
    ----------
    source
        A BED with 3 or more columns, plain or gzipped, its fields separated by tabs or blanks, or a
        `pybedtools.BedTool` over a BED. A BedTool made from a stream is consumed.
    named
        What the user calls it, for messages.
    remedy
        What to do where no file is there.
    allow_empty
        Whether intervals with ``start == end``, which hold no base, may stay.

    Returns
    -------
    pandas.DataFrame
        `chrom`, `start`, `end` (0-based half-open) and, as text and as far as the file goes, `name`,
        `score`, `strand`, `column_7` and so on, in file order. Fields that a row lacks are empty.

    Raises
    ------
    ClasterError
        If the file is missing or no text, or a row holds no interval; says which line.

    References
    ----------
    BED: https://genome.ucsc.edu/FAQ/FAQformat.html#format1
    """
    lines = source_lines(source, named=named, remedy=remedy)
    rows = (row for row in data_rows(lines) if not row[1][0].startswith("#"))
    return interval_table(
        rows, None, named=f"{named} ({place_of(source)})", allow_empty=allow_empty
    )


def _to_bedtool(table: pd.DataFrame, *, name: str = "name") -> "BedTool":
    """Turn a table of intervals into a BedTool.

    Returns BED3 to BED6, in the order of `table`. Its temporary file goes when Python ends, or
    with `pybedtools.cleanup`.
    """
    from pybedtools import BedTool

    missing = [column for column in ("chrom", "start", "end") if column not in table]
    if missing:
        raise ClasterError(
            f"the table has no column {', '.join(missing)}", remedy="name it chrom, start or end"
        )
    given = table.drop(columns="name", errors="ignore") if name != "name" else table
    given = given.rename(columns={name: "name"})
    present = [column for column in _EMPTY if column in given]
    bed = given[["chrom", "start", "end"]].copy()
    for column in list(_EMPTY)[: list(_EMPTY).index(present[-1]) + 1] if present else []:
        filled = given[column] if column in present else pd.Series("", index=given.index)
        bed[column] = filled.fillna("").astype(str).replace("", _EMPTY[column])
    return BedTool.from_dataframe(bed)
