"""The second rule set: classes of promoters and enhancers, insulation, saturation, and no loops.

Every distal element acts on every gene within 150 kb, whatever loops tie it to, by

    input  = 1.5 * (H3K27ac / 30)^0.5 * match * exp(-4 * insulation) / (1 + distance / 50 kb)
    gain   = sum of inputs / (1 + sum of inputs / ceiling)
    level  = 6 * activity * repression * (1 + gain)

where `match` is that of the gene's class to the element's, `insulation` sums the boundaries of the contact
map between the two, and inputs below 0.2 are none. Classes are drawn at random and show in the marks of both
conditions: a broad promoter has wide H3K4me3, an open enhancer much ATAC for its H3K27ac.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.layout import FloatArray, IntArray

MATCH = pd.DataFrame({"open": {"broad": 1.0, "sharp": 0.1}, "primed": {"broad": 0.1, "sharp": 1.0}})
"""Share of an enhancer's input that a promoter takes, by their classes."""

_CEILINGS = {"broad": 4.0, "sharp": 12.0}
"""Gain that a promoter comes near, however many enhancers it has."""

REACH = 150_000
_LEAST_INPUT = 0.2
_KINDS = ("decoy", "contact", "proximal")
_HALF_DISTANCE = 50_000.0
_WIDTHS = {"broad": 1.5, "sharp": 0.75}
_HEIGHTS = {"open": 1.7, "primed": 0.6}


def draw_classes(
    rng: np.random.Generator, genes: pd.DataFrame, elements: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give genes and elements their classes, and the marks that tell them.

    Returns
    -------
    genes, elements : pandas.DataFrame
        With `class`, and genes with `ceiling`; H3K4me3 of genes is wider or narrower, ATAC of elements higher
        or lower than it was. Every element is a ``decoy`` until `link_classes` finds a gene for it.
    """
    kind = rng.choice(list(_CEILINGS), len(genes))
    genes = genes.assign(**{"class": kind, "ceiling": pd.Series(kind).map(_CEILINGS).to_numpy()})
    genes["width_H3K4me3"] *= genes["class"].map(_WIDTHS)
    elements = elements.assign(
        **{"class": rng.choice(list(_HEIGHTS), len(elements)), "kind": "decoy"}
    )
    for condition in rules.CONDITIONS:
        elements[f"ATAC_{condition}"] *= elements["class"].map(_HEIGHTS)
    return genes, elements


def _enhancer_input(
    h3k27ac: npt.ArrayLike,
    distance: npt.ArrayLike,
    *,
    match: FloatArray,
    insulation: FloatArray,
) -> FloatArray:
    """Return what enhancers add to a gene before it saturates."""
    strength = 1.5 * np.sqrt(np.asarray(h3k27ac, dtype=float) / 30.0)
    near = 1.0 / (1.0 + np.abs(np.asarray(distance, dtype=float)) / _HALF_DISTANCE)
    found = strength * near * match * np.exp(-4.0 * insulation)
    reached = np.abs(np.asarray(distance)) <= REACH
    return np.where(reached & (found >= _LEAST_INPUT), found, 0.0)


def link_classes(
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    boundaries: IntArray,
    insulation: FloatArray,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tie every element to the genes it acts on, and those that act on none to their nearest gene.

    Parameters
    ----------
    genes, elements
        What `draw_classes` returns.
    boundaries, insulation
        See `claster.simulation.contacts.place_boundaries`.

    Returns
    -------
    links : pandas.DataFrame
        See `claster.simulation.elements.link_elements`; with `insulation` and `match`. `gain` is the input,
        and `kind` is ``contact`` beyond 20 kb.
    elements : pandas.DataFrame
        `kind` is that of the element's nearest gene among those that it acts on.
    """
    tss, centre = genes["tss"].to_numpy(), elements["centre"].to_numpy()
    away = np.abs(centre[:, None] - tss)
    near = away <= REACH
    near[np.arange(centre.size), away.argmin(axis=1)] = True
    element, gene = np.nonzero(near)
    total = np.concatenate(([0.0], np.cumsum(insulation)))
    crossed = np.abs(
        total[np.searchsorted(boundaries, centre[element])]
        - total[np.searchsorted(boundaries, tss[gene])]
    )
    of_gene = MATCH.index.get_indexer(genes["class"])[gene]
    of_element = MATCH.columns.get_indexer(elements["class"])[element]
    links = pd.DataFrame(
        {
            "element": element,
            "gene": gene,
            "distance": centre[element] - tss[gene],
            "insulation": crossed,
            "match": MATCH.to_numpy()[of_gene, of_element],
        }
    )
    for condition in rules.CONDITIONS:
        links[f"gain_{condition}"] = _enhancer_input(
            elements[f"H3K27ac_{condition}"].to_numpy()[element],
            links["distance"],
            match=links["match"],
            insulation=links["insulation"],
        )
    acts = links["gain_ctrl"] > 0
    links["kind"] = np.select(
        [~acts, links["distance"].abs() < rules.REACH], ["decoy", "proximal"], "contact"
    )
    busy = elements.index.isin(links["element"][acts])
    alone = ~busy[element] & (links["distance"].abs() == away.min(axis=1)[element])
    links = links[
        acts | (alone & ~links[alone].duplicated("element").reindex(links.index, fill_value=False))
    ]
    kinds = links.groupby("element")["kind"].agg(lambda found: max(found, key=_KINDS.index))
    return links.reset_index(drop=True), elements.assign(kind=kinds)
