"""Control regions: drawn at random among all that are like the tested elements but hold none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import Annotated
from claster.analysis.perturbation.edits import covered_bins, span_mean
from claster.analysis.perturbation.settings import Edges, ScreenSettings
from claster.dataset.scale import MOST_WINDOWS, spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

STRATUM = ["width_class", "distance_class", "signal_class"]

DISTANCES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
"""Distances in bp from the TSS at which a new class begins."""

_NO_SIGNAL = -99
"""Signal class of a region whose tracks are all 0."""

_Read = Callable[[str], np.ndarray]
"""From a gene ID to its landscape as signal, shape (tracks, bins)."""


def _width_class(width: np.ndarray, *, size: int) -> np.ndarray:
    """Return widths in bp to the nearest half bin of `size` bp, at least one half bin.

    Examples
    --------
    >>> _width_class(np.array([10, 174, 175, 350]), size=100).tolist()
    [50, 150, 200, 350]
    """
    half = size // 2
    return np.maximum((width + half // 2) // half, 1) * half


def _distance_class(gene_distance: np.ndarray) -> np.ndarray:
    """Return the class of a distance in the gene's orientation: 1, 2, ... downstream, -1, -2, ... upstream.

    Examples
    --------
    >>> _distance_class(np.array([-1000, -999, 0, 1000, 250_000])).tolist()
    [-2, -1, 1, 2, 8]
    """
    number = np.searchsorted(DISTANCES, np.abs(gene_distance), side="right") + 1
    return np.where(gene_distance < 0, -number, number)


def _signal_class(signal: np.ndarray) -> np.ndarray:
    """Return the class of a relative signal x: ``floor(log2(x))`` between -10 and 10, `_NO_SIGNAL` for 0.

    Examples
    --------
    >>> _signal_class(np.array([0.0, 0.4, 1.0, 1.9, 1e9])).tolist()
    [-99, -2, 0, 0, 10]
    """
    with np.errstate(divide="ignore"):
        number = np.floor(np.log2(signal)).clip(-10, 10)
    return np.where(signal > 0, number, _NO_SIGNAL).astype(np.int64)


def stratify(regions: pd.DataFrame, *, size: int) -> pd.DataFrame:
    """Add the columns of `STRATUM` to regions with `width`, `gene_distance` (bp) and `signal`.

    `size` is the width of a landscape bin in bp.
    """
    return regions.assign(
        width_class=_width_class(regions["width"].to_numpy(), size=size),
        distance_class=_distance_class(regions["gene_distance"].to_numpy()),
        signal_class=_signal_class(regions["signal"].to_numpy()),
    )


@dataclass(frozen=True)
class EditedSignal:
    """How the signal of a region is told: over the tracks that an edit changes, each relative to its mean.

    `read` returns the landscape of a gene, `rows` are those tracks, `means` those of all (`track_means`).
    """

    spec: DatasetSpec
    read: _Read
    rows: Sequence[int]
    means: np.ndarray


def track_means(gene_ids: Sequence[str], read: _Read) -> np.ndarray:
    """Return the mean of each track over the windows of at most 200 genes, evenly spread; 1 where it is 0."""
    some = spread_evenly(pd.DataFrame({"gene_id": gene_ids}), MOST_WINDOWS)["gene_id"]
    means = np.mean([read(gene).mean(axis=1, dtype=np.float64) for gene in some], axis=0)
    return np.where(means > 0, means, 1.0)


def measure_signal(
    pairs: pd.DataFrame, edited: EditedSignal, *, activity_row: int | None, edges: Edges
) -> pd.DataFrame:
    """Measure each element in the window of each of its genes.

    Parameters
    ----------
    pairs
        Columns `gene_id`, `tss`, `start`, `end`.
    activity_row
        Track that tells activity, if there is one; `edges` says how bins and elements meet there.

    Returns
    -------
    pandas.DataFrame
        `pairs` with `signal`, the mean over edited tracks of the element's signal divided by the track's
        mean, and `activity`, the element's mean of the activity track in the file's unit (NaN without one).
    """
    binning, rows, means = edited.spec.window.binning, list(edited.rows), edited.means
    signal, activity = np.empty(len(pairs)), np.full(len(pairs), np.nan)
    starts, ends = ((pairs[edge] - pairs["tss"]).to_numpy() for edge in ("start", "end"))
    for gene, here in pairs.groupby("gene_id", sort=False).indices.items():
        landscape = edited.read(str(gene))
        for row in here:
            exact = covered_bins(starts[row], ends[row], binning)
            signal[row] = (span_mean(landscape[rows], exact) / means[rows]).mean()
            if activity_row is not None:
                span = covered_bins(starts[row], ends[row], binning, edges=edges)
                activity[row] = span_mean(landscape[activity_row], span)
    return pairs.assign(signal=signal, activity=activity)


_MOST_HELD = 200_000
_COLUMNS = ["key", "gene", "start", *STRATUM, "signal"]


def draw_controls(
    genes: pd.DataFrame,
    strata: pd.DataFrame,
    edited: EditedSignal,
    *,
    settings: ScreenSettings,
    annotated: Annotated,
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Draw control regions for each stratum, uniformly and without replacement among all eligible ones.

    Where a stratum has fewer eligible regions than wanted, it is filled up with regions of the next lower
    signal classes, the nearest one first (`regions_of`).

    A region of a stratum is as wide as its width class says, lies whole within reach of the TSS of a gene,
    touches no annotated stretch, and has the distance class (from that TSS to its middle, in the gene's
    orientation) and the signal class of the stratum. Eligible are regions that begin at one place of every
    bin of the gene's window; for each gene and width this place is drawn once.

    Parameters
    ----------
    genes
        Genes that may serve, with `gene_id`, `chrom`, `tss`, `strand`.
    strata
        The strata that are needed (columns of `STRATUM`).
    settings
        `reach`; `controls`, how many regions a stratum gets, if there are as many; `seed`, which chooses them
        (the result does not depend on the order of `genes`); and `centre`.

    Returns
    -------
    pandas.DataFrame
        `gene_id`, `start`, `end` (0-based half-open), the columns of `STRATUM`, `signal` (relative) and
        `number`, in the order drawn, a region a row.
    """
    binning, rows, means = edited.spec.window.binning, list(edited.rows), edited.means
    half = max(binning.half, edited.spec.require_target().binning.half)
    sizes = edited.spec.chromosome_sizes()
    reach, per_stratum = settings.reach, settings.controls
    strongest = _strongest(strata)
    held = pd.DataFrame({column: pd.Series(dtype=np.float64) for column in _COLUMNS})
    found: list[pd.DataFrame] = []
    with progress.step("control regions", len(genes)) as step:
        for number, gene in enumerate(genes.itertuples(index=False)):
            rng = np.random.default_rng([settings.seed, crc32(gene.gene_id.encode())])
            relative = edited.read(gene.gene_id)[rows] / means[rows, np.newaxis]
            integral = _integral(relative.mean(axis=0), binning)
            mine = []
            for width in strongest:
                starts = binning.edges[:-1] + int(rng.integers(binning.size))
                keys = rng.random(binning.bins)
                fits = (starts >= -reach) & (starts + width <= reach)
                places = gene.tss + starts
                fits &= places >= 0
                fits &= ~annotated.touch(gene.chrom, places, places + width)
                if settings.centre == "element":
                    middle = places + width // 2
                    fits &= (middle >= half) & (middle + half <= sizes[gene.chrom])
                starts, keys = starts[fits], keys[fits]
                signal = (integral(starts + width) - integral(starts)) / width
                middle = starts + width // 2
                distance = _distance_class(middle if gene.strand == "+" else -middle)
                level = _signal_class(signal)
                like = level <= strongest[width][distance]
                columns = (keys, number, gene.tss + starts, width, distance, level, signal)
                mine.append(np.stack(np.broadcast_arrays(*columns), axis=1)[like])
            found.append(pd.DataFrame(np.concatenate(mine), columns=_COLUMNS))
            if sum(map(len, found)) > _MOST_HELD:
                held, found = _lowest([held, *found], per_stratum), []
            step.advance()
    held = _lowest([held, *found], per_stratum).astype({"gene": int, "start": int})
    held = held.astype(dict.fromkeys(STRATUM, int))
    held = held.assign(
        gene_id=genes["gene_id"].to_numpy()[held["gene"]],
        end=held["start"] + held["width_class"],
        number=np.arange(len(held)),
    )
    used = [
        regions_of(stratum, held, most=per_stratum)["number"]
        for stratum in strata[STRATUM].drop_duplicates().itertuples(index=False, name=None)
    ]
    held = held[held["number"].isin(pd.concat(used))]
    return held[["gene_id", "start", "end", *STRATUM, "signal", "number"]].reset_index(drop=True)


