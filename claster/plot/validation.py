"""Predicted against planted and measured effects: validation, CRISPR screens, treated cells, reach."""

from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.crispr import CrisprFiles
from claster.analysis.link.link import LinkFiles
from claster.analysis.reach import ReachFiles
from claster.analysis.treated import TreatedFiles
from claster.analysis.validation.linked import distance_names
from claster.analysis.validation.validate import ValidationFiles, ValidationSummary
from claster.plot.panels import draw_band, draw_points, interval_arms, legend_above
from claster.plot.style import OKABE_ITO, canvas, figure_of, new_figure, save, save_all, style
from claster.text import read_parquet, read_record, read_table

_COLOURS = {
    "distance": OKABE_ITO["black"],
    "abc": OKABE_ITO["orange"],
    "perturbation": OKABE_ITO["vermillion"],
    "attribution": OKABE_ITO["blue"],
}
_INSIDE = 4
"""Predictors whose legend leaves the curves to be seen."""


def predictor_label(name: str) -> str:
    """Return what a figure calls a predictor of links."""
    return "activity by contact" if name == "abc" else name


def link_curves(
    curves: pd.DataFrame, scores: pd.DataFrame, *, axes: tuple[Axes, Axes] | None = None
) -> tuple[Figure, tuple[Axes, Axes]]:
    """Draw ROC and precision-recall curves of every predictor, with its areas.

    Parameters
    ----------
    curves
        `predictor`, `recall`, `precision`, `false_positive_rate`, from the highest threshold down.
    scores
        From `score_links`, for the legends; the dotted line is the share of links among all pairs.
    axes
        Where to draw ROC, and precision and recall; None makes a figure.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : tuple of matplotlib.axes.Axes
        ROC, precision and recall.
    """
    areas = scores.set_index(["predictor", "metric"])["value"]
    share = scores["links"].iloc[0] / scores["n"].iloc[0]
    with style():
        roc, pr = new_figure(7.4, 3.4).subplots(1, 2) if axes is None else axes
        roc.plot([0, 1], [0, 1], color="0.6", linestyle=":", linewidth=1)
        pr.axhline(share, color="0.6", linestyle=":", linewidth=1)
        others = product(("-", "--", "-."), ("purple", "green", "sky blue", "yellow"))
        for name, points in curves.groupby("predictor", sort=False):
            if colour := _COLOURS.get(str(name)):
                dashes = "-"
            else:
                dashes, named = next(others)
                colour = OKABE_ITO[named]
            label = predictor_label(str(name))
            recall = points["recall"].to_numpy()
            roc.plot(
                np.append(0, points["false_positive_rate"]),
                np.append(0, recall),
                dashes,
                color=colour,
                label=f"{label} {areas[name, 'auroc']:.2f}",
            )
            # A threshold's precision holds for the recall that it adds, as in the average precision.
            pr.step(
                np.append(0, recall),
                np.append(points["precision"].to_numpy()[0], points["precision"]),
                dashes,
                color=colour,
                label=f"{label} {areas[name, 'auprc']:.2f}",
                where="pre",
            )
        roc.set(xlabel="False positive rate", ylabel="Recall")
        pr.set(xlabel="Recall", ylabel="Precision")
        few = curves["predictor"].nunique() <= _INSIDE
        for ax in (roc, pr):
            ax.set(xlim=(0, 1), ylim=(0, 1.02))
        below = {} if few else {"bbox_to_anchor": (0, -0.2), "fontsize": 7}
        roc.legend(title="AUROC", loc="lower right" if few else "upper left", **below)
        pr.legend(title="AUPRC", loc="upper right" if few else "upper left", **below)
    return figure_of(roc), (roc, pr)


