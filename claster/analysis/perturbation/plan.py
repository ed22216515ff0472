"""A screen, and its plan: every edit, control regions included, window by window, in parts."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from claster.analysis.perturbation.candidates import (
    PAIR_COLUMNS,
    Annotated,
    annotated_stretches,
    describe_pairs,
    pair_elements,
    read_candidates,
    read_listed_pairs,
    tell_candidates,
    widen_elements,
)
from claster.analysis.perturbation.controls import (
    STRATUM,
    EditedSignal,
    draw_controls,
    measure_signal,
    stratify,
    track_means,
)
from claster.analysis.perturbation.editor import edit_settings
from claster.analysis.perturbation.effects import measured_regions
from claster.analysis.perturbation.folder import ScreenFiles
from claster.analysis.perturbation.settings import PerturbSettings, ScreenSettings
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.manifest import require_manifest
from claster.dataset.scale import SignalScale
from claster.dataset.spec import DatasetSpec
from claster.dataset.track_scales import read_landscapes
from claster.errors import ClasterError, choose_among
from claster.files import atomic_path, write_text
from claster.progress import SILENT, Progress
from claster.text import read_json, read_parquet


@dataclass(frozen=True)
class Screen:
    """A screen of a built dataset, and what is read for it.

    Attributes
    ----------
    elements, counts
        See `read_candidates`.
    genes
        The genes of the split, `start` and `end` those of the stretch that is measured.
    everyone
        All kept genes.
    annotated
        Where elements, the dataset's own among them, and TSSs are.
    listed
        Elements that are edited together, where a table names them.
    """

    spec: DatasetSpec
    settings: ScreenSettings
    elements: pd.DataFrame
    counts: dict[str, int]
    genes: pd.DataFrame
    everyone: pd.DataFrame
    annotated: Annotated
    listed: pd.DataFrame | None

    def landscape(self, gene_id: str) -> np.ndarray:
        """Return the landscape of a gene as signal, shape (tracks, bins)."""
        folders, split = DatasetFolders.of(self.spec), self.settings.split
        return read_landscapes(folders, self.spec, [gene_id], split=split)[0]


def read_screen(
    spec: DatasetSpec,
    settings: ScreenSettings,
    asked: PerturbSettings,
    *,
    progress: Progress = SILENT,
) -> Screen:
    """Read the elements and genes of a screen; `asked` names the files of elements and of pairs.

    Raises
    ------
    ClasterError
        If the dataset is not built, the elements have a fault, or the split holds no gene.
    """
    folders, sizes = DatasetFolders.of(spec), spec.chromosome_sizes()
    folders.require_built()
    elements, counts = read_candidates(spec, asked.elements, sizes=sizes)
    elements = widen_elements(elements, settings.width, sizes=sizes)
    progress.say(tell_candidates(counts))
    everyone = read_genes_table(folders)
    genes = everyone[everyone["split"] == settings.split].reset_index(drop=True)
    if genes.empty:
        raise ClasterError(
            f"the {settings.split} split of {spec.name!r} holds no gene",
            remedy="choose another --split",
        )
    known = [elements]
    if asked.elements and spec.elements and spec.source(spec.elements.file).is_file():
        own, _ = read_candidates(spec, None, sizes=sizes)
        known.append(widen_elements(own, settings.width, sizes=sizes))
    return Screen(
        spec,
        settings,
        elements,
        counts,
        measured_regions(genes, settings.around_tss),
        everyone,
        annotated_stretches(pd.concat(known), everyone),
        read_listed_pairs(asked.listed, elements) if asked.listed else None,
    )


_WINDOWS_A_PART = 64
"""Most windows of a part, which is what a killed screen loses."""

_PARTNER = ["partner_id", "partner_start", "partner_end"]
_DESCRIBED = ["width", "distance", "gene_distance", "genes_between", "signal", "activity"]
_PLAN_COLUMNS = [
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


def _plan_screen(
    screen: Screen, read: Callable[[str], np.ndarray], progress: Progress = SILENT
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Lay out a screen; the same arguments give the same plan.

    Returns the plan, with the columns of `_PLAN_COLUMNS`: a gene and an element (`kind` ``element``), two
    elements (``pair``) or a control region (``control``) a row, rows of a window together;
    and counts: what was left out, and how much there is to do. `read` gives the landscape of a gene.
    """
    spec, settings = screen.spec, screen.settings
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
    if settings.centre == "element" and spec.require_target().table is not None:
        raise ClasterError(
            "the target is one value a gene, at the TSS that a window is centred on ('target.table')",
            remedy="screen with --centre gene",
        )
    elements, genes = screen.elements, screen.genes
    numbers = {track.name: row for row, track in enumerate(spec.tracks)}
    rows = [numbers[track] for track in settings.edit.tracks]
    pairs = pair_elements(genes, elements, reach=settings.reach)
    counts = {
        "outside_windows": int((~elements["element_id"].isin(pairs["element_id"])).sum()),
        "pairs": len(pairs),
    }
    if settings.centre == "element":
        middle = (pairs["start"] + pairs["end"]) // 2
        target_half = spec.require_target().binning.half
        half = max(spec.window.binning.half, target_half)
        inside = (middle >= half) & (middle + half <= pairs["chrom"].map(spec.chromosome_sizes()))
        inside &= (pairs["tss"] - middle).abs() < target_half
        counts["window_leaves_chromosome_or_gene"] = int((~inside).sum())
        pairs = pairs[inside].reset_index(drop=True)
    if pairs.empty:
        raise ClasterError(
            f"none of {len(elements):,} elements lies whole within {settings.reach:,} bp of one of "
            f"{len(genes):,} TSSs of the {settings.split} split",
            remedy="provide elements on the chromosomes of that split, or choose another --split",
        )
    pairs = describe_pairs(pairs, screen.everyone)
    edited = EditedSignal(spec, read, rows, track_means(genes["gene_id"].tolist(), read))
    pairs = measure_signal(
        pairs,
        edited,
        activity_row=numbers.get(settings.activity_track),
        edges=settings.edit.edges,
    )
    active = _active(pairs, settings, spec)
    counts["inactive_pairs"] = int((~active).sum())
    pairs = pairs[active].reset_index(drop=True)
    pairs = stratify(pairs, size=spec.window.bin).assign(kind="element")
    tables = [] if settings.edit.verb == "swap" else [pairs]
    if settings.combine != "none":
        both = _combine_pairs(pairs, screen.listed).assign(kind="pair")
        if both.empty:
            raise ClasterError(
                "no two of the elements lie near one gene",
                remedy="name other pairs or a wider --reach",
            )
        tables.append(both)
    if settings.controls and settings.edit.verb != "swap":
        drawn = draw_controls(
            genes,
            pairs,
            edited,
            settings=settings,
            annotated=screen.annotated,
            progress=progress,
        )
        tables.append(_control_rows(drawn, genes, screen.everyone))
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


