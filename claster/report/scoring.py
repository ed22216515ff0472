"""How well the run predicts: scores beside simple methods, points, calibration, groups of genes."""

import numpy as np
import pandas as pd

from claster.analysis.prepare import ATTAINABLE
from claster.analysis.summary import Comparison
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
from claster.quoting import pasteable
from claster.report.overview import unmade
from claster.report.page import (
    Missing,
    Part,
    Picture,
    Pictures,
    Row,
    Section,
    Subtitle,
    Table,
    Text,
    count,
    interval,
    number,
    picture,
)
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


def scores(subject: Subject) -> Section:
    """Return the scores of every method with their intervals, over bins and over genes."""
    title = "Scores and baselines"
    if subject.scores is None:
        missing = unmade(subject, "Without an evaluation there are no scores")
        return Section("scores", title, (missing,))
    parts: list[Part] = []
    conditions = subject.scores.scores["condition"].unique()
    for condition in conditions:
        if len(conditions) > 1:
            parts.append(Subtitle(condition))
        parts.append(Pictures(tuple(_bars(subject.scores, condition))))
        parts += [_table(subject.scores, condition, level) for level in _LEVELS]
    parts.append(
        Text(
            "Each bin of the genome counts once, and points are pooled. A gene's value is the mean "
            "signal over its body. The noise ceiling is what the noise-free signal of a simulated genome "
            "would score. Every score, by bin and by gene too: "
            f"{subject.run.evaluation.as_posix()}/scores.csv."
        )
    )
    return Section("scores", title, tuple(parts))


def agreement(subject: Subject) -> Section:
    """Return predicted against observed signal, calibration, and scores by distance from the TSS."""
    title = "Predicted and observed"
    parts: list[Part] = []
    fit, evaluated = subject.fit, subject.scores
    groups = subject.spec.require_target().groups
    for number_, condition in enumerate(groups):
        shown: list[Picture] = []
        if fit is not None:
            shown.append(_density(fit.observed[:, number_], fit.predicted[:, number_], subject))
        if evaluated is not None:
            shown += _curves(evaluated, condition)
        if shown and len(groups) > 1:
            parts.append(Subtitle(condition))
        if shown:
            parts.append(Pictures(tuple(shown)))
        if evaluated is not None:
            parts.append(_by_bin(evaluated, condition))
    if fit is None or evaluated is None:
        parts.append(unmade(subject, "Points and curves need predictions and their evaluation"))
    return Section("agreement", title, tuple(parts))


def groups(subject: Subject) -> Section:
    """Return scores within groups of genes."""
    title = "Groups of genes"
    if subject.scores is None:
        missing = unmade(subject, "Without an evaluation there are no groups of genes")
        return Section("groups", title, (missing,))
    table = subject.scores.scores
    chosen = (table["level"] == "bin") & (table["metric"] == "pearson") & (table["against"] == "")
    chosen &= table["method"].isin(_shown_methods(subject.scores))
    shown = []
    for condition in table["condition"].unique():
        for by in STRATA:
            rows = table[chosen & (table["by"] == by) & (table["condition"] == condition)]
            if rows["stratum"].nunique() < 2:
                continue
            fig, _ = score_by_stratum(rows)
            shown.append(
                picture(
                    fig,
                    alt=f"Pearson r over bins of genes grouped by {by}, {condition}, by method",
                    caption=f"By {by}.",
                )
            )
    said = Text(
        "Within a group values vary less than over all genes, so that every method scores lower: "
        "compare methods within a group."
    )
    return Section("groups", title, (said, *shown))


def intervals(subject: Subject) -> Section:
    """Return which share of bins and genes the intervals hold, and how many genes are unlike usual ones."""
    title = "Intervals"
    path = subject.run.predictions(SPLIT).with_suffix(".coverage.csv")
    if not path.is_file():
        command = pasteable(["claster", "intervals", subject.name])
        return Section("intervals", title, (Missing("No intervals were made.", (command,)),))
    table = read_table(path)
    several = table["condition"].nunique() > 1
    rows = tuple(
        (
            *([row.condition] if several else []),
            _LEVELS[row.level].lower(),
            row.by,
            row.stratum,
            interval(100 * row.covered, 100 * row.low, 100 * row.high),
            number(row.width, 2),
            count(row.n),
        )
        for row in table.fillna({"stratum": ""}).itertuples(index=False)
    )
    genes = read_table(path.with_name(path.name.replace(".coverage.", ".genes.")))
    unlike = genes.loc[genes["unlike"], "gene_id"].nunique()
    said = Text(
        f"{unlike:,} of {genes['gene_id'].nunique():,} genes have chromatin unlike that of the training "
        "genes: expect larger errors there than the interval says. Width is the mean of "
        "log2(high + 1) - log2(low + 1)."
    )
    heads = (
        *(["condition"] if several else []),
        *("level", "by", "group", "held (%)", "width", "number"),
    )
    return Section(
        "intervals", title, (Table("Measured values within their interval", heads, rows), said)
    )


