"""A screen, and what it reads before anything is predicted: elements, genes, the signal over them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import (
    Annotated,
    annotated_stretches,
    read_candidates,
    tell_candidates,
)
from claster.analysis.perturbation.editor import Editor, Place, SignalWindow, edit_window
from claster.analysis.perturbation.edits import covered_bins, span_mean
from claster.analysis.perturbation.effects import measured_regions
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import Identity, ScreenSettings
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import track_divisors
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.progress import Progress
from claster.text import text_lines


@dataclass(frozen=True)
class Screen:
    """A screen of a built dataset.

    Attributes
    ----------
    identity
        What gives it its numbers, settings included.
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

    Raises
    ------
    ClasterError
        If the elements have a fault, or the split holds no gene.
    """
    spec, folders, settings = screen.spec, screen.folders, screen.settings
    folders.require_built()
    sizes = spec.chromosome_sizes()
    candidates, counts = read_candidates(spec, screen.elements, sizes=sizes)
    candidates = _widen(candidates, settings.width, sizes=sizes)
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
        known.append(_widen(own, settings.width, sizes=sizes))
    annotated = annotated_stretches(pd.concat(known), everyone)
    listed = _read_listed_pairs(screen.listed, candidates) if screen.listed else None
    divisors = track_divisors(spec.tracks, require_manifest(folders).scales)
    return ScreenInputs(candidates, counts, genes, everyone, annotated, sizes, listed, divisors)


def _widen(elements: pd.DataFrame, width: int | None, *, sizes: Mapping[str, int]) -> pd.DataFrame:
    """Return elements of `width` bp around their middles, cut at the ends of chromosomes.

    Examples
    --------
    >>> elements = pd.DataFrame({"chrom": ["chr1"], "start": [40], "end": [60]})
    >>> _widen(elements, 101, sizes={"chr1": 90})[["start", "end"]].to_numpy().tolist()
    [[0, 90]]
    """
    if width is None:
        return elements
    start = (elements["start"] + elements["end"]) // 2 - width // 2
    end = (start + width).clip(upper=elements["chrom"].map(sizes))
    widened = elements.assign(start=start.clip(lower=0), end=end)
    return widened.sort_values(["chrom", "start", "end"], kind="stable", ignore_index=True)


def _read_listed_pairs(file: Path, elements: pd.DataFrame) -> pd.DataFrame:
    """Read which elements are edited together.

    Returns `element_id`, `partner_id`; each pair once, in file order.
    """
    lines = text_lines(file, named="pairs of elements", remedy="check the file name")
    known = set(elements["element_id"])
    pairs: dict[frozenset[str], tuple[str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        names = line.split()
        if len(names) != 2 or names[0] == names[1] or not known.issuperset(names):
            raise ClasterError(
                f"{file}, line {number}: {line!r} does not name two elements of the list",
                remedy="write two element IDs a line, as in the BED",
            )
        pairs.setdefault(frozenset(names), (names[0], names[1]))
    if not pairs:
        raise ClasterError(f"{file} names no pair", remedy="write two element IDs a line")
    return pd.DataFrame(list(pairs.values()), columns=["element_id", "partner_id"])


def element_states(
    rows: pd.DataFrame, screened: pd.DataFrame, spec: DatasetSpec, settings: ScreenSettings
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the mean signal over elements before and after their edit, at the first dose.

    Parameters
    ----------
    rows
        Pairs: `gene_id`, `chrom`, `tss`, `element_id`, `element_start`, `element_end`.
    screened
        All pairs; no background is taken from where their genes and elements are.
    spec, settings
        The dataset, built, and the screen.

    Returns
    -------
    windows : numpy.ndarray
        Shape (genes, tracks, bins).
    before, after : numpy.ndarray
        Shape (edited elements, tracks).
    """
    editor, binning = Editor(spec, settings.edit), spec.window.binning
    elements = screened.rename(columns={"element_start": "start", "element_end": "end"})
    annotated = annotated_stretches(elements, screened.drop_duplicates("gene_id"))
    windows, before, after = [], [], []
    for gene, of_gene in rows.groupby("gene_id", sort=False):
        found = read_landscapes(DatasetFolders.of(spec), spec, [str(gene)], split=settings.split)
        windows.append(signal := found[0])
        chrom, tss = str(of_gene["chrom"].iloc[0]), int(of_gene["tss"].iloc[0])
        edges = binning.edges + tss
        window = SignalWindow(signal, annotated.touch(chrom, edges[:-1], edges[1:]))
        for row in of_gene.itertuples():
            place = Place(row.element_id, row.element_start - tss, row.element_end - tss)
            edited = edit_window(window, (place,), editor, dose=settings.edit.doses[0])
            if edited is not None:
                span = covered_bins(place.start, place.end, binning)
                before.append(span_mean(signal, span))
                after.append(span_mean(edited, span))
    return np.array(windows), np.array(before), np.array(after)
