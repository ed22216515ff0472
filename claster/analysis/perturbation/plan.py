"""The plan of a screen: every edit, control regions included, window by window, in parts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import (
    PAIR_COLUMNS,
    Annotated,
    combine_pairs,
    describe_pairs,
    pair_elements,
)
from claster.analysis.perturbation.controls import (
    STRATUM,
    Read,
    draw_controls,
    measure_signal,
    stratify,
    track_means,
)
from claster.analysis.perturbation.settings import ScreenSettings
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError, choose_among
from claster.progress import SILENT, Progress

__all__ = ["PLAN_COLUMNS", "WINDOWS_A_PART", "plan_screen"]

WINDOWS_A_PART = 64
"""Most windows of a part, which is what a killed screen loses."""

_PARTNER = ["partner_id", "partner_start", "partner_end"]
_DESCRIBED = ["width", "distance", "gene_distance", "genes_between", "signal", "activity"]
PLAN_COLUMNS = [
    "part",
    "window",
    "centre",
    "kind",
    *PAIR_COLUMNS,
    *_PARTNER,
    *_DESCRIBED,
    *STRATUM,
    "number",
]


def plan_screen(
    elements: pd.DataFrame,
    genes: pd.DataFrame,
    everyone: pd.DataFrame,
    read: Read,
    *,
    spec: DatasetSpec,
    settings: ScreenSettings,
    annotated: Annotated,
    sizes: Mapping[str, int],
    listed: pd.DataFrame | None = None,
    progress: Progress = SILENT,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Lay out a screen; the same arguments give the same plan.

    Parameters
    ----------
    elements
        `element_id`, `chrom`, `start`, `end`, ordered by place.
    genes
        The genes that are measured, with `gene_id`, `name`, `chrom`, `start`, `end`, `strand`, `tss`.
    everyone
        All genes that may lie between a gene and an element.
    read
        Returns the landscape of a gene as signal.
    spec, settings
        The dataset and the screen.
    annotated
        Where elements and TSSs are, which control regions keep away from.
    sizes
        Chromosome sizes in bp.
    listed
        Pairs of elements that are edited together (`element_id`, `partner_id`) where `settings.combine`
        is ``listed``.
    progress
        Where to report to.

    Returns
    -------
    plan : pandas.DataFrame
        The columns of `PLAN_COLUMNS`: a gene and an element (`kind` ``element``), two elements
        (``pair``) or a control region (``control``) a row, rows of a window together.
    counts : dict of str to int
        What was left out, and how much there is to do.

    Raises
    ------
    ClasterError
        If no element is within reach of a gene, or none of them is active.
    """
    if settings.reach > spec.window.binning.half:
        raise ClasterError(
            f"a reach of {settings.reach:,} bp is more than half a window ({spec.window.binning.half:,} bp)",
            remedy="choose a smaller --reach",
        )
    if settings.centre == "element" and spec.require_target().strands == "sense":
        raise ClasterError(
            "the target is the strand of the gene that a window is centred on ('strands: sense')",
            remedy="screen with --centre gene",
        )
    numbers = {track.name: row for row, track in enumerate(spec.tracks)}
    rows = [numbers[track] for track in settings.edit.tracks]
    pairs = pair_elements(genes, elements, reach=settings.reach)
    counts = {
        "outside_windows": int((~elements["element_id"].isin(pairs["element_id"])).sum()),
        "pairs": len(pairs),
    }
    if settings.centre == "element":
        middle = (pairs["start"] + pairs["end"]) // 2
        inside = _inside(middle, pairs["chrom"], spec, sizes)
        inside &= (pairs["tss"] - middle).abs() < spec.require_target().binning.half
        counts["window_leaves_chromosome_or_gene"] = int((~inside).sum())
        pairs = pairs[inside].reset_index(drop=True)
    if pairs.empty:
        raise ClasterError(
            f"none of {len(elements):,} elements lies whole within {settings.reach:,} bp of one of "
            f"{len(genes):,} TSSs of the {settings.split} split",
            remedy="bring elements on the chromosomes of that split, or choose another --split",
        )
    pairs = describe_pairs(pairs, everyone)
    means = track_means(genes["gene_id"].tolist(), read)
    pairs = measure_signal(
        pairs,
        read,
        spec,
        rows=rows,
        means=means,
        activity_row=numbers.get(settings.activity_track),
        edges=settings.edit.edges,
    )
    active = _active(pairs, settings, spec)
    counts["inactive_pairs"] = int((~active).sum())
    pairs = pairs[active].reset_index(drop=True)
    pairs = stratify(pairs, size=spec.window.bin).assign(kind="element")
    tables = [] if settings.edit.verb == "swap" else [pairs]
    if settings.combine != "none":
        both = combine_pairs(pairs, listed).assign(kind="pair")
        if both.empty:
            raise ClasterError(
                "no two of the elements lie near one gene",
                remedy="name other pairs or a wider --reach",
            )
        tables.append(both)
    if settings.controls and settings.edit.verb != "swap":
        drawn = draw_controls(
            genes,
            read,
            pairs,
            spec=spec,
            rows=rows,
            means=means,
            annotated=annotated,
            reach=settings.reach,
            sizes=sizes if settings.centre == "element" else None,
            per_stratum=settings.controls,
            seed=settings.seed,
            progress=progress,
        )
        tables.append(_control_rows(drawn, genes, everyone))
    plan = _in_parts(pd.concat(tables, ignore_index=True), genes, settings)
    counts |= {
        "tested_elements": int(plan.loc[plan["kind"] == "element", "element_id"].nunique()),
        "tested_pairs": int((plan["kind"] == "element").sum()),
        "combined_elements": int((plan["kind"] == "pair").sum()),
        "strata": int(pairs[STRATUM].drop_duplicates().shape[0]),
        "control_regions": int((plan["kind"] == "control").sum()),
        "windows": int(plan["window"].nunique()),
        "parts": int(plan["part"].max()) + 1,
    }
    return plan, counts


