"""Reads drawn from an expected signal."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from claster.simulation.transcription import FloatArray
from claster.simulation.write import STEP

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
    "nascent": Reads(depth=0.11, fragment=5, dispersion=0.6),
}


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
