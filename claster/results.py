"""What an analysis left in its folder: tables, figures, and a summary."""

from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from claster.errors import ClasterError
from claster.project import as_html, shown_path

_TABLES = (".parquet", ".csv", ".tsv")
_SHOWN = (".png", ".svg")


class Results:
    """What an analysis left in its folder: tables, figures, and a summary.

    Parameters
    ----------
    main
        The table that `table` returns without a name.
    draw
        Draws the figures and returns their files; None where they are drawn already, or there are none.

    Examples
    --------
    >>> import claster
    >>> scores = claster.Run.open("runs/demo_tiny/profile-demo").evaluate()  # doctest: +SKIP
    >>> scores.tables  # doctest: +SKIP
    ['bins', 'calibration', 'genes', 'scores']
    >>> scores.summary["genes"]  # doctest: +SKIP
    17
    """

    def __init__(
        self, folder: Path, main: str, *, draw: Callable[[], list[Path]] | None = None
    ) -> None:
        self.folder = folder
        self.main = main
        self._draw = draw

    @property
    def tables(self) -> list[str]:
        """Names of the tables."""
        return sorted({path.stem for path in self._files(_TABLES)})

    def table(self, name: str | None = None) -> pd.DataFrame:
        """Return a table; None for the main one.

        Raises
        ------
        ClasterError
            If there is none of that name.
        """
        from claster.text import read_parquet, read_table

        wanted = name or self.main
        found = {path.suffix: path for path in self._files(_TABLES) if path.stem == wanted}
        if not found:
            raise ClasterError(
                f"{self.folder} holds no table {wanted!r}",
                remedy=f"choose among {', '.join(self.tables) or 'none'}",
            )
        if ".parquet" in found:  # its values are not rounded
            return read_parquet(found[".parquet"])
        return read_table(next(iter(found.values())))

    @cached_property
    def figures(self) -> list[Path]:
        """Files of the figures; they are drawn when they are asked for."""
        return self._draw() if self._draw else list(self._files(_SHOWN))

    @property
    def summary(self) -> dict[str, Any]:
        """What the summary says; empty where the analysis writes none."""
        from claster.text import read_json

        path = self.folder / "summary.json"
        return dict(read_json(path)) if path.is_file() else {}

    def _files(self, suffixes: tuple[str, ...]) -> Iterator[Path]:
        return (path for path in sorted(self.folder.iterdir()) if path.suffix in suffixes)

    def __repr__(self) -> str:
        """Name the folder and its tables."""
        return f"Results({shown_path(self.folder)}): tables {', '.join(self.tables)}"

    def _repr_html_(self) -> str:
        rows = {"folder": shown_path(self.folder), "tables": ", ".join(self.tables)}
        told = {name: self.summary[name] for name in ("verdict", "genes") if name in self.summary}
        rows |= {name: str(value) for name, value in told.items()}
        if counts := self._counts():
            rows["counts"] = counts
        table = self.table()
        rows[self.main] = f"{len(table):,} rows, {len(table.columns):,} columns; the first rows:"
        head = table.head().replace("", None).dropna(axis="columns", how="all").fillna("")
        return as_html("Results", rows) + head._repr_html_()

    def _counts(self) -> str:
        """Return what the record of a screen or attribution counted, but for what there is none of."""
        from claster.text import read_json

        path = self.folder / "manifest.json"
        counts = read_json(path).get("counts", {}) if path.is_file() else {}
        told = (f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items() if n)
        return ", ".join(told)
