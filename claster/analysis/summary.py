"""The scores of an evaluation in numbers and in sentences."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import numpy as np
import pandas as pd
from pydantic import BeforeValidator, Field

from claster.analysis.bootstrap import Resamples
from claster.analysis.statistics import with_interval
from claster.settings import Record

_COLUMNS = [
    ("bin", "once", "pearson"),
    ("bin", "once", "spearman"),
    ("gene", "all", "pearson"),
    ("gene", "all", "spearman"),
]
_WIDTH = 22


def score_lines(scores: pd.DataFrame) -> list[str]:
    """Return the main scores as lines, a method each, a block a condition.

    Parameters
    ----------
    scores
        `claster.analysis.tables.Tables.scores`. Shown are correlations on log2(x + 1) with their 95 %
        intervals: over bins (each kilobase once, pooled) and over genes.
    """
    chosen = (scores["against"] == "") & (scores["by"] == "all") & (scores["how"] == "pooled")
    table = scores[chosen & (scores["scale"] == "log2(x+1)")]
    wide = max(table["method"].str.len().max() + 2, 16)
    lines: list[str] = []
    for condition, block in table.groupby("condition", sort=False):
        heads = "".join(f"{f'{level} {metric}':>{_WIDTH}}" for level, _, metric in _COLUMNS)
        lines.append(f"{condition!s:<{wide}}{heads}")
        for method, rows in block.groupby("method", sort=False):
            values = rows.set_index(["level", "counted", "metric"])[["value", "low", "high"]]
            cells = (_cell(*values.loc[column]) for column in _COLUMNS)
            lines.append(f"{method!s:<{wide}}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells))
    return lines


def _cell(value: float, low: float, high: float) -> str:
    return f"{value:.3f}" if math.isnan(low) else f"{value:.3f} ({low:.3f}-{high:.3f})"


def _none_if_undefined(value: object) -> object:
    return None if isinstance(value, float) and math.isnan(value) else value


Number = Annotated[float | None, BeforeValidator(_none_if_undefined)]


class Score(Record):
    """A value and its 95 % interval; null where it is undefined."""

    value: Number
    low: Number
    high: Number

    @classmethod
    def of(
        cls, measure: Callable[..., float], *columns: np.ndarray, resamples: Resamples
    ) -> "Score":
        """Return a measure of columns with its interval (`with_interval`)."""
        value, low, high = with_interval(measure, *columns, resamples=resamples)
        return cls(value=float(value), low=low, high=high)

    @classmethod
    def of_row(cls, row: Mapping[str, float] | pd.Series, name: str = "") -> "Score":
        """Return `value`, `low` and `high` of a row; or `name`, `name_low` and `name_high`."""
        columns = [name, f"{name}_low", f"{name}_high"] if name else ["value", "low", "high"]
        value, low, high = (row[column] for column in columns)
        return cls(value=value, low=low, high=high)

    def told(self, *, digits: int = 3) -> str:
        """Return the score as text (`interval_text`)."""
        return interval_text(self.value, self.low, self.high, digits=digits)


class Comparison(Record):
    """The network beside the best simple method, by Pearson r of log2(x + 1).

    At bin level each kilobase counts once and all points are pooled. `beats` says whether the paired
    interval of the difference lies above 0; it is null where there is no interval. `share` is the
    network's r over the noise ceiling, on simulated genomes.
    """

    condition: str
    level: Literal["bin", "gene"]
    network: Score
    baseline: str
    baseline_score: Score
    difference: Score
    beats: bool | None
    share: Score | None


class BaselineFits(Record):
    """What the simple methods were fitted on, and what the validation genes chose, by condition."""

    training_genes: int
    validation_genes: int
    training_rows: int
    ridge_penalty: dict[str, float]
    boosting_trees: dict[str, int]


class Directions(Record):
    """The share of genes whose predicted change between two cells has the sign of the measured one.

    Of `genes` genes that change by `least` or more, in log2(x + 1) of their mean; by the network, by the
    marks within 2 kb of the TSS, and their paired `difference`.
    """

    condition: str
    least: float
    genes: int
    network: Score
    promoter_marks: Score
    difference: Score


class EvaluationSummary(Record):
    """The result of `claster evaluate`.

    `times_counted` is how often a kilobase of the scored genome is counted where every bin of every
    window is. `shared_bp` are bases of scored input windows that lie in training windows,
    `sequences_compared` tells whether the build left out training genes with a copy of a scored gene's
    sequence (None: an older evaluation), `worst` the genes with the greatest RMSE over their windows.
    `directions` is of the genes of other cells that the run's own dataset holds too.
    """

    format: Literal[1] = 1
    verdict: str
    method: Literal["network", "ensemble"]
    runs: tuple[str, ...]
    datasets: tuple[str, ...]
    split: Literal["train", "valid", "test"]
    genes: int = Field(ge=1)
    blocks: int = Field(ge=1)
    block_length: int = Field(gt=0, description="bp")
    resamples: int = Field(gt=0)
    confidence: float
    seed: int
    times_counted: float
    shared_bp: int
    sequences_compared: bool | None = None
    comparisons: tuple[Comparison, ...]
    worst: tuple[str, ...]
    baselines: tuple[BaselineFits, ...]
    directions: tuple[Directions, ...] = ()


def evaluation_schema() -> str:
    """Return the JSON Schema (draft 2020-12) of `summary.json` as text, the same for the same code."""
    schema = EvaluationSummary.model_json_schema(mode="serialization") | {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "CLASTER evaluation",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


_OVER = {"bin": "over bins", "gene": "over genes"}
_WORDS = {
    "mean_profile": "the mean profile",
    "nearest_tss": "the distance to the nearest TSS",
    "ridge": "the ridge",
    "boosting": "the boosted trees",
    "attainable": "the noise ceiling",
    "training_cell": "the training cells' own profiles",
}
_FEW_BLOCKS = 10


def verdict(
    comparisons: Sequence[Comparison],
    *,
    main: str,
    genes: int,
    blocks: int,
    split: str,
    shared_bp: int = 0,
    sequences_compared: bool = True,
) -> str:
    """Return the result as lines, the worst news first.

    Parameters
    ----------
    main
        ``network`` or ``ensemble``.
    genes, blocks, split
        What was scored.
    shared_bp, sequences_compared
        See `claster.analysis.prepare.Prepared`.
    """
    wins = [entry for entry in comparisons if entry.beats]
    losses = [entry for entry in comparisons if not entry.beats]
    several = len({entry.condition for entry in comparisons}) > 1
    lines = []
    for entries, outcome in ((losses, "does not beat"), (wins, "beats")):
        if entries:
            where = _list([_where(entry, several=several) for entry in entries])
            lines.append(f"The {main} {outcome} the best simple method {where}.")
            lines += [_numbers(entry, several=several) for entry in entries]
    shares = [
        f"{entry.share.value:.1%} ({entry.share.low:.1%} to {entry.share.high:.1%})"
        f" {_where(entry, several=several)}"
        for entry in comparisons
        if entry.share and None not in (entry.share.value, entry.share.low, entry.share.high)
    ]
    if shares:
        lines.append(f"Share of the noise ceiling (Pearson r): {_list(shares)}.")
    if split == "train":
        lines.append("These genes were trained on: the scores say nothing about other genes.")
    if shared_bp:
        lines.append(
            f"{shared_bp:,} bp of the scored input windows lie in training windows: the network has"
            " seen them."
        )
    if split != "train" and not sequences_compared:
        lines.append(
            "Whether training genes have copies of these genes' sequence is not known: the build had no"
            " FASTA, or one without the sequence of some genes."
        )
    if blocks < _FEW_BLOCKS:
        lines.append(
            f"There are only {blocks} blocks of genes that do not overlap: intervals are rough."
        )
    lines.append(
        f"Pearson r of log2(x + 1), 95 % intervals; {genes} {split} genes in {blocks} blocks, forward"
        " samples, each kilobase once."
    )
    return "\n".join(lines)


def direction_lines(found: Sequence[Directions]) -> list[str]:
    """Return the share of genes with the right direction between cells as sentences."""
    several = len({entry.condition for entry in found}) > 1
    lines = []
    for entry in found:
        which = " at least twofold" * bool(entry.least) + f" in {entry.condition}" * several
        lines.append(
            f"Of {entry.genes:,} genes that change{which}, the network tells the direction of"
            f" {_show(entry.network)}, promoter marks of {_show(entry.promoter_marks)},"
            f" difference {_show(entry.difference)}."
        )
    return lines


def method_in_words(method: str) -> str:
    """Return how a sentence names a method.

    Examples
    --------
    >>> method_in_words("H3K27ac_at_bin")
    'H3K27ac at the bin'
    """
    if method.endswith("_at_bin"):
        return f"{method.removesuffix('_at_bin')} at the bin"
    return _WORDS.get(method, method)


def _numbers(entry: Comparison, *, several: bool) -> str:
    where = _where(entry, several=several).removeprefix("over ")
    rival = f"{method_in_words(entry.baseline)} {_show(entry.baseline_score)}"
    return (
        f"{where[0].upper()}{where[1:]}: r {_show(entry.network)} against {rival}, difference"
        f" {_show(entry.difference)}."
    )


def _where(entry: Comparison, *, several: bool) -> str:
    return _OVER[entry.level] + (f" in {entry.condition}" if several else "")


def _show(score: Score) -> str:
    unsure = score.value is not None and None in (score.low, score.high)
    return score.told() + " (no interval)" * unsure


def interval_text(
    value: float | None, low: float | None, high: float | None, *, digits: int = 3
) -> str:
    """Return a score as text, with its interval where it has one.

    Examples
    --------
    >>> interval_text(0.5, 0.25, 0.75, digits=2), interval_text(0.5, None, None)
    ('0.50 (0.25 to 0.75)', '0.500')
    """
    if value is None:
        return "undefined"
    if low is None or high is None:
        return f"{value:.{digits}f}"
    return f"{value:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
