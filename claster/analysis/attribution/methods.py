"""Whether methods and baselines agree: rank correlation over the blocks of windows."""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from claster.analysis.attribution.blocks import ALL
from claster.analysis.statistics import pearson, spearman

__all__ = ["SINGLE", "Compared"]

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
                each = [spearman(a, b) for a, b in zip(mine, theirs, strict=True)]
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
