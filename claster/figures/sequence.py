"""Models of DNA sequence beside the main run: profiles, bins and genes, embeddings."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.compare import published_scores
from claster.analysis.metrics import gene_means
from claster.dataset.embeddings import EmbeddingStore, open_embeddings, sequence_folder
from claster.eir.arrays import narrowed
from claster.eir.runs import RunFolder, read_run
from claster.eir.trained_on import predicted_by
from claster.errors import ClasterError
from claster.figures import base
from claster.figures.context import Context, Profiles
from claster.figures.needs import BUILT, TARGETS, predictions
from claster.genome.windows import FORWARD, Binning, sample_id
from claster.plot import density, gene_scatter, profile_panels
from claster.plot.panels import TSS_AXIS

_CHANNELS = 64
_LIMIT = 3.0
_FLAVOURS = {
    "Enformer, embedding and head": "enformer_head",
    "HyenaDNA 32k, fine-tuned": "hyenadna_small_32k_finetuned",
}


def _compared(context: Context) -> tuple[RunFolder, ...]:
    """Return the main run and those of sequence models."""
    if not context.sequence_runs:
        raise ClasterError(
            f"no run of a sequence model on dataset {context.spec.name!r}",
            remedy=f"claster sequence embed {context.dataset} --model enformer, then "
            f"claster train enformer_head --dataset {context.dataset}",
        )
    return (context.run, *context.sequence_runs)


_PREDICTIONS = predictions("test", of=_compared)


def _published() -> tuple[base.Published, ...]:
    table = published_scores().query("level == 'bin'")
    own = {"window": "own", "level": "bin"}
    source = "III_Data_analysis, performance_dicts"
    return tuple(
        base.Published(
            {"flavour": _FLAVOURS[row.method], **own, "quantity": row.metric},
            row.published,
            f"{source} ({row.bins} bins)",
        )
        for row in table[table["method"].isin(list(_FLAVOURS))].itertuples()
    )


@base.figure("S1", needs=(BUILT, _PREDICTIONS))
def sequence_profiles(context: Context, page: base.Page) -> base.Drawn:
    """Draw profiles of the main run, sequence models, and the measurement.

    Two test genes, expressed within the bins that all predict (black bar): those of the best and of median
    correlation of the main run there. Each model on the window that it predicts. Published were 140 genes.
    """
    found, common = _profiles_of_all(context)
    genes = context.typical_genes(_middle(*found[context.run.path.name], common), 3)[:2]
    rows = len(found) + 1
    fig, axes = page.panels(rows * len(genes), height=1.05, across=len(genes))
    by_gene = axes.reshape(rows, -1).T if page.columns == 2 else axes.reshape(-1, rows)
    tables = []
    for row, column in zip(genes, by_gene, strict=False):
        gene = context.genes("test").iloc[row]
        measured = context.observed("test")[row], context.target.binning
        shown = {name: (part.predicted[row], bins) for name, (part, bins) in found.items()}
        profile_panels(shown, *measured, common=common, title=gene["name"], axes=column)
        for ax in column:
            ax.set_ylabel("Signal (reads)")
            ax.tick_params(labelbottom=ax is column[-1])
        for name, (values, bins) in {**shown, "measured": measured}.items():
            table = base.profile_table(bins, {"reads": values})
            tables.append(table.assign(gene_id=gene["gene_id"], gene_name=gene["name"], run=name))
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("S2", needs=(BUILT, _PREDICTIONS), published=_published())
def sequence_agreement(context: Context, page: base.Page) -> base.Drawn:
    """Draw bins and genes of the main run and sequence models.

    Predicted against observed on the bins that all predict: all of them, and the mean over each gene's
    part within them, on log2(x + 1). The table has each model's own bins too, on which the published
    values were computed, for each model others. With intervals: `claster sequence compare`.
    """
    found, common = _profiles_of_all(context)
    flavours = {run.path.name: read_run(run.path).flavour for run in _compared(context)}
    fig, axes = page.panels(2 * len(found), height=2.7)
    tables = []
    for pair, (name, (own, bins)) in zip(axes.reshape(-1, 2), found.items(), strict=True):
        cut = _middle(own, bins, common)
        density(cut.observed, cut.predicted, points="bins", ax=pair[0])
        genes = _gene_values(cut, common)
        gene_scatter(genes["observed"].to_numpy(), genes["predicted"].to_numpy(), ax=pair[1])
        for ax in pair:
            base.head(ax, f"{name}, {common.bins} bins")
        for window, part, binning in (("common", cut, common), ("own", own, bins)):
            genes = _gene_values(part, binning)
            labels = {"run": name, "flavour": flavours[name], "window": window}
            for level, observed, predicted in (
                ("bin", part.observed, part.predicted),
                ("gene", genes["observed"].to_numpy(), genes["predicted"].to_numpy()),
            ):
                rows = base.agreement_rows(observed, predicted, **labels, level=level)
                tables.append(rows.assign(bins=binning.bins))
    return fig, axes, pd.concat(tables, ignore_index=True)


def _stores(context: Context) -> list[EmbeddingStore]:
    records = sequence_folder(context.folders).glob("embeddings_*/record.json")
    models = sorted(path.parent.name.removeprefix("embeddings_") for path in records)
    if not models:
        raise ClasterError(
            f"no embeddings of dataset {context.spec.name!r}",
            remedy=f"claster sequence embed {context.dataset} --model enformer",
        )
    return [open_embeddings(context.folders, model) for model in models]


def _store_files(context: Context) -> list[Path]:
    files = ("record.json", "samples.tsv")
    return [store.path / name for store in _stores(context) for name in files]


@base.figure("S7", needs=(TARGETS, base.Need("embeddings of a sequence model", _store_files)))
def embeddings_of_a_gene(context: Context, page: base.Page) -> base.Drawn:
    """Draw embeddings of a gene's sequence, and its profile.

    The forward sample of every model that the dataset is embedded by: the 64 channels that vary most over
    the window, in the model's order, each less its mean and divided by its standard deviation there.
    Below, the measured profile. Published were all channels, not scaled.
    """
    gene = context.gene("Lck", split="test")
    stores = _stores(context)
    half = max(store.record.span for store in stores) / 2000
    fig, axes = page.panels(len(stores) + 1, height=1.9, across=1)
    tables = []
    for ax, store in zip(axes, stores, strict=False):
        record = store.record
        values = store.read(sample_id(gene["gene_id"], FORWARD)).astype(np.float64)
        channels = np.sort(np.argsort(-values.std(axis=1), kind="stable")[:_CHANNELS])
        scaled = _standardised(values[channels])
        edges = (np.arange(record.bins + 1) - record.bins / 2) * record.bin
        mesh = ax.pcolormesh(
            edges / 1000,
            np.arange(len(channels) + 1),
            scaled,
            cmap="RdBu_r",
            vmin=-_LIMIT,
            vmax=_LIMIT,
            rasterized=True,
        )
        ax.set(xlim=(-half, half), ylabel=f"Channels ({len(channels)} of {record.channels:,})")
        ax.set_title(f"{gene['name']}, {record.model}", loc="left")
        middles = (edges[:-1] + edges[1:]) / 2
        table = pd.DataFrame(scaled.T, columns=[f"channel_{number}" for number in channels])
        table.insert(0, "offset_bp", middles)
        tables.append(table.melt("offset_bp", var_name="row").assign(panel=record.model))
    binning = context.target.binning
    profile = context.observed_profile(gene)
    bar = fig.colorbar(mesh, ax=list(axes), pad=0.02, aspect=30)
    bar.set_label("Channel less its mean (standard deviations)")
    bar.outline.set_visible(False)
    axes[-1].stairs(profile, binning.edges / 1000, fill=True, color="0.6")
    axes[-1].set(xlim=(-half, half), ylim=(0, None))
    axes[-1].set_title("measured", loc="left")
    axes[-1].set(xlabel=TSS_AXIS, ylabel="Signal (reads)")
    offsets = binning.middles
    measured = pd.DataFrame({"offset_bp": offsets, "row": "reads", "value": profile})
    shown = measured[np.abs(offsets) <= 1000 * half].assign(panel="measured")
    return fig, axes, pd.concat([*tables, shown], ignore_index=True)


def _profiles_of_all(context: Context) -> tuple[dict[str, tuple[Profiles, Binning]], Binning]:
    """Return profiles and bins of the runs by name, each over what it predicts, and the common bins."""
    found = {}
    for run in _compared(context):
        part = replace(context, spec=predicted_by(read_run(run.path), context.spec))
        found[run.path.name] = part.profiles("test", run), part.target.binning
    least = min(binning.bins for _, binning in found.values())
    return found, narrowed(context.spec, least).require_target().binning


def _middle(part: Profiles, bins: Binning, common: Binning) -> Profiles:
    side = (bins.bins - common.bins) // 2
    kept = slice(side, side + common.bins)
    return Profiles(part.genes, part.observed[:, kept], part.predicted[:, kept])


def _gene_values(part: Profiles, binning: Binning) -> pd.DataFrame:
    """Return the mean over what of each gene lies within these bins (reads)."""
    return pd.DataFrame(
        {
            "observed": gene_means(part.observed, part.genes, binning),
            "predicted": gene_means(part.predicted, part.genes, binning),
        }
    )


def _standardised(values: np.ndarray) -> np.ndarray:
    """Return channels less their mean, in standard deviations; a constant one is 0."""
    spread = values.std(axis=1, keepdims=True)
    return (values - values.mean(axis=1, keepdims=True)) / np.where(spread > 0, spread, 1)
