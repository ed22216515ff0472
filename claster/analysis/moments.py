"""Scores from seven sums over points: 1, x, y, xx, yy, xy and ``|x - y|``, x observed and y predicted.

Sums of points are the sums of their blocks, so a resample of blocks costs one matrix product. The
seven stand on the last axis but one; the last one is the bin, or has length 1.
"""

import numpy as np

__all__ = [
    "mae",
    "mean_defined",
    "pearson",
    "point_sums",
    "r2",
    "ratio",
    "rmse",
    "slope",
    "within",
]

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
