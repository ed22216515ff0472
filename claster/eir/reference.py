"""What a model was trained on: how large its tracks' values were, and whose embeddings it read."""

import hashlib
from pathlib import Path

from claster.dataset.embeddings import EmbeddingView, open_embeddings
from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.manifest import read_manifest, require_manifest
from claster.dataset.scale import SignalScale, track_divisors
from claster.dataset.spec import DatasetSpec
from claster.eir.parts import Flavour
from claster.eir.runs import RunFolder, RunRecord, input_folders, read_run
from claster.errors import ClasterError


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


def require_same_divisors(record: RunRecord, spec: DatasetSpec) -> None:
    """Refuse a dataset whose tracks are divided by other numbers than those that a run was trained on.

    Raises
    ------
    ClasterError
        If a track with a `scale` (`TrackSpec`) is divided by another number.
    """
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


def embedding_weights(flavour: Flavour, folders: DatasetFolders) -> dict[str, str]:
    """Return, for the record of a run, one SHA-256 of the weights that made the embedding it reads."""
    block = flavour.inputs.get("embedding")
    if block is None or block.embedding is None:
        return {}
    model = block.embedding.model
    return {_named(model): _digest(folders, model)}


def require_same_weights(run: RunFolder, record: RunRecord, folders: DatasetFolders) -> None:
    """Refuse embeddings by other weights than those that a run was trained on.

    Raises
    ------
    ClasterError
        If they are, or the dataset has none.
    """
    for folder in input_folders(run).values():
        view = EmbeddingView.of_folder(folder)
        if view is not None and record.data.get(_named(view.model)) != _digest(folders, view.model):
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
