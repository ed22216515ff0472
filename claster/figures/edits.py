"""What the model makes of inputs that no genome has, and of values below 0."""

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view

from claster.analysis.perturbation import edits
from claster.analysis.perturbation.editor import store_edited
from claster.analysis.perturbation.edits import Span
from claster.errors import ClasterError
from claster.figures import base
from claster.figures.context import Context
from claster.figures.needs import BUILT, MODEL, TARGETS
from claster.plot import OKABE_ITO
from claster.plot.panels import TSS_AXIS

_GENE = "Akirin2"
_PROMOTER, _PIECE = 20_000, 40_000
_PIECE_FROM, _COPY_AT = -60_000, -100_000
_LOOK_AT = 20
_MOST = 100
_OUTLIER = 10
"""Times the 99 % quantile of a window: no peak is higher, artefacts are."""


@base.figure("R3", needs=(BUILT, MODEL))
def promoter_edits(context: Context, page: base.Page) -> base.Drawn:
    """Draw edits of a promoter: inputs and predictions.

    Akirin2 (or the example gene): all tracks of the middle 20 kb halved, doubled, turned round; copied to
    -100 kb; and halved with a block of 40 kb of strong H3K27ac pasted at -60 kb. The block is the published
    one (-80 kb of Klf4), else the one around 20 genes
    with the highest 80 % quantile of H3K27ac. Distances are in the gene's orientation.
    """
    gene = context.gene(_GENE)
    inputs = _edited(context, gene)
    stored = context.stored_landscape(gene)
    before = inputs["as it is"]
    arrays = np.stack(
        [
            store_edited(signal, before, stored, context.spec, divisors=context.divisors)
            for signal in inputs.values()
        ]
    )
    predicted = context.predict(arrays, gene).clip(min=0)
    observed = context.observed_profile(gene)
    names = [track.name for track in context.spec.tracks]
    shown = names.index("H3K27ac") if "H3K27ac" in names else 0
    top = 1.05 * max(1e-9, *(float(signal[shown].max()) for signal in inputs.values()))
    window, target = context.spec.window.binning, context.target.binning
    fig, axes = page.panels(len(inputs) + 1, height=1.55, across=2)
    for ax, (name, signal) in zip(axes, inputs.items(), strict=False):
        ax.stairs(signal[shown], window.edges / 1000, fill=True, color=OKABE_ITO["blue"])
        ax.set(xlim=(-150, 150), ylim=(0, top))
        ax.set_title(name, loc="left", fontsize=8)
        ax.set_ylabel(f"{names[shown]}\n(signal)", fontsize=7)
        ax.set_xlabel(TSS_AXIS, fontsize=7)
    ax, middles = axes[-1], target.middles / 1000
    ax.fill_between(middles, observed, color="0.85", label="observed")
    for name, profile in zip(inputs, predicted, strict=True):
        ax.plot(middles, profile, linewidth=0.9, label=name)
    ax.set(xlim=(-150, 150), ylim=(0, None))
    ax.set_xlabel(TSS_AXIS, fontsize=7)
    ax.set_ylabel("Predicted (reads)", fontsize=7)
    fig.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    series = {"observed": observed, **dict(zip(inputs, predicted, strict=True))}
    return fig, axes, base.profile_table(target, series)


