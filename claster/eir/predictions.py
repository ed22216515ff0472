"""Predictions as tables, samples x target columns, and as browser tracks, a bigWig a condition."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from claster.dataset.signal_settings import TargetSpec
from claster.dataset.targets import mirror_targets
from claster.errors import ClasterError
from claster.files import atomic_path
from claster.genome.windows import FORWARD, REVERSE, Binning, sample_id, split_sample_id
from claster.progress import SILENT, Progress

TRACK_KINDS = ("predicted", "observed", "residual")

_Merge = Literal["nearest", "mean"]
_Intervals = tuple[np.ndarray, np.ndarray, np.ndarray]


def prediction_table(
    values: np.ndarray, *, ids: Sequence[str], columns: Sequence[str]
) -> pd.DataFrame:
    """Return predictions as a table: float32, samples x target columns, index `ID`.

    Parameters
    ----------
    values
        Shape (samples, groups of columns, bins) or (samples, columns).
    ids, columns
        Names of samples and target columns.
    """
    flat = np.asarray(values, np.float32).reshape(len(ids), len(columns))
    return pd.DataFrame(flat, index=pd.Index(ids, name="ID"), columns=list(columns))


def average_orientations(table: pd.DataFrame, target: TargetSpec) -> pd.DataFrame:
    """Replace both orientations of each gene by their mean.

    A gene's forward profile becomes the mean of what is predicted from its window and, turned back,
    from the mirrored one; its rev profile the same, mirrored.

    Parameters
    ----------
    table
        Samples x target columns, both orientations of each gene.
    target
        What the columns are, and how they are mirrored (`mirror_targets`).

    Returns
    -------
    pandas.DataFrame
        The same samples and columns.

    Raises
    ------
    ClasterError
        If a gene has one orientation only.
    """
    genes = list(dict.fromkeys(split_sample_id(str(name))[0] for name in table.index))
    forward = [sample_id(gene, FORWARD) for gene in genes]
    reverse = [sample_id(gene, REVERSE) for gene in genes]
    lacking = sorted({*forward, *reverse} - set(table.index))
    if lacking:
        raise ClasterError(
            f"no prediction of {lacking[0]}, so there is no mean over both orientations",
            remedy="pass --no-average, or build the dataset again",
        )
    shape = (len(genes), len(target.groups), target.bins)
    ahead = table.loc[forward].to_numpy().reshape(shape)
    back = table.loc[reverse].to_numpy().reshape(shape)
    mean = (ahead + mirror_targets(target, back)) / 2
    both = np.concatenate([mean, mirror_targets(target, mean)])
    averaged = prediction_table(both, ids=[*forward, *reverse], columns=list(table.columns))
    return averaged.loc[table.index]


def average_runs(tables: Sequence[pd.DataFrame]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the mean of several runs' predictions and their standard deviation (n - 1)."""
    first = tables[0]
    if any(list(table.columns) != list(first.columns) for table in tables):
        raise ClasterError(
            "the runs predict different target columns", remedy="average runs with one target"
        )
    stack = np.stack([table.loc[first.index].to_numpy(np.float64) for table in tables])
    ids, columns = list(first.index), list(first.columns)
    return (
        prediction_table(stack.mean(axis=0), ids=ids, columns=columns),
        prediction_table(stack.std(axis=0, ddof=1), ids=ids, columns=columns),
    )


def _merge_nearest(
    tss: np.ndarray, values: np.ndarray, *, binning: Binning, size: int
) -> _Intervals:
    """Give each base the value of the window whose TSS is nearest.

    Base ``b`` is ``|b + 1/2 - tss|`` bp away from a TSS; of two at the same distance the one with the
    lower coordinate counts, of windows with the same TSS the first. All windows have one width, so
    the nearest TSS is that of a window over the base wherever there is one.

    Returns 0-based half-open intervals, sorted, none overlapping another, and the value of each.

    Examples
    --------
    >>> two = np.array([[1.0, 2.0, 3.0], [7.0, 8.0, 9.0]])
    >>> starts, ends, merged = _merge_nearest(
    ...     np.array([50, 56]), two, binning=Binning(3, 10), size=99
    ... )
    >>> list(zip(starts.tolist(), ends.tolist(), merged.tolist()))
    [(35, 45, 1.0), (45, 53, 2.0), (53, 61, 8.0), (61, 71, 9.0)]
    """
    centres, first = np.unique(np.asarray(tss, dtype=np.int64), return_index=True)
    between = (centres[:-1] + centres[1:] + 1) // 2
    lowest = np.concatenate([[0], between])[:, None].clip(0, size)
    highest = np.concatenate([between, [size]])[:, None].clip(0, size)
    edges = (centres[:, None] + binning.edges).clip(lowest, highest)
    starts, ends = edges[:, :-1], edges[:, 1:]
    there = starts < ends
    return starts[there], ends[there], values[first][there]