def _strongest(strata: pd.DataFrame) -> dict[int, np.ndarray]:
    """Return by width class the highest signal class of each distance class, whose number is the index."""
    classes = len(DISTANCES) + 1
    highest = {
        width: np.full(2 * classes + 1, -np.inf) for width in sorted(set(strata["width_class"]))
    }
    for width, distance, signal in strata[STRATUM].itertuples(index=False, name=None):
        highest[width][distance] = max(highest[width][distance], signal)
    return highest


def regions_of(stratum: tuple[int, int, int], regions: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """Return the control regions of a stratum (width class, distance class and signal class).

    Parameters
    ----------
    regions
        Columns of `STRATUM` and `number`; regions that others use as well do not change the result.

    Returns
    -------
    pandas.DataFrame
        The first regions of that width and distance class whose signal class is not higher: higher
        signal classes first, in each the order in which they were drawn.
    """
    width, distance, signal = stratum
    widths, distances, signals, number = (regions[name].to_numpy() for name in (*STRATUM, "number"))
    like = np.flatnonzero((widths == width) & (distances == distance) & (signals <= signal))
    order = np.lexsort([number[like], -signals[like]])
    return regions.iloc[like[order[:most]]]


def _integral(signal: np.ndarray, binning: Binning) -> Callable[[np.ndarray], np.ndarray]:
    """Return the signal summed over all bases left of positions in bp from the centre."""
    sums = np.concatenate([[0.0], np.cumsum(signal.astype(np.float64))]) * binning.size
    return lambda positions: np.interp(positions, binning.edges, sums)


def _lowest(tables: list[pd.DataFrame], most: int) -> pd.DataFrame:
    """Return the rows with the lowest keys of each stratum."""
    together = pd.concat([table for table in tables if len(table)] or tables[:1])
    ordered = together.sort_values([*STRATUM, "key"], kind="stable")
    return ordered[ordered.groupby(STRATUM, sort=False).cumcount() < most]
