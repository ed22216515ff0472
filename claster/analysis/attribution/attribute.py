"""Attribution of a trained run's predictions to its inputs."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from torch import Tensor

from claster.analysis.attribution.baselines import training_baselines
from claster.analysis.attribution.blocks import block_grid
from claster.analysis.attribution.elements import element_pairs
from claster.analysis.attribution.explain import Explainer
from claster.analysis.attribution.genes import Gathered, explain_genes
from claster.analysis.attribution.inputs import CONTACTS, Seen
from claster.analysis.attribution.locality import CentredMaps, CentredTracks
from claster.analysis.attribution.methods import Compared
from claster.analysis.attribution.output import (
    COLUMNS,
    AttributionFiles,
    is_there,
    prediction_unit,
    write_attributions,
    write_bigwigs,
)
from claster.analysis.attribution.settings import (
    BASELINES,
    AttributionRecord,
    AttributionSettings,
    Baseline,
    Identity,
    Method,
    Scale,
)
from claster.analysis.attribution.targets import (
    Explained,
    choose_baselines,
    choose_condition,
    choose_genes,
    choose_rows,
    explained_run,
    require_bins,
)
from claster.analysis.loci import locus_blocks
from claster.analysis.perturbation.candidates import read_candidates, tell_candidates
from claster.dataset.layout import Split, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.eir.yaml_files import Device
from claster.errors import ClasterError
from claster.files import atomic_folder, require_file, sha256
from claster.genome.assembly import chromosome_sizes
from claster.progress import SILENT, Progress
from claster.versions import versions

__all__ = ["PACKAGES", "attribute"]

PACKAGES = ("claster", "eir-dl", "torch", "captum", "numpy", "pandas", "scipy")


def attribute(
    run: RunFolder | Path | str,
    *,
    method: Method = "integrated_gradients",
    baselines: tuple[Baseline, ...] = BASELINES,
    elements: Path | str | None = None,
    bigwig: tuple[str, ...] = (),
    split: Split = "test",
    genes: tuple[str, ...] | int | None = None,
    bins: tuple[int, ...] | int | None = 8,
    condition: str | None = None,
    scale: Scale = "stored",
    tracks: tuple[str, ...] = (),
    steps: int = 32,
    block: int = 1000,
    compare: int = 10,
    reach: int = 200_000,
    seed: int = 0,
    name: str | None = None,
    project: Path | str = ".",
    device: Device = "auto",
    batch_size: int | None = None,
    force: bool = False,
    progress: Progress = SILENT,
) -> AttributionFiles:
    """Attribute predictions to bins of the tracks and to the contact map.

    Parameters
    ----------
    run
        A trained run; its dataset must be built.
    method, baselines, split, genes, bins, scale, steps, block, compare, reach, seed
        See `AttributionSettings`.
    elements
        BED or cCRE table of elements that are scored.
    bigwig
        Genes (IDs or names) whose attributions are written as bigWigs; they are explained too.
    condition
        Group of target columns; default: the first one.
    tracks
        What is attributed to, ``contacts`` among it; default: all that the run sees.
    name
        The folder below ``<run>/attributions``; default: ``<method>_<split>``.
    project
        The project's folder.
    device, batch_size
        Where to compute, and how many samples at a time at most.
    force
        Whether other attributions of that name give way.
    progress
        Where to report to; at the end, genes a second.

    Returns
    -------
    AttributionFiles

    Raises
    ------
    ClasterError
        If run, genes, bins, tracks or elements have a fault, or the folder holds something else.
    """
    explained = explained_run(run, project=project)
    spec, seen = explained.spec, explained.seen
    target = spec.require_target()
    require_bins(bins, target)
    if (elements is not None or bigwig) and seen.binning is None:
        raise ClasterError(
            f"{explained.run.path} sees no landscape, so elements and bigWigs have no attribution",
            remedy="leave them out, or choose a run of a flavour with landscapes",
        )
    settings = AttributionSettings(
        method=method,
        baselines=choose_baselines(baselines),
        split=split,
        genes=genes,
        bins=bins,
        condition=choose_condition(spec, condition),
        scale=scale,
        tracks=choose_rows(seen, tracks),
        steps=steps,
        block=block,
        compare=compare,
        reach=min(reach, seen.binning.half) if seen.binning else reach,
        seed=seed,
    )
    everyone = read_genes_table(explained.folders)
    chosen = choose_genes(
        everyone[everyone["split"] == split], genes, bigwig, split=split, seed=seed
    )
    file = None
    if elements is not None:
        file = require_file(elements, named="elements", remedy="check the file name")
    identity = Identity(
        run=explained.name,
        weights=sha256(explained.weights),
        dataset=sha256(explained.folders.manifest),
        elements=sha256(file) if file else None,
        bigwig=bigwig,
        settings=settings,
        version=versions(["claster"])["claster"],
    )
    files = AttributionFiles(explained.run.path / "attributions" / (name or f"{method}_{split}"))
    if is_there(files, identity, force=force):
        progress.say(f"{files.folder} is as it would be made: nothing to do")
        return files
    pairs = None
    if file is not None:
        candidates, counts = read_candidates(spec, file, sizes=_chromosomes(spec))
        progress.say(tell_candidates(counts))
        pairs = element_pairs(chosen, candidates, everyone, reach=settings.reach)
    chosen = chosen.assign(
        locus=locus_blocks(chosen, target.binning, length=spec.window.binning.width),
        compared=_drawn(len(chosen), compare, seed=seed),
    )
    kept = chosen[chosen["gene_id"].isin(bigwig) | chosen["name"].isin(bigwig)]
    starts = training_baselines(settings.baselines, seen, spec, explained.folders)
    explainer = _explainer(
        explained,
        settings,
        shapes={key: array.shape for key, array in starts[settings.baselines[0]].items()},
        device=device,
        batch_size=batch_size,
        project=project,
        progress=progress,
    )
    gathered = _nothing(seen, spec, explainer, starts, loci=int(chosen["locus"].max()) + 1)
    begun = time.monotonic()
    with progress.step("attribute", len(chosen)) as step:
        explain_genes(
            chosen,
            explained,
            explainer,
            starts,
            gathered,
            settings=settings,
            pairs=pairs,
            keep=frozenset(kept["gene_id"]),
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
        unit=prediction_unit(spec, scale),
        contacts=seen.maps,
        columns=COLUMNS,
        device=str(explainer.device),
        versions=versions(PACKAGES),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 1),
        genes_per_second=round(len(chosen) / seconds, 3),
    )
    with atomic_folder(files.folder, replace=force) as folder:
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
                sizes=_chromosomes(spec),
            )
    for sentence in said:
        progress.say(sentence)
    progress.say(
        f"{len(chosen):,} genes in {seconds:.1f} s: {len(chosen) / seconds:.2f} genes/s "
        f"({record.counts['compared_genes']} of them with other methods and baselines)"
    )
    return files


def _chromosomes(spec: DatasetSpec) -> dict[str, int]:
    """Return chromosome sizes in bp."""
    return chromosome_sizes(
        spec.assembly, spec.source(spec.chrom_sizes) if spec.chrom_sizes else None
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
    project: Path | str,
    progress: Progress,
) -> Explainer:
    from claster.eir.inference import load_model, predict_tensors  # EIR: many seconds

    with progress.step(f"load {explained.run.path.name}") as step:
        step.describe("EIR starts")
        model = load_model(explained.run, device=device, project=project)

    def forward(inputs: Mapping[str, Tensor]) -> Tensor:
        return predict_tensors(
            model,
            landscape=inputs.get("landscape"),
            contacts=inputs.get("contacts"),
            scale=settings.scale,
        )

    grid = block_grid(
        explained.seen,
        shapes,
        rows=settings.tracks,
        block=settings.block,
        map_block=settings.map_block,
    )
    return Explainer(
        forward,
        model.device,
        explained.seen,
        settings.tracks,
        grid,
        steps=settings.steps,
        batch_size=batch_size,
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
