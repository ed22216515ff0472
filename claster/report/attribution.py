"""What the network looks at: whatever figures and sentences an attribution left in the run's folder."""

import json
from collections.abc import Iterator
from pathlib import Path

from claster.errors import ClasterError
from claster.report.page import Facts, Missing, Part, Pictures, Section, Subtitle
from claster.report.pictures import picture_of_file
from claster.report.subject import Subject

__all__ = ["attribution"]

_MOST_FIGURES = 12
_MOST_FACTS = 30


def attribution(subject: Subject) -> Section:
    """Return the figures and the summary of each attribution."""
    title = "Attribution"
    folder = subject.run.path / "attributions"
    made = sorted(path.parent for path in folder.glob("*/manifest.json"))
    if not made:
        missing = Missing(
            "Nobody has asked yet what the network looks at.",
            (f"claster attribute {subject.name}",),
        )
        return Section("attribution", title, (missing,))
    parts: list[Part] = []
    for one in made:
        parts.append(Subtitle(one.name))
        facts = tuple(_facts(one / "summary.json"))
        if facts:
            parts.append(Facts(facts[:_MOST_FACTS]))
        figures = sorted((one / "figures").glob("*.png"))[:_MOST_FIGURES]
        pictures = tuple(
            picture_of_file(
                path, alt=f"{_words(path.stem)} ({one.name})", caption=_words(path.stem)
            )
            for path in figures
        )
        if pictures:
            parts.append(Pictures(pictures))
    return Section("attribution", title, tuple(parts))


def _facts(path: Path) -> Iterator[tuple[str, str]]:
    """Yield names and values of a JSON object, nested ones with the names that lead to them."""
    if not path.is_file():
        return
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ClasterError(f"{path} is no JSON", remedy="make the attribution again") from error
    yield from _flat("", content)


def _flat(name: str, content: object) -> Iterator[tuple[str, str]]:
    if isinstance(content, dict):
        for key, value in content.items():
            yield from _flat(f"{name}, {_words(key)}" if name else _words(key), value)
    elif isinstance(content, list):
        if all(isinstance(item, str) for item in content):
            yield name or "summary", "; ".join(content)
    elif isinstance(content, float):
        yield name, f"{content:.4g}"
    elif content is not None:
        yield name, str(content)


def _words(name: str) -> str:
    return name.replace("_", " ")