def planted_against_predicted(
    pairs: pd.DataFrame, *, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw the effect that the network predicts against the planted one.

    Parameters
    ----------
    pairs
        `planted` (kind), `planted_effect` and `effect` (log2).
    """
    kinds = (
        ("no enhancer of the gene", ["none", "decoy", "other gene"], "0.75"),
        ("far enhancer (loop)", ["contact"], OKABE_ITO["blue"]),
        ("proximal enhancer", ["proximal"], OKABE_ITO["vermillion"]),
    )
    groups = [(label, pairs[pairs["planted"].isin(kind)], colour) for label, kind, colour in kinds]
    return _planted_and_predicted(groups, ax)


def lifted_repression(genes: pd.DataFrame, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw the effect that the network predicts of losing H3K27me3 against the planted one.

    Parameters
    ----------
    genes
        `repressed`, `planted_effect` and `effect` (log2), from `compare_repression`.
    """
    repressed = genes["repressed"]
    groups = [
        ("not repressed", genes[~repressed], "0.75"),
        ("repressed by H3K27me3", genes[repressed], OKABE_ITO["vermillion"]),
    ]
    return _planted_and_predicted(groups, ax)


def recovered_by_distance(
    agreement: pd.DataFrame, *, ax: Axes | None = None
) -> tuple[Figure, Axes]:
    """Draw which share of planted effects is recovered in each class of distance.

    Parameters
    ----------
    agreement
        ``agreement.csv`` of a validation.
    """
    classes = agreement.set_index("group").loc[distance_names()].dropna(subset=["share"])
    places = np.arange(len(classes))
    share = classes["share"].to_numpy()
    with canvas(ax, 4.8, 3.1) as (fig, ax):
        for level in (0, 1):
            ax.axhline(level, color="0.6", linewidth=0.8, linestyle=":" if level else "-")
        ax.errorbar(
            places,
            share,
            yerr=interval_arms(share, classes["share_low"], classes["share_high"]),
            fmt="o",
            markersize=4,
            capsize=2,
            color=OKABE_ITO["vermillion"],
        )
        names = [f"{name}\nn = {n}" for name, n in zip(classes.index, classes["n"], strict=True)]
        ax.set_xticks(places, names)
        ax.set_xlim(-0.5, len(classes) - 0.5)
        ax.set_xlabel("Distance of the enhancer from the TSS")
        ax.set_ylabel("Predicted / planted effect\n(sums over links)")
    return fig, ax


def control_p_values(p: np.ndarray, *, ax: Axes | None = None) -> tuple[Figure, Axes]:
    """Draw how p-values of control regions are distributed; the diagonal is the uniform distribution."""
    ordered = np.sort(p)
    with canvas(ax, 3.4, 3.3) as (fig, ax):
        ax.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
        ax.step(
            ordered,
            np.arange(1, ordered.size + 1) / max(ordered.size, 1),
            where="post",
            color=OKABE_ITO["vermillion"],
        )
        ax.set_xlim(0, 1)
        ax.set_ylim(0, 1.01)
        ax.set_xlabel(f"p of control regions (n = {ordered.size:,})")
        ax.set_ylabel("Share with a p as small or smaller")
    return fig, ax


def draw_validation(files: ValidationFiles) -> list[Path]:
    """Draw the figures of a validation into its folder."""
    summary = read_record(files.summary, ValidationSummary, remedy="validate again")
    drawn: dict[str, tuple[Figure, Any]] = {}
    if summary.bars:
        curves, scores = read_parquet(files.curves), read_table(files.scores)
        drawn["curves"] = link_curves(curves, scores)
        drawn["effects"] = planted_against_predicted(read_parquet(files.pairs))
        drawn["distance"] = recovered_by_distance(read_table(files.agreement))
        drawn["controls"] = control_p_values(read_table(files.controls)["p"].to_numpy())
    if summary.repression is not None:
        drawn["repression"] = lifted_repression(read_table(files.repression))
    return save_all(drawn, files.folder)


def _planted_and_predicted(
    groups: list[tuple[str, pd.DataFrame, str]], ax: Axes | None
) -> tuple[Figure, Axes]:
    """Draw labelled groups of rows with `planted_effect` and `effect` in their colours."""
    with canvas(ax, 4.4, 3.9) as (fig, ax):
        values = [0.0]
        for label, rows, colour in groups:
            if rows.empty:
                continue
            draw_points(ax, rows["planted_effect"], rows["effect"], colour=colour, label=label)
            values += [*rows["planted_effect"], *rows["effect"]]
        low, high = min(values), max(values)
        margin = 0.05 * max(high - low, 0.1)
        ax.axline((0, 0), slope=1, color="0.6", linewidth=0.8)
        limits = (low - margin, high + margin)
        ax.set(xlim=limits, ylim=limits)
        ax.set_xlabel("Planted effect (log2 perturbed / baseline)")
        ax.set_ylabel("Predicted effect (log2 perturbed / baseline)")
        legend_above(ax, "right")
    return fig, ax


_REACH_COLOURS = {
    "marks": OKABE_ITO["blue"],
    "marks and contacts": OKABE_ITO["vermillion"],
    "planted rule": OKABE_ITO["black"],
}


def draw_reach(files: ReachFiles) -> Path:
    """Draw r with its interval against the radius, a line a model, into a result's folder; return the PNG."""
    with canvas(None, 4.6, 3.2) as (fig, ax):
        for name, rows in read_table(files.scores).groupby("model", sort=False):
            colour = _REACH_COLOURS.get(str(name), OKABE_ITO["purple"])
            kb = rows["radius_bp"] / 1000
            look = {"marker": "o", "markersize": 3, "label": name}
            draw_band(ax, kb, rows[["r", "low", "high"]], colour=colour, alpha=0.15, **look)
        ax.set_xscale("log")
        ax.set_xlabel("Seen on either side of the TSS (kb)")
        ax.set_ylabel("Pearson r of genes")
        ax.legend()
    return save(fig, files.figure)


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
        ax.axhline(0, color="0.6", linewidth=0.8)
        ax.axvline(0, color="0.6", linewidth=0.8)
        for chosen, colour, label in (
            (~pairs["regulated"], "0.7", "not regulated"),
            (pairs["regulated"], OKABE_ITO["vermillion"], "regulated"),
        ):
            draw_points(ax, measured[chosen], pairs["effect"][chosen], colour=colour, label=label)
        ax.set_xlabel("Measured effect (log2 silenced / control)")
        ax.set_ylabel("Predicted effect (log2 perturbed / baseline)")
        legend_above(ax, "right", ncols=2)
    return fig, ax


def draw_crispr(files: CrisprFiles) -> list[Path]:
    """Draw the figures of a comparison into its folder."""
    pairs = read_parquet(files.pairs)
    scores = read_table(files.scores)
    drawn: dict[str, tuple[Figure, Any]] = {
        "curves": link_curves(read_parquet(files.curves), scores_of_all(scores)),
        "effects": measured_against_predicted(pairs[pairs["scored"]]),
    }
    return save_all(drawn, files.folder)


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
        ax.axhline(0, color="0.8", linewidth=0.8)
        ax.axvline(0, color="0.8", linewidth=0.8)
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
    return save_all({"change": change_of_genes(read_table(files.genes))}, files.folder)


def draw_calibration(files: LinkFiles) -> Path:
    """Draw the share of regulated pairs against the predicted probability of a training; return the PNG."""
    calibration = read_table(files.calibration)
    observed, number = calibration["observed"], calibration["n"]
    error = 1.96 * np.sqrt(observed * (1 - observed) / number)
    with canvas(None, 3.6, 3.4) as (fig, ax):
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
        ax.set(xlabel="Predicted probability", ylabel="Share of pairs that are regulated")
    return save(fig, files.figure)
