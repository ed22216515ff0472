"""What figures share: points, lines with a band, bars with intervals, counts of cells, legends above."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm

TSS_AXIS = "Distance from the TSS (kb)"


def draw_points(ax: Axes, x: npt.ArrayLike, y: npt.ArrayLike, *, colour: str, label: str) -> None:
    """Draw small points; the legend tells how many they are."""
    told = f"{label} (n = {np.size(x):,})"
    ax.scatter(x, y, s=9, color=colour, linewidths=0, alpha=0.8, label=told)


def draw_band(
    ax: Axes,
    x: npt.ArrayLike,
    bounds: pd.DataFrame,
    *,
    colour: str,
    alpha: float = 0.2,
    **line: Any,  # noqa: ANN401
) -> None:
    """Draw a line with a band, of the columns value, low and high; `line` is what `Axes.plot` takes."""
    value, low, high = (bounds[name] for name in bounds)
    ax.fill_between(x, low, high, color=colour, alpha=alpha, linewidth=0)
    ax.plot(x, value, color=colour, **line)


def draw_bars(
    ax: Axes,
    places: npt.ArrayLike,
    bounds: pd.DataFrame,
    *,
    arm: float = 1.2,
    shade: str = "0.35",
    **bar: Any,  # noqa: ANN401
) -> None:
    """Draw horizontal bars with intervals, of the columns value, low and high; undefined ones have none.

    `arm` and `shade` are width and grey of the intervals, `bar` is what `Axes.barh` takes.
    """
    value, low, high = (bounds[name] for name in bounds)
    ax.barh(places, np.nan_to_num(value), **bar)
    ax.errorbar(
        value,
        places,
        xerr=interval_arms(value, low, high),
        fmt="none",
        ecolor=shade,
        elinewidth=arm,
        capsize=2,
    )


def interval_arms(
    value: npt.ArrayLike, low: npt.ArrayLike, high: npt.ArrayLike
) -> npt.NDArray[np.float64]:
    """Return the lengths of both arms of intervals, shape (2, rows); 0 where there is none."""
    arms = np.stack([np.subtract(value, low), np.subtract(high, value)])
    return np.nan_to_num(arms).clip(min=0)


def draw_counts(
    ax: Axes, x: np.ndarray, y: np.ndarray, counts: np.ndarray, *, most: float
) -> QuadMesh:
    """Draw a 2-D histogram with logarithmic colours from 1 to `most`; empty cells stay empty."""
    return ax.pcolormesh(
        x,
        y,
        np.ma.masked_equal(counts, 0).T,
        norm=LogNorm(vmin=1, vmax=most),
        cmap="viridis",
        rasterized=True,
    )


def legend_above(
    ax: Axes,
    side: Literal["left", "right"],
    *,
    ncols: int = 1,
    **legend: Any,  # noqa: ANN401
) -> None:
    """Put the legend above the axes, on one side; `legend` is what `Axes.legend` takes."""
    if side == "left":
        legend |= {"loc": "lower left", "bbox_to_anchor": (0, 1)}
    else:
        legend |= {"loc": "lower right", "bbox_to_anchor": (1, 1)}
    ax.legend(ncols=ncols, borderaxespad=0.1, **legend)
