"""Stretches of the genome that hold an annotated element or a TSS."""

from collections.abc import Mapping
from dataclasses import dataclass

import bioframe
import numpy as np
import pandas as pd

__all__ = ["TSS_MARGIN", "Annotated", "annotated_stretches"]

TSS_MARGIN = 1000
"""Bases on either side of a TSS that count as annotated."""


@dataclass(frozen=True)
class Annotated:
    """Merged stretches by chromosome, each an array of starts and one of ends, sorted."""

    stretches: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def touch(self, chrom: str, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Tell which intervals (0-based half-open) share a base with a stretch."""
        if chrom not in self.stretches:
            return np.zeros(np.shape(starts), dtype=bool)
        firsts, lasts = self.stretches[chrom]
        return np.searchsorted(firsts, ends) > np.searchsorted(lasts, starts, side="right")


def annotated_stretches(elements: pd.DataFrame, genes: pd.DataFrame) -> Annotated:
    """Return where elements and TSSs are.

    Parameters
    ----------
    elements
        Columns `chrom`, `start`, `end` (0-based half-open).
    genes
        Columns `chrom`, `tss` (0-based); the stretch of a gene is its TSS and `TSS_MARGIN` bp on either
        side.

    Examples
    --------
    >>> elements = pd.DataFrame({"chrom": ["chr1"], "start": [50], "end": [60]})
    >>> genes = pd.DataFrame({"chrom": ["chr1"], "tss": [5000]})
    >>> annotated = annotated_stretches(elements, genes)
    >>> annotated.touch("chr1", np.array([40, 59, 60]), np.array([50, 70, 4001])).tolist()
    [False, True, True]
    """
    promoters = pd.DataFrame(
        {
            "chrom": genes["chrom"],
            "start": (genes["tss"] - TSS_MARGIN).clip(lower=0),
            "end": genes["tss"] + TSS_MARGIN + 1,
        }
    )
    together = pd.concat([elements[["chrom", "start", "end"]], promoters], ignore_index=True)
    merged = bioframe.merge(together, min_dist=0)
    return Annotated(
        {
            str(chrom): (rows["start"].to_numpy(np.int64), rows["end"].to_numpy(np.int64))
            for chrom, rows in merged.groupby("chrom")
        }
    )
