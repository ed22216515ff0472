"""Blocks of neighbouring bins that occlusion takes at a time, and sums over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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

    def sums(self, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Return sums of values, by input name (targets, ...), over blocks: float64, (targets, blocks)."""
        totals = [
            values[name][(slice(None), *place)].sum(axis=(1, 2), dtype=np.float64)
            for name, place in self.blocks
        ]
        return np.stack(totals, axis=1)

    def spread(
        self, totals: np.ndarray, shapes: Mapping[str, tuple[int, ...]]
    ) -> dict[str, np.ndarray]:
        """Return values that have these totals, (targets, blocks), the same in all cells of a block.

        Blocks of all tracks together are left out; cells of no block hold 0. `shapes` are those of a sample.
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
    block, map_block
        Width in bp of a block of a landscape, rounded down to an odd number of bins; rows and columns of one
        of a map.
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
    """Return blocks of bins, the middle one of which is that of the window; first and last may be shorter.

    Examples
    --------
    >>> [(part.start, part.stop) for part in _slices(7, 3)]
    [(0, 2), (2, 5), (5, 7)]
    """
    first = (length // 2 - block // 2) % block
    edges = np.unique([0, *range(first, length, block), length]).tolist()
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


def agreement_table(
    compared: Mapping[tuple[str, str], Sequence[tuple[np.ndarray, np.ndarray]]], labels: np.ndarray
) -> pd.DataFrame:
    """Return how far two ways to attribute agree about blocks.

    Parameters
    ----------
    compared
        By ``method`` or ``baseline`` and the name of the other one: totals under the main way and that, shape
        (targets, blocks), a pair a gene.
    labels
        The track of each block; see `BlockGrid`.

    Returns
    -------
    pandas.DataFrame
        `compared`, `other`, `track` (a track, ``contacts``, `ALL` tracks taken together, or each of them by
        itself in one correlation, `SINGLE`), `spearman` and `pearson` over the blocks of all genes and
        targets, `spearman_per_target` (mean over genes and targets of the correlation over blocks), `genes`,
        `targets`.
    """
    rows = []
    for (kind, other), genes in compared.items():
        main, others = (np.concatenate(side) for side in zip(*genes, strict=True))
        single = labels != ALL
        kept = {str(name): labels == name for name in dict.fromkeys(labels)}
        for track, blocks in {SINGLE: single, **kept}.items():
            mine, theirs = main[:, blocks], others[:, blocks]
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
