"""All figures by name, and how they are drawn into files with tables and receipts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from claster.dataset.manifest import read_manifest
from claster.eir.run import train
from claster.eir.runs import run_views
from claster.errors import ClasterError
from claster.figures import (
    attributions,
    edits,
    human,
    inputs,
    performance,
    sequence,
    silencing,
    tutorial,
)
from claster.figures.base import COLUMNS, Columns, Page, PaperFigure
from claster.figures.context import Context
from claster.files import sha256, write_text
from claster.plot import save
from claster.progress import SILENT, Progress
from claster.settings import Record
from claster.versions import versions

_CHAPTERS = (tutorial, performance, silencing, inputs, edits, attributions, human, sequence)


def _place(figure: PaperFigure) -> tuple[int, int, str]:
    digits = "".join(letter for letter in figure.name if letter.isdigit())
    return "TFSR".index(figure.name[0]), int(digits), figure.name


_FOUND = [found for chapter in _CHAPTERS for found in vars(chapter).values()]
_FIGURES = {
    figure.name: figure
    for figure in sorted((found for found in _FOUND if isinstance(found, PaperFigure)), key=_place)
}
"""Every figure by name: tutorial, main text, supplement, revisions."""


def _find_figure(name: str) -> PaperFigure:
    """Return the figure of that name."""
    if name not in _FIGURES:
        raise ClasterError(f"no figure {name!r}", remedy=f"choose one of {', '.join(_FIGURES)}")
    return _FIGURES[name]


def draw_figure(
    context: Context, name: str, *, columns: Columns = 2, progress: Progress = SILENT
) -> tuple[Figure, pd.DataFrame]:
    """Draw a figure for a number of journal columns; what it needs and takes minutes is made first.

    Returns
    -------
    figure : matplotlib.figure.Figure
    table : pandas.DataFrame
        Its numbers.

    Raises
    ------
    ClasterError
        If there is no such figure, or it lacks something; the remedy names the command.
    """
    figure = _find_figure(name)
    _make_needs(figure, context, progress)
    for error in _missing(figure, context):
        raise error
    drawn, _, table = figure.draw(context, Page(columns))
    return drawn, table


def _missing(figure: PaperFigure, context: Context) -> list[ClasterError]:
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
    for figure in _FIGURES.values():
        row = {
            "figure": figure.name,
            "shows": figure.title,
            "needs": "; ".join(need.what for need in figure.needs),
        }
        if context is not None:
            row["missing"] = "; ".join(error.remedy for error in _missing(figure, context))
        rows.append(row)
    return pd.DataFrame(rows)


_PACKAGES = ("claster", "eir-dl", "torch", "numpy", "pandas", "scipy", "matplotlib")
_PUBLISHED_TARGET = "GSE146326"


class _InputFile(Record):
    """A file that a figure was drawn from."""

    path: str
    bytes: int
    sha256: str


class _Comparison(Record):
    """A published number beside ours.

    `found` is None where the figure's table has no such row (a flavour that was not trained).
    """

    quantity: str
    published: float
    found: float | None
    difference: float | None
    source: str


class Receipt(Record):
    """What `NAME.receipt.json` holds (format version 1).

    `same_data` tells whether the dataset is the published one; differences from published numbers mean
    nothing on another one.
    """

    format: int = 1
    figure: str
    title: str
    about: str
    dataset: str
    runs: tuple[str, ...]
    command: str
    table: str
    table_sha256: str
    rows: int
    inputs: tuple[_InputFile, ...]
    versions: dict[str, str]
    same_data: bool
    published: tuple[_Comparison, ...]


@dataclass(frozen=True)
class _Made:
    """What came of drawing: receipts of the drawn figures, and by name the commands that others need."""

    folder: Path
    receipts: tuple[Receipt, ...]
    missing: dict[str, list[str]]


def draw_figures(
    context: Context,
    names: Sequence[str] = (),
    *,
    to: Path | None = None,
    columns: Sequence[Columns] = COLUMNS,
    make: bool = False,
    progress: Progress = SILENT,
) -> _Made:
    """Draw figures as PDF, SVG and PNG for one and two journal columns, with table and receipt.

    The files of a figure are ``NAME.1col.pdf`` and so on, ``NAME.csv`` and ``NAME.receipt.json``.

    Parameters
    ----------
    names
        Which figures; none takes every one that can be drawn.
    to
        The folder; default: `_figures_folder`.
    columns
        Journal columns.
    make
        Whether what is missing and takes minutes is made first: predictions, scores, screens,
        attributions; of a simulated dataset, where all figures are asked for, a run with contact maps.

    Raises
    ------
    ClasterError
        If a figure that is named does not exist, or lacks something; the remedy names the command.
    """
    to = to or _figures_folder(context)
    chosen = [_find_figure(name) for name in names] or list(_FIGURES.values())
    if make and not names:
        context = _with_contact_run(context, progress)
    receipts, without = [], {}
    with progress.step("figures", len(chosen)) as step:
        for figure in chosen:
            step.describe(figure.name)
            if make:
                _make_needs(figure, context, progress)
            lacking = _missing(figure, context)
            if lacking and names:
                raise ClasterError(f"{figure.name}: {lacking[0].found}", remedy=lacking[0].remedy)
            if lacking:
                without[figure.name] = [error.remedy for error in lacking]
            else:
                receipts.append(_draw(figure, context, to, columns))
            step.advance()
    return _Made(to, tuple(receipts), without)


def _figures_folder(context: Context) -> Path:
    """Return where figures go unless told otherwise: ``runs/<dataset>/figures_of_the_paper``."""
    return context.spec.project / "runs" / context.spec.name / "figures_of_the_paper"


def renew_receipt(
    context: Context, name: str, *, to: Path | None = None
) -> tuple[Receipt, bool | None]:
    """Compute the table of a figure again and write it with its receipt.

    Parameters
    ----------
    context, to
        See `draw_figures`.

    Returns
    -------
    receipt : Receipt
    same : bool or None
        Whether the table that was there had the same bytes; None where there was none.

    Raises
    ------
    ClasterError
        If there is no such figure, or it lacks something; the remedy names the command.
    """
    figure = _find_figure(name)
    if lacking := _missing(figure, context):
        raise ClasterError(f"{name}: {lacking[0].found}", remedy=lacking[0].remedy)
    to = to or _figures_folder(context)
    path = to / f"{name}.csv"
    before = path.read_bytes() if path.is_file() else None
    _, _, table = figure.draw(context, Page())
    receipt = write_receipt(figure, context, table, to=to, command=_command(name, context))
    return receipt, None if before is None else before == path.read_bytes()


def _draw(figure: PaperFigure, context: Context, to: Path, columns: Sequence[Columns]) -> Receipt:
    for number in columns:
        fig, _, table = figure.draw(context, Page(number))
        for suffix in (".pdf", ".svg", ".png"):
            save(fig, to / f"{figure.name}.{number}col{suffix}", dpi=300)
    return write_receipt(figure, context, table, to=to, command=_command(figure.name, context))


def _command(name: str, context: Context) -> list[str]:
    every = (*context.runs, *context.sequence_runs)
    runs = [word for run in every for word in ("--run", run.path.as_posix())]
    return ["claster", "figures", name, "--dataset", context.dataset, *runs]


def _with_contact_run(context: Context, progress: Progress) -> Context:
    """Return the context with a run that takes contact maps, trained where the dataset is simulated."""
    spec = context.spec
    if spec.simulation is None or spec.contacts is None or spec.contacts.map != "diagonal":
        return context
    if any("contacts" in run_views(run) for run in context.runs):
        return context
    run = train(
        "profile_microc",
        spec,
        dataset_yaml=context.dataset,
        tag="figures",
        resume=True,
        progress=progress,
    )
    return replace(context, runs=(*context.runs, run))


def _make_needs(figure: PaperFigure, context: Context, progress: Progress) -> None:
    """Make what a figure lacks and takes minutes: predictions, scores, screens, attributions."""
    for need in figure.needs:
        if need.make is not None:
            try:
                need.find(context)
            except ClasterError:
                need.make(context, progress)


def _table_text(table: pd.DataFrame) -> str:
    """Return a table as CSV; numbers have six significant digits."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n")


