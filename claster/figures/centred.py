"""Elements in the middle of their windows: where predictions change, which gene changes most."""

import numpy as np
import pandas as pd

from claster.figures.base import Drawn, Need, Page, PaperFigure, figure
from claster.figures.context import Context
from claster.figures.needs import CENTRED, screen, screen_files
from claster.figures.silencing import first_condition
from claster.plot import OKABE_ITO, style
from claster.text import read_parquet

_STEP = 5000
_TOP = 10
_TWO: Need = screen(
    "centred",
    "elements without activating marks in two runs",
    "--centre element --controls 0",
    of_all=2,
    centre="element",
    controls=0,
)


@figure("R1", needs=(CENTRED,))
def centred_silencing(context: Context, page: Page) -> Drawn:
    """Draw silenced elements: where, how wide, how far, which gene.

    Windows centred on elements. Change of the predicted profile by position (mean, SD, largest over
    elements); widths of elements; change of each gene against its distance with the running mean over 5 kb;
    rank by distance of the gene that changes most. Genes count with the part in the window; published were
    only genes whole inside it.
    """
    effects = _pairs(context)
    change = np.abs(_signed_change(context).to_numpy())
    middles = context.target.binning.offsets * context.target.binning.size / 1000
    fig, axes = page.panels(4, height=2.3)
    mean, sd, most = change.mean(axis=0), change.std(axis=0), change.max(axis=0)
    widths = effects.drop_duplicates("element_id")["width_bp"]
    curve = _running_mean(effects)
    ranks = effects[effects["is_most_affected"]]["rank"].clip(upper=_TOP)
    order = ranks.value_counts().reindex(range(1, _TOP + 1), fill_value=0)
    with style():
        axes[0].fill_between(middles, (mean - sd).clip(min=0), mean + sd, color="0.85", label="SD")
        axes[0].plot(middles, most, color=OKABE_ITO["sky blue"], linewidth=0.8, label="largest")
        axes[0].plot(middles, mean, color="black", linewidth=1, label="mean")
        axes[0].set_yscale("symlog", linthresh=max(float(mean.max()), 1e-6))
        axes[0].set_xlabel("Distance from the element's middle (kb)")
        axes[0].set_ylabel("Change of predicted signal\n(reads, without sign)")
        axes[0].legend(loc="upper right", fontsize=6)
        axes[1].hist(widths, bins=20, color="0.6")
        axes[1].axvline(widths.median(), color=OKABE_ITO["vermillion"], linewidth=1, label="median")
        axes[1].set_xlabel("Width of the element (bp)")
        axes[1].set_ylabel(f"Number of elements (of {len(widths):,})")
        axes[1].legend(fontsize=6)
        axes[2].plot(
            effects["distance_bp"].abs() / 1000,
            effects["change"],
            ".",
            markersize=2.5,
            color=OKABE_ITO["blue"],
            rasterized=True,
        )
        axes[2].plot(
            curve["distance_kb"], curve["mean"], color=OKABE_ITO["vermillion"], label="mean of 5 kb"
        )
        axes[2].set_xlabel("Distance of the TSS (kb)")
        axes[2].set_ylabel("Change of the gene\n(reads per kb, without sign)")
        axes[2].legend(fontsize=6)
        axes[3].bar(order.index, order, color=OKABE_ITO["green"])
        axes[3].set_xticks(order.index, [*map(str, order.index[:-1]), f"≥{_TOP}"])
        axes[3].set_xlabel("Rank by distance of the gene that changes most")
        axes[3].set_ylabel("Number of elements")
    position = pd.DataFrame(
        {"part": "position", "x": middles, "mean": mean, "sd": sd, "largest": most}
    )
    scatter = effects[
        ["element_id", "gene_id", "distance_bp", "width_bp", "change", "rank", "is_most_affected"]
    ]
    table = pd.concat([position, scatter.assign(part="pair")], ignore_index=True)
    return fig, axes, table


@figure("R2", needs=(CENTRED,))
def pair_distances(context: Context, page: Page) -> Drawn:
    """Draw distances between elements and genes.

    Pairs of silenced element and gene by distance in classes of 20 kb up to 200 kb.
    """
    distance = _pairs(context)["distance_bp"].abs()
    edges = np.arange(0, 200_001, 20_000)
    counts = np.histogram(distance, edges)[0]
    fig, ax = page.panel(height=2.4)
    with style():
        ax.stairs(counts, edges / 1000, fill=True, color="0.7")
        ax.axvline(distance.median() / 1000, color=OKABE_ITO["vermillion"], label="median")
        ax.set_xlabel("Distance from element to TSS (kb)")
        ax.set_ylabel("Number of pairs")
        ax.legend()
    table = pd.DataFrame({"from_bp": edges[:-1], "to_bp": edges[1:], "pairs": counts})
    return fig, np.array([ax]), table


