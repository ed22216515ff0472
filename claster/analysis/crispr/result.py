"""What a comparison with a CRISPR interference screen says, and the files that it is written to."""

from typing import Literal

import pandas as pd

from claster.analysis.folder import ResultFile, ResultFolder
from claster.settings import Record

_TOLD = ("perturbation", "distance", "activity / distance", "activity x contact", "abc")


class CrisprSummary(Record):
    """The result of `claster crispr` (`summary.json`, format version 1).

    `left_out` counts the table's rows that were not scored, by reason; `folds` says what thresholds were
    chosen on: the other chromosomes, or the other loci where regulated pairs lie on one chromosome.
    """

    format: Literal[1] = 1
    verdict: str
    run: str
    screen: str
    table: str
    rows: int
    scored: int
    regulated: int
    left_out: dict[str, int]
    contact: str
    folds: Literal["chromosomes", "loci"]


class CrisprFiles(ResultFolder):
    """The folder of a comparison, ``<run>/crispr/<name>``, or that of several folds."""

    main = "pairs"
    elements = ResultFile("elements.bed", "Elements of the table as BED.")
    pairs = ResultFile(
        "pairs.parquet", "Every row of the table, with its scores or the reason why it has none."
    )
    scores = ResultFile(
        "scores.csv",
        "AUROC, AUPRC and precision at 70 % recall of every predictor, by distance, screen and power.",
    )
    decisions = ResultFile(
        "decisions.csv", "Precision, recall and accuracy of yes-or-no predictions."
    )
    curves = ResultFile("curves.parquet", "Points of ROC and precision-recall curves.")


def tell_crispr(
    scores: pd.DataFrame, decisions: pd.DataFrame, scored: int, regulated: int, folds: str
) -> str:
    """Return the scores of all pairs, and of yes-or-no predictions, as sentences.

    Parameters
    ----------
    scores
        From `score_links`, with `subset` and `pairs` (``scored``, or the whole ``table``).
    decisions
        From `decide`.
    scored, regulated
        How many pairs were scored, and how many of them are regulated.
    """
    everything = scores[(scores["subset"] == "all") & (scores["pairs"] == "scored")]
    area = everything.set_index(["predictor", "metric"])
    names = [n for n in _TOLD if n in set(everything["predictor"])]
    share = regulated / scored
    lines = [
        f"{scored:,} pairs scored, {regulated:,} of them regulated (AUPRC by chance {share:.3f})."
    ]
    for metric, label in (
        ("auprc", "AUPRC"),
        ("auroc", "AUROC"),
        ("precision_at_recall", "Precision at 70 % recall"),
    ):
        told = [
            f"{name} {area.loc[(name, metric), 'value']:.3f} "
            f"({area.loc[(name, metric), 'low']:.3f} to {area.loc[(name, metric), 'high']:.3f})"
            for name in names
        ]
        lines.append(f"{label}: {', '.join(told)}.")
    by_name = decisions.set_index("predictor")
    told = [
        f"{name} {by_name.loc[name, 'precision']:.2f} / {by_name.loc[name, 'recall']:.2f}"
        for name in by_name.index
    ]
    lines.append(f"Precision / recall, thresholds from other {folds}: {', '.join(told)}.")
    return "\n".join(lines)
