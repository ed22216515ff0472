"""Attributions by distance from the predicted bin, and how far they reach."""

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd

from claster.analysis.attribution.blocks import ALL
from claster.analysis.attribution.inputs import MapAxes
from claster.analysis.bootstrap import Resamples, intervals
from claster.contacts.shapes import MapKind
from claster.genome.windows import Binning


def along_strand(values: np.ndarray, strand: str, *, kind: MapKind = "diagonal") -> np.ndarray:
    """Return values of a window, shape (..., bins), in the orientation of a gene: upstream is left.

    Of a square map the last two axes are bins.
    """
    if strand != "-":
        return values
    return values[..., ::-1, ::-1] if kind == "paper_square" else values[..., ::-1]


def _centred(values: np.ndarray, offset: int, *, bins: int) -> np.ndarray:
    """Return values with one bin brought to the middle; NaN where a window has none.

    Returns float32, shape (..., bins).

    Examples
    --------
    >>> _centred(np.array([1, 2, 3, 4, 5]), 1, bins=5).tolist()
    [2.0, 3.0, 4.0, 5.0, nan]
    """
    found = values.shape[-1]
    first = bins // 2 - found // 2 - offset
    low, high = max(first, 0), min(first + found, bins)
    moved = np.full((*values.shape[:-1], bins), np.nan, np.float32)
    if low < high:
        moved[..., low:high] = values[..., low - first : high - first]
    return moved


