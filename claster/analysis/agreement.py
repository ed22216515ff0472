"""Agreement of predicted with observed signal from sums over blocks, with bootstrap replicates.

All but Spearman's r follow from seven sums over points, so a resample of blocks costs one matrix
product. Spearman's r is Pearson's r of ranks; the ranks are those of the whole sample and are not
computed again in a resample.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from claster.analysis.bootstrap import Resamples

__all__ = ["FEWEST", "METRICS", "VIEWS", "Replicated", "Signal", "bin_correlations", "view"]

METRICS = ("pearson", "spearman", "r2", "rmse", "mae", "slope")
"""Pearson r, Spearman r, R2 of the prediction, RMSE, MAE, and slope of predicted on observed."""

FEWEST = 10
"""A bin (across genes) or a gene (across its bins) with fewer points than this is not averaged."""

_NEARLY_CONSTANT = 1e-10
"""Variance over mean square up to which values count as constant: beyond it is rounding."""


@dataclass(frozen=True)
class Replicated:
    """A score, its bootstrap replicates (shape (resamples,)) and what it counts.

    `n` is the number of points of a pooled score, of bins or genes of an averaged one; `blocks` is
    the effective number of blocks.
    """

    value: float
    replicates: np.ndarray
    n: int
    blocks: float

    def minus(self, other: "Replicated") -> "Replicated":
        """Return the difference to another score on the same resamples."""
        return Replicated(
            self.value - other.value, self.replicates - other.replicates, self.n, self.blocks
        )

    def over(self, other: "Replicated") -> "Replicated":
        """Return the ratio to another score on the same resamples; NaN where that is not above 0."""
        value, replicates = (
            np.divide(mine, theirs, out=np.full_like(mine, np.nan), where=theirs > 0)
            for mine, theirs in (
                (np.array(self.value), np.array(other.value)),
                (self.replicates, other.replicates),
            )
        )
        return Replicated(float(value), replicates, self.n, self.blocks)


@dataclass(frozen=True)
class Signal:
    """Values of shape (genes, bins) and which of them count; ranks are computed when first needed.

    Gene values have shape (genes, 1).
    """

    values: np.ndarray
    counted: np.ndarray

    @cached_property
    def pooled_ranks(self) -> np.ndarray:
        """Ranks among all values that count; 0 elsewhere."""
        ranks = np.zeros(self.values.shape)
        ranks[self.counted] = rankdata(self.values[self.counted])
        return ranks

    @cached_property
    def ranks_in_bin(self) -> np.ndarray:
        """Ranks among the genes of a bin; 0 where a value does not count."""
        return self._ranks(axis=0)

    @cached_property
    def ranks_in_gene(self) -> np.ndarray:
        """Ranks among the bins of a gene; 0 where a value does not count."""
        return self._ranks(axis=1)

    def _ranks(self, *, axis: int) -> np.ndarray:
        # What does not count ranks last, so it does not touch the ranks of the others.
        ranks = rankdata(np.where(self.counted, self.values, np.inf), axis=axis)
        return np.where(self.counted, ranks, 0)

    @property
    def points(self) -> np.ndarray:
        """How many values of each gene count."""
        return self.counted.sum(axis=1)


def view(
    how: str, observed: Signal, predicted: Signal, resamples: Resamples
) -> dict[str, Replicated]:
    """Return every metric of `METRICS` in one view.

    Parameters
    ----------
    how
        ``pooled``: all points at once. ``per_bin``: across genes within each bin, then the mean over
        bins. ``per_gene``: across bins within each gene, then the mean over genes.
    observed, predicted
        Signal on one scale, with the same values that count.
    resamples
        Resamples of the genes' blocks.

    Returns
    -------
    dict
        A score by metric; NaN where it is undefined.
    """
    return VIEWS[how](observed, predicted, resamples)


def bin_correlations(
    observed: Signal, predicted: Signal, resamples: Resamples
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Pearson r across genes of each bin.

    Returns
    -------
    value : numpy.ndarray
        Shape (bins,); NaN where fewer than `FEWEST` genes count or they do not vary.
    replicates : numpy.ndarray
        Shape (resamples, bins).
    n : numpy.ndarray
        Genes of each bin, shape (bins,).
    """
    sums = _sums(observed.values, predicted.values, observed.counted, axis=0)
    blocks = resamples.block_sums(sums)
    total = blocks.sum(axis=0)
    n = total[0]
    value, replicates = (
        np.where(n < FEWEST, np.nan, _pearson(part)) for part in (total, resamples.draw(blocks))
    )
    return value, replicates, n.astype(int)


