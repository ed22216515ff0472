"""From forward passes to the table of a screen: effects, epistasis, calibration, in fixed columns."""

import numpy as np
import pandas as pd

from claster.analysis.perturbation.calibrate import calibrate
from claster.analysis.perturbation.effects import log_effect, measured_bases
from claster.analysis.perturbation.settings import ScreenSettings
from claster.analysis.perturbation.strata import STRATUM
from claster.dataset.spec import DatasetSpec

__all__ = ["COLUMNS", "assemble_effects"]

COLUMNS = [
    "gene_id",
    "gene_name",
    "chrom",
    "tss",
    "strand",
    "element_id",
    "element_start",
    "element_end",
    "partner_id",
    "partner_start",
    "partner_end",
    "distance_bp",
    "gene_distance_bp",
    "width_bp",
    "genes_between",
    "measured_bp",
    "activity",
    "signal",
    "verb",
    "dose",
    "condition",
    "baseline",
    "perturbed",
    "effect",
    "sum_of_effects",
    "epistasis",
    *STRATUM,
    "n_controls",
    "n_matched",
    "control_signal",
    "percentile",
    "p",
    "fdr",
]
_SAME = ["gene_id", "condition", "dose"]


def assemble_effects(
    plan: pd.DataFrame, measured: pd.DataFrame, *, settings: ScreenSettings, spec: DatasetSpec
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put the effects of all parts together and calibrate them.

    Parameters
    ----------
    plan
        See `plan_screen`.
    measured
        The `effects` of `Measured`, of all parts.
    settings, spec
        The screen and its dataset.

    Returns
    -------
    effects, controls : pandas.DataFrame
        Elements and pairs of elements, and control regions, with the columns of `COLUMNS`, ordered as in
        the plan. Pairs are not calibrated; what does not apply is missing.
    """
    target = spec.require_target().binning
    rows = plan.loc[measured["row"]].reset_index(drop=True)
    rows = pd.concat([rows, measured.drop(columns="row").reset_index(drop=True)], axis=1)
    rows["measured_bp"] = [
        measured_bases(row.gene_start, row.gene_end, centre=row.centre, binning=target)
        for row in rows.itertuples()
    ]
    rows["effect"] = log_effect(
        rows["perturbed"].to_numpy(),
        rows["baseline"].to_numpy(),
        pseudocount=settings.pseudocount,
    )
    rows = rows.assign(
        verb=settings.edit.verb,
        sum_of_effects=np.nan,
        epistasis=np.nan,
        partner_start=rows["partner_start"].where(rows["partner_id"] != "").astype("Int64"),
        partner_end=rows["partner_end"].where(rows["partner_id"] != "").astype("Int64"),
    ).rename(
        columns={
            "start": "element_start",
            "end": "element_end",
            "distance": "distance_bp",
            "gene_distance": "gene_distance_bp",
            "width": "width_bp",
        }
    )
    single, pairs, controls = (rows[rows["kind"] == k] for k in ("element", "pair", "control"))
    if settings.controls:
        single = calibrate(single, controls, most=settings.controls)
    together = pd.concat([single, _with_epistasis(pairs, single)]).sort_index()
    together = together.reindex(columns=COLUMNS).reset_index(drop=True)
    return _typed(together), _typed(controls.reindex(columns=COLUMNS).reset_index(drop=True))


def _with_epistasis(pairs: pd.DataFrame, single: pd.DataFrame) -> pd.DataFrame:
    """Compare the effect of two elements together with the sum of their own."""
    alone = single.assign(dose=single["dose"].fillna(np.inf)).set_index([*_SAME, "element_id"])
    keys = pairs.assign(dose=pairs["dose"].fillna(np.inf))
    total = sum(
        alone["effect"].reindex(pd.MultiIndex.from_frame(keys[[*_SAME, name]])).to_numpy()
        for name in ("element_id", "partner_id")
    )
    return pairs.assign(sum_of_effects=total, epistasis=pairs["effect"] - total)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    counted = [*STRATUM, "n_controls", "n_matched"]
    return table.astype(dict.fromkeys(counted, "Int64"))
