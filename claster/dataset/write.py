"""The files of a built dataset: contact maps, landscapes, targets, gene tables."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from claster.contacts.cut import map_cutter
from claster.contacts.shapes import mirror_map
from claster.dataset.layout import SPLITS
from claster.dataset.sources import Sources, Strands
from claster.dataset.spec import DatasetSpec
from claster.genome.genes import GENE_COLUMNS
from claster.genome.selection import GeneSelection, drop_genes
from claster.genome.windows import FORWARD, REVERSE, mirror, sample_id
from claster.progress import Progress
from claster.signal.chromosome import ChromosomeSignal
from claster.signal.landscape import landscapes
from claster.signal.target import target_profiles, target_reach
from claster.signal.transform import transformed

__all__ = [
    "link_train_valid",
    "write_contacts",
    "write_gene_tables",
    "write_landscapes",
    "write_targets",
]

_SLAB = 16
"""How many genes of a chromosome a thread takes at a time."""


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
    inputs: Path,
    spec: DatasetSpec,
    sources: Sources,
    kept: pd.DataFrame,
    progress: Progress,
    *,
    threads: Executor,
) -> None:
    """Write the landscape of every gene, forward and mirrored, as its tracks' `transform` says.

    Tracks are decoded a chromosome at a time, once, and genes worked off in slabs: memory is bounded by
    the largest chromosome, and the files are the same for any number of threads.
    """
    _make_split_folders(inputs / "landscape")
    with progress.step("landscapes", total=len(kept)) as step:
        for chrom, genes in _by_chromosome(kept):
            step.describe(chrom)
            span = _reach_of(genes, spec.window.binning.half)
            signals = [track.signal(chrom, span=span, threads=threads) for track in sources.tracks]
            _for_slabs(
                partial(_write_slab, inputs / "landscape", spec, signals),
                genes,
                threads,
                step.advance,
            )
            del signals


def _write_slab(
    folder: Path, spec: DatasetSpec, signals: list[ChromosomeSignal], genes: pd.DataFrame
) -> None:
    arrays = landscapes(
        signals, genes["tss"].to_numpy(), binning=spec.window.binning, summary=spec.summary
    )
    for row, track in enumerate(spec.tracks):
        arrays[:, row] = transformed(arrays[:, row], track.transform, clip=track.clip)
    for gene, array in zip(genes.itertuples(), arrays, strict=True):
        array = array.reshape(spec.landscape_file_shape)
        _write_pair(folder / gene.split, gene.gene_id, array, mirror(array))


def write_targets(
    targets: Path,
    spec: DatasetSpec,
    sources: Sources,
    kept: pd.DataFrame,
    progress: Progress,
    *,
    threads: Executor,
) -> None:
    """Write target tables, sample lists and, where it is known, the truth of the test split.

    Files are decoded a chromosome at a time, once; the tables are the same for any number of threads.
    """
    for split in SPLITS:
        ids = _sample_ids(kept[kept["split"] == split])
        (targets / f"ids_{split}.txt").write_text("".join(f"{i}\n" for i in ids), encoding="utf-8")
    (targets / "README.md").write_text(_TARGETS_README, encoding="utf-8")
    if spec.target is None:
        return
    with progress.step("targets", total=len(kept)) as step:
        genes = pd.concat([kept[kept["split"] == split] for split in SPLITS])
        table = _target_table(spec, sources.targets, genes, threads, step.advance)
        held_out = np.repeat((genes["split"] == "test").to_numpy(), 2)
        _write_table(targets / "train_valid.csv", table[~held_out])
        _write_table(targets / "test.csv", table[held_out])
        if len(sources.truths) == len(sources.targets):
            genes = kept[kept["split"] == "test"]
            table = _target_table(spec, sources.truths, genes, threads, lambda _: None)
            _write_table(targets / "truth_test.csv", table)


def _target_table(
    spec: DatasetSpec,
    conditions: Mapping[str, Strands],
    genes: pd.DataFrame,
    threads: Executor,
    advance: Callable[[float], None],
) -> pd.DataFrame:
    """Return two rows a gene, forward and mirrored, in the order of `genes`."""
    target = spec.require_target()
    reach = target_reach(target.binning, smoothing=target.smoothing)
    values = np.empty((len(genes), 2, len(conditions), target.bins), np.float32)
    genes = genes.assign(row=np.arange(len(genes)))
    for chrom, here in _by_chromosome(genes):
        span = _reach_of(here, reach)
        signals = [
            [(track.signal(chrom, span=span, threads=threads), sign) for track, sign in strands]
            for strands in conditions.values()
        ]
        _for_slabs(partial(_fill_slab, spec, signals, values), here, threads, advance)
        del signals
    return pd.DataFrame(
        values.reshape(2 * len(genes), len(target.columns)),
        index=pd.Index(_sample_ids(genes), name="ID"),
        columns=target.columns,
    )


def _fill_slab(
    spec: DatasetSpec,
    conditions: list[list[tuple[ChromosomeSignal, float]]],
    values: np.ndarray,
    genes: pd.DataFrame,
) -> None:
    target = spec.require_target()
    scale = target.bin if target.statistic == "sum" else 1
    rows = genes["row"].to_numpy()
    for column, strands in enumerate(conditions):
        profiles = scale * target_profiles(
            strands,
            genes["tss"].to_numpy(),
            binning=target.binning,
            smoothing=target.smoothing,
            summary=spec.summary,
        )
        profiles = transformed(profiles, target.transform, clip=target.clip)
        values[rows, 0, column] = profiles
        values[rows, 1, column] = mirror(profiles)


def _for_slabs(
    work: Callable[[pd.DataFrame], None],
    genes: pd.DataFrame,
    threads: Executor,
    advance: Callable[[float], None],
) -> None:
    """Have slabs of genes worked off by threads, and count them as done here."""
    slabs = [genes.iloc[first : first + _SLAB] for first in range(0, len(genes), _SLAB)]
    for slab, _ in zip(slabs, threads.map(work, slabs), strict=True):
        advance(len(slab))


def _reach_of(genes: pd.DataFrame, reach: int) -> tuple[int, int]:
    return int(genes["tss"].min()) - reach, int(genes["tss"].max()) + reach


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

landscape/<split>/<gene>_<forward|rev>.npy   float32 (tracks, 1, bins), genome orientation or mirrored,
                                             (tracks, bins) where 'window.layout' is 'rows',
                                             on the scale of each track's 'transform' in the dataset YAML
contacts/<split>/<gene>_<forward|rev>.npy    float32 (rows, columns), where the dataset has contacts
view_*/                                      parts of these arrays that a flavour asked for
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
