"""A screen from its plan to its files: resumed, in shards, skipped when nothing has changed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from itertools import tee
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import elements_file
from claster.analysis.perturbation.editor import Editor, cut_piece
from claster.analysis.perturbation.effects import assemble_effects
from claster.analysis.perturbation.folder import (
    MERGE,
    ScreenFiles,
    claim_folder,
    write_change_tracks,
    write_links,
    write_table,
)
from claster.analysis.perturbation.inputs import Screen, ScreenInputs, read_inputs
from claster.analysis.perturbation.measure import (
    Measured,
    Predictor,
    Window,
    average_mirrored,
    built_window,
    measure_windows,
    source_window,
)
from claster.analysis.perturbation.plan import ready_plan, screen_settings
from claster.analysis.perturbation.settings import (
    Identity,
    PerturbSettings,
    ScreenRecord,
)
from claster.dataset.manifest import require_manifest
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import View, network_window, readable, view_of_folder
from claster.eir.ensemble import checked_dataset, member_runs
from claster.eir.machine import resolve_device
from claster.eir.runs import RunFolder, input_folders, trained_weights
from claster.errors import ClasterError
from claster.files import require_file, sha256, write_text
from claster.lock import lock_folder
from claster.progress import SILENT, Progress, duration
from claster.settings import Device, parse_shard
from claster.text import read_parquet, read_record
from claster.times import note_time
from claster.versions import versions


def load_predictor(
    run: RunFolder,
    spec: DatasetSpec,
    *,
    device: Device = "auto",
    batch_size: int | None = None,
    apart: bool = False,
    progress: Progress = SILENT,
) -> Predictor:
    """Load the models of a run as what predicts whole windows; each is given what its flavour reads of them.

    Parameters
    ----------
    run, spec
        A trained run or an ensemble of them, whose mean signal is predicted; and its dataset.
    device, batch_size
        Where to compute, and how many windows at a time.
    apart
        Whether several runs are not averaged: profiles then have the members as their first axis.
    """
    from claster.eir.inference import load_model, predict_windows  # EIR: many seconds

    models = []
    with progress.step(f"load {run.path.name}") as step:
        step.describe("EIR starts")
        for member in member_runs(run):
            views = {name: view_of_folder(at) for name, at in input_folders(member).items()}
            models.append((load_model(member, device=device), views))

    def predict(windows: Iterable[Window], /) -> Iterator[np.ndarray]:
        streams = [
            predict_windows(
                model,
                _cut(given, views, spec, model.spec),
                batch_size=batch_size or _EDITS[model.device.type],
            )
            for given, (model, views) in zip(tee(windows, len(models)), models, strict=True)
        ]
        for profiles in zip(*streams, strict=True):
            yield np.stack(profiles) if apart and len(profiles) > 1 else np.mean(profiles, axis=0)

    every = [view for _, views in models for view in views.values()]
    return Predictor(predict, readable(every, spec))


def _cut(
    windows: Iterable[Window], views: Mapping[str, View], spec: DatasetSpec, trained: DatasetSpec
) -> Iterator[Window]:
    for window in windows:
        yield network_window(views, window, spec, trained)


_EDITS = {"cpu": 128, "cuda": 512}
"""Edited windows at a time: what is left of a small network takes longer to call than to do."""

_MANY = 2_000
"""Edits from which on it is told how long they take."""

_WARM_UP = 255
"""Edits of one window that tell it."""

_PACKAGES = ("claster", "eir-dl", "torch", "numpy", "pandas", "scipy", "bioframe")


def run_screen(
    screen: Screen,
    load: Callable[[], Predictor],
    *,
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
    screen
        What is done, on what, and where to.
    load
        Returns the model; called only when there is something to predict.
    shard
        ``i/n``: do every n-th part, beginning with the i-th, and put nothing together. The same call
        without it does so.
    tsv
        Whether the tables are written as TSV too.
    force
        Whether another screen in the folder gives way.
    progress
        Where to report to; at the end, elements a second.

    Raises
    ------
    ClasterError
        If the folder holds another screen, elements or settings do not fit the dataset, or another
        command does the same shard.
    """
    files, identity = screen.files, screen.identity
    number, of = parse_shard(shard) if shard else (1, 1)
    with lock_folder(files.folder.parent, name=f".{files.folder.name}.{number}-{of}.lock"):
        if claim_folder(files, identity, force=force, shard=shard):
            progress.say(f"{files.folder} is up to date")
            if tsv:
                for path in (files.effects, files.controls):
                    write_table(read_parquet(path), path, tsv=True)
            return files
        inputs = read_inputs(screen, progress)
        plan, counts = ready_plan(screen, inputs, progress)
        mine = plan[plan["part"] % of == number - 1]
        seconds, done = _do_parts(screen, mine, inputs, load, progress)
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
        counts["rows_without_place"] = _put_together(screen, plan, inputs.sizes, tsv=tsv)
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
    screen: Screen,
    plan: pd.DataFrame,
    inputs: ScreenInputs,
    load: Callable[[], Predictor],
    progress: Progress,
) -> tuple[float, int]:
    """Do the parts of a plan that are not there, and return seconds and edits."""
    spec, settings, files = screen.spec, screen.settings, screen.files
    left = [part for part in plan["part"].unique() if not files.parts.has(part)]
    if not left:
        return 0.0, 0
    todo = plan[plan["part"].isin(left)]
    edits = len(todo[["window", "element_id", "partner_id"]].drop_duplicates())
    edits *= len(settings.edit.doses)
    model = load()
    if "landscape" not in model.inputs:
        raise ClasterError(
            f"{screen.identity.run} does not take landscapes, so there is nothing to edit",
            remedy="choose a run of a flavour with landscapes",
        )
    predict = average_mirrored(model.predict, spec) if settings.average else model.predict
    with ExitStack() as stack:
        read = built_window(screen.folders, split=settings.split, inputs=model.inputs)
        piece = None
        if settings.centre == "element" or settings.edit.locus is not None:
            sources = stack.enter_context(open_sources(spec))
            piece = cut_piece(spec, sources, settings.edit)
            if settings.centre == "element":
                read = source_window(spec, sources, divisors=inputs.divisors, inputs=model.inputs)
        measure = partial(
            measure_windows,
            read=read,
            predict=predict,
            editor=Editor(spec, settings.edit, piece),
            annotated=inputs.annotated,
            divisors=inputs.divisors,
        )
        if edits >= _MANY:
            controls = int((todo["kind"] == "control").sum()) * len(settings.edit.doses)
            progress.say(_tell_time(todo, measure, edits, controls))
        start = time.monotonic()
        step = stack.enter_context(progress.step("perturb", edits))
        for part in left:
            rows = todo[todo["part"] == part]
            step.describe(str(rows["chrom"].iloc[0]))
            files.parts.write(part, measure(rows, step=step), profiles=settings.profiles)
    return time.monotonic() - start, edits


