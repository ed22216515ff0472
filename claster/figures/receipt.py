"""The receipt of a figure: its numbers, the files they come from, and what was published."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from claster.dataset.manifest import read_manifest
from claster.figures.base import PaperFigure
from claster.figures.context import Context
from claster.files import sha256, write_text
from claster.settings import Record
from claster.versions import versions

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
        value = float(chosen[number.column].iloc[0]) if len(chosen) else None
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
    """Write the table of a figure (``NAME.csv``) and its receipt (``NAME.receipt.json``).

    Parameters
    ----------
    command
        The command line that draws it.
    """
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
