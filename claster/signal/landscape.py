"""What windows hold: landscapes, tracks in their bins, and targets, transcription around their TSSs."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from scipy.ndimage import gaussian_filter1d

from claster.errors import ClasterError
from claster.genome.windows import Binning, Recipe
from claster.signal.bigwig import TrackReader
from claster.signal.intervals import ChromosomeSignal, Summary, window_means

Transform = Literal["none", "sqrt", "log1p", "log1p_10x", "asinh"]

_SCALES: dict[Transform, tuple[Callable, Callable]] = {
    "none": (lambda x: x, lambda y: y),
    "sqrt": (lambda x: np.copysign(np.sqrt(np.abs(x)), x), lambda y: y * np.abs(y)),
    "log1p": (np.log1p, np.expm1),
    "log1p_10x": (lambda x: np.log1p(10 * x), lambda y: np.expm1(y) / 10),
    "asinh": (np.arcsinh, np.sinh),
}
"""Each transform and its inverse."""

FINE_BIN = 20
"""Width in bp of the bins that the Gaussian runs over, as published."""

_TRUNCATE = 4.0


def rescaled(signal: np.ndarray, pairs: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return signal as another data set has it, by pairs of a value here and the same value there.

    Between two pairs, and beyond the first and the last, y = a x^b. So one pair is a factor, and two are
    the two anchors, background and peaks, of S3norm (Xiang et al., Nucleic Acids Research 48:e43, 2020).

    Parameters
    ----------
    signal
        Any shape; values up to 0 become 0.
    pairs
        Both rise.

    Examples
    --------
    >>> rescaled(np.array([0.0, 1.0, 2.0, 4.0]), [(1, 1), (2, 4)]).round(9).tolist()
    [0.0, 1.0, 4.0, 16.0]
    >>> rescaled(np.array([1.0, 2.0]), [(4, 2)]).tolist()
    [0.5, 1.0]
    """
    x, y = np.log(np.asarray(pairs, dtype=float)).T
    slopes = np.diff(y) / np.diff(x) if len(x) > 1 else np.ones(1)
    level = np.log(signal, out=np.full(signal.shape, -np.inf), where=signal > 0)
    segment = np.clip(np.searchsorted(x, level) - 1, 0, len(slopes) - 1)
    return np.exp(y[segment] + slopes[segment] * (level - x[segment]))


def transformed(
    signal: np.ndarray,
    transform: Transform,
    *,
    floor: float | None = None,
    clip: float | None = None,
    divisor: float = 1.0,
) -> np.ndarray:
    """Return signal on the scale that is stored.

    Parameters
    ----------
    signal
        Means or sums a bin; for logarithms not negative.
    transform
        As it is, the root with the sign of x, log(x + 1), log(10 x + 1), or asinh(x).
    floor
        Smaller values are set to 0 first.
    clip
        Larger values are set to this.
    divisor
        Then values are divided by this.
    """
    if floor is not None:
        signal = np.where(signal < floor, 0, signal)
    if clip is not None:
        signal = np.minimum(signal, clip)
    if divisor != 1:
        signal = signal / divisor
    return _SCALES[transform][0](signal)


def restored(stored: np.ndarray, transform: Transform, *, divisor: float = 1.0) -> np.ndarray:
    """Return stored values as signal: the inverse of `transformed`, but for its floor and clip.

    Examples
    --------
    >>> restored(transformed(np.array([0.0, 3.0]), "log1p"), "log1p").tolist()
    [0.0, 3.0]
    """
    signal = _SCALES[transform][1](stored)
    return signal if divisor == 1 else signal * divisor


def landscapes(
    signals: Sequence[ChromosomeSignal],
    tsss: np.ndarray,
    *,
    binning: Binning,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the tracks around many TSSs of one chromosome in genome orientation.

    Parameters
    ----------
    signals
        The chromosome in each track, one a row.
    tsss
        0-based, shape (genes,).
    binning
        The bins; bin ``i`` is ``[tss - half + i * size, +size)``.
    summary
        See `window_means`.

    Returns
    -------
    numpy.ndarray
        float32, shape (genes, tracks, bins), negative means set to 0 as published.
    """
    starts = np.asarray(tsss, dtype=np.int64) - binning.half
    array = np.empty((starts.size, len(signals), binning.bins), np.float32)
    for row, signal in enumerate(signals):
        means = window_means(signal, starts, bins=binning.bins, size=binning.size, summary=summary)
        np.maximum(means, 0.0, out=array[:, row], casting="same_kind")
    return array


def landscape(
    tracks: Sequence[TrackReader],
    chrom: str,
    tss: int,
    *,
    binning: Binning,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the tracks around one TSS in genome orientation: what `landscapes` gives, bit for bit.

    Parameters
    ----------
    tracks
        Open bigWig files, one a row.
    chrom, tss
        The assembly's chromosome and the TSS (0-based).
    binning, summary
        See `landscapes`.

    Returns
    -------
    numpy.ndarray
        float32, shape (tracks, bins), negative means set to 0 as published.
    """
    signals = [track.signal(chrom, span=binning.span(tss)) for track in tracks]
    return landscapes(signals, np.array([tss]), binning=binning, summary=summary)[0]


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
