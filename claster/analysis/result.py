"""The result of an evaluation, and how it becomes files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from claster.analysis.bootstrap import CONFIDENCE, counted_once, resample_loci
from claster.analysis.folder import ResultFolder
from claster.analysis.prepare import ENSEMBLE, Prepared, Scored
from claster.analysis.summary import Comparison, EvaluationSummary, Score, verdict
from claster.analysis.tables import Tables, make_tables
from claster.dataset.spec import DatasetSpec
from claster.files import atomic_path, write_text
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT, Progress
from claster.settings import Split

_DECIMALS = 6
_WORST = 20


_PRIMARY = {"bin": "once", "gene": "all"}


@dataclass(frozen=True)
class Evaluation:
    """The scores of one run, or of several together.

    Parameters
    ----------
    tables
        Scores, scores by bin, calibration, errors by gene.
    summary
        What `summary.json` holds.
    predictions
        Predictions of the simple methods, and of an ensemble: raw scale, forward samples x columns.
    changes
        Of genes of other cells that the run's own dataset holds too (`changes_between`).
    """

    tables: Tables
    summary: EvaluationSummary
    predictions: dict[str, pd.DataFrame]
    changes: pd.DataFrame | None = None


def evaluation_of(
    scored: Scored,
    prepared: Sequence[Prepared],
    runs: Sequence[str],
    specs: Sequence[DatasetSpec],
    *,
    split: Split,
    seed: int,
    progress: Progress = SILENT,
) -> Evaluation:
    """Score everything in `scored`.

    Parameters
    ----------
    scored
        Genes, observed signal, predictions.
    prepared
        Where it comes from: one part, or one a fold.
    specs
        Their datasets, with the same target.
    seed
        Chooses the resamples.
    """
    spec = specs[0]
    target = spec.require_target()
    length = spec.window.binning.width
    resamples = resample_loci(scored.genes, target.binning, length=length, seed=seed)
    unit = "reads" if target.statistic == "mean" else f"reads per {target.bin} bp"
    # One BLAS thread: sums do not depend on the number of cores, and so neither do the bytes.
    with threadpool_limits(limits=1, user_api="blas"):
        tables = make_tables(scored, target.binning, resamples, raw_unit=unit, progress=progress)
    comparisons = _compare(tables.scores, main=scored.main, baselines=scored.baselines)
    once = counted_once(scored.genes, target.binning)
    shared_bp = sum(part.shared_bp for part in prepared)
    compared = all(part.sequences_compared for part in prepared)
    summary = EvaluationSummary(
        verdict=verdict(
            comparisons,
            main=scored.main,
            genes=len(scored.genes),
            blocks=resamples.blocks,
            split=split,
            shared_bp=shared_bp,
            sequences_compared=compared,
        ),
        method=scored.main,
        runs=tuple(runs),
        datasets=tuple(dict.fromkeys(spec.name for spec in specs)),
        split=split,
        genes=len(scored.genes),
        blocks=resamples.blocks,
        block_length=length,
        resamples=len(resamples.counts),
        confidence=CONFIDENCE,
        seed=seed,
        times_counted=round(once.size / int(once.sum()), _DECIMALS),
        shared_bp=shared_bp,
        sequences_compared=compared,
        comparisons=tuple(comparisons),
        worst=tuple(dict.fromkeys(tables.genes.query("worst <= @_WORST")["gene_id"])),
        baselines=tuple(part.fits for part in prepared),
    )
    kept = [name for name in scored.methods if name in (*scored.baselines, ENSEMBLE)]
    index = pd.Index([sample_id(gene, FORWARD) for gene in scored.genes["gene_id"]], name="ID")
    predictions = {
        name: pd.DataFrame(
            scored.methods[name].reshape(len(index), -1).astype(np.float32),
            index=index,
            columns=target.columns,
        )
        for name in kept
    }
    return Evaluation(tables, summary, predictions)


def _compare(scores: pd.DataFrame, *, main: str, baselines: Sequence[str]) -> list[Comparison]:
    """Return the network beside the best simple method, for each condition and level.

    The best one has the highest Pearson r on the scored genes themselves, which favours it.
    """
    chosen = (scores["scale"] == "log2(x+1)") & (scores["how"] == "pooled")
    chosen &= (scores["by"] == "all") & (scores["counted"] == scores["level"].map(_PRIMARY))
    keys = ["condition", "level", "metric", "method", "against"]
    table = scores[chosen].set_index(keys)[["value", "low", "high"]].sort_index()
    found = []
    for condition in scores["condition"].unique():
        for level in _PRIMARY:
            rows = table.xs((condition, level))
            values = {name: rows.loc[("pearson", name, ""), "value"] for name in baselines}
            best = max(baselines, key=lambda name: _or_lowest(values[name]))
            difference = Score.of_row(rows.loc[("pearson", main, best)])
            share = ("share_of_attainable", main, "")
            found.append(
                Comparison(
                    condition=condition,
                    level=level,
                    network=Score.of_row(rows.loc[("pearson", main, "")]),
                    baseline=best,
                    baseline_score=Score.of_row(rows.loc[("pearson", best, "")]),
                    difference=difference,
                    beats=None if difference.low is None else difference.low > 0,
                    share=Score.of_row(rows.loc[share]) if share in rows.index else None,
                )
            )
    return found


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write tables (Parquet and CSV), predictions (Parquet) and `summary.json` (last) to `folder`."""
    tables = {
        "scores": evaluation.tables.scores,
        "bins": evaluation.tables.bins,
        "calibration": evaluation.tables.calibration,
        "genes": evaluation.tables.genes,
    }
    if evaluation.summary.method == ENSEMBLE:
        tables["spread"] = _spread_over_runs(evaluation.tables.scores)
    if evaluation.changes is not None:
        tables["changes"] = evaluation.changes
    for name, table in tables.items():
        rounded = table.round(_DECIMALS)
        with atomic_path(folder / f"{name}.parquet") as partial:
            rounded.to_parquet(partial, index=False)
        write_text(folder / f"{name}.csv", rounded.to_csv(index=False, lineterminator="\n"))
    for name, table in evaluation.predictions.items():
        with atomic_path(folder / "predictions" / f"{name}.parquet") as partial:
            table.to_parquet(partial)
    ResultFolder(folder).write(evaluation.summary)


def _spread_over_runs(scores: pd.DataFrame) -> pd.DataFrame:
    """Return mean and spread over the networks of an ensemble.

    Returns what identifies a score, then `mean`, `sd` (with one degree of freedom fewer than
    runs), `lowest`, `highest` and `runs`.
    """
    each = scores[scores["method"].str.startswith("network ") & (scores["against"] == "")]
    keys = ["condition", "level", "scale", "counted", "how", "metric", "by", "stratum", "unit"]
    grouped = each.groupby(keys, sort=False)["value"]
    table = grouped.agg(mean="mean", sd="std", lowest="min", highest="max", runs="size")
    return table.reset_index()
