"""What edits of elements change: by distance, gene by gene, profile by profile."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from claster.analysis.perturbation.editor import element_states
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import ScreenRecord
from claster.dataset.load import load_dataset
from claster.eir.runs import RunFolder, read_run
from claster.errors import ClasterError, choose_among
from claster.genome.windows import Binning
from claster.plot.panels import TSS_AXIS, draw_points, legend_above
from claster.plot.style import OKABE_ITO, canvas, new_figure, save_all, style
from claster.text import read_parquet, read_record

_PROXIMAL = 2000
_MOST_BETWEEN = 9
_MOST = 400
_STATES = ("ATAC", "H3K4me3", "H3K27ac")


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
    with canvas(ax, 5.4, 3.4) as (fig, ax):
        ax.axhline(0, color="0.6", linewidth=0.8)
        if controls is not None:
            _draw_controls(ax, controls[controls["distance_bp"].abs() >= proximal])
        for these, colour, label in (
            (~found, OKABE_ITO["sky blue"], "element"),
            (found, OKABE_ITO["vermillion"], "element, FDR ≤ 0.1"),
        ):
            if these.any():
                effect = far["effect"][these]
                draw_points(ax, distance[these], effect, colour=colour, label=label)
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        ax.set_xlabel("Distance of the element from the TSS (kb)")
        ax.set_ylabel("Effect on the gene\n(log2 perturbed / baseline)")
        legend_above(ax, "right", ncols=2)
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
    centres = binning.middles / 1000
    reach = binning.half / 1000
    colour = colormaps["viridis"]
    place = Normalize(-reach, reach)
    with canvas(ax, 7.2, 2.9) as (fig, ax):
        ax.plot(centres, baseline, color="black", linewidth=1.6, label="baseline", zorder=3)
        below = ax.get_xaxis_transform()
        for profile, distance in zip(edited, distances / 1000, strict=True):
            shade = colour(place(distance))
            ax.plot(centres, profile, color=shade, linewidth=0.9)
            ax.plot(distance, 0.02, "^", markersize=5, color=shade, transform=below)
        ax.set_xlim(-reach, reach)
        ax.set_ylim(bottom=0)
        ax.set_xlabel(TSS_AXIS)
        ax.set_ylabel(f"Predicted transcription\n(reads, mean per {binning.size / 1000:g} kb)")
        legend_above(ax, "right")
    return fig, ax


def most_affected_genes(effects: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw how many genes lie between an element and the gene that its edit affects most.

    An element's most affected gene is the one with the effect of the largest absolute value. Bars are
    shares of elements; the line is the background, the share of all pairs of element and gene.

    Parameters
    ----------
    effects
        Columns `element_id`, `genes_between` and `effect`, of one condition and dose.

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
    with canvas(ax, 4.6, 3.0) as (fig, ax):
        told = f"most affected gene (n = {len(most):,} elements)"
        ax.bar(edges[:-1], shares[0], color=OKABE_ITO["sky blue"], label=told)
        ax.plot(edges[:-1], shares[1], color="black", marker="o", markersize=3, label="all pairs")
        ax.set_xticks(edges[:-1], [*map(str, edges[:-2]), f"≥ {_MOST_BETWEEN}"])
        ax.set(xlabel="Genes between element and gene", ylabel="Share")
        ax.legend(loc="upper right")
    return fig, ax


def _draw_controls(ax: Axes, controls: pd.DataFrame) -> None:
    if controls.empty:
        return
    kilobases = (controls["distance_bp"].abs() / 1000).to_numpy()
    edges = np.geomspace(kilobases.min(), kilobases.max() * 1.001, 13)
    number = np.digitize(kilobases, edges) - 1
    spread = controls["effect"].groupby(number).quantile([0.05, 0.5, 0.95]).unstack()
    middles = np.sqrt(edges[:-1] * edges[1:])[spread.index]
    told = f"controls, 5-95 % (n = {len(controls):,})"
    ax.fill_between(middles, spread[0.05], spread[0.95], color="0.85", label=told)
    ax.plot(middles, spread[0.5], color="0.5", linewidth=1, label="controls, median")


def state_cloud(
    landscapes: np.ndarray,
    names: list[str],
    before: np.ndarray,
    after: np.ndarray,
    *,
    tracks: tuple[str, str, str] = _STATES,
    every: int = 20,
) -> tuple[Figure, tuple[Axes, Axes]]:
    """Draw bins by the signal of three marks, and where edits move the elements among them.

    Parameters
    ----------
    landscapes
        Signal, shape (windows, tracks, bins).
    before, after
        Mean signal of each element before and after its edit, shape (elements, tracks).
    tracks
        The marks, all among `names`: the first against the third, and the second against the third.
    every
        Every so manieth bin is drawn, as published (20).
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
        for row, ax in enumerate(axes):
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
        legend_above(axes[1], "right", ncols=2, markerscale=2)
    return fig, (axes[0], axes[1])


def draw_screen(files: ScreenFiles, run: RunFolder | Path | str) -> list[Path]:
    """Draw what a finished screen holds: effects by distance, most affected genes, chromatin states.

    Figures are of the first condition and dose. States are drawn where windows are centred on genes and the
    tracks are there, of at most 400 elements, evenly chosen.

    Returns
    -------
    list of Path
        The PNG files in the screen's folder; a figure without anything to show is left out.
    """
    run = RunFolder.of(run)
    spec = load_dataset(read_run(run).dataset, project=run.project)
    record = read_record(files.manifest, ScreenRecord, remedy="run the screen again with --force")
    effects, controls = (_first(read_parquet(path)) for path in (files.effects, files.controls))
    single = effects[effects["partner_id"] == ""]
    drawn: dict[str, tuple[Figure, Any]] = {}
    if (single["distance_bp"].abs() >= _PROXIMAL).any():
        drawn["distance"] = effect_by_distance(single, controls if len(controls) else None)
    if single.duplicated("element_id").any():
        drawn["genes"] = most_affected_genes(single)
    names, settings = [track.name for track in spec.tracks], record.identity.settings
    of_marks = settings.centre == "gene" and set(_STATES) <= set(names)
    if of_marks and settings.edit.verb not in ("swap", "insert") and len(single):
        some = single.iloc[np.unique(np.linspace(0, len(single) - 1, _MOST).astype(int))]
        windows, before, after = element_states(some, single, spec, settings)
        if len(before):
            drawn["states"] = state_cloud(windows, names, before, after)
    return save_all(drawn, files.folder)


def _first(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first condition and dose."""
    if table.empty:
        return table
    first = table.iloc[0]
    same = table["condition"] == first["condition"]
    if pd.notna(first["dose"]):
        same &= table["dose"] == first["dose"]
    return table[same].reset_index(drop=True)
