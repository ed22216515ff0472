"""How a figure names and colours the methods that are scored."""

from claster.analysis.scored import ATTAINABLE
from claster.analysis.verdict import method_in_words
from claster.plot.style import OKABE_ITO

__all__ = ["method_colour", "method_label"]

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
