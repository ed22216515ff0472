"""What a table of metrics says about the network, in sentences that do not flatter it."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

__all__ = ["CLEAR", "Outcome", "compare", "outcome", "verdict"]

CLEAR = 0.02
"""Difference in Pearson r from which a win counts as clear."""

Outcome = Literal["clear win", "narrow win", "tie", "mixed", "loss", "undefined"]

_RIVALS = {"ridge": "the ridge", "mean_profile": "the mean profile"}
_OVER = {"bin": "over bins", "gene": "over genes"}


@dataclass(frozen=True)
class _Pair:
    """The network and one rival, in one condition and at one level."""

    where: str
    network: float
    rival: float

    @property
    def defined(self) -> bool:
        return not (math.isnan(self.network) and math.isnan(self.rival))

    @property
    def lead(self) -> float:
        return round(_at_least_zero(self.network) - _at_least_zero(self.rival), 6)

    @property
    def numbers(self) -> str:
        return f"{_show(self.network)} against {_show(self.rival)} {self.where}"


def compare(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the network beside the others, an entry for each condition, level and statistic.

    Parameters
    ----------
    metrics
        The tidy table of `claster.analysis.evaluate.score`.

    Returns
    -------
    list of dict
        `condition`, `level`, `statistic`, `n`, the value of each method, `over_ridge` and
        `over_mean_profile` (network minus that method), `share_of_attainable` (network over
        attainable; only where the truth is known). What is undefined is None.
    """
    entries = []
    keys = ["condition", "level", "statistic", "n"]
    for names, rows in metrics.groupby(keys, sort=False):
        values = dict(zip(rows["method"], rows["value"], strict=True))
        entry = dict(zip(keys, names, strict=True)) | values
        for rival in _RIVALS:
            entry[f"over_{rival}"] = round(values["network"] - values[rival], 6)
        if "attainable" in values:
            attainable = values["attainable"]
            share = values["network"] / attainable if attainable > 0 else math.nan
            entry["share_of_attainable"] = round(share, 6)
        entries.append({key: _plain(value) for key, value in entry.items()})
    return entries


def outcome(comparisons: list[dict[str, Any]], rival: str) -> Outcome:
    """Return how the network stands against `rival` by Pearson r, in all conditions and levels.

    A correlation that is undefined or below 0 counts as 0, so that nothing wins by being ahead of
    a method that is worse than a constant.

    Parameters
    ----------
    comparisons
        From `compare`.
    rival
        "ridge" or "mean_profile".

    Returns
    -------
    str
        "clear win" (ahead by `CLEAR` or more everywhere), "narrow win" (ahead everywhere), "tie",
        "loss" (nowhere ahead), "mixed", or "undefined" (no correlation is defined).
    """
    leads = [pair.lead for pair in _pairs(comparisons, rival, "pearson")]
    if not leads:
        return "undefined"
    if min(leads) >= CLEAR:
        return "clear win"
    if min(leads) > 0:
        return "narrow win"
    if max(leads) > 0:
        return "mixed"
    return "loss" if min(leads) < 0 else "tie"


def verdict(comparisons: list[dict[str, Any]], *, genes: int, split: str) -> str:
    """Return the result in a few sentences, the worst news first.

    Parameters
    ----------
    comparisons
        From `compare`.
    genes
        Number of scored genes.
    split
        The split that they belong to.

    Returns
    -------
    str
        Sentences, the first about the method that does best against the network.
    """
    bad_news_first = ["mixed", "loss", "tie", "narrow win", "undefined", "clear win"]
    severity = {name: max(rank, 1) for rank, name in enumerate(bad_news_first)}
    rivals = sorted(_RIVALS, key=lambda rival: severity[outcome(comparisons, rival)])
    sentences = [_against(comparisons, rival) for rival in rivals]
    sentences += [_by_rank(comparisons, rival) for rival in rivals]
    sentences.append(_attainable(comparisons))
    counted = f"{genes} {split} gene{'s' if genes != 1 else ''}"
    sentences.append(
        f"Scored on {counted}, forward samples, log2(x+1), without confidence intervals."
    )
    return " ".join(sentence for sentence in sentences if sentence)


def _against(comparisons: list[dict[str, Any]], rival: str) -> str:
    name = _RIVALS[rival]
    pairs = _pairs(comparisons, rival, "pearson")
    numbers = f"Pearson r of the network {_list([pair.numbers for pair in pairs])}"
    ahead = _list([pair.where for pair in pairs if pair.lead > 0])
    behind = _list([pair.where for pair in pairs if pair.lead < 0])
    narrow = _list([pair.where for pair in pairs if pair.lead < CLEAR])
    match outcome(comparisons, rival):
        case "clear win":
            return f"The network beats {name} clearly: {numbers}."
        case "narrow win":
            return (
                f"The network is ahead of {name} by less than {CLEAR} {narrow}, too little to count"
                f" as a win: {numbers}."
            )
        case "tie":
            return f"The network is no better than {name}: {numbers}."
        case "loss":
            return f"{_capital(name)} beats the network: {numbers}."
        case "mixed" if behind:
            return (
                f"{_capital(name)} beats the network {behind}; the network is ahead {ahead}:"
                f" {numbers}."
            )
        case "mixed":
            return f"The network is ahead of {name} {ahead} only: {numbers}."
        case "undefined":
            return (
                f"The network cannot be compared with {name}: there are fewer than two values, or"
                " they do not vary."
            )


def _by_rank(comparisons: list[dict[str, Any]], rival: str) -> str:
    """Say where Spearman r contradicts a Pearson r that favours the network."""
    by_value = {pair.where: pair.lead for pair in _pairs(comparisons, rival, "pearson")}
    behind = [
        pair.numbers
        for pair in _pairs(comparisons, rival, "spearman")
        if pair.lead < 0 < by_value[pair.where]
    ]
    return f"By Spearman r {_RIVALS[rival]} is ahead: {_list(behind)}." if behind else ""


def _attainable(comparisons: list[dict[str, Any]]) -> str:
    shares = [
        f"{entry['share_of_attainable']:.1%} {_where(entry, comparisons)}"
        for entry in comparisons
        if entry["statistic"] == "pearson" and entry.get("share_of_attainable") is not None
    ]
    if not shares:
        return ""
    return (
        f"It reaches {_list(shares)} of the attainable Pearson r (the noise-free truth against the"
        " observed signal)."
    )


def _pairs(comparisons: list[dict[str, Any]], rival: str, statistic: str) -> list[_Pair]:
    pairs = [
        _Pair(_where(entry, comparisons), _number(entry["network"]), _number(entry[rival]))
        for entry in comparisons
        if entry["statistic"] == statistic
    ]
    return [pair for pair in pairs if pair.defined]


def _where(entry: dict[str, Any], comparisons: list[dict[str, Any]]) -> str:
    several = len({other["condition"] for other in comparisons}) > 1
    return _OVER[entry["level"]] + (f" in {entry['condition']}" if several else "")


def _plain(value: object) -> object:
    """Return what JSON can hold: None for NaN, Python numbers for numpy's."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _at_least_zero(r: float) -> float:
    return 0.0 if math.isnan(r) else max(r, 0.0)


def _show(r: float) -> str:
    return "undefined" if math.isnan(r) else f"{r:.3f}"


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
