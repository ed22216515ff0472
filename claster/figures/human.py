"""Other cells and other models: profiles and densities of every run, CRISPR pairs, learning curves."""

from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd

from claster.figures import base
from claster.figures.context import Context
from claster.figures.needs import BUILT, predictions, require
from claster.figures.performance import draw_profile
from claster.plot import density, link_curves
from claster.plot.style import track_colour
from claster.plot.validation import predictor_label, scores_of_all
from claster.text import read_parquet, read_table


def _crispr(context: Context) -> list[Path]:
    folder = context.run.path / "crispr" / "crispr"
    command = ("crispr", context.run.path, "--pairs", "TABLE")
    names = ("pairs.parquet", "decisions.csv", "curves.parquet", "scores.csv")
    return [require(folder / name, *command) for name in names]


_CRISPR = base.Need("a comparison with a CRISPR interference screen", _crispr)


def _histories(context: Context) -> list[Path]:
    runs = (*context.require_runs(), *context.sequence_runs)
    return [require(run.history, "train", run.path.name) for run in runs]


@base.figure("S3", needs=(base.Need("the history of every run", _histories),))
def learning_curves(context: Context, page: base.Page) -> base.Drawn:
    """Draw loss and validation performance of every run by training step.

    From each run's history. The published curves of the sequence models are of the test chromosome after
    every epoch; here it is never looked at in training.
    """
    tables = [read_table(path).assign(run=path.parent.name) for path in _histories(context)]
    panels = {"loss": "Loss (1)", "performance": "Performance (1)"}
    fig, axes = page.panels(2, height=2.2)
    for number, table in enumerate(tables):
        for split, dashes in (("train", ":"), ("valid", "-")):
            rows = table[table["split"].str.startswith(split)]
            for ax, name in zip(axes, panels, strict=True):
                known = rows.dropna(subset=[name])
                (line,) = ax.plot(known["step"], known[name], dashes, color=track_colour(number))
                line.set(linewidth=1, label=f"{table['run'].iloc[0]}, {split}")
    for ax, told in zip(axes, panels.values(), strict=True):
        ax.set(xlabel="Training step (number)", ylabel=told)
    axes[0].legend(fontsize=7, frameon=True)
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R13", needs=(BUILT, predictions("test")))
def cells_and_targets(context: Context, page: base.Page) -> base.Drawn:
    """Draw example profile and density of every run.

    Take the runs of `claster experiment k562_rna` or `k562_polr2a` (a dataset each). The example is an
    expressed test gene of median correlation over bins.
    """
    fig, axes = page.panels(2 * len(context.runs), height=2.4)
    tables = []
    for pair, run in zip(axes.reshape(-1, 2), context.runs, strict=True):
        found = context.profiles("test", run)
        row = context.typical_genes(found, 3)[1]
        table = draw_profile(pair[0], context, found, row)
        pair[0].get_legend().remove()
        density(found.observed, found.predicted, points="bins", ax=pair[1])
        base.head(pair[1], run.path.name)
        tables += [
            base.agreement_rows(found.observed, found.predicted, run=run.path.name),
            table.assign(run=run.path.name),
        ]
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R14", needs=(_CRISPR,))
def crispr_curves(context: Context, page: base.Page) -> base.Drawn:
    """Draw ROC and precision-recall curves on CRISPR pairs.

    A line a predictor: effect of silencing, distance, activity by contact, and what the table brings. Genes
    of the test split alone count, of every fold where the comparison is of all; published pairs lay on
    training chromosomes too.
    """
    _, _, found, table = _crispr(context)
    curves, scores = read_parquet(found), read_table(table)
    legend = 0.14 * curves["predictor"].nunique()
    fig, axes = page.panels(2, height=2.9 + legend)
    link_curves(curves, scores_of_all(scores), axes=(axes[0], axes[1]))
    for ax in axes:
        ax.set(xlabel=f"{ax.get_xlabel()} (1)", ylabel=f"{ax.get_ylabel()} (1)")
    return fig, axes, curves


@base.figure("R15", needs=(_CRISPR,))
def crispr_confusion(context: Context, page: base.Page) -> base.Drawn:
    """Draw regulated pairs by whether the gene is the most affected, or the closest one.

    Counts of CRISPR pairs, for the gene that changes most and for the one with the closest TSS.
    """
    pairs = _scored_pairs(context)
    fig, axes = page.panels(2, height=2.4)
    tables = []
    for ax, answer in zip(axes, ("primary", "closest"), strict=True):
        counts = pd.crosstab(pairs["regulated"], pairs[answer].astype(bool)).reindex(
            index=[False, True], columns=[False, True], fill_value=0
        )
        ax.imshow(counts, cmap="Blues", vmin=0)
        for (row, column), count in np.ndenumerate(counts.to_numpy()):
            shade = "white" if count > counts.to_numpy().max() / 2 else "black"
            ax.text(column, row, f"{count:,}", ha="center", va="center", color=shade)
        ax.set_xticks([0, 1], ["other", answer])
        ax.set_yticks([0, 1], ["not regulated", "regulated"])
        ax.set(xlabel="Predicted (number of pairs)", ylabel="CRISPR interference")
        table = counts.stack().rename_axis(["regulated", "chosen"]).reset_index(name="pairs")
        table.insert(0, "answer", answer)
        tables.append(table)
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R16", needs=(_CRISPR,))
def crispr_decisions(context: Context, page: base.Page) -> base.Drawn:
    """Draw precision, recall, F1 and accuracy of yes-or-no predictions on CRISPR pairs.

    Thresholds are those with the best F1 on the other chromosomes; published ones were chosen on the
    scored pairs themselves.
    """
    table = read_table(_crispr(context)[1])
    metrics = ["precision", "recall", "f1", "accuracy"]
    fig, ax = page.panel(height=0.6 + 0.4 * len(table))
    for number, metric in enumerate(metrics):
        ax.barh(np.arange(len(table)) + 0.2 * number, table[metric], 0.19, label=metric)
    labels = [fill(predictor_label(name), 18) for name in table["predictor"]]
    ax.set_yticks(np.arange(len(table)) + 0.3, labels, fontsize=6)
    ax.invert_yaxis()
    ax.set(ylabel="Predictor", xlabel="Score (1)", xlim=(0, 1))
    ax.legend(fontsize=6, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return fig, np.array([ax]), table


@base.figure("R19", needs=(_CRISPR,))
def crispr_distances(context: Context, page: base.Page) -> base.Drawn:
    """Draw distances of regulated CRISPR pairs.

    In classes of 5 kb up to 200 kb, from the element's middle (published: from its start, twice).
    """
    pairs = _scored_pairs(context)
    fig, ax = page.panel(height=2.3)
    table = base.draw_distances(ax, pairs[pairs["regulated"]], step=5000)
    ax.set_ylabel("Number of regulated pairs")
    return fig, np.array([ax]), table


def _scored_pairs(context: Context) -> pd.DataFrame:
    pairs = read_parquet(_crispr(context)[0])
    return pairs[pairs["scored"]].reset_index(drop=True)
