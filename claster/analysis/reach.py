"""How far information reaches: models that see more and more of a window, with and without contacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict
from sklearn.ensemble import HistGradientBoostingRegressor

from claster.analysis.bootstrap import Resamples, pearson, point_sums, resample_blocks
from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.loci import locus_blocks
from claster.analysis.perturbation.effects import gene_bins, gene_signal, measured_regions
from claster.analysis.settings import ReachSettings
from claster.analysis.validation.planted import read_planted
from claster.contacts.stripe import StripeMap
from claster.dataset.activity import ActivityView
from claster.dataset.layout import DatasetFolders, read_arrays, read_genes_table, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import atomic_path, write_text
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT, Progress
from claster.settings import Split
from claster.simulation.transcription import BASE_LEVEL

__all__ = ["RADII", "Reach", "ReachFiles", "find_reach", "how_far"]

RADII = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
"""bp on either side of the TSS; the first one is the promoter alone."""

_TOLERANCE = 0.05
"""Share of what is gained over the promoter alone that may be missing at the distance that is told."""

_AROUND_TSS = (1_000, 3_000)
_BLOCK_LENGTH = 2_000_000
_CHUNK = 100
_TREES = 400
_TREES_UNWATCHED = 100


class Reach(BaseModel):
    """How far a model's information reaches.

    `bp`, `low` and `high`: distance, and its 95 % interval; `farthest`: the largest that was tried. `gained`
    is Pearson r there minus that of the promoter alone, `beyond` what the farthest has more than that
    distance; both with interval.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    bp: int
    low: int
    high: int
    farthest: int
    gained: tuple[float, float, float]
    beyond: tuple[float, float, float]

    @property
    def sentence(self) -> str:
        """The result in words."""
        told = (
            f"{self.model}: information reaches {_kb(self.bp)} (95 % interval {_kb(self.low)} to "
        )
        told += f"{_kb(self.high)}); "
        if self.bp == self.farthest:
            return told + "the window ends there"
        value, low, high = self.beyond
        nothing = "nothing is gained" if low <= 0 else "little is gained"
        return told + f"beyond it {nothing} (r {value:+.3f}, {low:+.3f} to {high:+.3f})"


class ReachFiles(ResultFolder):
    """The folder of a result, ``reach/<dataset>_<split>`` in the project."""

    main = "scores"
    scores = ResultFile(
        "scores.csv", "r of genes by model and radius, and what is gained over the radius before."
    )
    reaches = ResultFile("reaches.jsonl", "How far each model's information reaches, one a line.")
    figure = ResultFile("reach.png", "r by radius.")


def find_reach(
    dataset: str,
    settings: ReachSettings | None = None,
    *,
    project: Path | str = ".",
    progress: Progress = SILENT,
) -> tuple[list[Reach], ReachFiles]:
    """Fit models that see 1 to 500 kb around the TSS and find the distance beyond which none gains.

    Each model is boosted trees from the mean signal of every track in rings around the TSS, and from the
    contact-weighted activity of shells that end within the radius, to log2(x + 1) of the mean signal from
    1 kb upstream to 3 kb downstream of the TSS. Validation genes end the boosting; without any there are
    100 trees. On a simulated genome the planted rule, cut off at the same radii, stands beside them.

    Parameters
    ----------
    dataset
        Name or YAML of a built dataset; with `contacts.map: stripe` models with contacts are fitted too.
    settings
        Which genes are scored.
    project
        The project's folder.
    progress
        Where to report to.

    Returns
    -------
    reaches : list of Reach
        One a model.
    files : ReachFiles
        Below ``reach/<dataset>_<split>``.

    Raises
    ------
    ClasterError
        If the dataset is not built, or a split that is needed holds no gene.
    """
    settings = settings or ReachSettings()
    spec = load_dataset(dataset, project=project)
    folders = DatasetFolders.of(spec, project=project)
    folders.require_built()
    radii = tuple(radius for radius in RADII if radius <= spec.window.binning.half)
    splits: tuple[Split, ...] = ("train", "valid", settings.split)
    held = read_genes_table(folders)["split"]
    data = {
        split: _read(spec, folders, split, radii, progress=progress)
        for split in dict.fromkeys(splits)
        if split != "valid" or (held == "valid").any()
    }
    genes, observed = data[settings.split].genes, data[settings.split].signal
    predicted = _nested(data, settings, radii, progress=progress)
    predicted |= _planted(spec, genes, radii)
    resamples = resample_blocks(
        locus_blocks(genes, spec.window.binning, length=_BLOCK_LENGTH), seed=settings.seed
    )
    tables, reaches = [], []
    for model, curve in predicted.items():
        table, reach = how_far(model, curve, observed, radii, resamples)
        tables.append(table)
        reaches.append(reach)
    files = ReachFiles(Path(project) / "reach" / f"{spec.name}_{settings.split}")
    files.folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(files.scores) as partial:
        pd.concat(tables).to_csv(partial, index=False, float_format="%.6g")
    write_text(files.reaches, "".join(f"{reach.model_dump_json()}\n" for reach in reaches))
    return reaches, files


