"""Build a dataset: source files in, arrays and target tables out."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.contacts.cool import read_band
from claster.contacts.maps import DiagonalMap, diagonal_map
from claster.dataset.layout import SPLITS, DatasetFolders
from claster.dataset.manifest import Manifest, differences, fingerprint, read_manifest, versions
from claster.dataset.sources import Sources, Strands, open_sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import atomic_folder, require_disk, sha256
from claster.genome.genes import GENE_COLUMNS
from claster.genome.regions import read_regions
from claster.genome.selection import DROP_REASONS, GeneSelection, drop_genes, select_genes
from claster.genome.windows import FORWARD, REVERSE, mirror, sample_id
from claster.progress import SILENT, Progress
from claster.signal.landscape import landscape
from claster.signal.target import target_profile, target_reach
from claster.signal.transform import transformed

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
    progress
        Where the work reports to.

    Returns
    -------
    BuildResult

    Raises
    ------
    ClasterError
        If a source file is missing, damaged or of another assembly, no gene can be used, a split is
        empty, the folders hold another build, or the disk is too small.
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
    with open_sources(spec) as sources:
        selection = _select(spec, sources)
        _require_usable(selection, spec)
        _require_room(selection, spec, folders)
        with _both_folders(folders) as (inputs, targets):
            selection, missing = _write_contacts(inputs, spec, sources, selection, progress)
            _require_usable(selection, spec)
            _write_landscapes(inputs, spec, sources, selection.kept, progress)
            _write_gene_tables(inputs, selection)
            _link_train_valid(inputs, spec)
            _write_targets(targets, spec, sources, selection.kept, progress)
            progress.say("hashing the source files")
            manifest = _manifest(spec, sources, selection, missing, targets)
            (inputs / "manifest.json").write_text(
                manifest.model_dump_json(indent=2) + "\n", encoding="utf-8"
            )
    return BuildResult(folders, manifest, reused=False)


def _select(spec: DatasetSpec, sources: Sources) -> GeneSelection:
    sizes, folder = sources.sizes, spec.data_folder
    reach = spec.window.binning.half
    if spec.target:
        reach = max(reach, target_reach(spec.target.binning, smoothing=spec.target.smoothing))
    return select_genes(
        sources.genes,
        sizes=sizes,
        landscape=spec.window.binning,
        reach=reach,
        types=spec.genes.types,
        exclude_chromosomes=spec.genes.exclude_chromosomes,
        without_signal=sources.without_signal,
        without_contacts=sources.without_contacts,
        regions=read_regions(spec.regions, sizes=sizes, folder=folder) if spec.regions else None,
        held_out={
            "valid": read_regions(spec.splits.valid, sizes=sizes, folder=folder),
            "test": read_regions(spec.splits.test, sizes=sizes, folder=folder),
        },
        allow_shared_windows=spec.splits.allow_shared_windows,
    )


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
        rows, columns = _map_shape(spec).shape
        values += rows * columns
    needed = 2 * len(selection.kept) * 4 * values
    if spec.target:
        needed += 4 * len(selection.kept) * len(spec.target.columns) * _CSV_BYTES_A_VALUE
    require_disk(folders.inputs, needed=needed, named=f"dataset {spec.name!r}")


def _map_shape(spec: DatasetSpec) -> DiagonalMap:
    assert spec.contacts is not None
    return DiagonalMap.over(
        spec.window.binning, resolution=spec.contacts.resolution, rows=spec.contacts.rows
    )


def _write_contacts(
    inputs: Path, spec: DatasetSpec, sources: Sources, selection: GeneSelection, progress: Progress
) -> tuple[GeneSelection, dict[str, float]]:
    """Write the contact maps; genes whose map is mostly unknown move to the dropped ones."""
    if spec.contacts is None or sources.contacts is None:
        return selection, {}
    _make_split_folders(inputs / "contacts")
    shape = _map_shape(spec)
    missing: dict[str, float] = {}
    gone: dict[str, str] = {}
    with progress.step("contact maps", total=len(selection.kept)) as step:
        for chrom, genes in _by_chromosome(selection.kept):
            step.describe(chrom)
            band = read_band(
                sources.contacts,
                sources.contact_names[chrom],
                separations=shape.separations,
                balance=spec.contacts.balance,
            )
            for gene in genes.itertuples():
                contacts, unknown = diagonal_map(band, gene.tss, shape, value=spec.contacts.value)
                if unknown > spec.contacts.max_missing:
                    gone[gene.gene_id] = f"{unknown:.0%} unknown"
                else:
                    missing[gene.gene_id] = unknown
                    _write_pair(inputs / "contacts" / gene.split, gene.gene_id, contacts)
                step.advance()
    selection = drop_genes(
        selection, gone, reason="contacts_missing", landscape=spec.window.binning
    )
    return selection, missing


def _write_landscapes(
    inputs: Path, spec: DatasetSpec, sources: Sources, kept: pd.DataFrame, progress: Progress
) -> None:
    _make_split_folders(inputs / "landscape")
    with progress.step("landscapes", total=len(kept)) as step:
        for chrom, genes in _by_chromosome(kept):
            step.describe(chrom)
            for gene in genes.itertuples():
                array = landscape(
                    sources.tracks,
                    chrom,
                    gene.tss,
                    binning=spec.window.binning,
                    summary=spec.summary,
                )
                for row, track in enumerate(spec.tracks):
                    array[row] = transformed(array[row], track.transform)
                _write_pair(inputs / "landscape" / gene.split, gene.gene_id, array)
                step.advance()


def _write_targets(
    targets: Path, spec: DatasetSpec, sources: Sources, kept: pd.DataFrame, progress: Progress
) -> None:
    for split in SPLITS:
        ids = _sample_ids(kept[kept["split"] == split])
        (targets / f"ids_{split}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
    (targets / "README.md").write_text(_TARGETS_README, encoding="utf-8")
    if spec.target is None:
        return
    with progress.step("targets", total=len(kept)) as step:
        held_out = kept["split"] == "test"
        fitted = pd.concat([kept[kept["split"] == split] for split in ("train", "valid")])
        for genes, name in ((fitted, "train_valid"), (kept[held_out], "test")):
            table = _target_table(spec, sources.targets, genes, step.advance)
            _write_table(targets / f"{name}.csv", table)
        if len(sources.truths) == len(sources.targets):
            table = _target_table(spec, sources.truths, kept[held_out], lambda: None)
            _write_table(targets / "truth_test.csv", table)


def _target_table(
    spec: DatasetSpec,
    conditions: Mapping[str, Strands],
    genes: pd.DataFrame,
    done: Callable[[], None],
) -> pd.DataFrame:
    target = spec.target
    assert target is not None
    scale = target.bin if target.statistic == "sum" else 1
    rows: list[np.ndarray] = []
    for gene in genes.itertuples():
        profiles = [
            scale
            * target_profile(
                strands,
                gene.chrom,
                gene.tss,
                binning=target.binning,
                smoothing=target.smoothing,
                summary=spec.summary,
            )
            for strands in conditions.values()
        ]
        rows.append(np.concatenate(profiles))
        rows.append(np.concatenate([mirror(profile) for profile in profiles]))
        done()
    values = np.stack(rows) if rows else np.empty((0, len(target.columns)))
    values = transformed(values, target.transform)
    return pd.DataFrame(
        values.astype(np.float32),
        index=pd.Index(_sample_ids(genes), name="ID"),
        columns=target.columns,
    )


def _write_table(path: Path, table: pd.DataFrame) -> None:
    table.to_csv(path, float_format="%.6g")


def _write_pair(folder: Path, gene_id: str, array: np.ndarray) -> None:
    np.save(folder / f"{sample_id(gene_id, FORWARD)}.npy", array, allow_pickle=False)
    np.save(folder / f"{sample_id(gene_id, REVERSE)}.npy", mirror(array), allow_pickle=False)


def _write_gene_tables(inputs: Path, selection: GeneSelection) -> None:
    kept = selection.kept[[*GENE_COLUMNS, "split"]]
    dropped = selection.dropped[[*GENE_COLUMNS, "reason", "detail"]]
    kept.to_csv(inputs / "genes.tsv", sep="\t", index=False)
    dropped.to_csv(inputs / "dropped.tsv", sep="\t", index=False)
    (inputs / "README.md").write_text(_INPUTS_README, encoding="utf-8")


def _link_train_valid(inputs: Path, spec: DatasetSpec) -> None:
    """Show EIR, which reads one folder without sub-folders, training and validation as one."""
    for modality in ("landscape", "contacts") if spec.contacts else ("landscape",):
        together = inputs / modality / "train_valid"
        together.mkdir()
        for split in ("train", "valid"):
            for file in sorted((inputs / modality / split).iterdir()):
                (together / file.name).symlink_to(Path("..") / split / file.name)


def _manifest(
    spec: DatasetSpec,
    sources: Sources,
    selection: GeneSelection,
    missing: Mapping[str, float],
    targets: Path,
) -> Manifest:
    kept, dropped = selection.kept, selection.dropped
    return Manifest(
        dataset=spec,
        sources=fingerprint(spec),
        versions=versions(),
        genes_in=len(sources.genes),
        genes_kept={split: int((kept["split"] == split).sum()) for split in SPLITS},
        genes_dropped={
            reason: int((dropped["reason"] == reason).sum())
            for reason in DROP_REASONS
            if (dropped["reason"] == reason).any()
        },
        shared_bp=selection.shared_bp,
        contacts_missing_mean=np.mean([missing[g] for g in kept["gene_id"]]) if missing else None,
        target_sha256={file.name: sha256(file) for file in sorted(targets.glob("*.csv"))},
    )


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


def _make_split_folders(folder: Path) -> None:
    for split in SPLITS:
        (folder / split).mkdir(parents=True)


def _sample_ids(genes: pd.DataFrame) -> list[str]:
    return [sample_id(gene, way) for gene in genes["gene_id"] for way in (FORWARD, REVERSE)]


def _by_chromosome(kept: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for chrom, genes in kept.groupby("chrom", sort=False):
        yield str(chrom), genes


_INPUTS_README = """\
Made by `claster data build`; safe to delete, made again by the same command.

landscape/<split>/<gene>_<forward|rev>.npy   float32 (tracks, bins), genome orientation or mirrored,
                                             on the scale of each track's 'transform' in the dataset YAML
contacts/<split>/<gene>_<forward|rev>.npy    float32 (rows, columns), where the dataset has contacts
*/train_valid/                               links to train and valid together, the folder EIR reads
genes.tsv, dropped.tsv                       every gene of the annotation, kept with a split or dropped
                                             with a reason; intervals and TSS 0-based, half-open
manifest.json                                sources, settings, versions, counts
"""

_TARGETS_README = """\
Made by `claster data build`; safe to delete, made again by the same command.

train_valid.csv, test.csv   ID and one column a bin and condition (-200_ctrl ... 200_ctrl)
truth_test.csv              the same without noise, where the dataset names noise-free tracks
                            (all on the scale of 'target.transform' in the dataset YAML)
ids_<split>.txt             sample names of a split, one a line
"""
