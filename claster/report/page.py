"""What a page is made of: sections of paragraphs, facts, tables, pictures and commands.

The template of a part is named after its class.
"""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image, UnidentifiedImageError

from claster.errors import ClasterError
from claster.plot import style
from claster.quoting import pasteable


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Lines:
    """Sentences, one a line."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Subtitle:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Lead:
    """The verdict: its first line stands out; `good` says whether it is good news."""

    lines: Sequence[str]
    good: bool


@dataclass(frozen=True)
class Missing:
    """Something that was not made yet, and the commands that make it."""

    text: str
    commands: Sequence[str] = ()


@dataclass(frozen=True)
class Command:
    """Command lines to copy."""

    lines: Sequence[str]


@dataclass(frozen=True)
class Code:
    """A file's text, folded away until it is opened."""

    title: str
    text: str


@dataclass(frozen=True)
class Facts:
    """Names and values; `large` shows few of them as figures that are seen first."""

    rows: Sequence[tuple[str, str]]
    large: bool = False


@dataclass(frozen=True)
class _Cell:
    """A cell of a table, what it is sorted by where that is no text, and small print below it."""

    text: str
    value: float | None = None
    note: str = ""


Row = tuple[_Cell | str, ...]
"""A row of a table."""


@dataclass(frozen=True)
class Table:
    """A table whose columns can be sorted; cells with a value are set as numbers."""

    caption: str
    heads: Sequence[str]
    rows: Sequence[Row]

    @property
    def cells(self) -> list[list[_Cell]]:
        """Every cell as `_Cell`, row by row."""
        return [
            [_Cell(cell) if isinstance(cell, str) else cell for cell in row] for row in self.rows
        ]

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers."""
        columns = zip(*self.cells, strict=True)
        numeric = [any(cell.value is not None for cell in column) for column in columns]
        return numeric or [False] * len(self.heads)


@dataclass(frozen=True)
class Picture:
    """An image within the page: its address holds its bytes; size in CSS pixels."""

    address: str
    width: int
    height: int
    alt: str
    caption: str = ""


@dataclass(frozen=True)
class Pictures:
    """Pictures side by side, where there is room."""

    pictures: Sequence[Picture]


Part = (
    Text | Lines | Subtitle | Lead | Missing | Command | Code | Facts | Table | Picture | Pictures
)


@dataclass(frozen=True)
class Section:
    """A section with an anchor."""

    anchor: str
    title: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Page:
    """The whole page."""

    title: str
    about: str
    sections: Sequence[Section]
    footer: str


def missing(text: str, *commands: Sequence[Path | str]) -> Missing:
    """Return a sentence on what was not made yet, with the commands (without `claster`) that make it."""
    return Missing(text, [pasteable(["claster", *command]) for command in commands])


def number(value: float | None, digits: int = 3) -> _Cell:
    """Return a number as a cell; undefined ones are a dash and sort last.

    Examples
    --------
    >>> number(0.12345)
    _Cell(text='0.123', value=0.12345, note='')
    """
    if value is None or math.isnan(value):
        return _Cell("–", -math.inf)  # noqa: RUF001
    return _Cell(f"{value:,.{digits}f}".replace("-", "−"), float(value))  # noqa: RUF001


def count(value: float) -> _Cell:
    """Return a whole number as a cell.

    Examples
    --------
    >>> count(12345).text
    '12,345'
    """
    return _Cell(f"{round(value):,}".replace("-", "−"), float(value))  # noqa: RUF001


def interval(value: float | None, low: float | None, high: float | None) -> _Cell:
    """Return a value with its interval as a cell, sorted by the value.

    Examples
    --------
    >>> interval(0.5, 0.4, 0.6)
    _Cell(text='0.500', value=0.5, note='0.400 to 0.600')
    """
    cell = number(value)
    if low is None or high is None or math.isnan(low) or math.isnan(high):
        return cell
    return _Cell(cell.text, cell.value, f"{number(low).text} to {number(high).text}")


_DPI = 144
_CSS_DPI = 96
_COLOURS = 255
_WIDEST_FILE = 1400


def picture(drawn: tuple[Figure, Any], *, alt: str, caption: str = "") -> Picture:
    """Return a figure, given with its axes, as a picture; `alt` tells those who do not see it."""
    fig, _ = drawn
    file = BytesIO()
    with style():
        fig.savefig(file, format="png", dpi=_DPI, metadata={"Software": None})
    width, height = fig.get_size_inches() * _CSS_DPI
    with Image.open(file) as image:
        return _within(image, round(width), round(height), alt=alt, caption=caption)


def picture_of_file(path: Path, *, alt: str, caption: str = "") -> Picture:
    """Return a PNG file as a picture, made smaller where it is very wide."""
    try:
        with Image.open(path) as image:
            image.load()
            small = image.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise ClasterError(
            f"{path} is not an image", remedy="remove it or draw it again"
        ) from error
    small.thumbnail((_WIDEST_FILE, _WIDEST_FILE * 4))
    ratio = _CSS_DPI / _DPI
    size = round(small.width * ratio), round(small.height * ratio)
    return _within(small, *size, alt=alt, caption=caption)


def _within(image: Image.Image, width: int, height: int, *, alt: str, caption: str) -> Picture:
    # A palette makes a figure three times smaller, and eyes do not see it.
    small = image.convert("RGB").quantize(
        _COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    )
    packed = BytesIO()
    small.save(packed, format="png", optimize=True)
    address = "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode("ascii")
    return Picture(address, width, height, alt, caption)
