"""The scores of a run as a table to read."""

import pandas as pd

__all__ = ["score_lines"]

_COLUMNS = [("bin", "pearson"), ("bin", "spearman"), ("gene", "pearson"), ("gene", "spearman")]


def score_lines(metrics: pd.DataFrame) -> list[str]:
    """Return the tidy table of `Evaluation` as lines, a method each, a block a condition."""
    lines: list[str] = []
    for condition, block in metrics.groupby("condition", sort=False):
        heads = " ".join(f"{f'{level} {statistic}':>15}" for level, statistic in _COLUMNS)
        lines.append(f"{condition!s:<14} {heads}")
        for method, rows in block.groupby("method", sort=False):
            values = rows.set_index(["level", "statistic"])["value"]
            numbers = " ".join(f"{values.loc[column]:15.3f}" for column in _COLUMNS)
            lines.append(f"{method!s:<14} {numbers}")
    return lines
