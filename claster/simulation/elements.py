"""Distal elements: enhancers near and far, decoys, CTCF sites, and the genes they act on."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.layout import UNKNOWN, FloatArray, IntArray

_PROMOTERS = pd.DataFrame(
    {
        "ATAC": [60.0, 12.0, 1.5, 0.55, 0.95],
        "H3K4me3": [70.0, 25.0, 1.0, 0.55, 0.97],
        "H3K27ac": [45.0, 3.0, 0.8, 0.6, 0.35],
    },
    index=["active", "poised", "closed", "spread", "kept"],
)
"""Median heights by state, the spread of their logarithms, and what inhibition leaves of them."""


def draw_promoters(rng: np.random.Generator, genes: pd.DataFrame) -> pd.DataFrame:
    """Draw heights and widths of the peaks at start sites, in both conditions, by gene_type and state.

    Returns
    -------
    pandas.DataFrame
        <mark>_<condition> and width_<mark> (a factor near 1) for ATAC, H3K4me3 and H3K27ac.
        CBP/p300 inhibition takes about two thirds of H3K27ac and leaves the rest nearly alone.
    """
    count = len(genes)
    shared = rng.standard_normal(count)
    weaker = np.where(genes["gene_type"].to_numpy() == "lincRNA", 0.6, 1.0)
    drawn: dict[str, FloatArray] = {}
    for mark, of_mark in _PROMOTERS.items():
        median = genes["state"].map(of_mark).to_numpy()
        own = rng.standard_normal(count)
        latent = 0.85 * shared + np.sqrt(1 - 0.85**2) * own
        height = np.clip(median * weaker * np.exp(of_mark["spread"] * latent), 0.2, 600.0)
        drawn[f"{mark}_ctrl"] = height
        drawn[f"{mark}_a485"] = height * of_mark["kept"] * np.exp(rng.normal(0.0, 0.08, count))
        drawn[f"width_{mark}"] = np.exp(rng.normal(0.0, 0.2, count))
    return pd.DataFrame(drawn, index=genes.index)


def draw_enhancers(rng: np.random.Generator, count: int) -> pd.DataFrame:
    """Draw heights and widths of the peaks at `count` distal elements, in both conditions.

    Returns
    -------
    pandas.DataFrame
        The columns of `draw_promoters`; H3K4me3 is low, and inhibition leaves about a fifth of
        H3K27ac.
    """
    shared = rng.standard_normal(count)
    acetyl = np.clip(30.0 * np.exp(0.55 * shared), 8.0, 200.0)
    heights = {
        "ATAC": np.clip(
            32.0 * np.exp(0.5 * (0.7 * shared + 0.714 * rng.standard_normal(count))), 6.0, 200.0
        ),
        "H3K4me3": 0.07 * acetyl * np.exp(rng.normal(0.0, 0.3, count)),
        "H3K27ac": acetyl,
    }
    kept = {"ATAC": 0.92, "H3K4me3": 0.9, "H3K27ac": 0.2}
    drawn: dict[str, FloatArray] = {}
    for mark, height in heights.items():
        drawn[f"{mark}_ctrl"] = height
        drawn[f"{mark}_a485"] = height * kept[mark] * np.exp(rng.normal(0.0, 0.15, count))
        drawn[f"width_{mark}"] = np.exp(rng.normal(0.0, 0.15, count))
    return pd.DataFrame(drawn)


def domain_height(domains: pd.DataFrame, positions: npt.ArrayLike) -> FloatArray:
    """Return the height of H3K27me3 domains at positions in bp; the edges are 1 kb soft."""
    where = np.asarray(positions, dtype=float)
    height = np.zeros(where.shape)
    for start, end, top in zip(domains["start"], domains["end"], domains["height"], strict=True):
        near = (where > start - 12_000) & (where < end + 12_000)
        inside = where[near]
        rise = 1.0 / (1.0 + np.exp(-(inside - start) / 1_000.0))
        fall = 1.0 / (1.0 + np.exp((inside - end) / 1_000.0))
        height[near] = np.maximum(height[near], top * rise * fall)
    return height


_CONTACT_NEAREST, _CONTACT_FARTHEST = 50_000, 150_000
_BEYOND_REACH = 25_000
"""Contact-dependent elements and decoys keep this distance (bp) from every start site."""

_APART = 8_000
_ATTEMPTS = 12
_EDGE_OF_CHROMOSOME = 15_000


def place_elements(
    rng: np.random.Generator, genes: pd.DataFrame, domains: pd.DataFrame, size: int
) -> pd.DataFrame:
    """Place enhancers and decoys on a chromosome of `size` bp; H3K27me3 domains stay free of them.

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
        kind: str, gene: int, distances: tuple[int, int], from_genes: int, from_others: int
    ) -> None:
        for _ in range(_ATTEMPTS):
            centre = int(tss[gene] + rng.choice((-1, 1)) * rng.uniform(*distances))
            if (
                UNKNOWN + _EDGE_OF_CHROMOSOME < centre < size - _EDGE_OF_CHROMOSOME
                and np.abs(tss - centre).min() >= from_genes
                and all(abs(centre - other) >= max(from_others, own) for other, own in taken)
                and domain_height(domains, [centre])[0] < 0.1
            ):
                taken.append((centre, from_others))
                tied = (gene, float(rng.uniform(3.0, 9.0))) if kind == "contact" else (-1, 0.0)
                rows.append((centre, kind, *tied))
                return

    active = np.flatnonzero(genes["state"] == "active")
    for gene in active[rng.random(active.size) < 0.45].tolist():
        settle("contact", gene, (_CONTACT_NEAREST, _CONTACT_FARTHEST), _BEYOND_REACH, _APART)
    for gene in active.tolist():
        for _ in range(rng.choice(4, p=(0.35, 0.35, 0.2, 0.1))):
            settle("proximal", gene, (3_500, 17_000), 3_000, 2_500)
    for gene in rng.choice(active, round(0.6 * active.size)).tolist() if active.size else []:
        settle("decoy", gene, (_BEYOND_REACH, _CONTACT_FARTHEST), _BEYOND_REACH, _APART)
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
    return centres[nearest_distance(centres, occupied) >= distance]


def nearest_distance(positions: IntArray, others: IntArray) -> npt.NDArray:
    """Return how far (bp) the nearest of `others`, in any order, is from each position; inf without any."""
    if not others.size:
        return np.full(positions.size, np.inf)
    others = np.sort(others)
    at = np.searchsorted(others, positions)
    left = np.abs(positions - others[np.maximum(at - 1, 0)])
    right = np.abs(others[np.minimum(at, others.size - 1)] - positions)
    return np.minimum(left, right)


def link_elements(genes: pd.DataFrame, elements: pd.DataFrame) -> pd.DataFrame:
    """Tie every element (`place_elements`) to the genes it acts on, and every decoy to its nearest gene.

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
