"""Validation of perturbation and attribution on a simulated genome."""

from functools import partial
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.perturbation.candidates import PAIR_NAMES
from claster.analysis.perturbation.screen import perturb
from claster.analysis.perturbation.settings import ScreenSettings, Verb
from claster.analysis.settings import ValidateSettings
from claster.analysis.statistics import score_links
from claster.analysis.summary import Number, Score, interval_text
from claster.analysis.validation.linked import (
    SMALL,
    Bar,
    compare_effects,
    compare_links,
    tell_bars,
)
from claster.analysis.validation.planted import PlantedScreen, read_planted, read_planted_screen
from claster.dataset.layout import read_genes_table
from claster.eir.runs import RunFolder
from claster.eir.trained_on import checked_dataset
from claster.errors import ClasterError, choose_among
from claster.files import write_text
from claster.progress import SILENT, Progress
from claster.settings import Record

_REPRESSIVE = "H3K27me3"
_DEFAULT_VERB: Verb = "background"
_DEFAULT_WIDTH = 2_500
"""bp: registries list the open middle of an element, its acetylated flanks reach 1 kb further."""
_DEFAULT_REACH = 200_000
_DEFAULT_REPRESSED = 20_000
"""bp around a TSS that lose H3K27me3: a domain is wider than an element."""
_DEFAULT_AROUND_TSS = (1_000, 3_000)
"""bp: over a whole body, what an edit inside the body does to its own bins hides what it does to the gene."""

_ACTIVE = 1.0
"""Planted signal of an active gene, at least."""


class _Repression(Record):
    """What a run says of genes that lose the H3K27me3 around their TSS (`repression` in `summary.json`).

    `repressed` of `genes` are planted to gain by it. `spearman` and `spearman_of_repressed` are of predicted
    and planted effects, `share` is the sum of predicted over the sum of planted effects of the repressed,
    `auroc` that of the predicted effect telling them from the others, whose median effect (log2) is
    `median_of_others`, and `median_of_active` over those with a planted signal of at least 1.
    """

    screen: str
    genes: int
    repressed: int
    spearman: Score
    spearman_of_repressed: Score
    share: Score
    auroc: Score
    median_of_others: Number
    median_of_active: Number = None

    @property
    def sentence(self) -> str:
        """The result in words."""
        numbers = (self.spearman_of_repressed, self.spearman, self.share, self.auroc)
        of_repressed, of_all, share, auroc = (score.told(digits=2) for score in numbers)
        others, active = (
            interval_text(median, None, None, digits=2)
            for median in (self.median_of_others, self.median_of_active)
        )
        return (
            f"Repression: {self.repressed:,} of {self.genes:,} genes gain without H3K27me3; Spearman "
            f"{of_repressed} over them, {of_all} over all; {share} of the planted gain is predicted; AUROC "
            f"{auroc}; median effect on the others {others}, on the active ones of them {active}."
        )


class ValidationSummary(Record):
    """The result of `claster validate` (`summary.json`, format version 1).

    `pairs` to `bars` tell of links; a screen of H3K27me3 alone has none. `recovered_bp` and `stops_bp` are
    those of `distance_of_network`; `called_far` is the share of pairs from 50 kb on that are called at an FDR
    of 5 %; `contact` says what the activity-by-contact baseline took; `controls` is
    how many control regions were tested.
    """

    format: Literal[1] = 1
    verdict: str
    run: str
    perturbation: str
    attribution: str | None
    verb: str
    condition: str
    pairs: int = 0
    links: int = 0
    blocks: int = 0
    contact: str | None = None
    controls: int = 0
    recovered_bp: int = 0
    stops_bp: int | None = None
    called_far: Score | None = None
    bars: tuple[Bar, ...] = ()
    repression: _Repression | None = None


