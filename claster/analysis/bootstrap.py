"""Intervals of scores: blocks of neighbouring genes are drawn together, because they share signal."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from claster.errors import ClasterError
from claster.genome.windows import Binning

CONFIDENCE = 0.95
"""Confidence of every interval."""

RESAMPLES = 1000
"""Resamples behind every interval."""

LOCUS = 2_000_000
"""Length in bp of a locus whose pairs of element and gene are drawn together."""

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
    the gene before, or if its TSS lies `length` bp or more beyond the block's first one. Blocks are numbered
    from 0 along the genome.

    Parameters
    ----------
    genes
        Columns `chrom` and `tss`.
    window
        The bins of the window that genes may share.
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
    """Return which bins stand for a stretch of genome that several windows hold; bool, shape (genes, bins).

    The genome is cut into stretches of one bin size from position 0. A bin belongs to the stretch
    that holds its middle. Of all bins of a stretch the one nearest to its TSS counts; of equal ones,
    that of the gene which comes first by TSS, then by gene ID.

    Parameters
    ----------
    genes
        Columns `gene_id`, `chrom` and `tss`.
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


@dataclass(frozen=True)
class Resamples:
    """How often each block of genes is drawn in each resample.

    Parameters
    ----------
    block
        Number of the block of each gene, shape (genes,), from 0.
    counts
        float64, shape (resamples, blocks); each row sums to the number of blocks.
    """

    block: np.ndarray
    counts: np.ndarray

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return self.counts.shape[1]

    def effective_blocks(self, points: np.ndarray) -> float:
        """Return how many blocks of equal size weigh as much as these: (sum n)**2 / sum n**2.

        `points` is the number of points of each gene, shape (genes,); 0 where there is none.

        References
        ----------
        Kish, Survey Sampling (1965).
        """
        held = self.block_sums(points.astype(np.float64))
        squares = (held * held).sum()
        return float(held.sum() ** 2 / squares) if squares else 0.0

    def block_sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of `values`, shape (genes, ...), in each block: (blocks, ...)."""
        order = np.argsort(self.block, kind="stable")
        held, first = np.unique(self.block[order], return_index=True)
        sums = np.zeros((self.blocks, *values.shape[1:]))
        sums[held] = np.add.reduceat(values[order], first, axis=0)
        return sums

    def draw(self, sums: np.ndarray) -> np.ndarray:
        """Return the sums of each resample from those of the blocks: (resamples, ...)."""
        flat = self.counts @ sums.reshape(self.blocks, -1)
        return flat.reshape(len(self.counts), *sums.shape[1:])

    def of(self, genes: np.ndarray) -> "Resamples":
        """Return the same resamples for some of the genes (bool or positions)."""
        return Resamples(self.block[genes], self.counts)


def resample_blocks(block: np.ndarray, *, resamples: int = RESAMPLES, seed: int = 0) -> Resamples:
    """Draw as many blocks as there are, with replacement; `block` numbers that of each gene, without gaps."""
    blocks = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples)
    return Resamples(np.asarray(block), counts.astype(np.float64))


def resample_loci(
    genes: pd.DataFrame, window: Binning, *, length: int = LOCUS, seed: int = 0
) -> Resamples:
    """Return `RESAMPLES` resamples of the loci of genes; see `locus_blocks` and `resample_blocks`."""
    block = locus_blocks(genes, window, length=length)
    return resample_blocks(block, resamples=RESAMPLES, seed=seed)


def intervals(replicates: np.ndarray, blocks: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Return expanded percentile intervals at `CONFIDENCE`.

    The plain percentile interval is too narrow for few blocks. The expanded one takes the quantiles
    at Phi(sqrt(b / (b - 1)) t) and one minus it, t being the 0.025 quantile of Student's t with b - 1
    degrees of freedom for b blocks, and is the plain one for many.

    Parameters
    ----------
    replicates
        Shape (scores, resamples); undefined ones are NaN and left out.
    blocks
        Effective number of blocks behind each score, shape (scores,), or behind all of them.

    Returns
    -------
    low, high : numpy.ndarray
        Shape (scores,); NaN with fewer than two blocks, or where no replicate is defined.

    References
    ----------
    Hesterberg, The American Statistician 69:371 (2015), section 5.3 (expanded percentile interval).
    """
    blocks = np.asarray(blocks, dtype=np.float64)
    enough = np.where(blocks < 2, np.nan, blocks)
    factor = np.sqrt(enough / (enough - 1))
    tail = norm.cdf(factor * t.ppf((1 - CONFIDENCE) / 2, enough - 1))
    ordered = np.sort(replicates, axis=1)
    defined = np.isfinite(ordered).sum(axis=1)
    return _quantile(ordered, defined, tail), _quantile(ordered, defined, 1 - tail)


def _quantile(ordered: np.ndarray, defined: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Return one quantile a row, linear between the first `defined` of the ordered values."""
    unknown = np.isnan(at) | (defined == 0)
    position = np.where(unknown, 0, at) * np.maximum(defined - 1, 0)
    below = np.floor(position).astype(int)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    rows = np.arange(len(ordered))
    low, high = ordered[rows, below], ordered[rows, above]
    return np.where(unknown, np.nan, low + (high - low) * (position - below))


def ratio(part: np.ndarray | float, whole: np.ndarray | float) -> np.ndarray:
    """Return part / whole; NaN where the whole is not above 0."""
    undefined = np.full(np.shape(part), np.nan)
    return np.divide(part, whole, out=undefined, where=np.asarray(whole) > 0)
