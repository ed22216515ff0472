"""The truth behind the tracks: gene table, element table, noise-free profiles."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.elements import MARKS
from claster.simulation.write import STEP

BIN = 1_000
_FARTHEST_BIN = 200
_PROFILE_COLUMNS = tuple(str(k) for k in range(-_FARTHEST_BIN, _FARTHEST_BIN + 1))


def binned_means(
    signal: npt.NDArray[np.floating], edges: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return means over bins between consecutive edges, over all their bases.

    Parameters
    ----------
    signal
        Signal at steps of 20 bp.
    edges
        Bin edges in bp, increasing along the last axis.

    Returns
    -------
    numpy.ndarray
        One mean a bin; NaN where the bin reaches beyond the signal.
    """
    total = np.concatenate(([0.0], np.cumsum(signal, dtype=np.float64))) * STEP
    inside = (edges >= 0) & (edges <= signal.size * STEP)
    at = np.interp(edges, np.arange(total.size) * STEP, total)
    means = np.diff(at, axis=-1) / np.diff(edges, axis=-1)
    means[~(inside[..., :-1] & inside[..., 1:])] = np.nan
    return means


def profiles(
    genes: pd.DataFrame, signal: dict[str, npt.NDArray[np.floating]], condition: str
) -> pd.DataFrame:
    """Return the noise-free profile of every gene of one chromosome.

    Parameters
    ----------
    genes
        gene_id, tss.
    signal
        Expected "plus" and "minus" transcription, at steps of 20 bp.
    condition
        "ctrl" or "a485".

    Returns
    -------
    pandas.DataFrame
        gene_id, condition and 401 columns "-200" to "200": mean of both strands' sum over
        [tss + 1000 k - 500, tss + 1000 k + 500); NaN beyond the ends of the chromosome.
    """
    offsets = np.arange(-_FARTHEST_BIN, _FARTHEST_BIN + 2) * BIN - BIN // 2
    edges = genes["tss"].to_numpy()[:, None] + offsets
    both = signal["plus"].astype(np.float64) + signal["minus"].astype(np.float64)
    table = pd.DataFrame(binned_means(both, edges), columns=list(_PROFILE_COLUMNS))
    table.insert(0, "gene_id", genes["gene_id"].to_numpy())
    table.insert(1, "condition", condition)
    return table


def gene_table(genes: pd.DataFrame) -> pd.DataFrame:
    """Return what is planted for each gene, in the columns of truth/genes.tsv."""
    columns = ["gene_id", "gene_name", "gene_type", "chrom", "start", "end", "strand", "tss"]
    columns.append("state")
    for condition in rules.CONDITIONS:
        columns += [f"{mark}_{condition}" for mark in MARKS[:3]]
    columns += ["H3K27me3", "repression"]
    for condition in rules.CONDITIONS:
        columns += [f"{name}_{condition}" for name in ("activity", "gain", "level")]
    columns += [name for name in ("motif_copies", "class", "ceiling") if name in genes]
    return genes[columns]


def element_table(genes: pd.DataFrame, elements: pd.DataFrame, links: pd.DataFrame) -> pd.DataFrame:
    """Return each pair of element and gene with its true effect, as in truth/elements.tsv.

    Parameters
    ----------
    genes, elements
        Of one chromosome; elements with element_id.
    links
        What `claster.simulation.elements.link_elements` returns.
    """
    gene = genes.iloc[links["gene"]].reset_index(drop=True)
    element = elements.iloc[links["element"]].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "element_id": element["element_id"],
            "chrom": gene["chrom"],
            "start": element["start"],
            "end": element["end"],
            "kind": links["kind"],
            "gene_id": gene["gene_id"],
            "distance": links["distance"],
            "loop_strength": element["strength"],
        }
    )
    if "class" in element:
        table["class"] = element["class"]
        table[["match", "insulation"]] = links[["match", "insulation"]]
    ceiling = gene.get("ceiling", np.inf)
    for condition in rules.CONDITIONS:
        gain = links[f"gain_{condition}"]
        table[f"H3K27ac_{condition}"] = element[f"H3K27ac_{condition}"]
        table[f"gain_{condition}"] = gain
        table[f"effect_log2_{condition}"] = rules.silencing_effect(
            gain, gene[f"gain_{condition}"], ceiling
        )
    return table
