"""How large the values of the tracks were that a model was trained on."""

from pathlib import Path

from claster.dataset.layout import DatasetFolders
from claster.dataset.load import load_dataset
from claster.dataset.manifest import read_manifest
from claster.dataset.scale import SignalScale
from claster.eir.runs import RunFolder, read_run
from claster.errors import ClasterError

__all__ = ["reference_scales"]


def reference_scales(named: str, *, project: Path | str = ".") -> dict[str, SignalScale]:
    """Return the scales of a run's training tracks, or of a built dataset's.

    Parameters
    ----------
    named
        A run folder such as ``runs/toy/pure_conv``, or a dataset; see `find_dataset`.
    project
        The project's folder.

    Returns
    -------
    dict of str to SignalScale
        By track name.

    Raises
    ------
    ClasterError
        If it is neither, is not built, or is older than these records.
    """
    project = Path(project)
    run = project / named
    if RunFolder(run).record.is_file():
        scales = read_run(run).scales
        remedy = "name its dataset instead, or train again"
    else:
        folders = DatasetFolders.of(load_dataset(named, project=project), project=project)
        folders.require_built()
        manifest = read_manifest(folders)
        scales = manifest.scales if manifest else {}
        remedy = f"run 'claster data build {named} --force'"
    if not scales:
        raise ClasterError(f"{named} has no record of its tracks' values", remedy=remedy)
    return scales
