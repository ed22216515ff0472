"""Chromatin states of bins, and what silenced elements change: where, by how much, of which gene."""

from itertools import combinations, product

import numpy as np
import pandas as pd

from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.figures import base
from claster.figures.context import Context
from claster.figures.needs import BUILT, P1, P2, centred, screen_files
from claster.plot import OKABE_ITO, edited_profiles, effect_by_distance
from claster.plot.panels import draw_counts
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


@base.figure("F2b", needs=(BUILT, base.Need("the tracks H3K4me3, H3K27ac and H3K27me3", _marks)))
def chromatin_states(context: Context, page: base.Page) -> base.Drawn:
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
        mesh = draw_counts(ax, x, y, counts, most=counts.max())
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
        column, row = np.nonzero(counts)
        filled = {"x_from": x[column], "y_from": y[row], "bins": counts[column, row].astype(int)}
        tables.append(pd.DataFrame({"x": _MARKS[first], "y": _MARKS[second], **filled}))
    return fig, axes, pd.concat(tables, ignore_index=True)


_GENES = ("ENSMUSG00000028345.15", "ENSMUSG00000028347.14", "ENSMUSG00000028344.12")
_NEAR = 15_000
_MOST_BETWEEN = 15


@base.figure("F2a", needs=(BUILT, P1, P2))
def silenced_profiles(context: Context, page: base.Page) -> base.Drawn:
    """Draw profiles of genes with one element silenced after the other.

    Predicted profiles of three genes, a line an element: without activating marks (P2) and without H3K27ac
    (P1). The three published genes, or those whose elements change most.
    """
    tables = []
    binning = context.target.binning
    silenced = (("P2", "all activating marks"), ("P1", "H3K27ac"))
    shown = list(product(_three_genes(context), silenced))
    fig, axes = page.panels(len(shown), height=1.9)
    for ax, (gene, (name, told)) in zip(axes, shown, strict=True):
        baseline, edited, elements = _profiles_of(context, name, gene)
        edited_profiles(baseline, edited, elements["distance_bp"].to_numpy(), binning, ax=ax)
        base.head(ax, f"{elements['gene_name'].iloc[0]}, without {told}")
        keys = {"screen": name, "gene_id": gene, "element_id": ["", *elements["element_id"]]}
        wide = pd.DataFrame(np.vstack([baseline, edited]), columns=binning.middles).assign(**keys)
        tables.append(wide.melt(list(keys), var_name="offset_bp", value_name="predicted"))
    base.share_legend(fig, axes)
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("F2c", needs=(P2,))
def effect_and_distance(context: Context, page: base.Page) -> base.Drawn:
    """Draw effect of silencing against distance.

    Left, as published: relative change of the gene, sign dropped, in classes of 1 kb up to 15 kb; all
    points are drawn. Right: signed log2 change against distance on a logarithmic axis, beyond 2 kb from the
    TSS, where an element is a promoter, beside matched control regions.
    """
    effects = _effects(context, "P2")
    controls = _first_condition(read_parquet(screen_files(context, "P2").controls))
    change = (effects["perturbed"] - effects["baseline"]).abs()
    relative = change / effects["baseline"].where(effects["baseline"] > 0)
    table = effects.assign(relative_change=relative)
    fig, axes = page.panels(2, height=2.7)
    near = table[(table["distance_bp"].abs() < _NEAR) & table["relative_change"].notna()]
    kilobase = near["distance_bp"].abs() // 1000
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
    axes[1].legend(loc="best", fontsize=6, frameon=True)
    columns = ["gene_id", "element_id", "distance_bp", "baseline", "perturbed"]
    return fig, axes, table[[*columns, "relative_change", "effect", "fdr"]]


