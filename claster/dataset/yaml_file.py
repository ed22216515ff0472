"""YAML files read with care: every key once, every word as it is written, and the line of each."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from claster.errors import ClasterError, one_line
from claster.text import read_text

Location = tuple[int | str, ...]
"""Keys and list positions that lead to a value, such as ``("tracks", 0, "file")``."""

_DEEPEST = 50
_MOST_NODES = 200_000
"""Beyond what any file of ours holds: aliases of aliases grow without bound, or lead back to themselves."""

_LONGEST_NUMBER = 100
_UNPRINTED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

_PREFIX = "tag:yaml.org,2002:"
_PLAIN = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": ("<<", ["<"]),
}
_TAGS = {_PREFIX + name for name in ("str", "seq", "map", *_PLAIN)}


class _Loader(yaml.SafeLoader):
    """Words mean what they mean in YAML 1.2.

    In YAML 1.1, which PyYAML reads, `no` and `off` are False, `010` is 8, `12:30` is 750, `2024-01-01` is
    a date and `1e3` is text: a chromosome or a track may be called so, and nobody means that.
    """

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own name, filled below


class Dumper(yaml.SafeDumper):
    """Quotes text that YAML 1.1 (EIR) or 1.2 (`read_yaml`) would take for something else (`no`, `1e3`)."""


for _name, (_pattern, _first) in _PLAIN.items():
    _matching = re.compile(f"(?:{_pattern})$")
    _Loader.add_implicit_resolver(_PREFIX + _name, _matching, _first)
    Dumper.add_implicit_resolver(_PREFIX + _name, _matching, _first)


def to_yaml(content: Any, *, dumper: type[Dumper] = Dumper, **options: Any) -> str:  # noqa: ANN401
    """Return plain content as YAML that EIR and `read_yaml` read alike, keys in their order.

    Parameters
    ----------
    content
        Of text, numbers, None, lists and mappings.
    dumper, options
        How it is laid out; see `yaml.dump`.
    """
    return yaml.dump(content, Dumper=dumper, sort_keys=False, **options)


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


def read_yaml(path: Path) -> tuple[Any, Places]:
    """Read a YAML file: what it holds, and the line of every key and list item.

    Words are read as YAML 1.2 has them (`no` is a word, `1e3` a number); anchors and merge keys count.

    Raises
    ------
    ClasterError
        If the file cannot be read or is not YAML, holds several documents, a key twice, a key or a value that
        is no plain one (a date is text), or more than a file of ours can hold.
    """
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: Path) -> tuple[Any, Places]:
    """Read YAML that is text already; `path` is what messages call it. See `read_yaml`."""
    loader = None
    try:
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None, Places(path, {})
        lines = dict(_checked(path, root))
        return loader.construct_document(root), Places(path, lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise ClasterError(
            f"{path}{line}: this is not YAML ({error.problem or error.context})",
            remedy="correct this line",
        ) from error
    except yaml.YAMLError as error:
        raise ClasterError(
            f"{path} is not YAML ({one_line(error)})", remedy="give a text file in YAML"
        ) from error
    except RecursionError:
        raise _too_deep(path) from None
    finally:
        if loader is not None:
            loader.dispose()


def read_keys(path: Path, *, remedy: str) -> tuple[dict[str, Any], Places]:
    """Read a YAML file that holds keys, as `read_yaml` does.

    Parameters
    ----------
    remedy
        What to do where it holds none.

    Raises
    ------
    ClasterError
        See `read_yaml`; also if the file is empty, or is a list or a single word.
    """
    content, places = read_yaml(path)
    if not isinstance(content, dict) or not content:
        seen = {list: ", but a list", dict: "", type(None): ""}.get(type(content), ", but a word")
        raise ClasterError(f"{path} holds no keys{seen}", remedy=remedy)
    return content, places


def _checked(path: Path, root: yaml.Node) -> Iterator[tuple[Location, int]]:
    """Yield the line of every key and item below a node, and refuse what has no plain meaning."""
    nodes: list[tuple[yaml.Node, Location]] = [(root, ())]
    seen = 0
    while nodes:
        node, location = nodes.pop()
        seen += 1
        line = node.start_mark.line + 1
        if len(location) > _DEEPEST:
            raise _too_deep(path)
        if seen > _MOST_NODES:
            raise ClasterError(
                f"{path} comes to more than {_MOST_NODES:,} values with its aliases written out",
                remedy="write the values out in place of anchors and aliases",
            )
        _require_meaning(path, node, line)
        if isinstance(node, yaml.SequenceNode):
            for position, value in enumerate(node.value):
                yield (*location, position), value.start_mark.line + 1
                nodes.append((value, (*location, position)))
        elif isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                name = _key(path, key, line)
                if name in first:
                    before = f"first in line {first[name]}" if first[name] < line else "in one line"
                    raise ClasterError(
                        f"{path}, line {line}: the key '{name}' is there twice, {before}",
                        remedy="keep one of the two",
                    )
                first[name] = line
                yield (*location, name), line
                nodes.append((value, (*location, name)))


def _require_meaning(path: Path, node: yaml.Node, line: int) -> None:
    kind = node.tag.removeprefix(_PREFIX)
    if node.tag not in _TAGS:
        raise ClasterError(
            f"{path}, line {line}: a value of the kind {kind}",
            remedy="write a plain word, number, list or keys",
        )
    if isinstance(node, yaml.ScalarNode) and _UNPRINTED.search(node.value):
        raise ClasterError(
            f"{path}, line {line}: {node.value[:20]!r} holds characters that cannot be printed",
            remedy="take them out",
        )
    if kind in _PLAIN and (
        not re.fullmatch(_PLAIN[kind][0], node.value) or len(node.value) > _LONGEST_NUMBER
    ):
        raise ClasterError(
            f"{path}, line {line}: {node.value[:20]!r} is no {kind}",
            remedy="write a plain number or word",
        )


def _key(path: Path, key: yaml.Node, line: int) -> str:
    if not isinstance(key, yaml.ScalarNode) or key.tag not in (_PREFIX + "str", _PREFIX + "merge"):
        seen = f"{key.value!r}" if isinstance(key, yaml.ScalarNode) else "a list or keys"
        raise ClasterError(
            f"{path}, line {line}: {seen} as a key", remedy="write a word before the colon"
        )
    _require_meaning(path, key, line)
    return str(key.value)


def _too_deep(path: Path) -> ClasterError:
    return ClasterError(
        f"{path} is nested more than {_DEEPEST} deep, or leads back into itself",
        remedy="take out brackets, anchors or aliases",
    )
