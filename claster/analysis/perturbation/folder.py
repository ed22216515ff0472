"""The folder of a screen: what lies in it, and which screen it belongs to."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from claster.analysis.perturbation.parts import PartStore
from claster.analysis.perturbation.record import Identity
from claster.errors import ClasterError
from claster.files import write_text
from claster.text import read_record

__all__ = ["ScreenFiles", "claim_folder"]


@dataclass(frozen=True)
class ScreenFiles:
    """The folder of a screen.

    Attributes
    ----------
    folder
        ``runs/<dataset>/<flavour>/perturb/<name>``.
    """

    folder: Path

    @property
    def identity(self) -> Path:
        """What the screen is made from; written first."""
        return self.folder / "screen.json"

    @property
    def manifest(self) -> Path:
        """The record; written last, so its presence says that the screen is whole."""
        return self.folder / "manifest.json"

    @property
    def effects(self) -> Path:
        """The table of effects."""
        return self.folder / "effects.parquet"

    @property
    def controls(self) -> Path:
        """The table of control regions and their effects."""
        return self.folder / "controls.parquet"

    @property
    def profiles(self) -> Path:
        """Predicted profiles before and after each edit, where they were asked for."""
        return self.folder / "profiles.parquet"

    @property
    def parts(self) -> PartStore:
        """Plan and parts of a screen that is not whole yet."""
        return PartStore(self.folder / "parts")


def claim_folder(files: ScreenFiles, identity: Identity, *, force: bool, shard: str | None) -> bool:
    """Take a folder for a screen, and tell whether the screen is there already.

    Parameters
    ----------
    files
        The folder.
    identity
        The screen.
    force
        Whether what is there gives way.
    shard
        The shard, if it is one.

    Raises
    ------
    ClasterError
        If the folder holds another screen, or a shard shall replace one.
    """
    if force and shard:
        raise ClasterError(
            "a shard cannot replace a screen, other shards may be at work on it",
            remedy=f"remove {files.folder} before the first shard starts",
        )
    if force:
        shutil.rmtree(files.folder, ignore_errors=True)
    begun = files.parts.plan.is_file() or files.manifest.is_file()
    if begun and files.identity.is_file():
        there = read_record(
            files.identity,
            Identity,
            kind="the record of a screen of this version",
            remedy="pass --force to replace it, or choose another --name",
        )
        if there != identity:
            raise ClasterError(
                f"{files.folder} holds another screen ({', '.join(_differences(there, identity))} differ)",
                remedy="choose another --name, or pass --force to replace it",
            )
        return files.manifest.is_file()
    write_text(files.identity, identity.model_dump_json(indent=2) + "\n")
    return False


def _differences(there: Identity, here: Identity) -> list[str]:
    """Return the names of what differs, settings by their own names."""
    old, new = there.model_dump(), here.model_dump()
    old |= old.pop("settings")
    new |= new.pop("settings")
    return [name for name in old if old[name] != new[name]]
