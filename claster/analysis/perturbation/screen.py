"""A screen from its plan to its files: resumed, in shards, skipped when nothing has changed."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
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
    ScreenFiles,
    claim_folder,
    write_links,
    write_part,
    write_table,
)
from claster.analysis.perturbation.measure import (
    Measured,
    Predictor,
    Window,
    average_mirrored,
    built_window,
    measure_windows,
    source_window,
)
from claster.analysis.perturbation.plan import (
    Screen,
    edits_of,
    read_screen,
    ready_plan,
    screen_settings,
)
from claster.analysis.perturbation.settings import Identity, PerturbSettings, ScreenRecord
from claster.dataset.layout import DatasetFolders
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.sources import open_sources
from claster.dataset.spec import DatasetSpec
from claster.dataset.views import network_window, readable
from claster.eir.machine import resolve_device
from claster.eir.predictions import write_track
from claster.eir.runs import RunFolder, now, run_views, trained_weights
from claster.eir.trained_on import checked_dataset, member_runs
from claster.errors import ClasterError
from claster.files import lock_folder, require_file, sha256, write_text
from claster.progress import SILENT, Progress, duration
from claster.settings import Device, parse_shard
from claster.text import read_npz, read_parquet, read_record
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
            views = run_views(member)
            models.append((load_model(member, device=device), views))

    def predict(windows: Iterable[Window]) -> Iterator[np.ndarray]:
        streams = [
            predict_windows(
                model,
                map(partial(network_window, views, spec=spec, trained=model.spec), given),
                batch_size=batch_size or _EDITS[model.device.type],
            )
            for given, (model, views) in zip(tee(windows, len(models)), models, strict=True)
        ]
        for profiles in zip(*streams, strict=True):
            yield np.stack(profiles) if apart and len(profiles) > 1 else np.mean(profiles, axis=0)

    every = [view for _, views in models for view in views.values()]
    return Predictor(predict, readable(every, spec))


_EDITS = {"cpu": 128, "cuda": 512}
"""Edited windows at a time: what is left of a small network takes longer to call than to do."""

_MANY = 2_000
"""Edits from which on it is told how long they take."""

_WARM_UP = 255
"""Edits of one window that tell it."""

_PACKAGES = ("claster", "eir-dl", "torch", "numpy", "pandas", "scipy", "bioframe")


def run_screen(
    files: ScreenFiles,
    identity: Identity,
    spec: DatasetSpec,
    load: Callable[[], Predictor],
    asked: PerturbSettings,
    *,
    progress: Progress = SILENT,
) -> ScreenFiles:
    """Do a screen, or what is left of it.

    Parts that are there already are not done again, and the table is the same for any number of kills
    and shards. A whole screen with the same identity is left as it is.

    Parameters
    ----------
    files, identity
        Where it goes, and what gives it its numbers, settings included.
    spec
        A built dataset.
    load
        Returns the model; called only when there is something to predict.
    asked
        Files of elements and pairs, and `shard`, `tsv` and `force`. A shard ``i/n`` does every n-th part,
        beginning with the i-th, and puts nothing together; the same call without it does so.
    progress
        Where to report to; at the end, elements a second.

    Raises
    ------
    ClasterError
        If the folder holds another screen, elements or settings do not fit the dataset, or another
        command does the same shard.
    """
    shard = asked.shard
    number, of = parse_shard(shard) if shard else (1, 1)
    with lock_folder(files.folder.parent, name=f".{files.folder.name}.{number}-{of}.lock"):
        if claim_folder(files, identity, force=asked.force, shard=shard):
            progress.say(f"{files.folder} is up to date")
            if asked.tsv:
                for path in (files.effects, files.controls):
                    write_table(read_parquet(path), path, tsv=True)
            return files
        screen = read_screen(spec, identity.settings, asked, progress=progress)
        plan, counts = ready_plan(screen, files, progress)
        mine = plan[plan["part"] % of == number - 1]
        left = [part for part in mine["part"].unique() if not files.has_part(part)]
        todo = mine[mine["part"].isin(left)]
        done, seconds, rate = edits_of(todo, screen.settings), 0.0, 0.0
        if done:
            model = load()
            if "landscape" not in model.inputs:
                raise ClasterError(
                    f"{identity.run} does not take landscapes, so there is nothing to edit",
                    remedy="choose a run of a flavour with landscapes",
                )
            seconds = _do_parts(screen, files, todo, model, progress)
            rate = done / seconds
            progress.say(f"{done:,} edits in {seconds:.1f} s: {rate:.1f} elements/s")
        if shard:
            there = sum(files.has_part(part) for part in range(counts["parts"]))
            progress.say(
                f"{there} of {counts['parts']} parts are there; the same command without --shard puts "
                "them together"
            )
            return files
        counts["rows_without_place"] = _put_together(screen, files, plan, tsv=asked.tsv)
        if counts["rows_without_place"]:
            progress.say(
                f"{counts['rows_without_place']:,} rows of the plan: the edit has no place there"
            )
        record = ScreenRecord(
            identity=identity,
            counts=counts,
            merge=_MERGE,
            versions=versions(_PACKAGES),
            finished=now(),
            seconds=round(seconds, 1),
            elements_per_second=round(rate, 1),
        )
        write_text(files.manifest, record.model_dump_json(indent=2) + "\n")
        shutil.rmtree(files.parts, ignore_errors=True)
    return files


def _do_parts(
    screen: Screen, files: ScreenFiles, plan: pd.DataFrame, model: Predictor, progress: Progress
) -> float:
    """Do the parts of a plan, and return seconds."""
    spec, settings = screen.spec, screen.settings
    folders, edits = DatasetFolders.of(spec), edits_of(plan, settings)
    divisors = track_divisors(spec.tracks, require_manifest(folders).scales)
    with ExitStack() as stack:
        read = built_window(folders, split=settings.split, inputs=model.inputs)
        piece = None
        if settings.centre == "element" or settings.edit.locus is not None:
            sources = stack.enter_context(open_sources(spec))
            piece = cut_piece(spec, sources, settings.edit)
            if settings.centre == "element":
                read = source_window(spec, sources, divisors=divisors, inputs=model.inputs)
        measure = partial(
            measure_windows,
            read=read,
            predict=average_mirrored(model.predict, spec) if settings.average else model.predict,
            editor=Editor(spec, settings.edit, piece),
            annotated=screen.annotated,
            divisors=divisors,
        )
        if edits >= _MANY:
            controls = int((plan["kind"] == "control").sum()) * len(settings.edit.doses)
            progress.say(_tell_time(plan, measure, edits, controls))
        start = time.monotonic()
        step = stack.enter_context(progress.step("perturb", edits))
        for part, rows in plan.groupby("part"):
            step.describe(str(rows["chrom"].iloc[0]))
            write_part(files, part, measure(rows, step=step), profiles=settings.profiles)
    return time.monotonic() - start


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


_MERGE = (
    "a bin of a window holds, of the changes (perturbed - baseline) that its elements make, the one of the "
    "largest absolute value; a base under several windows that of the window whose centre is nearest"
)
"""How many elements and windows become one value a base."""


def _put_together(screen: Screen, files: ScreenFiles, plan: pd.DataFrame, *, tsv: bool) -> int:
    """Write the files of a screen whose parts are all there; return how many edits had no place."""
    spec, settings, target = screen.spec, screen.settings, screen.spec.require_target()
    parts = range(int(plan["part"].max()) + 1)
    tables = [read_parquet(files.part(part, "effects.parquet")) for part in parts]
    if not any(map(len, tables)):
        raise ClasterError(
            "none of the edits has a place: they would all leave their windows, or find no background",
            remedy="choose another verb, a smaller --shift or --locus, or fewer elements",
        )
    measured = pd.concat([table for table in tables if len(table)], ignore_index=True)
    effects, controls = assemble_effects(plan, measured, settings=settings, spec=spec)
    write_table(effects, files.effects, tsv=tsv)
    write_table(controls, files.controls, tsv=tsv)
    write_links(effects, files.folder)
    held = [read_npz(files.part(part, "change.npz"), remedy="pass --force") for part in parts]
    names, change = (np.concatenate([one[key] for one in held]) for key in ("windows", "change"))
    windows = plan.drop_duplicates("window").set_index("window").loc[names, ["chrom", "centre"]]
    windows, sizes = windows.rename(columns={"centre": "tss"}), spec.chromosome_sizes()
    for number, group in enumerate(target.groups):
        path = files.folder / f"change.{group}.bw"
        write_track(path, windows, change[:, number], binning=target.binning, sizes=sizes)
    if settings.profiles:
        profiles = [read_parquet(files.part(part, "profiles.parquet")) for part in parts]
        write_table(pd.concat(profiles, ignore_index=True), files.profiles, tsv=False)
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
    load = partial(
        load_predictor,
        run,
        spec,
        device=asked.device,
        batch_size=asked.batch_size,
        apart=True,
        progress=progress,
    )
    files = run_screen(ScreenFiles(folder), identity, spec, load, asked, progress=progress)
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
