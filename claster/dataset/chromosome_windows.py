"""The windows of one chromosome: landscapes and contact maps, cut or linked, and targets as arrays."""

import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from claster.contacts.cut import map_cutter
from claster.contacts.shapes import mirror_map
from claster.dataset.layout import STORE, DatasetFolders, read_genes_table
from claster.dataset.manifest import LIBRARIES, differences, read_checksums, read_manifest
from claster.dataset.sources import Sources, Strands
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import mirror_targets, reach_of_targets, target_signal
from claster.dataset.workspace import Shard, is_as_written, write_array
from claster.errors import ClasterError, DamagedFileError, NothingHereError
from claster.files import NO_HARD_LINKS
from claster.genome.windows import FORWARD, REVERSE, mirror, sample_id
from claster.signal.bigwig import TrackReader
from claster.signal.intervals import ChromosomeSignal
from claster.signal.landscape import landscapes, transformed
from claster.text import read_table
from claster.versions import versions

_MADE_BY = {
    "landscape": ("tracks", "window", "summary", "blacklist", "assembly", "chrom_sizes"),
    "contacts": ("contacts", "window", "assembly", "chrom_sizes"),
}
"""Keys of a dataset that the arrays of a modality depend on, beside files, genes and versions."""

_SLAB = 16
"""How many genes of a chromosome a thread takes at a time."""

_Signals = list[ChromosomeSignal]
_Conditions = list[list[tuple[ChromosomeSignal, float]]]


@dataclass(frozen=True)
class Donor:
    """The arrays of one modality of a built dataset whose windows another one can share.

    Attributes
    ----------
    modality
        ``landscape`` or ``contacts``.
    genes
        Kept genes with arrays: `chrom`, `tss` and perhaps `contacts_unknown`, by gene ID.
    dropped
        Detail of the genes whose contact map is mostly unknown, by gene ID.
    checksums
        SHA-256 of every file by its name below the dataset's inputs.
    """

    folder: Path
    modality: str
    genes: pd.DataFrame
    dropped: dict[str, str]
    checksums: dict[str, str]


def find_donor(spec: DatasetSpec, modality: str) -> Donor | None:
    """Return another built dataset of the project whose arrays of a modality are those of `spec`.

    In this way the folds of a dataset, or datasets that differ in target or splits, share them.

    Parameters
    ----------
    modality
        ``landscape`` or ``contacts``.
    """
    if modality == "landscape" and any(track.scale != "none" for track in spec.tracks):
        return None  # measured in training windows, so it differs where the splits do
    files = ("contacts",) if modality == "contacts" else ("track ", "blacklist")
    keys = {f"'{key}' of the dataset" for key in _MADE_BY[modality]}
    for path in sorted((spec.project / "inputs").glob("*/manifest.json")):
        folders = DatasetFolders(path.parent.name, spec.project)
        try:
            manifest = read_manifest(folders)
        except ClasterError:  # of another version: nothing to share
            continue
        if (
            manifest is not None
            and not folders.is_torn
            and folders.name != spec.name
            and manifest.versions == versions(LIBRARIES)
            and not any(c in keys or c.startswith(files) for c in differences(manifest, spec))
        ):
            dropped = read_table(folders.dropped, dtype=str).set_index("gene_id")
            unknown = dropped[dropped["reason"] == "contacts_missing"]["detail"]
            return Donor(
                folders.inputs,
                modality,
                genes=read_genes_table(folders).set_index("gene_id"),
                dropped=unknown.to_dict() if modality == "contacts" else {},
                checksums=read_checksums(folders.inputs),
            )
    return None


@dataclass(frozen=True)
class ChromosomeJob:
    """How the windows of a chromosome are made.

    Attributes
    ----------
    inputs
        The folder of arrays; one folder a modality is made in it, with `STORE` inside.
    divisors
        What each track is divided by (`track_divisors`).
    threads
        Where slabs of genes are worked off. The caller's thread may not be one of them.
    advance
        Told the number of genes that are done.
    donors
        By modality.
    """

    inputs: Path
    spec: DatasetSpec
    sources: Sources
    chrom: str
    divisors: tuple[float, ...]
    threads: Executor
    advance: Callable[[int], None]
    donors: Mapping[str, Donor]


