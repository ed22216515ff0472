"""What changed between the cells of a run and those of another dataset, and in which direction."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import resample_loci
from claster.analysis.features import REACHES
from claster.analysis.metrics import gene_means, log_signal
from claster.analysis.prepare import Scored, network_profiles
from claster.analysis.samples import measured, shared_tracks
from claster.analysis.shift import promoter_features
from claster.analysis.summary import Directions, Score
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.genome.gene_names import one_gene
from claster.progress import SILENT, Progress

_PROMOTER = 2_000
_LEAST = (0.0, 1.0)
_FEWEST = 10


def genes_of_both(own: DatasetSpec, scored: Scored) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the run's own test genes that are scored in other cells too, and their rows there."""
    genes = read_genes_table(DatasetFolders.of(own), split="test")
    there = pd.Index(one_gene(scored.genes[["gene_id"]]))
    rows = there.get_indexer(one_gene(genes[["gene_id"]]))
    return genes[rows >= 0].reset_index(drop=True), rows[rows >= 0]


def changes_between(
    predictions: pd.DataFrame,
    own: DatasetSpec,
    other: DatasetSpec,
    scored: Scored,
    both: tuple[pd.DataFrame, np.ndarray],
    *,
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Return how each gene of both cells changes from the run's own cells to the other ones.

    Parameters
    ----------
    predictions
        What the run predicts of its own test genes.
    own, other
        The run's dataset and the other one.
    scored
        What is measured and predicted of the other one.
    both
        See `genes_of_both`.

    Returns
    -------
    pandas.DataFrame
        A row a gene and condition: `gene_id` (of the run's dataset), `chrom`, `tss`, `condition`, and three
        changes: `measured` and `predicted` of log2(x + 1) of the gene's mean, in reads, and
        `promoter_marks` of log2(x + 1) of the mean within 2 kb of the TSS, averaged over
        the tracks that both have.
    """
    genes, rows = both
    folders = DatasetFolders.of(own)
    there = scored.genes.iloc[rows].reset_index(drop=True)
    binning = own.require_target().binning
    signals = {
        "measured": (measured(own, folders, genes, ["test"]), scored.observed[rows]),
        "predicted": (
            network_profiles(predictions, own, folders, genes, split="test"),
            scored.methods["network"][rows],
        ),
    }
    shared = [track.name for track in shared_tracks(own, other)]
    marks = [
        promoter_features(spec, DatasetFolders.of(spec), table, tracks=shared, progress=progress)
        .reshape(len(table), len(shared), len(REACHES))[:, :, REACHES.index(_PROMOTER)]
        .mean(axis=1)
        for spec, table in ((own, genes), (other, there))
    ]
    tables = []
    for number, condition in enumerate(scored.conditions):
        table = genes[["gene_id", "chrom", "tss"]].assign(condition=condition)
        for name, (before, after) in signals.items():
            table[name] = log_signal(gene_means(after[:, number], there, binning)) - log_signal(
                gene_means(before[:, number], genes, binning)
            )
        table["promoter_marks"] = (marks[1] - marks[0]) / np.log(2)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def directions(changes: pd.DataFrame, own: DatasetSpec) -> Sequence[Directions]:
    """Return which share of genes has the sign of the measured change, by the network and by promoter marks.

    Parameters
    ----------
    changes
        See `changes_between`.
    own
        The run's dataset, for the bins of the target and the length of a locus.

    Returns
    -------
    list of Directions
        For each condition that of all genes that change at all, and that of genes that change twofold;
        none of fewer than 10 genes.
    """
    binning, length = own.require_target().binning, own.window.binning.width
    found = []
    for condition, table in changes.groupby("condition", sort=False):
        resamples = resample_loci(table, binning, length=length)
        sign = np.sign(table["measured"].to_numpy())
        network, marks = (
            (np.sign(table[name].to_numpy()) == sign).astype(np.float64)
            for name in ("predicted", "promoter_marks")
        )
        for least in _LEAST:
            size = table["measured"].abs().to_numpy()
            changed = (size > 0) & (size >= least)
            if changed.sum() < _FEWEST:
                continue
            some = resamples.of(changed)
            scores = {}
            for name, agrees in (
                ("network", network),
                ("promoter_marks", marks),
                ("difference", network - marks),
            ):
                scores[name] = Score.of(np.mean, agrees[changed], resamples=some)
            found.append(
                Directions(
                    condition=str(condition), least=least, genes=int(changed.sum()), **scores
                )
            )
    return found
