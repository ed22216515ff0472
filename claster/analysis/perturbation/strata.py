"""Strata: which control regions an effect is compared with."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from claster.analysis.perturbation.spans import Edges, covered_bins, span_mean
from claster.dataset.scale import spread_evenly
from claster.dataset.spec import DatasetSpec

__all__ = [
    "DISTANCES",
    "NO_SIGNAL",
    "STRATUM",
    "distance_class",
    "measure_signal",
    "signal_class",
    "stratify",
    "track_means",
    "width_class",
]

STRATUM = ["width_class", "distance_class", "signal_class"]

DISTANCES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Distances in bp from the TSS at which a new class begins."""

NO_SIGNAL = -99
"""Signal class of a region whose tracks are all 0."""

_FAINTEST, _STRONGEST = -10, 10
_MOST_WINDOWS = 200

Read = Callable[[str], np.ndarray]
"""From a gene ID to its landscape as signal, shape (tracks, bins)."""


def width_class(width: np.ndarray, *, size: int) -> np.ndarray:
    """Return widths in bp to the nearest half bin of `size` bp, at least one half bin.

    Examples
    --------
    >>> width_class(np.array([10, 174, 175, 350]), size=100).tolist()
    [50, 150, 200, 350]
    """
    half = size // 2
    return np.maximum((np.asarray(width) + half // 2) // half, 1) * half


def distance_class(gene_distance: np.ndarray) -> np.ndarray:
    """Return the class of a distance in the gene's orientation: 1, 2, ... downstream, -1, -2, ... upstream.

    Examples
    --------
    >>> distance_class(np.array([-1000, -999, 0, 1000, 250_000])).tolist()
    [-2, -1, 1, 2, 8]
    """
    distance = np.asarray(gene_distance)
    number = np.searchsorted(DISTANCES, np.abs(distance), side="right") + 1
    return np.where(distance < 0, -number, number)


def signal_class(signal: np.ndarray) -> np.ndarray:
    """Return the class of a relative signal x: ``floor(log2(x))`` between -10 and 10, `NO_SIGNAL` for 0.

    Examples
    --------
    >>> signal_class(np.array([0.0, 0.4, 1.0, 1.9, 1e9])).tolist()
    [-99, -2, 0, 0, 10]
    """
    signal = np.asarray(signal, dtype=np.float64)
    with np.errstate(divide="ignore"):
        number = np.floor(np.log2(signal)).clip(_FAINTEST, _STRONGEST)
    return np.where(signal > 0, number, NO_SIGNAL).astype(np.int64)


def stratify(regions: pd.DataFrame, *, size: int) -> pd.DataFrame:
    """Add the columns of `STRATUM`.

    Parameters
    ----------
    regions
        Columns `width`, `gene_distance` (bp) and `signal` (`measure_signal`).
    size
        Width of a landscape bin in bp.
    """
    return regions.assign(
        width_class=width_class(regions["width"].to_numpy(), size=size),
        distance_class=distance_class(regions["gene_distance"].to_numpy()),
        signal_class=signal_class(regions["signal"].to_numpy()),
    )


def track_means(gene_ids: Sequence[str], read: Read) -> np.ndarray:
    """Return the mean of each track over the windows of at most 200 genes, evenly spread; 1 where it is 0.

    Returns
    -------
    numpy.ndarray
        float64, shape (tracks,).
    """
    some = spread_evenly(pd.DataFrame({"gene_id": gene_ids}), _MOST_WINDOWS)["gene_id"]
    means = np.mean([read(gene).mean(axis=1, dtype=np.float64) for gene in some], axis=0)
    return np.where(means > 0, means, 1.0)


def measure_signal(
    pairs: pd.DataFrame,
    read: Read,
    spec: DatasetSpec,
    *,
    rows: Sequence[int],
    means: np.ndarray,
    activity_row: int | None,
    edges: Edges,
) -> pd.DataFrame:
    """Measure each element in the window of each of its genes.

    Parameters
    ----------
    pairs
        Columns `gene_id`, `tss`, `start`, `end`.
    read
        Returns landscapes.
    spec
        The dataset with the window's bins.
    rows, means
        Tracks that an edit changes, and the mean of every track.
    activity_row
        Track that tells activity, or None.
    edges
        How bins and elements meet where activity is measured.

    Returns
    -------
    pandas.DataFrame
        `pairs` with `signal`, the mean over `rows` of the element's signal divided by the track's mean,
        and `activity`, the element's mean of the activity track in the file's unit (NaN without one).
    """
    binning = spec.window.binning
    signal, activity = np.empty(len(pairs)), np.full(len(pairs), np.nan)
    starts, ends = (
        (pairs[edge] - pairs["tss"]).to_numpy() if len(pairs) else np.empty(0, np.int64)
        for edge in ("start", "end")
    )
    for gene, here in pairs.groupby("gene_id", sort=False).indices.items():
        landscape = read(str(gene))
        for row in here:
            exact = covered_bins(starts[row], ends[row], binning)
            signal[row] = (span_mean(landscape[list(rows)], exact) / means[list(rows)]).mean()
            if activity_row is not None:
                span = covered_bins(starts[row], ends[row], binning, edges=edges)
                activity[row] = span_mean(landscape[activity_row], span)
    return pairs.assign(signal=signal, activity=activity)
