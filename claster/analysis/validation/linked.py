"""A screen of a run, and attributions, against planted links."""

from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control, kstest, kstwo

from claster.analysis.abc import activity_by_contact, score_pairs
from claster.analysis.bootstrap import Resamples
from claster.analysis.perturbation.candidates import TSS_MARGIN
from claster.analysis.perturbation.controls import DISTANCES, STRATUM, regions_of
from claster.analysis.perturbation.effects import empirical_p
from claster.analysis.statistics import curves, score_links, spearman, with_interval
from claster.analysis.summary import Number, Score
from claster.analysis.validation.planted import PlantedScreen
from claster.dataset.layout import DatasetFolders
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import require_file
from claster.settings import Record
from claster.text import read_parquet

_LEAST = 5
"""Fewest pairs of a group that is described."""

SMALL = 0.01
"""Planted effects (log2) up to this are none."""

_FAR = 50_000
"""bp: from here on pairs are far."""

_FDR = 0.05


class Bar(Record):
    """A number with its 95 % interval, and its threshold: ``at least``, ``at most`` or ``above`` `bar`."""

    name: str
    value: Number
    low: Number = None
    high: Number = None
    rule: Literal["at least", "at most", "above"]
    bar: float

    @property
    def met(self) -> bool:
        """Whether it is reached; an undefined number reaches nothing."""
        if self.value is None:
            return False
        if self.rule == "at most":
            return self.value <= self.bar
        return self.value >= self.bar if self.rule == "at least" else self.value > self.bar


