"""How far information reaches: models that see more and more of a window, with and without contacts."""

import numpy as np
import pandas as pd

from claster.analysis.agreement import measures, point_sums
from claster.analysis.bootstrap import (
    LOCUS,
    Resamples,
    locus_blocks,
    require_loci,
    resample_blocks,
)
from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.nested import fit_nested, measured_genes, predict_masked
from claster.analysis.settings import ReachSettings
from claster.analysis.validation.planted import read_planted
from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.eir.trained_on import checked_dataset
from claster.files import write_text
from claster.progress import SILENT, Progress
from claster.settings import Record
from claster.simulation.transcription import gene_levels

_RADII = (1_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)
"""bp on either side of the TSS; the first one is the promoter alone."""

_TOLERANCE = 0.05
"""Share of what is gained over the promoter alone that may be missing at the distance that is told."""


class _Reach(Record):
    """How far a model's information reaches.

    `bp`, `low` and `high`: distance, and its 95 % interval; `farthest`: the largest that was tried. `gained`
    is Pearson r there (`r`) minus that of the promoter alone, `beyond` what the farthest has more than that
    distance; both with interval.
    """

    model: str
    bp: int
    low: int
    high: int
    farthest: int
    r: float
    gained: tuple[float, float, float]
    beyond: tuple[float, float, float]

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.r <= 0:
            return f"{self.model}: tells nothing of these genes' levels (r {self.r:.2f})"
        told = f"{self.model}: information reaches {_kb(self.bp)} (95 % interval "
        told += f"{_kb(self.low)} to {_kb(self.high)}); "
        if self.bp == self.farthest:
            return told + "the window ends there"
        value, low, high = self.beyond
        nothing = "nothing is gained" if low <= 0 else "little is gained"
        return told + f"beyond it {nothing} (r {value:+.3f}, {low:+.3f} to {high:+.3f})"


class ReachFiles(ResultFolder):
    """The folder of a result: ``reach/<dataset>_<split>`` in the project, or ``<run>/reach/<split>``."""

    main = "scores"
    scores = ResultFile(
        "scores.csv", "r of genes by model and radius, and what is gained over the radius before."
    )
    reaches = ResultFile("reaches.jsonl", "How far each model's information reaches, one a line.")
    figure = ResultFile("reach.png", "r by radius.")


def find_reach(
    subject: RunFolder | DatasetSpec,
    settings: ReachSettings | None = None,
    *,
    progress: Progress = SILENT,
) -> tuple[list[_Reach], ReachFiles]:
    """Find the distance from the TSS beyond which no model gains, for a run or for a dataset.

    A run predicts genes with everything beyond 1 to 500 kb hidden (`predict_masked`). For a dataset, trees
    are fitted that see as much (`fit_nested`). Signal is log2(x + 1) of the mean from 1 kb upstream to 3 kb
    downstream of the TSS. On a simulated genome the planted rule, cut off at the same radii, stands beside.

    Parameters
    ----------
    subject
        A trained run or an ensemble, or a built dataset. With `contacts.map: stripe` datasets get models
        with contacts too.

    Returns
    -------
    reaches : list of _Reach
        One a model.
    files : ReachFiles
        Below ``<run>/reach/<split>``, or ``reach/<dataset>_<split>``.

    Raises
    ------
    ClasterError
        If the dataset is not built, a split that is needed holds no gene, the genes lie in fewer than 10
        loci, or the run takes no landscapes.
    """
    settings = settings or ReachSettings()
    split = settings.split
    if isinstance(subject, RunFolder):
        _, spec, folders = checked_dataset(subject)
        files = ReachFiles(subject.path / "reach" / split)
    else:
        spec, folders = subject, DatasetFolders.of(subject)
        folders.require_built()
        files = ReachFiles(spec.project / "reach" / f"{spec.name}_{split}")
    radii = tuple(radius for radius in _RADII if radius <= spec.window.binning.half)
    genes, observed = measured_genes(spec, folders, split)
    loci = locus_blocks(genes, spec.window.binning, length=LOCUS)
    require_loci(
        loci, split, remedy=f"hold out more of the genome as 'splits.{split}', and build again"
    )
    if isinstance(subject, RunFolder):
        predicted = predict_masked(
            subject,
            genes,
            spec,
            split=split,
            radii=radii,
            seed=settings.seed,
            device=settings.device,
            progress=progress,
        )
    else:
        predicted = fit_nested(
            spec, folders, split=split, radii=radii, seed=settings.seed, progress=progress
        )
    predicted |= _planted(spec, genes, radii)
    resamples = resample_blocks(loci, seed=settings.seed)
    tables, reaches = [], []
    for model, curve in predicted.items():
        table, reach = _how_far(model, curve, observed, radii, resamples)
        tables.append(table)
        reaches.append(reach)
    write_text(files.scores, pd.concat(tables).to_csv(index=False, float_format="%.6g"))
    write_text(files.reaches, "".join(f"{reach.model_dump_json()}\n" for reach in reaches))
    return reaches, files


def _how_far(
    model: str,
    curve: np.ndarray,
    observed: np.ndarray,
    radii: tuple[int, ...],
    resamples: Resamples,
) -> tuple[pd.DataFrame, _Reach]:
    """Return Pearson r by radius with intervals, and the distance that information reaches.

    In each resample of loci that is the smallest radius at which at most a twentieth is missing of what the
    best one has more than the promoter alone; the distance told is that of all genes, or the promoter's where
    nothing is gained for sure.
    """
    every = np.ones(curve.T.shape, dtype=bool)
    sums = resamples.block_sums(point_sums(curve.T, observed[:, None], every, axis=0))
    # Predictions that are all the same tell nothing.
    r = np.nan_to_num(measures(sums.sum(axis=0))["pearson"])
    replicates = np.nan_to_num(measures(resamples.draw(sums))["pearson"]).T
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
    reach = _Reach(
        model=model,
        bp=radii[at],
        low=low_bp,
        high=high_bp,
        farthest=radii[-1],
        r=float(r[at]),
        gained=gained,
        beyond=beyond,
    )
    return pd.DataFrame(rows, columns=names), reach


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
        ceiling = truth.get("ceiling", np.inf)
        levels.append(gene_levels(truth["activity_ctrl"], truth["repression"], gain, ceiling))
    return {"planted rule": np.log2(np.stack(levels) + 1)}


def _first_enough(r: np.ndarray, total: np.ndarray) -> np.ndarray:
    """Return the first radius (position) at which at most `_TOLERANCE` of the gain is missing."""
    return np.argmax(r >= r.max(axis=0) - _TOLERANCE * total, axis=0)


def _interval(replicates: np.ndarray) -> tuple[float, float]:
    low, high = np.nanquantile(replicates, [0.025, 0.975])
    return float(low), float(high)


def _kb(bp: int) -> str:
    return f"{bp / 1000:g} kb"
