"""The end of a build: tables, lists, checksums and the manifest, then the names."""

from collections.abc import Mapping

import numpy as np

from claster.dataset.checksums import seal_manifest, write_checksums
from claster.dataset.layout import SPLITS, DatasetFolders
from claster.dataset.manifest import LIBRARIES, Manifest, fingerprint
from claster.dataset.scale import SignalScale
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import track_scales
from claster.dataset.workspace import Shard, Workspace
from claster.dataset.write import (
    link_parts,
    write_gene_tables,
    write_sample_lists,
    write_target_tables,
)
from claster.files import atomic_folder, replace_folder
from claster.genome.selection import DROP_REASONS, GeneSelection
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["finish_dataset"]


def finish_dataset(
    folders: DatasetFolders,
    workspace: Workspace,
    spec: DatasetSpec,
    sources: Sources,
    selection: GeneSelection,
    dividing: Mapping[str, SignalScale],
    shards: Mapping[str, Shard],
    *,
    progress: Progress = SILENT,
) -> Manifest:
    """Write tables, the splits' folders and the manifest, and give the folders their names: inputs last.

    Parameters
    ----------
    folders
        The dataset's folders.
    workspace
        Its arrays, all written.
    spec, sources
        The dataset and its open files.
    selection
        Every gene, kept or dropped.
    dividing
        The scales that tracks were divided by (`dividing_scales`).
    shards
        What was written of each chromosome, in genome order.
    progress
        Where to report to.
    """
    kept = selection.kept
    unknown = {
        gene: round(share, 6) for shard in shards.values() for gene, share in shard.unknown.items()
    }
    written = {file: sha for shard in shards.values() for file, sha in shard.checksums.items()}
    with atomic_folder(folders.targets, replace=True) as targets:
        write_gene_tables(workspace.inputs, selection, unknown)
        link_parts(workspace.inputs, spec, kept)
        write_sample_lists(targets, kept)
        write_target_tables(targets, spec, kept, _values(workspace, shards))
        checksums = {
            "inputs": write_checksums(workspace.inputs, known=written),
            "targets": write_checksums(targets),
        }
        progress.say("hashing the source files")
        manifest = _manifest(spec, sources, selection, dividing, unknown, checksums)
        path = workspace.inputs / folders.manifest.name
        path.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
        seal_manifest(path)
    replace_folder(folders.inputs, workspace.inputs)
    return manifest


def _values(workspace: Workspace, shards: Mapping[str, Shard]) -> dict[str, np.ndarray]:
    names = {name for shard in shards.values() for name in shard.values}
    return {
        name: np.concatenate([workspace.values(chrom, name) for chrom in shards]) for name in names
    }


def _manifest(
    spec: DatasetSpec,
    sources: Sources,
    selection: GeneSelection,
    dividing: Mapping[str, SignalScale],
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
        genes_padded=int((kept["padded"] > 0).sum()),
        shared_bp=selection.shared_bp,
        contacts_missing_mean=np.mean([missing[g] for g in kept["gene_id"]]) if missing else None,
        checksums=dict(checksums),
        scales=track_scales(spec, sources, selection, known=dividing),
    )
