"""Attributions put along the gene's strand and centred on the bin that is predicted, without wrapping."""

from dataclasses import dataclass, field

import numpy as np

from claster.analysis.attribution.settings import MapAxes
from claster.contacts.shapes import MapKind
from claster.genome.windows import Binning

__all__ = ["CentredMaps", "CentredTracks", "along_strand", "centred"]


def along_strand(values: np.ndarray, strand: str, *, kind: MapKind = "diagonal") -> np.ndarray:
    """Return values of a window in the orientation of a gene: upstream is left.

    Parameters
    ----------
    values
        Shape (..., bins), in genome orientation; of a square map the last two axes are bins.
    strand
        ``-`` turns them round.
    kind
        Of a contact map.
    """
    if strand != "-":
        return values
    return values[..., ::-1, ::-1] if kind == "paper_square" else values[..., ::-1]


def centred(values: np.ndarray, offset: int, *, bins: int) -> np.ndarray:
    """Return values with one bin brought to the middle; NaN where a window has none.

    Parameters
    ----------
    values
        Shape (..., bins of the window).
    offset
        The bin, counted from the middle of the window.
    bins
        Bins of the result.

    Returns
    -------
    numpy.ndarray
        float32, shape (..., bins).

    Examples
    --------
    >>> centred(np.array([1, 2, 3, 4, 5]), 1, bins=5).tolist()
    [2.0, 3.0, 4.0, 5.0, nan]
    """
    found = values.shape[-1]
    first = bins // 2 - found // 2 - offset
    low, high = max(first, 0), min(first + found, bins)
    moved = np.full((*values.shape[:-1], bins), np.nan, np.float32)
    if low < high:
        moved[..., low:high] = values[..., low - first : high - first]
    return moved


@dataclass
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

    window: Binning
    target: Binning
    absolute: np.ndarray
    signed: np.ndarray
    points: np.ndarray
    genes: np.ndarray

    @classmethod
    def empty(cls, window: Binning, target: Binning, *, tracks: int, loci: int) -> "CentredTracks":
        """Return sums over nothing."""
        farthest = round(target.bins // 2 * target.size / window.size)
        shape = (loci, tracks + 1, window.bins + 2 * farthest)
        return cls(
            window,
            target,
            np.zeros(shape),
            np.zeros(shape),
            np.zeros((loci, shape[-1])),
            np.zeros(loci, dtype=int),
        )

    @property
    def axis(self) -> Binning:
        """The bins of the distance."""
        return Binning(self.points.shape[-1], self.window.size)

    def add(self, values: np.ndarray, bins: np.ndarray, *, strand: str, locus: int) -> None:
        """Add the attributions of one gene's bins.

        Parameters
        ----------
        values
            Shape (predicted bins, tracks, bins), in genome orientation.
        bins
            Numbers of the predicted bins from the TSS, in genome orientation.
        strand
            Of the gene.
        locus
            The block of genes that it belongs to.
        """
        turned = along_strand(values, strand)
        for array, number in zip(turned, -bins if strand == "-" else bins, strict=True):
            offset = int(np.rint(number * self.target.size / self.window.size))
            moved = centred(array, offset, bins=self.axis.bins)
            there = np.isfinite(moved[0])
            moved = np.nan_to_num(moved)
            self.absolute[locus, :-1] += np.abs(moved)
            self.absolute[locus, -1] += np.abs(moved).sum(axis=0)
            self.signed[locus, :-1] += moved
            self.signed[locus, -1] += moved.sum(axis=0)
            self.points[locus] += there
        self.genes[locus] += 1


@dataclass
class CentredMaps:
    """Means of contact-map attributions over predicted bins, each centred on its bin.

    Attributes
    ----------
    axes
        Kind and bin width of the maps.
    target
        The bins of a prediction.
    shape
        Rows and columns.
    """

    axes: MapAxes
    target: Binning
    shape: tuple[int, int]
    _absolute: np.ndarray = field(init=False)
    _signed: np.ndarray = field(init=False)
    _points: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing."""
        self._absolute, self._signed, self._points = (np.zeros(self.shape) for _ in range(3))

    def add(self, values: np.ndarray, bins: np.ndarray, *, strand: str) -> None:
        """Add maps, shape (predicted bins, rows, columns); see `CentredTracks.add`."""
        square = self.axes.kind == "paper_square"
        # A column of a rotated map is 1 / sqrt(2) bins wide.
        size = self.axes.resolution * (np.sqrt(0.5) if self.axes.kind == "paper_rotated" else 1)
        turned = along_strand(values, strand, kind=self.axes.kind)
        for array, number in zip(turned, -bins if strand == "-" else bins, strict=True):
            offset = int(np.rint(number * self.target.size / size))
            moved = centred(array, offset, bins=self.shape[1])
            if square:
                moved = centred(moved.T, offset, bins=self.shape[0]).T
            there = np.isfinite(moved)
            moved = np.nan_to_num(moved)
            self._absolute += np.abs(moved)
            self._signed += moved
            self._points += there

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """Return mean absolute and mean signed attribution of each cell, NaN where there was none."""
        points = np.where(self._points, self._points, np.nan)
        return self._absolute / points, self._signed / points
