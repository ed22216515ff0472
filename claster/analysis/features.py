"""What the simple methods know of a bin: the signal around it, and the nearest TSS."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

REACHES = (500, 2_000, 5_000, 10_000, 20_000)
"""Half widths in bp of the windows around a target bin whose mean signal is a feature."""

_CHUNK = 32


@dataclass(frozen=True)
class GeneSet:
    """Forward samples of one split: which genes, and how to read their landscapes.

    Parameters
    ----------
    read
        Returns the landscapes of some of the genes, shape (genes, tracks, landscape bins). It is
        called for a few genes at a time, so memory does not grow with the number of genes.
    tss_distance
        Distance in bp from the middle of each target bin to the nearest TSS, shape (genes, bins).
    """

    gene_ids: Sequence[str]
    read: Callable[[list[str]], np.ndarray]
    tss_distance: np.ndarray


@dataclass(frozen=True)
class LabelledGenes(GeneSet):
    """Forward samples and their raw signal, shape (genes, conditions, target bins)."""

    targets: np.ndarray


@dataclass(frozen=True)
class Rows:
    """Bins of genes as the rows of a regression.

    Parameters
    ----------
    features
        Shape (rows, tracks * len(REACHES)).
    tss_distance
        bp, shape (rows,).
    signal
        Targets on the scale of a fit, shape (rows, conditions).
    """

    features: np.ndarray
    tss_distance: np.ndarray
    signal: np.ndarray


def local_features(landscapes: np.ndarray, window: Binning, target: Binning) -> np.ndarray:
    """Return the signal of each track around the centre of each target bin.

    A feature is log1p of the mean signal of one track within one of `REACHES` of the bin's centre.
    Landscape bins that a window cuts count by their share, windows end where the landscape ends,
    and a window wholly outside has mean 0. Negative means keep their sign: sign(x) log1p(abs(x)).

    Parameters
    ----------
    landscapes
        Shape (genes, tracks, landscape bins).
    window, target
        The bins of landscape and target, centred on the same TSS.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, target bins, tracks * len(REACHES)), ordered by track, then reach.

    Raises
    ------
    ClasterError
        If a value is missing or infinite.
    """
    genes, tracks, bins = landscapes.shape
    if bins != window.bins:
        raise ValueError(f"landscapes of {window.bins} bins needed, found {bins}")
    if not np.isfinite(landscapes).all():
        raise ClasterError(
            "a landscape holds missing or infinite values",
            remedy="build the dataset again; builders write 0 where a track is missing",
        )
    total = np.zeros((genes, tracks, bins + 1))
    np.cumsum(landscapes, axis=2, dtype=np.float64, out=total[:, :, 1:])
    centre = target.offsets[:, np.newaxis] * target.size
    reach = np.array(REACHES)
    low, high = (
        (centre + sign * reach).clip(-window.half, window.half) + window.half for sign in (-1, 1)
    )
    summed = _cumulative_at(total, high, window.size) - _cumulative_at(total, low, window.size)
    mean = summed * window.size / np.maximum(high - low, 1)
    features = np.sign(mean) * np.log1p(np.abs(mean))
    return np.moveaxis(features, 1, 2).reshape(genes, target.bins, tracks * reach.size)


def feature_chunks(
    genes: GeneSet, window: Binning, target: Binning, *, progress: Progress = SILENT
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the local features of a few genes at a time, with their place among the genes.

    Parameters are those of `local_features`; `progress` counts genes.
    """
    with progress.step("local signal", total=len(genes.gene_ids)) as step:
        for start in range(0, len(genes.gene_ids), _CHUNK):
            chunk = list(genes.gene_ids[start : start + _CHUNK])
            yield (
                slice(start, start + len(chunk)),
                local_features(genes.read(chunk), window, target),
            )
            step.advance(len(chunk))


def _cumulative_at(total: np.ndarray, position: np.ndarray, size: int) -> np.ndarray:
    """Return the cumulative sum at `position` bp from the start, linear within a bin."""
    whole, rest = np.divmod(position, size)
    following = np.minimum(whole + 1, total.shape[-1] - 1)
    before = total[..., whole]
    return before + (total[..., following] - before) * (rest / size)
