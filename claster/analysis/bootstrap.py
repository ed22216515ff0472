"""Block bootstrap: neighbouring genes are drawn together, because they share signal."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm, t

_NEARLY_CONSTANT = 1e-10
"""Variance over mean square up to which values count as constant: beyond it is rounding."""


def point_sums(
    x: np.ndarray, y: np.ndarray, counted: np.ndarray, *, axis: int | None = None
) -> np.ndarray:
    """Return what is summed of each point: 1, x, y, xx, yy, xy, ``|x - y|``; shape (genes, 7, bins).

    Both are shifted by the mean of x (along `axis`), so that squares do not swamp differences.
    """
    weight = counted.astype(np.float64)
    number = np.maximum(weight.sum(axis=axis, keepdims=True), 1)
    shift = (x * weight).sum(axis=axis, keepdims=True) / number
    x, y = (x - shift) * weight, (y - shift) * weight
    return np.stack([weight, x, y, x * x, y * y, x * y, np.abs(x - y)], axis=1)


def pearson(sums: np.ndarray) -> np.ndarray:
    """Return Pearson r; NaN where either side does not vary."""
    xx, yy, xy = _spreads(sums)
    return np.clip(xy / np.sqrt(xx * yy), -1, 1)


def slope(sums: np.ndarray) -> np.ndarray:
    """Return the least-squares slope of y on x; NaN where x does not vary."""
    xx, _, xy = _spreads(sums)
    return xy / xx


def r2(sums: np.ndarray) -> np.ndarray:
    """Return 1 - squared error / variance of x; NaN where x does not vary."""
    return 1 - _squared_error(sums) / _spreads(sums)[0]


def rmse(sums: np.ndarray) -> np.ndarray:
    """Return the root of the mean squared error; NaN without a point."""
    return np.sqrt(ratio(_squared_error(sums), sums[..., 0, :]))


def mae(sums: np.ndarray) -> np.ndarray:
    """Return the mean absolute error; NaN without a point."""
    return ratio(sums[..., 6, :], sums[..., 0, :])


def mean_defined(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is defined; NaN where nothing is."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def within(sums: np.ndarray) -> np.ndarray:
    """Return squared error, squares of x about its mean, and products about the means.

    They add up over bins or genes, where R2 and slope of a single one can be without bound.

    Returns
    -------
    numpy.ndarray
        Shape (..., 3, bins); 0 where x does not vary, but for the error.
    """
    xx, _, xy = _spreads(sums)
    return np.stack(
        [_squared_error(sums), np.nan_to_num(xx), np.where(np.isnan(xx), 0, xy)], axis=-2
    )


def ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole; NaN where the whole is not above 0."""
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)


def _spreads(sums: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the sums of squares of x and of y and of their products about the means.

    NaN where there are fewer than two points or the values are constant but for rounding.
    """
    n, x, y, xx, yy, xy = (sums[..., part, :] for part in range(6))
    n = np.where(n < 2, np.nan, n)
    xx_c, yy_c = xx - x * x / n, yy - y * y / n
    xx_c = np.where(xx_c > _NEARLY_CONSTANT * xx, xx_c, np.nan)
    yy_c = np.where(yy_c > _NEARLY_CONSTANT * yy, yy_c, np.nan)
    return xx_c, yy_c, xy - x * y / n


def _squared_error(sums: np.ndarray) -> np.ndarray:
    return (sums[..., 3, :] - 2 * sums[..., 5, :] + sums[..., 4, :]).clip(min=0)


CONFIDENCE = 0.95
"""Confidence of every interval."""


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


def resample_blocks(block: np.ndarray, *, resamples: int = 1000, seed: int = 0) -> Resamples:
    """Draw as many blocks as there are, with replacement, `resamples` times.

    Parameters
    ----------
    block
        Number of the block of each gene, from 0 without gaps.
    seed
        The same seed gives the same resamples.
    """
    blocks = int(block.max()) + 1
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(blocks, np.full(blocks, 1 / blocks), size=resamples)
    return Resamples(np.asarray(block), counts.astype(np.float64))


def intervals(replicates: np.ndarray, blocks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return expanded percentile intervals at `CONFIDENCE`.

    The plain percentile interval is too narrow for few blocks. The expanded one takes the quantiles
    at Phi(sqrt(b / (b - 1)) t) and one minus it, t being the 0.025 quantile of Student's t with b - 1
    degrees of freedom for b blocks, and is the plain one for many.

    Parameters
    ----------
    replicates
        Shape (scores, resamples); undefined ones are NaN and left out.
    blocks
        Effective number of blocks behind each score, shape (scores,).

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