def how_far(
    model: str,
    curve: np.ndarray,
    observed: np.ndarray,
    radii: tuple[int, ...],
    resamples: Resamples,
) -> tuple[pd.DataFrame, Reach]:
    """Return Pearson r by radius with intervals, and the distance that information reaches.

    In each resample of loci that is the smallest radius at which at most a twentieth is missing of what the
    best one has more than the promoter alone; the distance told is that of all genes, or the promoter's where
    nothing is gained for sure.

    Parameters
    ----------
    model
        Its name.
    curve
        Predictions, shape (radii, genes).
    observed
        Shape (genes,).
    radii
        bp, increasing.
    resamples
        Of the genes' loci.
    """
    every = np.ones(curve.T.shape, dtype=bool)
    sums = resamples.block_sums(point_sums(curve.T, observed[:, None], every, axis=0))
    # Predictions that are all the same tell nothing.
    r = np.nan_to_num(pearson(sums.sum(axis=0)))
    replicates = np.nan_to_num(pearson(resamples.draw(sums))).T
    rows = []
    for number, radius in enumerate(radii):
        before = max(number - 1, 0)
        low, high = _interval(replicates[number])
        gain_low, gain_high = _interval(replicates[number] - replicates[before])
        rows.append(
            (model, radius, r[number], low, high, r[number] - r[before], gain_low, gain_high)
        )
    names = ["model", "radius_bp", "r", "low", "high", "gain", "gain_low", "gain_high"]
    total = replicates.max(axis=0) - replicates[0]
    if np.quantile(replicates[np.argmax(r)] - replicates[0], 0.025) <= 0:
        at, spread = 0, np.zeros(2, int)
    else:
        at = int(_first_enough(r[:, None], np.array([r.max() - r[0]]))[0])
        spread = np.quantile(_first_enough(replicates, total), [0.025, 0.975], method="nearest")
    ends = [replicates[at] - replicates[0], replicates[-1] - replicates[at]]
    gained, beyond = (
        (float(value), *_interval(part))
        for value, part in zip((r[at] - r[0], r[-1] - r[at]), ends, strict=True)
    )
    low_bp, high_bp = (radii[int(step)] for step in spread)
    reach = Reach(
        model=model,
        bp=radii[at],
        low=low_bp,
        high=high_bp,
        farthest=radii[-1],
        gained=gained,
        beyond=beyond,
    )
    return pd.DataFrame(rows, columns=names), reach


