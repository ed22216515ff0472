"""Windows around a TSS: the arithmetic that every modality shares.

A window is centred on the boundary ``c = TSS`` (0-based), so that mirroring it maps bin ``k`` onto
bin ``-k`` exactly. All intervals are 0-based and half-open.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

Recipe = Literal["exact", "paper"]
"""By our definitions, or as published, faults included."""

FORWARD = "forward"
REVERSE = "rev"


@dataclass(frozen=True)
class Binning:
    """An odd number of equal bins whose middle bin is centred on the TSS boundary.

    Parameters
    ----------
    bins
        Number of bins, odd.
    size
        Width of a bin in bp, even, so that the middle bin has whole bases on both sides.

    Raises
    ------
    ValueError
        If `bins` is even or not positive, or `size` is odd or not positive.

    Examples
    --------
    >>> Binning(10_001, 100).span(500_050)
    (0, 1000100)
    >>> Binning(401, 1000).offsets[[0, 200, 400]].tolist()
    [-200, 0, 200]
    """

    bins: int
    size: int

    def __post_init__(self) -> None:
        """Check the two numbers."""
        if self.bins < 1 or self.bins % 2 == 0:
            raise ValueError(f"the number of bins must be odd and positive, found {self.bins}")
        if self.size < 2 or self.size % 2:
            raise ValueError(f"the bin size must be even and positive, found {self.size} bp")

    @property
    def width(self) -> int:
        """Width of the whole window in bp."""
        return self.bins * self.size

    @property
    def half(self) -> int:
        """Distance from the centre to either end in bp."""
        return self.width // 2

    @property
    def offsets(self) -> np.ndarray:
        """Bin numbers from the centre, ``-n..n``, shape (bins,)."""
        return np.arange(self.bins) - self.bins // 2

    @property
    def middles(self) -> np.ndarray:
        """Middle of each bin relative to the centre in bp, shape (bins,)."""
        return self.offsets * self.size

    @property
    def edges(self) -> np.ndarray:
        """Bin edges relative to the centre in bp, shape (bins + 1,)."""
        return np.arange(self.bins + 1) * self.size - self.half

    def span(self, centre: int) -> tuple[int, int]:
        """Return the window ``[start, end)`` around the boundary `centre`."""
        return centre - self.half, centre + self.half


def window_table(genes: pd.DataFrame, binning: Binning) -> pd.DataFrame:
    """Return the window of each gene.

    Parameters
    ----------
    genes
        Columns `gene_id`, `chrom` and `tss` (0-based).

    Returns
    -------
    pandas.DataFrame
        Columns `gene_id`, `chrom`, `start`, `end` (0-based half-open, possibly outside the
        chromosome), in the order and with the index of `genes`.
    """
    return genes[["gene_id", "chrom"]].assign(
        start=genes["tss"] - binning.half, end=genes["tss"] + binning.half
    )


def mirror(array: np.ndarray) -> np.ndarray:
    """Return a window reversed: the last axis reversed, in memory of its own.

    Examples
    --------
    >>> mirror(np.array([[1, 2, 3]]))
    array([[3, 2, 1]])
    """
    return np.ascontiguousarray(array[..., ::-1])


def sample_id(gene_id: str, orientation: str) -> str:
    """Return the name of a sample, ``<gene_id>_forward`` or ``<gene_id>_rev``."""
    if orientation not in (FORWARD, REVERSE):
        raise ValueError(f"orientation must be {FORWARD!r} or {REVERSE!r}, found {orientation!r}")
    return f"{gene_id}_{orientation}"


def split_sample_id(sample: str) -> tuple[str, str]:
    """Return gene ID and orientation of a sample.

    Examples
    --------
    >>> split_sample_id("ENSMUSG00000000085.16_rev")
    ('ENSMUSG00000000085.16', 'rev')
    """
    gene_id, _, orientation = sample.rpartition("_")
    if not gene_id or orientation not in (FORWARD, REVERSE):
        raise ValueError(f"not a sample name: {sample!r}")
    return gene_id, orientation
