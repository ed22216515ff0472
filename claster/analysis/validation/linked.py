"""A screen of a run against planted links and planted repression."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import kstest, kstwo

from claster.analysis.abc import activity_by_contact, score_pairs
from claster.analysis.bootstrap import Resamples
from claster.analysis.perturbation.candidates import PAIR_NAMES, TSS_MARGIN
from claster.analysis.perturbation.controls import DISTANCES, STRATUM, regions_of
from claster.analysis.statistics import curves, score_links
from claster.analysis.summary import Score
from claster.analysis.validation.effects import (
    FAR,
    SMALL,
    called_far,
    compare_effects,
    distance_names,
    distance_of_network,
)
from claster.analysis.validation.result import Repression, ValidationFiles, bars_of
from claster.analysis.validation.screens import PlantedScreen
from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.files import require_file
from claster.text import read_parquet


@dataclass(frozen=True)
class _Uniformity:
    """A Kolmogorov-Smirnov test of p-values against the uniform distribution.

    Attributes
    ----------
    statistic, p
        Of the test; NaN without p-values.
    """

    n: int
    statistic: float
    p: float


def compare_links(
    screen: PlantedScreen,
    run: RunFolder,
    files: ValidationFiles,
    *,
    spec: DatasetSpec,
    folders: DatasetFolders,
    attribution: str | None,
    seed: int,
) -> tuple[dict[str, Any], dict[Path, pd.DataFrame]]:
    """Score a screen, and attributions, by the links that were planted.

    Parameters
    ----------
    screen
        A screen beside the planted rules.
    run, attribution
        The attributions ``<run>/attributions/<attribution>``; None for none.
    seed
        Of the test of control regions.

    Returns
    -------
    numbers : dict
        The fields of `ValidationSummary` that tell of links.
    tables : dict of Path to pandas.DataFrame
        What is to be written.

    Raises
    ------
    ClasterError
        If attributions are missing or of other pairs, or no pair is a link.
    """
    pairs = screen.pairs
    activity, contact, source = activity_by_contact(
        pairs, spec, folders, split=screen.settings.split
    )
    pairs = pairs.assign(abc=score_pairs(activity, contact, pairs["gene_id"].to_numpy()))
    if attribution is not None:
        pairs = _with_attribution(pairs, run, attribution)
    scored = _scored(pairs)
    positive = pairs.loc[scored, "link"].to_numpy()
    if not positive.any() or positive.all():
        raise ClasterError(
            f"{int(positive.sum())} of {positive.size:,} pairs of {screen.name!r} are planted links",
            remedy="screen the dataset's own elements, on a split with more genes",
        )
    predictors = _predictors_of(pairs[scored])
    scores = score_links(positive, predictors, screen.resamples.of(scored))
    compared = _agreement(pairs, screen.resamples)
    p, others = _control_p_values(screen.controls, most=max(screen.settings.controls, 1), seed=seed)
    test = _uniformity(p, others=others)
    reached, stops = distance_of_network(compared)
    called = called_far(pairs[scored], screen.controls, screen.resamples.of(scored))
    acts = (positive & (pairs.loc[scored, "distance_bp"].abs() >= FAR)).any()
    numbers = {
        "pairs": int(scored.sum()),
        "links": int(positive.sum()),
        "blocks": screen.resamples.blocks,
        "contact": source,
        "controls": test.n,
        "recovered_bp": reached,
        "stops_bp": stops,
        "called_far": called,
        "bars": bars_of(scores, compared, test.p, called=None if acts else called),
    }
    return numbers, {
        files.pairs: pairs,
        files.scores: scores,
        files.agreement: compared,
        files.curves: curves(positive, predictors),
        files.controls: pd.DataFrame({"p": p}),
    }


def _uniformity(p: np.ndarray, *, others: int) -> _Uniformity:
    """Test p-values against the uniform distribution (two-sided Kolmogorov-Smirnov).

    The p-values of n genes come from comparison with m others, which were drawn by chance like them, so the
    largest difference is as of two samples: that of nm / (n + m) values against a known distribution.

    Examples
    --------
    >>> _uniformity(np.linspace(0.005, 0.995, 100), others=100).p > 0.99
    True
    """
    p = p[np.isfinite(p)]
    if not p.size:
        return _Uniformity(0, np.nan, np.nan)
    statistic = float(kstest(p, "uniform").statistic)
    like = max(1, round(p.size * others / (p.size + others)))
    return _Uniformity(int(p.size), statistic, float(kstwo.sf(statistic, like)))


def _control_p_values(controls: pd.DataFrame, *, most: int, seed: int) -> tuple[np.ndarray, int]:
    """Return the p-value of half of the control regions against the other half, and its number of genes.

    Genes are cut into two halves at random, so that no region is compared with one of its own window. Of
    each gene of the first half one region stands for all, because edits of one window are not independent.
    Its null distribution are the regions of the second half in its stratum, filled up as those of elements
    are (`regions_of`). Of r larger and t equal effects among n, p = (r + u (t + 1)) / (n + 1) with u uniform:
    the empirical p with ties broken at random, which is uniform where regions are alike.

    Returns p: float64, between 0 and 1; regions whose stratum has fewer than 5 in the other half
    are left out. others: Genes of the other half.

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


