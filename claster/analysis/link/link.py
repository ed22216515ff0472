"""Links of elements and genes in a cell: scored by a model or by activity by contact, or trained."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd

from claster.analysis.abc import contact_reader, score_pairs
from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.link.candidates import read_candidates
from claster.analysis.link.features import (
    MARKS,
    OPTIONAL,
    link_features,
    pairs_within,
)
from claster.analysis.link.model import DEFAULT_MODEL, LinkModel
from claster.analysis.link.train import score_left_out, screen_pairs, train_links, with_effects
from claster.analysis.settings import LinkSettings
from claster.analysis.summary import interval_text
from claster.errors import ClasterError
from claster.files import write_text
from claster.genome.assembly import chromosome_aliases, chromosome_sizes, rename_chromosomes
from claster.genome.genes import read_genes
from claster.progress import SILENT, Progress
from claster.settings import Record
from claster.text import text_lines

_ABC_THRESHOLD = 0.027
"""Share above which the chr22 test set of the ABC repository counts a pair as a link."""

_PROMOTER = 500


class _LinkSummary(Record):
    """The result of `claster link` (`summary.json`, format version 1).

    `scored` counts pairs with a score, `links` those at or above `threshold`; `regulated` counts those of a
    training's table, and the threshold finds 70 % of them with this `precision`.
    """

    format: Literal[1] = 1
    verdict: str
    model: str
    elements: int
    genes: int
    scored: int
    links: int
    threshold: float
    precision: float | None = None
    regulated: int | None = None


class LinkFiles(ResultFolder):
    """The folder of links, or of a training."""

    main = "links"
    links = ResultFile("links.tsv", "Pairs at or above the threshold, with score and features.")
    bedpe = ResultFile("links.bedpe", "The same as BEDPE: element, TSS, score.")
    bedgraph = ResultFile("links.bedgraph", "The highest score of each element that has a link.")
    model = ResultFile("model.json", "The model that was trained.")
    pairs = ResultFile("pairs.parquet", "Measured pairs, scored by models of other chromosomes.")
    scores = ResultFile("scores.csv", "AUROC, AUPRC and precision by distance and screen.")
    calibration = ResultFile("calibration.csv", "Predicted beside observed shares.")
    figure = ResultFile("calibration.png", "The same, drawn.")


def find_links(
    settings: LinkSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[_LinkSummary, LinkFiles]:
    """Score all pairs of an element and a gene within 5 Mb, or train a model on a CRISPR table.

    Parameters
    ----------
    settings, keywords
        `LinkSettings`, or its fields. With `pairs` a model is trained and evaluated; without,
        pairs are scored by `model`.

    Returns
    -------
    summary : _LinkSummary
    files : LinkFiles
        Of a training: `model`, `pairs`, `scores`, `calibration`; else `links`, `bedpe`, `bedgraph`.

    Raises
    ------
    ClasterError
        If a file cannot be read or is of another assembly, or results are there already.
    """
    asked = LinkSettings.of(settings, **keywords)
    files = LinkFiles(asked.to)
    if files.summary.exists() and not asked.force:
        raise ClasterError(
            f"{files.folder} holds results already",
            remedy="name another folder with --to, or --force",
        )
    sizes, aliases = chromosome_sizes(asked.assembly), chromosome_aliases(asked.assembly)
    genes = rename_chromosomes(read_genes(asked.genes), sizes=sizes, aliases=aliases)
    genes = genes[genes["chrom"].isin(sizes.keys())].reset_index(drop=True)
    candidates = read_candidates(
        asked.elements,
        genes,
        assembly=asked.assembly,
        sizes=sizes,
        accessibility=asked.accessibility,
        h3k27ac=asked.h3k27ac,
    )
    work = _predict if asked.pairs is None else _train
    summary = work(asked, files, candidates, genes, sizes=sizes, aliases=aliases, progress=progress)
    return summary, files


def _train(
    asked: LinkSettings,
    files: LinkFiles,
    candidates: pd.DataFrame,
    genes: pd.DataFrame,
    *,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
    progress: Progress,
) -> _LinkSummary:
    assert asked.pairs is not None
    pairs, genes = screen_pairs(
        asked.pairs,
        candidates,
        genes,
        sizes=sizes,
        aliases=aliases,
        cell_type=asked.cell_type,
        effects=asked.effects,
    )
    model, scored = train_links(pairs, candidates, genes, named=asked.pairs.name, progress=progress)
    scores = score_left_out(scored, seed=asked.seed)
    probability, regulated = (scored[name].to_numpy() for name in ("probability", "regulated"))
    write_text(files.model, model.model_dump_json() + "\n")
    calibration = model.calibration(set(model.features) & OPTIONAL.keys())
    whole = scores[(scores["group"] == "all") & (scores["metric"] == "auprc")]
    told = "; ".join(
        f"{row.predictor} {interval_text(row.value, row.low, row.high)}"
        for row in whole.itertuples()
    )
    summary = _LinkSummary(
        verdict=f"AUPRC of {len(pairs):,} pairs of chromosomes left out: {told}. At probability "
        f"{calibration.threshold:.2f} precision is {calibration.precision:.2f} at 70 % recall.",
        model=files.model.name,
        elements=len(candidates),
        genes=len(genes),
        scored=len(pairs),
        links=int((probability >= calibration.threshold).sum()),
        threshold=calibration.threshold,
        precision=calibration.precision,
        regulated=int(regulated.sum()),
    )
    calibrated = _reliability(regulated, probability)
    files.write(summary, pairs=scored, scores=scores, calibration=calibrated)
    return summary


def _reliability(
    regulated: np.ndarray, probability: np.ndarray, *, classes: int = 10
) -> pd.DataFrame:
    """Return predicted beside observed shares in classes of equally many expected links, the lowest first.

    Classes by number would put nearly all links into the last one.
    """
    order = np.argsort(probability, kind="stable")
    expected = np.cumsum(probability[order])
    group = np.minimum((expected / expected[-1] * classes).astype(int), classes - 1)
    table = pd.DataFrame(
        {"predicted": probability[order], "observed": regulated[order], "class": group}
    )
    by = table.groupby("class")
    return by.mean().assign(n=by.size()).reset_index(drop=True)


def _predict(
    asked: LinkSettings,
    files: LinkFiles,
    candidates: pd.DataFrame,
    genes: pd.DataFrame,
    *,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
    progress: Progress,
) -> _LinkSummary:
    by_contact = str(asked.model) == "abc"
    model = None if by_contact else LinkModel.read(asked.model or DEFAULT_MODEL)
    given = {"ubiquitous": asked.ubiquitous, "effect": asked.effects}
    known = {name for name, path in given.items() if path is not None}
    calibration = model.calibration(known) if model else None
    threshold = asked.threshold
    if threshold is None:
        threshold = calibration.threshold if calibration else _ABC_THRESHOLD
    everywhere: set[str] = set()
    if asked.ubiquitous is not None:
        lines = text_lines(asked.ubiquitous, named="ubiquitous genes")
        everywhere = {line.strip() for line in lines} - {""}
    contact_of = contact_reader(asked.contacts, sizes=sizes, aliases=aliases)
    tables, scored = [], 0
    with progress.step("chromosomes", genes["chrom"].nunique()) as step:
        for found in pairs_within(candidates, genes):
            places = (found[name].to_numpy() for name in ("middle", "tss"))
            contact = contact_of(str(found["chrom"].iloc[0]), *places)
            shares = score_pairs(found["activity"].to_numpy(), contact, found["gene_id"].to_numpy())
            pairs = found.assign(contact=contact, abc=shares)
            score = pairs["abc"].to_numpy()
            if model and calibration:
                if everywhere:
                    active = pairs["name"].isin(everywhere) | pairs["gene_id"].isin(everywhere)
                    pairs["ubiquitous"] = active.astype(float)
                features = link_features(with_effects(pairs, asked.effects), candidates, genes)
                score = calibration.probability(model.log_odds(features))
            own = _own_promoter(pairs)
            scored += int((~own).sum())
            tables.append(pairs.assign(score=score)[(score >= threshold) & ~own])
            step.advance()
    if not tables:
        raise ClasterError(
            "elements and genes share no chromosome", remedy="provide both for the same assembly"
        )
    links = pd.concat(tables, ignore_index=True)
    order = {chrom: number for number, chrom in enumerate(sizes)}
    links = links.assign(order=links["chrom"].map(order))
    links = links.sort_values(["order", "start", "end", "tss", "gene_id"], ignore_index=True)
    _write_links(links, files)
    name = "activity by contact" if by_contact else (asked.model or DEFAULT_MODEL).name
    summary = _LinkSummary(
        verdict=f"{len(links):,} links of {links['gene_id'].nunique():,} genes to "
        f"{links['element_id'].nunique():,} elements, of {scored:,} pairs; {name}, at {threshold:.3g} "
        "or above.",
        model=name,
        elements=len(candidates),
        genes=len(genes),
        scored=scored,
        links=len(links),
        threshold=threshold,
        precision=calibration.precision if calibration and asked.threshold is None else None,
    )
    files.write(summary)
    return summary


def _own_promoter(pairs: pd.DataFrame) -> np.ndarray:
    """Tell which elements are the promoter of the pair's gene: ABC gives these a score of 1."""
    start, end, tss = (pairs[name].to_numpy() for name in ("start", "end", "tss"))
    return (start - _PROMOTER <= tss) & (tss < end + _PROMOTER)


