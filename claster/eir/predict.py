"""Prediction of a dataset with one or several runs: a table, and tracks for a browser."""

import hashlib
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table, read_ids, read_targets
from claster.dataset.load import NoDatasetError, load_dataset
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView, View, network_window, readable, write_view
from claster.eir.adopt import adopt_run
from claster.eir.machine import resolve_device
from claster.eir.predictions import (
    TRACK_KINDS,
    average_orientations,
    average_runs,
    prediction_table,
    write_tracks,
)
from claster.eir.preflight import require_predictable
from claster.eir.runs import (
    RunFolder,
    RunRecord,
    read_run,
    require_complete,
    require_model,
    run_views,
    trained_weights,
)
from claster.eir.settings import PredictSettings
from claster.eir.trained_on import (
    ensemble_folder,
    member_runs,
    require_same_divisors,
    require_same_inputs,
    require_same_weights,
)
from claster.eir.trained_programs import predict_by_program
from claster.errors import ClasterError
from claster.files import atomic_path, sha256
from claster.progress import SILENT, Progress
from claster.settings import Device, Split
from claster.text import read_npy
from claster.times import note_time

_BLOCK = 1024
"""Samples of a block; a multiple of every batch size that is chosen without being asked for."""


def predict(
    runs: RunFolder | Path | str | Sequence[RunFolder | Path | str],
    settings: PredictSettings | None = None,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> Path:
    """Predict a split, or another dataset, with the best models of one or several runs.

    Predictions are on the scale of the target (reads). The network may go below 0, which
    transcription cannot: such values become 0, and `progress` says how many there were. A prediction in
    memory that was killed resumes after the blocks of 1,024 samples that it had finished.

    Parameters
    ----------
    runs
        The run, or several whose predictions are averaged (seeds, folds, flavours).
    settings, **keywords
        What: see `PredictSettings`. The inputs of another `dataset`, a name or the path of a YAML, must be
        made as those that the run was trained on. `through` ``memory`` and ``eirpredict`` give the same, the
        latter for tabular outputs. With `average` each gene gets the mean of what is predicted from its
        window and, turned back, from the mirrored one; else each orientation keeps its own. The mean of
        several runs lies in `out`, default ``runs/<dataset>/ensemble``.

    Returns
    -------
    Path
        ``predictions/<split>.parquet`` in the run's folder (``<dataset>.parquet`` or
        ``<dataset>_<split>.parquet`` for another dataset). Samples x target columns, float32, indexed
        by sample name, forward and rev. Of several runs it is the mean, and
        ``<split>.spread.parquet`` their standard deviation.

    Raises
    ------
    ClasterError
        If a run is not complete or named twice, the dataset has a fault or is made otherwise, `out` is
        given for one run, or EIR fails.
    """
    begun = time.monotonic()
    asked = PredictSettings.of(settings, **keywords)
    listed = [runs] if isinstance(runs, RunFolder | Path | str) else list(runs)
    folders = [RunFolder.of(run) for run in listed]
    if len(folders) == 1 and asked.out is not None:
        raise ClasterError(
            "--out is for the mean of several runs, and one is given",
            remedy=f"leave it out: predictions of one run lie in {folders[0].path / 'predictions'}",
        )
    if len({run.path.resolve() for run in folders}) < len(folders):
        raise ClasterError("a run is named twice", remedy="name each run once")
    records = [_complete(run, progress) for run in folders]
    pairs = list(zip(folders, records, strict=True))
    device = resolve_device(asked.device)
    spec = _dataset(asked.dataset, folders[0], records[0])
    own = spec.name == records[0].dataset_name
    for run, record in pairs:
        require_same_inputs(run, record, spec)
    target = (records[0].trained_on or spec).require_target()
    sizes = _chromosome_sizes(spec) if asked.tracks != "none" else {}
    into = (
        folders[0] if len(folders) == 1 else ensemble_folder(folders, records, spec, out=asked.out)
    )
    views = {view.folder: view for pair in pairs for view in _arrays_read(*pair, spec)}
    split = asked.split or ("test" if own else "all")
    samples = _samples(spec, split, [views[name] for name in sorted(views)], progress=progress)
    for run, record in pairs:
        require_same_divisors(record, spec)
        require_same_weights(run, record, DatasetFolders.of(spec))
    name: str = split
    if not own:
        name = f"{spec.name}_{split}" if asked.split else spec.name
    tables = []
    for run, record in pairs:
        if asked.through == "memory":
            table = predict_in_memory(
                run,
                spec,
                samples,
                device=device,
                table=run.predictions(name),
                batch_size=asked.batch_size,
                progress=progress,
            )
        else:
            parts = [
                predict_by_program(
                    run, record, spec, part, ids=ids, device=device, progress=progress
                )
                for part, ids in samples.items()
            ]
            table = pd.concat(parts)
        if asked.average:
            table = average_orientations(table, target)
        tables.append(_without_negative(table, progress))
    path = into.predictions(name)
    _remove_older(path, target)
    table = tables[0]
    if len(tables) > 1:
        table, spread = average_runs(tables)
        _write(spread, path.with_suffix(".spread.parquet"), csv=asked.csv)
    _write(table, path, csv=asked.csv)
    for run in folders:
        shutil.rmtree(_blocks_of(run.predictions(name)), ignore_errors=True)
    if asked.tracks != "none":
        write_tracks(
            path.with_suffix(""),
            table,
            read_genes_table(DatasetFolders.of(spec)),
            target,
            observed=_observed(spec, target, samples, progress),
            sizes=sizes,
            merge=asked.tracks,
            progress=progress,
        )
    if len(folders) == 1:
        note_time(
            spec.project,
            "predict",
            dataset=spec.name,
            flavour=records[0].flavour,
            device=device,
            units=len(table),
            seconds=time.monotonic() - begun,
        )
    return path


def predict_missing(
    run: RunFolder,
    table: Path,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> None:
    """Predict with a run, or the members of an ensemble, where a table of its predictions is not there.

    Parameters
    ----------
    run, table
        The run, and the table that `keywords` lead to.
    progress, **keywords
        See `predict`.
    """
    if not table.is_file():
        members = member_runs(run)
        out = run.path if len(members) > 1 else None
        predict(members, out=out, progress=progress, **keywords)


def _complete(run: RunFolder, progress: Progress) -> RunRecord:
    if not run.record.exists() and (run.eir / "configs").is_dir():
        adopt_run(run)
        progress.say(f"{run.path} was trained by eirtrain itself: recorded as {run.record}")
    require_model(run)
    return require_complete(run)


def _dataset(named: str | None, run: RunFolder, record: RunRecord) -> DatasetSpec:
    try:
        return load_dataset(named or record.dataset, project=run.project)
    except NoDatasetError:
        if named or not run.exported_weights.is_file():
            raise
        raise ClasterError(
            f"{run.path} is a model without its dataset {record.dataset_name!r}",
            remedy="name a built dataset with such tracks and windows, with --dataset",
        ) from None


def _chromosome_sizes(spec: DatasetSpec) -> dict[str, int]:
    try:
        return spec.chromosome_sizes()
    except ClasterError as error:
        raise ClasterError(
            error.found, remedy=f"{error.remedy}, or pass --bigwig none for no tracks"
        ) from None


def _arrays_read(run: RunFolder, record: RunRecord, spec: DatasetSpec) -> Iterable[View]:
    """Return the arrays that a run is given; whole ones where it can do without some."""
    views = run_views(run).values()
    return map(ArrayView, readable(views, spec)) if record.drop_tracks else views


def _samples(
    spec: DatasetSpec,
    split: Split | Literal["all"],
    views: Sequence[View],
    *,
    progress: Progress,
) -> dict[Split, list[str]]:
    """Return checked sample names by split; of all splits those that hold any.

    Where a run reads a view of the arrays that is not there yet, it is written.
    """
    folders = DatasetFolders.of(spec)
    folders.require_built()
    for view in views:
        write_view(view, spec, progress=progress)
    wanted = [split] if split != "all" else [part for part in SPLITS if read_ids(folders, part)]
    return {part: require_predictable(views, spec, part, progress=progress) for part in wanted}


def predict_in_memory(
    run: RunFolder,
    spec: DatasetSpec,
    samples: Mapping[Split, Sequence[str]],
    *,
    device: Device,
    table: Path,
    batch_size: int | None,
    progress: Progress,
) -> pd.DataFrame:
    """Predict samples from their array files, by split: a table in reads, not cut off at 0.

    What a killed process had finished is kept in blocks beside `table`, which the prediction shall become,
    and not predicted again.
    """
    from claster.eir.inference import load_model, predict_windows  # EIR: many seconds

    with progress.step(f"load {run.path.name}") as step:
        step.describe("EIR starts")
        model = load_model(run, device=device)
    folders, views = DatasetFolders.of(spec), run_views(run)
    left_out = bool(read_run(run).drop_tracks)
    inputs = {name: view.folder for name, view in views.items()}
    if left_out:
        inputs = {name: name for name in readable(views.values(), spec)}
    split_of = {name: split for split, names in samples.items() for name in names}
    ids = list(split_of)
    blocks = _block_files(table, run, folders, ids)
    done = sum(len(ids[first : first + _BLOCK]) for first in blocks if blocks[first].is_file())
    if done:
        progress.say(f"{done:,} of {len(ids):,} samples were predicted before it was stopped")

    def windows(names: Sequence[str]) -> Iterator[dict[str, np.ndarray]]:
        rebuild = f"run 'claster data build {folders.name} --force'"
        for name in names:
            window = {
                modality: read_npy(
                    folders.arrays(folder, split_of[name]) / f"{name}.npy", remedy=rebuild
                )
                for modality, folder in inputs.items()
            }
            yield network_window(views, window, spec, model.spec) if left_out else window

    with progress.step(f"predict {' '.join(samples)}", len(ids) - done) as step:

        def predicted(names: Sequence[str]) -> Iterator[np.ndarray]:
            for profiles in predict_windows(model, windows(names), batch_size=batch_size):
                yield profiles
                step.advance()

        values = _fill_blocks(blocks, ids, model.profile_shape, predicted)
    return prediction_table(values, ids=ids, columns=model.target.columns)


def _blocks_of(table: Path) -> Path:
    return table.parent / f".{table.stem}.blocks"


def _block_files(
    table: Path, run: RunFolder, folders: DatasetFolders, ids: Sequence[str]
) -> dict[int, Path]:
    """Return the file of each block of one prediction, by the block's first sample.

    They belong to one model, one built dataset and one list of samples; those of another are thrown away.
    """
    told = hashlib.sha256(sha256(trained_weights(run)[1]).encode())
    if folders.manifest.is_file():
        told.update(sha256(folders.manifest).encode())
    told.update("\n".join(ids).encode())
    own = _blocks_of(table) / told.hexdigest()[:16]
    for other in set(_blocks_of(table).glob("*")) - {own}:
        shutil.rmtree(other)
    return {first: own / f"{first}.npy" for first in range(0, len(ids), _BLOCK)}


def _fill_blocks(
    blocks: Mapping[int, Path],
    ids: Sequence[str],
    shape: tuple[int, ...],
    predict: Callable[[Sequence[str]], Iterator[np.ndarray]],
) -> np.ndarray:
    """Return the predictions of all samples, float32; `shape` after the axis of samples."""
    values = np.empty((len(ids), *shape), np.float32)
    for first, file in blocks.items():
        block = values[first : first + _BLOCK]
        if file.is_file():
            block[:] = read_npy(file, remedy="remove it and run again")
            continue
        for row, profiles in enumerate(predict(ids[first : first + _BLOCK])):
            block[row] = profiles
        with atomic_path(file) as partial, partial.open("wb") as handle:
            np.save(handle, block)
    return values


def _without_negative(table: pd.DataFrame, progress: Progress) -> pd.DataFrame:
    negative = int((table.to_numpy() < 0).sum())
    if negative:
        progress.say(
            f"{negative:,} of {table.size:,} predicted values were below 0 and are now 0 "
            f"({100 * negative / table.size:.1f}%)"
        )
    return table.clip(lower=0)


def _remove_older(path: Path, target: TargetSpec) -> None:
    """Remove what an earlier prediction left beside its table, so that nothing old stands beside the new."""
    kinds = (*TRACK_KINDS, "low", "high")
    endings = [f"{group}.{kind}.bw" for group in target.groups for kind in kinds]
    endings += ["csv", "spread.parquet", "spread.csv", "low.parquet", "high.parquet"]
    endings += ["genes.csv", "shift.csv", "coverage.csv"]
    for ending in endings:
        path.with_suffix(f".{ending}").unlink(missing_ok=True)


def _write(table: pd.DataFrame, path: Path, *, csv: bool) -> None:
    with atomic_path(path) as partial:
        table.to_parquet(partial)
    if csv:
        with atomic_path(path.with_suffix(".csv")) as partial:
            table.to_csv(partial)


def _observed(
    spec: DatasetSpec,
    target: TargetSpec,
    splits: Iterable[Split],
    progress: Progress,
) -> pd.DataFrame | None:
    """Return the target tables of the splits as signal, None where the dataset has no such target."""
    if spec.target is None:
        return None
    if not set(target.columns) <= set(spec.target.columns):
        progress.say(f"the target of {spec.name!r} has other columns: no observed signal as track")
        return None
    folders = DatasetFolders.of(spec)
    paths = dict.fromkeys(folders.target_table(split) for split in splits)
    tables = [read_targets(path, transform=spec.target.transform) for path in paths]
    return pd.concat(tables)[target.columns]
