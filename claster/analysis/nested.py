"""Nested models: boosted trees that see more and more of a window, with and without contacts."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from claster.analysis.perturbation.effects import gene_bins, gene_signal, measured_regions
from claster.analysis.samples import scored_genes
from claster.contacts.stripe import StripeMap
from claster.dataset.activity import ActivityView
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table, read_targets
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT, Progress
from claster.settings import Split

__all__ = ["fit_nested", "measured_genes", "ring_means"]

_AROUND_TSS = (1_000, 3_000)
"""bp upstream and downstream of a TSS over which a gene is measured."""

_CHUNK = 100
_TREES = 400
_TREES_UNWATCHED = 100


def measured_genes(
    spec: DatasetSpec, folders: DatasetFolders, split: Split
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the genes of a split, and the log2(x + 1) of their measured signal around the TSS.

    Returns
    -------
    genes : pandas.DataFrame
        Of `read_genes_table`; `start` and `end` those of the stretch that is measured.
    signal : numpy.ndarray
        Shape (genes,), of the first condition.

    Raises
    ------
    ClasterError
        If the split holds no gene.
    """
    genes = read_genes_table(folders, split=split)
    if genes.empty:
        raise ClasterError(
            f"the {split} split of {spec.name!r} holds no gene", remedy="build it with one"
        )
    genes = genes if split == "train" else scored_genes(genes)
    target = spec.require_target()
    table = read_targets(folders.target_table(split), transform=target.transform)
    names = [sample_id(gene, FORWARD) for gene in genes["gene_id"]]
    profiles = table.loc[names, target.columns[: target.bins]].to_numpy()
    genes = measured_regions(genes, _AROUND_TSS)
    signal = [
        gene_signal(profile, gene_bins(row.start, row.end, centre=row.tss, binning=target.binning))
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
    spec, folders
        A built dataset.
    split
        What is predicted.
    radii
        bp, increasing.
    seed
        Of the trees.
    progress
        Where to report to.

    Returns
    -------
    dict of str to numpy.ndarray
        log2(x + 1) by model, ``marks`` and ``marks and contacts``, shape (radii, genes).

    Raises
    ------
    ClasterError
        If a split that is needed holds no gene.
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
            parts = [ring_means(window["landscape"], spec.window.bin, radii)]
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


def ring_means(landscape: np.ndarray, bin: int, radii: tuple[int, ...]) -> np.ndarray:
    """Return the mean of each track in rings around the TSS, both sides together.

    Parameters
    ----------
    landscape
        Shape (samples, ..., bins), centred on the TSS.
    bin
        Width of a bin in bp.
    radii
        Where rings end, bp.

    Returns
    -------
    numpy.ndarray
        Shape (samples, tracks * radii), by track, then radius.
    """
    centre = landscape.shape[-1] // 2
    apart = np.abs(np.arange(landscape.shape[-1]) - centre) * bin
    rings = np.digitize(apart, radii, right=True)
    means = [landscape[..., rings == ring].mean(axis=-1) for ring in range(len(radii))]
    return np.stack(means, axis=-1).reshape(len(landscape), -1)
