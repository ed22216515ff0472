"""Attribution of a trained run's predictions to its inputs."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from claster.analysis.attribution.blocks import Compared, block_grid
from claster.analysis.attribution.explain import Cut, Explainer
from claster.analysis.attribution.genes import Gathered, element_pairs, explain_genes
from claster.analysis.attribution.inputs import CONTACTS, Seen, training_baselines
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
    Baseline,
    Identity,
    choose_baselines,
)
from claster.analysis.attribution.targets import (
    Explained,
    choose_condition,
    choose_genes,
    choose_rows,
    explained_run,
    require_bins,
)
from claster.analysis.bootstrap import locus_blocks
from claster.analysis.perturbation.candidates import read_candidates, tell_candidates
from claster.dataset.layout import read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.eir.arrays import on_scale
from claster.eir.machine import resolve_device
from claster.eir.runs import RunFolder, read_run
from claster.errors import ClasterError
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
    if asked.latents:
        return attribute_latents(run, asked, progress=progress)
    return _attribute(explained_run(run), asked, progress)


def _attribute(
    explained: Explained, asked: AttributeSettings, progress: Progress
) -> AttributionFiles:
    started = time.monotonic()
    spec, seen, trained = explained.spec, explained.seen, read_run(explained.run.path)
    target = spec.require_target()
    require_bins(asked.bins, target)
    if (asked.elements is not None or asked.bigwig) and seen.binning is None:
        raise ClasterError(
            f"{explained.run.path} sees no landscape, so elements and bigWigs have no attribution",
            remedy="leave them out, or choose a run of a flavour with landscapes",
        )
    settings = _settings(asked, explained)
    everyone = read_genes_table(explained.folders)
    here = everyone[everyone["split"] == asked.split]
    chosen = choose_genes(here, asked.genes, asked.bigwig, split=asked.split, seed=asked.seed)
    file = asked.elements
    if file is not None:
        require_file(file, named="elements", remedy="check the file name")
    identity = Identity(
        run=explained.name,
        weights=sha256(explained.weights),
        dataset=sha256(explained.folders.manifest),
        elements=sha256(file) if file else None,
        bigwig=asked.bigwig,
        settings=settings,
        version=versions(["claster"])["claster"],
    )
    name = asked.name or f"{asked.method}_{asked.split}"
    files = AttributionFiles(explained.run.path / "attributions" / name)
    if is_there(files, identity, force=asked.force):
        progress.say(f"{files.folder} is up to date")
        return files
    pairs = None
    if file is not None:
        candidates, counts = read_candidates(spec, file, sizes=spec.chromosome_sizes())
        progress.say(tell_candidates(counts))
        pairs = element_pairs(chosen, candidates, everyone, reach=settings.reach)
    chosen = chosen.assign(
        locus=locus_blocks(chosen, target.binning, length=spec.window.binning.width),
        compared=_drawn(len(chosen), asked.compare, seed=asked.seed),
    )
    kept = chosen[chosen["gene_id"].isin(sum(genes_called(here, asked.bigwig), ()))]
    starts = training_baselines(settings.baselines, seen, spec, explained.folders)
    explainer = _explainer(
        explained,
        settings,
        shapes={key: array.shape for key, array in starts[settings.baselines[0]].items()},
        device=asked.device,
        batch_size=asked.batch_size,
        progress=progress,
    )
    gathered = _nothing(seen, spec, explainer, starts, loci=int(chosen["locus"].max()) + 1)
    gathered.pairs, gathered.keep = pairs, frozenset(kept["gene_id"])
    if len(chosen) >= _MANY:
        loci = int(chosen["locus"].max()) + 1
        explain_some = partial(
            explain_genes,
            explained=explained,
            explainer=explainer,
            baselines=starts,
            gathered=_nothing(seen, spec, explainer, starts, loci=loci),
            settings=settings,
        )
        progress.say(_tell_time(chosen, explain_some))
    begun = time.monotonic()
    with progress.step("attribute", len(chosen)) as step:
        explain_genes(
            chosen,
            explained,
            explainer,
            starts,
            gathered,
            settings=settings,
            step=step,
        )
    seconds = time.monotonic() - begun
    record = AttributionRecord(
        identity=identity,
        counts={
            "genes": len(chosen),
            "bins": sum(len(rows) - 1 for rows in gathered.targets),
            "loci": int(chosen["locus"].max()) + 1,
            "compared_genes": int(chosen["compared"].sum()),
            "pairs": 0 if pairs is None else len(pairs),
        },
        unit=prediction_unit(on_scale(spec, trained.transform), asked.scale),
        contacts=seen.maps,
        columns=COLUMNS,
        device=str(explainer.device),
        versions=versions(PACKAGES),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        genes_per_second=round(len(chosen) / seconds, 3),
    )
    with atomic_folder(files.folder, replace=asked.force) as folder:
        said = write_attributions(
            AttributionFiles(folder),
            gathered,
            tracks=seen.tracks,
            settings=settings,
            record=record,
        )
        for gene in (row for _, row in kept.iterrows()):
            assert seen.binning is not None
            write_bigwigs(
                folder / "bigwig",
                gene,
                gathered.profiles[gene["gene_id"]],
                tracks=seen.tracks,
                binning=seen.binning,
                sizes=spec.chromosome_sizes(),
            )
    for sentence in said:
        progress.say(sentence)
    progress.say(
        f"{len(chosen):,} genes in {seconds:.1f} s: {len(chosen) / seconds:.2f} genes/s "
        f"({record.counts['compared_genes']} of them with other methods and baselines)"
    )
    note_time(
        spec.project,
        "attribute",
        dataset=spec.name,
        flavour=trained.flavour,
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


def _settings(asked: AttributeSettings, explained: Explained) -> AttributionSettings:
    seen = explained.seen
    both = AttributionSettings.model_fields.keys() & AttributeSettings.model_fields.keys()
    return AttributionSettings.model_validate(
        {name: getattr(asked, name) for name in both}
        | {
            "baselines": choose_baselines(asked.baselines),
            "condition": choose_condition(explained.spec, asked.condition),
            "tracks": choose_rows(seen, asked.tracks),
            "reach": min(asked.reach, seen.binning.half) if seen.binning else asked.reach,
        }
    )


def _drawn(count: int, most: int, *, seed: int) -> np.ndarray:
    """Return which of some genes are compared."""
    drawn = np.zeros(count, dtype=bool)
    drawn[np.random.default_rng([seed, 1]).permutation(count)[:most]] = True
    return drawn


def _explainer(
    explained: Explained,
    settings: AttributionSettings,
    *,
    shapes: Mapping[str, tuple[int, ...]],
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
        grid = grid.every(_COMPARED)
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
    seen: Seen,
    spec: DatasetSpec,
    explainer: Explainer,
    starts: Mapping[Baseline, Mapping[str, np.ndarray]],
    *,
    loci: int,
) -> Gathered:
    """Return what genes are gathered into."""
    target = spec.require_target().binning
    tracks = maps = None
    if seen.binning is not None:
        tracks = CentredTracks.empty(seen.binning, target, tracks=len(seen.tracks), loci=loci)
    if seen.maps is not None:
        rows, columns = next(iter(starts.values()))[CONTACTS].shape
        maps = CentredMaps(seen.maps, target, (rows, columns))
    return Gathered(tracks, maps, Compared(explainer.grid.labels))
