"""Where everything lies: chromosomes, genes, repressed domains, blacklisted regions; streams of chance."""

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.errors import ClasterError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

STEP = 20
"""Resolution of every simulated track, in bp."""

_EDGE = 600_000
"""Most transcription start sites keep this distance (bp) from both ends of their chromosome."""

UNKNOWN = 10_000
"""Every chromosome starts with this many bases of N, without reads."""

_SHORTEST_CHROMOSOME = 2_000_000
_ROOM_PER_GENE = 60_000
_GENE_SPACING = 3_000
_SHORTEST_GENE, _LONGEST_GENE = 2_000, 200_000
_NONCODING_SHARE = 0.15
_EDGE_SHARE = 0.03
CLOSED_SHARE = 0.24
_POISED_SHARE = 0.14
_OVERLAP_SHARE = 0.04


Purpose = IntEnum(
    "Purpose",
    "SIZES GENES DOMAINS PROMOTERS ELEMENTS CONTACTS SEQUENCE TRANSCRIPTS REGISTRY LANDSCAPE NOISE "
    "CLASSES CELL",
)
"""What a random stream is for; the number is part of the stream's key."""


def stream(seed: int, purpose: Purpose, *keys: int) -> np.random.Generator:
    """Return the generator of one purpose, the same whatever was drawn elsewhere before.

    Parameters
    ----------
    *keys
        Numbers that tell apart streams of one purpose: chromosome, track, condition.
    """
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), *keys)))


class Plan(NamedTuple):
    """How long a chromosome is (bp), and how many protein-coding and lincRNA genes lie on it.

    Up to 2 of them lie within 600 kb of its ends. Its number is from 0.
    """

    number: int
    name: str
    size: int
    coding: int
    noncoding: int
    near_ends: int