def _merge_mean(tss: np.ndarray, values: np.ndarray, *, binning: Binning, size: int) -> _Intervals:
    """Give each base the mean over all windows that cover it.

    Parameters and result are those of `_merge_nearest`; an interval ends wherever a bin of any window
    ends.

    Examples
    --------
    >>> two = np.array([[1.0, 2.0, 3.0], [7.0, 8.0, 9.0]])
    >>> starts, ends, merged = _merge_mean(np.array([50, 60]), two, binning=Binning(3, 10), size=99)
    >>> list(zip(starts.tolist(), ends.tolist(), merged.tolist()))
    [(35, 45, 1.0), (45, 55, 4.5), (55, 65, 5.5), (65, 75, 9.0)]
    """
    edges = (np.asarray(tss, dtype=np.int64)[:, None] + binning.edges).clip(0, size)
    breaks, places = np.unique(edges, return_inverse=True)
    places = places.reshape(edges.shape)
    weights = np.asarray(values, dtype=np.float64).ravel()

    def covering(weights: np.ndarray) -> np.ndarray:
        change = np.bincount(places[:, :-1].ravel(), weights, breaks.size)
        change -= np.bincount(places[:, 1:].ravel(), weights, breaks.size)
        return np.cumsum(change)[:-1]

    windows = np.rint(covering(np.ones_like(weights)))
    there = windows > 0
    return breaks[:-1][there], breaks[1:][there], covering(weights)[there] / windows[there]


_MERGES: dict[_Merge, Callable[..., _Intervals]] = {"nearest": _merge_nearest, "mean": _merge_mean}


def write_track(
    path: Path,
    genes: pd.DataFrame,
    values: np.ndarray,
    *,
    binning: Binning,
    sizes: Mapping[str, int],
    merge: _Merge = "nearest",
) -> None:
    """Write profiles around TSSs as one bigWig.

    Parameters
    ----------
    path
        The bigWig file; it appears whole or not at all.
    genes
        Columns `chrom` and `tss` (0-based), a window a row.
    values
        Shape (windows, bins), in genome orientation, in the order of `genes`.
    sizes
        Chromosome lengths in bp.
    merge
        What becomes of bases under several windows: `_merge_nearest` or `_merge_mean`.

    Raises
    ------
    ClasterError
        If a window is on a chromosome without a length.
    """
    import pyBigWig

    unknown = sorted(set(genes["chrom"]) - sizes.keys())
    if unknown:
        raise ClasterError(
            f"no length of chromosome {unknown[0]}",
            remedy="correct 'assembly' or 'chrom_sizes' in the dataset YAML",
        )
    rows = genes.groupby("chrom").indices
    with atomic_path(path) as partial:
        track = pyBigWig.open(str(partial), "w")
        track.addHeader([(chrom, sizes[chrom]) for chrom in sorted(rows)])
        for chrom in sorted(rows):
            here = rows[chrom]
            starts, ends, merged = _MERGES[merge](
                genes["tss"].to_numpy()[here], values[here], binning=binning, size=sizes[chrom]
            )
            track.addEntries(
                [chrom] * len(starts),
                starts.tolist(),
                ends=ends.tolist(),
                values=merged.astype(float).tolist(),
            )
        track.close()


def write_tracks(
    stem: Path,
    predicted: pd.DataFrame,
    genes: pd.DataFrame,
    target: TargetSpec,
    *,
    observed: pd.DataFrame | None,
    sizes: Mapping[str, int],
    merge: _Merge = "nearest",
    progress: Progress = SILENT,
) -> list[Path]:
    """Write predicted, observed and residual signal, a bigWig a condition.

    Parameters
    ----------
    stem
        Path without suffix; the files are ``<stem>.<group>.predicted.bw``, ``.observed.bw`` and
        ``.residual.bw`` (observed - predicted).
    predicted
        Samples x target columns, signal; forward samples are drawn.
    genes
        Columns `gene_id`, `chrom`, `tss` (0-based).
    observed
        The same columns, at least the samples of `predicted`; None where nothing was observed.
    sizes, merge
        See `write_track`.
    """
    names, profiles = _forward_profiles(predicted, bins=target.bins)
    drawn = [profiles]
    if observed is not None:
        _, seen = _forward_profiles(observed.loc[predicted.index], bins=target.bins)
        drawn += [seen, seen - profiles]
    kinds = dict(zip(TRACK_KINDS, drawn, strict=False))
    windows = genes.set_index("gene_id").loc[names, ["chrom", "tss"]]
    written = []
    with progress.step("tracks", len(kinds) * len(target.groups)) as step:
        for number, group in enumerate(target.groups):
            for kind, values in kinds.items():
                path = stem.with_name(f"{stem.name}.{group}.{kind}.bw")
                write_track(
                    path,
                    windows,
                    values[:, number],
                    binning=target.binning,
                    sizes=sizes,
                    merge=merge,
                )
                written.append(path)
                step.advance()
    return written


def _forward_profiles(table: pd.DataFrame, *, bins: int) -> tuple[list[str], np.ndarray]:
    """Return the genes of a table and their forward profiles, shape (genes, groups of columns, bins)."""
    names = [split_sample_id(str(name)) for name in table.index]
    ahead = np.array([way == FORWARD for _, way in names])
    genes = [gene for gene, way in names if way == FORWARD]
    return genes, table.to_numpy()[ahead].reshape(len(genes), -1, bins)
