"""The simple methods that a network has to beat: the mean profile, and a ridge on local signal."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from claster.analysis.metrics import log_signal
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

__all__ = [
    "ALPHAS",
    "REACHES",
    "GeneSet",
    "LabelledGenes",
    "LocalRidge",
    "fit_local_ridge",
    "local_features",
    "mean_profile",
    "predict_local_ridge",
]

REACHES = (500, 2_000, 5_000, 10_000, 20_000)
"""Half widths in bp of the windows around a target bin whose mean signal the ridge sees."""

ALPHAS = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
"""Ridge penalties that the validation genes choose from."""

_CHUNK = 32
_DEFAULT_ALPHA = 1.0


@dataclass(frozen=True)
class GeneSet:
    """Forward samples of one split: which genes, and how to read their landscapes.

    Parameters
    ----------
    gene_ids
        The genes.
    read
        Returns the landscapes of some of the genes, shape (genes, tracks, landscape bins). It is
        called for a few genes at a time, so memory does not grow with the number of genes.
    """

    gene_ids: Sequence[str]
    read: Callable[[list[str]], np.ndarray]


@dataclass(frozen=True)
class LabelledGenes(GeneSet):
    """Forward samples and their raw signal, shape (genes, conditions, target bins)."""

    targets: np.ndarray


@dataclass(frozen=True)
class LocalRidge:
    """A fitted ridge, one linear model a condition, from local features to log2(x + 1).

    Parameters
    ----------
    scaler
        Mean and spread of the features in the training rows.
    models
        One fitted model a condition.
    window, target
        The bins of landscape and target.
    rows
        Number of training rows (gene and bin) that were used.
    """

    scaler: StandardScaler
    models: tuple[Ridge, ...]
    window: Binning
    target: Binning
    rows: int

    @property
    def alphas(self) -> tuple[float, ...]:
        """The chosen penalty of each condition."""
        return tuple(float(model.alpha) for model in self.models)


def mean_profile(train_targets: np.ndarray) -> np.ndarray:
    """Return the mean of each target bin over the training genes.

    Parameters
    ----------
    train_targets
        Raw signal of forward samples, shape (genes, ..., bins).

    Returns
    -------
    numpy.ndarray
        float64, shape (..., bins), in the unit of the targets.
    """
    if len(train_targets) == 0:
        raise ClasterError(
            "no training gene to average", remedy="leave some genes to train in 'splits'"
        )
    return np.mean(train_targets, axis=0, dtype=np.float64)


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


def fit_local_ridge(
    train: LabelledGenes,
    valid: LabelledGenes,
    *,
    window: Binning,
    target: Binning,
    seed: int = 0,
    max_rows: int = 400_000,
    progress: Progress = SILENT,
) -> LocalRidge:
    """Fit the ridge on training genes, with the penalty that predicts the validation genes best.

    A row is one bin of one gene; all bins share one model, so that it knows the local chromatin
    and nothing of the distance to the TSS. Targets are fitted as log2(x + 1).

    Parameters
    ----------
    train, valid
        Forward samples. Without validation genes the penalty is 1.
    window, target
        The bins of landscape and target.
    seed
        Chooses the rows where there are more than `max_rows`.
    max_rows
        Upper bound of the rows taken from each of the two sets; it bounds the memory
        (400,000 rows of 4 tracks: about 250 MB).
    progress
        Counts genes.

    Returns
    -------
    LocalRidge

    Raises
    ------
    ClasterError
        If there is no training gene, or a value is missing, infinite or negative.
    """
    if not train.gene_ids:
        raise ClasterError(
            "no training gene to fit a ridge on", remedy="leave some genes to train in 'splits'"
        )
    rng = np.random.default_rng(seed)
    sample = partial(
        _sample_rows, window=window, target=target, max_rows=max_rows, rng=rng, progress=progress
    )
    alphas = ALPHAS if valid.gene_ids else (_DEFAULT_ALPHA,)
    scaler = StandardScaler(copy=False)
    # One BLAS thread: sums do not depend on the number of cores, and so neither do the bytes.
    with threadpool_limits(limits=1):
        features, signal = sample(train, named="training targets")
        rows = len(features)
        features = scaler.fit_transform(features)
        models = [
            [Ridge(alpha, solver="cholesky").fit(features, column) for alpha in alphas]
            for column in signal.T
        ]
        if valid.gene_ids:
            features, signal = sample(valid, named="validation targets")
            features = scaler.transform(features)
        best = [
            min(fits, key=lambda model: np.mean((model.predict(features) - column) ** 2))
            for fits, column in zip(models, signal.T, strict=True)
        ]
    return LocalRidge(scaler, tuple(best), window, target, rows)


def predict_local_ridge(
    ridge: LocalRidge, genes: GeneSet, *, progress: Progress = SILENT
) -> np.ndarray:
    """Predict raw signal, 2**y - 1 clipped at 0.

    Parameters
    ----------
    ridge
        The fitted model.
    genes
        Forward samples.
    progress
        Counts genes.

    Returns
    -------
    numpy.ndarray
        float32, shape (genes, conditions, target bins).
    """
    shape = (len(genes.gene_ids), len(ridge.models), ridge.target.bins)
    predicted = np.empty(shape, dtype=np.float32)
    with threadpool_limits(limits=1):
        for rows, features in _feature_chunks(genes, ridge.window, ridge.target, progress=progress):
            flat = ridge.scaler.transform(features.reshape(-1, features.shape[-1]))
            for condition, model in enumerate(ridge.models):
                logged = model.predict(flat).reshape(-1, ridge.target.bins)
                predicted[rows, condition] = (2**logged - 1).clip(min=0)
    return predicted


def _cumulative_at(total: np.ndarray, position: np.ndarray, size: int) -> np.ndarray:
    """Return the cumulative sum at `position` bp from the start, linear within a bin."""
    whole, rest = np.divmod(position, size)
    following = np.minimum(whole + 1, total.shape[-1] - 1)
    before = total[..., whole]
    return before + (total[..., following] - before) * (rest / size)


def _feature_chunks(
    genes: GeneSet, window: Binning, target: Binning, *, progress: Progress
) -> Iterator[tuple[slice, np.ndarray]]:
    with progress.step("ridge baseline", total=len(genes.gene_ids)) as step:
        for start in range(0, len(genes.gene_ids), _CHUNK):
            chunk = list(genes.gene_ids[start : start + _CHUNK])
            features = local_features(genes.read(chunk), window, target)
            yield slice(start, start + len(chunk)), features
            step.advance(len(chunk))


def _sample_rows(
    genes: LabelledGenes,
    *,
    named: str,
    window: Binning,
    target: Binning,
    max_rows: int,
    rng: np.random.Generator,
    progress: Progress,
) -> tuple[np.ndarray, np.ndarray]:
    """Return features (rows, features) and log2(x + 1) targets (rows, conditions)."""
    signal = np.moveaxis(log_signal(genes.targets, named=named), 1, 2)
    signal = signal.reshape(-1, signal.shape[-1])
    chosen = np.arange(len(signal))
    if len(signal) > max_rows:
        chosen = np.sort(rng.choice(len(signal), max_rows, replace=False))
    features = np.empty((0, 0))
    for rows, block in _feature_chunks(genes, window, target, progress=progress):
        first, last = np.searchsorted(chosen, [rows.start * target.bins, rows.stop * target.bins])
        if rows.start == 0:
            features = np.empty((len(chosen), block.shape[-1]))
        taken = chosen[first:last] - rows.start * target.bins
        features[first:last] = block.reshape(-1, block.shape[-1])[taken]
    return features, signal[chosen]
