"""What goes in: contact maps, smoothing of the target, distributions of all data."""

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter1d

from claster.contacts.cut import map_cutter
from claster.contacts.shapes import MapKind, map_over
from claster.dataset.layout import SPLITS, read_arrays
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.sources import Sources, open_sources
from claster.dataset.targets import target_signal
from claster.dataset.track_scales import read_landscapes
from claster.figures import base
from claster.figures.context import Context
from claster.figures.needs import BUILT, CONTACT_SOURCE, CONTACTS, TARGET_SOURCE, TARGETS
from claster.plot import contact_map, density
from claster.plot.panels import TSS_AXIS
from claster.plot.style import track_colour
from claster.signal.intervals import ChromosomeSignal, window_means
from claster.signal.landscape import FINE_BIN

_MOST = 200
_OF_CONTACTS = "as stored, log scale"
_MAPS: tuple[MapKind, ...] = ("paper_square", "paper_rotated", "diagonal")


@base.figure("S4", needs=(BUILT, CONTACT_SOURCE))
def kinds_of_map(context: Context, page: base.Page) -> base.Drawn:
    """Draw contact maps of a gene: square, rotated, diagonal.

    The published square and rotated map of a gene (log10 of the frequency) and the diagonal one, all cut
    from the same matrix. Empty pixels hold 1e-14, off the colour scale.
    """
    gene = context.gene("ENSMUSG00000059552.13")
    contacts = context.spec.contacts
    assert contacts is not None
    fig, axes = page.panels(3, height=2.6, across=1)
    tables = []
    with open_sources(context.spec) as sources:
        assert sources.contacts is not None
        for ax, kind in zip(axes, _MAPS, strict=True):
            shape = map_over(kind, context.spec.window.binning, resolution=contacts.resolution)
            name, balance = sources.contact_names[gene["chrom"]], contacts.balance
            cut = map_cutter(sources.contacts, name, shape, balance=balance, value="log10")
            array, missing = cut(int(gene["tss"]))
            contact_map(array, contacts.resolution, value="log10", kind=kind, limits=(-5, 0), ax=ax)
            base.head(ax, f"{gene['name']}, {kind}")
            ax.set_anchor("W")
            known = array[array > -13]
            tables.append(
                {
                    "map": kind,
                    "gene_id": gene["gene_id"],
                    "rows": array.shape[0],
                    "columns": array.shape[1],
                    "unknown_share": missing,
                    "empty_share": 1 - known.size / array.size,
                    "median_of_filled": np.median(known),
                    "sum": array.sum(),
                }
            )
    base.share_legend(fig, axes)
    return fig, axes, pd.DataFrame(tables)


@base.figure("S6", needs=(TARGET_SOURCE,))
def smoothing_steps(context: Context, page: base.Page) -> base.Drawn:
    """Draw from coverage to target: 20 bp, smoothed, 1 kb.

    Coverage in bins of 20 bp around a TSS, after the Gaussian, and the target's bins. The Gaussian reads
    real neighbours beyond the window; the published one reflected, and its average looked forward.
    """
    gene = context.gene("Lck")
    target = context.target
    with open_sources(context.spec) as sources:
        strands = _strands(sources, target, gene["chrom"])
        bins = target.binning.width // FINE_BIN
        start = np.array([gene["tss"] - target.binning.half])
        flank = 4 * max(target.smoothing, FINE_BIN) // FINE_BIN
        start -= flank * FINE_BIN
        wide = sum(
            sign * window_means(signal, start, bins=bins + 2 * flank, size=FINE_BIN)[0]
            for signal, sign in strands
        )
        here = context.genes().query("gene_id == @gene.gene_id")
        (kept,) = target_signal(target, strands, here, summary="mean_all")
    smooth = gaussian_filter1d(wide, max(target.smoothing, 1) / FINE_BIN)[flank:-flank]
    fine = np.asarray(wide)[flank:-flank]
    offsets = (np.arange(bins) + 0.5) * FINE_BIN - target.binning.half
    fig, axes = page.panels(3, height=1.7, across=1)
    steps = (
        ("fine", offsets, fine, "20 bp bins"),
        ("smoothed", offsets, smooth, f"Gaussian of {target.smoothing} bp"),
        ("target", target.binning.middles, kept, f"{target.bin} bp bins: the target"),
    )
    for ax, (_, x, y, told) in zip(axes, steps, strict=True):
        ax.plot(x / 1000, y, linewidth=0.7, color=track_colour(0))
        ax.fill_between(x / 1000, y, color="0.8", linewidth=0)
        ax.set_xlim(-target.binning.half / 1000, target.binning.half / 1000)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("Signal (reads)")
        ax.set_title(told, loc="left")
    axes[-1].set_xlabel(TSS_AXIS)
    axes[0].set_xlabel("")
    tables = [pd.DataFrame({"step": step, "offset_bp": x, "signal": y}) for step, x, y, _ in steps]
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R5", needs=(TARGET_SOURCE,))
def smoothed_against_plain(context: Context, page: base.Page) -> base.Drawn:
    """Draw smoothed against unsmoothed targets.

    All bins of the test genes' targets with the Gaussian of 1 kb against plain 1 kb means, on log2(x + 1).
    """
    genes = context.genes("test")
    both = {}
    with open_sources(context.spec) as sources:
        for smoothing in (1000, 0):
            target = context.target.model_copy(update={"smoothing": smoothing, "recipe": "exact"})
            parts = [
                target_signal(target, _strands(sources, target, chrom), here, summary="mean_all")
                for chrom, here in genes.groupby("chrom", sort=False)
            ]
            both[smoothing] = np.concatenate(parts)
    fig, ax = page.panel(height=3.2, square=True)
    density(both[0], both[1000], points="bins", ax=ax)
    ax.set(xlabel="1 kb means, log2(reads + 1)", ylabel="Smoothed, log2(reads + 1)")
    return fig, np.array([ax]), base.agreement_rows(both[0], both[1000])


