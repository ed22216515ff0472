"""A screen from its plan to its files: resumed, in shards, skipped when nothing has changed."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from claster.analysis.perturbation.assemble import assemble_effects
from claster.analysis.perturbation.folder import ScreenFiles, claim_folder
from claster.analysis.perturbation.measure import measure_windows
from claster.analysis.perturbation.output import (
    MERGE,
    write_change_tracks,
    write_links,
    write_table,
)
from claster.analysis.perturbation.parts import parse_shard
from claster.analysis.perturbation.record import Identity, ScreenRecord
from claster.analysis.perturbation.transplant import cut_piece
from claster.analysis.perturbation.windows import (
    Predictor,
    average_mirrored,
    built_window,
    source_window,
)
from claster.analysis.perturbation.world import World, read_world, ready_plan
from claster.dataset.layout import DatasetFolders
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import write_text
from claster.lock import lock_folder
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["run_screen"]

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