def compare_links(
    screen: PlantedScreen,
    attributions: Path | None,
    *,
    spec: DatasetSpec,
    folders: DatasetFolders,
    seed: int,
) -> tuple[dict[str, Any], dict[str, pd.DataFrame]]:
    """Score a screen, and attributions, by the links that were planted.

    Parameters
    ----------
    attributions
        ``elements.parquet`` of attributions; None for none.
    seed
        Of the test of control regions.

    Returns
    -------
    numbers : dict
        The fields of `ValidationSummary` that tell of links.
    tables : dict of str to pandas.DataFrame
        What is to be written, by the names of `ValidationFiles`.

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
    if attributions is not None:
        pairs = _with_attribution(pairs, attributions)
    # As control regions do, edits that count keep away from the gene's promoter.
    scored = (
        (pairs["element_end"] <= pairs["tss"] - TSS_MARGIN)
        | (pairs["element_start"] > pairs["tss"] + TSS_MARGIN)
    ).to_numpy()
    counted, resamples = pairs[scored], screen.resamples.of(scored)
    positive = counted["link"].to_numpy()
    if not positive.any() or positive.all():
        raise ClasterError(
            f"{int(positive.sum())} of {positive.size:,} pairs of {screen.name!r} are planted links",
            remedy="screen the dataset's own elements, on a split with more genes",
        )
    predictors = {
        "distance": -counted["distance_bp"].abs().to_numpy(dtype=np.float64),
        "abc": counted["abc"].to_numpy(),
        "perturbation": counted["effect"].abs().to_numpy(),
    }
    if "score" in counted:
        predictors["attribution"] = counted["score"].to_numpy(dtype=np.float64)
    scores = score_links(positive, predictors, resamples)
    agreement = _agreement(pairs, screen.resamples)
    p, others = _control_p_values(screen.controls, most=max(screen.settings.controls, 1), seed=seed)
    controls, uniform = _uniformity(p, others=others)
    reached, stops = distance_of_network(agreement)
    called = called_far(counted, screen.controls, resamples)
    acts = (positive & (counted["distance_bp"].abs() >= _FAR)).any()
    numbers = {
        "pairs": int(scored.sum()),
        "links": int(positive.sum()),
        "blocks": screen.resamples.blocks,
        "contact": source,
        "controls": controls,
        "recovered_bp": reached,
        "stops_bp": stops,
        "called_far": called,
        "bars": _bars_of(scores, agreement, uniform, called=None if acts else called),
    }
    return numbers, {
        "pairs": pairs,
        "scores": scores,
        "agreement": agreement,
        "curves": curves(positive, predictors),
        "controls": pd.DataFrame({"p": p}),
    }


def _with_attribution(pairs: pd.DataFrame, file: Path) -> pd.DataFrame:
    path = require_file(
        file, named="attributions", remedy="run 'claster attribute', or leave --attribution out"
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


def _uniformity(p: np.ndarray, *, others: int) -> tuple[int, float]:
    """Test p-values against the uniform distribution (two-sided Kolmogorov-Smirnov): their number, and p.

    The p-values of n genes come from comparison with m others, which were drawn by chance like them, so the
    largest difference is as of two samples: that of nm / (n + m) values against a known distribution.

    Examples
    --------
    >>> _uniformity(np.linspace(0.005, 0.995, 100), others=100)[1] > 0.99
    True
    """
    p = p[np.isfinite(p)]
    if not p.size:
        return 0, np.nan
    statistic = float(kstest(p, "uniform").statistic)
    like = max(1, round(p.size * others / (p.size + others)))
    return int(p.size), float(kstwo.sf(statistic, like))


def _control_p_values(controls: pd.DataFrame, *, most: int, seed: int) -> tuple[np.ndarray, int]:
    """Return the p-value of half of the control regions against the other half, and its number of genes.

    Genes are cut into two halves at random, so that no region is compared with one of its own window. Of
    each gene of the first half one region stands for all, because edits of one window are not independent.
    Its null distribution are the regions of the second half in its stratum, filled up as those of elements
    are (`regions_of`). Of r larger and t equal effects among n, p = (r + u (t + 1)) / (n + 1) with u uniform:
    the empirical p with ties broken at random, which is uniform where regions are alike. Regions whose
    stratum has fewer than 5 in the other half are left out.

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

    Returns a group a row: `group`, `low_bp` and `high_bp` (of a distance class), and what `compare_effects`
    finds. Activators and repressors have a planted effect below -0.01 or above 0.01; the classes of distance
    hold links.
    """
    planted = pairs["planted_effect"].to_numpy()
    promoter = (pairs["planted"] == "promoter").to_numpy()
    link = pairs["link"].to_numpy() & ~promoter
    distance = pairs["distance_bp"].abs().to_numpy()
    groups = {
        "all pairs": ~promoter,
        "links": link,
        "proximal": (pairs["planted"] == "proximal").to_numpy(),
        "contact": (pairs["planted"] == "contact").to_numpy(),
        "promoter": promoter,
        "activators": (planted < -SMALL) & ~promoter,
        "repressors": planted > SMALL,
        "far": link & (distance >= _FAR),
    }
    chosen = [(name, np.nan, np.nan, rows) for name, rows in groups.items()]
    edges = [*DISTANCES, np.inf]
    for name, low, high in zip(distance_names(), edges[:-1], edges[1:], strict=True):
        chosen.append((name, low, high, link & (distance >= low) & (distance < high)))
    return pd.DataFrame(
        [
            {"group": name, "low_bp": low, "high_bp": high}
            | compare_effects(pairs[rows], resamples.of(rows))
            for name, low, high, rows in chosen
        ]
    )


def distance_names() -> list[str]:
    """Return the names of the distance classes beyond promoters, from near to far.

    Examples
    --------
    >>> distance_names()[0], distance_names()[-1]
    ('1-2 kb', '> 100 kb')
    """
    kilobases = [edge // 1000 for edge in DISTANCES if edge >= TSS_MARGIN]
    between = [f"{low}-{high} kb" for low, high in pairwise(kilobases)]
    return [*between, f"> {kilobases[-1]} kb"]


def distance_of_network(table: pd.DataFrame, *, least: float = 0.1) -> tuple[int, int | None]:
    """Return the distance up to which the network recovers planted effects.

    Parameters
    ----------
    table
        ``agreement.csv``.
    least
        A distance class is recovered where the share is at least this and its interval lies above 0.

    Returns
    -------
    reached : int
        bp; the upper edge of the last class that is recovered, counted outwards without a gap; 0 if the
        first one with links is not.
    stops : int or None
        bp; the lower edge of the first class with links that is not recovered; None if all are.
    """
    classes = table[table["low_bp"].notna() & (table["n"] >= _LEAST)]
    reached = 0
    for row in classes.itertuples():
        if not (row.share >= least and row.share_low > 0):
            return reached, int(row.low_bp)
        reached = int(row.high_bp) if np.isfinite(row.high_bp) else int(row.low_bp)
    return reached, None


def compare_effects(pairs: pd.DataFrame, resamples: Resamples) -> dict[str, float]:
    """Compare `effect` and `planted_effect` (log2) of one group of pairs.

    Returns
    -------
    dict
        `n`, and `spearman` and `share` with `_low` and `_high` (95 %), NaN for fewer than 5 pairs. `share` is
        the sum of predicted over the sum of planted effects.
    """
    found: dict[str, float] = {"n": len(pairs)}
    effects = [pairs[name].to_numpy() for name in ("effect", "planted_effect")]
    for name, measure in (("spearman", spearman), ("share", _share)):
        values = (np.nan, np.nan, np.nan)
        if len(pairs) >= _LEAST:
            values = with_interval(measure, *effects, resamples=resamples)
        found |= dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))
    return found


def called_far(pairs: pd.DataFrame, controls: pd.DataFrame, resamples: Resamples) -> Score:
    """Return the share of pairs from 50 kb on that are called at an FDR of 5 %, with its interval.

    Their effects are compared with those of all control regions from 50 kb on: the hundred of a stratum
    give no p below 1/101, and with thousands of pairs none of them an FDR of 5 %.

    Parameters
    ----------
    pairs, controls
        `distance_bp` and `effect`.
    """
    far, null = (
        (table["distance_bp"].abs() >= _FAR).to_numpy() & table["effect"].notna().to_numpy()
        for table in (pairs, controls)
    )
    if not far.any() or not null.any():
        return Score(value=None, low=None, high=None)
    p = empirical_p(pairs["effect"].to_numpy()[far], controls["effect"].to_numpy()[null])
    called = (false_discovery_control(p, method="bh") <= _FDR).astype(np.float64)
    return Score.of(_share, called, np.ones_like(called), resamples=resamples.of(far))


def _share(predicted: np.ndarray, planted: np.ndarray) -> float:
    total = planted.sum()
    return float(predicted.sum() / total) if total else np.nan


def _bars_of(
    scores: pd.DataFrame, agreement: pd.DataFrame, control_p: float, *, called: Score | None
) -> tuple[Bar, ...]:
    """Return the numbers that perturbation has to reach; `called` where nothing acts from 50 kb on."""
    near = agreement.set_index("group").loc["proximal"]
    area = scores.set_index(["predictor", "metric"]).loc[("perturbation", "auprc")]
    bars = [
        Bar(
            name="Spearman of predicted and planted proximal effects",
            rule="at least",
            bar=0.8,
            **dict(Score.of_row(near, "spearman")),
        ),
        Bar(
            name="AUPRC of perturbation over that of distance",
            rule="at least",
            bar=2.0,
            **dict(Score.of_row(area, "ratio")),
        ),
        Bar(
            name="Kolmogorov-Smirnov p of control regions", value=control_p, rule="above", bar=0.01
        ),
    ]
    if called:
        name = "share of pairs from 50 kb on called at FDR 5 %, where nothing acts so far away"
        bars.append(Bar(name=name, rule="at most", bar=0.05, **dict(called)))
    return tuple(bars)


def tell_bars(bars: tuple[Bar, ...]) -> list[str]:
    """Return the numbers against their thresholds, one a line, those that are missed first.

    Examples
    --------
    >>> tell_bars((Bar(name="KS p", value=0.5, rule="above", bar=0.01),))
    ['met: KS p 0.5 (threshold: above 0.01)']
    """
    lines = []
    for bar in sorted(bars, key=lambda bar: bar.met):
        known = bar.low is not None and bar.high is not None
        interval = f", {bar.low:.2f} to {bar.high:.2f}" if known else ""
        value = "undefined" if bar.value is None else f"{bar.value:.3g}"
        lines.append(
            f"{'met' if bar.met else 'MISSED'}: {bar.name} {value}{interval} "
            f"(threshold: {bar.rule} {bar.bar:g})"
        )
    return lines
