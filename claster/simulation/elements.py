"""Distal elements: enhancers near and far, decoys, CTCF sites, and the genes they act on."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.heights import domain_height, draw_enhancers
from claster.simulation.layout import UNKNOWN

CONTACT_NEAREST, CONTACT_FARTHEST = 50_000, 150_000
BEYOND_REACH = 25_000
"""Contact-dependent elements and decoys keep this distance (bp) from every start site."""

APART = 8_000
_ATTEMPTS = 12
_EDGE_OF_CHROMOSOME = 15_000

IntArray = npt.NDArray[np.int64]


def place_elements(
    rng: np.random.Generator, genes: pd.DataFrame, domains: pd.DataFrame, size: int
) -> pd.DataFrame:
    """Place enhancers and decoys on one chromosome.

    Parameters
    ----------
    rng
        Source of chance.
    genes
        tss, state ("active", ...) of its genes.
    domains
        H3K27me3 domains, which stay free of elements.
    size
        Length of the chromosome in bp.

    Returns
    -------
    pandas.DataFrame
        Sorted by centre: centre, start, end, kind ("proximal", "contact", "decoy"), looped_gene
        (row in `genes`, or -1), strength (of the loop), and the columns of `draw_enhancers`.
    """
    tss = genes["tss"].to_numpy()
    taken: list[tuple[int, int]] = []
    rows: list[tuple[int, str, int, float]] = []

    def settle(
        gene: int, distances: tuple[int, int], *, from_genes: int, from_others: int
    ) -> int | None:
        for _ in range(_ATTEMPTS):
            centre = int(tss[gene] + rng.choice((-1, 1)) * rng.uniform(*distances))
            if (
                UNKNOWN + _EDGE_OF_CHROMOSOME < centre < size - _EDGE_OF_CHROMOSOME
                and np.abs(tss - centre).min() >= from_genes
                and all(abs(centre - other) >= max(from_others, own) for other, own in taken)
                and domain_height(domains, [centre])[0] < 0.1
            ):
                taken.append((centre, from_others))
                return centre
        return None

    active = np.flatnonzero(genes["state"] == "active")
    for gene in active[rng.random(active.size) < 0.45].tolist():
        reach = (CONTACT_NEAREST, CONTACT_FARTHEST)
        centre = settle(gene, reach, from_genes=BEYOND_REACH, from_others=APART)
        if centre is not None:
            rows.append((centre, "contact", gene, float(rng.uniform(3.0, 9.0))))
    for gene in active.tolist():
        for _ in range(rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))):
            centre = settle(gene, (3_500, 17_000), from_genes=3_000, from_others=2_500)
            if centre is not None:
                rows.append((centre, "proximal", -1, 0.0))
    for gene in rng.choice(active, round(0.6 * active.size)).tolist() if active.size else []:
        reach = (BEYOND_REACH, CONTACT_FARTHEST)
        centre = settle(gene, reach, from_genes=BEYOND_REACH, from_others=APART)
        if centre is not None:
            rows.append((centre, "decoy", -1, 0.0))
    elements = pd.DataFrame(rows, columns=["centre", "kind", "looped_gene", "strength"])
    elements = pd.concat([elements, draw_enhancers(rng, len(elements))], axis=1)
    elements = elements.sort_values("centre", ignore_index=True)
    # As wide as the acetylated flanks reach: silencing an element must take all of its signal.
    half = np.round(330.0 * (1.0 + 2.5 * elements["width_H3K27ac"])).astype(np.int64)
    elements.insert(1, "start", elements["centre"] - half)
    elements.insert(2, "end", elements["centre"] + half)
    return elements


def place_sites(
    rng: np.random.Generator, boundaries: IntArray, occupied: IntArray, size: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Place CTCF sites (at domain boundaries and between) and weak open sites without any role.

    Returns
    -------
    ctcf, weak : pandas.DataFrame
        centre, height (of the ATAC peak).
    """
    between = rng.integers(UNKNOWN, size, max(1, size // 150_000))
    at_boundaries = boundaries + rng.integers(-2_000, 2_000, boundaries.size)
    ctcf = _free(np.concatenate((at_boundaries, between)), occupied, 3_000, size)
    weak = _free(rng.integers(UNKNOWN, size, max(1, size // 25_000)), occupied, 2_000, size)
    return (
        pd.DataFrame(
            {
                "centre": ctcf,
                "height": np.clip(rng.lognormal(np.log(30.0), 0.5, ctcf.size), 5.0, 150.0),
            }
        ),
        pd.DataFrame({"centre": weak, "height": rng.lognormal(np.log(4.0), 0.5, weak.size)}),
    )


def _free(centres: IntArray, occupied: IntArray, distance: int, size: int) -> IntArray:
    centres = np.unique(centres[(centres > UNKNOWN + 2_000) & (centres < size - 2_000)])
    others = np.sort(occupied)
    if not others.size:
        return centres
    at = np.searchsorted(others, centres)
    left = np.abs(centres - others[np.maximum(at - 1, 0)])
    right = np.abs(others[np.minimum(at, others.size - 1)] - centres)
    return centres[np.minimum(left, right) >= distance]


def link_elements(genes: pd.DataFrame, elements: pd.DataFrame) -> pd.DataFrame:
    """Tie every element to the genes it acts on, and every decoy to its nearest gene.

    Parameters
    ----------
    genes
        tss of the genes of one chromosome.
    elements
        What `place_elements` returns.

    Returns
    -------
    pandas.DataFrame
        One row for each pair: element, gene (row numbers), kind, distance (element centre minus TSS,
        bp), gain_ctrl, gain_a485.
    """
    tss = genes["tss"].to_numpy()
    pairs: list[tuple[int, int]] = []
    for number, (centre, kind, looped) in enumerate(
        zip(elements["centre"], elements["kind"], elements["looped_gene"], strict=True)
    ):
        distances = np.abs(tss - centre)
        if kind == "proximal":
            pairs += [(number, int(gene)) for gene in np.flatnonzero(distances < rules.REACH)]
        else:
            pairs.append((number, int(looped) if looped >= 0 else int(distances.argmin())))
    links = pd.DataFrame(pairs, columns=["element", "gene"], dtype=np.int64)
    chosen = elements.iloc[links["element"]].reset_index(drop=True)
    links["kind"] = chosen["kind"]
    links["distance"] = chosen["centre"].to_numpy() - tss[links["gene"]]
    for condition in rules.CONDITIONS:
        height = chosen[f"H3K27ac_{condition}"]
        links[f"gain_{condition}"] = np.select(
            [chosen["kind"] == "proximal", chosen["kind"] == "contact"],
            [
                rules.proximal_gain(height, links["distance"]),
                rules.contact_gain(height, chosen["strength"]),
            ],
            0.0,
        )
    return links