def _inside(
    centre: pd.Series, chrom: pd.Series, spec: DatasetSpec, sizes: Mapping[str, int]
) -> pd.Series:
    half = max(spec.window.binning.half, spec.require_target().binning.half)
    return (centre >= half) & (centre + half <= chrom.map(sizes))


def _active(pairs: pd.DataFrame, settings: ScreenSettings, spec: DatasetSpec) -> pd.Series:
    """Tell which pairs have an active element."""
    threshold = settings.min_activity
    if settings.activity_quantile is not None:
        threshold = float(pairs["activity"].quantile(settings.activity_quantile))
    if threshold is None:
        return pd.Series(data=True, index=pairs.index)
    if settings.activity_track not in [track.name for track in spec.tracks]:
        raise ClasterError(
            f"dataset {spec.name!r} has no track {settings.activity_track!r} to tell activity by",
            remedy=choose_among(settings.activity_track, [track.name for track in spec.tracks]),
        )
    active = pairs["activity"] > threshold
    if not active.any():
        raise ClasterError(
            f"none of {len(pairs):,} pairs has a mean {settings.activity_track} above {threshold:g}; "
            f"the largest is {pairs['activity'].max():g}",
            remedy="lower the threshold",
        )
    return active


def _control_rows(drawn: pd.DataFrame, genes: pd.DataFrame, everyone: pd.DataFrame) -> pd.DataFrame:
    """Return control regions with the columns of tested pairs."""
    of_gene = genes.rename(
        columns={"name": "gene_name", "start": "gene_start", "end": "gene_end"}
    ).set_index("gene_id")
    names = ["gene_name", "chrom", "gene_start", "gene_end", "strand", "tss"]
    rows = drawn.join(of_gene[names], on="gene_id")
    rows["element_id"] = [f"control_{number}" for number in rows["number"]]
    described = describe_pairs(rows, everyone)
    return described.assign(kind="control", activity=np.nan)


def _in_parts(rows: pd.DataFrame, genes: pd.DataFrame, settings: ScreenSettings) -> pd.DataFrame:
    """Give each row its window, and windows, in the order of the genome, their part."""
    for column, empty in zip(_PARTNER, ("", -1, -1), strict=True):
        rows[column] = rows[column].fillna(empty) if column in rows else empty
    if "number" not in rows:
        rows["number"] = -1
    rows = rows.fillna({"number": -1}).astype(
        {"partner_start": int, "partner_end": int, "number": int}
    )
    if settings.centre == "gene":
        rows = rows.assign(window=rows["gene_id"], centre=rows["tss"])
    else:
        name = rows["element_id"] + ("+" + rows["partner_id"]).where(rows["partner_id"] != "", "")
        middle = (rows["start"] + rows["end"]) // 2
        other = (rows["partner_start"] + rows["partner_end"]) // 2
        both = (middle + other) // 2
        rows = rows.assign(window=name, centre=middle.where(rows["partner_id"] == "", both))
    ranks = {chrom: rank for rank, chrom in enumerate(dict.fromkeys(genes["chrom"]))}
    rows = rows.assign(rank=rows["chrom"].map(ranks), given=np.arange(len(rows)))
    rows = rows.sort_values(["rank", "centre", "window", "given"], ignore_index=True)
    windows = rows.drop_duplicates("window")
    number = windows.groupby("rank").cumcount() // WINDOWS_A_PART
    changes = (number != number.shift()) | (windows["rank"] != windows["rank"].shift())
    part = dict(zip(windows["window"], changes.cumsum() - 1, strict=True))
    return rows.assign(part=rows["window"].map(part))[PLAN_COLUMNS]
