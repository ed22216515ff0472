"""A screen, and what it reads before anything is predicted: elements and genes."""

from dataclasses import dataclass
from pathlib import Path

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
from claster.analysis.perturbation.settings import Identity, ScreenSettings
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.progress import Progress

__all__ = ["Screen", "ScreenInputs", "read_inputs"]


@dataclass(frozen=True)
class Screen:
    """A screen of a built dataset.

    Attributes
    ----------
    files
        Its folder.
    identity
        What gives it its numbers, settings included.
    spec, folders
        The built dataset.
    elements
        BED or cCRE table; None for the dataset's own.
    listed
        Table of elements that are edited together, where the settings say ``listed``.
    """

    files: ScreenFiles
    identity: Identity
    spec: DatasetSpec
    folders: DatasetFolders
    elements: Path | None = None
    listed: Path | None = None

    @property
    def settings(self) -> ScreenSettings:
        """Its settings."""
        return self.identity.settings


@dataclass(frozen=True)
class ScreenInputs:
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


def read_inputs(screen: Screen, progress: Progress) -> ScreenInputs:
    """Read elements and genes.

    Parameters
    ----------
    screen
        The screen.
    progress
        Where to report to.

    Raises
    ------
    ClasterError
        If the elements have a fault, or the split holds no gene.
    """
    spec, folders, settings = screen.spec, screen.folders, screen.settings
    folders.require_built()
    sizes = spec.chromosome_sizes()
    candidates, counts = read_candidates(spec, screen.elements, sizes=sizes)
    candidates = widen(candidates, settings.width, sizes=sizes)
    progress.say(tell_candidates(counts))
    everyone = read_genes_table(folders)
    genes = everyone[everyone["split"] == settings.split].reset_index(drop=True)
    if genes.empty:
        raise ClasterError(
            f"the {settings.split} split of {spec.name!r} holds no gene",
            remedy="choose another --split",
        )
    genes = measured_regions(genes, settings.around_tss)
    known = [candidates]
    if screen.elements and spec.elements and spec.source(spec.elements.file).is_file():
        own, _ = read_candidates(spec, None, sizes=sizes)
        known.append(widen(own, settings.width, sizes=sizes))
    annotated = annotated_stretches(pd.concat(known), everyone)
    listed = read_listed_pairs(screen.listed, candidates) if screen.listed else None
    divisors = track_divisors(spec.tracks, require_manifest(folders).scales)
    return ScreenInputs(candidates, counts, genes, everyone, annotated, sizes, listed, divisors)