def write_chromosome(
    job: ChromosomeJob, genes: pd.DataFrame
) -> tuple[Shard, dict[str, np.ndarray]]:
    """Write landscapes and contact maps of genes, forward and mirrored, and return their targets.

    Each file is decoded once, and genes are worked off in slabs: memory is bounded by the chromosome,
    and the bytes are the same for any number of threads.

    Parameters
    ----------
    genes
        Genes of the chromosome, ordered by TSS.

    Returns
    -------
    shard : Shard
        What was written. Genes whose map is mostly unknown, whose chromosome has no contacts or no
        weights, or, where the dataset says ``on_error: drop``, whose windows cannot be read, are among its
        dropped ones and leave no file.
    values : dict of str to numpy.ndarray
        ``target`` and, where the dataset names noise-free tracks, ``truth``: float32, shape
        (genes, 2, columns), forward and mirrored.
    """
    mapped = _write_contacts(job, genes)
    genes = genes[genes["gene_id"].isin(mapped.genes)]
    shard, values = _write_signals(job, genes)
    checksums = mapped.checksums | shard.checksums
    for gene in shard.dropped:
        for name in _files("contacts", gene):
            if checksums.pop(name, None):
                (job.inputs / name).unlink()
    unknown = {gene: mapped.unknown[gene] for gene in shard.genes if gene in mapped.unknown}
    dropped = mapped.dropped | shard.dropped
    whole = Shard(genes=shard.genes, unknown=unknown, dropped=dropped, checksums=checksums)
    return whole, values


def _write_contacts(job: ChromosomeJob, genes: pd.DataFrame) -> Shard:
    contacts = job.spec.contacts
    if contacts is None or job.sources.contacts is None:
        return Shard(genes=genes["gene_id"].tolist())
    if given := _given(job, "contacts", genes):
        job.advance(len(given.dropped))
        return given
    try:
        cut = map_cutter(
            job.sources.contacts,
            job.sources.contact_names[job.chrom],
            job.spec.contacts_shape,
            balance=contacts.balance,
            value=contacts.value,
        )
    except NothingHereError as error:
        job.advance(len(genes))
        return Shard(dropped=dict.fromkeys(genes["gene_id"], (error.reason, error.found)))
    except DamagedFileError as error:
        return _unreadable(job, genes, error)
    written = _for_slabs(job, partial(_write_maps, job, cut), genes)
    return _joined(written)


def _write_maps(
    job: ChromosomeJob, cut: Callable[[int], tuple[np.ndarray, float]], genes: pd.DataFrame
) -> Shard:
    assert job.spec.contacts is not None
    shard = Shard()
    for gene in genes.itertuples():
        contacts, unknown = cut(gene.tss)
        if unknown > job.spec.contacts.max_missing:
            shard.dropped[gene.gene_id] = ("contacts_missing", f"{unknown:.0%} unknown")
            job.advance(1)
            continue
        mirrored = mirror_map(contacts, job.spec.contacts_shape)
        shard.genes.append(gene.gene_id)
        shard.unknown[gene.gene_id] = unknown
        shard.checksums |= _write_pair(job, "contacts", gene.gene_id, contacts, mirrored)
    return shard


def _write_signals(job: ChromosomeJob, genes: pd.DataFrame) -> tuple[Shard, dict[str, np.ndarray]]:
    """Write landscapes; where a file is damaged and that is tolerated, halve the genes and try again."""
    values = _empty_values(job, len(genes))
    if genes.empty:
        return Shard(), values
    given = _given(job, "landscape", genes)

    def decoded(track: TrackReader, reach: int) -> ChromosomeSignal:
        span = int(genes["tss"].min()) - reach, int(genes["tss"].max()) + reach
        return track.signal(job.chrom, span=span, threads=job.threads)

    try:
        reach = job.spec.window.binning.half
        tracks = [] if given else [decoded(track, reach) for track in job.sources.tracks]
        targets: dict[str, _Conditions] = {}
        for name, conditions in _signals_to_bin(job).items():
            reach = reach_of_targets(job.spec.require_target())
            targets[name] = [
                [(decoded(track, reach), sign) for track, sign in strands]
                for strands in conditions.values()
            ]
    except DamagedFileError as error:
        if len(genes) == 1 or job.spec.on_error == "stop":
            return _unreadable(job, genes, error), _empty_values(job, 0)
        half = len(genes) // 2
        (low, below), (high, above) = (
            _write_signals(job, part) for part in (genes.iloc[:half], genes.iloc[half:])
        )
        return _joined([low, high]), {
            name: np.concatenate([below[name], above[name]]) for name in values
        }
    if job.sources.values is not None:
        values["target"][:] = _of_table(job.spec, job.sources.values, genes)
    genes = genes.assign(row=np.arange(len(genes)))

    def write(slab: pd.DataFrame) -> Shard:
        for name, conditions in targets.items():
            _fill_slab(job.spec, conditions, values[name], slab)
        shard = Shard() if given else _write_slab(job, tracks, slab)
        job.advance(len(slab))
        return shard

    written = _joined(_for_slabs(job, write, genes))
    return given or written, values


