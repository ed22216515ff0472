"""Single genes: the best, the median and the worst, with everything that the network saw of them."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from claster.analysis.metrics import correlations, gene_means
from claster.dataset.layout import read_arrays, read_genes_table
from claster.dataset.track_scales import read_landscapes
from claster.plot import GeneArrays, gene_tracks, genes_around
from claster.report import page
from claster.report.subject import SPLIT, Fit, Scores, Subject

_EACH = 2
_REACH = 1.5
"""How much of the genome is shown, as a multiple of the target window."""


@dataclass(frozen=True)
class _Example:
    """A gene that is shown: its row in the gene table of the split, and what it stands for."""

    row: int
    stands_for: str
    pearson: float


def _choose_examples(
    genes: pd.DataFrame,
    observed: np.ndarray,
    predicted: np.ndarray,
    means: np.ndarray,
    *,
    apart: int,
    each: int,
) -> list[_Example]:
    """Choose genes that are predicted best, about as well as the median gene, and worst.

    Genes are those of the half with the higher observed gene mean, ordered by Pearson r over their bins on
    log2(x + 1). A gene whose TSS is near one that is chosen already is passed over: it shows the
    same stretch again.

    Returns the best ones first.
    """
    pearson = np.array(
        [correlations(seen, guess).pearson for seen, guess in zip(observed, predicted, strict=True)]
    )
    able = np.flatnonzero((means >= np.median(means)) & np.isfinite(pearson))
    order = able[np.argsort(-pearson[able], kind="stable")]
    middle = len(order) // 2
    from_middle = order[np.argsort(np.abs(np.arange(len(order)) - middle), kind="stable")]
    chosen: list[_Example] = []
    for stands_for, rows in (
        ("best", order[:middle]),
        ("worst", order[::-1][: len(order) - middle]),
        ("median", from_middle),
    ):
        taken = 0
        for row in rows:
            if taken < each and _is_apart(genes, int(row), chosen, apart):
                chosen.append(_Example(int(row), stands_for, float(pearson[row])))
                taken += 1
    return sorted(chosen, key=lambda example: -example.pearson)


def examples(subject: Subject) -> Iterator[page.Part]:
    """Yield track figures of the best, median and worst genes, and the genes with the largest error."""
    if subject.fit is None:
        yield subject.unmade("Genes cannot be shown without predictions and the dataset")
    else:
        yield from _drawn(subject, subject.fit)
    if subject.scores is not None:
        yield _worst(subject.scores)


def _is_apart(genes: pd.DataFrame, row: int, chosen: list[_Example], apart: int) -> bool:
    gene = genes.iloc[row]
    others = genes.iloc[[example.row for example in chosen]]
    near = (others["chrom"] == gene["chrom"]) & ((others["tss"] - gene["tss"]).abs() < apart)
    return not near.any()


def _drawn(subject: Subject, fit: Fit) -> Iterator[page.Part]:
    target = subject.spec.require_target()
    observed, predicted = fit.observed[:, 0], fit.predicted[:, 0]
    means = [gene_means(values, fit.genes, target.binning) for values in (observed, predicted)]
    chosen = _choose_examples(
        fit.genes, observed, predicted, means[0], apart=target.binning.width // 2, each=_EACH
    )
    condition = f" ({target.groups[0]})" if len(target.groups) > 1 else ""
    yield page.Text(
        "Of the half of the genes with the higher observed signal, those whose profiles are predicted "
        f"best, about as well as the median, and worst, by Pearson r over their bins{condition}. Genes "
        "in a stretch that is shown already are passed over."
    )
    before = ""
    for example in chosen:
        if example.stands_for != before:
            told = example.stands_for.replace("median", "like the median gene")
            yield page.Subtitle(f"Predicted {told}")
        before = example.stands_for
        yield _gene_picture(subject, fit, example, [float(values[example.row]) for values in means])


def _gene_picture(subject: Subject, fit: Fit, example: _Example, means: list[float]) -> page.Part:
    spec, folders = subject.spec, subject.folders
    target = spec.require_target()
    gene = fit.genes.iloc[example.row]
    name = gene["gene_id"]
    contacts = {}
    if spec.contacts and spec.contacts.map in ("diagonal", "paper_rotated", "stripe"):
        (found,) = read_arrays(folders, [name], split=SPLIT, modality="contacts")
        contacts = {
            "contacts": found,
            "resolution": spec.contacts.resolution,
            "value": spec.contacts.value,
            "kind": spec.contacts.map,
        }
    arrays = GeneArrays(
        read_landscapes(folders, spec, [name], split=SPLIT)[0],
        [track.name for track in spec.tracks],
        spec.window.binning,
        fit.observed[example.row, 0],
        fit.predicted[example.row, 0],
        target.binning,
        **contacts,
    )
    drawn = gene_tracks(
        arrays,
        genes=genes_around(read_genes_table(folders), name, spec.window.binning),
        reach=min(spec.window.binning.half, int(_REACH * target.binning.half)),
    )
    shown = gene["name"] if isinstance(gene["name"], str) else name
    place = f"{gene['chrom']}:{gene['start']:,}-{gene['end']:,} ({gene['strand']})"
    striped = spec.contacts is not None and spec.contacts.map == "stripe"
    on_axis = "Contacts have the midpoint of both loci on the axis."
    if striped:
        on_axis = "Contacts are those of the TSS with each place."
    told = f"r = {example.pearson:.3f}; gene mean {means[0]:.3g} observed, {means[1]:.3g} predicted"
    return page.picture(
        drawn,
        alt=f"Inputs, neighbours, observed and predicted transcription of {shown} at {place}; {told}",
        caption=f"{shown} ({name}), {place}: {told}. {on_axis}",
    )


def _worst(scores: Scores) -> page.Table:
    genes = scores.genes[scores.genes["gene_id"].isin(scores.summary.worst)]
    genes = genes.sort_values(["condition", "worst"], kind="stable")
    several = genes["condition"].nunique() > 1
    rows = []
    for gene in genes.itertuples(index=False):
        name = gene.name if isinstance(gene.name, str) else gene.gene_id
        place = f"{gene.chrom}:{gene.start:,}-{gene.end:,} ({gene.strand})"
        cells = (
            page.number(gene.rmse),
            page.number(gene.observed, 2),
            page.number(gene.predicted, 2),
        )
        rows.append((name, gene.gene_id, place, *([gene.condition] if several else []), *cells))
    return page.Table(
        "The genes with the largest error over their window, on log2(x + 1)",
        (
            "gene",
            "ID",
            "place",
            *(["condition"] if several else []),
            "RMSE",
            "observed mean (reads)",
            "predicted mean (reads)",
        ),
        rows,
    )
