"""Finished screens of a run: what planted rules say of their edits, and whether controls do nothing."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import kstest, kstwo

from claster.analysis.bootstrap import Resamples, resample_blocks
from claster.analysis.loci import locus_blocks
from claster.analysis.perturbation.controls import STRATUM, regions_of
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import ScreenRecord, ScreenSettings
from claster.analysis.validation.planted import Planted, planted_effects
from claster.eir.runs import RunFolder
from claster.files import require_file
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress
from claster.quoting import pasteable
from claster.text import read_parquet, read_record

__all__ = [
    "BLOCK",
    "RESAMPLES",
    "PlantedScreen",
    "control_p_values",
    "read_planted_screen",
    "read_screen",
    "uniformity",
]

BLOCK = 2_000_000
RESAMPLES = 1000


@dataclass(frozen=True)
class PlantedScreen:
    """A screen beside the planted rules, of one condition.

    Attributes
    ----------
    name, settings
        The screen.
    pairs
        Its effects of single elements, and the columns of `planted_effects`.
    controls
        Its control regions.
    resamples
        Resamples of the loci of `pairs`.
    """

    name: str
    settings: ScreenSettings
    pairs: pd.DataFrame
    controls: pd.DataFrame
    resamples: Resamples


def read_planted_screen(
    run: RunFolder,
    name: str,
    planted: Planted,
    *,
    condition: str,
    binning: Binning,
    seed: int = 0,
    progress: Progress = SILENT,
) -> PlantedScreen:
    """Read a finished screen, and compute what the planted rules say of its edits.

    Parameters
    ----------
    run, name
        The screen ``<run>/perturb/<name>``.
    planted
        The rules.
    condition
        Of the target.
    binning
        The bins of the target window.
    seed
        Of resamples.

    Raises
    ------
    ClasterError
        See `read_screen` and `planted_effects`.
    """
    record, effects, controls = read_screen(run, name)
    settings = record.identity.settings
    effects = effects[effects["condition"] == condition].reset_index(drop=True)
    with progress.step("planted effects") as step:
        step.describe(f"transcription without what {name} takes away")
        truth = planted_effects(
            effects, planted, settings=settings, condition=condition, reach=binning.half
        )
    blocks = locus_blocks(effects, binning, length=BLOCK)
    return PlantedScreen(
        name,
        settings,
        effects.join(truth),
        controls[controls["condition"] == condition],
        resample_blocks(blocks, resamples=RESAMPLES, seed=seed),
    )


def read_screen(run: RunFolder, name: str) -> tuple[ScreenRecord, pd.DataFrame, pd.DataFrame]:
    """Return the record of a finished screen, its effects of single elements, and its controls.

    Raises
    ------
    ClasterError
        If there is no such screen, or it is not whole.
    """
    files = ScreenFiles(run.path / "perturb" / name)
    require_file(
        files.manifest,
        named="screen",
        remedy=f"run '{pasteable(['claster', 'perturb', run.path, '--name', name])}' to its end",
    )
    record = read_record(files.manifest, ScreenRecord, remedy="run the screen again with --force")
    effects = read_parquet(files.effects)
    return record, effects[effects["partner_id"] == ""], read_parquet(files.controls)


@dataclass(frozen=True)
class _Uniformity:
    """A Kolmogorov-Smirnov test of p-values against the uniform distribution.

    Attributes
    ----------
    n
        How many p-values.
    statistic, p
        Of the test; NaN without p-values.
    """

    n: int
    statistic: float
    p: float


def control_p_values(controls: pd.DataFrame, *, most: int, seed: int) -> tuple[np.ndarray, int]:
    """Return the p-value of half of the control regions against the other half, and its number of genes.

    Genes are cut into two halves at random, so that no region is compared with one of its own window. Of
    each gene of the first half one region stands for all, because edits of one window are not independent.
    Its null distribution are the regions of the second half in its stratum, filled up as those of elements
    are (`regions_of`). Of r larger and t equal effects among n, p = (r + u (t + 1)) / (n + 1) with u uniform:
    the empirical p with ties broken at random, which is uniform where regions are alike.

    Parameters
    ----------
    controls
        `controls.parquet` of one condition and dose: `gene_id`, `effect`, the columns of `STRATUM`.
    most
        Control regions a stratum.
    seed
        Chooses genes, regions and u.

    Returns
    -------
    p : numpy.ndarray
        float64, between 0 and 1; regions whose stratum has fewer than 5 in the other half are left out.
    others : int
        Genes of the other half.

    References
    ----------
    Phipson and Smyth 2010, doi 10.2202/1544-6115.1585
    """
    rng = np.random.default_rng(seed)
    genes = np.sort(controls["gene_id"].unique())
    tested = set(rng.permutation(genes)[: len(genes) // 2])
    regions = controls.assign(number=np.arange(len(controls)), size=controls["effect"].abs())
    null = regions[~regions["gene_id"].isin(tested)]
    shuffled = regions[regions["gene_id"].isin(tested)].sample(frac=1, random_state=rng)
    found = []
    for row in shuffled.drop_duplicates("gene_id").itertuples():
        like = regions_of(tuple(getattr(row, name) for name in STRATUM), null, most=most)
        if len(like) < 5:
            continue
        larger = int((like["size"] > row.size).sum())
        equal = int((like["size"] == row.size).sum())
        found.append((larger + rng.random() * (equal + 1)) / (len(like) + 1))
    return np.array(found), int(null["gene_id"].nunique())


def uniformity(p: np.ndarray, *, others: int) -> _Uniformity:
    """Test p-values against the uniform distribution (two-sided Kolmogorov-Smirnov).

    The p-values of n genes come from comparison with m others, which were drawn by chance like them, so the
    largest difference is as of two samples: that of nm / (n + m) values against a known distribution.

    Parameters
    ----------
    p, others
        See `control_p_values`.

    Examples
    --------
    >>> uniformity(np.linspace(0.005, 0.995, 100), others=100).p > 0.99
    True
    """
    p = p[np.isfinite(p)]
    if not p.size:
        return _Uniformity(0, np.nan, np.nan)
    statistic = float(kstest(p, "uniform").statistic)
    like = max(1, round(p.size * others / (p.size + others)))
    return _Uniformity(int(p.size), statistic, float(kstwo.sf(statistic, like)))
