"""What a validation says, and the files that it is written to."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from claster.analysis.summary import Number

__all__ = ["Bar", "ValidationFiles", "ValidationSummary", "bars_of", "tell_bars", "tell_distance"]


class Bar(BaseModel):
    """A number that a validation has to reach: `value` with its 95 % interval, `at_least` or `above`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    value: Number
    low: Number = None
    high: Number = None
    rule: Literal["at least", "above"]
    bar: float

    @property
    def met(self) -> bool:
        """Whether it is reached; an undefined number reaches nothing."""
        if self.value is None:
            return False
        return self.value >= self.bar if self.rule == "at least" else self.value > self.bar


class ValidationSummary(BaseModel):
    """The result of `claster validate` (`summary.json`, format version 1).

    `recovered_bp` and `stops_bp` are those of `distance_of_network`; `contact` says what the
    activity-by-contact baseline took; `controls` is how many control regions were tested.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    verdict: str
    run: str
    perturbation: str
    attribution: str | None
    verb: str
    condition: str
    pairs: int
    links: int
    blocks: int
    contact: str
    controls: int
    recovered_bp: int
    stops_bp: int | None
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class ValidationFiles:
    """The folder of a validation, ``<run>/validation/<name>``.

    `pairs` holds a pair of element and gene a row, `scores` AUROC and AUPRC, `agreement` predicted against
    planted effects by group, `curves` points of ROC and precision-recall curves, `controls` p-values of
    control regions.
    """

    folder: Path

    @property
    def summary(self) -> Path:
        """Numbers against their bars; written last."""
        return self.folder / "summary.json"

    @property
    def pairs(self) -> Path:
        """A pair of element and gene a row, with truth and scores."""
        return self.folder / "pairs.parquet"

    @property
    def scores(self) -> Path:
        """AUROC and AUPRC of every predictor."""
        return self.folder / "scores.csv"

    @property
    def agreement(self) -> Path:
        """Predicted against planted effects by group."""
        return self.folder / "agreement.csv"

    @property
    def curves(self) -> Path:
        """Points of ROC and precision-recall curves."""
        return self.folder / "curves.parquet"

    @property
    def controls(self) -> Path:
        """The p-values of control regions."""
        return self.folder / "control_p.csv"


def bars_of(scores: pd.DataFrame, agreement: pd.DataFrame, control_p: float) -> tuple[Bar, ...]:
    """Return the numbers that perturbation has to reach.

    Parameters
    ----------
    scores
        From `score_links`, relative to ``distance``; perturbation is ``perturbation``.
    agreement
        From `agreement`.
    control_p
        Of the Kolmogorov-Smirnov test.
    """
    near = agreement.set_index("group").loc["proximal"]
    area = scores.set_index(["predictor", "metric"]).loc[("perturbation", "auprc")]
    return (
        Bar(
            name="Spearman of predicted and planted proximal effects",
            value=float(near["spearman"]),
            low=float(near["spearman_low"]),
            high=float(near["spearman_high"]),
            rule="at least",
            bar=0.8,
        ),
        Bar(
            name="AUPRC of perturbation over that of distance",
            value=float(area["ratio"]),
            low=float(area["ratio_low"]),
            high=float(area["ratio_high"]),
            rule="at least",
            bar=2.0,
        ),
        Bar(
            name="Kolmogorov-Smirnov p of control regions",
            value=float(control_p),
            rule="above",
            bar=0.01,
        ),
    )


def tell_bars(bars: tuple[Bar, ...]) -> list[str]:
    """Return the numbers against their bars, one a line, those that are missed first.

    Examples
    --------
    >>> tell_bars((Bar(name="KS p", value=0.5, rule="above", bar=0.01),))
    ['met: KS p 0.5 (bar: above 0.01)']
    """
    lines = []
    for bar in sorted(bars, key=lambda bar: bar.met):
        known = bar.low is not None and bar.high is not None
        interval = f", {bar.low:.2f} to {bar.high:.2f}" if known else ""
        value = "undefined" if bar.value is None else f"{bar.value:.3g}"
        lines.append(
            f"{'met' if bar.met else 'MISSED'}: {bar.name} {value}{interval} (bar: {bar.rule} {bar.bar:g})"
        )
    return lines


def tell_distance(reached: int, stops: int | None) -> str:
    """Return at which distance the network stops, as a sentence.

    Examples
    --------
    >>> tell_distance(20_000, 50_000)
    'Planted effects are recovered up to 20 kb; at 50 kb and beyond the network does not see them.'
    """
    if stops is None:
        return f"Planted effects are recovered at every distance, the last class from {reached // 1000} kb."
    if not reached:
        return "Planted effects are recovered at no distance."
    return (
        f"Planted effects are recovered up to {reached // 1000} kb; at {stops // 1000} kb and beyond the "
        "network does not see them."
    )
