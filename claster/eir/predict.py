"""Prediction of a dataset with one or several runs: a table, and tracks for a browser."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from claster.dataset.layout import SPLITS, DatasetFolders, read_genes_table, read_ids, read_targets
from claster.dataset.load import NoDatasetError, load_dataset
from claster.dataset.signal_settings import TargetSpec
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import readable, view_of_folder, write_view
from claster.eir.adopt import adopt_run
from claster.eir.eirpredict import predict_by_program, predict_in_memory, remove_blocks
from claster.eir.ensemble import ensemble_folder, member_runs, require_same_inputs
from claster.eir.machine import resolve_device
from claster.eir.prediction_tracks import TRACK_KINDS, write_tracks
from claster.eir.predictions import average_orientations, prediction_table
from claster.eir.preflight import require_predictable
from claster.eir.reference import require_same_divisors, require_same_weights
from claster.eir.runs import RunFolder, RunRecord, input_folders, require_complete
from claster.eir.settings import PredictSettings
from claster.eir.trained_network import require_model
from claster.errors import ClasterError
from claster.files import atomic_path
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.times import note_time


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
    device = resolve_device(asked.device)
    spec = _dataset(asked.dataset, folders[0], records[0])
    own = spec.name == records[0].dataset_name
    for run, record in zip(folders, records, strict=True):
        require_same_inputs(run, record, spec)
    target = (records[0].trained_on or spec).require_target()
    sizes = _chromosome_sizes(spec) if asked.tracks != "none" else {}
    into = (
        folders[0] if len(folders) == 1 else ensemble_folder(folders, records, spec, out=asked.out)
    )
    samples = _samples(
        spec,
        asked.split or ("test" if own else "all"),
        sorted(
            {
                folder
                for run, record in zip(folders, records, strict=True)
                for folder in _arrays_read(run, record, spec)
            }
        ),
        progress=progress,
    )
    for run, record in zip(folders, records, strict=True):
        require_same_divisors(record, spec)
        require_same_weights(run, record, DatasetFolders.of(spec))
    name = _name(spec, asked.split, own=own)
    tables = []
    for run, record in zip(folders, records, strict=True):
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
                    run,
                    record,
                    spec,
                    part,
                    ids=ids,
                    device=device,
                    progress=progress,
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
        table, spread = _average_runs(tables)
        _write(spread, path.with_suffix(".spread.parquet"), csv=asked.csv)
    _write(table, path, csv=asked.csv)
    for run in folders:
        remove_blocks(run.predictions(name))
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


def _average_runs(tables: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mean of several runs' predictions and their standard deviation (n - 1)."""
    first = tables[0]
    if any(list(table.columns) != list(first.columns) for table in tables):
        raise ClasterError(
            "the runs predict different target columns", remedy="average runs with one target"
        )
    stack = np.stack([table.loc[first.index].to_numpy(np.float64) for table in tables])
    ids, columns = list(first.index), list(first.columns)
    return (
        prediction_table(stack.mean(axis=0), ids=ids, columns=columns),
        prediction_table(stack.std(axis=0, ddof=1), ids=ids, columns=columns),
    )


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
    if _can_be_adopted(run):
        adopt_run(run)
        progress.say(f"{run.path} was trained by eirtrain itself: recorded as {run.record}")
    require_model(run)
    return require_complete(run)


def _can_be_adopted(run: RunFolder) -> bool:
    """Tell whether EIR has trained into the run's `eir` folder and nobody has recorded it."""
    return not run.record.exists() and (run.eir / "configs").is_dir()


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


def _arrays_read(run: RunFolder, record: RunRecord, spec: DatasetSpec) -> Iterable[str]:
    """Return the folders of arrays that a run is given; whole ones where it can do without some."""
    folders = input_folders(run).values()
    if not record.drop_tracks:
        return folders
    return readable(map(view_of_folder, folders), spec)


def _samples(
    spec: DatasetSpec,
    split: Split | Literal["all"],
    arrays: Sequence[str],
    *,
    progress: Progress,
) -> dict[Split, list[str]]:
    """Return checked sample names by split; of all splits those that hold any.

    Where a run reads a view of the arrays that is not there yet, it is written.
    """
    folders = DatasetFolders.of(spec)
    folders.require_built()
    views = [view_of_folder(folder) for folder in arrays]
    for view in views:
        write_view(view, spec, progress=progress)
    wanted = [split] if split != "all" else [part for part in SPLITS if read_ids(folders, part)]
    return {part: require_predictable(views, spec, part, progress=progress) for part in wanted}


def _without_negative(table: pd.DataFrame, progress: Progress) -> pd.DataFrame:
    negative = int((table.to_numpy() < 0).sum())
    if negative:
        progress.say(
            f"{negative:,} of {table.size:,} predicted values were below 0 and are now 0 "
            f"({100 * negative / table.size:.1f}%)"
        )
    return table.clip(lower=0)


def _name(spec: DatasetSpec, split: str | None, *, own: bool) -> str:
    if own:
        return split or "test"
    return f"{spec.name}_{split}" if split else spec.name


def _remove_older(path: Path, target: TargetSpec) -> None:
    """Remove what an earlier prediction left beside its table, so that nothing old stands beside the new."""
    endings = [".csv", ".spread.parquet", ".spread.csv"]
    endings += [".low.parquet", ".high.parquet", ".genes.csv", ".shift.csv", ".coverage.csv"]
    kinds = (*TRACK_KINDS, "low", "high")
    endings += [f".{group}.{kind}.bw" for group in target.groups for kind in kinds]
    for ending in endings:
        path.with_suffix(ending).unlink(missing_ok=True)


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
