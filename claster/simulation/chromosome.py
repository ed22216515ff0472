"""One chromosome of the toy genome: everything that is planted on it, and its sequence."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.classes import draw_classes, link_classes
from claster.simulation.contacts import place_boundaries
from claster.simulation.elements import (
    domain_height,
    draw_enhancers,
    draw_promoters,
    link_elements,
    place_elements,
    place_sites,
)
from claster.simulation.layout import (
    CLOSED_SHARE,
    UNKNOWN,
    FloatArray,
    IntArray,
    Plan,
    Purpose,
    place_blacklist,
    place_domains,
    place_genes,
    stream,
)

MOTIF = "CCGGAAGTGACG"
"""Planted at active promoters, the more copies the more active; on either strand."""

_LINE = 60
_COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")

_Letters = npt.NDArray[np.uint8]


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
    boundaries: IntArray
    insulation: FloatArray
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
    plan: Plan, *, seed: int, ruleset: rules.Rules = "contact", cell: int = 1
) -> Chromosome:
    """Place genes, elements and marks on a chromosome and apply the rules.

    Places, states of genes, loops and sequence are those of the first cells; other ones have peaks of other
    heights.
    """
    number, name, size = plan[:3]
    genes = place_genes(stream(seed, Purpose.GENES, number), plan)
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
    genes["motif_copies"] = _motif_copies(_activity(genes, "ctrl"))
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


def _activity(genes: pd.DataFrame, condition: str) -> FloatArray:
    return rules.promoter_activity(*(genes[f"{mark}_{condition}"] for mark in rules.MARKS[:3]))


def _with_heights(table: pd.DataFrame, drawn: pd.DataFrame) -> pd.DataFrame:
    return table.assign(**{name: drawn[name] for name in drawn if not name.startswith("width_")})


def _apply_rules(genes: pd.DataFrame, links: pd.DataFrame, domains: pd.DataFrame) -> pd.DataFrame:
    genes = genes.copy()
    genes["H3K27me3"] = domain_height(domains, genes["tss"])
    genes["repression"] = rules.repression(genes["H3K27me3"])
    for condition in rules.CONDITIONS:
        genes[f"activity_{condition}"] = _activity(genes, condition)
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


def _motif_copies(activity: npt.ArrayLike) -> IntArray:
    """Return how many copies (0 to 8) of the motif stand before genes of these activities."""
    copies = np.round(3.0 + 2.0 * np.log2(np.maximum(activity, 1e-9)))
    return np.clip(copies, 0, 8).astype(np.int64)


def write_fasta(path: Path, chromosomes: dict[str, _Letters]) -> None:
    """Write chromosomes (ASCII codes by name) as FASTA, with its .fai index beside it."""
    index = []
    with path.open("wb") as handle:
        for chrom, letters in chromosomes.items():
            handle.write(f">{chrom}\n".encode())
            index.append(f"{chrom}\t{letters.size}\t{handle.tell()}\t{_LINE}\t{_LINE + 1}\n")
            whole = letters.size // _LINE
            lines = np.full((whole, _LINE + 1), ord("\n"), dtype=np.uint8)
            lines[:, :_LINE] = letters[: whole * _LINE].reshape(whole, _LINE)
            handle.write(lines.tobytes())
            if letters.size > whole * _LINE:
                handle.write(letters[whole * _LINE :].tobytes() + b"\n")
    path.with_name(path.name + ".fai").write_text("".join(index), encoding="ascii")


def draw_sequence(rng: np.random.Generator, size: int, genes: pd.DataFrame) -> _Letters:
    """Draw the sequence of a chromosome of `size` bp: ASCII codes of A, C, G, T, N.

    42 % G and C, 64 % around start sites, motifs before genes (tss, strand, state, motif_copies); N for the
    first 10 kb.
    """
    letters = _letters(rng, size, 0.42)
    for tss, strand, state, copies in zip(
        genes["tss"], genes["strand"], genes["state"], genes["motif_copies"], strict=True
    ):
        if state != "closed":
            low, high = max(tss - 600, 0), min(tss + 600, size)
            letters[low:high] = _letters(rng, high - low, 0.64)
        side = 1 if strand == "+" else -1
        for copy in range(copies):
            # Slots of 40 bp keep copies apart.
            centre = tss - side * (40 + 40 * copy + int(rng.integers(0, 25)))
            word = MOTIF.encode()
            if rng.random() < 0.5:
                word = word.translate(_COMPLEMENT)[::-1]
            if 0 <= centre and centre + len(word) <= size:
                letters[centre : centre + len(word)] = np.frombuffer(word, dtype=np.uint8)
    letters[:UNKNOWN] = ord("N")
    return letters


def _letters(rng: np.random.Generator, size: int, gc: float) -> _Letters:
    table = np.zeros(256, dtype=np.uint8)
    edges = np.round(256 * np.array([0.0, (1 - gc) / 2, 0.5, 0.5 + gc / 2, 1.0])).astype(int)
    for letter, low, high in zip(b"ACGT", edges[:-1], edges[1:], strict=True):
        table[low:high] = letter
    return table[np.frombuffer(rng.bytes(size), dtype=np.uint8)]
