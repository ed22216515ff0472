"""How much edits change what is predicted of a gene, beside control regions: the table of a screen."""

import numpy as np
import pandas as pd
from scipy.stats import false_discovery_control
from scipy.stats import t as student

from claster.analysis.perturbation.controls import STRATUM, regions_of
from claster.analysis.perturbation.edits import Span, covered_bins, span_mean
from claster.analysis.perturbation.settings import RESULT_NAMES, UNITS, ScreenSettings
from claster.dataset.spec import DatasetSpec
from claster.genome.windows import Binning


def gene_bins(start: int, end: int, *, centre: int, binning: Binning) -> Span:
    """Return the bins of a target window that a gene (0-based half-open) covers, as `covered_bins` does.

    Raises
    ------
    ValueError
        If the gene has no base inside the window.
    """
    span = covered_bins(start - centre, end - centre, binning)
    if not span.shares.size:
        raise ValueError("the gene has no base inside the target window")
    return span


def gene_signal(profiles: np.ndarray, gene: Span) -> np.ndarray:
    """Return the mean over a gene's bins of predicted signal, shape (..., bins), in genome orientation.

    What is below 0 counts as 0, as in predictions.
    """
    return span_mean(np.maximum(profiles[..., gene.bins], 0), Span(0, gene.shares))


def _measured_bases(rows: pd.DataFrame, binning: Binning) -> pd.Series:
    """Return how many bases of a gene lie inside the target window of a row."""
    low, high = rows["centre"] - binning.half, rows["centre"] + binning.half
    inside = np.minimum(rows["gene_end"], high) - np.maximum(rows["gene_start"], low)
    return inside.clip(lower=0).astype(np.int64)


def measured_regions(genes: pd.DataFrame, around_tss: tuple[int, int] | None) -> pd.DataFrame:
    """Return genes with the stretch over which their signal is measured as `start` and `end`.

    `around_tss` are bp upstream and downstream of the TSS in the gene's orientation, the TSS's own base among
    the latter; None leaves the gene's body.

    Examples
    --------
    >>> genes = pd.DataFrame({"start": [50, 0], "end": [90, 51], "strand": ["+", "-"], "tss": [50, 50]})
    >>> measured_regions(genes, (2, 3))[["start", "end"]].to_numpy().tolist()
    [[48, 53], [48, 53]]
    """
    if around_tss is None:
        return genes
    upstream, downstream = around_tss
    ahead = (genes["strand"] == "+").to_numpy()
    tss = genes["tss"].to_numpy()
    return genes.assign(
        start=np.where(ahead, tss - upstream, tss + 1 - downstream),
        end=np.where(ahead, tss + downstream, tss + 1 + upstream),
    )


def log_effect(
    perturbed: np.ndarray | float, baseline: np.ndarray | float, *, pseudocount: float
) -> np.ndarray:
    """Return log2((perturbed + c) / (baseline + c)), 0 where both are equal.

    Examples
    --------
    >>> log_effect(np.array([1.0, 7.0]), 3.0, pseudocount=1.0).tolist()
    [-1.0, 1.0]
    """
    ratio = (np.asarray(perturbed) + pseudocount) / (np.asarray(baseline) + pseudocount)
    return np.log2(ratio)


_ASKED = ["condition", "dose"]


