"""How large a track's values are, so that two tracks of one assay can be compared."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from claster.dataset.signal_settings import TrackSpec
from claster.errors import ClasterError, DamagedFileError
from claster.settings import Record
from claster.signal.bigwig import TrackReader
from claster.signal.landscape import rescaled

MOST_WINDOWS = 200
"""From how many windows the scale of a track is measured at most."""

_ALIKE = 1.25


class SignalScale(Record):
    """The values of a track in the bins of sampled windows, negative ones set to 0.

    Mean, quantiles and `max` are over all bins, in the file's own unit or what `rescale` makes of it: so many
    `windows` of so many `bins` of the width `bin` in bp.
    """

    mean: float
    q50: float
    q90: float
    q99: float
    q999: float
    max: float
    windows: int
    bins: int
    bin: int


def measure_scale(
    track: TrackReader,
    centres: pd.DataFrame,
    *,
    bin: int,
    bins: int,
    summary: Literal["mean_all", "mean_covered"] = "mean_all",
    sign: float = 1.0,
    rescale: Sequence[tuple[float, float]] | None = None,
    on_error: Literal["stop", "drop"] = "stop",
) -> SignalScale:
    """Measure the scale of a track in at most `MOST_WINDOWS` windows, the same ones in every call.

    Parameters
    ----------
    centres
        Columns `chrom` (the assembly's names) and `tss` (0-based); windows are spread evenly over the
        rows whose chromosome the file holds.
    bin, bins
        Width in bp and number of the bins of a window.
    summary, rescale
        See `BigWig.bins` and `TrackSpec`.
    sign
        -1.0 for a minus strand that is stored with negative values.
    on_error
        Whether windows that cannot be read are left out.

    Raises
    ------
    ClasterError
        If the file holds none of the chromosomes, or its values cannot be read or are not finite.
    """
    chosen = spread_evenly(centres[centres["chrom"].map(track.has)], MOST_WINDOWS)
    if chosen.empty:
        raise ClasterError(
            f"{track.named} ({track.path}) holds no chromosome with a window",
            remedy="use the file for this assembly",
        )
    half = bin * bins // 2
    windows: list[np.ndarray] = []
    damage = None
    for chrom, tss in chosen[["chrom", "tss"]].itertuples(index=False):
        try:
            windows.append(track.bins(chrom, tss - half, bins=bins, size=bin, summary=summary))
        except DamagedFileError as error:
            if on_error == "stop":
                raise
            damage = error
    if damage and not windows:
        raise damage
    values = np.maximum(sign * np.concatenate(windows), 0.0)
    if rescale:
        values = rescaled(values, rescale)
    q50, q90, q99, q999 = (float(q) for q in np.quantile(values, [0.5, 0.9, 0.99, 0.999]))
    return SignalScale(
        mean=float(values.mean()),
        q50=q50,
        q90=q90,
        q99=q99,
        q999=q999,
        max=float(values.max()),
        windows=len(windows),
        bins=bins,
        bin=bin,
    )


def track_divisors(
    tracks: Sequence[TrackSpec], scales: Mapping[str, SignalScale]
) -> tuple[float, ...]:
    """Return what the values of each track are divided by, as its `scale` says; 1 for none.

    Raises
    ------
    ClasterError
        If a track has no record in `scales`, or the statistic is 0.
    """
    divisors = []
    for track in tracks:
        if track.scale == "none":
            divisors.append(1.0)
            continue
        if track.name not in scales:
            raise ClasterError(
                f"there is no record of the values of track {track.name}",
                remedy="measure them by building a dataset that has the track",
            )
        divisor: float = getattr(scales[track.name], track.scale)
        if divisor <= 0:
            raise ClasterError(
                f"track {track.name}: 'scale: {track.scale}' is 0 around training genes",
                remedy="choose 'scale: mean' or none for this track",
            )
        divisors.append(divisor)
    return tuple(divisors)


def rescaling(
    scale: SignalScale, reference: SignalScale
) -> tuple[str, tuple[tuple[float, float], ...]]:
    """Return what makes the values of a track those of a reference: its name, and pairs for `rescale`.

    The simplest that brings the median and the 90, 99 and 99.9 % quantiles within 1.25 times of each other:
    nothing (``""``), a ``factor``, ``two anchors`` (background and peaks), or all ``quantiles``. A quantile
    that is 0 on a side says nothing.

    Examples
    --------
    >>> one, two = (
    ...     SignalScale(mean=1, q50=0, q90=1 * n, q99=4 * n, q999=9 * n, max=20, windows=9, bins=9, bin=9)
    ...     for n in (1, 2)
    ... )
    >>> rescaling(one, two)
    ('factor', ((4.0, 8.0),))
    """
    ladder = [(getattr(scale, q), getattr(reference, q)) for q in ("q50", "q90", "q99", "q999")]
    rising: list[tuple[float, float]] = []
    for pair in ladder:
        if min(pair) > 0 and (not rising or (pair[0] > rising[-1][0] and pair[1] > rising[-1][1])):
            rising.append(pair)
    known = tuple(rising)
    if not known:
        return "", ()
    peaks = next((pair for pair in known if pair == ladder[2]), known[-1])
    here, there = np.array(known).T
    choices = {"": ((1.0, 1.0),), "factor": (peaks,), "two anchors": (known[0], peaks)}
    for name, pairs in choices.items():
        if len(set(pairs)) == len(pairs):
            apart = np.abs(np.log(rescaled(here, pairs) / there))
            if apart.max() <= np.log(_ALIKE):
                return name, pairs if name else ()
    return "quantiles", known


def spread_evenly(table: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return at most `most` rows of a table, evenly spread over it, first and last among them.

    Examples
    --------
    >>> spread_evenly(pd.DataFrame({"tss": range(10)}), 4)["tss"].tolist()
    [0, 3, 6, 9]
    """
    if len(table) <= most:
        return table
    rows = np.linspace(0, len(table) - 1, most).round().astype(int)
    return table.iloc[rows]
