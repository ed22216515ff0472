"""How well unseen genes are predicted, by every run, beside other runs and simple methods."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from claster.analysis.metrics import gene_means, paper_gene_values
from claster.analysis.statistics import pearson, spearman
from claster.eir.runs import read_run
from claster.figures import base
from claster.figures.context import Context, Profiles
from claster.figures.needs import BUILT, EVALUATIONS, predictions, scores_of
from claster.plot import OKABE_ITO, density, gene_scatter, profile
from claster.plot.panels import draw_bars
from claster.plot.style import method_colour, method_label
from claster.text import read_parquet

_HARD_CODED = "III_Data_analysis, performance_dicts"
_PRINTED = {
    "pure_conv": (0.8852, 0.7814),
    "conv_attention": (0.8808, 0.7815),
    "microc_rotated": (0.8690, 0.7717),
    "microc_square": (0.8025, 0.7066),
}
"""Pearson and Spearman r over bins by flavour."""

_OVER_BINS = tuple(
    base.Published({"flavour": flavour, "level": "bin", "metric": metric}, value, _HARD_CODED)
    for flavour, pair in _PRINTED.items()
    for metric, value in zip(("pearson", "spearman"), pair, strict=True)
)

_NETWORKS = ("vermillion", "sky blue", "black")
_SIMPLE = ("mean_profile", "H3K27ac_at_bin", "ridge", "boosting")


@base.figure("F2e", needs=(EVALUATIONS,), published=_OVER_BINS)
def comparison_bars(context: Context, page: base.Page) -> base.Drawn:
    """Draw runs and simple methods: correlation over bins.

    Pearson and Spearman r over all bins on log2(x + 1), with 95 % intervals of resampled loci. All are
    scored on the same bins; published were single values without interval or simple method, each model on a
    window of its own.
    """
    table = _scores(context).query("level == 'bin'")
    fig, axes = page.panels(2, height=0.7 + 0.2 * table["method"].nunique())
    for ax, metric in zip(axes, ("pearson", "spearman"), strict=True):
        rows = table[table["metric"] == metric].reset_index(drop=True)
        bounds = rows[["value", "low", "high"]]
        draw_bars(ax, rows.index, bounds, arm=1, color=_colours(rows), height=0.7)
        ax.set_yticks(rows.index, rows["label"])
        ax.set_ylim(len(rows) - 0.5, -0.5)
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_ylabel("Run or simple method")
        ax.set_xlabel(f"{metric.capitalize()} r over bins, log2(reads + 1)")
    return fig, axes, table.drop(columns="label")


@base.figure("F2f", needs=(EVALUATIONS,), published=_OVER_BINS)
def comparison_scatter(context: Context, page: base.Page) -> base.Drawn:
    """Draw runs and simple methods: Pearson against Spearman r.

    Both correlations, over bins (circles) and over genes (triangles), on log2(x + 1). The published figure
    took gene values on the raw scale and mixed two models in one point.
    """
    table = _scores(context)
    fig, ax = page.panel(height=3.2)
    keys = ["label", "method", "level"]
    wide = table.pivot_table(index=keys, columns="metric", values="value", sort=False).reset_index()
    for number, (label, rows) in enumerate(wide.groupby("label", sort=False)):
        colour = _colours(rows.assign(number=number))[0]
        bins, genes = (rows[rows["level"] == level] for level in ("bin", "gene"))
        ax.plot(bins["pearson"], bins["spearman"], "o", markersize=6, color=colour, label=label)
        ax.plot(genes["pearson"], genes["spearman"], "^", markersize=6, color=colour)
    ax.plot([], [], "o", color="0.5", label="over bins")
    ax.plot([], [], "^", color="0.5", label="over genes")
    ax.set(xlabel="Pearson r, log2(reads + 1)", ylabel="Spearman r, log2(reads + 1)")
    ax.legend(loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    return fig, np.array([ax]), table.drop(columns="label")


def _scores(context: Context) -> pd.DataFrame:
    """Return both correlations of runs and simple methods over all bins and genes."""
    parts = []
    for number, run in enumerate(context.runs):
        scores = read_parquet(scores_of(run))
        chosen = scores.query(
            "against == '' and how == 'pooled' and by == 'all' and scale == 'log2(x+1)'"
            " and counted == 'all' and level in ['bin', 'gene'] and metric in ['pearson', 'spearman']"
        )
        first = chosen["condition"] == chosen["condition"].iloc[0]
        wanted = ["network", *(_SIMPLE if number == 0 else ())]
        rows = chosen[first & chosen["method"].isin(wanted)]
        rows = rows.assign(run=run.path.name, flavour=read_run(run.path).flavour)
        ours = rows["method"] == "network"
        rows["label"] = rows["run"].where(ours, rows["method"].map(method_label))
        rows["flavour"] = rows["flavour"].where(ours, "")
        parts.append(rows)
    table = pd.concat(parts, ignore_index=True)
    order = table["method"].ne("network").sort_values(kind="stable").index
    table = table.loc[order].reset_index(drop=True)
    columns = ["label", "run", "flavour", "method", "level", "metric", "value", "low", "high", "n"]
    return table[columns]


def _colours(rows: pd.DataFrame) -> list[str]:
    networks = list(dict.fromkeys(rows["label"][rows["method"] == "network"]))
    first = int(rows["number"].iloc[0]) if "number" in rows else 0
    return [
        OKABE_ITO[_NETWORKS[(first + networks.index(label)) % len(_NETWORKS)]]
        if method == "network"
        else method_colour(method, number)
        for number, (label, method) in enumerate(zip(rows["label"], rows["method"], strict=True))
    ]


_EXAMPLES = 4


@base.figure(
    "F1a",
    needs=(BUILT, predictions("test")),
    published=(
        base.Published({"quantity": "pearson"}, 0.8852, _HARD_CODED),
        base.Published({"quantity": "spearman"}, 0.7814, _HARD_CODED),
    ),
)
def bins_of_test_genes(context: Context, page: base.Page) -> base.Drawn:
    """Draw test genes: predicted against observed bins.

    All bins of the forward samples on log2(x + 1), pooled, as published (numbers of the chromatin-only
    network). A kilobase lies in several windows: `claster evaluate` counts it once.
    """
    return draw_bins(page, context.profiles("test"))


@base.figure(
    "F1b",
    needs=(BUILT, predictions("test")),
    published=(
        base.Published({"quantity": "pearson, published arithmetic"}, 0.8859, _HARD_CODED),
        base.Published({"quantity": "spearman, published arithmetic"}, 0.9275, _HARD_CODED),
    ),
)
def genes_of_test_split(context: Context, page: base.Page) -> base.Drawn:
    """Draw test genes: predicted against observed mean over the gene.

    Mean signal over each gene within its window, raw and on log2(x + 1). The published value is Simpson's
    area over whole bins divided by their number, (n - 1) / n of the mean and 0 for a gene of one bin; its
    correlation is in the table beside ours.
    """
    found = context.profiles("test")
    table = _gene_table(context, found)
    fig, axes = page.panels(2, height=2.9)
    observed, predicted = (table[name].to_numpy() for name in ("observed", "predicted"))
    gene_scatter(observed, predicted, log=False, ax=axes[0])
    gene_scatter(observed, predicted, ax=axes[1])
    return fig, axes, pd.concat([_gene_scores(table), table], ignore_index=True)


@base.figure("F1s", needs=(BUILT, predictions("test")))
def example_profiles(context: Context, page: base.Page) -> base.Drawn:
    """Draw test genes: example profiles.

    Observed and predicted profiles of four expressed genes, from the best predicted to the worst by
    correlation over bins: no hand-picked ones. (A published panel showed the prediction twice.)
    """
    found = context.profiles("test")
    rows = context.typical_genes(found, _EXAMPLES)
    fig, axes = page.panels(len(rows), height=2.0)
    tables = []
    for ax, row in zip(axes, rows, strict=True):
        gene = found.genes.iloc[row]
        table = draw_profile(ax, context, found, row)
        tables.append(table.assign(gene_id=gene["gene_id"], gene_name=gene["name"]))
    base.share_legend(fig, axes)
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R6", needs=(BUILT, predictions("test")))
def every_run(context: Context, page: base.Page) -> base.Drawn:
    """Draw every run: bins and genes of the test split.

    F1a and F1b (log2) for each run, in rows: flavours, tracks left out, contexts, seeds.
    """
    fig, axes = page.panels(2 * len(context.runs), height=2.7)
    tables = []
    for pair, run in zip(axes.reshape(-1, 2), context.runs, strict=True):
        found = context.profiles("test", run)
        genes = _gene_table(context, found)
        density(found.observed, found.predicted, points="bins", ax=pair[0])
        observed, predicted = (genes[name].to_numpy() for name in ("observed", "predicted"))
        gene_scatter(observed, predicted, ax=pair[1])
        for ax in pair:
            base.head(ax, run.path.name)
        tables += [
            base.agreement_rows(found.observed, found.predicted, run=run.path.name, level="bin"),
            base.agreement_rows(observed, predicted, run=run.path.name, level="gene"),
        ]
    return fig, axes, pd.concat(tables, ignore_index=True)


def draw_bins(page: base.Page, found: Profiles) -> base.Drawn:
    """Draw predicted against observed bins."""
    fig, ax = page.panel(height=3.2, square=True)
    density(found.observed, found.predicted, points="bins", ax=ax)
    return fig, np.array([ax]), base.agreement_rows(found.observed, found.predicted)


def draw_profile(ax: Axes, context: Context, found: Profiles, row: int) -> pd.DataFrame:
    """Draw observed and predicted profile of one gene and return them as a table."""
    gene, binning = found.genes.iloc[row], context.target.binning
    span = (gene["start"] - gene["tss"], gene["end"] - gene["tss"], gene["strand"])
    series = {"observed": found.observed[row], "predicted": found.predicted[row]}
    profile(**series, binning=binning, gene_span=span, ax=ax)
    base.head(ax, gene["name"])
    return base.profile_table(binning, series)


def _gene_table(context: Context, found: Profiles) -> pd.DataFrame:
    """Return the mean over each gene, by our definition and by the published arithmetic.

    Returns `gene_id`, `observed`, `predicted`, `observed_published`, `predicted_published`
    (reads).
    """
    binning = context.target.binning
    values = {}
    for kind, signal in (("observed", found.observed), ("predicted", found.predicted)):
        values[kind] = gene_means(signal, found.genes, binning)
        values[f"{kind}_published"] = paper_gene_values(signal, found.genes, binning)
    return pd.DataFrame({"gene_id": found.genes["gene_id"], **values})


def _gene_scores(table: pd.DataFrame) -> pd.DataFrame:
    ours = [table[name].to_numpy() for name in ("observed", "predicted")]
    theirs = [table[f"{name}_published"].to_numpy() for name in ("observed", "predicted")]
    logged = [np.log2(values + 1) for values in ours]
    rows = {
        "pearson": pearson(*ours),
        "spearman": spearman(*ours),
        "pearson, log2(x + 1)": pearson(*logged),
        "pearson, published arithmetic": pearson(*theirs),
        "spearman, published arithmetic": spearman(*theirs),
    }
    return pd.DataFrame({"quantity": list(rows), "value": list(rows.values())})
