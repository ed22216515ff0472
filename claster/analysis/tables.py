"""The tables of an evaluation: scores of all and of groups of genes, by bin, calibration, errors by gene."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import bioframe
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from claster.analysis.agreement import METRICS, VIEWS, Replicated, Signal, bin_correlations
from claster.analysis.bootstrap import Resamples, counted_once, intervals, ratio
from claster.analysis.metrics import gene_weights, log_signal, paper_gene_weights
from claster.analysis.prepare import ATTAINABLE, Scored
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

RAW, LOG = "raw", "log2(x+1)"
STRATA = ("expression", "gene length", "nearest gene", "chromosome")
"""What genes are grouped by."""

_PARTS = 4
_BANDS = 20
_WHAT = ("level", "scale", "counted", "how", "metric", "by", "stratum")
_METRIC = _WHAT.index("metric")
_KEY = ["method", "against", "condition", *_WHAT]
_SCORE_COLUMNS = [*_KEY, "value", "low", "high", "n", "blocks", "unit"]
_DIFFERENCES = [metric for metric in METRICS if metric != "slope"]

type _Signals = Mapping[tuple[str, str, str], Signal]
"""Bins and genes by level, scale and which bins count."""

type _Scores = dict[tuple[str, ...], Replicated]
"""Scores by `_WHAT`."""


@dataclass(frozen=True)
class Tables:
    """Tidy tables; docs/evaluation.md says what every column means.

    Parameters
    ----------
    scores
        `_SCORE_COLUMNS`, one row a score.
    bins
        Pearson r across genes of each bin: `method`, `condition`, `offset` (bp), `value`, `low`,
        `high`, `n`.
    calibration
        See `calibration`, with `method` and `condition`.
    genes
        See `gene_errors`, of the main method, with `condition`.
    """

    scores: pd.DataFrame
    bins: pd.DataFrame
    calibration: pd.DataFrame
    genes: pd.DataFrame


def make_tables(
    scored: Scored,
    binning: Binning,
    resamples: Resamples,
    *,
    raw_unit: str = "reads",
    progress: Progress = SILENT,
) -> Tables:
    """Score every method at every level, on both scales, with 95 % intervals.

    Resamples of the genes' blocks are the same for all methods, so that differences are paired. A value that
    is missing, infinite or negative is refused.
    """
    scores: _Scores = {}
    once = counted_once(scored.genes, binning)
    weights = {
        "gene": gene_weights(scored.genes, binning),
        "paper": paper_gene_weights(scored.genes, binning),
    }
    bins, curves, errors = [], [], []
    steps = len(scored.conditions) * len(scored.methods)
    # One BLAS thread: sums do not depend on the number of cores, and so neither do the bytes.
    with threadpool_limits(limits=1, user_api="blas"), progress.step("scores", steps) as step:
        for number, condition in enumerate(scored.conditions):
            truth = _signals(scored.observed[:, number], once, weights, named="observed signal")
            expression = truth["gene", RAW, "all"].values[:, 0]
            strata = [
                (stratum, resamples.of(stratum.genes), _part(truth, stratum.genes))
                for stratum in strata_of(scored.genes, scored.annotation, expression)
            ]
            found = {}
            for method, array in scored.methods.items():
                step.describe(method)
                guess = _signals(array[:, number], once, weights, named=f"prediction of {method}")
                found[method] = _scores(truth, guess, resamples)
                for stratum, drawn, part in strata:
                    found[method] |= _scores(part, _part(guess, stratum.genes), drawn, stratum)
                observed, predicted = truth["bin", LOG, "all"], guess["bin", LOG, "all"]
                whose = {"method": method, "condition": condition}
                bins.append(_by_bin(observed, predicted, resamples, binning).assign(**whose))
                curve = calibration(observed.values, predicted.values, once, resamples)
                curves.append(curve.assign(**whose))
                if method == scored.main:
                    table = gene_errors(
                        scored.genes,
                        observed.values,
                        predicted.values,
                        observed_mean=expression,
                        predicted_mean=guess["gene", RAW, "all"].values[:, 0],
                    )
                    errors.append(table.assign(condition=condition))
                step.advance()
            scores |= _of_condition(found, scored.main, condition)
    return Tables(
        _score_table(scores, raw_unit),
        _front(bins),
        _front(curves),
        pd.concat(errors, ignore_index=True),
    )


def _score_table(scores: _Scores, raw_unit: str) -> pd.DataFrame:
    """Return scores by `_KEY` as a table, the intervals of all computed at once."""
    table = pd.DataFrame(list(scores), columns=_KEY)
    for name in ("value", "n", "blocks"):
        table[name] = [getattr(score, name) for score in scores.values()]
    replicates = np.stack([score.replicates for score in scores.values()])
    table["low"], table["high"] = intervals(replicates, table["blocks"].to_numpy())
    units = table["scale"].map({RAW: raw_unit, LOG: f"log2({raw_unit} + 1)"})
    table["unit"] = units.where(table["metric"].isin(["rmse", "mae"]), "1")
    return table[_SCORE_COLUMNS]


def _signals(
    profile: np.ndarray, once: np.ndarray, weights: dict[str, np.ndarray], *, named: str
) -> dict[tuple[str, str, str], Signal]:
    profile = np.asarray(profile, dtype=np.float64)
    every = np.ones_like(once)
    values = {"bin": profile}
    for level, weight in weights.items():
        values[level] = (profile * weight).sum(axis=1, keepdims=True)
    found = {}
    for level, raw in values.items():
        for scale, array in ((RAW, raw), (LOG, log_signal(raw, named=named))):
            found[level, scale, "all"] = Signal(array, every[:, : array.shape[1]])
            if level == "bin":
                found[level, scale, "once"] = Signal(array, once)
    return found


def _part(signals: _Signals, genes: np.ndarray) -> _Signals:
    """Return what is scored within a stratum: bins counted once and genes, log2(x + 1)."""
    chosen = [("bin", LOG, "once"), ("gene", LOG, "all")]
    return {key: Signal(signals[key].values[genes], signals[key].counted[genes]) for key in chosen}


def _scores(
    truth: _Signals, guess: _Signals, resamples: Resamples, stratum: "Stratum | None" = None
) -> _Scores:
    """Score bins in every view, and genes and what lies in a stratum in the pooled one."""
    group = stratum[:2] if stratum else ("all", "all")
    found: _Scores = {}
    for key, observed in truth.items():
        for how in VIEWS if key[0] == "bin" and not stratum else ["pooled"]:
            for metric, score in VIEWS[how](observed, guess[key], resamples).items():
                found[*key, how, metric, *group] = score
    return found


def _by_bin(
    observed: Signal, predicted: Signal, resamples: Resamples, binning: Binning
) -> pd.DataFrame:
    value, replicates, n = bin_correlations(observed, predicted, resamples)
    low, high = intervals(replicates.T, resamples.effective_blocks(observed.points))
    offset = binning.offsets * binning.size
    return pd.DataFrame({"offset": offset, "value": value, "low": low, "high": high, "n": n})


def _of_condition(found: dict[str, _Scores], main: str, condition: str) -> _Scores:
    """Return the scores of every method, its shares of the noise ceiling, and what the main one leads by."""
    scores = {}
    for method, own in found.items():
        for key, score in own.items():
            metric = key[_METRIC]
            scores[method, "", condition, *key] = score
            if metric == "pearson" and ATTAINABLE in found and method != ATTAINABLE:
                share = (*key[:_METRIC], "share_of_attainable", *key[_METRIC + 1 :])
                scores[method, "", condition, *share] = score.over(found[ATTAINABLE][key])
            if method != main and metric in _DIFFERENCES:
                scores[main, method, condition, *key] = found[main][key].minus(score)
    return scores


def _front(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables as one, with `method` and `condition` as its first columns."""
    table = pd.concat(tables, ignore_index=True)
    return table[["method", "condition", *table.columns.drop(["method", "condition"])]]


