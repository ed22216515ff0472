"""What edits of elements change: by distance, gene by gene, profile by profile."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot.style import OKABE_ITO, figure_of, new_figure, style
from claster.plot.tracks import TSS_AXIS

__all__ = ["edited_profiles", "effect_by_distance", "most_affected_genes"]

_PROXIMAL = 2000
_QUANTILES = (0.05, 0.5, 0.95)
_MOST_BETWEEN = 9


def effect_by_distance(
    effects: pd.DataFrame,
    controls: pd.DataFrame | None = None,
    *,
    proximal: int = _PROXIMAL,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw effects of elements against their distance from the TSS, on a logarithmic axis.

    Pairs with an FDR of at most 0.1 are coloured. Of control regions the band between the 5 % and the
    95 % quantile is drawn, and the median, in classes of distance of the same width on the axis.

    Parameters
    ----------
    effects, controls
        Columns `distance_bp`, `effect` (log2) and, of `effects`, `fdr`, of one condition and dose.
    proximal
        Elements nearer than this many bp, which are promoters, are left out.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ClasterError
        If no element is left.
    """
    far = effects[effects["distance_bp"].abs() >= proximal]
    if far.empty:
        raise ClasterError(
            f"none of {len(effects):,} elements is {proximal:,} bp or more from its TSS",
            remedy="choose a smaller 'proximal'",
        )
    distance = far["distance_bp"].abs() / 1000
    found = far["fdr"] <= 0.1
    with style():
        if ax is None:
            ax = new_figure(5.4, 3.4).subplots()
        fig = figure_of(ax)
        ax.axhline(0, color="0.6", linewidth=0.8)
        if controls is not None:
            _draw_controls(ax, controls[controls["distance_bp"].abs() >= proximal])
        for these, colour, label in (
            (~found, OKABE_ITO["sky blue"], "element"),
            (found, OKABE_ITO["vermillion"], "element, FDR ≤ 0.1"),
        ):
            if these.any():
                ax.scatter(
                    distance[these],
                    far["effect"][these],
                    s=9,
                    color=colour,
                    linewidths=0,
                    alpha=0.8,
                    label=f"{label} (n = {int(these.sum()):,})",
                )
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.set_xlabel("Distance of the element from the TSS (kb)")
        ax.set_ylabel("Effect on the gene\n(log2 perturbed / baseline)")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.1)
    return fig, ax


def edited_profiles(
    baseline: np.ndarray,
    edited: np.ndarray,
    distances: np.ndarray,
    binning: Binning,
    *,
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the predicted profile of one gene before any edit and after the edit of each element.

    Colours tell where an element lies, as does its mark on the lower axis.

    Parameters
    ----------
    baseline
        Predicted signal, shape (bins,).
    edited
        The same after each edit, shape (elements, bins).
    distances
        Distance of each element's middle from the TSS in bp, genome orientation.
    binning
        The bins of the target window.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the shapes do not fit.
    """
    distances = np.asarray(distances)
    if baseline.shape != (binning.bins,) or edited.shape != (len(distances), binning.bins):
        raise ValueError(
            f"profiles of {binning.bins} bins needed, one an element; found {baseline.shape}, "
            f"{edited.shape} and {len(distances)} distances"
        )
    centres = binning.offsets * binning.size / 1000
    reach = binning.half / 1000
    colour = colormaps["viridis"]
    place = Normalize(-reach, reach)
    with style():
        if ax is None:
            ax = new_figure(7.2, 2.9).subplots()
        fig = figure_of(ax)
        ax.plot(centres, baseline, color="black", linewidth=1.6, label="baseline", zorder=3)
        for profile, distance in zip(edited, distances / 1000, strict=True):
            ax.plot(centres, profile, color=colour(place(distance)), linewidth=0.9)
            ax.plot(
                distance,
                0.02,
                marker="^",
                markersize=5,
                color=colour(place(distance)),
                transform=ax.get_xaxis_transform(),
                linestyle="none",
            )
        ax.set_xlim(-reach, reach)
        ax.set_ylim(bottom=0)
        ax.set_xlabel(TSS_AXIS)
        ax.set_ylabel(f"Predicted transcription\n(reads, mean per {binning.size / 1000:g} kb)")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0.1)
    return fig, ax


def most_affected_genes(effects: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw how many genes lie between an element and the gene that its edit affects most.

    An element's most affected gene is the one with the effect of the largest absolute value. Bars are
    shares of elements; the line is the background, the share of all pairs of element and gene.

    Parameters
    ----------
    effects
        Columns `element_id`, `genes_between` and `effect`, of one condition and dose.
    ax
        Where to draw; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes

    Raises
    ------
    ClasterError
        If no element was tried on two genes or more.
    """
    tried = effects[effects.duplicated("element_id", keep=False)].reset_index(drop=True)
    if tried.empty:
        raise ClasterError(
            "no element was tried on two genes or more", remedy="screen with a wider --reach"
        )
    most = tried.loc[tried["effect"].abs().groupby(tried["element_id"]).idxmax()]
    edges = np.arange(_MOST_BETWEEN + 2)
    shares = [
        np.histogram(table["genes_between"].clip(upper=_MOST_BETWEEN), edges)[0] / len(table)
        for table in (most, tried)
    ]
    with style():
        if ax is None:
            ax = new_figure(4.6, 3.0).subplots()
        fig = figure_of(ax)
        ax.bar(
            edges[:-1],
            shares[0],
            color=OKABE_ITO["sky blue"],
            label=f"most affected gene (n = {len(most):,} elements)",
        )
        ax.plot(edges[:-1], shares[1], color="black", marker="o", markersize=3, label="all pairs")
        ax.set_xticks(edges[:-1], [*map(str, edges[:-2]), f"≥ {_MOST_BETWEEN}"])
        ax.set_xlabel("Genes between element and gene")
        ax.set_ylabel("Share")
        ax.legend(loc="upper right")
    return fig, ax


def _draw_controls(ax: Axes, controls: pd.DataFrame) -> None:
    if controls.empty:
        return
    kilobases = (controls["distance_bp"].abs() / 1000).to_numpy()
    edges = np.geomspace(kilobases.min(), kilobases.max() * 1.001, 13)
    number = np.digitize(kilobases, edges) - 1
    spread = controls["effect"].groupby(number).quantile(list(_QUANTILES)).unstack()
    middles = np.sqrt(edges[:-1] * edges[1:])[spread.index]
    low, middle, high = (spread[quantile] for quantile in _QUANTILES)
    ax.fill_between(
        middles, low, high, color="0.85", label=f"controls, 5-95 % (n = {len(controls):,})"
    )
    ax.plot(middles, middle, color="0.5", linewidth=1, label="controls, median")