def _shown_methods(scores: Scores) -> list[str]:
    rivals = {entry.baseline for entry in scores.summary.comparisons}
    return [scores.summary.method, *sorted(rivals), ATTAINABLE]


def _pooled(scores: Scores, condition: str, level: str) -> pd.DataFrame:
    table = scores.scores
    chosen = (table["condition"] == condition) & (table["level"] == level)
    chosen &= (table["counted"] == _COUNTED[level]) & (table["how"] == "pooled")
    return table[chosen & (table["by"] == "all") & (table["against"] == "")]


def _bars(scores: Scores, condition: str) -> list[Picture]:
    shown = []
    for level, words in _LEVELS.items():
        rows = _pooled(scores, condition, level)
        rows = rows[(rows["scale"] == _LOG) & (rows["metric"] == "pearson")]
        rows = rows.sort_values("value", ascending=False, kind="stable")
        fig, _ = score_bars(rows)
        told = "; ".join(
            f"{method_label(row.method)} {row.value:.3f}" for row in rows.itertuples(index=False)
        )
        shown.append(
            picture(
                fig,
                alt=f"Pearson r over {words.lower()} on log2(x + 1) by method: {told}",
                caption=f"{words}: bars with 95 % intervals.",
            )
        )
    return shown


def _table(scores: Scores, condition: str, level: str) -> Table:
    rows = _pooled(scores, condition, level)
    values = rows.set_index(["method", "scale", "metric"])[["value", "low", "high"]]
    order = rows[(rows["scale"] == _LOG) & (rows["metric"] == "pearson")]
    order = order.sort_values("value", ascending=False, kind="stable")["method"]
    errors = rows[rows["metric"] == "rmse"].drop_duplicates("scale").set_index("scale")["unit"]
    lines: list[Row] = []
    for method in order:
        cells = []
        for _, scale, metric in _COLUMNS:
            value, low, high = values.loc[(method, scale, metric)]
            with_interval = metric in _WITH_INTERVAL
            cells.append(interval(value, low, high) if with_interval else number(value))
        lines.append((method_label(method), *cells))
    return Table(
        f"{_LEVELS[level]}, with 95 % intervals; errors in {errors[_RAW]} and {errors[_LOG]}",
        ("method", *(head for head, _, _ in _COLUMNS)),
        tuple(lines),
    )


def _density(observed: np.ndarray, predicted: np.ndarray, subject: Subject) -> Picture:
    size = subject.spec.require_target().binning.size / 1000
    fig, ax = density(observed, predicted, points=f"{size:g} kb bins")
    told = ax.texts[0].get_text().replace("$", "").replace("\n", ", ")
    return picture(
        fig,
        alt=f"Predicted against observed signal of every bin of the {SPLIT} genes: {told}",
        caption="Every bin of every window.",
    )


def _curves(scores: Scores, condition: str) -> list[Picture]:
    genes = scores.genes[scores.genes["condition"] == condition]
    farthest = np.argsort(-genes["error"].abs().to_numpy(), kind="stable")[:_NAMED]
    names = genes["name"].fillna(genes["gene_id"]).tolist()
    points, ax = gene_scatter(
        genes["observed"].to_numpy(),
        genes["predicted"].to_numpy(),
        named={int(row): names[row] for row in farthest},
    )
    told = ax.texts[-1].get_text().replace("$", "").replace("\n", ", ")
    best = _best_rival(scores.summary.comparisons, condition)
    chosen = scores.calibration["method"].isin([scores.summary.method, best])
    chosen &= scores.calibration["condition"] == condition
    curve, _ = calibration_curve(scores.calibration[chosen])
    return [
        picture(
            points,
            alt=f"Predicted against observed mean of every gene: {told}",
            caption="The mean signal of every gene; those farthest off are named.",
        ),
        picture(
            curve,
            alt=f"Mean observed signal against predicted signal of the network and {method_label(best)}",
            caption="Calibration: below the dashed line a method promises too much.",
        ),
    ]


def _by_bin(scores: Scores, condition: str) -> Picture:
    best = _best_rival(scores.summary.comparisons, condition)
    chosen = scores.bins["method"].isin([scores.summary.method, best])
    rows = scores.bins[chosen & (scores.bins["condition"] == condition)]
    fig, _ = score_by_bin(rows)
    return picture(
        fig,
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