@base.figure("R4", needs=(BUILT, TARGETS, MODEL))
def beside_the_mean(context: Context, page: base.Page) -> base.Drawn:
    """Draw predictions beside the mean profile of the training genes.

    Two genes: unclipped predictions, observed profile and the mean training profile. In the paper this
    compared softplus and Poisson losses, on standardised targets, where softplus cannot go below the mean
    of a bin; EIR offers neither (`claster experiment softplus` says why).
    """
    genes = [context.gene(name) for name in ("ENSMUSG00000051977.16", "ENSMUSG00000109212.3")]
    if genes[0]["gene_id"] == genes[1]["gene_id"]:
        genes[1] = context.spread_genes("test", 1).iloc[0]
    mean = context.observed("train").mean(axis=0)
    middles = context.target.binning.middles / 1000
    fig, axes = page.panels(2, height=2.2)
    tables = []
    for ax, gene in zip(axes, genes, strict=True):
        observed, predicted = _unclipped(context, gene)
        ax.fill_between(middles, observed, color="0.85", label="observed")
        ax.plot(middles, predicted, color=OKABE_ITO["vermillion"], linewidth=1, label="predicted")
        ax.plot(middles, mean, "--", color="black", linewidth=1, label="mean of training genes")
        ax.set(xlabel=TSS_AXIS, ylabel="Transcription (reads)")
        ax.set_title(gene["name"], loc="left")
        ax.legend(fontsize=6)
        series = {"observed": observed, "predicted": predicted, "mean": mean}
        tables.append(
            base.profile_table(context.target.binning, series).assign(gene_id=gene["gene_id"])
        )
    return fig, axes, pd.concat(tables, ignore_index=True)


@base.figure("R9", needs=(BUILT, MODEL))
def clipped_profile(context: Context, page: base.Page) -> base.Drawn:
    """Draw a gene with predictions cut off at 0 and as they are.

    Akirin2 (or the example gene). Only predictions are clipped; published code clipped labels too.
    """
    gene = context.gene(_GENE)
    observed, predicted = _unclipped(context, gene)
    middles = context.target.binning.middles / 1000
    fig, ax = page.panel(height=2.3)
    ax.axhline(0, color="0.7", linewidth=0.7)
    ax.fill_between(middles, observed, color="0.88", label="observed")
    ax.plot(middles, predicted, color=OKABE_ITO["sky blue"], linewidth=2, label="as predicted")
    ax.plot(middles, predicted.clip(min=0), color="black", linewidth=0.8, label="cut off at 0")
    ax.set(xlabel=TSS_AXIS, ylabel="Predicted (reads)")
    ax.set_title(gene["name"], loc="left")
    ax.legend(fontsize=7)
    series = {"observed": observed, "unclipped": predicted, "clipped": predicted.clip(min=0)}
    return fig, np.array([ax]), base.profile_table(context.target.binning, series)


