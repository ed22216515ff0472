"""Embeddings of every sample of a dataset by one sequence model, stored once."""

import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.filesize import decimal

from claster.dataset.embeddings import (
    EmbeddingRecord,
    EmbeddingStore,
    EmbeddingView,
    embedding_path,
    open_embeddings,
    sequence_folder,
)
from claster.dataset.layout import VIEW_PREFIX, DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.machine import resolve_device
from claster.errors import ClasterError
from claster.files import lock_folder, replace_folder, require_disk, write_text
from claster.genome.windows import FORWARD, REVERSE, sample_id
from claster.progress import SILENT, Progress
from claster.sequence.models import ModelFiles, SequenceModel, find_model, find_weights
from claster.sequence.settings import EmbedSettings, StoredPrecision
from claster.sequence.trunk import Geometry, Trunk
from claster.sequence.windows import SequenceWindows, extract_windows
from claster.text import read_json
from claster.versions import versions

_PACKAGES = ("claster", "torch", "transformers", "enformer-pytorch", "borzoi-pytorch", "zarr")
_LARGEST = float(np.finfo(np.float16).max)


def embed_letters(
    trunk: Trunk,
    letters: np.ndarray,
    *,
    device: str = "cpu",
    precision: StoredPrecision = "float32",
) -> np.ndarray:
    """Return the embeddings of a batch of sequences, float32, shape (samples, channels, bins).

    Parameters
    ----------
    trunk
        On `device`, in evaluation mode.
    letters
        uint8, shape (samples, length).
    """
    encoded = torch.from_numpy(np.ascontiguousarray(trunk.encode(letters))).to(device)
    dtype = None if precision == "float32" else getattr(torch, precision)
    with torch.inference_mode(), torch.autocast(device, dtype=dtype, enabled=dtype is not None):
        return trunk(encoded).float().cpu().numpy()