@dataclass(frozen=True)
class _Data:
    """Genes of a split, their measured signal, and features with the bp that each needs to be seen."""

    genes: pd.DataFrame
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
    genes = read_genes_table(folders, split=split)
    if genes.empty:
        raise ClasterError(
            f"the {split} split of {spec.name!r} holds no gene", remedy="build it with one"
        )
    target = spec.require_target()
    table = read_targets(folders.target_table(split), transform=target.transform)
    ids = genes["gene_id"].tolist()
    profiles = table.loc[[sample_id(gene, FORWARD) for gene in ids], target.columns[: target.bins]]
    regions = measured_regions(genes, _AROUND_TSS)
    signal = [
        gene_signal(profile, gene_bins(row.start, row.end, centre=row.tss, binning=target.binning))
        for profile, row in zip(profiles.to_numpy(), regions.itertuples(), strict=True)
    ]
    striped = spec.contacts is not None and isinstance(spec.contacts_shape, StripeMap)
    view = ActivityView(radii[-1])
    found = []
    with progress.step(f"read {split}", len(ids)) as step:
        for first in range(0, len(ids), _CHUNK):
            some = ids[first : first + _CHUNK]
            window = {"landscape": read_arrays(folders, some, split=split)}
            parts = [_rings(window["landscape"], spec.window.bin, radii)]
            if striped:
                window["contacts"] = read_arrays(folders, some, split=split, modality="contacts")
                parts.append(view.of_windows(window, spec).reshape(len(some), -1))
            found.append(np.concatenate(parts, axis=1))
            step.advance(len(some))
    needs = [np.tile(radii, len(spec.tracks))]
    if striped:
        needs.append(view.needs(spec))
    by_contact = np.repeat([False, True], [needs[0].size, sum(map(len, needs[1:]))])
    return _Data(
        genes,
        np.log2(np.array(signal) + 1),
        np.concatenate(found),
        np.concatenate(needs),
        by_contact,
    )


def _rings(landscape: np.ndarray, bin: int, radii: tuple[int, ...]) -> np.ndarray:
    """Return the mean of each track in rings around the TSS, both sides together, by track, then radius."""
    centre = landscape.shape[-1] // 2
    apart = np.abs(np.arange(landscape.shape[-1]) - centre) * bin
    rings = np.digitize(apart, radii, right=True)
    means = [landscape[..., rings == ring].mean(axis=-1) for ring in range(len(radii))]
    return np.stack(means, axis=-1).reshape(len(landscape), -1)


def _nested(
    data: Mapping[Split, _Data],
    settings: ReachSettings,
    radii: tuple[int, ...],
    *,
    progress: Progress,
) -> dict[str, np.ndarray]:
    train, valid, scored = data["train"], data.get("valid"), data[settings.split]
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
                    random_state=settings.seed,
                )
                watched = {"X_val": valid.features[:, seen], "y_val": valid.signal} if valid else {}
                trees.fit(train.features[:, seen], train.signal, **watched)
                curves[name].append(trees.predict(scored.features[:, seen]))
                step.advance()
    return {name: np.stack(curve) for name, curve in curves.items()}


def _planted(
    spec: DatasetSpec, genes: pd.DataFrame, radii: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Return what the planted rule says of each gene's level from its elements within each radius."""
    if not (spec.data_folder / "truth" / "genes.tsv").is_file():
        return {}
    planted = read_planted(spec)
    truth = planted.genes.set_index("gene_id").loc[genes["gene_id"]]
    links = planted.links
    levels = []
    for radius in radii:
        near = links[links["distance"].abs() <= radius]
        gain = near.groupby("gene_id")["gain_ctrl"].sum().reindex(truth.index).fillna(0.0)
        levels.append(BASE_LEVEL * truth["activity_ctrl"] * truth["repression"] * (1 + gain))
    return {"planted rule": np.log2(np.stack(levels) + 1)}


def _first_enough(r: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the first radius (position) at which at most `_TOLERANCE` of the gain is missing."""
    return np.argmax(r >= r.max(axis=0) - _TOLERANCE * total, axis=0)


def _interval(replicates: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return float(low), float(high)


def _kb(bp: int) -> str:
    return f"{bp / 1000:g} kb"