@base.figure("R7", needs=(BUILT, TARGETS, MODEL))
def clipping_scores(context: Context, page: base.Page) -> base.Drawn:
    """Draw scores of clipped and unclipped predictions, raw and logarithmic.

    R2 (mean over bins, as published, and pooled), MSE, RMSE, MAE, Spearman and Pearson r of the main run on
    at most 100 test genes, predicted from the forward window alone. On log2(x + 1) only clipped predictions
    can be scored. The published table averages R2 over 401 bins alike, where a silent bin weighs as much as
    any.
    """
    genes = context.spread_genes("test", _MOST)
    both = [_unclipped(context, gene) for _, gene in genes.iterrows()]
    observed, raw = (np.stack(profiles) for profiles in zip(*both, strict=True))
    versions = {
        ("raw", "unclipped"): (observed, raw),
        ("raw", "clipped"): (observed, raw.clip(min=0)),
        ("log2(x+1)", "clipped"): (np.log2(observed + 1), np.log2(raw.clip(min=0) + 1)),
    }
    table = pd.DataFrame(
        [
            {"scale": scale, "predictions": kind, **_metrics(x, y)}
            for (scale, kind), (x, y) in versions.items()
        ]
    )
    shown = {
        "r2_mean_over_bins": "R2, mean\nover bins",
        "r2_pooled": "R2,\npooled",
        "pearson": "Pearson r",
        "spearman": "Spearman r",
    }
    fig, ax = page.panel(height=2.4)
    for number, row in table.iterrows():
        place = np.arange(len(shown)) + (int(str(number)) - 1) * 0.27
        heights = row[list(shown)].astype(float).clip(lower=-1)
        ax.bar(place, heights, 0.25, label=f"{row['scale']}, {row['predictions']}")
    ax.axhline(0, color="black", linewidth=0.8)
    ax.set_xticks(range(len(shown)), shown.values())
    ax.set(xlabel="Metric", ylabel="Score (1; cut off at -1)")
    ax.legend(fontsize=6, loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
    return fig, np.array([ax]), table


def _metrics(x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    squared = (y - x) ** 2
    about_mean = ((x - x.mean(axis=0)) ** 2).sum(axis=0)
    vary = about_mean > 0
    truth, guess = pd.Series(x.ravel()), pd.Series(y.ravel())
    return {
        "r2_mean_over_bins": float((1 - squared.sum(axis=0)[vary] / about_mean[vary]).mean()),
        "r2_pooled": float(1 - squared.sum() / ((x - x.mean()) ** 2).sum()),
        "mse": float(squared.mean()),
        "rmse": float(np.sqrt(squared.mean())),
        "mae": float(np.abs(y - x).mean()),
        "pearson": float(truth.corr(guess)),
        "spearman": float(truth.corr(guess, method="spearman")),
    }


def _unclipped(context: Context, gene: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return observed profile and unclipped prediction of a gene's forward window."""

    def predict() -> np.ndarray:
        return context.predict(context.stored_landscape(gene)[None], gene)[0]

    predicted = context.known(("unclipped", gene["gene_id"]), predict)
    return context.observed_profile(gene), predicted


def _edited(context: Context, gene: pd.Series) -> dict[str, np.ndarray]:
    """Return the landscape of a gene, as signal, before and after each edit."""
    signal = context.landscape(gene)
    window = context.spec.window.binning
    rows = range(len(signal))
    turn = -1 if gene["strand"] == "-" else 1
    if window.half < abs(_COPY_AT) + _PROMOTER // 2:
        raise ClasterError(
            f"windows of {window.width:,} bp hold no block at {_COPY_AT:,} bp",
            remedy="take a dataset with wider windows",
        )

    def block(middle: int, width: int) -> Span:
        count = width // window.size
        first = window.bins // 2 + turn * middle // window.size - count // 2
        return Span(first, np.ones(count))

    promoter = block(0, _PROMOTER)
    copy = block(_COPY_AT, _PROMOTER)
    pasted = block(_PIECE_FROM + _PIECE // 2, _PIECE)
    halved = edits.scale(signal, rows, promoter, factor=0.5)
    return {
        "as it is": signal,
        "promoter halved": halved,
        "promoter doubled": edits.scale(signal, rows, promoter, factor=2.0),
        "promoter turned round": edits.flip(signal, rows, promoter),
        "halved, strong block at -60 kb": edits.insert(
            halved, rows, pasted.first, piece=_strong_block(context, _PIECE // window.size)
        ),
        "promoter copied to -100 kb": edits.insert(
            signal, rows, copy.first, piece=signal[:, promoter.bins]
        ),
    }


def _strong_block(context: Context, count: int) -> np.ndarray:
    """Return the published block where its gene is there, else a strong one (see `promoter_edits`)."""
    names = [track.name for track in context.spec.tracks]
    row = names.index("H3K27ac") if "H3K27ac" in names else 0
    klf4 = context.genes().query("gene_id == 'ENSMUSG00000003032.8'")
    window = context.spec.window.binning
    if len(klf4):
        first = window.bins // 2 - 80_000 // window.size
        return context.landscape(klf4.iloc[0])[:, first : first + count]
    best, most = None, -1.0
    for _, gene in context.spread_genes("test", _LOOK_AT).iterrows():
        signal = context.landscape(gene)
        blocks = sliding_window_view(signal[row], count)[:: count // 8]
        strength = np.quantile(blocks, 0.8, axis=1)
        outliers = blocks.max(axis=1) > _OUTLIER * np.quantile(signal[row], 0.99)
        strength[outliers] = 0
        place = int(strength.argmax()) * (count // 8)
        if strength.max() > most:
            best, most = signal[:, place : place + count], float(strength.max())
    assert best is not None
    return best
