"""The folder of a result of a run: its files by name, and how a result is written."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pandas as pd
from pydantic import BaseModel

from claster.files import atomic_path, write_text


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

    def write(self, summary: BaseModel, **tables: pd.DataFrame) -> None:
        """Write tables by the names of their files (Parquet or CSV), and then the summary."""
        for name, table in tables.items():
            path = getattr(self, name)
            with atomic_path(path) as partial:
                if path.suffix == ".parquet":
                    table.to_parquet(partial)
                else:
                    table.to_csv(partial, index=False)
        write_text(self.summary, summary.model_dump_json(indent=2) + "\n")
