"""The tables of an evaluation: scores, scores by bin, calibration, and errors by gene."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from claster.analysis.agreement import METRICS, VIEWS, Replicated, Signal, bin_correlations
from claster.analysis.bootstrap import Resamples, intervals
from claster.analysis.loci import counted_once
from claster.analysis.metrics import gene_weights, log_signal, paper_gene_weights
from claster.analysis.prepare import ATTAINABLE, Scored
from claster.analysis.strata import Stratum, calibration, gene_errors, strata_of
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

RAW, LOG = "raw", "log2(x+1)"
_WHAT = ("level", "scale", "counted", "how", "metric", "by", "stratum")
_METRIC = _WHAT.index("metric")
_KEY = ["method", "against", "condition", *_WHAT]
_SCORE_COLUMNS = [*_KEY, "value", "low", "high", "n", "blocks", "unit"]
_LEVELS: dict[str, Callable] = {"gene": gene_weights, "paper": paper_gene_weights}
_DIFFERENCES = [metric for metric in METRICS if metric != "slope"]


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
        See `claster.analysis.strata.calibration`, with `method` and `condition`.
    genes
        See `claster.analysis.strata.gene_errors`, of the main method, with `condition`.
    """

    scores: pd.DataFrame
    bins: pd.DataFrame
    calibration: pd.DataFrame
    genes: pd.DataFrame


@dataclass
class _Rows:
    """Scores with their replicates, until the intervals of all are computed at once."""

    keys: list[tuple[str, ...]] = field(default_factory=list)
    scores: list[Replicated] = field(default_factory=list)

    def add(self, score: Replicated, *key: str) -> None:
        self.keys.append(key)
        self.scores.append(score)

    def table(self, raw_unit: str) -> pd.DataFrame:
        table = pd.DataFrame(self.keys, columns=_KEY)
        table["value"] = [score.value for score in self.scores]
        table["n"] = [score.n for score in self.scores]
        table["blocks"] = [score.blocks for score in self.scores]
        replicates = np.stack([score.replicates for score in self.scores])
        table["low"], table["high"] = intervals(replicates, table["blocks"].to_numpy())
        units = table["scale"].map({RAW: raw_unit, LOG: f"log2({raw_unit} + 1)"})
        table["unit"] = units.where(table["metric"].isin(["rmse", "mae"]), "1")
        return table[_SCORE_COLUMNS]


def make_tables(
    scored: Scored,
    binning: Binning,
    resamples: Resamples,
    *,
    raw_unit: str = "reads",
    progress: Progress = SILENT,
) -> Tables:
    """Score every method at every level, on both scales, with 95 % intervals.

    Parameters
    ----------
    scored
        Genes, observed signal, predictions.
    binning
        The bins of the target window.
    resamples
        Resamples of the genes' blocks, the same for all methods, so that differences are paired.
    raw_unit
        Unit of the signal.

    Raises
    ------
    ClasterError
        If a value is missing, infinite or negative.
    """
    rows = _Rows()
    once = counted_once(scored.genes, binning)
    weights = {level: weigh(scored.genes, binning) for level, weigh in _LEVELS.items()}
    bins, curves, errors = [], [], []
    steps = len(scored.conditions) * len(scored.methods)
    with progress.step("scores", total=steps) as step:
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
                found[method] = dict(_views(truth, guess, resamples))
                for stratum, drawn, part in strata:
                    scores = _in_stratum(part, _part(guess, stratum.genes), drawn, stratum)
                    found[method] |= scores
                logged = truth["bin", LOG, "all"], guess["bin", LOG, "all"]
                whose = {"method": method, "condition": condition}
                bins.append(_by_bin(*logged, resamples, binning).assign(**whose))
                curve = calibration(logged[0].values, logged[1].values, once, resamples)
                curves.append(curve.assign(**whose))
                if method == scored.main:
                    table = gene_errors(
                        scored.genes,
                        logged[0].values,
                        logged[1].values,
                        observed_mean=expression,
                        predicted_mean=guess["gene", RAW, "all"].values[:, 0],
                    )
                    errors.append(table.assign(condition=condition))
                step.advance()
            _add_condition(rows, found, scored.main, condition)
    return Tables(
        rows.table(raw_unit),
        _front(pd.concat(bins, ignore_index=True)),
        _front(pd.concat(curves, ignore_index=True)),
        pd.concat(errors, ignore_index=True),
    )


def _signals(
    profile: np.ndarray, once: np.ndarray, weights: dict[str, np.ndarray], *, named: str
) -> dict[tuple[str, str, str], Signal]:
    """Return bins and genes on both scales, by level, scale and which bins count."""
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


def _views(
    truth: dict[tuple[str, str, str], Signal],
    guess: dict[tuple[str, str, str], Signal],
    resamples: Resamples,
) -> Iterator[tuple[tuple[str, ...], Replicated]]:
    for (level, scale, counted), observed in truth.items():
        for how in VIEWS if level == "bin" else ["pooled"]:
            found = _view(how, observed, guess[level, scale, counted], resamples)
            for metric, score in found.items():
                yield (level, scale, counted, how, metric, "all", "all"), score


def _view(
    how: str, observed: Signal, predicted: Signal, resamples: Resamples
) -> dict[str, Replicated]:
    """Return every metric of `METRICS` in one view.

    Returns a score by metric; NaN where it is undefined.
    """
    return VIEWS[how](observed, predicted, resamples)


def _part(
    signals: dict[tuple[str, str, str], Signal], genes: np.ndarray
) -> dict[tuple[str, str, str], Signal]:
    """Return what is scored within a stratum: bins counted once and genes, log2(x + 1)."""
    chosen = [("bin", LOG, "once"), ("gene", LOG, "all")]
    return {key: Signal(signals[key].values[genes], signals[key].counted[genes]) for key in chosen}


def _in_stratum(
    truth: dict[tuple[str, str, str], Signal],
    guess: dict[tuple[str, str, str], Signal],
    resamples: Resamples,
    stratum: Stratum,
) -> dict[tuple[str, ...], Replicated]:
    return {
        (*key, "pooled", metric, stratum.by, stratum.name): score
        for key in truth
        for metric, score in _view("pooled", truth[key], guess[key], resamples).items()
    }


def _by_bin(
    observed: Signal, predicted: Signal, resamples: Resamples, binning: Binning
) -> pd.DataFrame:
    value, replicates, n = bin_correlations(observed, predicted, resamples)
    blocks = resamples.effective_blocks(observed.points)
    low, high = intervals(replicates.T, np.full(len(value), blocks))
    return pd.DataFrame(
        {
            "offset": binning.offsets * binning.size,
            "value": value,
            "low": low,
            "high": high,
            "n": n,
        }
    )


def _add_condition(
    rows: _Rows,
    found: dict[str, dict[tuple[str, ...], Replicated]],
    main: str,
    condition: str,
) -> None:
    """Add the scores of every method, its shares of the noise ceiling, and what the main one leads by."""
    for method, scores in found.items():
        for key, score in scores.items():
            metric = key[_METRIC]
            rows.add(score, method, "", condition, *key)
            if metric == "pearson" and ATTAINABLE in found and method != ATTAINABLE:
                share = (*key[:_METRIC], "share_of_attainable", *key[_METRIC + 1 :])
                rows.add(score.over(found[ATTAINABLE][key]), method, "", condition, *share)
            if method != main and metric in _DIFFERENCES:
                rows.add(found[main][key].minus(score), main, method, condition, *key)


def _front(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with `method` and `condition` as its first columns."""
    return table[["method", "condition", *table.columns.drop(["method", "condition"])]]