@base.figure("F2d", needs=(P2,))
def genes_in_between(context: Context, page: base.Page) -> base.Drawn:
    """Draw genes between an element and the gene that it affects most.

    Background: shares of all pairs of element and gene by the number of TSSs in between. Enrichment: the
    shares of pairs with the largest relative change of each element, divided by the background and
    normalised to 1, as published. Genes in between are TSSs strictly between the two; the published count
    took any closer gene of that side that lies whole in the window.
    """
    effects = _effects(context, "P2")
    change = (effects["perturbed"] - effects["baseline"]).abs()
    change /= effects["baseline"].clip(lower=1e-9)
    most = effects.loc[change.groupby(effects["element_id"]).idxmax()]
    between = np.arange(_MOST_BETWEEN + 1)
    shares = {
        name: np.bincount(rows["genes_between"].clip(upper=_MOST_BETWEEN), minlength=len(between))
        / len(rows)
        for name, rows in (("background", effects), ("most_affected", most))
    }
    background, none = shares["background"], np.zeros(len(between))
    ratio = np.divide(shares["most_affected"], background, out=none, where=background > 0)
    table = pd.DataFrame({"genes_between": between, **shares, "enrichment": ratio / ratio.sum()})
    fig, axes = page.panels(2, height=2.3)
    told = {
        "background": f"Share of all pairs (n = {len(effects):,})",
        "enrichment": f"Most affected genes over\nbackground, sum 1 (n = {len(most):,})",
    }
    for ax, (column, label) in zip(axes, told.items(), strict=True):
        ax.bar(between, table[column], color=OKABE_ITO["sky blue"])
        ax.set_xticks(between[::3])
        ax.set(xlabel="Genes between element and gene (number)", ylabel=label)
    return fig, axes, table


_STEP = 5000
_TOP = 10
_CENTRED = centred("elements without activating marks, each in the middle of its window")
_TWO = centred("elements without activating marks in two runs", of_all=2)


@base.figure("R1", needs=(_CENTRED,))
def centred_silencing(context: Context, page: base.Page) -> base.Drawn:
    """Draw silenced elements: where, how wide, how far, which gene.

    Windows centred on elements. Change of the predicted profile by position (mean, SD, largest over
    elements); widths of elements; change of each gene against its distance with the running mean over 5 kb;
    rank by distance of the gene that changes most. Genes count with the part in the window; published were
    only genes whole inside it.
    """
    effects = _pairs(context)
    change = np.abs(_signed_change(context).to_numpy())
    middles = context.target.binning.middles / 1000
    fig, axes = page.panels(4, height=2.3)
    mean, sd, most = change.mean(axis=0), change.std(axis=0), change.max(axis=0)
    widths = effects.drop_duplicates("element_id")["width_bp"]
    curve = _running_mean(effects)
    order = _ranks(effects[effects["is_most_affected"]])
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
    red = OKABE_ITO["vermillion"]
    axes[2].plot(curve["distance_kb"], curve["mean"], color=red, label="mean of 5 kb")
    axes[2].set_xlabel("Distance of the TSS (kb)")
    axes[2].set_ylabel("Change of the gene\n(reads per kb, without sign)")
    axes[2].legend(fontsize=6)
    axes[3].bar(order.index, order, color=OKABE_ITO["green"])
    axes[3].set_xticks(order.index, [*map(str, order.index[:-1]), f"≥{_TOP}"])
    axes[3].set_xlabel("Rank by distance of the gene that changes most")
    axes[3].set_ylabel("Number of elements")
    by_position = {"x": middles, "mean": mean, "sd": sd, "largest": most}
    columns = ["element_id", "gene_id", "distance_bp", "width_bp", "change", "rank"]
    pairs = effects[[*columns, "is_most_affected"]].assign(part="pair")
    position = pd.DataFrame({"part": "position", **by_position})
    return fig, axes, pd.concat([position, pairs], ignore_index=True)


@base.figure("R2", needs=(_CENTRED,))
def pair_distances(context: Context, page: base.Page) -> base.Drawn:
    """Draw distances between elements and genes.

    Pairs of silenced element and gene by distance in classes of 20 kb up to 200 kb.
    """
    fig, ax = page.panel(height=2.4)
    return fig, np.array([ax]), base.draw_distances(ax, _pairs(context), step=20_000)


@base.figure("R17", needs=(_TWO,))
def two_models(context: Context, page: base.Page) -> base.Drawn:
    """Draw two runs: change of the same element-gene pairs.

    Change of each gene, without sign, in the first run against the second (published: POLR2A against RNA,
    areas not divided by gene length, so that long genes weighed more; here means over the gene).
    """
    keys = ["element_id", "gene_id"]
    first, second = (_pairs(context, number)[[*keys, "change"]] for number in (0, 1))
    table = first.merge(second, on=keys, suffixes=("_first", "_second"), validate="1:1")
    x, y = (np.log10(table[f"change_{name}"].clip(lower=1e-6)) for name in ("first", "second"))
    fig, ax = page.panel(height=3.0)
    ax.plot(x, y, ".", markersize=3, color=OKABE_ITO["blue"], rasterized=True)
    told = f"$r_p$ = {x.corr(y):.3f}\n$r_s$ = {x.corr(y, method='spearman'):.3f}\nn = {len(x):,}"
    ax.text(0.03, 0.97, told, transform=ax.transAxes, va="top", fontsize=8)
    for axis, run in ((ax.set_xlabel, 0), (ax.set_ylabel, 1)):
        axis(f"Change in {context.runs[run].path.name}\n(log10 of reads per kb)")
    return fig, np.array([ax]), table


