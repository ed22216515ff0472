"""The SHA-256 of every file of a built dataset, and whether they still hold."""

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claster.dataset.layout import VIEW_PREFIX, DatasetFolders
from claster.dataset.manifest import read_manifest
from claster.errors import ClasterError
from claster.files import sha256
from claster.progress import SILENT, Progress, Step

__all__ = ["CHECKSUMS", "Mismatch", "seal_manifest", "verify_dataset", "write_checksums"]

CHECKSUMS = "checksums.sha256"
"""Name of the list in each folder; `sha256sum -c` reads it too."""

_SEAL = "manifest.sha256"
_LISTED_ELSEWHERE = {CHECKSUMS, _SEAL, "manifest.json"}


@dataclass(frozen=True)
class Mismatch:
    """A file that is not as it was built: another content, gone, or never built."""

    path: Path
    how: Literal["changed", "missing", "extra"]


def write_checksums(folder: Path, *, progress: Progress = SILENT) -> str:
    """Write the list of a folder's files and their SHA-256, and return the SHA-256 of the list.

    Parameters
    ----------
    folder
        A folder whose files are whole; links are left out.
    progress
        Where to report to.
    """
    files = list(_files(folder))
    with progress.step(f"hashing {folder.parent.name}", len(files)) as step:
        lines = [
            f"{digest}  {file.as_posix()}\n"
            for file, digest in zip(files, _digests(folder, files, step), strict=True)
        ]
    text = "".join(lines)
    (folder / CHECKSUMS).write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def seal_manifest(manifest: Path) -> None:
    """Write the SHA-256 of a manifest, which names those of the lists of checksums, beside it."""
    manifest.with_name(_SEAL).write_text(_seal_of(manifest), encoding="utf-8")


def verify_dataset(folders: DatasetFolders, *, progress: Progress = SILENT) -> list[Mismatch]:
    """Read every file of a built dataset and compare it with what was built.

    Parameters
    ----------
    folders
        The dataset's folders.
    progress
        Where to report to.

    Returns
    -------
    list of Mismatch
        Empty when every byte is as it was built; an altered list of checksums is among them.

    Raises
    ------
    ClasterError
        If the dataset is not built, or has no checksums.
    """
    folders.require_built()
    seal = folders.inputs / _SEAL
    if not seal.is_file():
        raise ClasterError(
            f"{folders.inputs} has no checksums",
            remedy=f"run 'claster data build {folders.name} --force'",
        )
    if seal.read_text(encoding="utf-8") != _seal_of(folders.manifest):
        return [Mismatch(folders.manifest, "changed")]
    manifest = read_manifest(folders)
    assert manifest is not None
    found: list[Mismatch] = []
    for part, folder in (("inputs", folders.inputs), ("targets", folders.targets)):
        found += _compare(folder, manifest.checksums[part], progress)
    return found


def _seal_of(manifest: Path) -> str:
    return f"{sha256(manifest)}  {manifest.name}\n"


def _compare(folder: Path, listed: str, progress: Progress) -> list[Mismatch]:
    path = folder / CHECKSUMS
    if not path.is_file():
        return [Mismatch(path, "missing")]
    if sha256(path) != listed:
        return [Mismatch(path, "changed")]
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = {Path(line[66:]): line[:64] for line in lines}
    there = set(_files(folder))
    common = sorted(wanted.keys() & there)
    with progress.step(f"verify {folder}", len(common)) as step:
        digests = dict(zip(common, _digests(folder, common, step), strict=True))
    mismatches: dict[Path, Literal["changed", "missing", "extra"]] = {
        **{file: "changed" for file, digest in digests.items() if digest != wanted[file]},
        **dict.fromkeys(wanted.keys() - there, "missing"),
        **dict.fromkeys(there - wanted.keys(), "extra"),
    }
    return [Mismatch(folder / file, mismatches[file]) for file in sorted(mismatches)]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder that are no links and in no view, relative to it, sorted."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(VIEW_PREFIX))
        for name in sorted(names):
            path = Path(root) / name
            if (
                not path.is_symlink()
                and path.relative_to(folder).as_posix() not in _LISTED_ELSEWHERE
            ):
                yield path.relative_to(folder)


def _digests(folder: Path, files: list[Path], step: Step) -> Iterator[str]:
    """Yield the SHA-256 of each file, several read at a time."""
    with ThreadPoolExecutor(os.process_cpu_count()) as pool:
        for digest in pool.map(lambda file: sha256(folder / file), files):
            step.advance()
            yield digest
