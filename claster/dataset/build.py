"""Build a dataset: source files in, arrays and target tables out."""

import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import prod
from pathlib import Path
from threading import Lock

import numpy as np
import pandas as pd

from claster.dataset.choice import choose_genes, lacks_training, more_training
from claster.dataset.chromosome_windows import (
    ChromosomeJob,
    Donor,
    find_donor,
    write_chromosome,
)
from claster.dataset.doctor.tracks import require_sense
from claster.dataset.layout import SPLITS, STORE, DatasetFolders, modalities
from claster.dataset.manifest import (
    LIBRARIES,
    Manifest,
    build_plan,
    differences,
    fingerprint,
    read_manifest,
    seal_manifest,
    write_checksums,
)
from claster.dataset.scale import SignalScale, track_divisors
from claster.dataset.selection import DROP_REASONS, GeneSelection, drop_genes
from claster.dataset.sources import Sources, open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import dividing_scales, track_scales
from claster.dataset.workspace import (
    Shard,
    Workspace,
    link_parts,
    open_workspace,
    write_gene_tables,
    write_sample_lists,
    write_target_tables,
)
from claster.errors import ClasterError
from claster.files import atomic_folder, lock_folder, replace_folder, require_disk
from claster.progress import SILENT, Progress
from claster.times import note_time
from claster.versions import versions

_CSV_BYTES_A_VALUE = 10

_AT_A_TIME = 2
"""How many chromosomes are in memory at most."""


@dataclass(frozen=True)
class BuildResult:
    """A built dataset; `reused` tells whether it was there already and nothing had changed."""

    folders: DatasetFolders
    manifest: Manifest
    reused: bool


def build_dataset(
    spec: DatasetSpec,
    *,
    force: bool = False,
    jobs: int | None = None,
    progress: Progress = SILENT,
) -> BuildResult:
    """Write landscapes, contact maps, target tables, gene tables and the manifest of a dataset.

    Everything is checked before anything is written, and the folders appear under their names only
    when they are whole. A dataset that is there and whose sources and settings have not changed is
    left as it is. An interrupted build resumes: chromosomes that were done are compared
    with their checksums and kept. One that was killed between giving the two folders their names leaves a
    dataset that is torn (`DatasetFolders.is_torn`): it is built again.

    Parameters
    ----------
    force
        Whether a dataset built from other settings or files is replaced.
    jobs
        On how many threads tracks are read; None: one a core that this process may use. The bytes
        written are the same for any number.

    Raises
    ------
    ClasterError
        If a source file is missing, damaged or of another assembly, no gene can be used, a split is
        empty, the folders hold another build, another command builds the dataset, or the disk is too
        small.
    """
    folders = DatasetFolders.of(spec)
    torn = folders.is_torn
    built = None if force or torn else read_manifest(folders)
    if built is not None:
        changed = differences(built, spec)
        if not changed:
            return BuildResult(folders, built, reused=True)
        raise ClasterError(
            f"{folders.inputs} exists and was built with another {', '.join(changed)}",
            remedy="pass --force to replace it, or give the dataset another name",
        )
    if not force:
        for folder in (folders.targets,) if torn else (folders.inputs, folders.targets):
            if folder.exists() and not _is_leftover(folder):
                raise ClasterError(
                    f"{folder} exists and was not made by a build",
                    remedy="move it away, or pass --force to replace it",
                )
    jobs = jobs or os.process_cpu_count() or 1
    begun = time.monotonic()
    with open_sources(spec) as sources:
        selection = choose_genes(spec, sources)
        _require_usable(selection, spec)
        _require_strands(sources, spec)
        needed = len(selection.kept) * bytes_a_gene(spec)
        require_disk(folders.inputs, needed=needed, named=f"dataset {spec.name!r}")
        dividing = dividing_scales(spec, sources, selection)
        divisors = track_divisors(spec.tracks, dividing)
        with (
            lock_folder(folders.inputs.parent, name=f".{spec.name}.lock"),
            open_workspace(folders, plan=build_plan(spec, divisors=divisors)) as workspace,
        ):
            donors = {}
            for modality in modalities(spec):
                if donor := find_donor(spec, modality):
                    donors[modality] = donor
                    progress.say(
                        f"{modality}: genes that {donor.folder} has too are linked to its arrays, "
                        "not read again"
                    )
            shards = _write_chromosomes(
                workspace,
                spec,
                sources,
                selection.kept,
                divisors,
                donors,
                jobs=jobs,
                progress=progress,
            )
            selection = _without_dropped(selection, shards.values(), spec, sources)
            _require_usable(selection, spec)
            manifest = _finish_dataset(
                folders, workspace, spec, sources, selection, dividing, shards, progress=progress
            )
    note_time(
        spec.project,
        "build",
        dataset=spec.name,
        units=len(selection.kept) * bytes_a_gene(spec),
        seconds=time.monotonic() - begun,
    )
    return BuildResult(folders, manifest, reused=False)