@base.figure("R18", needs=(_CENTRED,))
def most_affected(context: Context, page: base.Page) -> base.Drawn:
    """Draw the most affected gene of each element, and the elements with the largest effects.

    Distance and rank of the gene that changes most, and, as a line each, the change of the predicted
    profile of the ten elements that change a gene most.
    """
    effects = _pairs(context)
    most = effects[effects["is_most_affected"]]
    most = most.sort_values("change", ascending=False, kind="stable")
    strongest = most["element_id"].head(_TOP)
    change = _signed_change(context).loc[strongest]
    middles = context.target.binning.middles / 1000
    fig, axes = page.panels(3, height=2.3, across=3)
    edges = np.linspace(0, 200, 31)
    counts = np.histogram(most["distance_bp"].abs() / 1000, edges)[0]
    order = _ranks(most)
    axes[0].stairs(counts, edges, fill=True, color="0.6")
    axes[0].set_yscale("symlog", linthresh=1)
    axes[0].set(xlabel="Distance of the TSS (kb)", ylabel="Number of elements")
    axes[1].bar(order.index, order, color=OKABE_ITO["green"])
    axes[1].set_xticks(order.index[::3])
    axes[1].set(xlabel="Rank by distance (number)", ylabel="Number of elements")
    for number, values in enumerate(change.to_numpy()):
        axes[2].plot(middles, values, linewidth=0.8, color=f"C{number % 7}")
    axes[2].axhline(0, color="0.6", linewidth=0.6)
    axes[2].set_xlabel("Distance from the element (kb)")
    axes[2].set_ylabel("Change of predicted\nsignal (reads)")
    columns = ["element_id", "gene_id", "distance_bp", "rank", "change", "baseline", "perturbed"]
    return fig, axes, most[columns]


def _effects(context: Context, name: str, run: RunFolder | None = None) -> pd.DataFrame:
    """Return the effects of a screen in the first condition and at the first dose."""
    return _first_condition(read_parquet(screen_files(context, name, run).effects))


def _first_condition(effects: pd.DataFrame) -> pd.DataFrame:
    chosen = (effects["condition"] == effects["condition"].iloc[0]) if len(effects) else slice(None)
    rows = effects[chosen]
    dose = rows["dose"].iloc[0] if len(rows) else np.nan
    return rows[rows["dose"].isna() | (rows["dose"] == dose)].reset_index(drop=True)


def _three_genes(context: Context) -> list[str]:
    effects = _effects(context, "P2")
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
    effects = _effects(context, name)
    elements = effects[effects["gene_id"] == gene].drop_duplicates("element_id")
    profiles = read_parquet(screen_files(context, name).profiles)
    first = profiles["condition"] == context.target.groups[0]
    here = profiles[first & (profiles["window"] == gene)]
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


def _pairs(context: Context, number: int = 0) -> pd.DataFrame:
    """Return effects with `change` (reads, without sign), `rank` by distance, and the most affected."""
    effects = _effects(context, "centred", context.runs[number])
    effects = effects[effects["distance_bp"].abs() <= context.target.binning.half]
    change = (effects["perturbed"] - effects["baseline"]).abs()
    ranks = effects["distance_bp"].abs().groupby(effects["element_id"]).rank(method="first")
    table = effects.assign(change=change, rank=ranks.astype(int), is_most_affected=False)
    table.loc[change.groupby(effects["element_id"]).idxmax(), "is_most_affected"] = True
    return table.reset_index(drop=True)


def _ranks(most: pd.DataFrame) -> pd.Series:
    """Return how many elements have each rank by distance of the gene that changes most."""
    counts = most["rank"].clip(upper=_TOP).value_counts()
    return counts.reindex(range(1, _TOP + 1), fill_value=0)


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
