"""Treated cells: the change that a run predicts from treated marks, against the measured one."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import resample_loci
from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.perturbation.edits import covered_bins, span_mean
from claster.analysis.perturbation.effects import gene_bins, gene_signal, log_effect
from claster.analysis.perturbation.measure import Window, average_mirrored, built_window
from claster.analysis.perturbation.screen import load_predictor
from claster.analysis.samples import measured
from claster.analysis.settings import TreatSettings
from claster.analysis.statistics import pearson, spearman
from claster.analysis.summary import Number, Score
from claster.dataset.layout import read_genes_table
from claster.dataset.load import load_dataset
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.sources import Sources, open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import reach_of_targets, target_signal
from claster.eir.runs import RunFolder
from claster.eir.trained_on import checked_dataset, predicted_by
from claster.errors import ClasterError, choose_among
from claster.files import write_text
from claster.genome.assembly import chromosome_aliases
from claster.genome.regions import read_blacklist
from claster.progress import SILENT, Progress
from claster.settings import Record, Split
from claster.signal.landscape import landscape, restored

_PROMOTER = 2_000


def _treated_window(
    before: Window,
    chrom: str,
    tss: int,
    chosen: tuple[str, ...],
    sources: Sources,
    spec: DatasetSpec,
    divisors: tuple[float, ...],
) -> Window:
    """Return a window whose chosen tracks are cut from the sources of treated cells."""
    if "landscape" not in before:
        raise ClasterError(
            "the run does not take landscapes, so nothing of it is treated",
            remedy="choose a run of a flavour with landscapes",
        )
    array = np.array(before["landscape"])
    rows = [row for row, track in enumerate(spec.tracks) if track.name in chosen]
    cut = landscape(
        [sources.tracks[row] for row in rows],
        chrom,
        tss,
        binning=spec.window.binning,
        summary=spec.summary,
    )
    for signal, row in zip(cut, rows, strict=True):
        track = spec.tracks[row]
        array[row] = track.stored(signal, divisor=divisors[row])
    return {**before, "landscape": array}


def _promoter_change(
    before: Window,
    after: Window,
    spec: DatasetSpec,
    divisors: tuple[float, ...],
    pseudocount: float,
) -> float:
    """Return the mean log2 change of the tracks within 2 kb of the TSS: what needs no network."""
    span = covered_bins(-_PROMOTER, _PROMOTER, spec.window.binning)
    changes = []
    for row, track in enumerate(spec.tracks):
        values = [
            span_mean(
                restored(window["landscape"][row], track.transform, divisor=divisors[row]), span
            )
            for window in (after, before)
        ]
        changes.append(log_effect(*values, pseudocount=pseudocount))
    return float(np.mean(changes))


def _measured_profiles(genes: pd.DataFrame, sources: Sources, spec: DatasetSpec) -> np.ndarray:
    """Return the measured profiles of the first condition as signal, shape (genes, bins)."""
    target = spec.require_target()
    reach = reach_of_targets(target)
    strands = sources.targets[target.groups[0]]
    profiles = np.empty((len(genes), target.bins))
    for chrom, rows in genes.groupby("chrom", sort=False).indices.items():
        here = genes.iloc[rows]
        span = (max(int(here["tss"].min()) - reach, 0), int(here["tss"].max()) + reach)
        decoded = [(track.signal(str(chrom), span=span), sign) for track, sign in strands]
        profiles[rows] = target_signal(target, decoded, here, summary=spec.summary)
    return profiles


_MEASURES = {"spearman": spearman, "pearson": pearson}


class _Correlation(Record):
    """A correlation of changes over genes with its 95 % interval."""

    method: str
    metric: Literal["spearman", "pearson"]
    value: Number
    low: Number
    high: Number


class _TreatedSummary(Record):
    """The result of `claster treat` (`summary.json`, format version 1).

    `tracks` are those that were taken from the treated dataset; `shares` are the median predicted over the
    median measured change, of `all` genes and of those with a measured baseline of the pseudocount or more
    (`transcribed`); `differences` are how much better the network's changes correlate with the measured
    ones than promoter marks do, on the same genes and resamples.
    """

    format: Literal[1] = 1
    verdict: str
    run: str
    treated: str
    tracks: tuple[str, ...]
    split: Split
    genes: int
    shares: dict[Literal["all", "transcribed"], Score]
    correlations: tuple[_Correlation, ...]
    differences: dict[Literal["spearman", "pearson"], Score]


class TreatedFiles(ResultFolder):
    """The folder of a comparison, ``<run>/treated/<dataset>_<split>``."""

    main = "genes"
    genes = ResultFile("genes.csv", "Predicted and measured change of each gene.")


def compare_treated(
    run: RunFolder | Path | str,
    settings: TreatSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[_TreatedSummary, TreatedFiles]:
    """Predict the transcription of treated cells from their marks, and compare the change with the measured.

    Baseline and treated windows go through the model in one stream. A gene's signal is the mean over its
    body inside the target window, and its change log2((treated + c) / (baseline + c)), predicted and
    measured alike.

    Parameters
    ----------
    run
        A trained run; its dataset is the baseline and has to be built.
    settings, keywords
        `TreatSettings`, or its fields. The dataset of the treated cells has the same assembly, tracks with
        their transforms and scales, window, blacklist and target, but other files; it need not be built: its
        tracks are divided as the baseline's are. `pseudocount` is c, in the unit of the target.

    Returns
    -------
    summary : _TreatedSummary
    files : TreatedFiles

    Raises
    ------
    ClasterError
        If the datasets do not fit together, or the split holds fewer than 3 genes.
    """
    asked = TreatSettings.of(settings, **keywords)
    split, pseudocount = asked.split, asked.pseudocount
    run = RunFolder.of(run)
    record, spec, folders = checked_dataset(run)
    other = predicted_by(record, load_dataset(asked.treated, project=spec.project))
    chosen = _require_fitting(spec, other, asked.tracks)
    genes = read_genes_table(folders, split=split)
    if len(genes) < 3:
        raise ClasterError(
            f"the {split} split of {spec.name!r} holds {len(genes)} genes",
            remedy="choose another --split",
        )
    model = load_predictor(run, spec, device=asked.device, progress=progress)
    predict = average_mirrored(model.predict, spec) if asked.average else model.predict
    read = built_window(folders, split=split, inputs=model.inputs)
    divisors = track_divisors(spec.tracks, require_manifest(folders).scales)
    promoters: list[float] = []
    with open_sources(other) as sources, progress.step("predict", 2 * len(genes)) as step:

        def windows() -> Iterator[Window]:
            for gene in genes.itertuples():
                before = read(gene.gene_id, gene.chrom, gene.tss)
                yield before
                after = _treated_window(
                    before, gene.chrom, gene.tss, chosen, sources, spec, divisors
                )
                promoters.append(_promoter_change(before, after, spec, divisors, pseudocount))
                yield after

        profiles = []
        for profile in predict(windows()):
            profiles.append(profile[0])
            step.advance()
        step.describe("measured transcription")
        measured_after = _measured_profiles(genes, sources, other)
    binning = spec.require_target().binning
    table = genes[["gene_id", "name", "chrom", "start", "end", "strand", "tss"]].copy()
    signals = {
        "predicted_baseline": np.stack(profiles[::2]),
        "predicted_treated": np.stack(profiles[1::2]),
        "measured_baseline": measured(spec, folders, genes, [split])[:, 0].astype(np.float64),
        "measured_treated": measured_after,
    }
    for name, values in signals.items():
        table[name] = [
            float(gene_signal(v, gene_bins(g.start, g.end, centre=g.tss, binning=binning)))
            for v, g in zip(values, genes.itertuples(), strict=True)
        ]
    for kind in ("predicted", "measured"):
        table[f"{kind}_change"] = log_effect(
            table[f"{kind}_treated"].to_numpy(),
            table[f"{kind}_baseline"].to_numpy(),
            pseudocount=pseudocount,
        )
    table["promoter_change"] = promoters
    resamples = resample_loci(table, binning, seed=asked.seed)
    network, observed, marks = (
        table[f"{kind}_change"].to_numpy() for kind in ("predicted", "measured", "promoter")
    )
    scored = partial(Score.of, resamples=resamples)
    correlations = {
        (method, metric): scored(measure, change, observed)
        for method, change in (("network", network), ("promoter marks", marks))
        for metric, measure in _MEASURES.items()
    }
    differences = {
        metric: scored(partial(_difference, measure), network, marks, observed)
        for metric, measure in _MEASURES.items()
    }
    transcribed = (table["measured_baseline"] >= pseudocount).to_numpy()
    shares = {"all": scored(_share, network, observed)}
    if transcribed.any():
        some = resamples.of(transcribed)
        shares["transcribed"] = Score.of(
            _share, network[transcribed], observed[transcribed], resamples=some
        )
    summary = _TreatedSummary(
        verdict=_verdict(table, shares, correlations, differences),
        run=run.path.as_posix(),
        treated=other.name,
        tracks=chosen,
        split=split,
        genes=len(table),
        shares=shares,
        correlations=tuple(
            _Correlation(method=method, metric=metric, **dict(score))
            for (method, metric), score in correlations.items()
        ),
        differences=differences,
    )
    files = TreatedFiles(run.path / "treated" / f"{other.name}_{split}")
    write_text(files.genes, table.to_csv(index=False, float_format="%.6g"))
    files.write(summary)
    return summary, files


def _require_fitting(
    spec: DatasetSpec, other: DatasetSpec, tracks: tuple[str, ...]
) -> tuple[str, ...]:
    """Return the tracks to take, in order, or say why the datasets do not fit."""
    if spec.require_target().table is not None:
        raise ClasterError(
            f"the target of dataset {spec.name!r} is a table, and treated cells are compared by profiles",
            remedy="choose a run of a dataset with conditions",
        )
    names = [track.name for track in spec.tracks]
    target, treated = (
        dataset.require_target().model_dump(exclude={"conditions"}) for dataset in (spec, other)
    )
    taken, given = (
        {
            track.name: track.model_dump(exclude={"file", "files", "weights", "rescale"})
            for track in dataset.tracks
        }
        for dataset in (spec, other)
    )
    faults = {
        "tracks": names != list(given),
        "assembly": spec.assembly != other.assembly,
        "window": spec.window.binning != other.window.binning,
        "summary": spec.summary != other.summary,
        "blacklist": _masked(spec) != _masked(other),
    }
    faults |= {
        f"'{key}' of track {name}": taken[name][key] != given[name][key]
        for name in names
        if name in given and name in (tracks or names)
        for key in taken[name]
    }
    faults |= {f"'{key}' of the target": target[key] != treated[key] for key in target}
    if wrong := [name for name, fault in faults.items() if fault]:
        raise ClasterError(
            f"datasets {spec.name!r} and {other.name!r} have other {' and '.join(wrong)}",
            remedy="write the treated dataset's YAML like the other, with other files",
        )
    if strange := [name for name in tracks if name not in names]:
        raise ClasterError(
            f"dataset {spec.name!r} has no track {strange[0]!r}",
            remedy=choose_among(strange[0], names),
        )
    return tuple(name for name in names if not tracks or name in tracks)


def _masked(spec: DatasetSpec) -> list[list[object]]:
    """Return the regions whose bases count as missing in every track."""
    if spec.blacklist is None:
        return []
    aliases = chromosome_aliases(spec.assembly)
    path = spec.source(spec.blacklist.file)
    return read_blacklist(path, sizes=spec.chromosome_sizes(), aliases=aliases).to_numpy().tolist()


def _difference(
    measure: Callable[..., float], first: np.ndarray, second: np.ndarray, observed: np.ndarray
) -> float:
    return measure(first, observed) - measure(second, observed)


def _share(predicted: np.ndarray, observed: np.ndarray) -> float:
    """Return the ratio of the medians; NaN where the median measured change is 0."""
    middle = np.median(observed)
    return float(np.median(predicted) / middle) if middle else np.nan


def _verdict(
    table: pd.DataFrame,
    shares: Mapping[str, Score],
    correlations: Mapping[tuple[str, str], Score],
    differences: Mapping[str, Score],
) -> str:
    lines = [
        f"{len(table):,} genes; median change {table['predicted_change'].median():.2f} predicted, "
        f"{table['measured_change'].median():.2f} measured (log2)."
    ]
    lines += [
        f"Median predicted over median measured change, {genes} genes: {score.told(digits=2)}."
        for genes, score in shares.items()
    ]
    lines += [
        f"{metric.capitalize()} of measured change and {method}: {score.told()}."
        for (method, metric), score in correlations.items()
    ]
    lines += [
        f"{metric.capitalize()} of the network less that of promoter marks: {score.told()}."
        for metric, score in differences.items()
    ]
    return "\n".join(lines)
