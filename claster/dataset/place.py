"""Where in a YAML file something is written, so that errors can name the line."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

__all__ = ["Location", "Places", "places_in"]

Location = tuple[int | str, ...]
"""Keys and list positions that lead to a value, such as ``("tracks", 0, "file")``."""


@dataclass(frozen=True)
class Places:
    """The lines (1-based) of a YAML file by location."""

    path: Path
    lines: dict[Location, int]

    def of(self, location: Location) -> str:
        """Return file and line of `location`, or of the deepest part of it that is written there."""
        while location and location not in self.lines:
            location = location[:-1]
        return f"{self.path}, line {self.lines.get(location, 1)}"


def places_in(path: Path, text: str) -> Places:
    """Return the line of every key and list item of a YAML text.

    Parameters
    ----------
    path
        The file, for messages.
    text
        What it holds.

    Raises
    ------
    yaml.YAMLError
        If the text is not YAML.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    return Places(path, dict(_lines(root, ())) if root else {})


def _lines(node: yaml.Node, location: Location) -> Iterator[tuple[Location, int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            below = (*location, key.value)
            yield below, key.start_mark.line + 1
            yield from _lines(value, below)
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            below = (*location, position)
            yield below, value.start_mark.line + 1
            yield from _lines(value, below)
