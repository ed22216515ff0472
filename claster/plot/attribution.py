"""What predictions rest on: by distance from the predicted bin, in contact maps, layer by layer."""

from collections.abc import Mapping
from math import ceil
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.attribution.output import AttributionFiles
from claster.contacts.shapes import MapKind
from claster.errors import ClasterError
from claster.plot.contacts import draw_map
from claster.plot.panels import draw_band, draw_bars, legend_above
from claster.plot.style import canvas, new_figure, save_all, style, track_colour
from claster.text import read_json, read_npy, read_npz, read_parquet, read_table

_WHOLE = "all"
_MOST_FILTERS = 32


def attribution_by_distance(
    profile: pd.DataFrame,
    *,
    value: Literal["absolute", "signed"] = "absolute",
    reach: int = 50_000,
    unit: str = "unit of the prediction",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the mean attribution by distance from the predicted bin, a line a track, with 95 % intervals.

    An inset shows the whole window, in means over 1 % of it.

    Parameters
    ----------
    profile
        `track`, `distance` (bp), `mean_absolute`, `absolute_low`, `absolute_high`, and so for `signed`.
    reach
        bp on either side that the figure shows.
    unit
        Of the prediction, for the axis.

    Raises
    ------
    ClasterError
        If there is no bin within reach.
    """
    near = profile[profile["distance"].abs() <= reach]
    if near.empty:
        raise ClasterError(f"no bin within {reach:,} bp", remedy="choose a larger 'reach'")
    tracks = [name for name in profile["track"].unique() if name != _WHOLE]
    with canvas(ax, 7.2, 3.6) as (fig, ax):
        ax.axhline(0, color="0.7", linewidth=0.8)
        for number, track in enumerate(tracks):
            rows = near[near["track"] == track]
            bounds = rows[[f"mean_{value}", f"{value}_low", f"{value}_high"]]
            colour = track_colour(number)
            draw_band(ax, rows["distance"] / 1000, bounds, colour=colour, linewidth=1, label=track)
        ax.set_xlim(-reach / 1000, reach / 1000)
        ax.set_xlabel("Distance from the predicted bin (kb, downstream positive)")
        ax.set_ylabel(f"Mean {value} attribution\n({unit}, per bin)")
        legend_above(ax, "left", ncols=4)
        _draw_whole(ax.inset_axes((0.7, 0.6, 0.29, 0.36)), profile, tracks, value, reach)
    return fig, ax


def attribution_locality(
    locality: pd.DataFrame,
    *,
    above: Literal["zero", "level"] = "zero",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw within which distance shares of the absolute attribution lie, with 95 % intervals.

    Parameters
    ----------
    locality
        `track`, `above`, `share`, `half_width`, `low`, `high` (bp).
    above
        Whether attribution counts from ``zero``, or from its ``level`` at far distances.
    """
    locality = locality[locality["above"] == above]
    tracks = list(locality["track"].unique())
    shares = sorted(locality["share"].unique())
    height = 0.8 / len(shares)
    counted = "" if above == "zero" else ",\nabove its level at far distances"
    with canvas(ax, 5.4, 0.9 + 0.42 * len(tracks)) as (fig, ax):
        for number, share in enumerate(shares):
            rows = locality[locality["share"] == share].set_index("track").loc[tracks]
            place = np.arange(len(tracks)) + (number - (len(shares) - 1) / 2) * height
            draw_bars(
                ax,
                place,
                rows[["half_width", "low", "high"]] / 1000,
                height=0.9 * height,
                color=track_colour(number + 1),
                alpha=0.85,
                label=f"{share:.0%} of the attribution",
            )
        ax.set_yticks(np.arange(len(tracks)), tracks)
        ax.set_ylim(len(tracks) - 0.5, -0.5)
        ax.set_xlim(left=0)
        ax.set_xlabel(f"Distance from the predicted bin within which it lies (kb){counted}")
        legend_above(ax, "left", ncols=2)
    return fig, ax


def attribution_map(
    map: np.ndarray,
    resolution: int,
    *,
    value: Literal["absolute", "signed"],
    kind: MapKind = "diagonal",
    unit: str = "unit of the prediction",
    ax: Axes | None = None,
) -> tuple[Figure, Axes]:
    """Draw the mean attribution of a contact map, centred on the predicted bin.

    The dotted lines are the contacts of that bin. The colours end at the 99.5 % quantile of the absolute
    values; cells without any value are grey.

    Parameters
    ----------
    map
        Shape (rows, columns).
    resolution
        Width of a bin in bp.
    value
        ``absolute`` or ``signed``.
    kind
        See `contact_map`.
    unit
        Of the prediction, for the colour bar.

    Returns
    -------
    fig : matplotlib.figure.Figure
    ax : matplotlib.axes.Axes
        The map's axes; the colour bar has its own.
    """
    known = np.abs(map[np.isfinite(map)])
    top = (float(np.percentile(known, 99.5)) if known.size else 0) or 1.0
    is_signed = value == "signed"
    fig, ax = draw_map(
        map,
        resolution,
        kind,
        ax=ax,
        colours="RdBu_r" if is_signed else "inferno",
        limits=(-top if is_signed else 0, top),
        extend="both" if is_signed else "max",
        label=f"Mean {value} attribution\n({unit}, per cell)",
    )
    ax.lines[-1].set(color="0.1" if is_signed else "white", linewidth=1)
    across, up = ax.get_xlabel(), ax.get_ylabel()
    ax.set_xlabel(across.replace("the TSS", "the predicted bin"))
    ax.set_ylabel(up.replace("the TSS", "the predicted bin"))
    return fig, ax


def filter_images(layers: Mapping[str, np.ndarray]) -> tuple[Figure, np.ndarray]:
    """Draw the mean activation of each filter as an image, a band of images a layer.

    Filters of one row, as of a landscape, are drawn below each other in one image. The colours of a
    layer are symmetric around 0 and end at its 99.5 % quantile; at most 32 filters are drawn.

    Parameters
    ----------
    layers
        By name, shape (filters, rows, columns).

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        The axes of each layer's images, an array a layer (object).
    """
    shown = {
        name: [array[:_MOST_FILTERS, 0]] if array.shape[1] == 1 else list(array[:_MOST_FILTERS])
        for name, array in layers.items()
    }
    heights = [
        1.6 if len(images) == 1 else 0.75 * ceil(len(images) / 8) for images in shown.values()
    ]
    with style():
        fig = new_figure(8.2, sum(heights) + 0.35 * len(shown))
        bands = fig.subfigures(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
        drawn = np.empty(len(shown), dtype=object)
        for row, (band, (name, images)) in enumerate(zip(bands, shown.items(), strict=True)):
            top = float(np.percentile(np.abs(layers[name]), 99.5)) or 1.0
            columns = min(len(images), 8)
            axes = band.subplots(ceil(len(images) / columns), columns, squeeze=False)
            for ax in axes.ravel():
                ax.set_axis_off()
            for ax, picture in zip(axes.ravel(), images, strict=False):
                image = ax.imshow(
                    picture,
                    cmap="RdBu_r",
                    vmin=-top,
                    vmax=top,
                    aspect="auto",
                    origin="lower",
                    interpolation="nearest",
                )
            filters, *size = layers[name].shape
            of = f"{min(filters, _MOST_FILTERS)} of {filters} filters"
            band.suptitle(f"{name}: {of}, {size[0]} x {size[1]}", fontsize=9, x=0.01, ha="left")
            bar = band.colorbar(image, ax=list(axes.ravel()), pad=0.01, aspect=12)
            bar.outline.set_visible(False)
            drawn[row] = axes
    return fig, drawn


def _draw_whole(
    inset: Axes, profile: pd.DataFrame, tracks: list[str], value: str, reach: int
) -> None:
    farthest = profile["distance"].abs().max()
    edges = np.linspace(-farthest, farthest, 101)
    inset.axvspan(-reach / 1000, reach / 1000, color="0.9", linewidth=0, zorder=-1)
    for number, track in enumerate(tracks):
        rows = profile[profile["track"] == track]
        part = np.clip(np.digitize(rows["distance"], edges) - 1, 0, 99)
        means = rows.groupby(part)[f"mean_{value}"].mean()
        middles = ((edges[1:] + edges[:-1]) / 2000)[means.index]
        inset.plot(middles, means, color=track_colour(number), linewidth=0.8)
    inset.set_xlim(-farthest / 1000, farthest / 1000)
    inset.tick_params(labelsize=6, length=2)
    inset.set_title("whole window", fontsize=7, pad=2)


def draw_attributions(files: AttributionFiles) -> list[Path]:
    """Draw what lies in a folder into its `figures`, whatever of it is there."""
    record = read_json(files.manifest)
    drawn: dict[str, tuple[Figure, Any]] = {}
    for value in ("absolute", "signed"):
        if files.profile.is_file():
            drawn[f"distance_{value}"] = attribution_by_distance(
                read_parquet(files.profile), value=value, unit=record["unit"]
            )
        if files.contacts(value).is_file():
            drawn[f"contacts_{value}"] = attribution_map(
                read_npy(files.contacts(value)),
                record["contacts"]["resolution"],
                value=value,
                kind=record["contacts"]["kind"],
                unit=record["unit"],
            )
    if files.locality.is_file():
        locality = read_table(files.locality)
        drawn["locality"] = attribution_locality(locality)
        drawn["locality_above_level"] = attribution_locality(locality, above="level")
    if files.latents.is_file():
        drawn["filters"] = filter_images(read_npz(files.latents))
    files.figures.mkdir(exist_ok=True)
    return save_all(drawn, files.figures)
