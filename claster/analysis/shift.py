"""How far genes lie from what a network was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from scipy.spatial import KDTree

from claster.analysis.features import local_features
from claster.dataset.layout import DatasetFolders
from claster.dataset.scale import spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

_CHUNK = 64
_NEIGHBOURS = 10
_UNLIKE = 0.99
_OUTSIDE = (0.01, 0.99)
_NEAR = 2
"""The reach of `local_features` that tells a track's level at a TSS: 5 kb."""


@dataclass(frozen=True)
class Familiar:
    """What training genes look like around their TSS.

    Attributes
    ----------
    mean, deviation
        Of each feature over the training genes.
    points
        The training genes, each feature divided by its deviation.
    limit
        Distance that 99 % of the validation genes keep.
    """

    mean: np.ndarray
    deviation: np.ndarray
    points: KDTree
    limit: float

    @classmethod
    def of(cls, training: np.ndarray, validation: np.ndarray) -> Self:
        """Learn from features, shape (genes, features) (`promoter_features`).

        Raises
        ------
        ClasterError
            With fewer than 10 training genes.
        """
        if len(training) < _NEIGHBOURS:
            raise ClasterError(
                f"{len(training)} training genes tell nothing of what is usual",
                remedy="train on more genes",
            )
        mean, deviation = training.mean(axis=0), training.std(axis=0)
        deviation = np.where(deviation > 0, deviation, 1.0)
        points = KDTree((training - mean) / deviation)
        familiar = cls(mean, deviation, points, limit=np.inf)
        limit = float(np.quantile(familiar.distances(validation), _UNLIKE))
        return cls(mean, deviation, points, limit)

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Return the mean distance of genes to the 10 nearest training genes, shape (genes,)."""
        near, _ = self.points.query((features - self.mean) / self.deviation, k=_NEIGHBOURS)
        return near.mean(axis=1)


def promoter_features(
    spec: DatasetSpec,
    folders: DatasetFolders,
    genes: pd.DataFrame,
    *,
    most: int | None = None,
    tracks: Sequence[str] | None = None,
    progress: Progress = SILENT,
) -> np.ndarray:
    """Return what is known of the chromatin at TSSs: log1p of each track's mean within 0.5 to 20 kb.

    Parameters
    ----------
    genes
        Columns `gene_id` and `split`.
    most
        Read at most so many genes, spread evenly.
    tracks
        Names of the tracks, all by default.

    Returns
    -------
    numpy.ndarray
        float64, shape (genes, tracks * reaches), in the order of `genes` (`local_features`).
    """
    chosen = spread_evenly(genes, most or len(genes)).reset_index(drop=True)
    at_tss = Binning(1, spec.require_target().bin if spec.target else 1000)
    rows = np.empty((len(chosen), 0))
    with progress.step("chromatin at TSSs", len(chosen)) as step:
        for split, here in chosen.groupby("split", sort=False).indices.items():
            for first in range(0, len(here), _CHUNK):
                part = here[first : first + _CHUNK]
                ids = chosen["gene_id"].iloc[part].tolist()
                landscapes = read_landscapes(folders, spec, ids, split=split, tracks=tracks)
                features = local_features(landscapes, spec.window.binning, at_tss)[:, 0]
                if not rows.shape[1]:
                    rows = np.empty((len(chosen), features.shape[1]))
                rows[part] = features
                step.advance(len(part))
    return rows


def track_shift(tracks: Sequence[str], usual: np.ndarray, found: np.ndarray) -> pd.DataFrame:
    """Tell of each track how far genes lie from training genes.

    Parameters
    ----------
    usual, found
        What is known of training genes and of the others, shape (genes, tracks * reaches).

    Returns
    -------
    pandas.DataFrame
        A row a track: medians `training` and `here` of its mean within 5 kb of the TSS (signal), and which
        share of genes lies `below` and `above` what 98 % of the training genes have.
    """
    rows = []
    each = (array.reshape(len(array), len(tracks), -1)[:, :, _NEAR] for array in (usual, found))
    for name, there, here in zip(tracks, *(array.T for array in each), strict=True):
        low, high = np.quantile(there, _OUTSIDE)
        medians = {"training": np.median(there), "here": np.median(here)}
        shares = {"below": (here < low).mean(), "above": (here > high).mean()}
        rows.append({"track": name} | {key: np.expm1(x) for key, x in medians.items()} | shares)
    return pd.DataFrame(rows)
