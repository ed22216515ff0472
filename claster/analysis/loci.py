"""Where scored windows lie on the genome: blocks that vary together, and each kilobase once."""

import numpy as np
import pandas as pd

from claster.errors import ClasterError
from claster.genome.windows import Binning

_FEWEST_LOCI = 10
"""Loci from which an interval tells something."""


def require_loci(locus: np.ndarray, split: str, *, remedy: str) -> None:
    """Raise a ClasterError where the genes of a split, each with its locus's number, lie in fewer than 10."""
    loci = len(np.unique(locus))
    if loci < _FEWEST_LOCI:
        raise ClasterError(
            f"the {split} genes lie in {loci} loci; intervals need {_FEWEST_LOCI}", remedy=remedy
        )


def locus_blocks(genes: pd.DataFrame, window: Binning, *, length: int) -> np.ndarray:
    """Return the block of each gene: runs of neighbours whose windows overlap, of bounded length.

    Along each chromosome by TSS, a gene starts a new block if its window shares no base with that of
    the gene before, or if its TSS lies `length` bp or more beyond the block's first one.

    Parameters
    ----------
    genes
        Columns `chrom` and `tss`.
    window
        The bins of the window that genes may share.
    length
        Greatest distance in bp between the TSSs of a block.

    Returns
    -------
    numpy.ndarray
        int, shape (genes,), from 0 along the genome without gaps.
    """
    chrom, tss = genes["chrom"].to_numpy(), genes["tss"].to_numpy()
    order = np.lexsort((tss, chrom))
    block = np.empty(len(genes), dtype=int)
    number, first = -1, 0
    for rank, row in enumerate(order):
        before = order[rank - 1]
        starts = (
            rank == 0
            or chrom[row] != chrom[before]
            or tss[row] - tss[before] >= window.width
            or tss[row] - first >= length
        )
        if starts:
            number, first = number + 1, tss[row]
        block[row] = number
    return block


def counted_once(genes: pd.DataFrame, window: Binning) -> np.ndarray:
    """Return which bins stand for a stretch of genome that several windows hold.

    The genome is cut into stretches of one bin size from position 0. A bin belongs to the stretch
    that holds its middle. Of all bins of a stretch the one nearest to its TSS counts; of equal ones,
    that of the gene which comes first by TSS, then by gene ID.

    Parameters
    ----------
    genes
        Columns `gene_id`, `chrom` and `tss`.
    window
        The bins of each gene's window.

    Returns
    -------
    numpy.ndarray
        bool, shape (genes, bins).
    """
    tss = genes["tss"].to_numpy()[:, np.newaxis]
    stretch = (tss + window.offsets * window.size) // window.size
    codes = pd.factorize(genes["chrom"])[0][:, np.newaxis]
    key = (codes * (stretch.max() - stretch.min() + 1) + stretch - stretch.min()).ravel()
    first = np.lexsort((genes["gene_id"], genes["tss"]))
    rank = np.empty(len(genes), dtype=int)
    rank[first] = np.arange(len(genes))
    distance = np.abs(window.offsets)[np.newaxis, :] * len(genes) + rank[:, np.newaxis]
    order = np.lexsort((distance.ravel(), key))
    once = np.zeros(key.size, dtype=bool)
    once[order] = np.diff(key[order], prepend=-1) != 0
    return once.reshape(len(genes), window.bins)
