"""A few headline numbers and sentences about attributions."""

import numpy as np
import pandas as pd

from claster.analysis.attribution.agreement import SINGLE
from claster.analysis.attribution.blocks import ALL
from claster.analysis.attribution.settings import AttributionSettings

__all__ = ["summarise"]


def summarise(
    settings: AttributionSettings,
    *,
    genes: pd.DataFrame,
    targets: pd.DataFrame,
    locality: pd.DataFrame | None,
    agreement: pd.DataFrame,
    unit: str,
) -> dict[str, object]:
    """Return what `summary.json` holds.

    Parameters
    ----------
    settings
        What was asked.
    genes, targets, locality, agreement
        The tables that are written; `locality` is None without a landscape.
    unit
        Of the prediction.
    """
    said = [
        f"{len(genes):,} genes of the {settings.split} split, {targets['bin'].notna().sum():,} bins: "
        f"{settings.method.replace('_', ' ')} of {settings.condition} ({unit})"
    ]
    summary: dict[str, object] = {
        "method": settings.method,
        "baseline": settings.baselines[0],
        "unit": unit,
        "genes": len(genes),
        "bins": int(targets["bin"].notna().sum()),
    }
    if locality is not None:
        summary["half_widths_bp"] = {
            str(track): {
                f"{row.share:g} above {row.above}": [row.half_width, row.low, row.high]
                for row in rows.itertuples()
            }
            for track, rows in locality.groupby("track", sort=False)
        }
        whole = locality[locality["track"] == ALL].set_index(["above", "share"])
        for above, what in (
            ("zero", "the absolute attribution to the tracks"),
            ("level", "what exceeds its median over distances"),
        ):
            said.append(
                f"half of {what} lies within {_kb(whole.loc[(above, 0.5)])} of the predicted bin, "
                f"90 % within {_kb(whole.loc[(above, 0.9)])}"
            )
    sums = {name: float(genes[name].sum()) for name in genes if name.startswith("absolute_")}
    total = sum(sums.values())
    if total:
        shares = {name.removeprefix("absolute_"): value / total for name, value in sums.items()}
        summary["shares_of_gene_mean"] = shares
        said.append(
            "of the absolute attribution of gene means, "
            + ", ".join(f"{share:.0%} to {name}" for name, share in shares.items())
        )
    if settings.method == "integrated_gradients":
        delta, change = targets["delta"].abs(), targets["change"].abs()
        summary["convergence"] = {
            "median_delta": float(delta.median()),
            "q95_delta": float(delta.quantile(0.95)),
            "largest_delta": float(delta.max()),
            "delta_of_change": float(delta.sum() / change.sum()) if change.sum() else None,
        }
        said.append(
            f"convergence with {settings.steps} steps: |delta| has median {delta.median():.2g}, "
            f"95 % {delta.quantile(0.95):.2g}, largest {delta.max():.2g}; "
            f"{delta.sum() / max(change.sum(), 1e-30):.2%} of what predictions differ from the baseline's"
        )
    summary["agreement"] = {
        f"{row.compared} {row.other}": {"spearman": _number(row.spearman), "genes": int(row.genes)}
        for row in agreement[agreement["track"] == SINGLE].itertuples()
    }
    for row in agreement[agreement["track"] == SINGLE].itertuples():
        what = row.other.replace("_", " ")
        what = f"baseline {what}" if row.compared == "baseline" else what
        said.append(
            f"rank correlation with {what} over blocks of {row.genes} genes: {row.spearman:.2f}"
        )
    return {"sentences": said} | summary


def _kb(row: pd.Series) -> str:
    text = f"{row['half_width'] / 1000:.1f} kb"
    if np.isfinite(row["low"]):
        text += f" (95 %: {row['low'] / 1000:.1f} to {row['high'] / 1000:.1f})"
    return text


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
