"""The public tables of CRISPR interference: measured pairs of element and gene, and what tells them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.abc import power_law_contact
from claster.analysis.bootstrap import resample_loci
from claster.analysis.statistics import RECALL, score_groups
from claster.errors import ClasterError
from claster.genome.assembly import rename_chromosomes
from claster.genome.gene_names import genes_called
from claster.genome.rows import split_fields
from claster.genome.windows import Binning
from claster.text import read_table, text_lines

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
_KEYS = {"chrom": "chrom", "chromStart": "start", "chromEnd": "end", "measuredGeneSymbol": "symbol"}
_CONTACT = "3DContact"

_CLASSES = (0, 20_000, 50_000, 150_000)
_STRONG = 0.8
"""Power from which a pair that is not regulated says so."""


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
        Whose pairs; None where the table has one.

    Returns
    -------
    pandas.DataFrame
        `element_id` (``chrom:start-end``), `chrom`, `start`, `end` (0-based half-open), `symbol`,
        `ensembl_id` (without version; empty where unknown), `tss_chrom`, `table_tss` (-1 where unknown),
        `effect_size` (share of expression gained, -1 to ...; NaN where unknown), `regulated` (bool:
        significantly lowered by silencing), `valid` (``TRUE``, or why the pair does not count, ``NA`` as TSS
        or as truth among it), `dataset`, `distance` (bp, `distanceToTSS` of the table, else from the
        element's middle to the TSS), `ubiquitous` (1.0 for a gene that all cells have active, else 0.0; NaN
        where unknown) and, where the table has them, `power` (to see a change of 15 %), `DHS` and `H3K27ac`
        (reads per million).

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
    empty = pd.Series("", index=table.index)
    effects = table.get("EffectSize", empty)
    untold = effects.isin([*_UNKNOWN, "NaN", "nan"])
    effect_size = pd.to_numeric(effects.mask(untold), errors="coerce")
    if (wrong := ~np.isfinite(effect_size) & ~untold).any():
        raise ClasterError(
            f"CRISPR pairs ({path}): 'EffectSize' {effects[wrong].iloc[0]!r} is not a number",
            remedy="correct it, or write NA where it is not known",
        )
    start, end = (numbers[name].astype(np.int64) for name in ("chromStart", "chromEnd"))
    # Tables that were lifted over in Python come back with its own spelling.
    valid = table["ValidConnection"].replace("True", "TRUE")
    told = {
        name: pd.to_numeric(table[column], errors="coerce")
        for name, column in (MARKS | {"power": _POWER}).items()
        if column in table
    }
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


def rename_pairs(
    pairs: pd.DataFrame, *, sizes: Mapping[str, int], aliases: Mapping[str, str]
) -> pd.DataFrame:
    """Put the elements and TSSs of pairs onto an assembly's chromosome names (`rename_chromosomes`)."""
    of_tss = pairs[["tss_chrom"]].set_axis(["chrom"], axis=1)
    elements, tss = (
        rename_chromosomes(table, sizes=sizes, aliases=aliases) for table in (pairs, of_tss)
    )
    return elements.assign(tss_chrom=tss["chrom"])


