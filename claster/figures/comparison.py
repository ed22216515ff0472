"""Runs beside each other and beside simple methods."""

import numpy as np
import pandas as pd

from claster.eir.runs import read_run
from claster.figures.base import Drawn, Page, PaperFigure, Published, figure
from claster.figures.context import Context
from claster.figures.needs import EVALUATIONS
from claster.plot.style import OKABE_ITO, method_colour, method_label, style
from claster.text import read_parquet

__all__ = ["FIGURES"]

_HARD_CODED = "III_Data_analysis, performance_dicts"
_PRINTED = {
    "pure_conv": (0.8852, 0.7814),
    "conv_attention": (0.8808, 0.7815),
    "microc_rotated": (0.8690, 0.7717),
    "microc_square": (0.8025, 0.7066),
}
"""Pearson and Spearman r over bins by flavour."""

_NETWORKS = ("vermillion", "sky blue", "black")
_SIMPLE = ("mean_profile", "H3K27ac_at_bin", "ridge", "boosting")


def _published(level: str) -> tuple[Published, ...]:
    return tuple(
        Published(
            {"flavour": flavour, "level": level, "metric": metric}, "value", value, _HARD_CODED
        )
        for flavour, pair in _PRINTED.items()
        for metric, value in zip(("pearson", "spearman"), pair, strict=True)
    )


@figure(
    "F2e",
    needs=(EVALUATIONS,),
    published=_published("bin"),
)
def comparison_bars(context: Context, page: Page) -> Drawn:
    """Draw runs and simple methods: correlation over bins.

    Pearson and Spearman r over all bins on log2(x + 1), with 95 % intervals of resampled loci. All are
    scored on the same bins; published were single values without interval or simple method, each model on a
    window of its own.
    """
    table = _scores(context).query("level == 'bin'")
    fig, axes = page.panels(2, height=0.7 + 0.2 * table["method"].nunique())
    for ax, metric in zip(axes, ("pearson", "spearman"), strict=True):
        rows = table[table["metric"] == metric].reset_index(drop=True)
        arms = np.stack([rows["value"] - rows["low"], rows["high"] - rows["value"]])
        with style():
            ax.barh(rows.index, rows["value"], color=_colours(rows), height=0.7)
            ax.errorbar(
                rows["value"],
                rows.index,
                xerr=np.nan_to_num(arms).clip(min=0),
                fmt="none",
                ecolor="0.35",
                elinewidth=1,
                capsize=2,
            )
            ax.set_yticks(rows.index, rows["label"])
            ax.set_ylim(len(rows) - 0.5, -0.5)
            ax.axvline(0, color="black", linewidth=0.8)
            ax.set_ylabel("Run or simple method")
            ax.set_xlabel(f"{metric.capitalize()} r over bins, log2(reads + 1)")
    return fig, axes, table.drop(columns="label")


@figure(
    "F2f",
    needs=(EVALUATIONS,),
    published=_published("bin"),
)
def comparison_scatter(context: Context, page: Page) -> Drawn:
    """Draw runs and simple methods: Pearson against Spearman r.

    Both correlations, over bins (circles) and over genes (triangles), on log2(x + 1). The published figure
    took gene values on the raw scale and mixed two models in one point.
    """
    table = _scores(context)
    fig, ax = page.panel(height=3.2)
    wide = table.pivot_table(
        index=["label", "method", "level"], columns="metric", values="value", sort=False
    ).reset_index()
    with style():
        for number, (label, rows) in enumerate(wide.groupby("label", sort=False)):
            for level, marker in (("bin", "o"), ("gene", "^")):
                here = rows[rows["level"] == level]
                ax.plot(
                    here["pearson"],
                    here["spearman"],
                    marker,
                    markersize=6,
                    color=_colours(rows.assign(number=number))[0],
                    label=label if level == "bin" else None,
                )
        ax.plot([], [], "o", color="0.5", label="over bins")
        ax.plot([], [], "^", color="0.5", label="over genes")
        ax.set_xlabel("Pearson r, log2(reads + 1)")
        ax.set_ylabel("Spearman r, log2(reads + 1)")
        ax.legend(loc="upper left", bbox_to_anchor=(1, 1), borderaxespad=0.2)
    return fig, np.array([ax]), table.drop(columns="label")


def _scores(context: Context) -> pd.DataFrame:
    """Return both correlations of runs and simple methods over all bins and genes."""
    parts = []
    for number, run in enumerate(context.runs):
        scores = read_parquet(run.evaluation / "scores.parquet")
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
        parts.append(
            rows.sort_values("method", key=lambda names: names != "network", kind="stable")
        )
    table = pd.concat(parts, ignore_index=True)
    order = table["method"].ne("network")
    table = table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)
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


FIGURES: tuple[PaperFigure, ...] = (comparison_bars, comparison_scatter)
