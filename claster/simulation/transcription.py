"""The planted rules: what the marks say, and the nascent transcription that follows.

The level of a gene (reads per bp at the start of its body, in the units of the nascent tracks) is

    level = 6 * activity * repression * (1 + sum of enhancer gains)

    activity   = (ATAC / 60)^0.7 * (H3K4me3 / 70)^0.8 * (H3K27ac / 45)^0.3   promoter peak heights
    repression = 1 / (1 + (H3K27me3 / 2)^2)                    height of the domain at the TSS
    gain       = 0.8 * H3K27ac / 30 * reach(distance)          within 20 kb, full within 10 kb
    gain       = 1.0 * H3K27ac / 30 * strength / 5             where a loop ties element to TSS

and the same rule holds in both conditions, with the heights of that condition.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation.layout import STEP, FloatArray

Rules = Literal["contact", "local", "classes"]
"""`contact` is what stands above, `local` lacks the second gain, `classes` stands in `classes.py`."""

CONDITIONS = ("ctrl", "a485")
MARKS = ("ATAC", "H3K4me3", "H3K27ac", "H3K27me3")
_FULL_REACH = 10_000
REACH = 20_000
_BASE_LEVEL = 6.0
BACKGROUND = 0.02
SILENT_LEVEL = 0.3
"""Genes below this level count as silent or nearly so."""


def promoter_activity(
    atac: npt.ArrayLike, h3k4me3: npt.ArrayLike, h3k27ac: npt.ArrayLike
) -> FloatArray:
    """Return promoter activity from the peak heights at the start site; 1 is a typical gene."""
    return (
        (np.asarray(atac, dtype=float) / 60.0) ** 0.7
        * (np.asarray(h3k4me3, dtype=float) / 70.0) ** 0.8
        * (np.asarray(h3k27ac, dtype=float) / 45.0) ** 0.3
    )


def repression(h3k27me3: npt.ArrayLike) -> FloatArray:
    """Return the factor (0 to 1) that H3K27me3 at the start site leaves of the activity."""
    return 1.0 / (1.0 + (np.asarray(h3k27me3, dtype=float) / 2.0) ** 2)


def reach(distance: npt.ArrayLike) -> FloatArray:
    """Return how much of its gain an enhancer keeps at a distance in bp.

    1 up to 10 kb, then falling along a cosine to 0 at 20 kb.
    """
    beyond = (np.abs(np.asarray(distance, dtype=float)) - _FULL_REACH) / (REACH - _FULL_REACH)
    return 0.5 * (1.0 + np.cos(np.pi * np.clip(beyond, 0.0, 1.0)))


def proximal_gain(h3k27ac: npt.ArrayLike, distance: npt.ArrayLike) -> FloatArray:
    """Return the gain of enhancers from their H3K27ac height and distance (bp) to the TSS."""
    return 0.8 * np.asarray(h3k27ac, dtype=float) / 30.0 * reach(distance)


def contact_gain(h3k27ac: npt.ArrayLike, strength: npt.ArrayLike) -> FloatArray:
    """Return the gain of looped enhancers from their H3K27ac height and the loop's strength.

    That is the contacts that the loop adds at its centre, in units of what the distance alone leads to.
    """
    return np.asarray(h3k27ac, dtype=float) / 30.0 * np.asarray(strength, dtype=float) / 5.0


def gene_levels(
    activity: npt.ArrayLike,
    repressed: npt.ArrayLike,
    gain: npt.ArrayLike,
    ceiling: npt.ArrayLike = np.inf,
) -> FloatArray:
    """Return the levels of genes from activity, repression factor and summed enhancer gain.

    `ceiling` is the gain that a gene comes near, however much its enhancers add.
    """
    return (
        _BASE_LEVEL
        * np.asarray(activity, dtype=float)
        * np.asarray(repressed, dtype=float)
        * (1.0 + _saturated(gain, ceiling))
    )


def _saturated(gain: npt.ArrayLike, ceiling: npt.ArrayLike) -> FloatArray:
    gain = np.asarray(gain, dtype=float)
    return gain / (1.0 + gain / np.asarray(ceiling, dtype=float))


def silencing_effect(
    gain: npt.ArrayLike, total: npt.ArrayLike, ceiling: npt.ArrayLike = np.inf
) -> FloatArray:
    """Return the log2 change of a gene's level when one of its elements is silenced.

    `total` is the gain of all its elements, this one included; see `gene_levels` for `ceiling`.
    """
    gain, total = np.asarray(gain, dtype=float), np.asarray(total, dtype=float)
    after, before = _saturated(total - gain, ceiling), _saturated(total, ceiling)
    return np.log2((1.0 + after) / (1.0 + before)) + 0.0


def body_shape(distance: FloatArray, length: int) -> FloatArray:
    """Return transcription along a gene of level 1, on its own strand.

    A peak behind the start site, a plateau that decays along the body (slower in genes of a large `length`
    in bp), and a tail past the end. `distance` is in bp from the TSS on, 0 or more.
    """
    rise = 1.0 - np.exp(-distance / 60.0)
    paused = 1.2 * np.exp(-distance / 600.0)
    scale = 25_000.0 + 0.5 * length
    plateau = 0.3 + 0.7 * np.exp(-np.minimum(distance, length) / scale)
    past = np.exp(-np.maximum(distance - length, 0.0) / tail_scale(length))
    return rise * (paused + plateau) * past


def tail_scale(length: int) -> float:
    """Return the decay length (bp) of transcription past the end of a gene of `length` bp."""
    return 1_500.0 + 3_500.0 * length / (length + 20_000.0)


def expected_nascent(
    genes: pd.DataFrame, elements: pd.DataFrame, size: int, condition: str
) -> dict[str, FloatArray]:
    """Return the expected nascent transcription of a chromosome of `size` bp in a condition ("ctrl", "a485").

    Parameters
    ----------
    genes
        start, end, strand, tss and level_<condition>.
    elements
        centre and H3K27ac_<condition> of enhancers, which carry short transcripts both ways.

    Returns
    -------
    dict
        "plus" and "minus": arrays of shape (size / 20,), positive on both strands.
    """
    signal = {side: np.full(size // STEP, BACKGROUND) for side in ("plus", "minus")}
    levels = genes[f"level_{condition}"].to_numpy()
    for tss, strand, start, end, level in zip(
        genes["tss"], genes["strand"], genes["start"], genes["end"], levels, strict=True
    ):
        ahead, own, other = (1, "plus", "minus") if strand == "+" else (-1, "minus", "plus")
        length = end - start
        span = length + 7 * tail_scale(length)
        _add_along(signal[own], tss, ahead, span, partial(body_shape, length=length), level)
        _add_along(signal[other], tss, -ahead, 4_000, _short_transcript, 0.25 * level)
    heights = elements[f"H3K27ac_{condition}"].to_numpy()
    for centre, height in zip(elements["centre"], heights, strict=True):
        for own, ahead in (("plus", 1), ("minus", -1)):
            _add_along(signal[own], centre, ahead, 3_000, _short_transcript, 0.02 * height)
    return signal


def _short_transcript(distance: FloatArray) -> FloatArray:
    """Antisense of promoters and both strands of enhancers."""
    return np.exp(-distance / 500.0) * (1.0 - np.exp(-distance / 80.0))


def _add_along(
    signal: FloatArray,
    origin: int,
    direction: int,
    span: float,
    shape: Callable[[FloatArray], FloatArray],
    height: float,
) -> None:
    """Add a shape that starts at `origin` and runs `span` bp onwards (1) or backwards (-1)."""
    steps = int(span // STEP) + 1
    first = origin // STEP
    low = max(first if direction == 1 else first - steps, 0)
    high = min(first + steps if direction == 1 else first + 1, signal.size)
    if low >= high:
        return
    distance = direction * ((np.arange(low, high, dtype=np.float64) + 0.5) * STEP - origin)
    reached = distance >= 0
    signal[low:high][reached] += height * shape(distance[reached])