class Stratum(NamedTuple):
    """Some of the genes: one of `STRATA`, the group's number and values or chromosome, and bool, (genes,)."""

    by: str
    name: str
    genes: np.ndarray


def strata_of(
    genes: pd.DataFrame, annotation: pd.DataFrame, expression: np.ndarray
) -> Iterator[Stratum]:
    """Yield quarters of the genes by expression, length and distance to the next gene; chromosomes.

    Quarters are cut at quantiles over the genes; where quantiles are equal there are fewer groups. A
    gene without another one on its chromosome is in no group of distance.

    Parameters
    ----------
    genes, annotation
        Columns `gene_id`, `chrom`, `start`, `end`; `annotation` holds all genes that can be neighbours.
    expression
        Observed mean signal over each gene (reads), shape (genes,).
    """
    length = (genes["end"] - genes["start"]).to_numpy() / 1000
    gap = _gap_to_nearest_gene(genes, annotation) / 1000
    measures = {"expression": (expression, "reads"), "gene length": (length, "kb")}
    measures["nearest gene"] = (gap, "kb")
    for by, (values, unit) in measures.items():
        yield from _quarters(by, values, unit)
    for chrom in pd.unique(genes["chrom"]):
        yield Stratum("chromosome", str(chrom), (genes["chrom"] == chrom).to_numpy())