def _tell_time(
    plan: pd.DataFrame, measure: Callable[..., Measured], edits: int, controls: int
) -> str:
    """Return how long a screen takes by the time of a few edits, and what would shorten it."""
    some = plan[plan["window"] == plan["window"].iloc[0]].iloc[:_WARM_UP]
    with SILENT.step("") as step:
        measure(some, step=step)  # what is loaded and allocated once
        start = time.monotonic()
        measured = measure(some, step=step)
    done = len(measured.effects.drop_duplicates(["row", "dose"]))
    told = duration((time.monotonic() - start) / max(done, 1) * edits)
    shorter = "fewer --controls" if controls > edits / 2 else "a smaller --reach"
    return (
        f"{edits:,} edits, {controls:,} of them of control regions, in about {told}; {shorter}, or shards on "
        "several machines (--shard), take less"
    )


def _put_together(screen: Screen, plan: pd.DataFrame, sizes: dict[str, int], *, tsv: bool) -> int:
    """Write the files of a screen whose parts are all there; return how many edits had no place."""
    files, spec, settings = screen.files, screen.spec, screen.settings
    parts = int(plan["part"].max()) + 1
    measured = files.parts.read_effects(parts)
    effects, controls = assemble_effects(plan, measured, settings=settings, spec=spec)
    write_table(effects, files.effects, tsv=tsv)
    write_table(controls, files.controls, tsv=tsv)
    write_links(effects, files.folder)
    names, change = files.parts.read_change(parts)
    windows = plan.drop_duplicates("window").set_index("window").loc[names, ["chrom", "centre"]]
    write_change_tracks(
        files.folder, windows.reset_index(drop=True), change, spec.require_target(), sizes=sizes
    )
    if settings.profiles:
        write_table(files.parts.read_profiles(parts), files.profiles, tsv=False)
    there = len(measured.drop_duplicates(["row", "dose"]))
    return len(plan) * len(settings.edit.doses) - there


def perturb(
    run: RunFolder | Path | str,
    settings: PerturbSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> ScreenFiles:
    """Edit marks over elements, predict before and after, and compare with control regions.

    Parameters
    ----------
    run
        A trained run, or an ensemble of them (`claster predict` of several); windows, genes and tracks are
        those of its dataset, which must be built.
    settings, keywords
        What is done: `PerturbSettings`, or its fields.

    Raises
    ------
    ClasterError
        If run, elements or settings have a fault, or the folder holds another screen.
    """
    begun = time.monotonic()
    asked = PerturbSettings.of(settings, **keywords)
    run = RunFolder.of(run)
    record, spec, folders = checked_dataset(run)
    members = member_runs(run)
    scales = record.scales or require_manifest(folders).scales
    chosen = screen_settings(asked, spec, scales)
    weights = [sha256(trained_weights(member)[1]) for member in members]
    found, listed = elements_file(spec, asked.elements), asked.listed
    if listed:
        require_file(listed, named="pairs of elements", remedy="check the file name")
    identity = Identity(
        run=record.name,
        weights=" ".join(weights),
        dataset=sha256(folders.manifest),
        elements_file=found.name,
        elements=sha256(found),
        pairs=sha256(listed) if listed else None,
        settings=chosen,
        version=versions(["claster"])["claster"],
    )
    folder = run.path / "perturb" / (asked.name or f"{asked.verb}_{asked.split}")
    anew = asked.force or not folder.exists()
    files = run_screen(
        Screen(ScreenFiles(folder), identity, spec, folders, asked.elements, listed),
        partial(
            load_predictor,
            run,
            spec,
            device=asked.device,
            batch_size=asked.batch_size,
            apart=True,
            progress=progress,
        ),
        shard=asked.shard,
        tsv=asked.tsv,
        force=asked.force,
        progress=progress,
    )
    if anew and asked.shard is None and len(members) == 1:
        counts = read_record(files.manifest, ScreenRecord, remedy="pass --force").counts
        kinds = ("tested_pairs", "control_regions", "combined_elements")
        note_time(
            spec.project,
            "screen",
            dataset=spec.name,
            flavour=record.flavour,
            device=resolve_device(asked.device),
            units=sum(counts[kind] for kind in kinds) * len(chosen.edit.doses),
            seconds=time.monotonic() - begun,
        )
    return files
