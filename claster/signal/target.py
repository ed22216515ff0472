"""Target profiles: nascent transcription in the bins around TSSs."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from claster.errors import ClasterError
from claster.genome.windows import Binning, Recipe
from claster.signal.intervals import ChromosomeSignal, Summary, window_means

FINE_BIN = 20
"""Width in bp of the bins that the Gaussian runs over, as published."""

_TRUNCATE = 4.0


def target_profiles(
    strands: Sequence[tuple[ChromosomeSignal, float]],
    tsss: np.ndarray,
    *,
    binning: Binning,
    smoothing: int = 0,
    summary: Summary = "mean_all",
    recipe: Recipe = "exact",
) -> np.ndarray:
    """Return the summed signal of the strands around many TSSs in genome orientation.

    With smoothing, a Gaussian runs over 20 bp bins that reach 4 standard deviations past both ends
    of the window, so no bin sees a wrapped, reflected or missing neighbour; then the fine bins are
    averaged. Without, each bin is read directly.

    The ``paper`` recipe averages fine bins too, but of ``(bins - 1) * size + 20`` bp centred on the TSS
    (TSS +- 200,010 bp): the Gaussian reflects at their ends, and the average looks forward and wraps. So
    bin k starts at ``tss - 10 + size * k``, and the last one is one fine bin of its own and the first ones
    of the window.

    Parameters
    ----------
    strands
        The chromosome in each file and the sign that makes its values positive: one file, or plus and
        minus; decoded as far as `target_reach` from the TSSs.
    tsss
        0-based, shape (genes,).
    binning
        Bin ``k`` is ``[tss + size * k - size / 2, tss + size * k + size / 2)``, k = -n..n.
    smoothing
        Standard deviation of the Gaussian in bp, 0 for none.
    summary
        See `window_means`.
    recipe
        ``exact``, or ``paper``, as published.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, bins): mean signal of each bin (reads), never negative.

    Raises
    ------
    ClasterError
        If the bin size is not a multiple of 20 bp where fine bins are needed.

    Notes
    -----
    Gaussian and average are one weighting of the fine bins, computed at the bins that are kept: it
    equals the two steps in turn except for rounding.

    References
    ----------
    RasmussenLab/CLASTER, scripts/1_Data_obtention.ipynb, ``create_landscape_arrays_and_targets.py``.
    """
    reach = target_reach(binning, smoothing=smoothing, recipe=recipe)
    starts = np.asarray(tsss, dtype=np.int64) - reach
    if recipe == "exact" and not smoothing:
        return _summed(strands, starts, binning.bins, binning.size, summary)
    if binning.size % FINE_BIN:
        raise ClasterError(
            f"target bins of {binning.size} bp are not a multiple of {FINE_BIN} bp, which smoothing needs",
            remedy=f"choose a multiple of {FINE_BIN} for 'target.bin' or 'smoothing: 0'",
        )
    from claster.signal import kernels

    fine = _summed(strands, starts, 2 * reach // FINE_BIN, FINE_BIN, summary)
    step = binning.size // FINE_BIN
    if recipe == "paper":
        smooth = gaussian_filter1d(fine, smoothing / FINE_BIN, axis=1) if smoothing else fine
        fine = np.pad(smooth, ((0, 0), (0, step - 1)), mode="wrap")
        weights = np.full(step, 1 / step)
    else:
        weights = _weights(smoothing / FINE_BIN, _flank(smoothing), step)
    profiles = np.empty((starts.size, binning.bins))
    kernels.weigh(fine, weights, step, profiles)
    return profiles


def target_reach(binning: Binning, *, smoothing: int, recipe: Recipe = "exact") -> int:
    """Return how many bp from the TSS the target reads: half the window and the Gaussian's flank.

    Examples
    --------
    >>> target_reach(Binning(401, 1000), smoothing=1000)
    204500
    >>> target_reach(Binning(401, 1000), smoothing=1000, recipe="paper")
    200010
    """
    if recipe == "paper":
        return ((binning.bins - 1) * binning.size + FINE_BIN) // 2
    return binning.half + _flank(smoothing) * FINE_BIN


def _flank(smoothing: int) -> int:
    return int(_TRUNCATE * smoothing / FINE_BIN + 0.5)


def _weights(sigma: float, flank: int, step: int) -> np.ndarray:
    """Return the Gaussian, cut at `flank` fine bins, averaged over the `step` fine bins of a bin."""
    gaussian = np.exp(-0.5 * (np.arange(-flank, flank + 1) / sigma) ** 2)
    return np.convolve(gaussian / gaussian.sum(), np.full(step, 1 / step))


def _summed(
    strands: Sequence[tuple[ChromosomeSignal, float]],
    starts: np.ndarray,
    bins: int,
    size: int,
    summary: Summary,
) -> np.ndarray:
    total = np.zeros((starts.size, bins))
    for signal, sign in strands:
        values = sign * window_means(signal, starts, bins=bins, size=size, summary=summary)
        total += np.maximum(values, 0.0)
    return total