def _quarters(by: str, values: np.ndarray, unit: str) -> Iterator[Stratum]:
    known = np.isfinite(values)
    if not known.any():
        return
    edges = np.unique(np.quantile(values[known], np.linspace(0, 1, _PARTS + 1)[1:-1]))
    part = np.where(known, np.searchsorted(edges, values, side="right"), -1)
    present = [number for number in range(len(edges) + 1) if (part == number).any()]
    for rank, number in enumerate(present, start=1):
        chosen = part == number
        low, high = values[chosen].min(), values[chosen].max()
        yield Stratum(by, f"{rank} of {len(present)} ({low:.3g} to {high:.3g} {unit})", chosen)


def _gap_to_nearest_gene(genes: pd.DataFrame, annotation: pd.DataFrame) -> np.ndarray:
    """Return the distance in bp from each gene's body to the nearest other one; NaN without any."""
    columns = ["chrom", "start", "end", "gene_id"]
    near = bioframe.closest(
        genes[columns].reset_index(drop=True),
        annotation[columns],
        k=2,
        suffixes=("", "_other"),
        return_input=True,
        return_index=True,
    )
    others = near[near["gene_id"] != near["gene_id_other"]].dropna(subset=["gene_id_other"])
    gap = others.groupby("index")["distance"].min().astype(np.float64)
    return gap.reindex(range(len(genes))).to_numpy()


def calibration(
    observed: np.ndarray, predicted: np.ndarray, counted: np.ndarray, resamples: Resamples
) -> pd.DataFrame:
    """Return the mean observed signal of bins that are predicted alike.

    The points that count are ordered by prediction and cut into 20 bands of about equal number (equal
    predictions stay together).

    Parameters
    ----------
    observed, predicted
        Signal on one scale, shape (genes, bins).

    Returns
    -------
    pandas.DataFrame
        One row a band: `band` (from 1), `predicted` and `observed` (means), `low` and `high` (95 %
        interval of `observed`), `n` (points).
    """
    x, y = observed[counted], predicted[counted]
    edges = np.unique(np.quantile(y, np.linspace(0, 1, _BANDS + 1)[1:-1]))
    band = np.searchsorted(edges, y, side="right")
    gene = np.nonzero(counted)[0]
    number = len(edges) + 1
    cell = gene * number + band
    sums = [
        np.bincount(cell, weights, minlength=len(observed) * number) for weights in (None, x, y)
    ]
    per_block = resamples.block_sums(np.stack(sums, -1).reshape(len(observed), number, 3))
    n, total_x, total_y = np.moveaxis(per_block.sum(axis=0), -1, 0)
    drawn = resamples.draw(per_block)
    means = ratio(drawn[..., 1], drawn[..., 0])
    kept = n > 0
    held = per_block[..., 0]
    blocks = np.divide(n * n, (held * held).sum(axis=0), out=np.zeros(number), where=n > 0)
    low, high = intervals(means.T, blocks)
    table = pd.DataFrame(
        {
            "predicted": total_y[kept] / n[kept],
            "observed": total_x[kept] / n[kept],
            "low": low[kept],
            "high": high[kept],
            "n": n[kept].astype(int),
        }
    )
    table.insert(0, "band", range(1, len(table) + 1))
    return table


def gene_errors(
    genes: pd.DataFrame,
    observed: np.ndarray,
    predicted: np.ndarray,
    *,
    observed_mean: np.ndarray,
    predicted_mean: np.ndarray,
) -> pd.DataFrame:
    """Return how well each gene is predicted, the worst first.

    Parameters
    ----------
    genes
        Columns `gene_id`, `name`, `chrom`, `start`, `end`, `strand`, `tss`.
    observed, predicted
        log2(x + 1), shape (genes, bins).
    observed_mean, predicted_mean
        Mean signal over each gene (reads), shape (genes,).

    Returns
    -------
    pandas.DataFrame
        The columns of `genes`, `observed` and `predicted` (reads, means over the gene), `error`
        (difference of their log2(x + 1)), `rmse` (over the window's bins, log2(x + 1)) and `worst`
        (rank by `rmse`, from 1), in that order.
    """
    columns = ["gene_id", "name", "chrom", "start", "end", "strand", "tss"]
    table = genes[columns].assign(
        observed=observed_mean,
        predicted=predicted_mean,
        error=np.log2(predicted_mean + 1) - np.log2(observed_mean + 1),
        rmse=np.sqrt(np.mean((predicted - observed) ** 2, axis=1)),
    )
    table = table.sort_values(["rmse", "gene_id"], ascending=[False, True], ignore_index=True)
    return table.assign(worst=np.arange(1, len(table) + 1))
