"""What a built dataset was made from, so that it need not be made twice, and whether its files still hold."""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from claster.dataset.inventory import list_sources, read_sources
from claster.dataset.layout import (
    CHECKSUMS,
    PARTS,
    STORE,
    VIEW_PREFIX,
    DatasetFolders,
    modalities,
    part_members,
    read_ids,
)
from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.progress import SILENT, Progress
from claster.text import read_text, text_lines
from claster.versions import versions

LIBRARIES = (
    "claster",
    "numpy",
    "numba",
    "isal",
    "pandas",
    "pybigtools",
    "bioframe",
    "cooler",
    "hictkpy",
    "scipy",
)
"""Packages that make the numbers of a build."""

_WITHOUT_EFFECT = {
    "description",
    "data",
    "simulation",
    "example_gene",
    "downloads",
    "elements",
    "genome",
}
"""Keys of a dataset that change no byte of a build."""

_SEAL = "manifest.sha256"
_LISTED_ELSEWHERE = {CHECKSUMS, _SEAL, "manifest.json"}


class _SourceFile(BaseModel):
    """A source file as it was when read."""

    path: str
    bytes: int
    modified_ns: int
    sha256: str


class Manifest(BaseModel):
    """The record of a build (`inputs/<dataset>/manifest.json`, format version 3).

    `scales` tells how large the values of each track are around training genes, before any transform (those
    of the dataset that `scales_from` names, if it names one); `genes_padded` counts kept genes whose windows
    leave their chromosome, and `genes_uncompared` those of which the FASTA does not hold the sequence, or
    hardly anything but repeats; `checksums` is the SHA-256 of the list of checksums in each folder.
    """

    format: Literal[3] = 3
    dataset: DatasetSpec
    sources: dict[str, _SourceFile]
    versions: dict[str, str]
    genes_in: int
    genes_kept: dict[str, int]
    genes_dropped: dict[str, int]
    genes_padded: int = 0
    genes_uncompared: int = 0
    shared_bp: dict[str, int]
    contacts_missing_mean: float | None
    scales: dict[str, SignalScale]
    checksums: dict[str, str]

    @property
    def sequences_compared(self) -> bool:
        """Whether a FASTA told, of every gene, which genes of different splits have one sequence."""
        return "genome" in self.sources and not self.genes_uncompared


def fingerprint(spec: DatasetSpec) -> dict[str, _SourceFile]:
    """Return size, time and SHA-256 of every source file."""
    return {
        source.label: _SourceFile(
            path=str(source.path),
            bytes=source.path.stat().st_size,
            modified_ns=source.path.stat().st_mtime_ns,
            sha256=sha256(source.path),
        )
        for source in read_sources(spec)
    }


def build_plan(spec: DatasetSpec, *, divisors: Sequence[float]) -> str:
    """Return, as JSON, everything that the bytes of a build depend on; sources by path, size and time."""
    sources = {
        source.label: [str(source.path), source.path.stat().st_size, source.path.stat().st_mtime_ns]
        for source in read_sources(spec)
    }
    dataset = spec.model_dump(mode="json", exclude=_WITHOUT_EFFECT)
    plan = {
        "dataset": dataset,
        "divisors": list(divisors),
        "sources": sources,
        "versions": versions(LIBRARIES),
    }
    return json.dumps(plan, indent=1)


def read_manifest(folders: DatasetFolders) -> Manifest | None:
    """Return the manifest of a built dataset, or None where there is none.

    Raises
    ------
    ClasterError
        If there is one that cannot be read.
    """
    if not folders.manifest.is_file():
        return None
    try:
        return Manifest.model_validate_json(read_text(folders.manifest))
    except ValidationError as error:
        raise ClasterError(
            f"{folders.manifest} is not a manifest of this version ({error.error_count()} faults)",
            remedy="build the dataset again with --force",
        ) from error


def require_manifest(folders: DatasetFolders) -> Manifest:
    """Return the manifest of a built dataset, or raise `ClasterError` where there is none."""
    folders.require_built()
    manifest = read_manifest(folders)
    assert manifest is not None
    return manifest


