"""The public tables of CRISPR interference: which element was tried on which gene, and what it did."""

from pathlib import Path

import numpy as np
import pandas as pd

from claster.errors import ClasterError
from claster.genome.gene_names import genes_called
from claster.genome.rows import split_fields
from claster.text import text_lines

MARKS = {"DHS": "DHS.RPM", "H3K27ac": "H3K27ac.RPM.expandedRegion"}
"""Signal of the element that a table may bring, and its columns."""

_POWER = "PowerAtEffectSize15"

_NEEDED = [
    "chrom",
    "chromStart",
    "chromEnd",
    "measuredGeneSymbol",
    "startTSS",
    "chrTSS",
    "ValidConnection",
    "CellType",
    "Regulated",
]
_TRUTH = {"TRUE": True, "True": True, "1": True, "FALSE": False, "False": False, "0": False}
_UNKNOWN = ["NA", ""]
_POSITION = r"[0-9]{1,10}(\.0+)?"  # tables that were lifted over in Python have 1000.0
_FAR = 10_000


def read_crispr_table(file: Path | str, *, cell_type: str | None = None) -> pd.DataFrame:
    """Read a benchmark table of enhancer-gene pairs.

    Parameters
    ----------
    file
        Tab-separated, plain or gzipped, with a header. Needed are `chrom`, `chromStart`, `chromEnd`,
        `measuredGeneSymbol`, `chrTSS`, `startTSS`, `ValidConnection`, `CellType`, `Regulated`; `EffectSize`,
        `measuredGeneEnsemblId`, `Dataset`, `Reference`, `distanceToTSS` and `measuredGeneUbiquitousExpressed`
        are taken where they are there.
    cell_type
        Which cell type's pairs; None where the table has one.

    Returns
    -------
    pandas.DataFrame
        `element_id` (``chrom:start-end``), `chrom`, `start`, `end` (0-based half-open), `symbol`,
        `ensembl_id` (without version; empty where unknown), `tss_chrom`, `table_tss` (-1 where unknown),
        `effect_size` (share of
        expression gained, -1 to ...; NaN where unknown), `regulated` (bool: significantly lowered by
        silencing), `valid` (``TRUE``, or why the pair does not count, ``NA`` as TSS or as truth among it),
        `dataset`, `distance` (bp, `distanceToTSS` of the table, else from the element's middle to the TSS),
        `ubiquitous` (1.0 for a gene that all cells have active, else 0.0; NaN where unknown) and, where the
        table has them, `power` (to see a change of 15 %), `DHS` and `H3K27ac` (reads per million).

    Raises
    ------
    ClasterError
        If there is no such file, it is not such a table, a row has no coordinates or another word for
        truth, or the table has several cell types and none of them is chosen.

    References
    ----------
    Format: https://github.com/EngreitzLab/CRISPR_comparison, resources/crispr_data/README.md
    Gschwind et al. 2023, doi 10.1101/2023.11.09.563812
    """
    path = Path(file)
    table = _read_fields(path)
    if missing := [name for name in _NEEDED if name not in table]:
        raise ClasterError(
            f"CRISPR pairs ({path}) lack the columns {', '.join(missing)}",
            remedy="provide a table in the EPCrisprBenchmark format",
        )
    kinds = sorted(set(table["CellType"]))
    if cell_type is None and len(kinds) > 1:
        raise ClasterError(
            f"CRISPR pairs ({path}) are of {len(kinds)} cell types: {', '.join(kinds)}",
            remedy="choose the run's with --cell-type",
        )
    if cell_type is not None:
        table = table[table["CellType"] == cell_type].reset_index(drop=True)
    if table.empty:
        raise ClasterError(
            f"CRISPR pairs ({path}) hold no pair" + (f" of {cell_type}" if cell_type else ""),
            remedy=f"the table's cell types are {', '.join(kinds) or 'none'}",
        )
    numbers = {
        name: pd.to_numeric(table[name].where(table[name].str.fullmatch(_POSITION)))
        for name in ("chromStart", "chromEnd", "startTSS")
    }
    truth = table["Regulated"].map(_TRUTH)
    unknown = table[["startTSS", "Regulated"]].isin(_UNKNOWN).any(axis=1)
    bad = (truth.isna() & ~unknown) | (numbers["chromStart"] >= numbers["chromEnd"])
    for name, values in numbers.items():
        bad |= (values < 0) | (values.isna() & ~(unknown & (name == "startTSS")))
    if bad.any():
        row = int(np.argmax(bad.to_numpy()))
        raise ClasterError(
            f"CRISPR pairs ({path}): row {row + 1} of {kinds[0] if cell_type is None else cell_type} has no "
            "coordinates, or its 'Regulated' is neither TRUE nor FALSE",
            remedy="correct or remove the row",
        )
    effects = table.get("EffectSize", pd.Series("", index=table.index))
    effect_size = pd.to_numeric(
        effects.mask(effects.isin([*_UNKNOWN, "NaN", "nan"])), errors="coerce"
    )
    if (wrong := ~np.isfinite(effect_size) & ~effects.isin([*_UNKNOWN, "NaN", "nan"])).any():
        raise ClasterError(
            f"CRISPR pairs ({path}): 'EffectSize' {effects[wrong].iloc[0]!r} is not a number",
            remedy="correct it, or write NA where it is not known",
        )
    start, end = (numbers[name].astype(np.int64) for name in ("chromStart", "chromEnd"))
    empty = pd.Series("", index=table.index)
    # Tables that were lifted over in Python come back with its own spelling.
    valid = table["ValidConnection"].replace("True", "TRUE")
    known = {name: column for name, column in MARKS.items() if column in table}
    if _POWER in table:
        known["power"] = _POWER
    told = {name: pd.to_numeric(table[column], errors="coerce") for name, column in known.items()}
    tss = numbers["startTSS"].fillna(-1).astype(np.int64)
    distance = ((start + end) // 2 - tss).abs().astype(np.float64)
    if "distanceToTSS" in table:
        given = pd.to_numeric(table["distanceToTSS"], errors="coerce").abs()
        distance = given.fillna(distance)
    return pd.DataFrame(
        {
            "element_id": table["chrom"] + ":" + start.astype(str) + "-" + end.astype(str),
            "chrom": table["chrom"],
            "start": start,
            "end": end,
            "symbol": table["measuredGeneSymbol"],
            "ensembl_id": table.get("measuredGeneEnsemblId", empty).str.replace(
                r"\.\d+$", "", regex=True
            ),
            "tss_chrom": table["chrTSS"],
            "table_tss": tss,
            "effect_size": effect_size,
            "regulated": truth.eq(other=True),
            "valid": valid.mask(unknown, "no TSS or truth"),
            "dataset": table.get("Dataset", table.get("Reference", empty)),
            "distance": distance,
            "ubiquitous": table.get("measuredGeneUbiquitousExpressed", empty)
            .map(_TRUTH)
            .astype(float),
            **told,
        }
    )


def _read_fields(path: Path) -> pd.DataFrame:
    """Return the fields of a tab-separated table with a header as text (`split_fields`)."""
    lines = text_lines(path, named="CRISPR pairs")
    rows = [split_fields(line, at_blanks=False) for line in lines]
    header = rows[0] if rows else []
    if twins := [name for name in _NEEDED if header.count(name) > 1]:
        raise ClasterError(
            f"CRISPR pairs ({path}) have two columns {twins[0]}", remedy="take one of them out"
        )
    filled = [(number, row) for number, row in enumerate(rows[1:], start=2) if any(row)]
    if longer := next((number for number, row in filled if len(row) > len(header)), None):
        raise ClasterError(
            f"CRISPR pairs ({path}), line {longer}: more fields than the header names",
            remedy="correct or remove the row",
        )
    fields = [row + [""] * (len(header) - len(row)) for _, row in filled]
    return pd.DataFrame(fields, columns=header, dtype=object)


def match_genes(pairs: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Find the dataset's gene of each pair (`genes_called`): by the ID of the table, else by its symbol.

    Parameters
    ----------
    pairs
        From `read_crispr_table`.
    genes
        The dataset's genes: `gene_id`, `name`, `tss`.

    Returns
    -------
    pandas.DataFrame
        `pairs` with `gene_id` (empty where no gene is called so, or several are) and
        `ambiguous` (several are).

    Raises
    ------
    ClasterError
        If most genes that are found lie elsewhere than in the table, as between two assemblies.
    """
    by_id = genes_called(genes, pairs["ensembl_id"].replace(_UNKNOWN, ""))
    by_symbol = genes_called(genes, pairs["symbol"])
    found = [one or other for one, other in zip(by_id, by_symbol, strict=True)]
    matched = pairs.assign(
        gene_id=[gene[0] if len(gene) == 1 else "" for gene in found],
        ambiguous=[len(gene) > 1 for gene in found],
    )
    known = matched[(matched["gene_id"] != "") & (matched["table_tss"] >= 0)]
    known = known.drop_duplicates("gene_id")
    tss = known["gene_id"].map(dict(zip(genes["gene_id"], genes["tss"], strict=True)))
    far = (tss - known["table_tss"]).abs()
    if len(far) and far.median() > _FAR:
        raise ClasterError(
            f"the TSSs of {len(far):,} genes lie elsewhere in the table, by {int(far.median()):,} bp in "
            "the median: it is of another assembly",
            remedy="lift the table over to the dataset's assembly first (UCSC liftOver)",
        )
    return matched
