"""Target profiles: nascent transcription in the bins around a TSS."""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.signal.bigwig import BigWig, Summary

__all__ = ["FINE_BIN", "target_profile", "target_reach"]

FINE_BIN = 20
"""Width in bp of the bins that the Gaussian runs over, as published."""

_TRUNCATE = 4.0


def target_profile(
    strands: Sequence[tuple[BigWig, float]],
    chrom: str,
    tss: int,
    *,
    binning: Binning,
    smoothing: int = 0,
    summary: Summary = "mean_all",
) -> np.ndarray:
    """Return the summed signal of the strands around a TSS in genome orientation.

    With smoothing, a Gaussian runs over 20 bp bins that reach 4 standard deviations past both ends
    of the window, so no bin sees a wrapped, reflected or missing neighbour; then the fine bins are
    averaged. Without, each bin is read directly.

    Parameters
    ----------
    strands
        Open files and the sign that makes their values positive: one file, or plus and minus.
    chrom, tss
        The assembly's chromosome and the TSS (0-based).
    binning
        Bin ``k`` is ``[tss + size * k - size / 2, tss + size * k + size / 2)``, k = -n..n.
    smoothing
        Standard deviation of the Gaussian in bp, 0 for none.
    summary
        See `BigWig.bins`.

    Returns
    -------
    numpy.ndarray
        float64, shape (bins,): mean signal of each bin (reads), never negative.

    Raises
    ------
    ClasterError
        If a strand's values have the other sign than the dataset says, or the bin size is no
        multiple of 20 bp when smoothing.
    """
    start, _ = binning.span(tss)
    if not smoothing:
        return _summed(strands, chrom, start, binning.bins, binning.size, summary)
    if binning.size % FINE_BIN:
        raise ClasterError(
            f"target bins of {binning.size} bp are no multiple of {FINE_BIN} bp, which smoothing needs",
            remedy=f"choose a multiple of {FINE_BIN} for 'target.bin' or 'smoothing: 0'",
        )
    sigma = smoothing / FINE_BIN
    flank = int(_TRUNCATE * sigma + 0.5)
    count = binning.width // FINE_BIN + 2 * flank
    fine = _summed(strands, chrom, start - flank * FINE_BIN, count, FINE_BIN, summary)
    smooth = gaussian_filter1d(fine, sigma, truncate=_TRUNCATE, mode="constant")
    return smooth[flank : count - flank].reshape(binning.bins, -1).mean(axis=1)


def target_reach(binning: Binning, *, smoothing: int) -> int:
    """Return how many bp from the TSS the target reads: half the window and the Gaussian's flank."""
    return binning.half + int(_TRUNCATE * smoothing / FINE_BIN + 0.5) * FINE_BIN


def _summed(
    strands: Sequence[tuple[BigWig, float]],
    chrom: str,
    start: int,
    bins: int,
    size: int,
    summary: Summary,
) -> np.ndarray:
    total = np.zeros(bins)
    for track, sign in strands:
        values = sign * track.bins(chrom, start, bins=bins, size=size, summary=summary)
        if values.size and values.max() <= 0 and values.min() < 0:
            other = "negative" if sign > 0 else "positive"
            raise ClasterError(
                f"{track.named} ({track.path}) has only {other if sign > 0 else 'positive'} values at "
                f"{chrom}:{start:,}, the dataset says otherwise",
                remedy=f"set 'minus_values: {other}' in the dataset YAML, or swap plus and minus",
            )
        total += np.maximum(values, 0.0)
    return total