def _write_chromosomes(
    workspace: Workspace,
    spec: DatasetSpec,
    sources: Sources,
    kept: pd.DataFrame,
    divisors: tuple[float, ...],
    donors: Mapping[str, Donor],
    *,
    jobs: int,
    progress: Progress,
) -> dict[str, Shard]:
    """Write the windows of every chromosome that is not done, two chromosomes at a time.

    While slabs of one are worked off on all threads, the files of the next are read.
    """
    for modality in modalities(spec):
        (workspace.inputs / modality / STORE).mkdir(parents=True, exist_ok=True)
    counting = Lock()
    with (
        progress.step("windows", total=len(kept)) as step,
        ThreadPoolExecutor(jobs) as threads,
        ThreadPoolExecutor(min(jobs, _AT_A_TIME)) as at_a_time,
    ):

        def advance(genes: int) -> None:
            with counting:
                step.advance(genes)

        def work(chrom: str) -> Shard:
            genes = kept[kept["chrom"] == chrom]
            if shard := workspace.finished(chrom):
                advance(len(genes))
                return shard
            job = ChromosomeJob(
                workspace.inputs, spec, sources, chrom, divisors, threads, advance, donors
            )
            shard, values = write_chromosome(job, genes)
            return workspace.finish(chrom, shard, values)

        chromosomes = kept["chrom"].unique().tolist()
        return dict(zip(chromosomes, at_a_time.map(work, chromosomes), strict=True))


def _without_dropped(
    selection: GeneSelection, shards: Iterable[Shard], spec: DatasetSpec, sources: Sources
) -> GeneSelection:
    gone = {gene: told for shard in shards for gene, told in shard.dropped.items()}
    for reason in DROP_REASONS:
        details = {gene: detail for gene, (why, detail) in gone.items() if why == reason}
        if details:
            landscape, sizes = spec.window.binning, sources.sizes
            selection = drop_genes(
                selection, details, reason=reason, landscape=landscape, sizes=sizes
            )
    return selection


def _finish_dataset(
    folders: DatasetFolders,
    workspace: Workspace,
    spec: DatasetSpec,
    sources: Sources,
    selection: GeneSelection,
    dividing: Mapping[str, SignalScale],
    shards: Mapping[str, Shard],
    *,
    progress: Progress,
) -> Manifest:
    """Write tables, the splits' folders and the manifest, and give the folders their names: inputs last."""
    kept, dropped = selection.kept, selection.dropped
    unknown = {
        gene: round(share, 6) for shard in shards.values() for gene, share in shard.unknown.items()
    }
    written = {file: sha for shard in shards.values() for file, sha in shard.checksums.items()}
    values = {
        name: np.concatenate([workspace.values(chrom, name) for chrom in shards])
        for name in {name for shard in shards.values() for name in shard.values}
    }
    with atomic_folder(folders.targets, replace=True) as targets:
        write_gene_tables(workspace.inputs, selection, unknown)
        link_parts(workspace.inputs, spec, kept)
        write_sample_lists(targets, kept)
        write_target_tables(targets, spec, kept, values)
        checksums = {
            "inputs": write_checksums(workspace.inputs, known=written),
            "targets": write_checksums(targets),
        }
        progress.say("hashing the source files")
        manifest = Manifest(
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
            genes_padded=int((kept["padded"] > 0).sum()),
            genes_uncompared=len(selection.uncompared),
            shared_bp=selection.shared_bp,
            contacts_missing_mean=np.mean([unknown[gene] for gene in kept["gene_id"]])
            if unknown
            else None,
            checksums=checksums,
            scales=track_scales(spec, sources, selection, known=dividing),
        )
        path = workspace.inputs / folders.manifest.name
        path.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        seal_manifest(path)
    replace_folder(folders.inputs, workspace.inputs)
    return manifest


def _require_usable(selection: GeneSelection, spec: DatasetSpec) -> None:
    counts = selection.dropped["reason"].value_counts()
    said = "; ".join(f"{n} because {DROP_REASONS[str(reason)]}" for reason, n in counts.items())
    dropped = f"; genes are dropped, {said}" if said else ""
    if selection.kept.empty:
        raise ClasterError(
            f"dataset {spec.name!r}: none of {len(selection.dropped)} genes can be used ({said})",
            remedy="check 'genes', 'regions' and 'window' in the dataset YAML",
        )
    for split, rules in (("valid", spec.splits.valid), ("test", spec.splits.test)):
        if rules and not (selection.kept["split"] == split).any():
            raise ClasterError(
                f"dataset {spec.name!r}: no usable gene in the {split} split "
                f"({', '.join(rules)}){dropped}",
                remedy=f"choose other chromosomes or regions for 'splits.{split}'",
            )
    if lacks_training(selection, spec):
        raise ClasterError(
            f"dataset {spec.name!r}: no usable gene is left for training{dropped}",
            remedy=more_training(selection, spec),
        )


def _require_strands(sources: Sources, spec: DatasetSpec) -> None:
    """Refuse exchanged strands where the target tells them apart."""
    if spec.target is None or spec.target.strands == "sum":
        return
    for kind, signals in (("target", sources.targets), ("truth", sources.truths)):
        for condition in spec.target.conditions:
            groups = [group for group in spec.target.groups_of(condition.name) if group in signals]
            if pair := [strand for group in groups for strand in signals[group]]:
                named = f"{kind} {condition.name}"
                require_sense(pair, sources.genes, spec.target.strands, label=named)


def bytes_a_gene(spec: DatasetSpec) -> int:
    """Return how many bytes a build writes for a gene: arrays and targets, as it is and mirrored."""
    values = prod(spec.landscape_shape)
    if spec.contacts:
        values += prod(spec.contacts_shape.shape)
    columns = len(spec.target.columns) if spec.target else 0
    return 2 * (4 * values + 2 * columns * _CSV_BYTES_A_VALUE)


def _is_leftover(folder: Path) -> bool:
    """Tell whether a folder is empty or the first half of a build that was cut off at its end."""
    names = {entry.name for entry in os.scandir(folder)}
    return not names or {"README.md", "ids_train.txt", "ids_test.txt"} <= names
