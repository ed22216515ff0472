"""Signal at 20 bp steps, written as bigWig."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyBigWig

STEP = 20
"""Resolution of every simulated track, in bp."""

_SHORTEST_GAP = 25
"""Runs of at least this many zero steps (500 bp) are left out of the file."""


def covered_runs(values: npt.NDArray[np.floating], *, gap: int) -> list[tuple[int, int]]:
    """Return the stretches that are left when long runs of zeros are taken out.

    Parameters
    ----------
    values
        Signal, one number a step.
    gap
        Number of zeros in a row from which on a run is left out.

    Returns
    -------
    list of (int, int)
        Half-open ranges of steps; each starts and ends with a value other than zero.
    """
    filled = np.flatnonzero(values)
    if not filled.size:
        return []
    breaks = np.flatnonzero(np.diff(filled) > gap)
    starts = filled[np.concatenate(([0], breaks + 1))]
    ends = filled[np.concatenate((breaks, [filled.size - 1]))] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def write_bigwig(
    path: Path,
    chrom_sizes: dict[str, int],
    signals: Iterable[tuple[str, npt.NDArray[np.floating]]],
) -> None:
    """Write signal at steps of 20 bp as a bigWig with zoom levels.

    Parameters
    ----------
    chrom_sizes
        Lengths in bp, each a multiple of 20, in the order of `signals`.
    signals
        Chromosome name and signal, of shape (length / 20,), in the order of `chrom_sizes`.
    """
    track = pyBigWig.open(str(path), "w")
    try:
        track.addHeader(list(chrom_sizes.items()))
        for chrom, signal in signals:
            values = np.ascontiguousarray(signal, dtype=np.float32)
            for start, end in covered_runs(values, gap=_SHORTEST_GAP):
                track.addEntries(
                    chrom, start * STEP, values=values[start:end], span=STEP, step=STEP
                )
    finally:
        track.close()
