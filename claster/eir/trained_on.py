"""What a run was trained on, and which datasets and other runs go with it."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from claster.dataset.embeddings import EmbeddingView, open_embeddings
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import NoDatasetError, load_dataset
from claster.dataset.manifest import read_manifest, require_manifest
from claster.dataset.scale import SignalScale, track_divisors
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import sources_of
from claster.eir.arrays import narrowed
from claster.eir.parts import Flavour
from claster.eir.runs import RunFolder, RunRecord, now, read_run, run_views, write_run
from claster.errors import ClasterError
from claster.files import require_file

_MEANING_OF_A_TRACK = {"scale", "transform", "floor", "clip"}


def predicted_by(record: RunRecord, spec: DatasetSpec) -> DatasetSpec:
    """Return a dataset with the target bins that a run predicts."""
    trained = record.trained_on and record.trained_on.target
    return narrowed(spec, trained.bins) if trained else spec


def trained_dataset(run: RunFolder, record: RunRecord) -> DatasetSpec:
    """Return the dataset as it was when a run was trained; as it is now where an old run does not record it.

    Raises
    ------
    ClasterError
        If the dataset of an old run is not there or has a fault.
    """
    if record.trained_on is None:
        return load_dataset(record.dataset, project=run.project)
    return record.trained_on.within(run.project)


def run_dataset(run: RunFolder, record: RunRecord) -> DatasetSpec:
    """Return the dataset that a run names, with the target bins that the run predicts.

    Of an exported run that comes from elsewhere, whose dataset is not here, it is the one that it was
    trained on.

    Raises
    ------
    ClasterError
        If the dataset is not there or has a fault.
    """
    try:
        return predicted_by(record, load_dataset(record.dataset, project=run.project))
    except NoDatasetError:
        if record.trained_on is None or not run.exported_weights.is_file():
            raise
        return record.trained_on.within(run.project)


def checked_dataset(run: RunFolder) -> tuple[RunRecord, DatasetSpec, DatasetFolders]:
    """Return a run's record and its dataset, once that is known to be what the run was trained on.

    Raises
    ------
    ClasterError
        If the dataset is not built, or its arrays mean something else, or are divided by other numbers, than
        those that the run, or a member of the ensemble, was trained on.
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


def require_same_inputs(run: RunFolder, record: RunRecord, spec: DatasetSpec) -> None:
    """Refuse a dataset whose arrays mean something else than those that a run was trained on.

    Tracks (names, order, scales, transforms), windows and contact maps must be the same, files need not. For
    a run that was trained with tracks left out, some may be missing, in any order.
    """
    if record.trained_on is None:
        return
    there, here = _meaning(record.trained_on), _meaning(spec)
    remedy = "build a dataset like that one, or train on this one"
    sources = sources_of(run_views(run).values())
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


def _meaning(spec: DatasetSpec) -> dict[str, Any]:
    """Return, by key, what gives the numbers of the inputs their meaning; file names do not."""
    parts = {
        f"tracks.{track.name}": track.model_dump(include=_MEANING_OF_A_TRACK)
        for track in spec.tracks
    }
    parts["window"] = spec.window.model_dump()
    parts["contacts"] = spec.contacts.model_dump(exclude={"file"}) if spec.contacts else {}
    return {
        "tracks": [track.name for track in spec.tracks],
        "summary": spec.summary,
        **{f"{part}.{key}": value for part, keys in parts.items() for key, value in keys.items()},
    }


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "none" if value is None else str(value)


def require_same_divisors(record: RunRecord, spec: DatasetSpec) -> None:
    """Refuse a dataset whose tracks are divided by other numbers than those that a run was trained on."""
    if all(track.scale == "none" for track in spec.tracks):
        return
    manifest = require_manifest(DatasetFolders.of(spec))
    divisors = (track_divisors(spec.tracks, scales) for scales in (manifest.scales, record.scales))
    for track, found, wanted in zip(spec.tracks, *divisors, strict=True):
        if found != wanted:
            raise ClasterError(
                f"track {track.name} of dataset {spec.name!r} is divided by {found:g}, run {record.name} was "
                f"trained on values divided by {wanted:g}",
                remedy="train again"
                if spec.name == record.dataset_name
                else f"set 'scales_from: {record.dataset_name}' in its YAML and build it again",
            )


def built_from(
    folders: DatasetFolders, flavour: Flavour | None = None
) -> tuple[dict[str, SignalScale], dict[str, str]]:
    """Return how large the values of a dataset's tracks were, and the SHA-256 of each source file.

    Beside the files stands one SHA-256 of the weights that made the embedding that a flavour reads.
    """
    manifest = read_manifest(folders)
    data = {name: file.sha256 for name, file in manifest.sources.items()} if manifest else {}
    block = flavour.inputs.get("embedding") if flavour else None
    if block and block.embedding:
        model = block.embedding.model
        data[_named(model)] = _digest(folders, model)
    return (manifest.scales if manifest else {}), data


def require_same_weights(run: RunFolder, record: RunRecord, folders: DatasetFolders) -> None:
    """Refuse embeddings by other weights than those that a run was trained on."""
    for view in run_views(run).values():
        if not isinstance(view, EmbeddingView):
            continue
        if record.data.get(_named(view.model)) != _digest(folders, view.model):
            raise ClasterError(
                f"the embeddings of {folders.name!r} are by other weights of {view.model} than those that "
                f"{run.path} was trained on",
                remedy="train again, or embed with the weights that it was trained on",
            )


def _named(model: str) -> str:
    return f"weights of {model}"


def _digest(folders: DatasetFolders, model: str) -> str:
    files = open_embeddings(folders, model).record.weights
    return hashlib.sha256("".join(sorted(files.values())).encode()).hexdigest()


def reference_scales(named: str, *, project: Path | str = ".") -> dict[str, SignalScale]:
    """Return the scales of a run's training tracks, or of a built dataset's.

    Parameters
    ----------
    named
        A run folder such as ``runs/toy/pure_conv``, or a dataset; see `find_dataset`.

    Returns
    -------
    dict of str to SignalScale
        By track name.

    Raises
    ------
    ClasterError
        If it is neither, is not built, or is older than these records.
    """
    run = RunFolder(Path(project) / named)
    if run.record.is_file():
        scales = read_run(run).scales
        remedy = "name its dataset instead, or train again"
    else:
        folders = DatasetFolders.of(load_dataset(named, project=project))
        folders.require_built()
        manifest = read_manifest(folders)
        scales = manifest.scales if manifest else {}
        remedy = f"run 'claster data build {named} --force'"
    if not scales:
        raise ClasterError(f"{named} has no record of its tracks' values", remedy=remedy)
    return scales


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
    below = spec.project
    paths = [run.path for run in runs]
    members = tuple(str(p.relative_to(below) if p.is_relative_to(below) else p) for p in paths)
    if folder.path.exists() and (
        not folder.record.is_file() or read_run(folder.path).members != members
    ):
        raise ClasterError(
            f"{folder.path} exists and holds something other than the mean of these runs",
            remedy="choose another folder with --out",
        )
    record = records[0].model_copy(
        update={
            "name": folder.path.name,
            "flavour": " + ".join(dict.fromkeys(record.flavour for record in records)),
            "tag": None,
            "seed": None,
            "command": (),
            "environment": {},
            "configurations": {},
            "started": now(),
            "ended": now(),
            **dict.fromkeys(("seconds", "checkpoint", "performance", "parameters", "started_from")),
            "resumed": (),
            "members": members,
        }
    )
    write_run(folder, record)
    return folder
