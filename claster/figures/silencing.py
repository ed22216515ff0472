"""Chromatin states of bins, and what silenced elements change: by distance, by profile, genes in between."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from claster.errors import ClasterError
from claster.figures.base import Drawn, Need, Page, PaperFigure, figure, share_legend
from claster.figures.context import Context
from claster.figures.needs import BUILT, P1, P2, screen_files
from claster.plot import OKABE_ITO, edited_profiles, effect_by_distance, style
from claster.text import read_parquet

_MARKS = ("H3K4me3", "H3K27ac", "H3K27me3")
_EVERY = 20
_CELLS = 60
_ARROWS = {"P1": ("H3K27ac",), "P2": ("H3K4me3", "H3K27ac")}


def _marks(context: Context) -> list:
    missing = set(_MARKS) - {track.name for track in context.spec.tracks}
    if missing:
        raise ClasterError(
            f"dataset {context.spec.name!r} has no track {sorted(missing)[0]}",
            remedy=f"name its tracks {', '.join(_MARKS)} in its YAML",
        )
    return []


@figure(
    "F2b",
    needs=(BUILT, Need("the tracks H3K4me3, H3K27ac and H3K27me3", _marks)),
)
def chromatin_states(context: Context, page: Page) -> Drawn:
    """Draw chromatin states: three marks against each other.

    Every 20th bin of the forward test landscapes on log2(x + 1), two marks at a time: number of bins by
    colour, and the way that silencing takes a bin of the highest percentile (P1: H3K27ac, P2: all
    activating marks). The published figure is one three-dimensional cloud, labelled by hand.
    """
    names = [track.name for track in context.spec.tracks]
    rows = [names.index(mark) for mark in _MARKS]
    genes = context.genes("test")
    cloud = np.concatenate(
        [context.landscape(gene)[rows, ::_EVERY] for _, gene in genes.iterrows()], axis=1
    )
    cloud = np.log2(cloud.clip(min=0) + 1)
    reach = np.quantile(cloud, 0.9995, axis=1).clip(min=1)
    top = np.quantile(cloud, 0.99, axis=1)
    pairs = list(combinations(range(len(_MARKS)), 2))
    fig, axes = page.panels(len(pairs), height=2.2, across=3)
    tables = []
    for ax, (first, second) in zip(axes, pairs, strict=True):
        limits = [(0, reach[first]), (0, reach[second])]
        counts, x, y = np.histogram2d(cloud[first], cloud[second], bins=_CELLS, range=limits)
        with style():
            mesh = ax.pcolormesh(
                x,
                y,
                np.ma.masked_equal(counts, 0).T,
                norm=LogNorm(1, counts.max()),
                cmap="viridis",
                rasterized=True,
            )
            for name, silenced in _ARROWS.items():
                end = [0.0 if _MARKS[mark] in silenced else top[mark] for mark in (first, second)]
                if end != [top[first], top[second]]:
                    ax.annotate(
                        name,
                        xytext=(top[first], top[second]),
                        xy=tuple(end),
                        fontsize=7,
                        color=OKABE_ITO["vermillion"],
                        arrowprops={"arrowstyle": "->", "color": OKABE_ITO["vermillion"]},
                    )
            ax.set_xlabel(f"{_MARKS[first]}, log2(signal + 1)")
            ax.set_ylabel(f"{_MARKS[second]}, log2(signal + 1)")
            fig.colorbar(mesh, ax=ax, pad=0.02, label="Number of bins")
        filled = np.argwhere(counts > 0)
        tables.append(
            pd.DataFrame(
                {
                    "x": _MARKS[first],
                    "y": _MARKS[second],
                    "x_from": x[filled[:, 0]],
                    "y_from": y[filled[:, 1]],
                    "bins": counts[tuple(filled.T)].astype(int),
                }
            )
        )
    return fig, axes, pd.concat(tables, ignore_index=True)


_GENES = ("ENSMUSG00000028345.15", "ENSMUSG00000028347.14", "ENSMUSG00000028344.12")
_NEAR = 15_000
_MOST_BETWEEN = 15


@figure("F2a", needs=(BUILT, P1, P2))
def silenced_profiles(context: Context, page: Page) -> Drawn:
    """Draw profiles of genes with one element silenced after the other.

    Predicted profiles of three genes, a line an element: without activating marks (P2) and without H3K27ac
    (P1). The three published genes, or those whose elements change most.
    """
    tables, panels = [], []
    shown = _three_genes(context)
    fig, axes = page.panels(2 * len(shown), height=1.9)
    for gene, pair in zip(shown, axes.reshape(-1, 2), strict=True):
        for ax, (name, told) in zip(
            pair, (("P2", "all activating marks"), ("P1", "H3K27ac")), strict=True
        ):
            baseline, edited, elements = _profiles_of(context, name, gene)
            edited_profiles(
                baseline, edited, elements["distance_bp"].to_numpy(), context.target.binning, ax=ax
            )
            ax.set_title(f"{elements['gene_name'].iloc[0]}, without {told}", loc="left")
            middles = context.target.binning.offsets * context.target.binning.size
            wide = pd.DataFrame(np.vstack([baseline, edited]), columns=middles)
            wide.insert(0, "element_id", ["", *elements["element_id"]])
            wide.insert(0, "gene_id", gene)
            wide.insert(0, "screen", name)
            tables.append(
                wide.melt(
                    ["screen", "gene_id", "element_id"],
                    var_name="offset_bp",
                    value_name="predicted",
                )
            )
            panels.append(ax)
    share_legend(fig, np.array(panels))
    return fig, np.array(panels), pd.concat(tables, ignore_index=True)


@figure("F2c", needs=(P2,))
def effect_and_distance(context: Context, page: Page) -> Drawn:
    """Draw effect of silencing against distance.

    Left, as published: relative change of the gene, sign dropped, in classes of 1 kb up to 15 kb; all
    points are drawn. Right: signed log2 change against distance on a logarithmic axis, beyond 2 kb from the
    TSS, where an element is a promoter, beside matched control regions.
    """
    effects = first_condition(read_parquet(screen_files(context, "P2").effects))
    controls = first_condition(read_parquet(screen_files(context, "P2").controls))
    table = effects.assign(
        relative_change=(effects["perturbed"] - effects["baseline"]).abs()
        / effects["baseline"].where(effects["baseline"] > 0)
    )
    fig, axes = page.panels(2, height=2.7)
    near = table[(table["distance_bp"].abs() < _NEAR) & table["relative_change"].notna()]
    kilobase = near["distance_bp"].abs() // 1000
    with style():
        spread = kilobase + 0.5 + _spread(kilobase.to_numpy())
        axes[0].plot(spread, near["relative_change"], ".", markersize=4, color=OKABE_ITO["blue"])
        medians = near["relative_change"].groupby(kilobase).median()
        axes[0].plot(medians.index + 0.5, medians, "_", markersize=9, color="black", label="median")
        axes[0].set_xlim(0, _NEAR / 1000)
        axes[0].set_ylim(bottom=0)
        axes[0].set_xlabel("Distance of the element from the TSS (kb)")
        axes[0].set_ylabel("Relative change of the gene,\nwithout sign (1)")
        axes[0].legend(loc="upper right")
    effect_by_distance(table, controls if len(controls) else None, ax=axes[1])
    axes[1].legend(loc="best", fontsize=6)
    columns = [
        "gene_id",
        "element_id",
        "distance_bp",
        "baseline",
        "perturbed",
        "relative_change",
        "effect",
        "fdr",
    ]
    return fig, axes, table[columns]


@figure("F2d", needs=(P2,))
def genes_in_between(context: Context, page: Page) -> Drawn:
    """Draw genes between an element and the gene that it affects most.

    Background: shares of all pairs of element and gene by the number of TSSs in between. Enrichment: the
    shares of pairs with the largest relative change of each element, divided by the background and
    normalised to 1, as published. Genes in between are TSSs strictly between the two; the published count
    took any closer gene of that side that lies whole in the window.
    """
    effects = first_condition(read_parquet(screen_files(context, "P2").effects))
    change = (effects["perturbed"] - effects["baseline"]).abs() / effects["baseline"].clip(
        lower=1e-9
    )
    most = effects.loc[change.groupby(effects["element_id"]).idxmax()]
    between = np.arange(_MOST_BETWEEN + 1)
    shares = {
        name: np.bincount(rows["genes_between"].clip(upper=_MOST_BETWEEN), minlength=len(between))
        / len(rows)
        for name, rows in (("background", effects), ("most_affected", most))
    }
    ratio = np.divide(
        shares["most_affected"],
        shares["background"],
        out=np.zeros(len(between)),
        where=shares["background"] > 0,
    )
    table = pd.DataFrame({"genes_between": between, **shares, "enrichment": ratio / ratio.sum()})
    fig, axes = page.panels(2, height=2.3)
    for ax, column, label in (
        (axes[0], "background", f"Share of all pairs (n = {len(effects):,})"),
        (axes[1], "enrichment", f"Most affected genes over\nbackground, sum 1 (n = {len(most):,})"),
    ):
        with style():
            ax.bar(between, table[column], color=OKABE_ITO["sky blue"])
            ax.set_xticks(between[::3])
            ax.set_xlabel("Genes between element and gene (number)")
            ax.set_ylabel(label)
    return fig, axes, table


def first_condition(effects: pd.DataFrame) -> pd.DataFrame:
    """Return the effects of single elements in the first condition and at the first dose."""
    chosen = (effects["condition"] == effects["condition"].iloc[0]) if len(effects) else slice(None)
    rows = effects[chosen]
    dose = rows["dose"].iloc[0] if len(rows) else np.nan
    return rows[rows["dose"].isna() | (rows["dose"] == dose)].reset_index(drop=True)


def _three_genes(context: Context) -> list[str]:
    effects = first_condition(read_parquet(screen_files(context, "P2").effects))
    there = [gene for gene in _GENES if gene in set(effects["gene_id"])]
    if there:
        return there
    most = effects["effect"].abs().groupby(effects["gene_id"]).max()
    if most.empty:
        raise ClasterError("no element was silenced", remedy="perturb with a wider --reach")
    return most.sort_values(ascending=False, kind="stable").index[:3].tolist()


def _profiles_of(
    context: Context, name: str, gene: str
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Return a gene's profile before, after each edit, and the elements in the same order."""
    files = screen_files(context, name)
    effects = first_condition(read_parquet(files.effects))
    elements = effects[effects["gene_id"] == gene].drop_duplicates("element_id")
    profiles = read_parquet(files.profiles)
    here = profiles[
        (profiles["window"] == gene) & (profiles["condition"] == context.target.groups[0])
    ]
    values = here.drop_duplicates("element_id").set_index("element_id")
    bins = [str(offset) for offset in context.target.binning.offsets]
    baseline = values.loc["", bins].to_numpy(np.float64).clip(min=0)
    edited = values.loc[elements["element_id"], bins].to_numpy(np.float64).clip(min=0)
    return baseline, edited, elements


def _spread(groups: np.ndarray) -> np.ndarray:
    """Return a sideways shift for each point, even over those of its group, so that none hides."""
    shift = np.zeros(len(groups))
    for group in np.unique(groups):
        rows = np.flatnonzero(groups == group)
        shift[rows] = np.linspace(-0.3, 0.3, len(rows)) if len(rows) > 1 else 0
    return shift


FIGURES: tuple[PaperFigure, ...] = (
    chromatin_states,
    silenced_profiles,
    effect_and_distance,
    genes_in_between,
)
