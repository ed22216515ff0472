"""The chromatin states of windows before and after edits."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.errors import ClasterError, choose_among
from claster.plot.style import OKABE_ITO, new_figure, style

__all__ = ["state_cloud"]

_EVERY = 20


def state_cloud(
    landscapes: np.ndarray,
    names: list[str],
    before: np.ndarray,
    after: np.ndarray,
    *,
    tracks: tuple[str, str, str] = ("ATAC", "H3K4me3", "H3K27ac"),
    every: int = _EVERY,
) -> tuple[Figure, tuple[Axes, Axes]]:
    """Draw bins by the signal of three marks, and where edits move the elements among them.

    Parameters
    ----------
    landscapes
        Signal, shape (windows, tracks, bins).
    names
        Of the tracks.
    before, after
        Mean signal of each element before and after its edit, shape (elements, tracks).
    tracks
        The marks: the first against the third, and the second against the third.
    every
        Every so manieth bin is drawn, as published (20).

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : tuple of matplotlib.axes.Axes

    Raises
    ------
    ClasterError
        If a mark is not among the tracks.
    """
    if missing := [track for track in tracks if track not in names]:
        raise ClasterError(
            f"no track {missing[0]!r} to draw states by", remedy=choose_among(missing[0], names)
        )
    rows = [names.index(track) for track in tracks]
    cloud = landscapes[:, rows, ::every].transpose(1, 0, 2).reshape(3, -1)
    cloud, start, end = (
        np.log2(values + 1) for values in (cloud, before[:, rows].T, after[:, rows].T)
    )
    # Artefacts reach far beyond all else: one bin in ten thousand is left out of the picture.
    most = np.maximum(np.quantile(cloud, 0.9999, axis=1), np.maximum(start, end).max(axis=1)) + 0.4
    with style():
        fig = new_figure(7.2, 3.5)
        axes = fig.subplots(1, 2, sharey=True)
        for ax, row in zip(axes, (0, 1), strict=True):
            ax.hexbin(
                cloud[row], cloud[2], gridsize=60, bins="log", cmap="Greys", mincnt=1, linewidths=0
            )
            for values, colour, label in (
                (start, OKABE_ITO["vermillion"], "element before the edit"),
                (end, OKABE_ITO["blue"], "after"),
            ):
                ax.scatter(
                    values[row], values[2], s=7, color=colour, linewidths=0, alpha=0.7, label=label
                )
            ax.set_xlim(-0.3, most[row])
            ax.set_ylim(-0.3, most[2])
            ax.set_xlabel(f"{tracks[row]} (log2(signal + 1))")
        axes[0].set_ylabel(f"{tracks[2]} (log2(signal + 1))")
        axes[1].legend(
            loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.1, markerscale=2
        )
    return fig, (axes[0], axes[1])
