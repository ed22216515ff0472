"""How well the run predicts: scores beside simple methods, points, calibration, groups of genes."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd
from matplotlib.text import Text

from claster.analysis.prepare import ATTAINABLE
from claster.analysis.summary import Comparison, EvaluationSummary
from claster.analysis.tables import STRATA
from claster.plot import (
    calibration_curve,
    density,
    gene_scatter,
    score_bars,
    score_by_bin,
    score_by_stratum,
)
from claster.plot.style import method_label
from claster.report import page
from claster.report.subject import SPLIT, Scores, Subject
from claster.text import read_table

_LOG, _RAW = "log2(x+1)", "raw"
_COUNTED = {"bin": "once", "gene": "all"}
_LEVELS = {"bin": "Bins", "gene": "Genes"}
_COLUMNS = (
    ("Pearson r, log2", _LOG, "pearson"),
    ("Pearson r, raw", _RAW, "pearson"),
    ("Spearman r", _LOG, "spearman"),
    ("R2, log2", _LOG, "r2"),
    ("R2, raw", _RAW, "r2"),
    ("RMSE, log2", _LOG, "rmse"),
    ("RMSE, raw", _RAW, "rmse"),
    ("MAE, raw", _RAW, "mae"),
)
_NAMED = 4
_WITH_INTERVAL = ("pearson", "spearman")


def overview(subject: Subject) -> Iterator[page.Part]:
    """Yield the verdict of the evaluation, worst news first, and the main scores."""
    record = subject.record
    if record.status != "complete":
        why = f" ({record.error})" if record.error else ""
        yield page.missing(
            f"The training of this run is {record.status}, not complete{why}.",
            ["train", record.flavour, "--dataset", record.dataset, "--resume"],
        )
    if subject.scores is None:
        yield subject.unmade("This run has not been evaluated: how good it is, is not known")
    else:
        yield from _verdict(subject.scores.summary)


def scores(subject: Subject) -> Iterator[page.Part]:
    """Yield the scores of every method with their intervals, over bins and over genes."""
    if subject.scores is None:
        yield subject.unmade("Without an evaluation there are no scores")
        return
    conditions = subject.scores.scores["condition"].unique()
    for condition in conditions:
        if len(conditions) > 1:
            yield page.Subtitle(condition)
        yield page.Pictures([_bars(subject.scores, condition, level) for level in _LEVELS])
        for level in _LEVELS:
            yield _table(subject.scores, condition, level)
    yield page.Text(
        "Each bin of the genome counts once, and points are pooled. A gene's value is the mean "
        "signal over its body. The noise ceiling is what the noise-free signal of a simulated genome "
        "would score. Every score, by bin and by gene too: "
        f"{subject.run.evaluation.as_posix()}/scores.csv."
    )


def agreement(subject: Subject) -> Iterator[page.Part]:
    """Yield predicted against observed signal, calibration, and scores by distance from the TSS."""
    fit, evaluated = subject.fit, subject.scores
    groups = subject.spec.require_target().groups
    for row, condition in enumerate(groups):
        shown: list[page.Picture] = []
        if fit is not None:
            shown.append(_density(fit.observed[:, row], fit.predicted[:, row], subject))
        if evaluated is not None:
            shown += _curves(evaluated, condition)
        if shown and len(groups) > 1:
            yield page.Subtitle(condition)
        if shown:
            yield page.Pictures(shown)
        if evaluated is not None:
            yield _by_bin(evaluated, condition)
    if fit is None or evaluated is None:
        yield subject.unmade("Points and curves need predictions and their evaluation")


def groups(subject: Subject) -> Iterator[page.Part]:
    """Yield scores within groups of genes."""
    if subject.scores is None:
        yield subject.unmade("Without an evaluation there are no groups of genes")
        return
    yield page.Text(
        "Within a group values vary less than over all genes, so that every method scores lower: "
        "compare methods within a group."
    )
    table = subject.scores.scores
    chosen = (table["level"] == "bin") & (table["metric"] == "pearson") & (table["against"] == "")
    chosen &= table["method"].isin(_shown_methods(subject.scores))
    for condition, by in product(table["condition"].unique(), STRATA):
        rows = table[chosen & (table["by"] == by) & (table["condition"] == condition)]
        if rows["stratum"].nunique() > 1:
            yield page.picture(
                score_by_stratum(rows),
                alt=f"Pearson r over bins of genes grouped by {by}, {condition}, by method",
                caption=f"By {by}.",
            )


def intervals(subject: Subject) -> Iterator[page.Part]:
    """Yield which share of bins and genes the intervals hold, and how many genes are unlike usual ones."""
    path = subject.run.predictions(SPLIT).with_suffix(".coverage.csv")
    if not path.is_file():
        yield page.missing("No intervals were made.", ["intervals", subject.name])
        return
    table = read_table(path)
    several = table["condition"].nunique() > 1
    rows = [
        (
            *([row.condition] if several else []),
            _LEVELS[row.level].lower(),
            row.by,
            row.stratum,
            page.interval(100 * row.covered, 100 * row.low, 100 * row.high),
            page.number(row.width, 2),
            page.count(row.n),
        )
        for row in table.fillna({"stratum": ""}).itertuples(index=False)
    ]
    heads = ("level", "by", "group", "held (%)", "width", "number")
    yield page.Table(
        "Measured values within their interval", ("condition", *heads) if several else heads, rows
    )
    genes = read_table(path.with_name(path.name.replace(".coverage.", ".genes.")))
    unlike = genes.loc[genes["unlike"], "gene_id"].nunique()
    yield page.Text(
        f"{unlike:,} of {genes['gene_id'].nunique():,} genes have chromatin unlike that of the training "
        "genes: expect larger errors there than the interval says. Width is the mean of "
        "log2(high + 1) - log2(low + 1)."
    )


def _verdict(summary: EvaluationSummary) -> Iterator[page.Part]:
    lines = [line for line in summary.verdict.splitlines() if line]
    yield page.Lead(lines, good=all(entry.beats for entry in summary.comparisons))
    several = len({entry.condition for entry in summary.comparisons}) > 1
    figures: list[tuple[str, str]] = []
    for entry in summary.comparisons:
        where = f"over {_LEVELS[entry.level].lower()}" + f", {entry.condition}" * several
        ours, theirs = entry.network, entry.baseline_score
        cell = page.interval(ours.value, ours.low, ours.high)
        told = f"{cell.text} ({cell.note})" if cell.note else cell.text
        figures.append((f"Pearson r {where}", told))
        told = f"{page.number(theirs.value).text} ({method_label(entry.baseline)})"
        figures.append((f"best simple method, {where}", told))
        if entry.share and entry.share.value is not None:
            figures.append((f"of the noise ceiling {where}", f"{100 * entry.share.value:.0f} %"))
    yield page.Facts(figures, large=True)
    yield page.Text(
        f"Scores are those of {summary.genes:,} {summary.split} genes, which the network has not "
        "been trained on, on log2(x + 1); the numbers in brackets are 95 % intervals over "
        f"{summary.blocks} blocks of neighbouring genes."
    )


def _shown_methods(scores: Scores) -> list[str]:
    rivals = {entry.baseline for entry in scores.summary.comparisons}
    return [scores.summary.method, *sorted(rivals), ATTAINABLE]


def _pooled(scores: Scores, condition: str, level: str) -> pd.DataFrame:
    table = scores.scores
    chosen = (table["condition"] == condition) & (table["level"] == level)
    chosen &= (table["counted"] == _COUNTED[level]) & (table["how"] == "pooled")
    return table[chosen & (table["by"] == "all") & (table["against"] == "")]


def _ranked(pooled: pd.DataFrame) -> pd.DataFrame:
    """Return Pearson r on log2(x + 1), the best method first."""
    rows = pooled[(pooled["scale"] == _LOG) & (pooled["metric"] == "pearson")]
    return rows.sort_values("value", ascending=False, kind="stable")


def _bars(scores: Scores, condition: str, level: str) -> page.Picture:
    rows = _ranked(_pooled(scores, condition, level))
    told = [f"{method_label(row.method)} {row.value:.3f}" for row in rows.itertuples(index=False)]
    words = _LEVELS[level]
    return page.picture(
        score_bars(rows),
        alt=f"Pearson r over {words.lower()} on log2(x + 1) by method: {'; '.join(told)}",
        caption=f"{words}: bars with 95 % intervals.",
    )


def _table(scores: Scores, condition: str, level: str) -> page.Table:
    rows = _pooled(scores, condition, level)
    values = rows.set_index(["method", "scale", "metric"])[["value", "low", "high"]]
    errors = rows[rows["metric"] == "rmse"].drop_duplicates("scale").set_index("scale")["unit"]
    lines: list[page.Row] = []
    for method in _ranked(rows)["method"]:
        cells = []
        for _, scale, metric in _COLUMNS:
            value, low, high = values.loc[(method, scale, metric)]
            with_interval = metric in _WITH_INTERVAL
            cells.append(page.interval(value, low, high) if with_interval else page.number(value))
        lines.append((method_label(method), *cells))
    return page.Table(
        f"{_LEVELS[level]}, with 95 % intervals; errors in {errors[_RAW]} and {errors[_LOG]}",
        ("method", *(head for head, _, _ in _COLUMNS)),
        lines,
    )


def _density(observed: np.ndarray, predicted: np.ndarray, subject: Subject) -> page.Picture:
    size = subject.spec.require_target().binning.size / 1000
    fig, ax = density(observed, predicted, points=f"{size:g} kb bins")
    return page.picture(
        (fig, ax),
        alt=f"Predicted against observed signal of every bin of the {SPLIT} genes: {_corner(ax.texts[0])}",
        caption="Every bin of every window.",
    )


def _corner(text: Text) -> str:
    """Return what the corner of a figure tells as plain text."""
    return text.get_text().replace("$", "").replace("\n", ", ")


def _curves(scores: Scores, condition: str) -> list[page.Picture]:
    genes = scores.genes[scores.genes["condition"] == condition]
    farthest = np.argsort(-genes["error"].abs().to_numpy(), kind="stable")[:_NAMED]
    names = genes["name"].fillna(genes["gene_id"]).tolist()
    fig, ax = gene_scatter(
        genes["observed"].to_numpy(),
        genes["predicted"].to_numpy(),
        named={int(row): names[row] for row in farthest},
    )
    best = _best_rival(scores.summary.comparisons, condition)
    chosen = scores.calibration["method"].isin([scores.summary.method, best])
    chosen &= scores.calibration["condition"] == condition
    return [
        page.picture(
            (fig, ax),
            alt=f"Predicted against observed mean of every gene: {_corner(ax.texts[-1])}",
            caption="The mean signal of every gene; those farthest off are named.",
        ),
        page.picture(
            calibration_curve(scores.calibration[chosen]),
            alt=f"Mean observed signal against predicted signal of the network and {method_label(best)}",
            caption="Calibration: below the dashed line a method promises too much.",
        ),
    ]


def _by_bin(scores: Scores, condition: str) -> page.Picture:
    best = _best_rival(scores.summary.comparisons, condition)
    chosen = scores.bins["method"].isin([scores.summary.method, best])
    rows = scores.bins[chosen & (scores.bins["condition"] == condition)]
    return page.picture(
        score_by_bin(rows),
        alt=f"Pearson r across genes by distance from the TSS, network and {method_label(best)}",
        caption="How well each distance from the TSS is predicted, across genes, with 95 % intervals.",
    )


def _best_rival(comparisons: tuple[Comparison, ...], condition: str) -> str:
    (best,) = (
        entry.baseline
        for entry in comparisons
        if entry.level == "bin" and entry.condition == condition
    )
    return best
