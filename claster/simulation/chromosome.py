"""One chromosome of the toy genome: everything that is planted on it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.classes import draw_classes, link_classes
from claster.simulation.contacts import place_boundaries
from claster.simulation.elements import (
    MARKS,
    domain_height,
    draw_enhancers,
    draw_promoters,
    link_elements,
    place_elements,
    place_sites,
)
from claster.simulation.layout import (
    CLOSED_SHARE,
    Plan,
    place_blacklist,
    place_domains,
    place_genes,
)
from claster.simulation.sequence import motif_copies
from claster.simulation.streams import Purpose, stream


@dataclass(frozen=True, slots=True)
class Chromosome:
    """What lies on one chromosome.

    Attributes
    ----------
    name, number, size
        Name, number (from 0, the key of its random streams) and length in bp.
    genes
        Sorted by start: coordinates, heights of the marks, activity, gains, levels.
    elements
        Enhancers and decoys, sorted by centre.
    links
        Pairs of element and gene with distance and gain.
    ctcf, weak
        Sites with an ATAC peak and no role in transcription.
    domains
        Broad H3K27me3 domains.
    blacklist
        Artefact regions.
    boundaries, insulation
        Domain boundaries of the contact map.
    cell
        Which cells of this genome; the number is part of the keys of noise.
    """

    name: str
    number: int
    size: int
    genes: pd.DataFrame
    elements: pd.DataFrame
    links: pd.DataFrame
    ctcf: pd.DataFrame
    weak: pd.DataFrame
    domains: pd.DataFrame
    blacklist: pd.DataFrame
    boundaries: npt.NDArray[np.int64]
    insulation: npt.NDArray[np.float64]
    cell: int = 1

    @property
    def loops(self) -> pd.DataFrame:
        """Loops of the contact map: enhancer to promoter, and between domain boundaries."""
        tied = self.elements[self.elements["looped_gene"] >= 0]
        return pd.DataFrame(
            {
                "anchor1": np.concatenate(
                    [
                        self.genes["tss"].to_numpy()[tied["looped_gene"].to_numpy(dtype=int)],
                        self.boundaries[:-1],
                    ]
                ),
                "anchor2": np.concatenate([tied["centre"].to_numpy(), self.boundaries[1:]]),
                "strength": np.concatenate(
                    [tied["strength"].to_numpy(), np.full(max(self.boundaries.size - 1, 0), 3.0)]
                ),
            }
        )


def plant_chromosome(
    plan: Plan, number: int, *, seed: int, ruleset: rules.Rules = "contact", cell: int = 1
) -> Chromosome:
    """Place genes, elements and marks on chromosome `number` (from 0) and apply the rules.

    Places, states of genes, loops and sequence are those of the first cells; other ones have peaks of other
    heights.
    """
    name, size = list(plan.sizes.items())[number]
    genes = place_genes(
        stream(seed, Purpose.GENES, number),
        chrom=name,
        size=size,
        coding=plan.coding[number],
        noncoding=plan.noncoding[number],
        near_ends=plan.near_ends[number],
    )
    tss = genes["tss"].to_numpy()
    rng = stream(seed, Purpose.DOMAINS, number)
    domains, inside = place_domains(rng, size=size, tss=tss)
    genes["state"] = np.where(inside, "poised", "active")
    outside = rng.permutation(np.flatnonzero(~inside))
    genes.loc[outside[: round(CLOSED_SHARE * len(genes))], "state"] = "closed"
    genes = pd.concat(
        [genes, draw_promoters(stream(seed, Purpose.PROMOTERS, number), genes)], axis=1
    )

    rng = stream(seed, Purpose.ELEMENTS, number)
    elements = place_elements(rng, genes, domains, size)
    genes["motif_copies"] = motif_copies(
        rules.promoter_activity(*(genes[f"{mark}_ctrl"] for mark in MARKS[:3]))
    )
    if cell > 1:
        redrawn = stream(seed, Purpose.CELL, number, cell)
        genes = _with_heights(genes, draw_promoters(redrawn, genes))
        elements = _with_heights(elements, draw_enhancers(redrawn, len(elements)))
    boundaries, insulation = place_boundaries(stream(seed, Purpose.CONTACTS, number), size)
    if ruleset == "classes":
        genes, elements = draw_classes(stream(seed, Purpose.CLASSES, number), genes, elements)
        links, elements = link_classes(genes, elements, boundaries, insulation)
    else:
        if ruleset == "local":
            elements["kind"] = elements["kind"].replace("contact", "decoy")
        links = link_elements(genes, elements)
    occupied = np.concatenate((tss, elements["centre"].to_numpy(dtype=np.int64)))
    ctcf, weak = place_sites(rng, boundaries, occupied, size)
    return Chromosome(
        name=name,
        number=number,
        size=size,
        genes=_apply_rules(genes, links, domains),
        elements=elements,
        links=links,
        ctcf=ctcf,
        weak=weak,
        domains=domains,
        blacklist=place_blacklist(rng, chrom=name, size=size, tss=tss),
        boundaries=boundaries,
        insulation=insulation,
        cell=cell,
    )


def _with_heights(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: drawn[name] for name in drawn if not name.startswith("width_")})


def _apply_rules(genes: pd.DataFrame, links: pd.DataFrame, domains: pd.DataFrame) -> pd.DataFrame:
    genes = genes.copy()
    genes["H3K27me3"] = domain_height(domains, genes["tss"])
    genes["repression"] = rules.repression(genes["H3K27me3"])
    for condition in rules.CONDITIONS:
        genes[f"activity_{condition}"] = rules.promoter_activity(
            genes[f"ATAC_{condition}"],
            genes[f"H3K4me3_{condition}"],
            genes[f"H3K27ac_{condition}"],
        )
        genes[f"gain_{condition}"] = np.bincount(
            links["gene"], weights=links[f"gain_{condition}"], minlength=len(genes)
        )
        genes[f"level_{condition}"] = rules.gene_levels(
            genes[f"activity_{condition}"],
            genes["repression"],
            genes[f"gain_{condition}"],
            genes.get("ceiling", np.inf),
        )
    return genes
