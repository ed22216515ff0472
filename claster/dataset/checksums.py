"""The SHA-256 of every file of a built dataset, and whether they still hold."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claster.dataset.layout import (
    CHECKSUMS,
    PARTS,
    SPLITS,
    STORE,
    VIEW_PREFIX,
    DatasetFolders,
    modalities,
    part_members,
    read_ids,
)
from claster.dataset.manifest import read_manifest
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.progress import SILENT, Progress, Step
from claster.text import read_text, text_lines

_SEAL = "manifest.sha256"
_LISTED_ELSEWHERE = {CHECKSUMS, _SEAL, "manifest.json"}


@dataclass(frozen=True)
class _Mismatch:
    """A file that is not as it was built: another content, gone, or never built."""

    path: Path
    how: Literal["changed", "missing", "extra"]


def write_checksums(folder: Path, *, known: Mapping[str, str] | None = None) -> str:
    """Write the list of a folder's files and their SHA-256, and return the SHA-256 of the list.

    Parameters
    ----------
    folder
        A folder whose files are whole; splits' parts of the store and views are left out.
    known
        SHA-256 of files that need not be read, by their names below the folder.
    """
    known = known or {}
    digests = {
        file.as_posix(): known.get(file.as_posix()) or sha256(folder / file)
        for file in _files(folder)
    }
    text = "".join(f"{digest}  {file}\n" for file, digest in digests.items())
    (folder / CHECKSUMS).write_text(text, encoding="utf-8")
    return hashlib.sha256(text.encode()).hexdigest()


def read_checksums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a folder, by its name below it, as `write_checksums` listed them."""
    lines = text_lines(folder / CHECKSUMS)
    return {line[66:]: line[:64] for line in lines}


def seal_manifest(manifest: Path) -> None:
    """Write the SHA-256 of a manifest, which names those of the lists of checksums, beside it."""
    manifest.with_name(_SEAL).write_text(_seal_of(manifest), encoding="utf-8")


def verify_dataset(folders: DatasetFolders, *, progress: Progress = SILENT) -> list[_Mismatch]:
    """Read every file of a built dataset and compare it with what was built.

    Returns
    -------
    list of Mismatch
        Empty when every byte is as it was built; an altered list of checksums is among them.

    Raises
    ------
    ClasterError
        If the dataset is not built or torn, or has no checksums.
    """
    if not folders.is_torn or _fits_its_list(folders.targets):
        folders.require_built()
    seal = folders.inputs / _SEAL
    if not seal.is_file():
        raise ClasterError(
            f"{folders.inputs} has no checksums",
            remedy=f"run 'claster data build {folders.name} --force'",
        )
    if read_text(seal) != _seal_of(folders.manifest):
        return [_Mismatch(folders.manifest, "changed")]
    manifest = read_manifest(folders)
    assert manifest is not None
    found: list[_Mismatch] = []
    for part, folder in (("inputs", folders.inputs), ("targets", folders.targets)):
        found += _compare(folder, manifest.checksums[part], progress)
    return found or _compare_parts(folders, manifest.dataset)


def _fits_its_list(folder: Path) -> bool:
    """Tell whether a folder is as its own list says: then it is whole, if of another build."""
    path = folder / CHECKSUMS
    return path.is_file() and not _compare(folder, sha256(path), SILENT)


def _seal_of(manifest: Path) -> str:
    return f"{sha256(manifest)}  {manifest.name}\n"


def _compare(folder: Path, listed: str, progress: Progress) -> list[_Mismatch]:
    path = folder / CHECKSUMS
    if not path.is_file():
        return [_Mismatch(path, "missing")]
    if sha256(path) != listed:
        return [_Mismatch(path, "changed")]
    wanted = {Path(file): digest for file, digest in read_checksums(folder).items()}
    there = set(_files(folder))
    common = sorted(wanted.keys() & there)
    with progress.step(f"verify {folder}", len(common)) as step:
        digests = dict(zip(common, _digests(folder, common, step), strict=True))
    mismatches: dict[Path, Literal["changed", "missing", "extra"]] = {
        **{file: "changed" for file, digest in digests.items() if digest != wanted[file]},
        **dict.fromkeys(wanted.keys() - there, "missing"),
        **dict.fromkeys(there - wanted.keys(), "extra"),
    }
    return [_Mismatch(folder / file, mismatches[file]) for file in sorted(mismatches)]


def _compare_parts(folders: DatasetFolders, spec: DatasetSpec) -> list[_Mismatch]:
    """Compare the splits' folders with their lists; call it once store and lists are known to hold."""
    found: list[_Mismatch] = []
    for modality in modalities(spec):
        store = folders.arrays(modality, STORE)
        for part in PARTS:
            folder = folders.arrays(modality, part)
            wanted = {
                f"{sample}.npy"
                for split in SPLITS
                if split in part_members(part)
                for sample in read_ids(folders, split)
            }
            there = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
            found += [_Mismatch(folder / name, "missing") for name in sorted(wanted - there)]
            found += [_Mismatch(folder / name, "extra") for name in sorted(there - wanted)]
            found += [
                _Mismatch(folder / name, "changed")
                for name in sorted(wanted & there)
                if not _is_same(folder / name, store / name)
            ]
    return found


def _is_same(path: Path, stored: Path) -> bool:
    """Tell whether a part shows a stored file; after a copy of the folders it may hold its own."""
    return path.is_file() and (path.samefile(stored) or sha256(path) == sha256(stored))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder outside its parts and views, relative to it, sorted."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in PARTS and not name.startswith(VIEW_PREFIX)
        )
        for name in sorted(names):
            path = (Path(root) / name).relative_to(folder)
            if path.as_posix() not in _LISTED_ELSEWHERE:
                yield path


def _digests(folder: Path, files: list[Path], step: Step) -> Iterator[str]:
    """Yield the SHA-256 of each file, several read at a time."""
    with ThreadPoolExecutor(os.process_cpu_count()) as pool:
        for digest in pool.map(lambda file: sha256(folder / file), files):
            step.advance()
            yield digest