def _pooled(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    n = int(observed.counted.sum())
    blocks = resamples.effective_blocks(observed.points)

    def scores(x: np.ndarray, y: np.ndarray, names: dict[str, Callable]) -> dict[str, Replicated]:
        points = _sums(x, y, observed.counted)
        per_block = resamples.block_sums(points.sum(axis=-1, keepdims=True))
        total, drawn = per_block.sum(axis=0), resamples.draw(per_block)
        return {
            name: Replicated(float(compute(total)[0]), compute(drawn)[:, 0], n, blocks)
            for name, compute in names.items()
        }

    found = scores(observed.values, predicted.values, _BY_SUMS)
    found |= scores(observed.pooled_ranks, predicted.pooled_ranks, _BY_RANK_SUMS)
    return {name: found[name] for name in METRICS}


def _per_bin(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    blocks = resamples.effective_blocks(observed.points)
    usable = observed.counted.sum(axis=0) >= FEWEST

    def scores(x: np.ndarray, y: np.ndarray, names: dict[str, Callable]) -> dict[str, Replicated]:
        points = _sums(x[:, usable], y[:, usable], observed.counted[:, usable], axis=0)
        per_block = resamples.block_sums(points)
        total, drawn = per_block.sum(axis=0), resamples.draw(per_block)
        found = {}
        for name, compute in names.items():
            each = compute(total)
            n = int(np.isfinite(each).sum())
            replicates = _mean(compute(drawn)[:, np.isfinite(each)])
            found[name] = Replicated(float(_mean(each)), replicates, n, blocks)
        return found

    found = scores(observed.values, predicted.values, _BY_SUMS)
    found |= scores(observed.ranks_in_bin, predicted.ranks_in_bin, _BY_RANK_SUMS)
    return {name: found[name] for name in METRICS}


def _per_gene(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    few = observed.counted.sum(axis=1) < FEWEST

    def scores(x: np.ndarray, y: np.ndarray, names: dict[str, Callable]) -> dict[str, Replicated]:
        sums = _sums(x, y, observed.counted, axis=1).sum(axis=-1, keepdims=True)
        found = {}
        for name, compute in names.items():
            each = np.where(few, np.nan, compute(sums)[:, 0])
            defined = np.isfinite(each)
            pairs = np.stack([np.where(defined, each, 0), defined], axis=1)
            drawn = resamples.draw(resamples.block_sums(pairs))
            found[name] = Replicated(
                float(_mean(each)),
                _ratio(drawn[:, 0], drawn[:, 1]),
                int(defined.sum()),
                resamples.effective_blocks(defined),
            )
        return found

    found = scores(observed.values, predicted.values, _BY_SUMS)
    found |= scores(observed.ranks_in_gene, predicted.ranks_in_gene, _BY_RANK_SUMS)
    return {name: found[name] for name in METRICS}


VIEWS: dict[str, Callable[[Signal, Signal, Resamples], dict[str, Replicated]]] = {
    "pooled": _pooled,
    "per_bin": _per_bin,
    "per_gene": _per_gene,
}


def _sums(
    x: np.ndarray, y: np.ndarray, counted: np.ndarray, *, axis: int | None = None
) -> np.ndarray:
    """Return what is summed of each point: 1, x, y, xx, yy, xy, |x - y|; shape (genes, 7, bins).

    Both are shifted by the mean of x (along `axis`), so that squares do not swamp differences.
    """
    weight = counted.astype(np.float64)
    number = np.maximum(weight.sum(axis=axis, keepdims=True), 1)
    shift = (x * weight).sum(axis=axis, keepdims=True) / number
    x, y = (x - shift) * weight, (y - shift) * weight
    return np.stack([weight, x, y, x * x, y * y, x * y, np.abs(x - y)], axis=1)


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


def _pearson(sums: np.ndarray) -> np.ndarray:
    xx, yy, xy = _spreads(sums)
    return np.clip(xy / np.sqrt(xx * yy), -1, 1)


def _slope(sums: np.ndarray) -> np.ndarray:
    xx, _, xy = _spreads(sums)
    return xy / xx


def _squared_error(sums: np.ndarray) -> np.ndarray:
    return (sums[..., 3, :] - 2 * sums[..., 5, :] + sums[..., 4, :]).clip(min=0)


def _r2(sums: np.ndarray) -> np.ndarray:
    return 1 - _squared_error(sums) / _spreads(sums)[0]


def _rmse(sums: np.ndarray) -> np.ndarray:
    return np.sqrt(_ratio(_squared_error(sums), sums[..., 0, :]))


def _mae(sums: np.ndarray) -> np.ndarray:
    return _ratio(sums[..., 6, :], sums[..., 0, :])


_BY_SUMS: dict[str, Callable] = {
    "pearson": _pearson,
    "r2": _r2,
    "rmse": _rmse,
    "mae": _mae,
    "slope": _slope,
}
_BY_RANK_SUMS: dict[str, Callable] = {"spearman": _pearson}


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is defined; NaN where nothing is."""
    defined = np.isfinite(values)
    return _ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
