"""Which elements are tried on which genes, and how far apart they are."""

import numpy as np
import pandas as pd

__all__ = ["PAIR_COLUMNS", "combine_pairs", "describe_pairs", "pair_elements"]

PAIR_COLUMNS = [
    "gene_id",
    "gene_name",
    "chrom",
    "gene_start",
    "gene_end",
    "strand",
    "tss",
    "element_id",
    "start",
    "end",
]


def pair_elements(genes: pd.DataFrame, elements: pd.DataFrame, *, reach: int) -> pd.DataFrame:
    """Return every element that lies whole within reach of a TSS, for every gene.

    Parameters
    ----------
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end`, `strand`, `tss` (bp, 0-based half-open).
    elements
        Columns `element_id`, `chrom`, `start`, `end`, ordered by start within a chromosome.
    reach
        An element within ``[tss - reach, tss + reach)`` counts.

    Returns
    -------
    pandas.DataFrame
        The columns of `PAIR_COLUMNS` (`start`, `end`: the element's), a pair a row, genes in their order
        and elements by start.
    """
    of_chromosome = {str(chrom): rows for chrom, rows in elements.groupby("chrom", sort=False)}
    gene_rows, element_rows = [], []
    for row, gene in enumerate(genes.itertuples(index=False)):
        near = of_chromosome.get(str(gene.chrom))
        if near is None:
            continue
        low, high = np.searchsorted(near["start"], [gene.tss - reach, gene.tss + reach])
        found = near.iloc[low:high]
        index = found.index[found["end"].to_numpy() <= gene.tss + reach]
        gene_rows += [row] * len(index)
        element_rows += index.tolist()
    left = genes.iloc[gene_rows].rename(
        columns={"name": "gene_name", "start": "gene_start", "end": "gene_end"}
    )
    right = elements.loc[element_rows, ["element_id", "start", "end"]]
    together = pd.concat([left.reset_index(drop=True), right.reset_index(drop=True)], axis=1)
    return together[PAIR_COLUMNS]


def describe_pairs(pairs: pd.DataFrame, genes: pd.DataFrame) -> pd.DataFrame:
    """Add what lies between gene and element.

    Parameters
    ----------
    pairs
        The columns of `PAIR_COLUMNS`.
    genes
        All genes that may lie between, with `chrom` and `tss`.

    Returns
    -------
    pandas.DataFrame
        `pairs` with `width` (bp), `distance` (bp from the TSS to the element's middle, genome
        orientation), `gene_distance` (the same in the gene's orientation: negative is upstream) and
        `genes_between` (TSSs of other genes between the TSS and the element's middle).
    """
    middle = (pairs["start"] + pairs["end"]) // 2
    distance = middle - pairs["tss"]
    between = np.zeros(len(pairs), dtype=np.int64)
    for chrom, rows in pairs.groupby("chrom").indices.items():
        tss = np.sort(genes.loc[genes["chrom"] == chrom, "tss"].to_numpy())
        own, other = pairs["tss"].to_numpy()[rows], middle.to_numpy()[rows]
        low, high = np.minimum(own, other), np.maximum(own, other)
        # The own TSS is one end of the stretch; genes that share it lie on its edge, not between.
        after = np.searchsorted(tss, low, side="right")
        between[rows] = (np.searchsorted(tss, high, side="left") - after).clip(min=0)
    return pairs.assign(
        width=pairs["end"] - pairs["start"],
        distance=distance,
        gene_distance=distance.where(pairs["strand"] == "+", -distance),
        genes_between=between,
    )


def combine_pairs(pairs: pd.DataFrame, listed: pd.DataFrame | None) -> pd.DataFrame:
    """Return two elements of one gene a row.

    Parameters
    ----------
    pairs
        Gene and element a row.
    listed
        `element_id` and `partner_id` of those that are wanted; None takes every two of a gene.

    Returns
    -------
    pandas.DataFrame
        The columns of `pairs`, the partner's as `partner_id`, `partner_start`, `partner_end`. The
        element is the one that starts first.
    """
    partners = pairs[["gene_id", "element_id", "start", "end"]].assign(place=np.arange(len(pairs)))
    both = pairs.assign(place=np.arange(len(pairs))).merge(
        partners, on="gene_id", suffixes=("", "_of_partner")
    )
    both = both[both["place"] < both["place_of_partner"]]
    if listed is not None:
        wanted = {frozenset(names) for names in listed.itertuples(index=False, name=None)}
        names = zip(both["element_id"], both["element_id_of_partner"], strict=True)
        both = both[[frozenset(two) in wanted for two in names]]
    return (
        both.drop(columns=["place", "place_of_partner"])
        .rename(
            columns={
                "element_id_of_partner": "partner_id",
                "start_of_partner": "partner_start",
                "end_of_partner": "partner_end",
            }
        )
        .reset_index(drop=True)
    )
