"""Blocks of neighbouring bins that occlusion takes at a time, and sums over them."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from claster.analysis.attribution.inputs import CONTACTS, Seen
from claster.analysis.statistics import pearson, spearman

ALL = "all"
"""Name of all tracks together."""

Block = tuple[str, tuple[slice, ...]]
"""A part of one input: its name, and the slices of its axes."""


def _block_starts(length: int, block: int) -> np.ndarray:
    """Return the first bin of each block, the middle one of which is that of the window.

    The first and the last block may be shorter.

    Examples
    --------
    >>> _block_starts(9, 3).tolist(), _block_starts(7, 3).tolist()
    ([0, 3, 6], [0, 2, 5])
    """
    first = (length // 2 - block // 2) % block
    return np.unique(np.concatenate([[0], np.arange(first, length, block)]))


@dataclass(frozen=True)
class BlockGrid:
    """Blocks of a window.

    Attributes
    ----------
    blocks
        The parts of the inputs: block after block of each track, of all tracks together, of the map.
    labels
        The track of each block, `ALL` or ``contacts``, shape (blocks,).
    """

    blocks: tuple[Block, ...]
    labels: np.ndarray

    def every(self, number: int) -> "BlockGrid":
        """Return the same with every `number`-th block, the first one included."""
        return BlockGrid(self.blocks[::number], self.labels[::number])

    def sums(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return the sum of values over each block.

        Parameters
        ----------
        values
            By input name, (targets, ...).

        Returns
        -------
        numpy.ndarray
            float64, shape (targets, blocks).
        """
        totals = [
            values[name][(slice(None), *place)].sum(axis=(1, 2), dtype=np.float64)
            for name, place in self.blocks
        ]
        return np.stack(totals, axis=1)

    def spread(
        self, totals: np.ndarray, shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, np.ndarray]:
        """Return values that have these totals, the same in all cells of a block.

        Blocks of all tracks together are left out; cells of no block hold 0.

        Parameters
        ----------
        totals
            Shape (targets, blocks).
        shapes
            Of one sample by input name.
        """
        values = {
            name: np.zeros((len(totals), *shape), np.float32) for name, shape in shapes.items()
        }
        for column, (name, place) in enumerate(self.blocks):
            if self.labels[column] != ALL:
                cells = values[name][(slice(None), *place)]
                cells[:] = (totals[:, column] / cells[0].size)[:, np.newaxis, np.newaxis]
        return values


def block_grid(
    seen: Seen,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    rows: tuple[str, ...],
    block: int,
    map_block: int,
) -> BlockGrid:
    """Lay blocks over a window.

    Parameters
    ----------
    shapes
        Of one sample by input name, two axes each.
    rows
        The tracks that count, and ``contacts`` if the map does.
    block
        Width in bp of a block of a landscape, rounded down to an odd number of bins.
    map_block
        Rows and columns of a block of a map.
    """
    blocks: list[Block] = []
    labels: list[str] = []
    if seen.binning is not None:
        columns = _slices(seen.binning.bins, 2 * (block // 2 // seen.binning.size) + 1)
        lanes = {name: slice(n, n + 1) for n, name in enumerate(seen.tracks) if name in rows}
        if lanes:
            lanes[ALL] = slice(None)
        for name, lane in lanes.items():
            blocks += [("landscape", (lane, place)) for place in columns]
            labels += [name] * len(columns)
    if CONTACTS in rows:
        height, width = shapes[CONTACTS]
        for low in range(0, height, map_block):
            lane = slice(low, min(low + map_block, height))
            blocks += [(CONTACTS, (lane, place)) for place in _slices(width, map_block)]
        labels += [CONTACTS] * (len(blocks) - len(labels))
    return BlockGrid(tuple(blocks), np.array(labels))


def _slices(length: int, block: int) -> list[slice]:
    edges = [*_block_starts(length, block).tolist(), length]
    return [slice(low, high) for low, high in pairwise(edges)]


SINGLE = "each"
"""Name of all single tracks and the contact map in one correlation."""

_COLUMNS = [
    "compared",
    "other",
    "track",
    "spearman",
    "pearson",
    "spearman_per_target",
    "genes",
    "targets",
]


@dataclass
class Compared:
    """Totals of blocks under two ways to attribute, gathered gene by gene.

    Attributes
    ----------
    labels
        The track of each block; see `BlockGrid`.
    """

    labels: np.ndarray
    _pairs: dict[tuple[str, str], list[tuple[np.ndarray, np.ndarray]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, kind: str, other: str, main: np.ndarray, compared: np.ndarray) -> None:
        """Add the totals of one gene, (targets, blocks), under the main way and another one."""
        self._pairs[kind, other].append((main, compared))

    def table(self) -> pd.DataFrame:
        """Return how far the ways agree.

        Returns
        -------
        pandas.DataFrame
            `compared` (``method`` or ``baseline``), `other`, `track` (a track, ``contacts``, `ALL` tracks
            taken together, or each of them by itself in one correlation, `SINGLE`), `spearman` and
            `pearson` over the blocks of all genes and targets, `spearman_per_target` (mean over genes
            and targets of the correlation over blocks), `genes`, `targets`.
        """
        rows = []
        for (kind, other), genes in self._pairs.items():
            main, compared = (np.concatenate(side) for side in zip(*genes, strict=True))
            single = self.labels != ALL
            kept = {str(name): self.labels == name for name in dict.fromkeys(self.labels)}
            for track, blocks in {SINGLE: single, **kept}.items():
                mine, theirs = main[:, blocks], compared[:, blocks]
                ranks = rankdata(mine, axis=1), rankdata(theirs, axis=1)
                each = [pearson(a, b) for a, b in zip(*ranks, strict=True)]
                known = [value for value in each if np.isfinite(value)]
                rows.append(
                    {
                        "compared": kind,
                        "other": other,
                        "track": track,
                        "spearman": spearman(mine.ravel(), theirs.ravel()),
                        "pearson": pearson(mine.ravel(), theirs.ravel()),
                        "spearman_per_target": float(np.mean(known)) if known else np.nan,
                        "genes": len(genes),
                        "targets": len(main),
                    }
                )
        return pd.DataFrame(rows, columns=_COLUMNS)