class ValidationFiles(ResultFolder):
    """The folder of a validation, ``<run>/validation/<name>``."""

    main = "pairs"
    pairs = ResultFile("pairs.parquet", "A pair of element and gene a row, with truth and scores.")
    scores = ResultFile("scores.csv", "AUROC and AUPRC of every predictor.")
    agreement = ResultFile("agreement.csv", "Predicted against planted effects by group.")
    curves = ResultFile("curves.parquet", "Points of ROC and precision-recall curves.")
    controls = ResultFile("control_p.csv", "The p-values of control regions.")
    tss = ResultFile("tss.bed", "TSSs around which H3K27me3 is taken away, as BED.")
    repression = ResultFile(
        "repression.csv", "Predicted and planted effect of each gene that loses H3K27me3."
    )


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
    target = spec.require_target()
    condition = asked.condition or target.groups[0]
    if condition not in target.groups:
        raise ClasterError(
            f"dataset {spec.name!r} has no condition {condition!r}",
            remedy=choose_among(condition, target.groups),
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
        if _REPRESSIVE in [track.name for track in spec.tracks]:
            names.append(f"repression_{split}")
            write_text(files.tss, _tss_bed(read_genes_table(folders, split=split)))
            screen(
                name=names[1],
                elements=files.tss,
                tracks=(_REPRESSIVE,),
                width=_DEFAULT_REPRESSED,
                # A stretch around another TSS does not lie whole within this.
                reach=_DEFAULT_REPRESSED // 2,
                controls=0,
            )
    attributions = None
    if attribution is not None:
        attributions = run.path / "attributions" / attribution / "elements.parquet"
    lines: list[str] = []
    numbers: dict[str, Any] = {}
    tables: dict[str, pd.DataFrame] = {}
    for name in names:
        beside = read_planted_screen(
            run,
            name,
            planted,
            condition=condition,
            binning=target.binning,
            seed=seed,
            progress=progress,
        )
        numbers.setdefault("verb", beside.settings.edit.verb)
        if _lifts_repression(beside.settings):
            numbers["repression"], tables["repression"] = compare_repression(beside)
            lines.append(numbers["repression"].sentence)
        else:
            found, written = compare_links(
                beside, attributions, spec=spec, folders=folders, seed=seed
            )
            numbers |= found
            tables |= written
            lines += tell_bars(found["bars"])
            lines.append(_tell_distance(found["recovered_bp"], found["stops_bp"]))
    if attribution is not None and "links" not in numbers:
        raise ClasterError(
            f"{names[0]!r} takes {_REPRESSIVE} alone away, and attributions are compared with links",
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
    files.write(summary, **tables)
    return summary, files


def _tss_bed(genes: pd.DataFrame) -> str:
    rows = genes.drop_duplicates(["chrom", "tss"])
    return "".join(
        f"{row.chrom}\t{row.tss}\t{row.tss + 1}\t{row.gene_id}\n" for row in rows.itertuples()
    )


def _lifts_repression(settings: ScreenSettings) -> bool:
    """Tell whether a screen takes H3K27me3 away, and nothing else."""
    return settings.edit.tracks == (_REPRESSIVE,) and settings.edit.verb != "repress"


def compare_repression(screen: PlantedScreen) -> tuple[_Repression, pd.DataFrame]:
    """Compare predicted and planted effects of genes that lose the H3K27me3 around their TSS.

    Of each gene the stretch counts whose middle is nearest among those that hold its TSS; without any the
    screen is refused.

    Returns
    -------
    numbers : _Repression
    genes : pandas.DataFrame
        A gene a row: predicted and planted baseline and effect, and whether it is `repressed`, that is, its
        planted effect is above 0.01 (log2).
    """
    pairs = screen.pairs[screen.pairs["planted"] == "promoter"]
    if pairs.empty:
        raise ClasterError(
            f"no stretch of {screen.name!r} holds the TSS of a gene, and {_REPRESSIVE} acts there",
            remedy="screen stretches around TSSs",
        )
    nearest = pairs["distance_bp"].abs().groupby(pairs["gene_id"], sort=False).idxmin().to_numpy()
    genes = pairs.loc[nearest]
    resamples = screen.resamples.of(nearest)
    repressed = (genes["planted_effect"] > SMALL).to_numpy()
    active = (genes["planted_baseline"] >= _ACTIVE).to_numpy()
    among = compare_effects(genes[repressed], resamples.of(repressed))
    area = score_links(repressed, {"effect": genes["effect"].to_numpy()}, resamples)
    numbers = _Repression(
        screen=screen.name,
        genes=len(genes),
        repressed=int(repressed.sum()),
        spearman=Score.of_row(compare_effects(genes, resamples), "spearman"),
        spearman_of_repressed=Score.of_row(among, "spearman"),
        share=Score.of_row(among, "share"),
        auroc=Score.of_row(area.set_index("metric").loc["auroc"]),
        median_of_others=genes["effect"][~repressed].median(),
        median_of_active=genes["effect"][~repressed & active].median(),
    )
    kept = [*PAIR_NAMES, "baseline", "planted_baseline", "effect", "planted_effect"]
    return numbers, genes[kept].assign(repressed=repressed)


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
