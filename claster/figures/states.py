"""Chromatin states of the bins of test genes."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from claster.errors import ClasterError
from claster.figures.base import Drawn, Need, Page, PaperFigure, figure
from claster.figures.context import Context
from claster.figures.needs import BUILT
from claster.plot.style import OKABE_ITO, style

__all__ = ["FIGURES"]

_MARKS = ("H3K4me3", "H3K27ac", "H3K27me3")
_EVERY = 20
_CELLS = 60
_ARROWS = {"P1": ("H3K27ac",), "P2": ("H3K4me3", "H3K27ac")}


def _marks(context: Context) -> list:
    missing = set(_MARKS) - {track.name for track in context.spec.tracks}
    if missing:
        raise ClasterError(
            f"dataset {context.spec.name!r} has no track {sorted(missing)[0]}",
            remedy=f"name its tracks {', '.join(_MARKS)} in its YAML",
        )
    return []


@figure(
    "F2b",
    needs=(BUILT, Need("the tracks H3K4me3, H3K27ac and H3K27me3", _marks)),
)
def chromatin_states(context: Context, page: Page) -> Drawn:
    """Draw chromatin states: three marks against each other.

    Every 20th bin of the forward test landscapes on log2(x + 1), two marks at a time: number of bins by
    colour, and the way that silencing takes a bin of the highest percentile (P1: H3K27ac, P2: all
    activating marks). The published figure is one three-dimensional cloud, labelled by hand.
    """
    names = [track.name for track in context.spec.tracks]
    rows = [names.index(mark) for mark in _MARKS]
    genes = context.genes("test")
    cloud = np.concatenate(
        [context.landscape(gene)[rows, ::_EVERY] for _, gene in genes.iterrows()], axis=1
    )
    cloud = np.log2(cloud.clip(min=0) + 1)
    reach = np.quantile(cloud, 0.9995, axis=1).clip(min=1)
    top = np.quantile(cloud, 0.99, axis=1)
    pairs = list(combinations(range(len(_MARKS)), 2))
    fig, axes = page.panels(len(pairs), height=2.2, across=3)
    tables = []
    for ax, (first, second) in zip(axes, pairs, strict=True):
        limits = [(0, reach[first]), (0, reach[second])]
        counts, x, y = np.histogram2d(cloud[first], cloud[second], bins=_CELLS, range=limits)
        with style():
            mesh = ax.pcolormesh(
                x,
                y,
                np.ma.masked_equal(counts, 0).T,
                norm=LogNorm(1, counts.max()),
                cmap="viridis",
                rasterized=True,
            )
            for name, silenced in _ARROWS.items():
                end = [0.0 if _MARKS[mark] in silenced else top[mark] for mark in (first, second)]
                if end != [top[first], top[second]]:
                    ax.annotate(
                        name,
                        xytext=(top[first], top[second]),
                        xy=tuple(end),
                        fontsize=7,
                        color=OKABE_ITO["vermillion"],
                        arrowprops={"arrowstyle": "->", "color": OKABE_ITO["vermillion"]},
                    )
            ax.set_xlabel(f"{_MARKS[first]}, log2(signal + 1)")
            ax.set_ylabel(f"{_MARKS[second]}, log2(signal + 1)")
            fig.colorbar(mesh, ax=ax, pad=0.02, label="Number of bins")
        filled = np.argwhere(counts > 0)
        tables.append(
            pd.DataFrame(
                {
                    "x": _MARKS[first],
                    "y": _MARKS[second],
                    "x_from": x[filled[:, 0]],
                    "y_from": y[filled[:, 1]],
                    "bins": counts[tuple(filled.T)].astype(int),
                }
            )
        )
    return fig, axes, pd.concat(tables, ignore_index=True)


FIGURES: tuple[PaperFigure, ...] = (chromatin_states,)