def _input_files(figure: PaperFigure, context: Context) -> tuple[_InputFile, ...]:
    """Return the files that a figure needs, hashed, each once.

    Source files of the dataset keep the SHA-256 of its manifest while size and time are those of the
    build.
    """
    manifest = read_manifest(context.folders)
    hashed = {file.path: file for file in manifest.sources.values()} if manifest else {}
    found = {}
    for path in (path for need in figure.needs for path in need.find(context)):
        stat, told = path.stat(), hashed.get(str(path))
        same = told and (told.bytes, told.modified_ns) == (stat.st_size, stat.st_mtime_ns)
        found[path.as_posix()] = _InputFile(
            path=path.as_posix(),
            bytes=stat.st_size,
            sha256=told.sha256 if told and same else sha256(path),
        )
    return tuple(found.values())


def _compare_published(figure: PaperFigure, table: pd.DataFrame) -> tuple[_Comparison, ...]:
    """Return the published numbers of a figure beside those of its table.

    Of several rows (runs of one flavour) the first one counts.
    """
    found = []
    for number in figure.published:
        chosen = table[(table[list(number.where)] == pd.Series(number.where)).all(axis=1)]
        value = float(chosen["value"].iloc[0]) if len(chosen) else None
        found.append(
            _Comparison(
                quantity=", ".join(number.where.values()),
                published=number.value,
                found=None if value is None else round(value, 6),
                difference=None if value is None else round(value - number.value, 6),
                source=number.source,
            )
        )
    return tuple(found)


def write_receipt(
    figure: PaperFigure, context: Context, table: pd.DataFrame, *, to: Path, command: Sequence[str]
) -> Receipt:
    """Write the table of a figure (``NAME.csv``) and its receipt (``NAME.receipt.json``)."""
    path = to / f"{figure.name}.csv"
    write_text(path, _table_text(table))
    files = [str(file) for condition in context.target.conditions for file, _ in condition.strands]
    receipt = Receipt(
        figure=figure.name,
        title=figure.title,
        about=figure.about,
        dataset=context.spec.name,
        runs=tuple(run.path.as_posix() for run in (*context.runs, *context.sequence_runs)),
        command=" ".join(command),
        table=path.name,
        table_sha256=sha256(path),
        rows=len(table),
        inputs=_input_files(figure, context),
        versions=versions(_PACKAGES),
        same_data=any(_PUBLISHED_TARGET in file for file in files),
        published=_compare_published(figure, table),
    )
    write_text(to / f"{figure.name}.receipt.json", receipt.model_dump_json(indent=2) + "\n")
    return receipt