def _agreement(pairs: pd.DataFrame, resamples: Resamples) -> pd.DataFrame:
    """Compare predicted and planted effects over groups of pairs.

    Returns a group a row: `group` (``all pairs``, ``links``, ``proximal``, ``contact``,
    ``promoter``, ``activators`` and ``repressors``, whose planted effect is below -0.01 or above
    0.01, ``far``, links from 50 kb on, or links of a distance class), `low_bp`, `high_bp` (of a
    distance class), `n`, `spearman` and `share` with `_low` and `_high` (95 %). `share` is the
    sum of predicted over the sum of planted effects. Groups of fewer than 5 pairs have numbers of
    NaN.
    """
    link, planted = pairs["link"].to_numpy(), pairs["planted_effect"].to_numpy()
    promoter = (pairs["planted"] == "promoter").to_numpy()
    distance = pairs["distance_bp"].abs().to_numpy()
    chosen: list[tuple[str, float, float, np.ndarray]] = [
        ("all pairs", np.nan, np.nan, ~promoter),
        ("links", np.nan, np.nan, link & ~promoter),
        ("proximal", np.nan, np.nan, (pairs["planted"] == "proximal").to_numpy()),
        ("contact", np.nan, np.nan, (pairs["planted"] == "contact").to_numpy()),
        ("promoter", np.nan, np.nan, promoter),
        ("activators", np.nan, np.nan, (planted < -SMALL) & ~promoter),
        ("repressors", np.nan, np.nan, planted > SMALL),
        ("far", np.nan, np.nan, link & ~promoter & (distance >= FAR)),
    ]
    edges = [*DISTANCES, np.inf]
    for name, low, high in zip(distance_names(), edges[:-1], edges[1:], strict=True):
        of_class = link & ~promoter & (distance >= low) & (distance < high)
        chosen.append((name, low, high, of_class))
    return pd.DataFrame(
        [
            {"group": name, "low_bp": low, "high_bp": high}
            | compare_effects(pairs[rows], resamples.of(rows))
            for name, low, high, rows in chosen
        ]
    )


def _predictors_of(pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the scores of pairs by the name of what predicts, ``distance`` first."""
    predictors = {
        "distance": -pairs["distance_bp"].abs().to_numpy(dtype=np.float64),
        "abc": pairs["abc"].to_numpy(),
        "perturbation": pairs["effect"].abs().to_numpy(),
    }
    if "score" in pairs:
        predictors["attribution"] = pairs["score"].to_numpy(dtype=np.float64)
    return predictors


def _scored(pairs: pd.DataFrame) -> np.ndarray:
    """Tell which pairs count: edits that keep away from the gene's promoter, as control regions do."""
    before = pairs["element_end"] <= pairs["tss"] - TSS_MARGIN
    behind = pairs["element_start"] > pairs["tss"] + TSS_MARGIN
    return (before | behind).to_numpy()


def _with_attribution(pairs: pd.DataFrame, run: RunFolder, name: str) -> pd.DataFrame:
    path = require_file(
        run.path / "attributions" / name / "elements.parquet",
        named="attributions",
        remedy="run 'claster attribute', or leave --attribution out",
    )
    table = read_parquet(path)
    keys = ["gene_id", "element_id"]
    if "condition" in table:
        keys.append("condition")
    scores = table[[*keys, "score", "signed"]].drop_duplicates(keys)
    joined = pairs.merge(scores, on=keys, how="left")
    if joined["score"].isna().all():
        raise ClasterError(
            f"{path} and the screen share no pair of gene and element",
            remedy="attribute the split and elements of the screen",
        )
    return joined


REPRESSIVE = "H3K27me3"

_ACTIVE = 1.0
"""Planted signal of an active gene, at least."""

_KEPT = [
    *PAIR_NAMES,
    *("baseline", "planted_baseline", "effect", "planted_effect"),
]


def compare_repression(screen: PlantedScreen) -> tuple[Repression, pd.DataFrame]:
    """Compare predicted and planted effects of genes that lose the H3K27me3 around their TSS.

    Parameters
    ----------
    screen
        One that `lifts_repression`, beside the planted rules. Of each gene the stretch counts whose middle is
        nearest among those that hold its TSS.

    Returns
    -------
    numbers : Repression
    genes : pandas.DataFrame
        A gene a row: predicted and planted baseline and effect, and whether it is `repressed`, that is, its
        planted effect is above 0.01 (log2).

    Raises
    ------
    ClasterError
        If no stretch holds the TSS of its gene.
    """
    pairs = screen.pairs[screen.pairs["planted"] == "promoter"]
    if pairs.empty:
        raise ClasterError(
            f"no stretch of {screen.name!r} holds the TSS of a gene, and {REPRESSIVE} acts there",
            remedy="screen stretches around TSSs",
        )
    nearest = pairs["distance_bp"].abs().groupby(pairs["gene_id"], sort=False).idxmin().to_numpy()
    genes = pairs.loc[nearest]
    resamples = screen.resamples.of(nearest)
    repressed = (genes["planted_effect"] > SMALL).to_numpy()
    active = (genes["planted_baseline"] >= _ACTIVE).to_numpy()
    among = compare_effects(genes[repressed], resamples.of(repressed))
    area = score_links(repressed, {"effect": genes["effect"].to_numpy()}, resamples)
    auroc = area.set_index("metric").loc["auroc"]
    numbers = Repression(
        screen=screen.name,
        genes=len(genes),
        repressed=int(repressed.sum()),
        spearman=_score(compare_effects(genes, resamples), "spearman"),
        spearman_of_repressed=_score(among, "spearman"),
        share=_score(among, "share"),
        auroc=Score(value=auroc["value"], low=auroc["low"], high=auroc["high"]),
        median_of_others=genes["effect"][~repressed].median(),
        median_of_active=genes["effect"][~repressed & active].median(),
    )
    return numbers, genes[_KEPT].assign(repressed=repressed)


def _score(found: dict[str, float], name: str) -> Score:
    return Score(value=found[name], low=found[f"{name}_low"], high=found[f"{name}_high"])