class CentredTracks:
    """Sums over predicted bins, by locus, on the axis of the distance from the predicted bin.

    Attributes
    ----------
    window, target
        The bins of a landscape and of a prediction.
    absolute, signed
        Shape (loci, tracks + 1, distances); the last row is the sum over tracks.
    points
        How many predicted bins had a value there, shape (loci, distances).
    genes
        Genes by locus, shape (loci,).
    """

    def __init__(self, window: Binning, target: Binning, *, tracks: int, loci: int) -> None:
        self.window, self.target = window, target
        farthest = round(target.bins // 2 * target.size / window.size)
        shape = (loci, tracks + 1, window.bins + 2 * farthest)
        self.absolute, self.signed = np.zeros(shape), np.zeros(shape)
        self.points, self.genes = np.zeros((loci, shape[-1])), np.zeros(loci, dtype=int)

    @property
    def axis(self) -> Binning:
        """The bins of the distance."""
        return Binning(self.points.shape[-1], self.window.size)

    def add(self, values: np.ndarray, bins: np.ndarray, *, strand: str, locus: int) -> None:
        """Add the attributions of one gene's bins, shape (predicted bins, tracks, bins), to its locus.

        Values and `bins`, the numbers of the predicted bins from the TSS, are in genome orientation.
        """
        turned = along_strand(values, strand)
        for array, number in zip(turned, -bins if strand == "-" else bins, strict=True):
            offset = int(np.rint(number * self.target.size / self.window.size))
            moved = _centred(array, offset, bins=self.axis.bins)
            there = np.isfinite(moved[0])
            moved = np.nan_to_num(moved)
            self.absolute[locus, :-1] += np.abs(moved)
            self.absolute[locus, -1] += np.abs(moved).sum(axis=0)
            self.signed[locus, :-1] += moved
            self.signed[locus, -1] += moved.sum(axis=0)
            self.points[locus] += there
        self.genes[locus] += 1


class CentredMaps:
    """Means of contact-map attributions, (rows, columns), over predicted bins, each centred on its bin."""

    def __init__(self, axes: MapAxes, target: Binning, shape: tuple[int, int]) -> None:
        self._axes, self._target, self._shape = axes, target, shape
        self._absolute, self._signed, self._points = (np.zeros(shape) for _ in range(3))

    def add(self, values: np.ndarray, bins: np.ndarray, *, strand: str) -> None:
        """Add maps, shape (predicted bins, rows, columns); see `CentredTracks.add`."""
        square = self._axes.kind == "paper_square"
        # A column of a rotated map is 1 / sqrt(2) bins wide.
        size = self._axes.resolution * (np.sqrt(0.5) if self._axes.kind == "paper_rotated" else 1)
        turned = along_strand(values, strand, kind=self._axes.kind)
        for array, number in zip(turned, -bins if strand == "-" else bins, strict=True):
            offset = int(np.rint(number * self._target.size / size))
            moved = _centred(array, offset, bins=self._shape[1])
            if square:
                moved = _centred(moved.T, offset, bins=self._shape[0]).T
            there = np.isfinite(moved)
            moved = np.nan_to_num(moved)
            self._absolute += np.abs(moved)
            self._signed += moved
            self._points += there

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean absolute and mean signed attribution of each cell, NaN where there was none."""
        points = np.where(self._points, self._points, np.nan)
        return self._absolute / points, self._signed / points


_SHARES = (0.5, 0.9)
"""Shares of the absolute attribution whose half-width is told."""

_ABOVE = ("zero", "level")

_DISTANCES, _RESAMPLES = 512, 32
"""Taken at a time, so that they fit into a processor's cache."""

_NOTHING = 1e-6
"""A part of the attribution that rounding makes."""


def _half_width(mass: np.ndarray, share: float, *, size: int) -> np.ndarray:
    """Return the distance from the middle within which a share of a distribution lies.

    Returns bp, shape (...); NaN where the sum is not positive.

    Examples
    --------
    >>> float(_half_width(np.array([0.0, 1.0, 2.0, 1.0, 0.0]), 0.75, size=100))
    100.0
    """
    mass = np.where(np.isnan(mass), 0.0, mass)
    middle = mass.shape[-1] // 2
    rings = mass[..., middle:].copy()
    rings[..., 1:] += mass[..., middle - 1 :: -1] if middle else 0
    held = rings.cumsum(axis=-1)
    wanted = share * held[..., -1:]
    ring = np.argmax(held >= wanted, axis=-1, keepdims=True)
    inside = np.take_along_axis(rings, ring, axis=-1)
    before = np.take_along_axis(held, ring, axis=-1) - inside
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.where(wanted > 0, (wanted - before) / inside, np.nan)
    # The middle bin reaches half a bin to either side, every other ring is a whole bin.
    width = np.where(ring == 0, part / 2, ring - 0.5 + part)
    return (size * width)[..., 0]


def profile_table(sums: CentredTracks, tracks: Sequence[str], resamples: Resamples) -> pd.DataFrame:
    """Return the mean attribution to each bin by its distance from the predicted bin.

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
    parts = [slice(at, at + _DISTANCES) for at in range(0, int(there.sum()), _DISTANCES)]
    counts = resamples.counts.T.astype(np.float32)  # sorted twice as fast as float64
    drawn = sums.points[:, there].T.astype(np.float32) @ counts
    distance = (sums.axis.offsets * sums.axis.size)[there]
    tables = []
    for row, track in enumerate((*tracks, ALL)):
        table = {"track": track, "distance": distance}
        for name, values in (("absolute", sums.absolute), ("signed", sums.signed)):
            mine = values[:, row][:, there]
            table[f"mean_{name}"] = mine.sum(axis=0) / points[there]
            single = mine.T.astype(np.float32)
            bounds = [
                intervals(_ratio(single[some] @ counts, drawn[some]), blocks[some])
                for some in parts
            ]
            low, high = np.concatenate(bounds, axis=1)
            table |= {f"{name}_low": low, f"{name}_high": high}
        tables.append(pd.DataFrame(table | {"n": points[there].astype(int)}))
    return pd.concat(tables, ignore_index=True)


def locality_table(
    sums: CentredTracks, tracks: Sequence[str], resamples: Resamples
) -> pd.DataFrame:
    """Return within which distance shares of the mean absolute attribution lie.

    Layers that normalise over a whole window give every bin a little of every prediction. This level is
    the mean over the farther half of the distances; `above` tells whether attribution counts from
    ``zero``, or from ``level``, what is below it as negative.

    Parameters are those of `profile_table`.

    Returns
    -------
    pandas.DataFrame
        `track`, `above`, `share`, `half_width` (bp), `low`, `high` (95 %), `mass` (mean absolute
        attribution that counts, summed over distances), `mass_share` (of that of all tracks), `genes`,
        `loci`.
    """
    points, drawn = sums.points.sum(axis=0), resamples.counts
    parts = [drawn[at : at + _RESAMPLES] for at in range(0, len(drawn), _RESAMPLES)]
    weights = sums.genes[sums.genes > 0]
    loci = np.full(1, weights.sum() ** 2 / (weights**2).sum())
    size = sums.axis.size
    rows = []
    for row, track in enumerate((*tracks, ALL)):
        mean = _ratio(sums.absolute[:, row].sum(axis=0), points)
        mass = sums.absolute[:, row]
        redrawn = [
            _half_widths(_ratio(some @ mass, some @ sums.points), size=size) for some in parts
        ]
        widths = np.concatenate(redrawn, axis=1)
        of_all = _half_widths(mean[np.newaxis], size=size)[:, 0]
        masses = [float(np.nansum(mean)), float(np.nansum(_above_level(mean)))]
        for number, (above, share) in enumerate(product(_ABOVE, _SHARES)):
            low, high = intervals(widths[number : number + 1], loci)
            rows.append(
                {
                    "track": track,
                    "above": above,
                    "share": share,
                    "half_width": float(of_all[number]),
                    "low": low[0],
                    "high": high[0],
                    "mass": masses[_ABOVE.index(above)],
                }
            )
    table = pd.DataFrame(rows)
    whole = table["above"].map(table[table["track"] == ALL].groupby("above")["mass"].first())
    return table.assign(
        mass_share=table["mass"] / whole, genes=int(sums.genes.sum()), loci=len(weights)
    )


def _half_widths(means: np.ndarray, *, size: int) -> np.ndarray:
    """Return `_half_width` of rows, counted from what, and of what share: (ways, rows)."""
    return np.stack(
        [
            _half_width(counted, share, size=size)
            for counted in (means, _above_level(means))
            for share in _SHARES
        ]
    )


def _above_level(mean: np.ndarray) -> np.ndarray:
    """Return what exceeds the level; 0 everywhere where that sums to nothing."""
    far = np.abs(np.arange(mean.shape[-1]) - mean.shape[-1] // 2) > mean.shape[-1] // 4
    excess = mean - np.nanmean(mean[..., far], axis=-1, keepdims=True)
    nothing = np.nansum(excess, axis=-1, keepdims=True) <= _NOTHING * np.nansum(
        mean, axis=-1, keepdims=True
    )
    return np.where(nothing, 0, excess)


def _ratio(sums: np.ndarray, points: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(points > 0, sums / points, np.nan)
