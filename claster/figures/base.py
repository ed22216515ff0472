"""What a figure of the paper is: a name, what it needs, a function that draws it, what was published."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from claster.analysis.metrics import correlations, fitted_slope
from claster.figures.context import Context
from claster.genome.windows import Binning
from claster.plot import OKABE_ITO, style
from claster.plot.style import new_figure
from claster.progress import Progress

Columns = Literal[1, 2]
COLUMNS: tuple[Columns, ...] = (1, 2)

_WIDTH = {1: 85 / 25.4, 2: 170 / 25.4}
"""Inches: half and full page of Genome Biology."""

_SQUARE = 105 / 25.4
_HEAD = 12
_SMALLER, _SMALLEST = 0.8, 5.5

Drawn = tuple[Figure, np.ndarray, pd.DataFrame]
"""The figure, its axes and the table of the numbers drawn."""


@dataclass(frozen=True)
class Page:
    """The place that a figure is drawn for: one journal column (85 mm) or two (170 mm)."""

    columns: Columns = 2

    @property
    def width(self) -> float:
        """Width in inches."""
        return _WIDTH[self.columns]

    def panels(self, count: int, *, height: float, across: int = 2) -> tuple[Figure, np.ndarray]:
        """Return a figure of equal panels and their axes, shape (count,).

        Parameters
        ----------
        height
            Of one panel in inches.
        across
            Panels in a row where there are two journal columns; on one column all lie below each other.
        """
        across = min(across, count) if self.columns == 2 else 1
        rows = -(-count // across)
        fig = new_figure(self.width, rows * height)
        axes = fig.subplots(rows, across, squeeze=False).ravel()
        for spare in axes[count:]:
            spare.remove()
        return fig, axes[:count]

    def panel(self, *, height: float, square: bool = False) -> tuple[Figure, Axes]:
        """Return a figure of one panel; a `square` one is at most 105 mm wide."""
        fig = new_figure(min(self.width, _SQUARE) if square else self.width, height)
        return fig, fig.subplots()


@dataclass(frozen=True)
class Need:
    """Something that a figure is drawn from.

    Attributes
    ----------
    what
        In words.
    find
        Returns its files, or raises `ClasterError` whose remedy is the command that makes it.
    make
        Makes it, where that takes a minute or two; None where it is a long or a user's own step.
    """

    what: str
    find: Callable[[Context], list[Path]]
    make: Callable[[Context, Progress], None] | None = None


@dataclass(frozen=True)
class Published:
    """A number that the paper or its notebooks print.

    Attributes
    ----------
    where
        Columns and values that choose one row of the figure's table, whose `value` is the same number.
    value
        As printed.
    """

    where: dict[str, str]
    value: float
    source: str


@dataclass(frozen=True)
class PaperFigure:
    """A figure of the paper, its supplement, tutorial or revisions.

    Attributes
    ----------
    name
        Such as ``F1a``; T: tutorial, F: main text, S: supplement, R: revisions.
    about
        How it is computed, and what is different from the published one.
    draw
        From context and page to figure, axes and table.
    published
        Printed numbers of the same quantities.
    """

    name: str
    title: str
    about: str
    needs: tuple[Need, ...]
    draw: Callable[[Context, Page], Drawn]
    published: tuple[Published, ...] = ()


def share_legend(fig: Figure, axes: np.ndarray) -> None:
    """Put one legend below all panels in the place of one in each; entries are those of the first."""
    handles, labels = axes[0].get_legend_handles_labels()
    for ax in axes:
        if ax.get_legend() is not None:
            ax.get_legend().remove()
    fig.legend(handles, labels, loc="outside lower center", ncols=3)


def head(ax: Axes, text: str) -> None:
    """Write what a panel shows above it, larger than the title of a `claster.plot` function."""
    ax.set_title(text, loc="left", fontsize=_HEAD)


def figure(
    name: str, *, needs: tuple[Need, ...], published: tuple[Published, ...] = ()
) -> Callable[[Callable[[Context, Page], Drawn]], PaperFigure]:
    """Make a `PaperFigure` of a function, which draws in the style of `claster.plot`.

    The first line of its docstring, behind "Draw", becomes the title, the rest `about`.
    """

    def make(draw: Callable[[Context, Page], Drawn]) -> PaperFigure:
        @wraps(draw)
        def draw_small(context: Context, page: Page) -> Drawn:
            with style():
                fig, axes, table = draw(context, page)
            for text in fig.findobj(Text):
                text.set_fontsize(max(_SMALLER * float(text.get_fontsize()), _SMALLEST))
            return fig, axes, table

        first, _, rest = inspect.cleandoc(draw.__doc__ or "").partition("\n")
        title = first.removeprefix("Draw ").removesuffix(".")
        about = " ".join(rest.split())
        return PaperFigure(name, title[0].upper() + title[1:], about, needs, draw_small, published)

    return make


def draw_distances(ax: Axes, pairs: pd.DataFrame, *, step: int) -> pd.DataFrame:
    """Draw pairs of element and gene by distance, in classes of `step` bp up to 200 kb; return the counts."""
    distance = pairs["distance_bp"].abs()
    edges = np.arange(0, 200_001, step)
    counts = np.histogram(distance, edges)[0]
    ax.stairs(counts, edges / 1000, fill=True, color="0.7")
    ax.axvline(distance.median() / 1000, color=OKABE_ITO["vermillion"], label="median")
    ax.set(xlabel="Distance from element to TSS (kb)", ylabel="Number of pairs")
    ax.legend()
    return pd.DataFrame({"from_bp": edges[:-1], "to_bp": edges[1:], "pairs": counts})


def agreement_rows(observed: np.ndarray, predicted: np.ndarray, **labels: str) -> pd.DataFrame:
    """Return r, slope and number of points on log2(x + 1), as the corner of a density tells them.

    Returns
    -------
    pandas.DataFrame
        The labels, then `quantity` (pearson, spearman, slope, points) and `value`.
    """
    found = correlations(observed, predicted)
    slope = fitted_slope(observed, predicted)
    names = ["pearson", "spearman", "slope", "points"]
    values = [found.pearson, found.spearman, slope, float(found.n)]
    return pd.DataFrame({**labels, "quantity": names, "value": values})


def profile_table(binning: Binning, profiles: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return profiles as columns beside `offset_bp`, the middle of each bin from the TSS."""
    return pd.DataFrame({"offset_bp": binning.middles, **profiles})


def map_table(maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return contact maps as columns beside `row` and `column` of each cell; the TSS is in column 0."""
    rows, columns = next(iter(maps.values())).shape
    row, column = np.indices((rows, columns)).reshape(2, -1)
    cells = {name: array.ravel() for name, array in maps.items()}
    return pd.DataFrame({"row": row, "column": column - columns // 2, **cells})
