"""All figures by name, and what is missing for each."""

import pandas as pd

from claster.errors import ClasterError
from claster.figures import (
    attributions,
    centred,
    comparison,
    edits,
    human,
    inputs,
    performance,
    sequence,
    silencing,
    states,
    tutorial,
)
from claster.figures.base import PaperFigure
from claster.figures.context import Context

__all__ = ["FIGURES", "find_figure", "list_figures", "missing"]

_ORDER = "TFSR"
_CHAPTERS = (
    tutorial,
    performance,
    states,
    silencing,
    comparison,
    inputs,
    centred,
    edits,
    attributions,
    human,
    sequence,
)


def _place(name: str) -> tuple[int, int, str]:
    digits = "".join(letter for letter in name[1:] if letter.isdigit())
    return _ORDER.index(name[0]), int(digits), name


FIGURES: dict[str, PaperFigure] = {
    figure.name: figure
    for figure in sorted(
        (figure for chapter in _CHAPTERS for figure in chapter.FIGURES),
        key=lambda figure: _place(figure.name),
    )
}
"""Every figure by name: tutorial, main text, supplement, revisions."""


def find_figure(name: str) -> PaperFigure:
    """Return the figure of that name.

    Raises
    ------
    ClasterError
        If there is none.
    """
    if name not in FIGURES:
        raise ClasterError(f"no figure {name!r}", remedy=f"choose one of {', '.join(FIGURES)}")
    return FIGURES[name]


def missing(figure: PaperFigure, context: Context) -> list[ClasterError]:
    """Return what a figure lacks; the remedy of each is the command that makes it."""
    found: dict[str, ClasterError] = {}
    for need in figure.needs:
        try:
            need.find(context)
        except ClasterError as error:
            found.setdefault(error.remedy, error)
    return list(found.values())


def list_figures(context: Context | None = None) -> pd.DataFrame:
    """Return all figures as a table.

    Parameters
    ----------
    context
        A dataset with its runs; None leaves out what is missing.

    Returns
    -------
    pandas.DataFrame
        `figure`, `shows`, `needs` and, with a context, `missing`: the commands that make it, in the
        order of the work, or nothing.
    """
    rows = []
    for figure in FIGURES.values():
        row = {
            "figure": figure.name,
            "shows": figure.title,
            "needs": "; ".join(need.what for need in figure.needs),
        }
        if context is not None:
            row["missing"] = "; ".join(error.remedy for error in missing(figure, context))
        rows.append(row)
    return pd.DataFrame(rows)
