"""What the network looks at: whatever figures and sentences an attribution left in the run's folder."""

from pathlib import Path

from claster.quoting import pasteable
from claster.report.page import Facts, Lines, Missing, Part, Pictures, Section, Subtitle
from claster.report.pictures import picture_of_file
from claster.report.subject import Subject
from claster.text import read_json

__all__ = ["attribution"]

_MOST_FIGURES = 12


def attribution(subject: Subject) -> Section:
    """Return the figures and the summary of each attribution."""
    title = "Attribution"
    folder = subject.run.path / "attributions"
    made = sorted(path.parent for path in folder.glob("*/manifest.json"))
    if not made:
        missing = Missing(
            "Nobody has asked yet what the network looks at.",
            (pasteable(["claster", "attribute", subject.name]),),
        )
        return Section("attribution", title, (missing,))
    parts: list[Part] = []
    for one in made:
        parts.append(Subtitle(one.name))
        parts += _summary(one / "summary.json")
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


def _summary(path: Path) -> list[Part]:
    """Return the sentences of a JSON object, or its names and values where it holds none."""
    if not path.is_file():
        return []
    content = read_json(path, remedy="make the attribution again")
    listed = [value for value in content.values() if isinstance(value, list)]
    sentences = [item for values in listed for item in values if isinstance(item, str)]
    if sentences:
        return [Lines(tuple(sentences))]
    plain = (str, int, float)
    facts = [
        (_words(key), str(value)) for key, value in content.items() if isinstance(value, plain)
    ]
    return [Facts(tuple(facts))] if facts else []


def _words(name: str) -> str:
    return name.replace("_", " ")
