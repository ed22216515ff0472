"""Models that see more and more of a window: boosted trees, and a trained run with the rest as background."""

from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from claster.analysis.perturbation.candidates import TSS_MARGIN, known_annotated
from claster.analysis.perturbation.effects import gene_bins, gene_signal, measured_regions
from claster.analysis.perturbation.measure import Window, average_mirrored, built_window
from claster.analysis.perturbation.screen import load_predictor
from claster.analysis.samples import measured, scored_genes
from claster.contacts.shapes import StripeMap
from claster.dataset.activity import ActivityView
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table
from claster.dataset.scale import MOST_WINDOWS, spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.progress import SILENT, Progress
from claster.settings import Device, Split

_AROUND_TSS = (1_000, 3_000)
"""bp upstream and downstream of a TSS over which a gene is measured."""

_CHUNK = 100
_TREES = 400
_TREES_UNWATCHED = 100


def measured_genes(
    spec: DatasetSpec, folders: DatasetFolders, split: Split
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the genes of a split, and the log2(x + 1) of their measured signal around the TSS.

    `start` and `end` of the genes are those of the stretch that is measured; the signal, shape (genes,), is
    that of the first condition. A split without a gene is refused.
    """
    genes = read_genes_table(folders, split=split)
    if genes.empty:
        raise ClasterError(
            f"the {split} split of {spec.name!r} holds no gene", remedy="build it with one"
        )
    genes = genes if split == "train" else scored_genes(genes)
    binning = spec.require_target().binning
    profiles = measured(spec, folders, genes, [split])[:, 0]
    genes = measured_regions(genes, _AROUND_TSS)
    signal = [
        gene_signal(profile, gene_bins(row.start, row.end, centre=row.tss, binning=binning))
        for profile, row in zip(profiles, genes.itertuples(), strict=True)
    ]
    return genes, np.log2(np.array(signal) + 1)


def fit_nested(
    spec: DatasetSpec,
    folders: DatasetFolders,
    *,
    split: Split,
    radii: tuple[int, ...],
    seed: int,
    progress: Progress = SILENT,
) -> dict[str, np.ndarray]:
    """Fit trees that see 1 kb around the TSS and more and more, and predict the genes of a split.

    Each sees the mean of every track in rings around the TSS, and, with `contacts.map: stripe`, also the
    contact-weighted activity of shells that end within its radius. Validation genes end the boosting;
    without any there are 100 trees.

    Parameters
    ----------
    radii
        bp, increasing.

    Returns
    -------
    dict of str to numpy.ndarray
        log2(x + 1) by model, ``marks`` and ``marks and contacts``, shape (radii, genes).
    """
    splits: tuple[Split, ...] = ("train", "valid", split)
    held = read_genes_table(folders)["split"]
    data = {
        name: _read(spec, folders, name, radii, progress=progress)
        for name in dict.fromkeys(splits)
        if name != "valid" or (held == "valid").any()
    }
    train, valid, scored = data["train"], data.get("valid"), data[split]
    kinds = {"marks": ~train.by_contact}
    if train.by_contact.any():
        kinds["marks and contacts"] = np.ones(train.needs.size, dtype=bool)
    curves: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    with progress.step("fit", len(kinds) * len(radii)) as step:
        for name, of_kind in kinds.items():
            for radius in radii:
                seen = of_kind & (train.needs <= radius)
                trees = HistGradientBoostingRegressor(
                    max_iter=_TREES if valid else _TREES_UNWATCHED,
                    learning_rate=0.05,
                    early_stopping=valid is not None,
                    n_iter_no_change=20,
                    random_state=seed,
                )
                watched = {"X_val": valid.features[:, seen], "y_val": valid.signal} if valid else {}
                trees.fit(train.features[:, seen], train.signal, **watched)
                curves[name].append(trees.predict(scored.features[:, seen]))
                step.advance()
    return {name: np.stack(curve) for name, curve in curves.items()}


@dataclass(frozen=True)
class _Data:
    """Measured signal of a split's genes, and features with the bp that each needs to be seen."""

    signal: np.ndarray
    features: np.ndarray
    needs: np.ndarray
    by_contact: np.ndarray


def _read(
    spec: DatasetSpec,
    folders: DatasetFolders,
    split: Split,
    radii: tuple[int, ...],
    *,
    progress: Progress,
) -> _Data:
    genes, signal = measured_genes(spec, folders, split)
    ids = genes["gene_id"].tolist()
    striped = spec.contacts is not None and isinstance(spec.contacts_shape, StripeMap)
    view = ActivityView(radii[-1])
    found = []
    with progress.step(f"read {split}", len(ids)) as step:
        for first in range(0, len(ids), _CHUNK):
            some = ids[first : first + _CHUNK]
            window = {"landscape": read_arrays(folders, some, split=split)}
            parts = [_ring_means(window["landscape"], spec.window.bin, radii)]
            if striped:
                window["contacts"] = read_arrays(folders, some, split=split, modality="contacts")
                parts.append(view.of_windows(window, spec).reshape(len(some), -1))
            found.append(np.concatenate(parts, axis=1))
            step.advance(len(some))
    needs = [np.tile(radii, len(spec.tracks))]
    if striped:
        needs.append(view.needs(spec))
    by_contact = np.repeat([False, True], [needs[0].size, sum(map(len, needs[1:]))])
    return _Data(signal, np.concatenate(found), np.concatenate(needs), by_contact)


def _ring_means(landscape: np.ndarray, bin: int, radii: tuple[int, ...]) -> np.ndarray:
    """Return the mean of each track in rings around the TSS, shape (samples, tracks * radii)."""
    centre = landscape.shape[-1] // 2
    apart = np.abs(np.arange(landscape.shape[-1]) - centre) * bin
    rings = np.digitize(apart, radii, right=True)
    means = [landscape[..., rings == ring].mean(axis=-1) for ring in range(len(radii))]
    return np.stack(means, axis=-1).reshape(len(landscape), -1)


_QUIET = 0.9


def predict_masked(
    run: RunFolder,
    genes: pd.DataFrame,
    spec: DatasetSpec,
    *,
    split: Split,
    radii: tuple[int, ...],
    seed: int = 0,
    device: Device = "auto",
    progress: Progress = SILENT,
) -> dict[str, np.ndarray]:
    """Predict genes with everything beyond each radius hidden, with and without contacts.

    A hidden bin holds, in all tracks, what a random bin of training windows holds that is 1 kb away from any
    annotated element, 2 kb from any TSS, and in no track among the highest tenth of such bins: the same for
    every radius, so that differences are paired. Hidden columns of a stripe hold the mean over training
    windows; without contacts all do, and of other kinds of map the whole. Windows are averaged with their
    mirror images.

    Parameters
    ----------
    run
        A trained run that takes landscapes, or an ensemble.
    genes
        Genes of `split`, `start` and `end` those of the stretch that is measured.
    radii
        bp, increasing.
    seed
        Chooses background.

    Returns
    -------
    dict of str to numpy.ndarray
        log2(x + 1) by what is seen, ``marks`` and, where the run takes contacts, ``marks and contacts``;
        shape (radii, genes).

    Raises
    ------
    ClasterError
        If the run takes no landscapes, or every bin of the training windows lies near an element or a TSS.
    """
    model = load_predictor(run, spec, device=device, progress=progress)
    if "landscape" not in model.inputs:
        raise ClasterError(
            f"{run.path} does not take landscapes, so there is nothing to hide",
            remedy="choose a run of a flavour with landscapes",
        )
    folders = DatasetFolders.of(spec)
    kinds = ["marks", "marks and contacts"] if "contacts" in model.inputs else ["marks"]
    pool, mean = _background(spec, folders, contacts=len(kinds) > 1)
    shown = _shown(spec, radii)
    read = built_window(folders, split=split, inputs=model.inputs)

    def windows() -> Iterator[Window]:
        for gene in genes.itertuples():
            window = read(gene.gene_id, gene.chrom, gene.tss)
            landscape = window["landscape"]
            rng = np.random.default_rng([seed, crc32(str(gene.gene_id).encode())])
            hidden = pool[..., rng.integers(pool.shape[-1], size=landscape.shape[-1])]
            for kind in kinds:
                for bins, columns in shown:
                    seen = {"landscape": np.where(bins, landscape, hidden)}
                    if mean is not None:
                        met = kind != "marks"
                        seen["contacts"] = np.where(columns & met, window["contacts"], mean)
                    yield seen

    binning = spec.require_target().binning
    predict = average_mirrored(model.predict, spec)(windows())
    found = np.empty((len(genes), len(kinds), len(radii)))
    with progress.step("predict", len(genes)) as step:
        for row, gene in enumerate(genes.itertuples()):
            span = gene_bins(gene.start, gene.end, centre=gene.tss, binning=binning)
            for at in np.ndindex(found.shape[1:]):
                found[row][at] = gene_signal(next(predict)[0], span)
            step.advance()
    return dict(zip(kinds, np.log2(found + 1).transpose(1, 2, 0), strict=True))


def _background(
    spec: DatasetSpec, folders: DatasetFolders, *, contacts: bool
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the bins that stand for hidden ones, shape (..., bins), and the mean map of training windows."""
    everyone = read_genes_table(folders)
    training = spread_evenly(everyone[everyone["split"] == "train"], MOST_WINDOWS)
    annotated = known_annotated(spec, everyone)
    pool, maps = [], []
    for gene in training.itertuples():
        edges = spec.window.binning.edges + int(gene.tss)
        low, high = edges[:-1] - TSS_MARGIN, edges[1:] + TSS_MARGIN
        free = ~annotated.touch(str(gene.chrom), low, high)
        pool.append(read_arrays(folders, [gene.gene_id], split="train")[0][..., free])
        if contacts:
            maps.append(read_arrays(folders, [gene.gene_id], split="train", modality="contacts")[0])
    if not sum(part.shape[-1] for part in pool):
        raise ClasterError(
            "every bin of the training windows lies near an element or a TSS",
            remedy="check the elements of the dataset",
        )
    bins = np.concatenate(pool, axis=-1)
    # Flanks of elements and promoters that nobody listed are no background.
    quiet = bins <= np.quantile(bins, _QUIET, axis=-1, keepdims=True)
    mean = np.mean(maps, axis=0, dtype=np.float32) if contacts else None
    return bins[..., quiet.reshape(-1, quiet.shape[-1]).all(axis=0)], mean


def _shown(spec: DatasetSpec, radii: tuple[int, ...]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return which bins, and which columns of a stripe, lie within each radius; of other maps all do."""
    apart = np.abs(np.arange(spec.window.bins) - spec.window.bins // 2) * spec.window.bin
    away = np.zeros(1)
    if spec.contacts is not None and isinstance(spec.contacts_shape, StripeMap):
        half = spec.contacts_shape.half
        away = np.abs(np.arange(-half, half + 1)) * spec.contacts.resolution
    return [(apart <= radius, away <= radius) for radius in radii]
