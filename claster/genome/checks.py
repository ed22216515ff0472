"""Whether a table keeps its rules, and which row breaks one."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from claster.errors import ClasterError

__all__ = ["Rule", "check_table"]

type Rule = tuple[pd.Series, str, str]


def check_table(
    table: pd.DataFrame,
    columns: Sequence[str],
    rules: Callable[[pd.DataFrame], Iterable[Rule]],
    *,
    named: str,
    raise_errors: bool,
) -> bool:
    """Tell whether a table has its columns and no row breaks a rule.

    Parameters
    ----------
    table
        The table.
    columns
        Columns that it must have.
    rules
        Given the table, for each rule: which rows break it, what such a row is, and what to do.
    named
        What the table is called in messages.
    raise_errors
        Whether a fault raises instead of returning False.

    Raises
    ------
    ClasterError
        On the first fault, with the row.
    """
    found, remedy = "", "add it"
    missing = [column for column in columns if column not in table]
    if missing:
        found = f"no column {', '.join(missing)}"
    else:
        for broken, fault, what_to_do in rules(table):
            if broken.any():
                row = int(broken.to_numpy().argmax()) + 1
                found, remedy = f"{fault} (row {row:,} of {len(table):,})", what_to_do
                break
    if found and raise_errors:
        raise ClasterError(f"{named}: {found}", remedy=remedy)
    return not found
