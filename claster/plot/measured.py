"""Predicted against measured changes: CRISPR interference screens and treated cells."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.crispr import CrisprFiles
from claster.analysis.link.link import LinkFiles
from claster.analysis.treated import TreatedFiles
from claster.plot.style import OKABE_ITO, canvas, save
from claster.plot.validation import link_curves
from claster.text import read_parquet, read_table


def measured_against_predicted(
    pairs: pd.DataFrame, *, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the predicted effect of each pair against the measured one.

    Parameters
    ----------
    pairs
        `effect` (log2), `effect_size` (share of expression gained) and `regulated`.
    """
    # A share of -1 is no expression at all, which has no logarithm.
    measured = np.log2(1 + pairs["effect_size"].clip(lower=-0.99))
    with canvas(ax, 4.4, 3.6) as (fig, ax):
        for axis in (ax.axhline, ax.axvline):
            axis(0, color="0.6", linewidth=0.8)
        for chosen, colour, label in (
            (~pairs["regulated"], "0.7", "not regulated"),
            (pairs["regulated"], OKABE_ITO["vermillion"], "regulated"),
        ):
            ax.scatter(
                measured[chosen],
                pairs["effect"][chosen],
                s=9,
                color=colour,
                linewidths=0,
                alpha=0.8,
                label=f"{label} (n = {int(chosen.sum()):,})",
            )
        ax.set_xlabel("Measured effect (log2 silenced / control)")
        ax.set_ylabel("Predicted effect (log2 perturbed / baseline)")
        ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.1)
    return fig, ax


def draw_crispr(files: CrisprFiles) -> list[Path]:
    """Draw the figures of a comparison into its folder."""
    pairs = read_parquet(files.pairs)
    scores = read_table(files.scores)
    figures = {
        "curves": link_curves(read_parquet(files.curves), scores_of_all(scores))[0],
        "effects": measured_against_predicted(pairs[pairs["scored"]])[0],
    }
    return [save(fig, files.folder / f"{name}.png") for name, fig in figures.items()]


def scores_of_all(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of `claster crispr` that are of all scored pairs together."""
    return scores[(scores["subset"] == "all") & (scores["pairs"] == "scored")]


def change_of_genes(genes: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw the measured change of each gene against the predicted one.

    Parameters
    ----------
    genes
        `predicted_change`, `measured_change` (log2) and `measured_baseline` (reads), which colours points.
    """
    with canvas(ax, 4.6, 3.7) as (fig, ax):
        for axis in (ax.axhline, ax.axvline):
            axis(0, color="0.8", linewidth=0.8)
        ax.axline((0, 0), slope=1, color=OKABE_ITO["black"], linewidth=0.8, linestyle=":")
        points = ax.scatter(
            genes["predicted_change"],
            genes["measured_change"],
            c=np.log2(genes["measured_baseline"] + 1),
            cmap="viridis",
            s=14,
            linewidths=0,
        )
        fig.colorbar(points, ax=ax, label="Measured before (log2(reads + 1))")
        ax.set_xlabel("Predicted change (log2 treated / baseline)")
        ax.set_ylabel("Measured change (log2 treated / baseline)")
    return fig, ax


def draw_treated(files: TreatedFiles) -> list[Path]:
    """Draw the figure of a comparison into its folder."""
    fig, _ = change_of_genes(read_table(files.genes))
    return [save(fig, files.folder / "change.png")]


def _calibration_curve(calibration: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw the share of regulated pairs against the predicted probability."""
    observed, number = calibration["observed"], calibration["n"]
    error = 1.96 * np.sqrt(observed * (1 - observed) / number)
    with canvas(ax, 3.6, 3.4) as (fig, ax):
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        ax.errorbar(
            calibration["predicted"],
            observed,
            yerr=error,
            marker="o",
            markersize=4,
            linewidth=1,
            color=OKABE_ITO["blue"],
        )
        ax.set_xlabel("Predicted probability")
        ax.set_ylabel("Share of pairs that are regulated")
    return fig, ax


def draw_calibration(files: LinkFiles) -> Path:
    """Draw `_calibration_curve` of a training into its folder and return the PNG."""
    return save(_calibration_curve(read_table(files.calibration))[0], files.figure)
