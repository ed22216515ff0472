"""Agreement of predicted with observed signal from sums over blocks, with bootstrap replicates.

Spearman's r is Pearson's r of ranks; the ranks are those of the whole sample and are not computed
again in a resample.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import rankdata

from claster.analysis.bootstrap import (
    Resamples,
    mae,
    mean_defined,
    pearson,
    point_sums,
    r2,
    ratio,
    rmse,
    slope,
    within,
)

METRICS = ("pearson", "spearman", "r2", "rmse", "mae", "slope")
"""Pearson r, Spearman r, R2 of the prediction, RMSE, MAE, and slope of predicted on observed."""

_FEWEST = 10
"""A bin (across genes) or a gene (across its bins) with fewer points than this is not averaged."""

_BY_SUMS: dict[str, Callable] = {
    "pearson": pearson,
    "r2": r2,
    "rmse": rmse,
    "mae": mae,
    "slope": slope,
}
_AVERAGED: dict[str, Callable] = {"pearson": pearson, "rmse": rmse, "mae": mae}
_BY_RANK_SUMS: dict[str, Callable] = {"spearman": pearson}


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


def bin_correlations(
    observed: Signal, predicted: Signal, resamples: Resamples
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Pearson r across genes of each bin.

    Returns
    -------
    value : numpy.ndarray
        Shape (bins,); NaN where fewer than `_FEWEST` genes count or they do not vary.
    replicates : numpy.ndarray
        Shape (resamples, bins).
    n : numpy.ndarray
        Genes of each bin, shape (bins,).
    """
    sums = point_sums(observed.values, predicted.values, observed.counted, axis=0)
    blocks = resamples.block_sums(sums)
    total = blocks.sum(axis=0)
    n = total[0]
    value, replicates = (
        np.where(n < _FEWEST, np.nan, pearson(part)) for part in (total, resamples.draw(blocks))
    )
    return value, replicates, n.astype(int)


def _pooled(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    n = int(observed.counted.sum())
    blocks = resamples.effective_blocks(observed.points)

    def scores(x: np.ndarray, y: np.ndarray, names: dict[str, Callable]) -> dict[str, Replicated]:
        points = point_sums(x, y, observed.counted)
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
    usable = observed.counted.sum(axis=0) >= _FEWEST

    def sums(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        points = point_sums(x[:, usable], y[:, usable], observed.counted[:, usable], axis=0)
        per_block = resamples.block_sums(points)
        return per_block.sum(axis=0), resamples.draw(per_block)

    found = {}
    values = sums(observed.values, predicted.values)
    ranks = sums(observed.ranks_in_bin, predicted.ranks_in_bin)
    for (total, drawn), names in ((values, _AVERAGED), (ranks, _BY_RANK_SUMS)):
        for name, compute in names.items():
            each = compute(total)
            n = int(np.isfinite(each).sum())
            replicates = mean_defined(compute(drawn)[:, np.isfinite(each)])
            found[name] = Replicated(float(mean_defined(each)), replicates, n, blocks)
    total, drawn = (within(part).sum(axis=-1) for part in values)
    found |= _ratios(total, drawn, int(usable.sum()), blocks)
    return {name: found[name] for name in METRICS}


def _per_gene(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    usable = observed.counted.sum(axis=1) >= _FEWEST

    def sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return point_sums(x, y, observed.counted, axis=1).sum(axis=-1, keepdims=True)

    found = {}
    values = sums(observed.values, predicted.values)
    ranks = sums(observed.ranks_in_gene, predicted.ranks_in_gene)
    for part, names in ((values, _AVERAGED), (ranks, _BY_RANK_SUMS)):
        for name, compute in names.items():
            each = np.where(usable, compute(part)[:, 0], np.nan)
            defined = np.isfinite(each)
            pairs = np.stack([np.where(defined, each, 0), defined], axis=1)
            drawn = resamples.draw(resamples.block_sums(pairs))
            found[name] = Replicated(
                float(mean_defined(each)),
                ratio(drawn[:, 0], drawn[:, 1]),
                int(defined.sum()),
                resamples.effective_blocks(defined),
            )
    per_block = resamples.block_sums(within(values)[..., 0] * usable[:, np.newaxis])
    found |= _ratios(
        per_block.sum(axis=0),
        resamples.draw(per_block),
        int(usable.sum()),
        resamples.effective_blocks(usable),
    )
    return {name: found[name] for name in METRICS}


def _ratios(total: np.ndarray, drawn: np.ndarray, n: int, blocks: float) -> dict[str, Replicated]:
    """Return R2 and slope within bins or genes, from the three sums of `within`."""
    return {
        name: Replicated(float(compute(total)), compute(drawn), n, blocks)
        for name, compute in _WITHIN.items()
    }


_WITHIN: dict[str, Callable] = {
    "r2": lambda sums: 1 - ratio(sums[..., 0], sums[..., 1]),
    "slope": lambda sums: ratio(sums[..., 2], sums[..., 1]),
}

VIEWS: dict[str, Callable[[Signal, Signal, Resamples], dict[str, Replicated]]] = {
    "pooled": _pooled,
    "per_bin": _per_bin,
    "per_gene": _per_gene,
}
