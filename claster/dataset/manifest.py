"""What a built dataset was made from, so that it can be trusted and need not be made twice."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from claster.dataset.inventory import list_sources, read_sources
from claster.dataset.layout import DatasetFolders
from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.text import read_text
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
