"""Figures and image files as pictures that lie within the page itself."""

import base64
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image, UnidentifiedImageError

from claster.errors import ClasterError
from claster.plot import style
from claster.report.page import Picture

__all__ = ["picture", "picture_of_file"]

_DPI = 144
_CSS_DPI = 96
_COLOURS = 255
_WIDEST_FILE = 1400


def picture(fig: Figure, *, alt: str, caption: str = "") -> Picture:
    """Return a figure as a picture; the same figure gives the same bytes.

    Parameters
    ----------
    fig
        The figure.
    alt
        What it shows, for those who do not see it.
    caption
        What stands below it.
    """
    drawn = BytesIO()
    with style():
        fig.savefig(drawn, format="png", dpi=_DPI, metadata={"Software": None})
    width, height = fig.get_size_inches() * _CSS_DPI
    with Image.open(drawn) as image:
        return _within(image, round(width), round(height), alt=alt, caption=caption)


def picture_of_file(path: Path, *, alt: str, caption: str = "") -> Picture:
    """Return a PNG file as a picture, made smaller where it is very wide.

    Raises
    ------
    ClasterError
        If it is no image.
    """
    try:
        with Image.open(path) as image:
            image.load()
            small = image.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise ClasterError(f"{path} is no image", remedy="remove it or draw it again") from error
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