def _strands(
    sources: Sources, target: TargetSpec, chrom: str
) -> list[tuple[ChromosomeSignal, float]]:
    """Return the signals of the first condition on a chromosome, each with its sign."""
    return [(file.signal(chrom), sign) for file, sign in sources.targets[target.groups[0]]]


@base.figure("R10", needs=(BUILT, TARGETS))
def distributions(context: Context, page: base.Page) -> base.Drawn:
    """Draw distributions of tracks, targets and contacts by split.

    Histograms of all bins on log2(x + 1) (contacts as they are), for at most 200 genes a split, with a
    logarithmic density. Published ones mixed splits, and read only the first row of each contact map.
    """
    series = _values(context)
    fig, axes = page.panels(len(series), height=1.9)
    tables = []
    for ax, (what, by_split) in zip(axes, series.items(), strict=True):
        everything = np.concatenate(list(by_split.values()))
        edges = np.histogram_bin_edges(everything, bins=60)
        for number, (split, values) in enumerate(by_split.items()):
            counts = np.histogram(values, edges)[0]
            share = counts / counts.sum() / np.diff(edges)
            ax.stairs(share, edges, color=track_colour(number), label=split)
            bins = {"from": edges[:-1], "to": edges[1:], "count": counts}
            tables.append(pd.DataFrame({"what": what, "split": split, **bins}))
        ax.set_yscale("log")
        unit = _OF_CONTACTS if what == "contacts" else "log2(x + 1)"
        ax.set(xlabel=f"{what} ({unit})", ylabel="Density")
        ax.legend(fontsize=6)
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R11", needs=(BUILT, CONTACTS))
def mean_contacts(context: Context, page: base.Page) -> base.Drawn:
    """Draw mean and median contact map of the test split.

    Mean and median over at most 200 genes of the test split, and the distribution of the mean map.
    """
    contacts = context.spec.contacts
    assert contacts is not None
    genes = context.spread_genes("test", _MOST)["gene_id"].tolist()
    arrays = read_arrays(context.folders, genes, split="test", modality="contacts")
    maps = {"mean": arrays.mean(axis=0, dtype=np.float64), "median": np.median(arrays, axis=0)}
    fig, axes = page.panels(3, height=2.4, across=1)
    for ax, (name, array) in zip(axes, maps.items(), strict=False):
        contact_map(array, contacts.resolution, value=contacts.value, kind=contacts.map, ax=ax)
        base.head(ax, f"{name} of {len(genes)} genes")
    base.share_legend(fig, axes[:2])
    counts, edges = np.histogram(maps["mean"], bins=60)
    axes[2].stairs(counts, edges, fill=True, color="0.7")
    axes[2].set(yscale="log", xlabel=f"Mean map ({_OF_CONTACTS})", ylabel="Number of cells")
    return fig, axes, base.map_table(maps)


def _values(context: Context) -> dict[str, dict[str, np.ndarray]]:
    """Return what is counted, by kind and split."""
    found: dict[str, dict[str, np.ndarray]] = {}
    for split in SPLITS:
        genes = context.spread_genes(split, _MOST)["gene_id"].tolist()
        landscapes = read_landscapes(context.folders, context.spec, genes, split=split)
        for row, track in enumerate(context.spec.tracks):
            values = np.log2(landscapes[:, row].ravel().clip(min=0) + 1)
            found.setdefault(track.name, {})[split] = values
        found.setdefault("target", {})[split] = np.log2(context.observed(split).ravel() + 1)
        if context.spec.contacts:
            maps = read_arrays(context.folders, genes, split=split, modality="contacts")
            found.setdefault("contacts", {})[split] = maps.ravel()
    return found
