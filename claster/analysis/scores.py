"""The scores of a run as lines to read."""

import pandas as pd

__all__ = ["score_lines"]

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
    return f"{value:.3f} ({low:.3f}-{high:.3f})"
