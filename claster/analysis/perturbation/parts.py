"""Parts of a screen on disk: what a killed screen keeps, and what shards bring together."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.perturbation.measure import Measured
from claster.errors import ClasterError
from claster.files import atomic_path

__all__ = ["PartStore", "parse_shard"]

_SHARD = re.compile(r"(?P<number>\d+)/(?P<of>\d+)")


def parse_shard(shard: str) -> tuple[int, int]:
    """Return number and count of a shard ``i/n``.

    Raises
    ------
    ClasterError
        If it is none.

    Examples
    --------
    >>> parse_shard("2/4")
    (2, 4)
    """
    found = _SHARD.fullmatch(shard)
    if not found or not 1 <= int(found["number"]) <= int(found["of"]):
        raise ClasterError(f"{shard!r} is not a shard", remedy="give i/n, such as 1/4 to 4/4")
    return int(found["number"]), int(found["of"])


class PartStore:
    """The folder of a screen's plan and of its parts, each of which is whole or not there.

    Parameters
    ----------
    folder
        The folder; it is made when the plan is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def plan(self) -> Path:
        """The plan (parquet)."""
        return self._folder / "plan.parquet"

    @property
    def counts(self) -> Path:
        """What planning counted (JSON); it is written before the plan."""
        return self._folder / "counts.json"

    def has(self, part: int) -> bool:
        """Tell whether a part is there."""
        return self._effects(part).is_file()

    def write(self, part: int, measured: Measured, *, profiles: bool) -> None:
        """Write a part; its effects, by which it is known, last."""
        if profiles:
            with atomic_path(self._profiles(part)) as partial:
                measured.profiles.to_parquet(partial, index=False)
        with atomic_path(self._change(part)) as partial, partial.open("wb") as file:
            np.savez(file, windows=np.array(measured.windows, dtype=str), change=measured.change)
        with atomic_path(self._effects(part)) as partial:
            measured.effects.to_parquet(partial, index=False)

    def read_effects(self, parts: int) -> pd.DataFrame:
        """Return the effects of all parts, in their order; raise `ClasterError` where there is none."""
        tables = [pd.read_parquet(self._effects(part)) for part in range(parts)]
        filled = [table for table in tables if len(table)]
        if not filled:
            raise ClasterError(
                "none of the edits has a place: they would all leave their windows, or find no background",
                remedy="choose another verb, a smaller --shift or --locus, or fewer elements",
            )
        return pd.concat(filled, ignore_index=True)

    def read_profiles(self, parts: int) -> pd.DataFrame:
        """Return the profiles of all parts, in their order."""
        return pd.concat(
            [pd.read_parquet(self._profiles(part)) for part in range(parts)], ignore_index=True
        )

    def read_change(self, parts: int) -> tuple[list[str], np.ndarray]:
        """Return the windows with elements of all parts and their changes."""
        names: list[str] = []
        changes = []
        for part in range(parts):
            with np.load(self._change(part), allow_pickle=False) as held:
                names += held["windows"].tolist()
                changes.append(held["change"])
        return names, np.concatenate(changes)

    def remove(self) -> None:
        """Remove plan and parts."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _effects(self, part: int) -> Path:
        return self._folder / f"{part:05d}.effects.parquet"

    def _change(self, part: int) -> Path:
        return self._folder / f"{part:05d}.change.npz"

    def _profiles(self, part: int) -> Path:
        return self._folder / f"{part:05d}.profiles.parquet"
