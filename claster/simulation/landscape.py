"""The expected landscape of each mark along a chromosome."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from claster.simulation.chromosome import Chromosome
from claster.simulation.heights import domain_height
from claster.simulation.layout import UNKNOWN
from claster.simulation.streams import Purpose, stream
from claster.simulation.transcription import FloatArray
from claster.simulation.write import STEP

_IN_BODIES = {"ATAC": 0.7, "H3K4me3": 0.05, "H3K27ac": 1.2}
"""By how much the background of a mark rises in transcribed bodies."""


def expected_mark(chromosome: Chromosome, mark: str, condition: str, *, seed: int) -> FloatArray:
    """Return the expected signal of one mark on one chromosome.

    Parameters
    ----------
    chromosome
        What lies on it.
    mark
        "ATAC", "H3K4me3", "H3K27ac" or "H3K27me3".
    condition
        "ctrl" or "a485".
    seed
        The user's seed; the background of a chromosome is the same for all marks and conditions.

    Returns
    -------
    numpy.ndarray
        Shape (size / 20,); about 1 where there is nothing, tens to hundreds at peaks.
    """
    steps = chromosome.size // STEP
    signal = _background(stream(seed, Purpose.LANDSCAPE, chromosome.number), steps)
    bodies = _active_bodies(chromosome.genes, steps)
    if mark == "H3K27me3":
        texture = _texture(stream(seed, Purpose.LANDSCAPE, chromosome.number, 1), steps)
        signal = 0.8 * signal * (1.0 - 0.6 * bodies)
        positions = (np.arange(steps) + 0.5) * STEP
        signal += domain_height(chromosome.domains, positions) * texture
    else:
        signal = signal * (1.0 + _IN_BODIES[mark] * bodies)
        _add_promoters(signal, mark, condition, chromosome.genes)
        _add_enhancers(signal, mark, condition, chromosome.elements)
        if mark == "ATAC":
            _add_peaks(signal, chromosome.ctcf["centre"], chromosome.ctcf["height"], 130.0)
            _add_peaks(signal, chromosome.weak["centre"], chromosome.weak["height"], 150.0)
        elif mark == "H3K27ac":
            _add_peaks(signal, chromosome.weak["centre"], 0.3 * chromosome.weak["height"], 400.0)
    signal[: UNKNOWN // STEP] = 0.0
    return signal


def _texture(rng: np.random.Generator, steps: int) -> FloatArray:
    """Positive field around 1 that makes the inside of domains uneven, by 500 bp."""
    coarse = gaussian_filter1d(rng.standard_normal(steps // 25 + 1), 2.0) * 2.6
    return np.exp(0.25 * np.repeat(coarse, 25)[:steps])


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