def empirical_p(effects: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Return the two-sided empirical p of effects: (r + 1) / (n + 1).

    r of n controls have an effect that is at least as large, sign aside.

    Examples
    --------
    >>> empirical_p(np.array([0.0, -3.0]), np.array([1.0, 2.0, -4.0])).tolist()
    [1.0, 0.5]

    References
    ----------
    Phipson and Smyth 2010, doi 10.2202/1544-6115.1585
    """
    sizes = np.sort(np.abs(controls))
    smaller = np.searchsorted(sizes, np.abs(effects), side="left")
    return (sizes.size - smaller + 1) / (sizes.size + 1)


def _percentile(effects: np.ndarray, controls: np.ndarray) -> np.ndarray:
    """Return which share of controls (%) has a lower signed effect; equal ones count half.

    Examples
    --------
    >>> _percentile(np.array([0.0, 2.0]), np.array([1.0, 2.0, 3.0, 4.0])).tolist()
    [0.0, 37.5]
    """
    ordered = np.sort(controls)
    below, not_above = (np.searchsorted(ordered, effects, side=side) for side in ("left", "right"))
    return 100 * (below + not_above) / (2 * ordered.size)


def _calibrate(effects: pd.DataFrame, controls: pd.DataFrame, *, most: int) -> pd.DataFrame:
    """Compare each effect with those of the control regions of its stratum.

    Returns `effects` with `n_controls`, `n_matched` (of the same signal class), `control_signal`
    (their median relative signal), `percentile`, `p` and `fdr` (Benjamini and Hochberg, over all
    rows of one condition and dose). Those are missing where there is no control region, as for
    elements within `TSS_MARGIN` of the TSS.
    """
    asked = _with_whole_keys(controls)
    known = {key: asked.loc[rows] for key, rows in asked.groupby(_ASKED).groups.items()}
    keyed = _with_whole_keys(effects)
    counts, matched = (np.zeros(len(effects), dtype=np.int64) for _ in range(2))
    level, ranks, p, fdr = (np.full(len(effects), np.nan) for _ in range(4))
    measured = effects["effect"].to_numpy()
    for key, rows in keyed.groupby([*_ASKED, *STRATUM]).indices.items():
        if key[:2] not in known:
            continue
        null = regions_of(key[2:], known[key[:2]], most=most)
        if null.empty:
            continue
        counts[rows] = len(null)
        matched[rows] = int((null["signal_class"] == key[-1]).sum())
        level[rows] = null["signal"].median()
        ranks[rows] = _percentile(measured[rows], null["effect"].to_numpy())
        p[rows] = empirical_p(measured[rows], null["effect"].to_numpy())
    for rows in keyed.groupby(_ASKED).indices.values():
        tested = rows[np.isfinite(p[rows])]
        if tested.size:
            fdr[tested] = false_discovery_control(p[tested], method="bh")
    return effects.assign(
        n_controls=counts,
        n_matched=matched,
        control_signal=level,
        percentile=ranks,
        p=p,
        fdr=fdr,
    )


def _with_whole_keys(effects: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose missing doses can be compared."""
    return effects.assign(dose=effects["dose"].fillna(np.inf))


def assemble_effects(
    plan: pd.DataFrame, measured: pd.DataFrame, *, settings: ScreenSettings, spec: DatasetSpec
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the effects of all parts (see `Measured`) together with their plan, and calibrate them.

    Returns
    -------
    effects, controls : pandas.DataFrame
        Elements and pairs of elements, and control regions, with the columns of `UNITS`, ordered as in
        the plan. Pairs are not calibrated; what does not apply is missing. Effects of an ensemble have
        `effect_low` and `effect_high`, the 95 % interval over its members by Student's t.
    """
    target = spec.require_target().binning
    rows = plan.loc[measured["row"]].reset_index(drop=True)
    rows = pd.concat([rows, measured.drop(columns="row").reset_index(drop=True)], axis=1)
    rows["measured_bp"] = _measured_bases(rows, target)
    rows["effect"] = log_effect(
        rows["perturbed"].to_numpy(),
        rows["baseline"].to_numpy(),
        pseudocount=settings.pseudocount,
    )
    columns = list(UNITS)
    of_members = [
        rows.filter(regex=rf"^{name}_\d+$").to_numpy(dtype=float)
        for name in ("perturbed", "baseline")
    ]
    if of_members[0].size:
        after = columns.index("effect") + 1
        columns[after:after] = ["effect_low", "effect_high"]
        each = log_effect(*of_members, pseudocount=settings.pseudocount)
        members = each.shape[1]
        arm = student.ppf(0.975, members - 1) * each.std(axis=1, ddof=1) / np.sqrt(members)
        rows = rows.assign(effect_low=rows["effect"] - arm, effect_high=rows["effect"] + arm)
    rows = rows.assign(
        verb=settings.edit.verb,
        sum_of_effects=np.nan,
        epistasis=np.nan,
        partner_start=rows["partner_start"].where(rows["partner_id"] != "").astype("Int64"),
        partner_end=rows["partner_end"].where(rows["partner_id"] != "").astype("Int64"),
    ).rename(columns=RESULT_NAMES)
    single, pairs, controls = (rows[rows["kind"] == k] for k in ("element", "pair", "control"))
    if settings.controls:
        single = _calibrate(single, controls, most=settings.controls)
    together = pd.concat([single, _with_epistasis(pairs, single)]).sort_index()
    together = together.reindex(columns=columns).reset_index(drop=True)
    return _typed(together), _typed(controls.reindex(columns=columns).reset_index(drop=True))


def _with_epistasis(pairs: pd.DataFrame, single: pd.DataFrame) -> pd.DataFrame:
    """Compare the effect of two elements together with the sum of their own."""
    same = ["gene_id", *_ASKED]
    alone = _with_whole_keys(single).set_index([*same, "element_id"])["effect"]
    keys = _with_whole_keys(pairs)
    total = sum(
        alone.reindex(pd.MultiIndex.from_frame(keys[[*same, name]])).to_numpy()
        for name in ("element_id", "partner_id")
    )
    return pairs.assign(sum_of_effects=total, epistasis=pairs["effect"] - total)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    counted = [*STRATUM, "n_controls", "n_matched"]
    return table.astype(dict.fromkeys(counted, "Int64"))