def _write_links(links: pd.DataFrame, files: LinkFiles) -> None:
    columns = ["chrom", "start", "end", "element_id", "gene_id", "name", "tss", "distance", *MARKS]
    shown = links[[*columns, "contact", "abc", "score"]]
    ends = pd.DataFrame(
        {
            "#chrom1": links["chrom"],
            "start1": links["start"],
            "end1": links["end"],
            "chrom2": links["chrom"],
            "start2": links["tss"],
            "end2": links["tss"] + 1,
            "name": links["element_id"] + "|" + links["name"],
            "score": links["score"],
            "strand1": ".",
            "strand2": ".",
        }
    )
    best = links.groupby(["order", "start", "end"], as_index=False).agg(
        chrom=("chrom", "first"), score=("score", "max")
    )
    # A bedGraph has one value a base: of overlapping elements the later one starts where the earlier ends.
    earlier = best.groupby("order")["end"].transform(lambda ends: ends.cummax().shift(fill_value=0))
    best = best.assign(start=np.maximum(best["start"], earlier))
    track = best.loc[best["start"] < best["end"], ["chrom", "start", "end", "score"]]
    for table, path, header in (
        (shown, files.links, True),
        (ends, files.bedpe, True),
        (track, files.bedgraph, False),
    ):
        text = table.to_csv(
            sep="\t", index=False, header=header, float_format="%.6g", lineterminator="\n"
        )
        write_text(path, text)