@figure("R17", needs=(_TWO,))
def two_models(context: Context, page: Page) -> Drawn:
    """Draw two runs: change of the same element-gene pairs.

    Change of each gene, without sign, in the first run against the second (published: POLR2A against RNA,
    areas not divided by gene length, so that long genes weighed more; here means over the gene).
    """
    keys = ["element_id", "gene_id"]
    first, second = (_pairs(context, number)[[*keys, "change"]] for number in (0, 1))
    table = first.merge(second, on=keys, suffixes=("_first", "_second"), validate="1:1")
    x, y = (np.log10(table[f"change_{name}"].clip(lower=1e-6)) for name in ("first", "second"))
    fig, ax = page.panel(height=3.0)
    with style():
        ax.plot(x, y, ".", markersize=3, color=OKABE_ITO["blue"], rasterized=True)
        told = (
            f"$r_p$ = {x.corr(y):.3f}\n$r_s$ = {x.corr(y, method='spearman'):.3f}\nn = {len(x):,}"
        )
        ax.text(0.03, 0.97, told, transform=ax.transAxes, va="top", fontsize=8)
        for axis, run in ((ax.set_xlabel, 0), (ax.set_ylabel, 1)):
            axis(f"Change in {context.runs[run].path.name}\n(log10 of reads per kb)")
    return fig, np.array([ax]), table


@figure(
    "R18",
    needs=(CENTRED,),
)
def most_affected(context: Context, page: Page) -> Drawn:
    """Draw the most affected gene of each element, and the elements with the largest effects.

    Distance and rank of the gene that changes most, and, as a line each, the change of the predicted
    profile of the ten elements that change a gene most.
    """
    effects = _pairs(context)
    most = effects[effects["is_most_affected"]].sort_values(
        "change", ascending=False, kind="stable"
    )
    strongest = most["element_id"].head(_TOP)
    change = _signed_change(context).loc[strongest]
    middles = context.target.binning.offsets * context.target.binning.size / 1000
    fig, axes = page.panels(3, height=2.3, across=3)
    edges = np.linspace(0, 200, 31)
    counts = np.histogram(most["distance_bp"].abs() / 1000, edges)[0]
    order = most["rank"].clip(upper=_TOP).value_counts().reindex(range(1, _TOP + 1), fill_value=0)
    with style():
        axes[0].stairs(counts, edges, fill=True, color="0.6")
        axes[0].set_yscale("symlog", linthresh=1)
        axes[0].set_xlabel("Distance of the TSS (kb)")
        axes[0].set_ylabel("Number of elements")
        axes[1].bar(order.index, order, color=OKABE_ITO["green"])
        axes[1].set_xticks(order.index[::3])
        axes[1].set_xlabel("Rank by distance (number)")
        axes[1].set_ylabel("Number of elements")
        for number, values in enumerate(change.to_numpy()):
            axes[2].plot(middles, values, linewidth=0.8, color=f"C{number % 7}")
        axes[2].axhline(0, color="0.6", linewidth=0.6)
        axes[2].set_xlabel("Distance from the element (kb)")
        axes[2].set_ylabel("Change of predicted\nsignal (reads)")
    columns = ["element_id", "gene_id", "distance_bp", "rank", "change", "baseline", "perturbed"]
    return fig, axes, most[columns]


def _pairs(context: Context, number: int = 0) -> pd.DataFrame:
    """Return effects with `change` (reads, without sign), `rank` by distance, and the most affected."""
    run = context.runs[number]
    effects = first_condition(read_parquet(screen_files(context, "centred", run).effects))
    effects = effects[effects["distance_bp"].abs() <= context.target.binning.half]
    change = (effects["perturbed"] - effects["baseline"]).abs()
    ranks = effects["distance_bp"].abs().groupby(effects["element_id"]).rank(method="first")
    table = effects.assign(change=change, rank=ranks.astype(int), is_most_affected=False)
    table.loc[change.groupby(effects["element_id"]).idxmax(), "is_most_affected"] = True
    return table.reset_index(drop=True)


def _signed_change(context: Context) -> pd.DataFrame:
    """Return perturbed minus baseline profile, elements x bins (reads)."""
    profiles = read_parquet(screen_files(context, "centred").profiles)
    here = profiles[profiles["condition"] == context.target.groups[0]]
    bins = [str(offset) for offset in context.target.binning.offsets]
    before = here[here["element_id"] == ""].set_index("window")[bins].clip(lower=0)
    after = here[here["element_id"] != ""].drop_duplicates("element_id").set_index("element_id")
    values = after[bins].clip(lower=0).to_numpy(np.float64) - before.loc[after["window"]].to_numpy()
    return pd.DataFrame(values, index=after.index, columns=bins)


def _running_mean(effects: pd.DataFrame) -> pd.DataFrame:
    distance, change = effects["distance_bp"].abs().to_numpy(), effects["change"].to_numpy()
    centres = np.arange(_STEP // 2, 200_000, 1000)
    near = np.abs(distance[None, :] - centres[:, None]) <= _STEP / 2
    counts = near.sum(axis=1)
    means = np.divide(near @ change, counts, out=np.full(len(centres), np.nan), where=counts > 0)
    return pd.DataFrame({"distance_kb": centres / 1000, "mean": means})


FIGURES: tuple[PaperFigure, ...] = (centred_silencing, pair_distances, two_models, most_affected)
