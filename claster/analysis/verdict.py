"""What the scores say about the network, in sentences that do not flatter it."""

import math
from collections.abc import Sequence

import pandas as pd

from claster.analysis.summary import Comparison, Score

__all__ = ["compare", "method_in_words", "verdict"]

_PRIMARY = {"bin": "once", "gene": "all"}
_OVER = {"bin": "over bins", "gene": "over genes"}
_WORDS = {
    "mean_profile": "the mean profile",
    "nearest_tss": "the distance to the nearest TSS",
    "ridge": "the ridge",
    "boosting": "the boosted trees",
}
_FEW_BLOCKS = 10


def compare(scores: pd.DataFrame, *, main: str, baselines: Sequence[str]) -> list[Comparison]:
    """Return the network beside the best simple method, for each condition and level.

    The best one has the highest Pearson r on the scored genes themselves, which favours it.

    Parameters
    ----------
    scores
        `claster.analysis.tables.Tables.scores`.
    main
        The network's name among the methods.
    baselines
        Names of the simple methods.
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
            difference = _score(rows.loc[("pearson", main, best)])
            share = ("share_of_attainable", main, "")
            found.append(
                Comparison(
                    condition=condition,
                    level=level,
                    network=_score(rows.loc[("pearson", main, "")]),
                    baseline=best,
                    baseline_score=_score(rows.loc[("pearson", best, "")]),
                    difference=difference,
                    beats=None if difference.low is None else difference.low > 0,
                    share=_score(rows.loc[share]) if share in rows.index else None,
                )
            )
    return found


def verdict(
    comparisons: Sequence[Comparison],
    *,
    main: str,
    genes: int,
    blocks: int,
    split: str,
    shared_bp: int = 0,
) -> str:
    """Return the result as lines, the worst news first.

    Parameters
    ----------
    comparisons
        From `compare`.
    main
        ``network`` or ``ensemble``.
    genes, blocks
        How many were scored.
    split
        The split that they belong to.
    shared_bp
        Bases of the scored input windows that lie in training windows.
    """
    name = f"The {main}"
    wins = [entry for entry in comparisons if entry.beats]
    losses = [entry for entry in comparisons if not entry.beats]
    several = len({entry.condition for entry in comparisons}) > 1
    lines = []
    if losses:
        where = _list([_where(entry, several=several) for entry in losses])
        lines.append(f"{name} does not beat the best simple method {where}.")
        lines += [_numbers(entry, several=several) for entry in losses]
    if wins:
        where = _list([_where(entry, several=several) for entry in wins])
        lines.append(f"{name} beats the best simple method {where}.")
        lines += [_numbers(entry, several=several) for entry in wins]
    shares = [
        f"{entry.share.value:.1%} ({entry.share.low:.1%} to {entry.share.high:.1%})"
        f" {_where(entry, several=several)}"
        for entry in comparisons
        if entry.share and None not in (entry.share.value, entry.share.low, entry.share.high)
    ]
    if shares:
        lines.append(f"Share of the attainable Pearson r: {_list(shares)}.")
    if split == "train":
        lines.append("These genes were trained on: the scores say nothing about other genes.")
    if shared_bp:
        lines.append(
            f"{shared_bp:,} bp of the scored input windows lie in training windows: the network has"
            " seen them."
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
    if score.value is None:
        return "undefined"
    if score.low is None or score.high is None:
        return f"{score.value:.3f} (no interval)"
    return f"{score.value:.3f} ({score.low:.3f} to {score.high:.3f})"


def _score(row: pd.Series) -> Score:
    return Score(value=row["value"], low=row["low"], high=row["high"])


def _or_lowest(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _list(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
