"""The folder of a result of a run: its files by name."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar


class ResultFile:
    """A file of a result; an attribute of the class of its folder, read as the path below that folder."""

    def __init__(self, name: str, says: str) -> None:
        self.name = name
        self.__doc__ = says

    def __get__(self, result: "ResultFolder", _: type | None = None) -> Path:
        """Return where the file of a result lies."""
        return result.folder / self.name if result is not None else self


@dataclass(frozen=True)
class ResultFolder:
    """The folder of a result.

    Attributes
    ----------
    folder
        ``<run>/<kind of result>/<name>``.
    """

    folder: Path
    main: ClassVar[str] = ""

    summary = ResultFile(
        "summary.json", "Headline numbers, where the analysis writes them; written last."
    )
