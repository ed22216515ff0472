"""Agreement of predicted with observed signal from sums over blocks, with bootstrap replicates.

Spearman's r is Pearson's r of ranks; the ranks are those of the whole sample and are not computed
again in a resample.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import rankdata

from claster.analysis.bootstrap import Resamples, ratio

METRICS = ("pearson", "spearman", "r2", "rmse", "mae", "slope")
"""Pearson r, Spearman r, R2 of the prediction, RMSE, MAE, and slope of predicted on observed."""

_FEWEST = 10
"""A bin (across genes) or a gene (across its bins) with fewer points than this is not averaged."""

_NEARLY_CONSTANT = 1e-10
"""Variance over mean square up to which values count as constant: beyond it is rounding."""

_AVERAGED = {"pearson": "pearson", "rmse": "rmse", "mae": "mae"}
_OF_RANKS = {"spearman": "pearson"}


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


def measures(sums: np.ndarray) -> dict[str, np.ndarray]:
    """Return the metrics of sums of `point_sums` by name, but Spearman r; NaN where they are undefined.

    These are Pearson r, the R2 of y as a prediction of x, RMSE, MAE, and the least-squares slope of y on x.
    """
    xx, yy, xy = _spreads(sums)
    n, error = sums[..., 0, :], _squared_error(sums)
    return {
        "pearson": np.clip(xy / np.sqrt(xx * yy), -1, 1),
        "r2": 1 - error / xx,
        "rmse": np.sqrt(ratio(error, n)),
        "mae": ratio(sums[..., 6, :], n),
        "slope": xy / xx,
    }


def _mean_defined(values: np.ndarray) -> np.ndarray:
    """Return the mean over the last axis of what is defined; NaN where nothing is."""
    defined = np.isfinite(values)
    return ratio(np.where(defined, values, 0).sum(axis=-1), defined.sum(axis=-1))


def _within(sums: np.ndarray) -> np.ndarray:
    """Return squared error, squares of x about its mean, and products about the means; (..., 3, bins).

    They add up over bins or genes, where R2 and slope of a single one can be without bound. Where x does not
    vary only the error is above 0.
    """
    xx, _, xy = _spreads(sums)
    return np.stack(
        [_squared_error(sums), np.nan_to_num(xx), np.where(np.isnan(xx), 0, xy)], axis=-2
    )


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
        value = float(ratio(self.value, other.value))
        return Replicated(value, ratio(self.replicates, other.replicates), self.n, self.blocks)


@dataclass(frozen=True)
class Signal:
    """Values of shape (genes, bins), or (genes, 1), and which of them count."""

    values: np.ndarray
    counted: np.ndarray
    _ranks: dict[int | None, np.ndarray] = field(default_factory=dict)

    def ranks(self, axis: int | None) -> np.ndarray:
        """Return ranks along an axis, None: among all, computed once; 0 for what does not count."""
        if axis not in self._ranks:
            # What does not count ranks last, so it does not touch the ranks of the others.
            ranks = rankdata(np.where(self.counted, self.values, np.inf), axis=axis)
            self._ranks[axis] = np.where(self.counted, ranks.reshape(self.values.shape), 0)
        return self._ranks[axis]

    @property
    def points(self) -> np.ndarray:
        """How many values of each gene count."""
        return self.counted.sum(axis=1)


def bin_correlations(
    observed: Signal, predicted: Signal, resamples: Resamples
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return Pearson r across genes of each bin, its replicates, (resamples, bins), and the number of genes.

    r is NaN where fewer than 10 genes count or they do not vary.
    """
    sums = point_sums(observed.values, predicted.values, observed.counted, axis=0)
    blocks = resamples.block_sums(sums)
    total = blocks.sum(axis=0)
    n = total[0]
    value, replicates = (
        np.where(n < _FEWEST, np.nan, measures(part)["pearson"])
        for part in (total, resamples.draw(blocks))
    )
    return value, replicates, n.astype(int)


def _pooled(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    n = int(observed.counted.sum())
    blocks = resamples.effective_blocks(observed.points)

    def scores(x: np.ndarray, y: np.ndarray) -> dict[str, Replicated]:
        points = point_sums(x, y, observed.counted)
        per_block = resamples.block_sums(points.sum(axis=-1, keepdims=True))
        total, drawn = measures(per_block.sum(axis=0)), measures(resamples.draw(per_block))
        return {
            name: Replicated(float(value[0]), drawn[name][:, 0], n, blocks)
            for name, value in total.items()
        }

    found = scores(observed.values, predicted.values)
    found["spearman"] = scores(observed.ranks(None), predicted.ranks(None))["pearson"]
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
    ranks = sums(observed.ranks(0), predicted.ranks(0))
    for parts, names in ((values, _AVERAGED), (ranks, _OF_RANKS)):
        total, drawn = (measures(part) for part in parts)
        for name, metric in names.items():
            each = total[metric]
            defined = np.isfinite(each)
            replicates = _mean_defined(drawn[metric][:, defined])
            found[name] = Replicated(
                float(_mean_defined(each)), replicates, int(defined.sum()), blocks
            )
    within, drawn_within = (_within(part).sum(axis=-1) for part in values)
    found |= _ratios(within, drawn_within, int(usable.sum()), blocks)
    return {name: found[name] for name in METRICS}


def _per_gene(observed: Signal, predicted: Signal, resamples: Resamples) -> dict[str, Replicated]:
    usable = observed.counted.sum(axis=1) >= _FEWEST

    def sums(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return point_sums(x, y, observed.counted, axis=1).sum(axis=-1, keepdims=True)

    found = {}
    values = sums(observed.values, predicted.values)
    ranks = sums(observed.ranks(1), predicted.ranks(1))
    for part, names in ((values, _AVERAGED), (ranks, _OF_RANKS)):
        of_genes = measures(part)
        for name, metric in names.items():
            each = np.where(usable, of_genes[metric][:, 0], np.nan)
            defined = np.isfinite(each)
            pairs = np.stack([np.where(defined, each, 0), defined], axis=1)
            drawn = resamples.draw(resamples.block_sums(pairs))
            found[name] = Replicated(
                float(_mean_defined(each)),
                ratio(drawn[:, 0], drawn[:, 1]),
                int(defined.sum()),
                resamples.effective_blocks(defined),
            )
    per_block = resamples.block_sums(_within(values)[..., 0] * usable[:, np.newaxis])
    found |= _ratios(
        per_block.sum(axis=0),
        resamples.draw(per_block),
        int(usable.sum()),
        resamples.effective_blocks(usable),
    )
    return {name: found[name] for name in METRICS}


def _ratios(total: np.ndarray, drawn: np.ndarray, n: int, blocks: float) -> dict[str, Replicated]:
    """Return R2 and slope within bins or genes, from the three sums of `_within`."""
    (r2, slope), (drawn_r2, drawn_slope) = (
        (1 - ratio(sums[..., 0], sums[..., 1]), ratio(sums[..., 2], sums[..., 1]))
        for sums in (total, drawn)
    )
    return {
        "r2": Replicated(float(r2), drawn_r2, n, blocks),
        "slope": Replicated(float(slope), drawn_slope, n, blocks),
    }


VIEWS: dict[str, Callable[[Signal, Signal, Resamples], dict[str, Replicated]]] = {
    "pooled": _pooled,
    "per_bin": _per_bin,
    "per_gene": _per_gene,
}
"""How points are put together; each view returns every metric of `METRICS`, NaN where it is undefined."""
