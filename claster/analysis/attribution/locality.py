"""Attribution by distance, and how far from the predicted bin a share of it lies, with intervals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from claster.analysis.attribution.blocks import ALL
from claster.analysis.attribution.centre import CentredTracks
from claster.analysis.bootstrap import Resamples, intervals, resample_blocks

__all__ = ["SHARES", "half_width", "locality_table", "locus_resamples", "profile_table"]

SHARES = (0.5, 0.9)
"""Shares of the absolute attribution whose half-width is told."""


def half_width(mass: np.ndarray, share: float, *, size: int) -> np.ndarray:
    """Return the distance from the middle within which a share of a distribution lies.

    Parameters
    ----------
    mass
        Not negative, shape (..., bins), an odd number of bins; NaN counts 0. It is uniform in a bin.
    share
        Above 0, at most 1.
    size
        bp a bin.

    Returns
    -------
    numpy.ndarray
        bp, shape (...); NaN where there is no mass.

    Examples
    --------
    >>> float(half_width(np.array([0.0, 1.0, 2.0, 1.0, 0.0]), 0.75, size=100))
    100.0
    """
    mass = np.nan_to_num(mass)
    middle = mass.shape[-1] // 2
    rings = mass[..., middle:].copy()
    rings[..., 1:] += mass[..., middle - 1 :: -1] if middle else 0
    held = rings.cumsum(axis=-1)
    wanted = share * held[..., -1:]
    ring = (held < wanted).sum(axis=-1, keepdims=True)
    inside = np.take_along_axis(rings, ring, axis=-1)
    before = np.take_along_axis(held, ring, axis=-1) - inside
    with np.errstate(invalid="ignore"):
        part = (wanted - before) / inside
    # The middle bin reaches half a bin to either side, every other ring is a whole bin.
    width = np.where(ring == 0, part / 2, ring - 0.5 + part)
    return (size * width)[..., 0]


def locus_resamples(loci: int, *, seed: int, resamples: int = 1000) -> Resamples:
    """Return resamples of loci whose values are summed already."""
    return resample_blocks(np.arange(loci), resamples=resamples, seed=seed)


def profile_table(sums: CentredTracks, tracks: Sequence[str], resamples: Resamples) -> pd.DataFrame:
    """Return the mean attribution to each bin by its distance from the predicted bin.

    Parameters
    ----------
    sums
        Sums by locus.
    tracks
        Names of the tracks.
    resamples
        Of the loci.

    Returns
    -------
    pandas.DataFrame
        `track` (`ALL` is the sum over tracks), `distance` (bp from the middle of the predicted bin to
        that of the bin, downstream positive), `mean_absolute`, `absolute_low`, `absolute_high`,
        `mean_signed`, `signed_low`, `signed_high` (95 %), `n` (predicted bins). Distances at which no
        window has a bin are left out.
    """
    points = sums.points.sum(axis=0)
    there = points > 0
    squares = (sums.points**2).sum(axis=0)
    blocks = points[there] ** 2 / squares[there]
    drawn = resamples.draw(sums.points[:, there])
    distance = (sums.axis.offsets * sums.axis.size)[there]
    tables = []
    for row, track in enumerate((*tracks, ALL)):
        table = {"track": track, "distance": distance}
        for name, values in (("absolute", sums.absolute), ("signed", sums.signed)):
            mine = values[:, row][:, there]
            table[f"mean_{name}"] = mine.sum(axis=0) / points[there]
            low, high = intervals(_ratio(resamples.draw(mine), drawn).T, blocks)
            table |= {f"{name}_low": low, f"{name}_high": high}
        tables.append(pd.DataFrame(table | {"n": points[there].astype(int)}))
    return pd.concat(tables, ignore_index=True)


def locality_table(
    sums: CentredTracks, tracks: Sequence[str], resamples: Resamples
) -> pd.DataFrame:
    """Return within which distance shares of the mean absolute attribution lie.

    Layers that normalise over a whole window give every bin a little of every prediction. This level is
    the median over distances; `above` tells whether attribution counts from ``zero``, or from ``level``.

    Parameters are those of `profile_table`.

    Returns
    -------
    pandas.DataFrame
        `track`, `above`, `share`, `half_width` (bp), `low`, `high` (95 %), `mass` (mean absolute
        attribution that counts, summed over distances), `mass_share` (of that of all tracks), `genes`,
        `loci`.
    """
    points, drawn = sums.points.sum(axis=0), resamples.draw(sums.points)
    weights = sums.genes[sums.genes > 0]
    loci = np.full(1, weights.sum() ** 2 / (weights**2).sum())
    size = sums.axis.size
    rows = []
    for row, track in enumerate((*tracks, ALL)):
        mean = _ratio(sums.absolute[:, row].sum(axis=0), points)
        replicates = _ratio(resamples.draw(sums.absolute[:, row]), drawn)
        for above in ("zero", "level"):
            counted, redrawn = (
                values if above == "zero" else _above_level(values) for values in (mean, replicates)
            )
            for share in SHARES:
                low, high = intervals(half_width(redrawn, share, size=size)[np.newaxis], loci)
                rows.append(
                    {
                        "track": track,
                        "above": above,
                        "share": share,
                        "half_width": float(half_width(counted, share, size=size)),
                        "low": low[0],
                        "high": high[0],
                        "mass": float(np.nansum(counted)),
                    }
                )
    table = pd.DataFrame(rows)
    whole = table["above"].map(table[table["track"] == ALL].groupby("above")["mass"].first())
    return table.assign(
        mass_share=table["mass"] / whole, genes=int(sums.genes.sum()), loci=len(weights)
    )


def _above_level(mean: np.ndarray) -> np.ndarray:
    return np.maximum(mean - np.nanmedian(mean, axis=-1, keepdims=True), 0)


def _ratio(sums: np.ndarray, points: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(points > 0, sums / points, np.nan)