def embed_dataset(
    spec: DatasetSpec,
    model_name: str,
    settings: EmbedSettings | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> EmbeddingStore:
    """Embed the forward sequence and the reverse complement of every gene, and store them.

    A complete store is left before the model is loaded. The size is said, and compared with the free disk,
    before the first batch. Interrupted work resumes batch by batch, so that with the same
    batch size the bytes are the same.

    Parameters
    ----------
    spec
        A built dataset with a `genome`.
    settings, **keywords
        How: see `EmbedSettings`. With `force` a store that is there, or was begun, gives way.

    Raises
    ------
    ClasterError
        If weights, genome or dataset are missing or damaged, bins cannot be kept centred, the store is
        there or was started with other settings, or the disk is too small.
    """
    model = find_model(model_name)
    asked = EmbedSettings.of(settings, **keywords)
    folders = DatasetFolders.of(spec)
    folders.require_built()
    final = embedding_path(folders, model.name)
    files = find_weights(model, folder=asked.weights, revision=asked.revision)

    planned = partial(_plan, spec, model, files, asked, progress)
    if not asked.force and (final / "record.json").is_file():
        store = open_embeddings(folders, model.name)
        held = store.record
        _, record = planned(Geometry(held.length, held.bin, held.model_bins, held.channels))
        other = _difference(final / "record.json", record)
        if other in ("", "versions"):
            progress.say(f"{final} is complete")
            return store
        raise ClasterError(
            f"{final} exists and was made otherwise ({other})", remedy="pass --force to replace it"
        )
    device = resolve_device(asked.device)
    trunk = model.load(files.folder, trust_remote_code=asked.trust_remote_code).to(device)
    windows, record = planned(trunk.geometry)
    a_sample = 2 * record.channels * record.bins
    needed = a_sample * record.samples
    progress.say(
        f"{decimal(a_sample)} a sample, {decimal(2 * a_sample)} a gene (forward and rev), "
        f"{decimal(needed)} for {record.samples // 2:,} genes"
    )
    with lock_folder(sequence_folder(folders), name=f".{final.name}.lock"):
        begun = _open_begun(final, record, force=asked.force)
        written = sum(path.stat().st_size for path in begun.rglob("*") if path.is_file())
        require_disk(final.parent, needed=needed - written, named=final.name)
        _write_batches(begun, record, trunk, windows, device, asked.precision, progress)
        lines = [
            f"{sample_id(gene.gene_id, way)}\t{gene.chrom}\t{gene.tss}\n"
            for gene in windows.table.itertuples()
            for way in (FORWARD, REVERSE)
        ]
        write_text(begun / "samples.tsv", "ID\tchrom\ttss\n" + "".join(lines))
        (begun / "plan.json").rename(begun / "record.json")
        _remove_embedding_views(folders, model.name)
        replace_folder(final, begun)
    return EmbeddingStore(final, record)


def _remove_embedding_views(folders: DatasetFolders, model: str) -> None:
    """Remove the arrays that were made from the embeddings of one model, which are about to change."""
    for folder in folders.inputs.glob(f"{VIEW_PREFIX}embedding_*"):
        view = EmbeddingView.of_folder(folder.name)
        if view is not None and view.model == model:
            shutil.rmtree(folder)


def _write_batches(
    folder: Path,
    record: EmbeddingRecord,
    trunk: Trunk,
    windows: SequenceWindows,
    device: str,
    precision: StoredPrecision,
    progress: Progress,
) -> None:
    path = folder / "embeddings.zarr"
    array = _open_array(path, record)
    first = (trunk.geometry.bins - record.bins) // 2
    with progress.step(f"embed by {record.model}", record.samples) as step:
        for start in range(0, record.samples, record.batch_size):
            rows = range(start, min(start + record.batch_size, record.samples))
            # zarr gives the file of a sample its name when it is whole.
            if not all((path / "c" / str(row) / "0" / "0").is_file() for row in rows):
                letters = np.stack([windows.sample(row // 2, rev=row % 2 == 1) for row in rows])
                values = embed_letters(trunk, letters, device=device, precision=precision)
                values = values[..., first : first + record.bins]
                if not (np.abs(values) <= _LARGEST).all():
                    raise ClasterError(
                        f"{record.model} gives values that are not finite or beyond {_LARGEST:,.0f} in "
                        f"{record.precision}",
                        remedy="use --precision float32, or check its weights",
                    )
                for row, value in zip(rows, values, strict=True):
                    array[row] = value.astype(np.float16)
            step.advance(len(rows))


def _open_array(path: Path, record: EmbeddingRecord) -> Any:  # noqa: ANN401
    import zarr

    if (path / "zarr.json").is_file():
        return zarr.open_array(path, mode="r+")
    return zarr.create_array(
        path,
        shape=(record.samples, record.channels, record.bins),
        chunks=(1, record.channels, record.bins),
        dtype="float16",
        compressors=None,
        fill_value=float("nan"),
        dimension_names=("sample", "channel", "bin"),
    )


def _open_begun(final: Path, record: EmbeddingRecord, *, force: bool) -> Path:
    """Return the folder of work that was started with the same settings, or a new one."""
    begun = final.with_name(f".{final.name}.partial")
    plan = begun / "plan.json"
    if begun.is_dir() and (force or not plan.is_file()):
        shutil.rmtree(begun)
    if not begun.is_dir():
        begun.mkdir(parents=True)
        write_text(plan, record.model_dump_json(indent=2) + "\n")
    elif other := _difference(plan, record):
        raise ClasterError(
            f"{final} was started with other settings ({other})",
            remedy="run it with the same settings to resume it, or pass --force to start again",
        )
    return begun


def _plan(
    spec: DatasetSpec,
    model: SequenceModel,
    files: ModelFiles,
    asked: EmbedSettings,
    progress: Progress,
    geometry: Geometry,
) -> tuple[SequenceWindows, EmbeddingRecord]:
    """Return what is embedded, and the record of it."""
    windows = extract_windows(spec, length=geometry.length, progress=progress)
    bins, central = geometry.bins, asked.central_bins
    if central is not None and (not 1 <= central <= bins or (bins - central) % 2):
        raise ClasterError(
            f"{central} of {bins} bins cannot lie evenly around the TSS",
            remedy=f"choose --central-bins from {2 - bins % 2} to {bins}, "
            f"{'odd' if bins % 2 else 'even'}",
        )
    record = EmbeddingRecord(
        model=model.name,
        dataset=spec.name,
        length=geometry.length,
        bin=geometry.bin,
        bins=bins if central is None else central,
        model_bins=bins,
        channels=geometry.channels,
        samples=2 * len(windows.table),
        precision=asked.precision,
        batch_size=asked.batch_size,
        repository=model.repository,
        revision=files.revision,
        licence=model.licence,
        weights=files.hashes,
        genome={key: windows.genome[key] for key in ("path", "bytes", "sha256")},
        padded=int((windows.table["padded"] > 0).sum()),
        versions=versions(_PACKAGES),
    )
    return windows, record


def _difference(path: Path, record: EmbeddingRecord) -> str:
    there, wanted = read_json(path), record.model_dump(mode="json")
    return ", ".join(sorted(key for key in wanted if there.get(key) != wanted[key]))
