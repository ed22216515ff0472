"""Intervals of a run's predictions, as tables and tracks beside them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter1d

from claster.analysis.bootstrap import locus_blocks
from claster.analysis.conformal import conformal_intervals, coverage
from claster.analysis.metrics import gene_means, log_signal
from claster.analysis.other_cells import (
    promoter_features,
    shared_tracks,
    target_difference,
    track_shift,
    unlikeness,
)
from claster.analysis.samples import (
    annotated_genes,
    conditions_of,
    measured,
    profiles,
    scored_genes,
)
from claster.analysis.settings import IntervalSettings
from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import mirror_targets
from claster.eir.predict import predict_missing
from claster.eir.predictions import prediction_table, write_track
from claster.eir.runs import RunFolder
from claster.eir.trained_on import checked_dataset, predicted_by
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.genome.windows import FORWARD, REVERSE, Binning, sample_id
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.text import read_parquet

_NEAR = (5, 21)  # bins over which predictions are averaged to tell what surrounds a bin
_MOST_GENES = 2_000
_ENDS = ("low", "high")


@dataclass(frozen=True)
class _Predicted:
    """Genes of one split with the predictions of a run, in reads: (genes, conditions, bins)."""

    genes: pd.DataFrame
    signal: np.ndarray
    spread: np.ndarray | None
    binning: Binning

    def bins(self, condition: int) -> tuple[np.ndarray, np.ndarray]:
        """Return log2(x + 1) of every bin, shape (points,), and what is known of it, (points, features)."""
        level = log_signal(self.signal[:, condition])
        features = [level]
        features += [uniform_filter1d(level, width, axis=1, mode="nearest") for width in _NEAR]
        features.append(np.broadcast_to(level.mean(axis=1, keepdims=True), level.shape))
        features.append(np.broadcast_to(np.abs(self.binning.offsets), level.shape))
        if self.spread is not None:
            features.append(log_signal(self.spread[:, condition]))
        return level.ravel(), np.stack([feature.ravel() for feature in features], axis=1)

    def means(self, condition: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the same of the mean over each gene."""
        level = log_signal(gene_means(self.signal[:, condition], self.genes, self.binning))
        length = np.log10((self.genes["end"] - self.genes["start"]).to_numpy())
        features = [level, level**2, length]
        if self.spread is not None:
            spread = gene_means(self.spread[:, condition], self.genes, self.binning)
            features.append(log_signal(spread))
        return level, np.stack(features, axis=1)


