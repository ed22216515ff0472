"""The simple methods that a network has to beat, all fitted on the training genes in one go.

All but the mean profile share one rule between all bins: they know the chromatin or the TSS near a
bin, and nothing of its place in the window.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from claster.analysis.metrics import log_signal
from claster.analysis.samples import LabelledGenes
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

REACHES = (500, 2_000, 5_000, 10_000, 20_000)
"""Half widths in bp of the windows around a target bin whose mean signal is a feature."""

_CHUNK = 32
_ALPHAS = (0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
"""Ridge penalties that the validation genes choose from."""

_DEFAULT_ALPHA = 1.0
_TREES = 400
_TREES_UNWATCHED = 100


@dataclass(frozen=True)
class _Rows:
    """Bins of genes as the rows of a regression; `signal` is log2(x + 1), shape (rows, conditions)."""

    features: np.ndarray
    tss_distance: np.ndarray
    signal: np.ndarray


@dataclass(frozen=True)
class _OneCondition:
    """What was fitted to one condition, to predict log2(x + 1)."""

    tracks: tuple[tuple[float, float], ...]
    tss: IsotonicRegression
    ridge: Ridge
    boosting: HistGradientBoostingRegressor


@dataclass(frozen=True)
class Baselines:
    """The fitted simple methods.

    Parameters
    ----------
    profile
        Mean raw signal of each bin over the training genes, shape (conditions, bins).
    track_names
        One a row of the landscape.
    window, target
        The bins of landscape and target.
    rows
        Number of training rows (gene and bin) that were used.
    """

    profile: np.ndarray
    conditions: tuple[_OneCondition, ...]
    track_names: tuple[str, ...]
    scaler: StandardScaler
    window: Binning
    target: Binning
    rows: int

    @property
    def names(self) -> list[str]:
        """Names of the methods."""
        tracks = [f"{name}_at_bin" for name in self.track_names]
        return ["mean_profile", "nearest_tss", *tracks, "ridge", "boosting"]


def _mean_profile(train_targets: np.ndarray) -> np.ndarray:
    """Return the mean of each target bin over the training genes, shape (..., bins)."""
    if len(train_targets) == 0:
        raise ClasterError(
            "no training gene to average", remedy="leave some genes to train in 'splits'"
        )
    return np.mean(train_targets, axis=0, dtype=np.float64)


def fit_baselines(
    train: LabelledGenes,
    valid: LabelledGenes,
    *,
    track_names: Sequence[str],
    window: Binning,
    target: Binning,
    seed: int = 0,
    max_rows: int = 400_000,
    progress: Progress = SILENT,
) -> Baselines:
    """Fit every simple method on training genes.

    A row is one bin of one gene; targets are fitted as log2(x + 1), apart from the mean profile. The
    validation genes choose the ridge's penalty and when the boosting ends.

    Parameters
    ----------
    train, valid
        Without validation genes the penalty is 1 and there are 100 trees.
    track_names, window, target
        See `Baselines`.
    seed
        Chooses the rows where there are more than `max_rows`.
    max_rows
        Most rows of each of the two sets; it bounds the memory (400,000 rows of 4 tracks: about 250 MB).

    Raises
    ------
    ClasterError
        If there is no training gene, or a value is missing, infinite or negative.
    """
    profile = _mean_profile(train.targets)
    rng = np.random.default_rng(seed)
    sample = partial(
        _sample_rows, window=window, target=target, max_rows=max_rows, rng=rng, progress=progress
    )
    # One BLAS thread: sums do not depend on the number of cores, and so neither do the bytes.
    with threadpool_limits(limits=1, user_api="blas"):
        rows = sample(train, log_signal(train.targets, named="training targets"))
        watched = None
        if valid.gene_ids:
            watched = sample(valid, log_signal(valid.targets, named="validation targets"))
        scaler = StandardScaler().fit(rows.features)
        with progress.step("baselines", total=rows.signal.shape[1]) as step:
            fits = []
            for condition in range(rows.signal.shape[1]):
                fits.append(_fit_condition(rows, watched, condition, scaler, seed))
                step.advance()
    return Baselines(
        profile, tuple(fits), tuple(track_names), scaler, window, target, len(rows.features)
    )


def _sample_rows(
    genes: LabelledGenes,
    signal: np.ndarray,
    *,
    window: Binning,
    target: Binning,
    max_rows: int,
    rng: np.random.Generator,
    progress: Progress = SILENT,
) -> _Rows:
    """Return bins of genes as rows: all of them, or `max_rows` drawn without replacement."""
    every = np.moveaxis(signal, 1, 2).reshape(-1, signal.shape[1])
    chosen = np.arange(len(every))
    if len(every) > max_rows:
        chosen = np.sort(rng.choice(len(every), max_rows, replace=False))
    features = np.empty((0, 0))
    for rows, block in _feature_chunks(genes, window, target, progress=progress):
        first, last = np.searchsorted(chosen, [rows.start * target.bins, rows.stop * target.bins])
        if rows.start == 0:
            features = np.empty((len(chosen), block.shape[-1]))
        taken = chosen[first:last] - rows.start * target.bins
        features[first:last] = block.reshape(-1, block.shape[-1])[taken]
    return _Rows(features, genes.tss_distance.ravel()[chosen], every[chosen])


def predict_baselines(
    baselines: Baselines, genes: LabelledGenes, *, progress: Progress = SILENT
) -> dict[str, np.ndarray]:
    """Predict raw signal with every method: 2**y - 1 of what was fitted, not below 0.

    The landscapes of the genes are read once.

    Returns
    -------
    dict of numpy.ndarray
        float32, shape (genes, conditions, target bins), by the name of the method.
    """
    shape = (len(genes.gene_ids), len(baselines.conditions), baselines.target.bins)
    predicted = {name: np.empty(shape, dtype=np.float32) for name in baselines.names}
    predicted["mean_profile"][:] = baselines.profile
    logged_distance = np.log1p(genes.tss_distance)
    with threadpool_limits(limits=1, user_api="blas"):
        for number, fit in enumerate(baselines.conditions):
            near = fit.tss.predict(logged_distance.ravel()).reshape(logged_distance.shape)
            predicted["nearest_tss"][:, number] = _raw(near)
        chunks = _feature_chunks(genes, baselines.window, baselines.target, progress=progress)
        for place, features in chunks:
            flat = features.reshape(-1, features.shape[-1])
            scaled = baselines.scaler.transform(flat)
            for number, fit in enumerate(baselines.conditions):
                found = {
                    f"{name}_at_bin": slope * at_bin + intercept
                    for name, at_bin, (slope, intercept) in zip(
                        baselines.track_names, _at_bin(flat).T, fit.tracks, strict=True
                    )
                }
                found["ridge"] = fit.ridge.predict(scaled)
                found["boosting"] = fit.boosting.predict(flat)
                for name, logged in found.items():
                    predicted[name][place, number] = _raw(logged).reshape(-1, shape[-1])
    return predicted


def _fit_condition(
    rows: _Rows, watched: _Rows | None, condition: int, scaler: StandardScaler, seed: int
) -> _OneCondition:
    signal = rows.signal[:, condition]
    tracks = tuple(_line(track, signal) for track in _at_bin(rows.features).T)
    tss = IsotonicRegression(increasing=False, out_of_bounds="clip")
    tss.fit(np.log1p(rows.tss_distance), signal)
    scaled = scaler.transform(rows.features)
    alphas = (_DEFAULT_ALPHA,) if watched is None else _ALPHAS
    ridges = [Ridge(alpha, solver="cholesky").fit(scaled, signal) for alpha in alphas]
    trees = HistGradientBoostingRegressor(
        max_iter=_TREES_UNWATCHED if watched is None else _TREES,
        min_samples_leaf=50,
        early_stopping=watched is not None,
        n_iter_no_change=20,
        random_state=seed,
    )
    if watched is None:
        return _OneCondition(tracks, tss, ridges[0], trees.fit(rows.features, signal))
    held_out = watched.signal[:, condition]
    scaled = scaler.transform(watched.features)
    best = min(ridges, key=lambda ridge: np.mean((ridge.predict(scaled) - held_out) ** 2))
    trees.fit(rows.features, signal, X_val=watched.features, y_val=held_out)
    return _OneCondition(tracks, tss, best, trees)


def _at_bin(features: np.ndarray) -> np.ndarray:
    """Return the feature of the smallest reach of each track, shape (rows, tracks)."""
    return features[:, :: len(REACHES)]


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return slope and intercept of the least-squares line; a constant x has slope 0."""
    centred = x - x.mean()
    spread = (centred * centred).sum()
    slope = (centred * y).sum() / spread if spread else 0.0
    return float(slope), float(y.mean() - slope * x.mean())


def _raw(logged: np.ndarray) -> np.ndarray:
    return (2**logged - 1).clip(min=0)


def local_features(landscapes: np.ndarray, window: Binning, target: Binning) -> np.ndarray:
    """Return the signal of each track around the centre of each target bin.

    A feature is log1p of the mean signal of one track within one of `REACHES` of the bin's centre.
    Landscape bins that a window cuts count by their share, windows end where the landscape ends,
    and a window wholly outside has mean 0. Negative means keep their sign: sign(x) log1p(abs(x)).

    Parameters
    ----------
    landscapes
        Shape (genes, tracks, landscape bins), with the bins of `window`, centred on the same TSS as `target`.

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


def _feature_chunks(
    genes: LabelledGenes, window: Binning, target: Binning, *, progress: Progress = SILENT
) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield the local features of a few genes at a time, with their place among the genes."""
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
