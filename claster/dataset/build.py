"""Build a dataset: source files in, arrays and target tables out."""

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from claster.dataset.checksums import seal_manifest, write_checksums
from claster.dataset.choice import choose_genes
from claster.dataset.layout import SPLITS, DatasetFolders
from claster.dataset.manifest import (
    LIBRARIES,
    Manifest,
    differences,
    fingerprint,
    read_manifest,
)
from claster.dataset.scale import SignalScale, measure_scale
from claster.dataset.sources import Sources, open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.write import (
    link_train_valid,
    write_contacts,
    write_gene_tables,
    write_landscapes,
    write_targets,
)
from claster.errors import ClasterError
from claster.files import atomic_folder, require_disk
from claster.genome.selection import DROP_REASONS, GeneSelection
from claster.lock import lock_folder
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["BuildResult", "build_dataset"]

_CSV_BYTES_A_VALUE = 10


@dataclass(frozen=True)
class BuildResult:
    """A built dataset; `reused` tells whether it was there already and nothing had changed."""

    folders: DatasetFolders
    manifest: Manifest
    reused: bool


def build_dataset(
    spec: DatasetSpec,
    *,
    project: Path | str = ".",
    force: bool = False,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> BuildResult:
    """Write landscapes, contact maps, target tables, gene tables and the manifest of a dataset.

    Everything is checked before anything is written, and the folders appear under their names only
    when they are whole. A dataset that is there and whose sources and settings have not changed is
    left as it is.

    Parameters
    ----------
    spec
        The dataset.
    project
        The project's folder; `inputs/<name>` and `targets/<name>` are made in it.
    force
        Whether a dataset built from other settings or files is replaced.
    jobs
        On how many threads tracks are read; None: one a core that this process may use. The bytes
        written are the same for any number.
    progress
        Where the work reports to.

    Returns
    -------
    BuildResult

    Raises
    ------
    ClasterError
        If a source file is missing, damaged or of another assembly, no gene can be used, a split is
        empty, the folders hold another build, another command builds the dataset, or the disk is too
        small.
    """
    folders = DatasetFolders.of(spec, project=project)
    built = read_manifest(folders) if not force else None
    if built is not None:
        changed = differences(built, spec)
        if not changed:
            return BuildResult(folders, built, reused=True)
        raise ClasterError(
            f"{folders.inputs} exists and was built with another {', '.join(changed)}",
            remedy="pass --force to replace it, or give the dataset another name",
        )
    if not force:
        for folder in (folders.inputs, folders.targets):
            if folder.exists() and not _is_leftover(folder):
                raise ClasterError(
                    f"{folder} exists and was not made by a build",
                    remedy="move it away, or pass --force to replace it",
                )
    jobs = jobs or os.process_cpu_count() or 1
    with open_sources(spec) as sources, ThreadPoolExecutor(jobs) as threads:
        selection = choose_genes(spec, sources)
        _require_usable(selection, spec)
        _require_room(selection, spec, folders)
        lock = lock_folder(folders.inputs.parent, name=f".{spec.name}.lock")
        with lock, _both_folders(folders) as (inputs, targets):
            selection, missing = write_contacts(inputs, spec, sources, selection, progress)
            _require_usable(selection, spec)
            write_landscapes(inputs, spec, sources, selection.kept, progress, threads=threads)
            write_gene_tables(inputs, selection)
            link_train_valid(inputs, spec)
            write_targets(targets, spec, sources, selection.kept, progress, threads=threads)
            checksums = {
                "inputs": write_checksums(inputs, progress=progress),
                "targets": write_checksums(targets, progress=progress),
            }
            progress.say("hashing the source files")
            manifest = _manifest(spec, sources, selection, missing, checksums)
            written = inputs / folders.manifest.name
            written.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
            seal_manifest(written)
    return BuildResult(folders, manifest, reused=False)


def _require_usable(selection: GeneSelection, spec: DatasetSpec) -> None:
    if selection.kept.empty:
        counts = selection.dropped["reason"].value_counts()
        said = "; ".join(f"{n} because {DROP_REASONS[str(reason)]}" for reason, n in counts.items())
        raise ClasterError(
            f"dataset {spec.name!r}: none of {len(selection.dropped)} genes can be used ({said})",
            remedy="check 'genes', 'regions' and 'window' in the dataset YAML",
        )
    for split, rules in (("valid", spec.splits.valid), ("test", spec.splits.test)):
        if rules and not (selection.kept["split"] == split).any():
            raise ClasterError(
                f"dataset {spec.name!r}: no usable gene in the {split} split ({', '.join(rules)})",
                remedy=f"choose other chromosomes or regions for 'splits.{split}'",
            )


def _require_room(selection: GeneSelection, spec: DatasetSpec, folders: DatasetFolders) -> None:
    tracks, bins = spec.landscape_shape
    values = tracks * bins
    if spec.contacts:
        rows, columns = spec.contacts_shape.shape
        values += rows * columns
    needed = 2 * len(selection.kept) * 4 * values
    if spec.target:
        needed += 4 * len(selection.kept) * len(spec.target.columns) * _CSV_BYTES_A_VALUE
    require_disk(folders.inputs, needed=needed, named=f"dataset {spec.name!r}")


def _manifest(
    spec: DatasetSpec,
    sources: Sources,
    selection: GeneSelection,
    missing: Mapping[str, float],
    checksums: Mapping[str, str],
) -> Manifest:
    kept, dropped = selection.kept, selection.dropped
    return Manifest(
        dataset=spec,
        sources=fingerprint(spec),
        versions=versions(LIBRARIES),
        genes_in=len(sources.genes),
        genes_kept={split: int((kept["split"] == split).sum()) for split in SPLITS},
        genes_dropped={
            reason: int((dropped["reason"] == reason).sum())
            for reason in DROP_REASONS
            if (dropped["reason"] == reason).any()
        },
        shared_bp=selection.shared_bp,
        contacts_missing_mean=np.mean([missing[g] for g in kept["gene_id"]]) if missing else None,
        checksums=dict(checksums),
        scales=_scales(spec, sources, selection),
    )


def _scales(
    spec: DatasetSpec, sources: Sources, selection: GeneSelection
) -> dict[str, SignalScale]:
    training = selection.kept[selection.kept["split"] == "train"]
    centres = selection.kept if training.empty else training
    return {
        track.name: measure_scale(
            reader, centres, bin=spec.window.bin, bins=spec.window.bins, summary=spec.summary
        )
        for track, reader in zip(spec.tracks, sources.tracks, strict=True)
    }


@contextmanager
def _both_folders(folders: DatasetFolders) -> Iterator[tuple[Path, Path]]:
    """Make targets and inputs appear together, inputs (with the manifest) last."""
    with (
        atomic_folder(folders.inputs, replace=True) as inputs,
        atomic_folder(folders.targets, replace=True) as targets,
    ):
        yield inputs, targets


def _is_leftover(folder: Path) -> bool:
    """Tell whether a folder is empty or the first half of a build that was cut off at its end."""
    names = {entry.name for entry in os.scandir(folder)}
    return not names or {"README.md", "ids_train.txt", "ids_test.txt"} <= names
