"""Attribution of a trained run's predictions to its inputs."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from claster.analysis.attribution.blocks import BlockGrid, block_grid
from claster.analysis.attribution.explain import Cut, Explainer
from claster.analysis.attribution.genes import (
    Gathered,
    choose_genes,
    element_pairs,
    explain_genes,
)
from claster.analysis.attribution.inputs import (
    CONTACTS,
    Explained,
    attribution_settings,
    explained_run,
    training_baselines,
)
from claster.analysis.attribution.latents import attribute_latents
from claster.analysis.attribution.locality import CentredMaps, CentredTracks
from claster.analysis.attribution.output import (
    COLUMNS,
    PACKAGES,
    AttributionFiles,
    AttributionRecord,
    is_there,
    prediction_unit,
    write_attributions,
    write_bigwigs,
)
from claster.analysis.attribution.settings import (
    AttributeSettings,
    AttributionSettings,
    Identity,
)
from claster.analysis.bootstrap import locus_blocks
from claster.analysis.perturbation.candidates import read_candidates, tell_candidates
from claster.dataset.layout import read_genes_table
from claster.eir.arrays import on_scale
from claster.eir.machine import resolve_device
from claster.eir.runs import RunFolder, now
from claster.files import atomic_folder, require_file, sha256
from claster.genome.gene_names import genes_called
from claster.progress import SILENT, Progress, duration
from claster.settings import Device
from claster.times import note_time
from claster.versions import versions

_COMPARED = 8
"""Of so many blocks one is occluded where another method is compared with occlusion."""

_MANY = 20
"""Genes from which on it is told how long they take."""


def attribute(
    run: RunFolder | Path | str,
    settings: AttributeSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> AttributionFiles:
    """Attribute predictions to bins of the tracks and to the contact map.

    Parameters
    ----------
    run
        A trained run; its dataset must be built.
    settings, keywords
        What is done: `AttributeSettings`, or its fields. Genes with `bigwig` are explained too.
    progress
        Where to report to; at the end, genes a second.

    Raises
    ------
    ClasterError
        If run, genes, bins, tracks or elements have a fault, or the folder holds something else.
    """
    asked = AttributeSettings.of(settings, **keywords)
    explained = explained_run(run)
    if asked.latents:
        return attribute_latents(explained, asked, progress=progress)
    started = time.monotonic()
    settled = attribution_settings(asked, explained)
    everyone = read_genes_table(explained.folders)
    here = everyone[everyone["split"] == asked.split]
    chosen = choose_genes(here, asked.genes, asked.bigwig, split=asked.split, seed=asked.seed)
    file = asked.elements
    if file is not None:
        require_file(file, named="elements", remedy="check the file name")
    identity = Identity(
        run=explained.record.name,
        weights=sha256(explained.weights),
        dataset=sha256(explained.folders.manifest),
        elements=sha256(file) if file else None,
        bigwig=asked.bigwig,
        settings=settled,
        version=versions(["claster"])["claster"],
    )
    name = asked.name or f"{asked.method}_{asked.split}"
    files = AttributionFiles(explained.run.path / "attributions" / name)
    if is_there(files, identity, force=asked.force):
        progress.say(f"{files.folder} is up to date")
        return files
    spec, seen = explained.spec, explained.seen
    target = spec.require_target()
    pairs = None
    if file is not None:
        candidates, found = read_candidates(spec, file, sizes=spec.chromosome_sizes())
        progress.say(tell_candidates(found))
        pairs = element_pairs(chosen, candidates, everyone, reach=settled.reach)
    drawn = np.random.default_rng([asked.seed, 1]).permutation(len(chosen))[: asked.compare]
    chosen = chosen.assign(
        locus=locus_blocks(chosen, target.binning, length=spec.window.binning.width),
        compared=np.isin(np.arange(len(chosen)), drawn),
    )
    loci = int(chosen["locus"].max()) + 1
    kept = chosen[chosen["gene_id"].isin(sum(genes_called(here, asked.bigwig), ()))]
    starts = training_baselines(settled.baselines, explained)
    shapes = {key: array.shape for key, array in starts[settled.baselines[0]].items()}
    explainer = _explainer(
        explained,
        settled,
        shapes,
        device=asked.device,
        batch_size=asked.batch_size,
        progress=progress,
    )
    explain = partial(
        explain_genes,
        explained=explained,
        explainer=explainer,
        baselines=starts,
        settings=settled,
    )
    if len(chosen) >= _MANY:
        thrown = _nothing(explained, shapes, explainer.grid.labels, loci)
        progress.say(_tell_time(chosen, partial(explain, gathered=thrown)))
    gathered = _nothing(explained, shapes, explainer.grid.labels, loci)
    gathered.pairs, gathered.keep = pairs, frozenset(kept["gene_id"])
    begun = time.monotonic()
    with progress.step("attribute", len(chosen)) as step:
        explain(chosen, gathered=gathered, step=step)
    seconds = time.monotonic() - begun
    counts = {
        "genes": len(chosen),
        "bins": sum(len(rows) - 1 for rows in gathered.targets),
        "loci": loci,
        "compared_genes": int(chosen["compared"].sum()),
        "pairs": 0 if pairs is None else len(pairs),
    }
    record = AttributionRecord(
        identity=identity,
        counts=counts,
        unit=prediction_unit(on_scale(spec, explained.record.transform), asked.scale),
        contacts=seen.maps,
        columns=COLUMNS,
        device=str(explainer.device),
        versions=versions(PACKAGES),
        finished=now(),
        seconds=round(seconds, 1),
        genes_per_second=round(len(chosen) / seconds, 3),
    )
    with atomic_folder(files.folder, replace=asked.force) as folder:
        said = write_attributions(
            AttributionFiles(folder),
            gathered,
            tracks=seen.tracks,
            settings=settled,
            record=record,
        )
        if seen.binning is not None and not kept.empty:
            write_bigwigs(
                folder / "bigwig",
                kept,
                gathered.profiles,
                tracks=seen.tracks,
                binning=seen.binning,
                sizes=spec.chromosome_sizes(),
            )
    for sentence in said:
        progress.say(sentence)
    progress.say(
        f"{len(chosen):,} genes in {seconds:.1f} s: {len(chosen) / seconds:.2f} genes/s "
        f"({counts['compared_genes']} of them with other methods and baselines)"
    )
    note_time(
        spec.project,
        "attribute",
        dataset=spec.name,
        flavour=explained.record.flavour,
        device=resolve_device(asked.device),
        units=len(chosen),
        seconds=time.monotonic() - started,
    )
    return files


def _tell_time(genes: pd.DataFrame, explain: Callable[..., None]) -> str:
    """Return how long it takes by the time of a gene, and what would shorten it."""
    seconds = []
    with SILENT.step("") as step:
        for compared in (False, False, True):  # the first one loads and allocates
            start = time.monotonic()
            explain(genes[:1].assign(compared=compared & genes["compared"].any()), step=step)
            seconds.append(time.monotonic() - start)
    _, plain, both = seconds
    comparing = max(both - plain, 0) * int(genes["compared"].sum())
    total = plain * len(genes) + comparing
    shorter = "fewer --compare" if comparing > total / 2 else "fewer --steps or --bins"
    return f"{len(genes):,} genes in about {duration(total)}; {shorter} take less"


def _explainer(
    explained: Explained,
    settings: AttributionSettings,
    shapes: Mapping[str, tuple[int, ...]],
    *,
    device: Device,
    batch_size: int | None,
    progress: Progress,
) -> Explainer:
    import torch

    from claster.eir.first_layer import cut_network, first_layer
    from claster.eir.inference import load_model, predict_tensors  # EIR: many seconds

    with progress.step(f"load {explained.run.path.name}") as step:
        step.describe("EIR starts")
        model = load_model(explained.run, device=device)

    def forward(inputs: Mapping[str, Tensor]) -> Tensor:
        given = explained.seen.network_inputs(inputs, explained.spec)
        return predict_tensors(
            model,
            landscape=given.get("landscape"),
            contacts=given.get("contacts"),
            activity=given.get("activity"),
            scale=settings.scale,
            reuse=None if torch.is_grad_enabled() else reuse,
        )

    def rest(inputs: Mapping[str, Tensor]) -> Tensor:
        return predict_tensors(
            model,
            landscape=inputs.get("landscape"),
            contacts=inputs.get("contacts"),
            scale=settings.scale,
            behind=halves,
        )

    # Activity is made of the landscape as well, so that nothing affine comes first.
    halves = cut_network(model.network) if explained.seen.network is None else None
    reuse = first_layer(model.network, model.device)
    grid = block_grid(
        explained.seen,
        shapes,
        rows=settings.tracks,
        block=settings.block,
        map_block=settings.map_block,
    )
    if settings.method != "occlusion":  # then blocks are for comparisons alone
        grid = BlockGrid(grid.blocks[::_COMPARED], grid.labels[::_COMPARED])
    return Explainer(
        forward,
        model.device,
        explained.seen,
        settings.tracks,
        grid,
        steps=settings.steps,
        batch_size=batch_size,
        cut=Cut({"landscape": halves.first}, rest) if halves else None,
    )


def _nothing(
    explained: Explained, shapes: Mapping[str, tuple[int, ...]], labels: np.ndarray, loci: int
) -> Gathered:
    """Return what genes are gathered into; `shapes` are those of a sample."""
    seen, target = explained.seen, explained.spec.require_target().binning
    tracks = maps = None
    if seen.binning is not None:
        tracks = CentredTracks(seen.binning, target, tracks=len(seen.tracks), loci=loci)
    if seen.maps is not None:
        rows, columns = shapes[CONTACTS]
        maps = CentredMaps(seen.maps, target, (rows, columns))
    return Gathered(tracks, maps, labels)
