"""What a screen reads before anything is predicted: elements, genes, and its plan."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import (
    Annotated,
    annotated_stretches,
    read_candidates,
    read_listed_pairs,
    tell_candidates,
    widen,
)
from claster.analysis.perturbation.effects import measured_regions
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.plan import plan_screen
from claster.analysis.perturbation.settings import Identity
from claster.dataset.layout import DatasetFolders, read_genes_table, read_landscapes
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.genome.assembly import chromosome_sizes
from claster.progress import Progress
from claster.text import read_json

__all__ = ["World", "read_world", "ready_plan"]


@dataclass(frozen=True)
class World:
    """What is read of a dataset for a screen.

    Attributes
    ----------
    elements, counts
        See `read_candidates`.
    genes
        The genes of the split, `start` and `end` those of the stretch that is measured.
    everyone
        All kept genes.
    annotated
        Where elements, the dataset's own among them, and TSSs are.
    sizes
        Chromosome sizes in bp.
    listed
        Elements that are edited together, where a table names them.
    divisors
        What each track is divided by (`track_divisors`).
    """

    elements: pd.DataFrame
    counts: dict[str, int]
    genes: pd.DataFrame
    everyone: pd.DataFrame
    annotated: Annotated
    sizes: dict[str, int]
    listed: pd.DataFrame | None
    divisors: tuple[float, ...]


def read_world(
    spec: DatasetSpec,
    folders: DatasetFolders,
    identity: Identity,
    elements: Path | None,
    pairs: Path | None,
    progress: Progress,
) -> World:
    """Read elements and genes.

    Parameters
    ----------
    spec, folders
        The built dataset.
    identity
        The screen.
    elements, pairs
        See `run_screen`.
    progress
        Where to report to.

    Raises
    ------
    ClasterError
        If the elements have a fault, or the split holds no gene.
    """
    folders.require_built()
    sizes = chromosome_sizes(
        spec.assembly, spec.source(spec.chrom_sizes) if spec.chrom_sizes else None
    )
    width = identity.settings.width
    candidates, counts = read_candidates(spec, elements, sizes=sizes)
    candidates = widen(candidates, width, sizes=sizes)
    progress.say(tell_candidates(counts))
    everyone = read_genes_table(folders)
    genes = everyone[everyone["split"] == identity.settings.split].reset_index(drop=True)
    if genes.empty:
        raise ClasterError(
            f"the {identity.settings.split} split of {spec.name!r} holds no gene",
            remedy="choose another --split",
        )
    genes = measured_regions(genes, identity.settings.around_tss)
    known = [candidates]
    if elements is not None and spec.elements and spec.source(spec.elements.file).is_file():
        own, _ = read_candidates(spec, None, sizes=sizes)
        known.append(widen(own, width, sizes=sizes))
    annotated = annotated_stretches(pd.concat(known), everyone)
    listed = read_listed_pairs(pairs, candidates) if pairs else None
    divisors = track_divisors(spec.tracks, require_manifest(folders).scales)
    return World(candidates, counts, genes, everyone, annotated, sizes, listed, divisors)


def ready_plan(
    files: ScreenFiles,
    world: World,
    spec: DatasetSpec,
    folders: DatasetFolders,
    identity: Identity,
    progress: Progress,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the plan and its counts, from disk where they are there.

    Parameters
    ----------
    files
        The folder of the screen.
    world
        What is read of the dataset.
    spec, folders, identity
        The built dataset and the screen.
    progress
        Where to report to.

    Raises
    ------
    ClasterError
        See `plan_screen`.
    """
    store = files.parts
    if not store.plan.is_file():
        settings = identity.settings

        def read(gene_id: str) -> np.ndarray:
            return read_landscapes(folders, spec, [gene_id], split=settings.split)[0]

        plan, counts = plan_screen(
            world.elements,
            world.genes,
            world.everyone,
            read,
            spec=spec,
            settings=settings,
            annotated=world.annotated,
            sizes=world.sizes,
            listed=world.listed,
            progress=progress,
        )
        write_text(store.counts, json.dumps(world.counts | counts))
        with atomic_path(store.plan) as partial:
            plan.to_parquet(partial)
    counts = read_json(store.counts)
    progress.say(
        f"{counts['tested_elements']:,} elements in {counts['tested_pairs']:,} pairs with genes "
        f"({counts['outside_windows']:,} elements near no gene, "
        f"{counts['inactive_pairs']:,} pairs inactive), "
        f"{counts['combined_elements']:,} pairs of elements, {counts['control_regions']:,} control regions "
        f"in {counts['strata']:,} strata"
    )
    return pd.read_parquet(store.plan), counts
