"""One style for all figures, as a context, and how a figure becomes a file."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import matplotlib as mpl
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from claster.analysis.prepare import ATTAINABLE
from claster.analysis.summary import method_in_words
from claster.errors import ClasterError
from claster.files import atomic_path

OKABE_ITO = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky blue": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
}
"""Colours that colour-blind readers can tell apart (Okabe and Ito, 2008)."""

_TRACK_COLOURS = ("black", "vermillion", "blue", "green", "purple", "orange", "sky blue")

_SETTINGS: Any = {
    "axes.grid": False,
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.prop_cycle": cycler(color=[OKABE_ITO[name] for name in _TRACK_COLOURS]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.constrained_layout.h_pad": 0.05,
    "figure.constrained_layout.w_pad": 0.05,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.4,
    "pdf.fonttype": 42,
    "savefig.facecolor": "white",
    "svg.fonttype": "path",
    "svg.hashsalt": "claster",
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
}

_METADATA: dict[str, dict[str, None]] = {
    ".png": {"Software": None},
    ".svg": {"Date": None, "Creator": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the house style inside this context; the settings outside stay as they are.

    Every function of this package draws within it already. Use it for artists that you add.

    Examples
    --------
    >>> with style():
    ...     figure = Figure()
    """
    with mpl.rc_context():
        # A user's matplotlibrc would change the bytes of a figure.
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)
        yield


def track_colour(number: int) -> str:
    """Return the colour of the track in row `number` of a landscape."""
    return OKABE_ITO[_TRACK_COLOURS[number % len(_TRACK_COLOURS)]]


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` x `height` inches; call within `style`."""
    return Figure(figsize=(width, height), layout="constrained")


def figure_of(ax: Axes) -> Figure:
    """Return the figure that holds `ax`."""
    return cast("Figure", ax.get_figure(root=True))


@contextmanager
def canvas(ax: Axes | None, width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Draw on `ax` in the house style; None makes a figure of `width` x `height` inches."""
    with style():
        if ax is None:
            ax = new_figure(width, height).subplots()
        yield figure_of(ax), ax


def save(fig: Figure, path: Path | str, dpi: int = 150) -> Path:
    """Write a figure, whole or not at all; the same figure gives the same bytes.

    Parameters
    ----------
    path
        Where to; the suffix .png, .svg or .pdf chooses the format.
    dpi
        Dots per inch (of SVG and PDF: of the parts that are drawn as pixels).

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    ClasterError
        If the suffix is another one.
    """
    path = Path(path)
    if path.suffix not in _METADATA:
        raise ClasterError(
            f"cannot write a figure to {path}", remedy=f"end its name in {', '.join(_METADATA)}"
        )
    with style(), atomic_path(path) as partial:
        fig.savefig(partial, dpi=dpi, metadata=_METADATA[path.suffix])
    return path


def save_all(drawn: Mapping[str, tuple[Figure, Any]], folder: Path) -> list[Path]:
    """Write figures, each with its axes, as ``<folder>/<name>.png`` and return the files."""
    return [save(fig, folder / f"{name}.png") for name, (fig, _) in drawn.items()]


_OWN = {
    "network": "vermillion",
    "ensemble": "vermillion",
    "ridge": "blue",
    "boosting": "green",
    "mean_profile": "orange",
    "nearest_tss": "sky blue",
}
_TAKE_TURNS = ("purple", "yellow")
_GREY = "#767676"


def method_colour(method: str, number: int) -> str:
    """Return the colour of a method; those without one of their own take turns by `number`."""
    if method == ATTAINABLE:
        return _GREY
    return OKABE_ITO[_OWN.get(method, _TAKE_TURNS[number % len(_TAKE_TURNS)])]


def method_label(method: str) -> str:
    """Return the name of a method in a figure.

    Examples
    --------
    >>> method_label("nearest_tss")
    'distance to the nearest TSS'
    """
    return method_in_words(method).removeprefix("the ")
