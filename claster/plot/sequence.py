"""Figures of a comparison between models: profiles, densities, bars, scores against each other, curves."""

from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.compare import Compared
from claster.analysis.metrics import gene_weights
from claster.genome.windows import Binning
from claster.plot.panels import TSS_AXIS, draw_bars, legend_above
from claster.plot.predictions import density, gene_scatter
from claster.plot.style import OKABE_ITO, canvas, figure_of, new_figure, save_all, style
from claster.text import read_table

_COLOURS = [OKABE_ITO[name] for name in ("blue", "vermillion", "green", "purple", "orange")]
_LEVELS = {
    "bin": "bins, log2(x+1)",
    "gene": "genes, log2(x+1)",
    "paper": "genes as published, reads",
}


def profile_panels(
    profiles: Mapping[str, tuple[np.ndarray, Binning]],
    observed: np.ndarray,
    binning: Binning,
    *,
    common: Binning,
    title: str = "",
    axes: np.ndarray | None = None,
) -> tuple[Figure, np.ndarray]:
    """Draw one gene: a row a model on its own window, and the measurement below, on one axis.

    Parameters
    ----------
    profiles
        By model: prediction (reads), shape (bins,), and its bins.
    observed, binning
        What was measured, shape (bins,), over the widest window.
    common
        The bins that every model predicts; a black bar marks them.
    axes
        Where to draw, one a model and one more; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Of `matplotlib.axes.Axes`, one a row.
    """
    rows = [(name, values, bins) for name, (values, bins) in profiles.items()]
    rows.append(("measured", observed, binning))
    top = 1.05 * max(float(np.max(values)) for _, values, _ in rows) or 1.0
    with style():
        if axes is None:
            fig = new_figure(7.2, 0.7 + 1.1 * len(rows))
            axes = fig.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
            fig.supylabel("Nascent transcription (reads)", fontsize=9)
        for number, (ax, (name, values, bins)) in enumerate(zip(axes, rows, strict=True)):
            last = number == len(rows) - 1
            colour = "0.6" if last else _COLOURS[number % len(_COLOURS)]
            ax.stairs(values, bins.edges / 1000, fill=True, color=colour)
            reach = np.array([-common.half, common.half]) / 1000
            ax.plot(reach, [0, 0], color="black", linewidth=3, solid_capstyle="butt")
            label = ax.text(0.01, 0.93, name, transform=ax.transAxes, va="top", fontsize=8)
            label.set_bbox({"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1})
            ax.set(xlim=(-binning.half / 1000, binning.half / 1000), ylim=(0, top))
        axes[0].set_title(title, loc="left")
        axes[-1].set_xlabel(TSS_AXIS)
    return figure_of(axes[0]), axes


def model_densities(
    observed: Mapping[str, np.ndarray], predicted: Mapping[str, Mapping[str, np.ndarray]]
) -> tuple[Figure, np.ndarray]:
    """Draw predicted against observed, a column a model: densities of bins, points of genes.

    Parameters
    ----------
    observed
        By level (``bins``, ``genes``), signal (reads) of any shape.
    predicted
        By model, then by level, the same shapes.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : numpy.ndarray
        Shape (levels, models).
    """
    with style():
        fig = new_figure(3.9 * len(predicted), 3.4 * len(observed))
        axes = fig.subplots(len(observed), len(predicted), squeeze=False)
        for column, (model, levels) in zip(axes.T, predicted.items(), strict=True):
            for ax, (level, values) in zip(column, observed.items(), strict=True):
                if level == "genes":
                    gene_scatter(values, levels[level], ax=ax)
                else:
                    density(values, levels[level], points=level, ax=ax)
                ax.set_title(model, loc="left")
    return fig, axes


def comparison_bars(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw one score of every model on the common bins, on its own, and as published.

    Parameters
    ----------
    scores
        Rows of `claster.analysis.compare.Compared.main_scores`: of one condition, level and metric.
    """
    (level,), (metric,) = scores["level"].unique(), scores["metric"].unique()
    rows = np.arange(len(scores))
    with canvas(ax, 7.2, 1.0 + 0.55 * len(scores)) as (fig, ax):
        for shift, window, colour in ((-0.2, "common", "blue"), (0.2, "own", "sky blue")):
            bounds = scores[[window, f"{window}_low", f"{window}_high"]]
            look = {"height": 0.36, "color": OKABE_ITO[colour], "label": f"{window} bins"}
            draw_bars(ax, rows + shift, bounds, shade="0.3", arm=1, **look)
        ax.scatter(
            scores["published"],
            rows,
            marker="D",
            s=26,
            color=OKABE_ITO["vermillion"],
            label="published (mouse ESC, own window)",
            zorder=3,
        )
        ax.axvline(0, color="black", linewidth=0.8)
        names = zip(scores["method"], scores["own_bins"], strict=True)
        ax.set_yticks(rows, [f"{name}\n({bins} bins)" for name, bins in names])
        ax.set_ylim(len(scores) - 0.5, -0.5)
        ax.set_xlabel(f"{metric.capitalize()} r over {_LEVELS[level]}")
        legend_above(ax, "left", ncols=3)
    return fig, ax


def pearson_spearman(scores: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw Spearman against Pearson r of every model on the common bins; published values as diamonds.

    Parameters
    ----------
    scores
        Rows of `claster.analysis.compare.Compared.main_scores` of one condition, levels ``bin`` (filled) and
        ``paper`` (open).
    """
    with canvas(ax, 7.6, 3.8) as (fig, ax):
        for number, (method, rows) in enumerate(scores.groupby("method", sort=False)):
            colour = _COLOURS[number % len(_COLOURS)]
            for level, part in rows.groupby("level", sort=False):
                pair = part.set_index("metric")
                face = colour if level == "bin" else "none"
                label = f"{method}, {'bins' if level == 'bin' else 'genes'}"
                for column, marker in (("common", "o"), ("published", "D")):
                    x, y = pair.at["pearson", column], pair.at["spearman", column]
                    if np.isfinite([x, y]).all():
                        ax.scatter(
                            x,
                            y,
                            marker=marker,
                            s=36,
                            edgecolors=colour,
                            facecolors=face,
                            label=label if column == "common" else f"{label}, published",
                        )
        limits = ax.get_xlim(), ax.get_ylim()
        ax.axline((0, 0), slope=1, color="0.8", linewidth=0.8, zorder=0)
        ax.set(xlim=limits[0], ylim=limits[1])
        ax.set(xlabel="Pearson r", ylabel="Spearman r")
        ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return fig, ax


def learning_curves(histories: Mapping[str, pd.DataFrame]) -> tuple[Figure, np.ndarray]:
    """Draw training and validation loss by step, a panel a run.

    Parameters
    ----------
    histories
        By run, its `history.csv`: `split` (train, valid), `step`, `loss`.
    """
    with style():
        fig = new_figure(3.1 * len(histories), 2.5)
        axes = fig.subplots(1, len(histories), squeeze=False)[0]
        for ax, (name, history) in zip(axes, histories.items(), strict=True):
            for split, colour in (("train", "0.6"), ("valid", OKABE_ITO["vermillion"])):
                rows = history[history["split"] == split]
                ax.plot(rows["step"], rows["loss"], color=colour, label=split)
            valid = history[history["split"] == "valid"]
            if len(valid):
                best = valid.loc[valid["loss"].idxmin()]
                ax.plot(
                    best["step"], best["loss"], "o", color=OKABE_ITO["vermillion"], markersize=4
                )
            ax.set_title(name, loc="left", fontsize=9)
            ax.set(xlabel="Step", ylim=(0, None))
        axes[0].set_ylabel("Loss (its own for each run)")
        axes[0].legend()
    return fig, axes


def write_figures(compared: Compared, folder: Path | str) -> list[Path]:
    """Draw a comparison for its first condition and return the files.

    Parameters
    ----------
    compared
        Of `compare_runs`.
    folder
        Where to write PNG files to.
    """
    scored, target = compared.scored, compared.target
    weights = gene_weights(scored.genes, target)

    def by_level(signal: np.ndarray) -> dict[str, np.ndarray]:
        return {"bins": signal[:, 0], "genes": (signal[:, 0] * weights).sum(axis=1)}

    observed = by_level(scored.observed)
    predicted = {name: by_level(values) for name, values in scored.methods.items()}
    scores = compared.main_scores()
    scores = scores[scores["condition"] == scored.conditions[0]]
    drawn: dict[str, tuple[Figure, Any]] = {"densities": model_densities(observed, predicted)}
    for level, metric in product(_LEVELS, ("pearson", "spearman")):
        rows = scores[(scores["level"] == level) & (scores["metric"] == metric)]
        drawn[f"{level}_{metric}"] = comparison_bars(rows)
    drawn["pearson_spearman"] = pearson_spearman(scores[scores["level"] != "gene"])
    histories = {name: read_table(path) for name, path in compared.histories.items()}
    if histories:
        drawn["learning_curves"] = learning_curves(histories)
    row = int(np.argmax(observed["genes"]))
    widest, binning = max(compared.own.values(), key=lambda part: part[1].width)
    drawn["profiles"] = profile_panels(
        {name: (part.methods[name][row, 0], bins) for name, (part, bins) in compared.own.items()},
        widest.observed[row, 0],
        binning,
        common=target,
        title=str(scored.genes["name"].iloc[row]),
    )
    return save_all(drawn, Path(folder))
