"""Validation of perturbation and attribution on a simulated genome."""

from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from claster.analysis.perturbation.screen import perturb
from claster.analysis.perturbation.settings import ScreenSettings, Verb
from claster.analysis.settings import ValidateSettings
from claster.analysis.summary import Number, Score, interval_text
from claster.analysis.validation.linked import REPRESSIVE, compare_links, compare_repression
from claster.analysis.validation.planted import read_planted
from claster.analysis.validation.result import (
    Repression,
    ValidationFiles,
    ValidationSummary,
    tell_bars,
)
from claster.analysis.validation.screens import read_planted_screen
from claster.dataset.layout import read_genes_table
from claster.eir.runs import RunFolder
from claster.eir.trained_on import checked_dataset
from claster.errors import ClasterError, choose_among
from claster.files import atomic_path, write_text
from claster.progress import SILENT, Progress

_DEFAULT_VERB: Verb = "background"
_DEFAULT_WIDTH = 2_500
"""bp: registries list the open middle of an element, its acetylated flanks reach 1 kb further."""
_DEFAULT_REACH = 200_000
_DEFAULT_REPRESSED = 20_000
"""bp around a TSS that lose H3K27me3: a domain is wider than an element."""
_DEFAULT_AROUND_TSS = (1_000, 3_000)
"""bp: over a whole body, what an edit inside the body does to its own bins hides what it does to the gene."""


def validate(
    run: RunFolder | Path | str,
    settings: ValidateSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[ValidationSummary, ValidationFiles]:
    """Compare a screen, and attributions, with the rules that were planted in a simulated genome.

    Parameters
    ----------
    run
        A run trained on a simulated dataset.
    settings, keywords
        `ValidateSettings`, or its fields. A screen that takes H3K27me3 alone away is compared with planted
        repression, any other with planted links. Without `perturbation` two are done if they are not there,
        of background, genes of `split` measured from 1 kb upstream to 3 kb downstream of the TSS, averaged
        over windows and their mirror images: ``validation_<split>`` over 2,500 bp around each of the
        dataset's own elements, and, where there is H3K27me3, ``repression_<split>`` over 20 kb of it around
        the TSS of each gene. `attribution` names attributions that hold `elements.parquet`.

    Returns
    -------
    summary : ValidationSummary
    files : ValidationFiles

    Raises
    ------
    ClasterError
        If the dataset is not simulated, a screen or attribution is missing, no pair is a link, or no stretch
        that loses H3K27me3 holds the TSS of its gene.
    """
    asked = ValidateSettings.of(settings, **keywords)
    split, seed, attribution = asked.split, asked.seed, asked.attribution
    run = RunFolder.of(run)
    _, spec, folders = checked_dataset(run)
    planted = read_planted(spec)
    groups = spec.require_target().groups
    condition = asked.condition or groups[0]
    if condition not in groups:
        raise ClasterError(
            f"dataset {spec.name!r} has no condition {condition!r}",
            remedy=choose_among(condition, groups),
        )
    names = [asked.perturbation or f"validation_{split}"]
    files = ValidationFiles(run.path / "validation" / names[0])
    if asked.perturbation is None:
        screen = partial(
            perturb,
            run,
            verb=_DEFAULT_VERB,
            around_tss=_DEFAULT_AROUND_TSS,
            average=True,
            split=split,
            device=asked.device,
            progress=progress,
        )
        reach = min(_DEFAULT_REACH, spec.window.binning.half)
        screen(name=names[0], width=_DEFAULT_WIDTH, reach=reach)
        if REPRESSIVE in [track.name for track in spec.tracks]:
            names.append(f"repression_{split}")
            write_text(files.tss, _tss_bed(read_genes_table(folders, split=split)))
            screen(
                name=names[1],
                elements=files.tss,
                tracks=(REPRESSIVE,),
                width=_DEFAULT_REPRESSED,
                # A stretch around another TSS does not lie whole within this.
                reach=_DEFAULT_REPRESSED // 2,
                controls=0,
            )
    lines: list[str] = []
    numbers: dict[str, Any] = {}
    tables: dict[Path, pd.DataFrame] = {}
    for name in names:
        beside = read_planted_screen(
            run,
            name,
            planted,
            condition=condition,
            binning=spec.require_target().binning,
            seed=seed,
            progress=progress,
        )
        numbers.setdefault("verb", beside.settings.edit.verb)
        if _lifts_repression(beside.settings):
            numbers["repression"], tables[files.repression] = compare_repression(beside)
            lines.append(_tell_repression(numbers["repression"]))
        else:
            found, written = compare_links(
                beside,
                run,
                files,
                spec=spec,
                folders=folders,
                attribution=attribution,
                seed=seed,
            )
            numbers |= found
            tables |= written
            lines += tell_bars(found["bars"])
            lines.append(_tell_distance(found["recovered_bp"], found["stops_bp"]))
    if attribution is not None and "links" not in numbers:
        raise ClasterError(
            f"{names[0]!r} takes {REPRESSIVE} alone away, and attributions are compared with links",
            remedy="leave --attribution out, or name a screen of elements",
        )
    summary = ValidationSummary(
        verdict="\n".join(lines),
        run=run.path.as_posix(),
        perturbation=names[0],
        attribution=attribution,
        condition=condition,
        **numbers,
    )
    write_tables(tables)
    write_text(files.summary, summary.model_dump_json(indent=2) + "\n")
    return summary, files


def _lifts_repression(settings: ScreenSettings) -> bool:
    """Tell whether a screen takes H3K27me3 away, and nothing else."""
    return settings.edit.tracks == (REPRESSIVE,) and settings.edit.verb != "repress"


def _tell_repression(found: Repression) -> str:
    """Return what a run says of genes that lose their H3K27me3, as a sentence."""
    return (
        f"Repression: {found.repressed:,} of {found.genes:,} genes gain without H3K27me3; Spearman "
        f"{_told(found.spearman_of_repressed)} over them, {_told(found.spearman)} over all; "
        f"{_told(found.share)} of the planted gain is predicted; AUROC {_told(found.auroc)}; median effect "
        f"on the others {_number(found.median_of_others)}, on the active ones of them "
        f"{_number(found.median_of_active)}."
    )


def _told(score: Score) -> str:
    return interval_text(score.value, score.low, score.high, digits=2)


def _number(value: Number) -> str:
    return interval_text(value, None, None, digits=2)


def _tell_distance(reached: int, stops: int | None) -> str:
    """Return at which distance the network stops, as a sentence.

    Examples
    --------
    >>> _tell_distance(20_000, 50_000)
    'Planted effects are recovered up to 20 kb; at 50 kb and beyond the network does not see them.'
    """
    if stops is None:
        return (
            "Planted effects are recovered at every distance with links, the last class at "
            f"{reached // 1000} kb."
        )
    if not reached:
        return "Planted effects are recovered at no distance."
    return (
        f"Planted effects are recovered up to {reached // 1000} kb; at {stops // 1000} kb and beyond the "
        "network does not see them."
    )


def write_tables(tables: dict[Path, pd.DataFrame]) -> None:
    """Write tables, each whole or not at all, as Parquet or CSV by their names."""
    for path, table in tables.items():
        with atomic_path(path) as partial:
            if path.suffix == ".parquet":
                table.to_parquet(partial)
            else:
                table.to_csv(partial, index=False)


def _tss_bed(genes: pd.DataFrame) -> str:
    rows = genes.drop_duplicates(["chrom", "tss"])
    return "".join(
        f"{row.chrom}\t{row.tss}\t{row.tss + 1}\t{row.gene_id}\n" for row in rows.itertuples()
    )
