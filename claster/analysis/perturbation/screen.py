"""A screen from its plan to its files: resumed, in shards, skipped when nothing has changed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import tee
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import elements_file
from claster.analysis.perturbation.editor import cut_piece
from claster.analysis.perturbation.effects import assemble_effects
from claster.analysis.perturbation.folder import ScreenFiles, claim_folder, parse_shard
from claster.analysis.perturbation.inputs import World, read_world, ready_plan
from claster.analysis.perturbation.measure import (
    Predictor,
    Window,
    average_mirrored,
    built_window,
    measure_windows,
    source_window,
)
from claster.analysis.perturbation.output import (
    MERGE,
    write_change_tracks,
    write_links,
    write_table,
)
from claster.analysis.perturbation.settings import (
    Centre,
    Identity,
    ScreenRecord,
    ScreenSettings,
    Verb,
    edit_settings,
)
from claster.analysis.perturbation.spans import Edges
from claster.dataset.layout import DatasetFolders, Split
from claster.dataset.manifest import require_manifest
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import ArrayView
from claster.eir.eirpredict import input_folders
from claster.eir.ensemble import checked_dataset, member_runs
from claster.eir.runs import RunFolder, trained_weights
from claster.eir.yaml_files import Device
from claster.errors import ClasterError
from claster.files import require_file, sha256, write_text
from claster.lock import lock_folder
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["load_predictor", "perturb", "run_screen"]


def load_predictor(
    run: RunFolder,
    spec: DatasetSpec,
    *,
    device: Device = "auto",
    batch_size: int | None = None,
    project: Path | str = ".",
    progress: Progress = SILENT,
) -> Predictor:
    """Load the models of a run as what predicts whole windows; each is given what its flavour reads of them.

    Parameters
    ----------
    run, spec
        A trained run or an ensemble of them, whose mean signal is predicted; and its dataset.
    device, batch_size
        Where to compute, and how many windows at a time.
    project
        The project's folder.
    progress
        Where to report to.
    """
    from claster.eir.inference import load_model, predict_windows  # EIR: many seconds

    models = []
    with progress.step(f"load {run.path.name}") as step:
        step.describe("EIR starts")
        for member in member_runs(run, project=project):
            views = {name: ArrayView.of_folder(at) for name, at in input_folders(member).items()}
            models.append((load_model(member, device=device, project=project), views))

    def predict(windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        streams = [
            predict_windows(model, _cut(given, views, spec), batch_size=batch_size)
            for given, (model, views) in zip(tee(windows, len(models)), models, strict=True)
        ]
        for profiles in zip(*streams, strict=True):
            yield np.mean(profiles, axis=0)

    inputs = dict.fromkeys(name for model, _ in models for name in model.inputs)
    return Predictor(predict, tuple(inputs))


def _cut(
    windows: Iterable[Window], views: Mapping[str, ArrayView], spec: DatasetSpec
) -> Iterator[Window]:
    for window in windows:
        yield {name: view.cut(window[name], spec) for name, view in views.items()}


_PACKAGES = ("claster", "eir-dl", "torch", "numpy", "pandas", "scipy", "bioframe")


def run_screen(
    folder: Path,
    identity: Identity,
    *,
    spec: DatasetSpec,
    folders: DatasetFolders,
    elements: Path | None,
    pairs: Path | None,
    load: Callable[[], Predictor],
    shard: str | None = None,
    tsv: bool = False,
    force: bool = False,
    progress: Progress = SILENT,
) -> ScreenFiles:
    """Do a screen, or what is left of it.

    Parts that are there already are not done again, and the table is the same for any number of kills
    and shards. A whole screen with the same identity is left as it is.

    Parameters
    ----------
    folder
        Where to.
    identity
        What gives the screen its numbers, settings included.
    spec, folders
        The built dataset.
    elements
        BED or cCRE table; None for the dataset's own.
    pairs
        Table of elements that are edited together, where the settings say ``listed``.
    load
        Returns the model; called only when there is something to predict.
    shard
        ``i/n``: do every n-th part, beginning with the i-th, and put nothing together. The same call
        without it does so.
    tsv
        Whether the tables are written as TSV too.
    force
        Whether another screen in `folder` gives way.
    progress
        Where to report to; at the end, elements a second.

    Returns
    -------
    ScreenFiles

    Raises
    ------
    ClasterError
        If `folder` holds another screen, elements or settings do not fit the dataset, or another
        command does the same shard.
    """
    files = ScreenFiles(Path(folder))
    number, of = parse_shard(shard) if shard else (1, 1)
    with lock_folder(files.folder.parent, name=f".{files.folder.name}.{number}-{of}.lock"):
        if claim_folder(files, identity, force=force, shard=shard):
            progress.say(f"{files.folder} is as it would be made: nothing to do")
            if tsv:
                for path in (files.effects, files.controls):
                    write_table(pd.read_parquet(path), path, tsv=True)
            return files
        world = read_world(spec, folders, identity, elements, pairs, progress)
        plan, counts = ready_plan(files, world, spec, folders, identity, progress)
        seconds, done = _do_parts(
            files,
            plan,
            world,
            spec=spec,
            folders=folders,
            identity=identity,
            load=load,
            shard=(number, of),
            progress=progress,
        )
        rate = done / seconds if done else 0.0
        if done:
            progress.say(f"{done:,} edits in {seconds:.1f} s: {rate:.1f} elements/s")
        if shard:
            there = sum(files.parts.has(part) for part in range(counts["parts"]))
            progress.say(
                f"{there} of {counts['parts']} parts are there; the same command without --shard puts "
                "them together"
            )
            return files
        counts["rows_without_place"] = _put_together(
            files, plan, spec, identity, world.sizes, tsv=tsv
        )
        if counts["rows_without_place"]:
            progress.say(
                f"{counts['rows_without_place']:,} rows of the plan: the edit has no place there"
            )
        record = ScreenRecord(
            identity=identity,
            counts=counts,
            merge=MERGE,
            versions=versions(_PACKAGES),
            finished=datetime.now(UTC).isoformat(timespec="seconds"),
            seconds=round(seconds, 1),
            elements_per_second=round(rate, 1),
        )
        write_text(files.manifest, record.model_dump_json(indent=2) + "\n")
        files.parts.remove()
    return files


def _do_parts(
    files: ScreenFiles,
    plan: pd.DataFrame,
    world: World,
    *,
    spec: DatasetSpec,
    folders: DatasetFolders,
    identity: Identity,
    load: Callable[[], Predictor],
    shard: tuple[int, int],
    progress: Progress,
) -> tuple[float, int]:
    """Do the parts of a shard that are not there, and return seconds and edits."""
    number, of = shard
    settings = identity.settings
    mine = [part for part in range(int(plan["part"].max()) + 1) if part % of == number - 1]
    left = [part for part in mine if not files.parts.has(part)]
    if not left:
        return 0.0, 0
    todo = plan[plan["part"].isin(left)]
    edits = len(todo[["window", "element_id", "partner_id"]].drop_duplicates())
    edits *= len(settings.edit.doses)
    model = load()
    if "landscape" not in model.inputs:
        raise ClasterError(
            f"{identity.run} does not take landscapes, so there is nothing to edit",
            remedy="choose a run of a flavour with landscapes",
        )
    predict = average_mirrored(model.predict, spec) if settings.average else model.predict
    start = time.monotonic()
    with ExitStack() as stack:
        read = built_window(folders, split=settings.split, inputs=model.inputs)
        piece = None
        if settings.centre == "element" or settings.edit.locus is not None:
            sources = stack.enter_context(open_sources(spec))
            piece = cut_piece(spec, sources, settings.edit)
            if settings.centre == "element":
                read = source_window(spec, sources, divisors=world.divisors, inputs=model.inputs)
        step = stack.enter_context(progress.step("perturb", edits))
        for part in left:
            rows = todo[todo["part"] == part]
            step.describe(str(rows["chrom"].iloc[0]))
            measured = measure_windows(
                rows,
                read,
                predict,
                spec=spec,
                edit=settings.edit,
                annotated=world.annotated,
                piece=piece,
                divisors=world.divisors,
                step=step,
            )
            files.parts.write(part, measured, profiles=settings.profiles)
    return time.monotonic() - start, edits


def _put_together(
    files: ScreenFiles,
    plan: pd.DataFrame,
    spec: DatasetSpec,
    identity: Identity,
    sizes: dict[str, int],
    *,
    tsv: bool,
) -> int:
    """Write the files of a screen whose parts are all there; return how many edits had no place."""
    parts = int(plan["part"].max()) + 1
    measured = files.parts.read_effects(parts)
    effects, controls = assemble_effects(plan, measured, settings=identity.settings, spec=spec)
    write_table(effects, files.effects, tsv=tsv)
    write_table(controls, files.controls, tsv=tsv)
    write_links(effects, files.folder)
    names, change = files.parts.read_change(parts)
    windows = plan.drop_duplicates("window").set_index("window").loc[names, ["chrom", "centre"]]
    write_change_tracks(
        files.folder, windows.reset_index(drop=True), change, spec.require_target(), sizes=sizes
    )
    if identity.settings.profiles:
        write_table(files.parts.read_profiles(parts), files.profiles, tsv=False)
    there = len(measured.drop_duplicates(["row", "dose"]))
    return len(plan) * len(identity.settings.edit.doses) - there


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
