"""Embeddings of every sample of a dataset by one sequence model, stored once."""

import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from claster.text import read_json, read_text
from claster.versions import versions

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


_PACKAGES = ("claster", "torch", "transformers", "enformer-pytorch", "borzoi-pytorch", "zarr")
_LARGEST = float(np.finfo(np.float16).max)


def embed_letters(
    trunk: Trunk,
    letters: np.ndarray,
    *,
    device: str = "cpu",
    precision: StoredPrecision = "float32",
) -> np.ndarray:
    """Return the embeddings of a batch of sequences.

    Parameters
    ----------
    trunk
        On `device`, in evaluation mode.
    letters
        uint8, shape (samples, length).
    device, precision
        Where and in what to compute.

    Returns
    -------
    numpy.ndarray
        float32, shape (samples, channels, bins).
    """
    encoded = torch.from_numpy(np.ascontiguousarray(trunk.encode(letters))).to(device)
    with torch.inference_mode(), _computing(device, precision):
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

    def plan_for(geometry: Geometry) -> tuple[SequenceWindows, EmbeddingRecord, str]:
        windows = extract_windows(spec, length=geometry.length, progress=progress)
        kept = _kept_bins(geometry, asked.central_bins)
        record = _record(spec, model, files, geometry, windows, kept, asked)
        return windows, record, record.model_dump_json(indent=2) + "\n"

    if not asked.force and (final / "record.json").is_file():
        store = open_embeddings(folders, model.name)
        held = store.record
        plan = plan_for(Geometry(held.length, held.bin, held.model_bins, held.channels))[2]
        other = _difference(final / "record.json", plan)
        if other in ("", "versions"):
            progress.say(f"{final} is complete")
            return store
        raise ClasterError(
            f"{final} exists and was made otherwise ({other})", remedy="pass --force to replace it"
        )
    device = resolve_device(asked.device)
    trunk = model.load(files.folder, trust_remote_code=asked.trust_remote_code).to(device)
    windows, record, plan = plan_for(trunk.geometry)
    a_sample = 2 * record.channels * record.bins
    needed = a_sample * record.samples
    progress.say(
        f"{decimal(a_sample)} a sample, {decimal(2 * a_sample)} a gene (forward and rev), "
        f"{decimal(needed)} for {record.samples // 2:,} genes"
    )
    with lock_folder(sequence_folder(folders), name=f".{final.name}.lock"):
        partial = _open_partial(final, plan, force=asked.force)
        require_disk(final.parent, needed=needed - _bytes_of(partial), named=final.name)
        _write_batches(partial, record, trunk, windows, device, asked.precision, progress)
        _write_samples(partial, windows)
        (partial / "plan.json").rename(partial / "record.json")
        _remove_embedding_views(folders, model.name)
        replace_folder(final, partial)
    return EmbeddingStore(final, record)


def _remove_embedding_views(folders: DatasetFolders, model: str) -> None:
    """Remove the arrays that were made from the embeddings of one model, which are about to change."""
    for folder in folders.inputs.glob(f"{VIEW_PREFIX}embedding_*"):
        view = EmbeddingView.of_folder(folder.name)
        if view is not None and view.model == model:
            shutil.rmtree(folder)


def _write_batches(
    partial: Path,
    record: EmbeddingRecord,
    trunk: Trunk,
    windows: SequenceWindows,
    device: str,
    precision: StoredPrecision,
    progress: Progress,
) -> None:
    array = _open_array(partial / "embeddings.zarr", record)
    first = (trunk.geometry.bins - record.bins) // 2
    with progress.step(f"embed by {record.model}", record.samples) as step:
        for start in range(0, record.samples, record.batch_size):
            rows = range(start, min(start + record.batch_size, record.samples))
            if not all(_chunk(partial / "embeddings.zarr", row).is_file() for row in rows):
                letters = np.stack([windows.sample(row // 2, rev=row % 2 == 1) for row in rows])
                values = embed_letters(trunk, letters, device=device, precision=precision)
                values = values[..., first : first + record.bins]
                _require_storable(values, record)
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


def _chunk(array: Path, row: int) -> Path:
    """Return the file of one sample; zarr gives it its name when it is whole."""
    return array / "c" / str(row) / "0" / "0"


def _open_partial(final: Path, plan: str, *, force: bool) -> Path:
    """Return the folder of work that was started with the same settings, or a new one."""
    partial = final.with_name(f".{final.name}.partial")
    begun = partial / "plan.json"
    if partial.is_dir() and (force or not begun.is_file()):
        shutil.rmtree(partial)
    if not partial.is_dir():
        partial.mkdir(parents=True)
        write_text(begun, plan)
    elif read_text(begun) != plan:
        raise ClasterError(
            f"{final} was started with other settings ({_difference(begun, plan)})",
            remedy="run it with the same settings to resume it, or pass --force to start again",
        )
    return partial


def _write_samples(partial: Path, windows: SequenceWindows) -> None:
    lines = ["ID\tchrom\ttss"]
    for gene in windows.table.itertuples():
        for way in (FORWARD, REVERSE):
            lines.append(f"{sample_id(gene.gene_id, way)}\t{gene.chrom}\t{gene.tss}")
    write_text(partial / "samples.tsv", "\n".join(lines) + "\n")


def _record(
    spec: DatasetSpec,
    model: SequenceModel,
    files: ModelFiles,
    geometry: Geometry,
    windows: SequenceWindows,
    bins: int,
    asked: EmbedSettings,
) -> EmbeddingRecord:
    return EmbeddingRecord(
        model=model.name,
        dataset=spec.name,
        length=geometry.length,
        bin=geometry.bin,
        bins=bins,
        model_bins=geometry.bins,
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


def _kept_bins(geometry: Geometry, central: int | None) -> int:
    bins = geometry.bins
    if central is None:
        return bins
    if not 1 <= central <= bins or (bins - central) % 2:
        raise ClasterError(
            f"{central} of {bins} bins cannot lie evenly around the TSS",
            remedy=f"choose --central-bins from {2 - bins % 2} to {bins}, "
            f"{'odd' if bins % 2 else 'even'}",
        )
    return central


def _require_storable(values: np.ndarray, record: EmbeddingRecord) -> None:
    if not (np.abs(values) <= _LARGEST).all():
        raise ClasterError(
            f"{record.model} gives values that are not finite or beyond {_LARGEST:,.0f} in "
            f"{record.precision}",
            remedy="use --precision float32, or check its weights",
        )


def _difference(path: Path, plan: str) -> str:
    there, wanted = read_json(path), json.loads(plan)
    return ", ".join(sorted(key for key in wanted if there.get(key) != wanted[key]))


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _computing(device: str, precision: StoredPrecision) -> "AbstractContextManager[Any]":
    if precision == "float32":
        return nullcontext()
    return torch.autocast(device, dtype=getattr(torch, precision))