def differences(manifest: Manifest, spec: DatasetSpec) -> list[str]:
    """Return what has changed since a dataset was built; empty when it can be used as it is.

    A source file counts as the same when path, size and time agree; where only path or time differ,
    its SHA-256 decides. A FASTA counts where the build read one and one is there now.
    """
    changed = [
        f"'{key}' of the dataset"
        for key in DatasetSpec.model_fields
        if key not in _WITHOUT_EFFECT and getattr(manifest.dataset, key) != getattr(spec, key)
    ]
    files = {source.label: source.path for source in read_sources(spec)}
    optional = {source.label for source in list_sources(spec) if not source.built}
    unread = optional & (files.keys() ^ manifest.sources.keys())
    for name in sorted((files.keys() | manifest.sources.keys()) - unread):
        path, record = files.get(name), manifest.sources.get(name)
        if path is None or record is None or not path.is_file() or not _same(path, record):
            changed.append(name)
    return changed


def _same(path: Path, record: _SourceFile) -> bool:
    stat = path.stat()
    if stat.st_size != record.bytes:
        return False
    return (str(path) == record.path and stat.st_mtime_ns == record.modified_ns) or sha256(
        path
    ) == record.sha256


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


def verify_dataset(folders: DatasetFolders, *, progress: Progress = SILENT) -> dict[Path, str]:
    """Read every file of a built dataset and compare it with what was built.

    Returns
    -------
    dict of Path to str
        Files that are not as they were built: ``changed``, ``missing`` or ``extra``; an altered list of
        checksums is among them.

    Raises
    ------
    ClasterError
        If the dataset is not built or torn, or has no checksums.
    """
    listed = folders.targets / CHECKSUMS
    if not folders.is_torn or (
        # Targets that are as their own list says: whole, if of another build.
        listed.is_file() and not _compare(folders.targets, sha256(listed), SILENT)
    ):
        folders.require_built()
    seal = folders.inputs / _SEAL
    if not seal.is_file():
        raise ClasterError(
            f"{folders.inputs} has no checksums",
            remedy=f"run 'claster data build {folders.name} --force'",
        )
    if read_text(seal) != _seal_of(folders.manifest):
        return {folders.manifest: "changed"}
    manifest = read_manifest(folders)
    assert manifest is not None
    found: dict[Path, str] = {}
    for part, folder in (("inputs", folders.inputs), ("targets", folders.targets)):
        found |= _compare(folder, manifest.checksums[part], progress)
    return found or _compare_parts(folders, manifest.dataset)


def _seal_of(manifest: Path) -> str:
    return f"{sha256(manifest)}  {manifest.name}\n"


def _compare(folder: Path, listed: str, progress: Progress) -> dict[Path, str]:
    """Compare the files of a folder with their list, whose SHA-256 is `listed`."""
    path = folder / CHECKSUMS
    if not path.is_file():
        return {path: "missing"}
    if sha256(path) != listed:
        return {path: "changed"}
    wanted = read_checksums(folder)
    there = {file.as_posix() for file in _files(folder)}
    common = sorted(wanted.keys() & there)
    found = dict.fromkeys(wanted.keys() - there, "missing")
    found |= dict.fromkeys(there - wanted.keys(), "extra")
    with (
        progress.step(f"verify {folder}", len(common)) as step,
        ThreadPoolExecutor(os.process_cpu_count()) as pool,
    ):
        digests = pool.map(lambda file: sha256(folder / file), common)
        for file, digest in zip(common, digests, strict=True):
            step.advance()
            if digest != wanted[file]:
                found[file] = "changed"
    return {folder / file: found[file] for file in sorted(found, key=Path)}


def _compare_parts(folders: DatasetFolders, spec: DatasetSpec) -> dict[Path, str]:
    """Compare the splits' folders with their lists; call it once store and lists are known to hold."""
    found: dict[Path, str] = {}
    for modality in modalities(spec):
        store = folders.arrays(modality, STORE)
        for part in PARTS:
            folder = folders.arrays(modality, part)
            samples = [s for split in part_members(part) for s in read_ids(folders, split)]
            wanted = {f"{sample}.npy" for sample in samples}
            there = {entry.name for entry in os.scandir(folder)} if folder.is_dir() else set()
            both = sorted(wanted & there)
            changed = [name for name in both if not _is_same(folder / name, store / name)]
            found |= {folder / name: "missing" for name in sorted(wanted - there)}
            found |= {folder / name: "extra" for name in sorted(there - wanted)}
            found |= {folder / name: "changed" for name in changed}
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