def _combine_pairs(pairs: pd.DataFrame, listed: pd.DataFrame | None) -> pd.DataFrame:
    """Return two elements of one gene a row, the second one, which does not start first, as `_PARTNER`."""
    places = np.arange(len(pairs))
    partners = pairs[["gene_id", "element_id", "start", "end"]].set_axis(
        ["gene_id", *_PARTNER], axis=1
    )
    both = pairs.assign(place=places).merge(partners.assign(partner_place=places), on="gene_id")
    both = both[both["place"] < both["partner_place"]]
    if listed is not None:
        wanted = {frozenset(names) for names in listed.itertuples(index=False, name=None)}
        names = zip(both["element_id"], both["partner_id"], strict=True)
        both = both[[frozenset(two) in wanted for two in names]]
    return both.drop(columns=["place", "partner_place"]).reset_index(drop=True)


def ready_plan(
    screen: Screen, files: ScreenFiles, progress: Progress
) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the plan of a screen and its counts, from disk where they are there.

    Raises
    ------
    ClasterError
        If the screen cannot be laid out.
    """
    if not files.plan.is_file():
        plan, counts = _plan_screen(screen, screen.landscape, progress)
        write_text(files.counts, json.dumps(screen.counts | counts))
        with atomic_path(files.plan) as partial:
            plan.to_parquet(partial)
    counts = read_json(files.counts)
    progress.say(
        f"{counts['tested_elements']:,} elements in {counts['tested_pairs']:,} pairs with genes "
        f"({counts['outside_windows']:,} elements near no gene, "
        f"{counts['inactive_pairs']:,} pairs inactive), "
        f"{counts['combined_elements']:,} pairs of elements, {counts['control_regions']:,} control regions "
        f"in {counts['strata']:,} strata"
    )
    return read_parquet(files.plan), counts


def count_edits(spec: DatasetSpec, settings: PerturbSettings | None = None) -> int:
    """Return how many edits a screen of a built dataset makes, control regions included; none is made.

    Raises
    ------
    ClasterError
        See `perturb`.
    """
    asked = PerturbSettings.of(settings)
    scales = require_manifest(DatasetFolders.of(spec)).scales
    screen = read_screen(spec, screen_settings(asked, spec, scales), asked)
    plan, _ = _plan_screen(screen, screen.landscape)
    return edits_of(plan, screen.settings)


def edits_of(plan: pd.DataFrame, settings: ScreenSettings) -> int:
    """Return how many edits the rows of a plan are."""
    rows = plan[["window", "element_id", "partner_id"]].drop_duplicates()
    return len(rows) * len(settings.edit.doses)


def screen_settings(
    asked: PerturbSettings, spec: DatasetSpec, scales: dict[str, SignalScale]
) -> ScreenSettings:
    """Return what a screen is by what is asked; `scales` are those of the run's tracks.

    Raises
    ------
    ClasterError
        If pairs are to be swapped and none are given, or the edit does not fit the dataset.
    """
    if asked.verb == "swap" and asked.pairs is None:
        raise ClasterError("'swap' without pairs of elements", remedy="give --pairs")
    return ScreenSettings(
        edit=edit_settings(asked, spec, scales=scales),
        combine="none" if asked.pairs is None else "listed" if asked.listed else "all",
        **asked.model_dump(include=set(ScreenSettings.model_fields)),
    )


def _active(pairs: pd.DataFrame, settings: ScreenSettings, spec: DatasetSpec) -> pd.Series:
    """Tell which pairs have an active element."""
    threshold = settings.min_activity
    if settings.activity_quantile is not None:
        threshold = float(pairs["activity"].quantile(settings.activity_quantile))
    tracks, asked = [track.name for track in spec.tracks], settings.activity_track
    is_meant = (
        threshold is not None or asked != PerturbSettings.model_fields["activity_track"].default
    )
    if asked not in tracks and is_meant:
        raise ClasterError(
            f"dataset {spec.name!r} has no track {asked!r} to tell activity by",
            remedy=choose_among(asked, tracks),
        )
    if threshold is None:
        return pd.Series(data=True, index=pairs.index)
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
    number = windows.groupby("rank").cumcount() // _WINDOWS_A_PART
    changes = (number != number.shift()) | (windows["rank"] != windows["rank"].shift())
    part = dict(zip(windows["window"], changes.cumsum() - 1, strict=True))
    return rows.assign(part=rows["window"].map(part))[_PLAN_COLUMNS]