def _given(job: ChromosomeJob, modality: str, genes: pd.DataFrame) -> Shard | None:
    """Link the arrays of genes from a donor, after comparing them with their checksums.

    None where a gene is not there, an array is not as it was built, or the disk has no hard links.
    """
    donor = job.donors.get(modality)
    if donor is None:
        return None
    here = genes[genes["gene_id"].isin(donor.genes.index)]
    gone = genes[genes["gene_id"].isin(donor.dropped)]
    known = donor.genes.loc[here["gene_id"]]
    same = (known[["chrom", "tss"]].to_numpy() == here[["chrom", "tss"]].to_numpy()).all()
    if len(here) + len(gone) < len(genes) or not same:
        return None
    files = [file for gene in here["gene_id"] for file in _files(modality, gene)]
    listed = map(donor.checksums.get, files)
    if not all(job.threads.map(is_as_written, (donor.folder / file for file in files), listed)):
        return None
    for file in files:
        (job.inputs / file).unlink(missing_ok=True)
        try:
            os.link(donor.folder / file, job.inputs / file)
        except OSError as error:
            if error.errno not in NO_HARD_LINKS:
                raise
            return None
    shares = known.get("contacts_unknown") if modality == "contacts" else None
    return Shard(
        genes=here["gene_id"].tolist(),
        unknown={} if shares is None else shares.to_dict(),
        dropped={gene: ("contacts_missing", donor.dropped[gene]) for gene in gone["gene_id"]},
        checksums={file: donor.checksums[file] for file in files},
    )


def _write_slab(job: ChromosomeJob, signals: _Signals, genes: pd.DataFrame) -> Shard:
    spec = job.spec
    arrays = landscapes(
        signals, genes["tss"].to_numpy(), binning=spec.window.binning, summary=spec.summary
    )
    for row, (track, divisor) in enumerate(zip(spec.tracks, job.divisors, strict=True)):
        arrays[:, row] = track.stored(arrays[:, row], divisor=divisor)
    shard = Shard(genes=genes["gene_id"].tolist())
    for gene_id, array in zip(shard.genes, arrays, strict=True):
        stored = array.reshape(spec.landscape_file_shape)
        shard.checksums |= _write_pair(job, "landscape", gene_id, stored, mirror(stored))
    return shard


def _fill_slab(
    spec: DatasetSpec, conditions: _Conditions, values: np.ndarray, genes: pd.DataFrame
) -> None:
    target = spec.require_target()
    rows = genes["row"].to_numpy()
    filled = values.reshape(len(values), 2, len(conditions), target.bins)
    for column, strands in enumerate(conditions):
        profiles = target_signal(target, strands, genes, summary=spec.summary)
        filled[rows, 0, column] = transformed(profiles, target.transform, clip=target.clip)
    filled[rows, 1] = mirror_targets(target, filled[rows, 0])


def _of_table(spec: DatasetSpec, values: pd.DataFrame, genes: pd.DataFrame) -> np.ndarray:
    """Return the targets of genes that are a table's, shape (genes, 1, conditions)."""
    target = spec.require_target()
    found = values.loc[genes["gene_id"], list(target.groups)].to_numpy(dtype=np.float64)
    return transformed(found, target.transform, clip=target.clip)[:, None]


def _signals_to_bin(job: ChromosomeJob) -> dict[str, dict[str, Strands]]:
    if job.spec.target is None or job.sources.values is not None:
        return {}
    targets, truths = job.sources.targets, job.sources.truths
    return {"target": targets} | ({"truth": truths} if len(truths) == len(targets) else {})


def _empty_values(job: ChromosomeJob, genes: int) -> dict[str, np.ndarray]:
    return {
        name: np.empty((genes, 2, len(job.spec.require_target().columns)), np.float32)
        for name in (_signals_to_bin(job) if job.sources.values is None else ["target"])
    }


def _unreadable(job: ChromosomeJob, genes: pd.DataFrame, error: DamagedFileError) -> Shard:
    if job.spec.on_error == "stop":
        raise error
    job.advance(len(genes))
    return Shard(dropped=dict.fromkeys(genes["gene_id"], ("unreadable", error.found)))


def _for_slabs(
    job: ChromosomeJob, work: Callable[[pd.DataFrame], Shard], genes: pd.DataFrame
) -> list[Shard]:
    slabs = [genes.iloc[first : first + _SLAB] for first in range(0, len(genes), _SLAB)]
    return list(job.threads.map(work, slabs))


def _joined(shards: list[Shard]) -> Shard:
    whole = Shard()
    for shard in shards:
        whole.genes.extend(shard.genes)
        whole.unknown.update(shard.unknown)
        whole.dropped.update(shard.dropped)
        whole.checksums.update(shard.checksums)
    return whole


def _write_pair(
    job: ChromosomeJob, modality: str, gene_id: str, forward: np.ndarray, reverse: np.ndarray
) -> dict[str, str]:
    """Return the SHA-256 of each file by its name."""
    names = _files(modality, gene_id)
    return {
        name: write_array(job.inputs / name, array)
        for name, array in zip(names, (forward, reverse), strict=True)
    }


def _files(modality: str, gene_id: str) -> list[str]:
    return [f"{modality}/{STORE}/{sample_id(gene_id, way)}.npy" for way in (FORWARD, REVERSE)]