def plan_genome(*, seed: int, chromosomes: int, megabases: float, genes: int) -> list[Plan]:
    """Check the parameters and share bases and genes out among the chromosomes.

    Raises
    ------
    ClasterError
        If a number is out of its range, a chromosome gets too short, or the genes do not fit.
    """
    if seed < 0:
        raise ClasterError(f"seed is {seed}", remedy="choose a seed of 0 or more")
    if chromosomes < 1:
        raise ClasterError(
            f"chromosomes is {chromosomes}", remedy="ask for at least one chromosome"
        )
    if genes < chromosomes:
        raise ClasterError(
            f"{genes} genes for {chromosomes} chromosomes",
            remedy=f"ask for at least {chromosomes} genes or for fewer chromosomes",
        )
    if not np.isfinite(megabases) or megabases <= 0:
        raise ClasterError(f"megabases is {megabases}", remedy="ask for a size above 0")
    sizes = _chromosome_sizes(seed, chromosomes, megabases)
    shortest = min(sizes.values())
    if shortest < _SHORTEST_CHROMOSOME:
        least = np.ceil(10 * megabases * _SHORTEST_CHROMOSOME / shortest) / 10
        raise ClasterError(
            f"{megabases:g} Mb on {chromosomes} chromosomes makes one of {shortest:,} bp, "
            f"shorter than {_SHORTEST_CHROMOSOME:,} bp",
            remedy=f"ask for at least {least:g} Mb or for fewer chromosomes",
        )
    rooms = np.array([(size - 2 * _EDGE) // _ROOM_PER_GENE for size in sizes.values()], dtype=int)
    weights = np.array([size - 2 * _EDGE for size in sizes.values()], dtype=float)
    coding = _share(genes, weights)
    noncoding = _share(round(_NONCODING_SHARE * genes), weights)
    if np.any(coding + noncoding > rooms):
        most = int(genes * np.min(rooms / np.maximum(coding + noncoding, 1)))
        raise ClasterError(
            f"{genes} genes (and {int(noncoding.sum())} lincRNA genes) do not fit on "
            f"{megabases:g} Mb in {chromosomes} chromosomes",
            remedy=f"ask for about {max(most, 1)} genes or for more megabases",
        )
    edge = min(max(1, round(_EDGE_SHARE * genes)), 2 * chromosomes)
    near_ends = [edge // chromosomes + (i < edge % chromosomes) for i in range(chromosomes)]
    return [
        Plan(
            i,
            name,
            sizes[name],
            int(coding[i]),
            int(noncoding[i]),
            min(near_ends[i], int(coding[i])),
        )
        for i, name in enumerate(sizes)
    ]


def _chromosome_sizes(seed: int, chromosomes: int, megabases: float) -> dict[str, int]:
    rng = stream(seed, Purpose.SIZES)
    weights = np.linspace(1.1, 0.9, chromosomes) + rng.uniform(-0.01, 0.01, chromosomes)
    steps = np.floor(weights / weights.sum() * megabases * 1e6 / STEP).astype(int)
    steps[0] += round(megabases * 1e6) // STEP - int(steps.sum())
    return {f"chr{i + 1}": int(n) * STEP for i, n in enumerate(steps)}


def _share(total: int, weights: FloatArray) -> IntArray:
    exact = total * weights / weights.sum()
    shares = np.floor(exact).astype(np.int64)
    shares[np.argsort(shares - exact, kind="stable")[: total - int(shares.sum())]] += 1
    return shares


def place_genes(rng: np.random.Generator, plan: Plan) -> pd.DataFrame:
    """Place genes on one chromosome: clustered, on both strands, few overlapping.

    Returns
    -------
    pandas.DataFrame
        Sorted by start, 0-based half-open: chrom, start, end, strand, gene_type, tss (0-based
        position of the first base).
    """
    _, chrom, size, coding, noncoding, near_ends = plan
    count = coding + noncoding - near_ends
    room = size - 2 * _EDGE
    lengths = np.clip(rng.lognormal(np.log(17_500), 0.95, count), _SHORTEST_GENE, _LONGEST_GENE)
    free_share = 0.4
    longest = (1 - free_share) * room - _GENE_SPACING * (count + 1)
    if count and lengths.sum() > longest:
        lengths = np.maximum(_SHORTEST_GENE, lengths * longest / lengths.sum())
    free = room - lengths.sum() - _GENE_SPACING * (count + 1)
    gaps = rng.lognormal(0.0, 1.3, count + 1)
    gaps = _GENE_SPACING + gaps / gaps.sum() * free
    starts = _EDGE + np.cumsum(gaps[:-1]) + np.concatenate(([0], np.cumsum(lengths)[:-1]))[:count]
    ends = starts + lengths
    plus = rng.random(count) < 0.5
    for i in np.flatnonzero(rng.random(max(count - 1, 0)) < _OVERLAP_SHARE):
        # Only the far end moves, so that no start site comes near another one.
        if plus[i]:
            far = starts[i + 1] + 0.3 * (ends[i + 1] - starts[i + 1])
            ends[i] = max(ends[i], min(far, starts[i] + _LONGEST_GENE))
    for side in range(near_ends):
        length = float(rng.uniform(4_000, 80_000))
        start = float(rng.uniform(60_000, 300_000))
        if side == 1:
            start = size - start - length
        starts, ends = np.append(starts, start), np.append(ends, start + length)
        plus = np.append(plus, rng.random() < 0.5)
    shuffled = rng.permutation(
        np.array(["protein_coding"] * (coding - near_ends) + ["lincRNA"] * noncoding, dtype=object)
    )
    types = [*shuffled, *["protein_coding"] * near_ends]
    genes = pd.DataFrame(
        {
            "chrom": chrom,
            "start": np.round(starts).astype(np.int64),
            "end": np.round(ends).astype(np.int64),
            "strand": np.where(plus, "+", "-"),
            "gene_type": types,
        }
    ).sort_values("start", ignore_index=True)
    genes["tss"] = np.where(genes["strand"] == "+", genes["start"], genes["end"] - 1)
    return genes


def place_domains(
    rng: np.random.Generator, *, size: int, tss: IntArray
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Place broad H3K27me3 domains, around start sites and between genes.

    Returns
    -------
    domains : pandas.DataFrame
        start, end (20-100 kb apart), height (signal inside).
    inside : numpy.ndarray of bool
        Which of `tss` lie in a domain.
    """
    wanted = round(_POISED_SHARE * tss.size)
    inside = np.zeros(tss.size, dtype=bool)
    spans: list[tuple[int, int]] = []
    for i in rng.permutation(tss.size):
        if inside.sum() >= wanted:
            break
        if inside[i]:
            continue
        width = float(np.clip(rng.lognormal(np.log(45_000), 0.5), 20_000, 100_000))
        start = int(tss[i] - rng.uniform(0.25, 0.75) * width)
        caught = (tss > start - 3_000) & (tss < start + width + 3_000)
        if inside.sum() + caught.sum() > wanted + 1:
            continue
        inside |= caught
        spans.append((start, start + int(width)))
    for _ in range(round(size / 4_000_000)):
        width = float(np.clip(rng.lognormal(np.log(40_000), 0.5), 20_000, 100_000))
        start = int(rng.uniform(UNKNOWN, size - width))
        if not np.any((tss > start - 10_000) & (tss < start + width + 10_000)):
            spans.append((start, start + int(width)))
    spans.sort()
    domains = pd.DataFrame(spans, columns=["start", "end"], dtype=np.int64)
    domains["start"] = domains["start"].clip(lower=UNKNOWN)
    domains["end"] = domains["end"].clip(upper=size)
    domains["height"] = np.clip(rng.lognormal(np.log(8.0), 0.45, len(domains)), 3.0, 30.0)
    return domains, inside


def place_blacklist(
    rng: np.random.Generator, *, chrom: str, size: int, tss: IntArray
) -> pd.DataFrame:
    """Place two artefact regions: one near the start of the chromosome, one far from genes.

    Returns
    -------
    pandas.DataFrame
        chrom, start, end (2-8 kb apart), 0-based half-open.
    """
    first = int(rng.integers(UNKNOWN + 2_000, 40_000))
    candidates = rng.integers(_EDGE // 2, size - _EDGE // 2, 200)
    distance = np.abs(candidates[:, None] - tss[None, :]).min(axis=1, initial=size)
    second = int(candidates[np.argmax(distance)])
    starts = np.array([first, second], dtype=np.int64)
    widths = rng.integers(2_000, 8_000, 2)
    return pd.DataFrame({"chrom": chrom, "start": starts, "end": starts + widths})
