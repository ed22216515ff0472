"""What a validation says, and the files that it is written to."""

from typing import Literal

import pandas as pd

from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.summary import Number, Score
from claster.settings import Record


class _Bar(Record):
    """A number with its 95 % interval, and its threshold: ``at least``, ``at most`` or ``above`` `bar`."""

    name: str
    value: Number
    low: Number = None
    high: Number = None
    rule: Literal["at least", "at most", "above"]
    bar: float

    @property
    def met(self) -> bool:
        """Whether it is reached; an undefined number reaches nothing."""
        if self.value is None:
            return False
        if self.rule == "at most":
            return self.value <= self.bar
        return self.value >= self.bar if self.rule == "at least" else self.value > self.bar


class Repression(Record):
    """What a run says of genes that lose the H3K27me3 around their TSS (`repression` in `summary.json`).

    `repressed` of `genes` are planted to gain by it. `spearman` and `spearman_of_repressed` are of predicted
    and planted effects, `share` is the sum of predicted over the sum of planted effects of the repressed,
    `auroc` that of the predicted effect telling them from the others, whose median effect (log2) is
    `median_of_others`, and `median_of_active` over those with a planted signal of at least 1.
    """

    screen: str
    genes: int
    repressed: int
    spearman: Score
    spearman_of_repressed: Score
    share: Score
    auroc: Score
    median_of_others: Number
    median_of_active: Number = None


class ValidationSummary(Record):
    """The result of `claster validate` (`summary.json`, format version 1).

    `pairs` to `bars` tell of links; a screen of H3K27me3 alone has none. `recovered_bp` and `stops_bp` are
    those of `distance_of_network`; `called_far` is the share of pairs from 50 kb on that are called at an FDR
    of 5 %; `contact` says what the activity-by-contact baseline took; `controls` is
    how many control regions were tested.
    """

    format: Literal[1] = 1
    verdict: str
    run: str
    perturbation: str
    attribution: str | None
    verb: str
    condition: str
    pairs: int = 0
    links: int = 0
    blocks: int = 0
    contact: str | None = None
    controls: int = 0
    recovered_bp: int = 0
    stops_bp: int | None = None
    called_far: Score | None = None
    bars: tuple[_Bar, ...] = ()
    repression: Repression | None = None


class ValidationFiles(ResultFolder):
    """The folder of a validation, ``<run>/validation/<name>``."""

    main = "pairs"
    pairs = ResultFile("pairs.parquet", "A pair of element and gene a row, with truth and scores.")
    scores = ResultFile("scores.csv", "AUROC and AUPRC of every predictor.")
    agreement = ResultFile("agreement.csv", "Predicted against planted effects by group.")
    curves = ResultFile("curves.parquet", "Points of ROC and precision-recall curves.")
    controls = ResultFile("control_p.csv", "The p-values of control regions.")
    tss = ResultFile("tss.bed", "TSSs around which H3K27me3 is taken away, as BED.")
    repression = ResultFile(
        "repression.csv", "Predicted and planted effect of each gene that loses H3K27me3."
    )


def bars_of(
    scores: pd.DataFrame, agreement: pd.DataFrame, control_p: float, *, called: Score | None = None
) -> tuple[_Bar, ...]:
    """Return the numbers that perturbation has to reach.

    Parameters
    ----------
    scores
        From `score_links`, relative to ``distance``; perturbation is ``perturbation``.
    agreement
        From `agreement`.
    called
        `called_far`, where nothing acts from 50 kb on.
    """
    near = agreement.set_index("group").loc["proximal"]
    area = scores.set_index(["predictor", "metric"]).loc[("perturbation", "auprc")]
    return (
        _Bar(
            name="Spearman of predicted and planted proximal effects",
            value=float(near["spearman"]),
            low=float(near["spearman_low"]),
            high=float(near["spearman_high"]),
            rule="at least",
            bar=0.8,
        ),
        _Bar(
            name="AUPRC of perturbation over that of distance",
            value=float(area["ratio"]),
            low=float(area["ratio_low"]),
            high=float(area["ratio_high"]),
            rule="at least",
            bar=2.0,
        ),
        _Bar(
            name="Kolmogorov-Smirnov p of control regions",
            value=float(control_p),
            rule="above",
            bar=0.01,
        ),
        *([_called(called)] if called else []),
    )


def _called(share: Score) -> _Bar:
    return _Bar(
        name="share of pairs from 50 kb on called at FDR 5 %, where nothing acts so far away",
        value=share.value,
        low=share.low,
        high=share.high,
        rule="at most",
        bar=0.05,
    )


def tell_bars(bars: tuple[_Bar, ...]) -> list[str]:
    """Return the numbers against their thresholds, one a line, those that are missed first.

    Examples
    --------
    >>> tell_bars((_Bar(name="KS p", value=0.5, rule="above", bar=0.01),))
    ['met: KS p 0.5 (threshold: above 0.01)']
    """
    lines = []
    for bar in sorted(bars, key=lambda bar: bar.met):
        known = bar.low is not None and bar.high is not None
        interval = f", {bar.low:.2f} to {bar.high:.2f}" if known else ""
        value = "undefined" if bar.value is None else f"{bar.value:.3g}"
        lines.append(
            f"{'met' if bar.met else 'MISSED'}: {bar.name} {value}{interval} "
            f"(threshold: {bar.rule} {bar.bar:g})"
        )
    return lines