def match_genes(pairs: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Find the dataset's gene of each pair (`genes_called`): by the ID of the table, else by its symbol.

    Parameters
    ----------
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


def add_contacts(
    pairs: pd.DataFrame, file: Path, *, aliases: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Join a table of contacts, and of other scores of the same pairs, to the pairs of a CRISPR table.

    Parameters
    ----------
    file
        Tab-separated with a header, plain or gzipped: `chrom`, `chromStart`, `chromEnd`,
        `measuredGeneSymbol` as in the CRISPR table, and a number in every other column.

    Returns
    -------
    pairs : pandas.DataFrame
        With the other columns, NaN where a pair is not in the file.
    names : list of str
        Those columns, but not distances.

    Raises
    ------
    ClasterError
        If the file is no such table, or has none of the pairs.
    """
    place = f"contacts of pairs ({file})"
    table = read_table(file, named="contacts of pairs", sep="\t", na_values=["", "NA"])
    if missing := [name for name in _KEYS if name not in table]:
        raise ClasterError(
            f"{place} lack the columns {', '.join(missing)}",
            remedy="name pairs as the CRISPR table does",
        )
    spelled = dict.fromkeys(pairs["chrom"], 0)
    table = rename_chromosomes(table.rename(columns=_KEYS), sizes=spelled, aliases=aliases)
    table = table.drop_duplicates([*_KEYS.values()])
    names = [
        name
        for name in table
        if name not in pairs
        and not name.startswith("distance")
        and pd.api.types.is_numeric_dtype(table[name])
    ]
    joined = pairs.merge(table[[*_KEYS.values(), *names]], on=[*_KEYS.values()], how="left")
    if not names or joined[names].isna().all(axis=None):
        raise ClasterError(
            f"{place} have a number for none of {len(pairs):,} pairs",
            remedy="give the contacts of this table's pairs",
        )
    return joined, names


def table_predictors(pairs: pd.DataFrame, columns: list[str]) -> dict[str, np.ndarray]:
    """Return what can be said of pairs without a model, ``distance`` first; larger is likelier.

    Parameters
    ----------
    pairs
        `distance` (bp) and, where the table has them, `DHS` and `H3K27ac` (reads per million) and `columns`.
    columns
        From `add_contacts`; the first that begins with ``3DContact`` is the contact of ABC.

    Returns
    -------
    dict of str to numpy.ndarray
        ``distance`` is -distance. ``H3K27ac / distance``, ``activity / distance`` (activity is the square
        root of DHS times H3K27ac), ``activity x power law`` and ``activity x contact``: the numerator of
        ABC, since a table names too few of a gene's elements for the sum below it.
    """
    known = [name for name in ("distance", *MARKS, *columns) if name in pairs]
    number = {name: pairs[name].to_numpy(dtype=np.float64) for name in known}
    distance = number["distance"]
    found = {"distance": -distance}
    if number.keys() >= MARKS.keys():
        near = np.maximum(distance, 1.0)
        activity = np.sqrt(number["DHS"] * number["H3K27ac"])
        found["H3K27ac / distance"] = number["H3K27ac"] / near
        found["activity / distance"] = activity / near
        found["activity x power law"] = activity * power_law_contact(distance)
        contact = next((name for name in columns if name.startswith(_CONTACT)), None)
        if contact is not None:
            found["activity x contact"] = activity * number[contact]
    return found | {name: number[name] for name in columns}


def score_subsets(
    pairs: pd.DataFrame, predictors: Mapping[str, np.ndarray], binning: Binning, *, seed: int
) -> pd.DataFrame:
    """Score all pairs together, by class of distance, by screen, and those with power.

    Parameters
    ----------
    pairs
        `chrom`, `table_tss`, `distance`, `regulated`, `dataset`, and `power` where it is known.
    binning
        The bins of the window that genes of a locus share.

    Returns
    -------
    pandas.DataFrame
        `score_groups` with `subset`: ``all``, ``0-20 kb``, ..., ``screen NAME`` and ``with power``
        (regulated, or at least 80 % power to see a change of 15 %).
    """
    resamples = resample_loci(pairs[["chrom"]].assign(tss=pairs["table_tss"]), binning, seed=seed)
    tables = score_groups(
        pairs["regulated"].to_numpy(), predictors, _subsets(pairs), resamples, recall=RECALL
    )
    return pd.concat(
        [table.assign(subset=name) for name, table in tables.items()], ignore_index=True
    )


def _subsets(pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    distance = pairs["distance"].to_numpy()
    subsets = {"all": np.ones(len(pairs), dtype=bool)}
    for low, high in zip(_CLASSES, [*_CLASSES[1:], np.inf], strict=True):
        name = f"{low / 1000:g}-{high / 1000:g} kb"
        if np.isinf(high):
            name = f"{low / 1000:g} kb and more"
        subsets[name] = (distance >= low) & (distance < high)
    for screen in sorted(set(pairs["dataset"]) - {""}):
        subsets[f"screen {screen}"] = (pairs["dataset"] == screen).to_numpy()
    if "power" in pairs:
        subsets["with power"] = (pairs["regulated"] | (pairs["power"] >= _STRONG)).to_numpy()
    return subsets