def predict_intervals(
    run: RunFolder | Path | str,
    settings: IntervalSettings | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[Path, pd.DataFrame, pd.DataFrame]:
    """Write intervals around the predictions of a run, or of an ensemble; missing predictions are made first.

    They are calibrated on the validation genes of the run's dataset, by locus, on log2(x + 1).

    Parameters
    ----------
    settings, **keywords
        What: see `IntervalSettings`.

    Returns
    -------
    path : Path
        The table of predictions. Beside it lie ``<split>.low.parquet`` and ``<split>.high.parquet``
        (samples x target columns, reads), the two tables below, and two bigWigs a condition.
    genes : pandas.DataFrame
        ``<split>.genes.csv``: a gene and condition a row, `predicted`, `low` and `high` (means over the gene,
        reads), `distance` from the training genes and whether it is `unlike` them (`unlikeness`).
    covered : pandas.DataFrame
        ``<split>.coverage.csv``, see `coverage`; empty where the signal is not known. ``<split>.shift.csv``
        is `track_shift`.

    Raises
    ------
    ClasterError
        If the split was trained on, the validation genes lie in fewer than 10 loci, or see `predict`.
    """
    asked = IntervalSettings.of(settings, **keywords)
    run = RunFolder.of(run)
    record, own, folders = checked_dataset(run)
    target, names = own.require_target(), conditions_of(own.require_target())
    spec = load_dataset(asked.dataset, project=run.project) if asked.dataset else own
    spec = predicted_by(record, spec) if spec.target else spec
    split = asked.split or ("test" if spec.name == own.name else None)
    if spec.name == own.name and split != "test":
        raise ClasterError(
            f"the {split} genes of {spec.name!r} were used to train or to calibrate the run",
            remedy="leave --split out, which takes the test genes",
        )
    _, known = _predicted(run, own, own, "valid", asked, progress)
    path, wanted = _predicted(run, own, spec, split, asked, progress)
    truth = measured(own, folders, known.genes, ["valid"])
    loci = locus_blocks(known.genes, target.binning, length=own.window.binning.width)
    ends = np.empty((2, *wanted.signal.shape))
    means = []
    with progress.step("intervals", len(names)) as step:
        for number, condition in enumerate(names):
            observed = truth[:, number]
            of_bins = conformal_intervals(
                known.bins(number),
                log_signal(observed).ravel(),
                np.repeat(loci, target.bins),
                wanted.bins(number),
                level=asked.level,
            )
            ends[:, :, number] = [signal.reshape(-1, target.bins) for signal in of_bins]
            predicted = wanted.means(number)
            low, high = conformal_intervals(
                known.means(number),
                log_signal(gene_means(observed, known.genes, target.binning)),
                loci,
                predicted,
                level=asked.level,
                trees=False,
            )
            table = wanted.genes[["gene_id"]].assign(condition=condition)
            means.append(table.assign(predicted=np.exp2(predicted[0]) - 1, low=low, high=high))
            step.advance()
    where = DatasetFolders.of(spec)
    shared = [track.name for track in shared_tracks(own, spec)]
    usual, held_out = (
        promoter_features(
            own, folders, read_genes_table(folders, split=part), most=_MOST_GENES, tracks=shared
        )
        for part in ("train", "valid")
    )
    features = promoter_features(spec, where, wanted.genes, tracks=shared, progress=progress)
    distance, limit = unlikeness(usual, held_out, features)
    genes = pd.concat(means, ignore_index=True)
    genes["distance"] = np.tile(distance, len(names))
    genes["unlike"] = genes["distance"] > limit
    covered = pd.DataFrame()
    if spec.target is not None and not target_difference(target, spec.target):
        scored = scored_genes(wanted.genes)
        covered = coverage(
            scored,
            annotated_genes(where),
            measured(spec, where, scored, [split] if split else SPLITS),
            ends[:, wanted.genes["gene_id"].isin(scored["gene_id"])],
            genes[genes["gene_id"].isin(scored["gene_id"])],
            names,
            own,
        )
    shift = track_shift(shared, usual, features)
    write_text(path.with_suffix(".shift.csv"), shift.to_csv(index=False, float_format="%.4g"))
    _write_ends(path, own, wanted.genes, ends)
    write_text(path.with_suffix(".genes.csv"), genes.to_csv(index=False, float_format="%.6g"))
    if len(covered):
        text = covered.to_csv(index=False, float_format="%.6g")
        write_text(path.with_suffix(".coverage.csv"), text)
    if asked.tracks != "none":
        sizes = spec.chromosome_sizes()
        for end, values in zip(_ENDS, ends, strict=True):
            for number, name in enumerate(names):
                write_track(
                    path.with_name(f"{path.stem}.{name}.{end}.bw"),
                    wanted.genes,
                    values[:, number],
                    binning=target.binning,
                    sizes=sizes,
                    merge=asked.tracks,
                )
    return path, genes, covered


def _predicted(
    run: RunFolder,
    own: DatasetSpec,
    spec: DatasetSpec,
    split: Split | None,
    asked: IntervalSettings,
    progress: Progress,
) -> tuple[Path, _Predicted]:
    """Return what a run predicts of a split, or of all genes, and the table that holds it."""
    another = asked.dataset if spec.name != own.name else None
    name = split or "" if another is None else "_".join(filter(None, [spec.name, split]))
    path = run.predictions(name)
    given = {"split": split, "dataset": another, "device": asked.device, "tracks": "none"}
    predict_missing(run, path, progress=progress, **given)
    target = own.require_target()
    genes = read_genes_table(DatasetFolders.of(spec), split=split)
    read = partial(profiles, genes=genes, target=target, remedy="remove it and try again")
    spread = path.with_suffix(".spread.parquet")
    deviation = read(read_parquet(spread), named=str(spread)) if spread.is_file() else None
    signal = read(read_parquet(path), named=str(path))
    return path, _Predicted(genes, signal, deviation, target.binning)


def _write_ends(path: Path, spec: DatasetSpec, genes: pd.DataFrame, ends: np.ndarray) -> None:
    """Write both ends of each bin's interval, of windows and of their mirror images."""
    target = spec.require_target()
    ids = [sample_id(gene, way) for way in (FORWARD, REVERSE) for gene in genes["gene_id"]]
    for end, values in zip(_ENDS, ends, strict=True):
        both = np.concatenate([values, mirror_targets(target, values)])
        with atomic_path(path.with_suffix(f".{end}.parquet")) as partial:
            prediction_table(both, ids=ids, columns=target.columns).to_parquet(partial)
