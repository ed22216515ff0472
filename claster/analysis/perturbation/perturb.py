"""Perturbation of a trained run."""

from functools import partial
from pathlib import Path

from claster.analysis.perturbation.candidates import elements_file
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.predictor import load_predictor
from claster.analysis.perturbation.record import Identity
from claster.analysis.perturbation.screen import run_screen
from claster.analysis.perturbation.settings import Centre, ScreenSettings, Verb, edit_settings
from claster.analysis.perturbation.spans import Edges
from claster.dataset.layout import Split
from claster.dataset.manifest import require_manifest
from claster.eir.content import Device
from claster.eir.ensemble import checked_dataset, member_runs
from claster.eir.runs import RunFolder, trained_weights
from claster.errors import ClasterError
from claster.files import require_file, sha256
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["perturb"]


def perturb(
    run: RunFolder | Path | str,
    *,
    verb: Verb = "silence",
    elements: Path | str | None = None,
    tracks: tuple[str, ...] = (),
    factors: tuple[float, ...] = (),
    shifts: tuple[int, ...] = (),
    gain_track: str = "H3K27me3",
    gain: float | None = None,
    locus: str | None = None,
    edges: Edges = "exact",
    pairs: Path | str | None = None,
    split: Split = "test",
    centre: Centre = "gene",
    width: int | None = None,
    reach: int = 200_000,
    around_tss: tuple[int, int] | None = None,
    activity_track: str = "H3K27ac",
    min_activity: float | None = None,
    activity_quantile: float | None = None,
    pseudocount: float = 1.0,
    controls: int = 100,
    average: bool = False,
    profiles: bool = False,
    seed: int = 0,
    name: str | None = None,
    shard: str | None = None,
    tsv: bool = False,
    project: Path | str = ".",
    device: Device = "auto",
    batch_size: int | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> ScreenFiles:
    """Edit marks over elements, predict before and after, and compare with control regions.

    Parameters
    ----------
    run
        A trained run, or an ensemble of them (`claster predict` of several); windows, genes and tracks are
        those of its dataset, which must be built.
    verb, tracks, factors, shifts, gain_track, gain, locus, edges, seed
        The edit, see `edit_settings`; `seed` chooses control regions too.
    elements
        BED or cCRE table; default: the dataset's own elements.
    pairs
        ``all``, or a table of two element IDs a line: elements that are edited together.
    split, centre, width, reach, around_tss, activity_track, min_activity, activity_quantile
        See `ScreenSettings`.
    pseudocount, controls, average
        See `ScreenSettings`.
    profiles
        Whether predicted profiles before and after every edit are kept.
    name
        The folder below ``<run>/perturb``; default: ``<verb>_<split>``.
    shard, tsv, force, progress
        See `run_screen`.
    project
        The project's folder.
    device, batch_size
        Where to compute, and how many windows at a time.

    Returns
    -------
    ScreenFiles

    Raises
    ------
    ClasterError
        If run, elements or settings have a fault, or the folder holds another screen.
    """
    run = run if isinstance(run, RunFolder) else RunFolder(Path(run))
    record, spec, folders = checked_dataset(run, project=project)
    members = member_runs(run, project=project)
    file = Path(elements) if elements is not None else None
    listed = Path(pairs) if pairs is not None and str(pairs) != "all" else None
    if verb == "swap" and pairs is None:
        raise ClasterError("'swap' without pairs of elements", remedy="give --pairs")
    settings = ScreenSettings(
        edit=edit_settings(
            spec,
            verb,
            tracks=tracks,
            factors=factors,
            shifts=shifts,
            gain_track=gain_track,
            gain=gain,
            scales=record.scales or require_manifest(folders).scales,
            locus=locus,
            edges=edges,
            seed=seed,
        ),
        split=split,
        centre=centre,
        width=width,
        reach=reach,
        around_tss=around_tss,
        activity_track=activity_track,
        min_activity=min_activity,
        activity_quantile=activity_quantile,
        combine="none" if pairs is None else "listed" if listed else "all",
        pseudocount=pseudocount,
        controls=controls,
        average=average,
        profiles=profiles,
        seed=seed,
    )
    weights = [sha256(trained_weights(member)[1]) for member in members]
    found = elements_file(spec, file)
    identity = Identity(
        run=record.name,
        weights=" ".join(weights),
        dataset=sha256(folders.manifest),
        elements_file=found.name,
        elements=sha256(found),
        pairs=sha256(require_file(listed, named="pairs of elements", remedy="check the file name"))
        if listed
        else None,
        settings=settings,
        version=versions(["claster"])["claster"],
    )

    return run_screen(
        run.path / "perturb" / (name or f"{verb}_{split}"),
        identity,
        spec=spec,
        folders=folders,
        elements=file,
        pairs=listed,
        load=partial(
            load_predictor,
            run,
            spec,
            device=device,
            batch_size=batch_size,
            project=project,
            progress=progress,
        ),
        shard=shard,
        tsv=tsv,
        force=force,
        progress=progress,
    )
