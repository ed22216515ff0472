"""Target profiles: nascent transcription in the bins around TSSs."""

from collections.abc import Sequence

import numpy as np

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.signal.bigwig import BigWig
from claster.signal.chromosome import ChromosomeSignal
from claster.signal.means import Summary, window_means

__all__ = ["FINE_BIN", "target_profile", "target_profiles", "target_reach"]

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
) -> np.ndarray:
    """Return the summed signal of the strands around many TSSs in genome orientation.

    With smoothing, a Gaussian runs over 20 bp bins that reach 4 standard deviations past both ends
    of the window, so no bin sees a wrapped, reflected or missing neighbour; then the fine bins are
    averaged. Without, each bin is read directly.

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

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, bins): mean signal of each bin (reads), never negative.

    Raises
    ------
    ClasterError
        If a strand's values have the other sign than the dataset says, or the bin size is no
        multiple of 20 bp when smoothing.

    Notes
    -----
    Gaussian and average are one weighting of the fine bins, computed at the bins that are kept: it
    equals the two steps in turn except for rounding.
    """
    starts = np.asarray(tsss, dtype=np.int64) - binning.half
    if not smoothing:
        return _summed(strands, starts, binning.bins, binning.size, summary)
    if binning.size % FINE_BIN:
        raise ClasterError(
            f"target bins of {binning.size} bp are no multiple of {FINE_BIN} bp, which smoothing needs",
            remedy=f"choose a multiple of {FINE_BIN} for 'target.bin' or 'smoothing: 0'",
        )
    from claster.signal import kernels

    flank = _flank(smoothing)
    count = binning.width // FINE_BIN + 2 * flank
    fine = _summed(strands, starts - flank * FINE_BIN, count, FINE_BIN, summary)
    profiles = np.empty((starts.size, binning.bins))
    step = binning.size // FINE_BIN
    kernels.weigh(fine, _weights(smoothing / FINE_BIN, flank, step), step, profiles)
    return profiles


def target_profile(
    strands: Sequence[tuple[BigWig, float]],
    chrom: str,
    tss: int,
    *,
    binning: Binning,
    smoothing: int = 0,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the signal around one TSS in genome orientation: what `target_profiles` gives, bit for bit.

    Parameters
    ----------
    strands
        Open files and the sign that makes their values positive: one file, or plus and minus.
    chrom, tss
        The assembly's chromosome and the TSS (0-based).
    binning, smoothing, summary
        See `target_profiles`.

    Returns
    -------
    numpy.ndarray
        float64, shape (bins,): mean signal of each bin (reads), never negative.

    Raises
    ------
    ClasterError
        As `target_profiles`, and if a file does not read there.
    """
    reach = target_reach(binning, smoothing=smoothing)
    signals = [(f.signal(chrom, span=(tss - reach, tss + reach)), sign) for f, sign in strands]
    return target_profiles(
        signals, np.array([tss]), binning=binning, smoothing=smoothing, summary=summary
    )[0]


def target_reach(binning: Binning, *, smoothing: int) -> int:
    """Return how many bp from the TSS the target reads: half the window and the Gaussian's flank."""
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
        opposite = (values.max(axis=1) <= 0) & (values.min(axis=1) < 0)
        if opposite.any():
            other = "negative" if sign > 0 else "positive"
            raise ClasterError(
                f"{signal.named} ({signal.path}) has only {other} values at "
                f"{signal.chrom}:{starts[opposite][0]:,}, the dataset says otherwise",
                remedy=f"set 'minus_values: {other}' in the dataset YAML, or swap plus and minus",
            )
        total += np.maximum(values, 0.0)
    return total
