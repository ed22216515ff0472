"""The files of a built dataset: contact maps, landscapes, targets, gene tables."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.contacts.cut import map_cutter
from claster.contacts.shapes import mirror_map
from claster.dataset.layout import SPLITS
from claster.dataset.sources import Sources, Strands
from claster.dataset.spec import DatasetSpec
from claster.dataset.window import read_targets_at
from claster.genome.genes import GENE_COLUMNS
from claster.genome.selection import GeneSelection, drop_genes
from claster.genome.windows import FORWARD, REVERSE, mirror, sample_id
from claster.progress import Progress
from claster.signal.landscape import landscape
from claster.signal.transform import transformed

__all__ = [
    "link_train_valid",
    "write_contacts",
    "write_gene_tables",
    "write_landscapes",
    "write_targets",
]


def write_contacts(
    inputs: Path, spec: DatasetSpec, sources: Sources, selection: GeneSelection, progress: Progress
) -> tuple[GeneSelection, dict[str, float]]:
    """Write the contact maps; genes whose map is mostly unknown move to the dropped ones."""
    if spec.contacts is None or sources.contacts is None:
        return selection, {}
    _make_split_folders(inputs / "contacts")
    shape = spec.contacts_shape
    missing: dict[str, float] = {}
    gone: dict[str, str] = {}
    with progress.step("contact maps", total=len(selection.kept)) as step:
        for chrom, genes in _by_chromosome(selection.kept):
            step.describe(chrom)
            cut = map_cutter(
                sources.contacts,
                sources.contact_names[chrom],
                shape,
                balance=spec.contacts.balance,
                value=spec.contacts.value,
            )
            for gene in genes.itertuples():
                contacts, unknown = cut(gene.tss)
                if unknown > spec.contacts.max_missing:
                    gone[gene.gene_id] = f"{unknown:.0%} unknown"
                else:
                    missing[gene.gene_id] = unknown
                    folder = inputs / "contacts" / gene.split
                    _write_pair(folder, gene.gene_id, contacts, mirror_map(contacts, shape))
                step.advance()
    selection = drop_genes(
        selection, gone, reason="contacts_missing", landscape=spec.window.binning
    )
    return selection, missing


def write_landscapes(
    inputs: Path, spec: DatasetSpec, sources: Sources, kept: pd.DataFrame, progress: Progress
) -> None:
    """Write the landscape of every gene, forward and mirrored, as its tracks' `transform` says."""
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
                folder = inputs / "landscape" / gene.split
                _write_pair(folder, gene.gene_id, array, mirror(array))
                step.advance()


def write_targets(
    targets: Path, spec: DatasetSpec, sources: Sources, kept: pd.DataFrame, progress: Progress
) -> None:
    """Write target tables, sample lists and, where it is known, the truth of the test split."""
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
    target = spec.require_target()
    rows: list[np.ndarray] = []
    for gene in genes.itertuples():
        profiles = list(read_targets_at(spec, conditions, gene.chrom, gene.tss).values())
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


def _write_pair(folder: Path, gene_id: str, forward: np.ndarray, reverse: np.ndarray) -> None:
    for orientation, array in ((FORWARD, forward), (REVERSE, reverse)):
        file = folder / f"{sample_id(gene_id, orientation)}.npy"
        np.save(file, array.astype(np.float32, copy=False), allow_pickle=False)


def write_gene_tables(inputs: Path, selection: GeneSelection) -> None:
    """Write the kept and the dropped genes."""
    kept = selection.kept[[*GENE_COLUMNS, "split"]]
    dropped = selection.dropped[[*GENE_COLUMNS, "reason", "detail"]]
    kept.to_csv(inputs / "genes.tsv", sep="\t", index=False)
    dropped.to_csv(inputs / "dropped.tsv", sep="\t", index=False)
    (inputs / "README.md").write_text(_INPUTS_README, encoding="utf-8")


def link_train_valid(inputs: Path, spec: DatasetSpec) -> None:
    """Show EIR, which reads one folder without sub-folders, training and validation as one."""
    for modality in ("landscape", "contacts") if spec.contacts else ("landscape",):
        together = inputs / modality / "train_valid"
        together.mkdir()
        for split in ("train", "valid"):
            for file in sorted((inputs / modality / split).iterdir()):
                (together / file.name).symlink_to(Path("..") / split / file.name)


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
