"""Chromatin marks: heights of the peaks, the expected landscape, and the reads drawn from it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from claster.simulate.layout import UNKNOWN
from claster.simulate.streams import Purpose, stream
from claster.simulate.transcription import FloatArray
from claster.simulate.write import STEP

MARKS = ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")
SMOOTHING = 100
"""Standard deviation (bp) of the Gaussian that `smooth` lays over the noisy tracks."""


@dataclass(frozen=True, slots=True)
class Reads:
    """How deep a track was sequenced.

    Attributes
    ----------
    depth
        Fragments that cover a base where the signal is 1.
    fragment
        Length of a fragment in steps of 20 bp.
    dispersion
        Standard deviation of the log of the random field that makes counts overdispersed.
    """

    depth: float
    fragment: int
    dispersion: float


READS = {
    "ATAC": Reads(depth=2.0, fragment=5, dispersion=0.1),
    "H3K4me3": Reads(depth=2.0, fragment=10, dispersion=0.1),
    "H3K27ac": Reads(depth=2.0, fragment=10, dispersion=0.1),
    "H3K27me3": Reads(depth=2.5, fragment=10, dispersion=0.1),
    "nascent": Reads(depth=0.1, fragment=5, dispersion=0.6),
}

_PROMOTER_MEDIANS = {"ATAC": 60.0, "H3K4me3": 70.0, "H3K27ac": 45.0}
_CLOSED_MEDIANS = {"ATAC": 1.5, "H3K4me3": 1.0, "H3K27ac": 0.8}
_POISED_MEDIANS = {"ATAC": 12.0, "H3K4me3": 25.0, "H3K27ac": 3.0}
_SPREADS = {"ATAC": 0.55, "H3K4me3": 0.55, "H3K27ac": 0.6}


def draw_promoters(rng: np.random.Generator, genes: pd.DataFrame) -> pd.DataFrame:
    """Draw heights and widths of the peaks at start sites, in both conditions.

    Parameters
    ----------
    rng
        Source of chance.
    genes
        gene_type and state ("active", "closed" or "poised").

    Returns
    -------
    pandas.DataFrame
        <mark>_<condition> and width_<mark> (a factor near 1) for ATAC, H3K4me3 and H3K27ac.
        CBP/p300 inhibition takes about two thirds of H3K27ac and leaves the rest nearly alone.
    """
    count = len(genes)
    shared = rng.standard_normal(count)
    state = genes["state"].to_numpy()
    weaker = np.where(genes["gene_type"].to_numpy() == "lincRNA", 0.6, 1.0)
    drawn: dict[str, FloatArray] = {}
    for mark in ("ATAC", "H3K4me3", "H3K27ac"):
        median = np.select(
            [state == "closed", state == "poised"],
            [_CLOSED_MEDIANS[mark], _POISED_MEDIANS[mark]],
            _PROMOTER_MEDIANS[mark],
        )
        own = rng.standard_normal(count)
        latent = 0.85 * shared + np.sqrt(1 - 0.85**2) * own
        height = np.clip(median * weaker * np.exp(_SPREADS[mark] * latent), 0.2, 600.0)
        kept = {"ATAC": 0.95, "H3K4me3": 0.97, "H3K27ac": 0.35}[mark]
        drawn[f"{mark}_ctrl"] = height
        drawn[f"{mark}_a485"] = height * kept * np.exp(rng.normal(0.0, 0.08, count))
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


def expected_mark(
    mark: str,
    condition: str,
    *,
    size: int,
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    ctcf: pd.DataFrame,
    weak: pd.DataFrame,
    domains: pd.DataFrame,
    seed: int,
    key: int,
) -> FloatArray:
    """Return the expected signal of one mark on one chromosome.

    Parameters
    ----------
    mark
        "ATAC", "H3K4me3", "H3K27ac" or "H3K27me3".
    condition
        "ctrl" or "a485".
    size
        Length of the chromosome in bp.
    genes, elements, ctcf, weak, domains
        What lies on it.
    seed, key
        The user's seed and the number of the chromosome: the background is the same for all
        marks and conditions, apart from its depth.

    Returns
    -------
    numpy.ndarray
        Shape (size / 20,); about 1 where there is nothing, tens to hundreds at peaks.
    """
    steps = size // STEP
    signal = _background(stream(seed, Purpose.LANDSCAPE, key), steps)
    bodies = _active_bodies(genes, steps)
    if mark == "H3K27me3":
        texture = stream(seed, Purpose.LANDSCAPE, key, 1).standard_normal(steps // 25 + 1)
        texture = np.exp(0.25 * np.repeat(gaussian_filter1d(texture, 2.0) * 2.6, 25)[:steps])
        signal = 0.8 * signal * (1.0 - 0.6 * bodies)
        signal += domain_height(domains, (np.arange(steps) + 0.5) * STEP) * texture
    else:
        signal = signal * (1.0 + {"ATAC": 0.7, "H3K4me3": 0.05, "H3K27ac": 1.2}[mark] * bodies)
        _add_promoters(signal, mark, condition, genes)
        _add_enhancers(signal, mark, condition, elements)
        if mark == "ATAC":
            _add_peaks(signal, ctcf["centre"], ctcf["height"], 130.0)
            _add_peaks(signal, weak["centre"], weak["height"], 150.0)
        elif mark == "H3K27ac":
            _add_peaks(signal, weak["centre"], 0.3 * weak["height"], 400.0)
    signal[: UNKNOWN // STEP] = 0.0
    return signal


def add_artefacts(
    signal: FloatArray, blacklist: pd.DataFrame, rng: np.random.Generator
) -> FloatArray:
    """Return the signal with the absurd spikes of blacklisted regions."""
    spiked = signal.copy()
    for start, end in zip(blacklist["start"], blacklist["end"], strict=True):
        low, high = start // STEP, -(-end // STEP)
        spiked[low:high] += rng.lognormal(np.log(1_500.0), 0.6, high - low)
    return spiked


def sequence_reads(
    expected: FloatArray, reads: Reads, rng: np.random.Generator, *, smooth: bool
) -> npt.NDArray[np.float32]:
    """Draw reads from an expected signal and pile them up.

    Counts are Poisson around a rate with a random lognormal field (mean 1, grain 200 bp), so they
    are mildly overdispersed; fragments are centred on the step they were drawn at.

    Parameters
    ----------
    expected
        Expected signal, shape (steps,).
    reads
        Depth and fragment length.
    rng
        Source of chance.
    smooth
        Lay a Gaussian of 100 bp standard deviation over the result.

    Returns
    -------
    numpy.ndarray
        float32, same shape and scale as `expected`.
    """
    grain = 10
    field = rng.standard_normal(expected.size // grain + 1) * reads.dispersion
    field = np.repeat(np.exp(field - 0.5 * reads.dispersion**2), grain)[: expected.size]
    starts = rng.poisson(expected * field * (reads.depth / reads.fragment))
    total = np.concatenate(([0], np.cumsum(starts)))
    left = np.arange(expected.size) - (reads.fragment - 1) // 2
    right = np.minimum(left + reads.fragment, expected.size)
    coverage = (total[right] - total[np.maximum(left, 0)]) / reads.depth
    if smooth:
        coverage = gaussian_filter1d(coverage, SMOOTHING / STEP)
        coverage[coverage < 1e-3] = 0.0
    return coverage.astype(np.float32)


def _background(rng: np.random.Generator, steps: int) -> FloatArray:
    """Smooth positive field around 1: accessibility that varies over tens of kb."""
    coarse = rng.standard_normal(steps // 500 + 3)
    field = gaussian_filter1d(coarse, 3.0) * 3.2
    return np.exp(0.25 * np.interp(np.arange(steps) / 500.0, np.arange(coarse.size), field))


def _active_bodies(genes: pd.DataFrame, steps: int) -> FloatArray:
    """Mask (0 to 1) of transcribed bodies, by the level in control, with soft edges."""
    mask = np.zeros(steps)
    strength = genes["level_ctrl"] / (genes["level_ctrl"] + 2.0)
    for start, end, value in zip(genes["start"], genes["end"], strength, strict=True):
        span = slice(start // STEP, end // STEP + 1)
        mask[span] = np.maximum(mask[span], value)
    return gaussian_filter1d(mask, 20.0)


def _add_promoters(signal: FloatArray, mark: str, condition: str, genes: pd.DataFrame) -> None:
    side = np.where(genes["strand"] == "+", 1, -1)
    height = genes[f"{mark}_{condition}"].to_numpy()
    width = genes[f"width_{mark}"].to_numpy()
    tss = genes["tss"].to_numpy()
    if mark == "ATAC":
        _add_peaks(signal, tss - side * 60, height, 160.0 * width)
    elif mark == "H3K4me3":
        _add_peaks(signal, tss + side * 420, height, 330.0 * width)
        _add_peaks(signal, tss - side * 520, 0.55 * height, 250.0 * width)
        _add_peaks(signal, tss + side * 1_300, 0.25 * height, 500.0 * width)
    else:
        _add_peaks(signal, tss + side * 480, height, 350.0 * width)
        _add_peaks(signal, tss - side * 560, 0.6 * height, 300.0 * width)
        _add_peaks(signal, tss + side * 1_900, 0.35 * height, 800.0 * width)


def _add_enhancers(signal: FloatArray, mark: str, condition: str, elements: pd.DataFrame) -> None:
    centre = elements["centre"].to_numpy()
    height = elements[f"{mark}_{condition}"].to_numpy()
    width = elements[f"width_{mark}"].to_numpy()
    if mark == "ATAC":
        _add_peaks(signal, centre, height, 150.0 * width)
    elif mark == "H3K4me3":
        _add_peaks(signal, centre, height, 350.0 * width)
    else:
        _add_peaks(signal, centre - 330, 0.9 * height, 330.0 * width)
        _add_peaks(signal, centre + 330, 0.9 * height, 330.0 * width)


def _add_peaks(
    signal: FloatArray, centres: npt.ArrayLike, heights: npt.ArrayLike, sigmas: npt.ArrayLike
) -> None:
    rows = np.broadcast_arrays(
        np.asarray(centres, dtype=float),
        np.asarray(heights, dtype=float),
        np.asarray(sigmas, dtype=float),
    )
    for centre, height, sigma in zip(*(row.tolist() for row in rows), strict=True):
        low = max(int((centre - 4 * sigma) // STEP), 0)
        high = min(int((centre + 4 * sigma) // STEP) + 1, signal.size)
        offset = ((np.arange(low, high) + 0.5) * STEP - centre) / sigma
        signal[low:high] += height * np.exp(-0.5 * offset**2)
