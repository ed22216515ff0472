"""Which runs and datasets go together: one dataset for several runs, one mean of their predictions."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import sources_of, view_of_folder
from claster.eir.reference import require_same_divisors
from claster.eir.runs import RunFolder, RunRecord, input_folders, read_run, write_run
from claster.eir.target_part import run_dataset
from claster.errors import ClasterError
from claster.files import require_file


def require_same_inputs(run: RunFolder, record: RunRecord, spec: DatasetSpec) -> None:
    """Refuse a dataset whose arrays mean something else than those that a run was trained on.

    Raises
    ------
    ClasterError
        If tracks (names, order, scales, transforms), windows or contact maps differ; files may. For a run
        that was trained with tracks left out, some may be missing, in any order.
    """
    if record.trained_on is None:
        return
    there, here = _meaning(record.trained_on), _meaning(spec)
    remedy = "build a dataset like that one, or train on this one"
    sources = sources_of(view_of_folder(folder) for folder in input_folders(run).values())
    if record.drop_tracks:
        known, found = there["tracks"], here["tracks"]
        if strange := [name for name in found if name not in known]:
            raise ClasterError(
                f"{run.path} knows no track {', '.join(strange)} of dataset {spec.name!r}",
                remedy=f"name its tracks as there ({', '.join(known)}); it may have fewer",
            )
        there = {key: value for key, value in there.items() if key in here} | {"tracks": found}
    elif len(spec.tracks) < len(record.trained_on.tracks):
        remedy = (
            "train with --drop-tracks to predict without a track, or build a dataset like that one"
        )
    for key in there | here:
        if key.startswith("contacts") and "contacts" not in sources:
            continue
        if there.get(key) != here.get(key):
            raise ClasterError(
                f"'{key}' of dataset {spec.name!r} is {_in_words(here.get(key))}, and {run.path} was trained "
                f"with {_in_words(there.get(key))}",
                remedy=remedy,
            )


def checked_dataset(run: RunFolder) -> tuple[RunRecord, DatasetSpec, DatasetFolders]:
    """Return a run's record and its dataset, once that is known to be what the run was trained on.

    Raises
    ------
    ClasterError
        If there is no run, or its dataset is not built, or its arrays mean something else, or are divided
        by other numbers, than those that the run, or a member of the ensemble, was trained on.
    """
    record = read_run(run.path)
    spec = run_dataset(run, record)
    folders = DatasetFolders.of(spec)
    folders.require_built()
    for member in member_runs(run):
        trained = read_run(member.path)
        require_same_inputs(member, trained, spec)
        require_same_divisors(trained, spec)
    return record, spec, folders


def _meaning(spec: DatasetSpec) -> dict[str, Any]:
    """Return, by key, what gives the numbers of the inputs their meaning; file names do not."""
    parts = {
        **{
            f"tracks.{track.name}": track.model_dump(include=_MEANING_OF_A_TRACK)
            for track in spec.tracks
        },
        "window": spec.window.model_dump(),
        "contacts": spec.contacts.model_dump(exclude={"file"}) if spec.contacts else {},
    }
    return {
        "tracks": [track.name for track in spec.tracks],
        "summary": spec.summary,
        **{f"{part}.{key}": value for part, keys in parts.items() for key, value in keys.items()},
    }


_MEANING_OF_A_TRACK = {"scale", "transform", "floor", "clip"}


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "none" if value is None else str(value)


def ensemble_folder(
    runs: Sequence[RunFolder],
    records: Sequence[RunRecord],
    spec: DatasetSpec,
    *,
    out: Path | str | None,
) -> RunFolder:
    """Return the folder for the mean of several runs' predictions, with the record of what is averaged.

    Parameters
    ----------
    out
        The folder; None: ``runs/<dataset>/ensemble``.

    Raises
    ------
    ClasterError
        If it holds something else.
    """
    own = spec.project / "runs" / spec.name / "ensemble"
    folder = RunFolder(Path(out) if out else own, spec.project)
    members = tuple(
        str(
            run.path.relative_to(spec.project)
            if run.path.is_relative_to(spec.project)
            else run.path
        )
        for run in runs
    )
    if folder.path.exists() and (
        not folder.record.is_file() or read_run(folder.path).members != members
    ):
        raise ClasterError(
            f"{folder.path} exists and holds something other than the mean of these runs",
            remedy="choose another folder with --out",
        )
    now = datetime.now(UTC).isoformat(timespec="seconds")
    record = records[0].model_copy(
        update={
            "name": folder.path.name,
            "flavour": " + ".join(dict.fromkeys(record.flavour for record in records)),
            "tag": None,
            "seed": None,
            "command": (),
            "environment": {},
            "configurations": {},
            "started": now,
            "ended": now,
            "seconds": None,
            "checkpoint": None,
            "performance": None,
            "parameters": None,
            "started_from": None,
            "resumed": (),
            "members": members,
        }
    )
    write_run(folder, record)
    return folder


def member_runs(run: RunFolder | Path | str) -> list[RunFolder]:
    """Return the runs whose models predict for a run: the members of an ensemble, else the run itself.

    Parameters
    ----------
    run
        A run, or the folder of an ensemble.

    Raises
    ------
    ClasterError
        If there is no run, or a member is no longer there.
    """
    run = RunFolder.of(run)
    members = [RunFolder(run.project / member, run.project) for member in read_run(run).members]
    for member in members:
        require_file(
            member.record,
            named=f"member of {run.path}",
            remedy="restore it, or 'claster predict' the runs that are left together",
        )
    return members or [run]
