"""A run against a CRISPR interference screen: each pair perturbed and scored."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from claster.analysis.abc import score_pairs
from claster.analysis.bootstrap import resample_blocks
from claster.analysis.crispr.result import CrisprFiles, CrisprSummary, tell_crispr
from claster.analysis.crispr.table import match_genes, read_crispr_table
from claster.analysis.loci import locus_blocks
from claster.analysis.perturbation.screen import perturb
from claster.analysis.perturbation.settings import PerturbSettings
from claster.analysis.settings import CrisprSettings
from claster.analysis.statistics import curves, score_links
from claster.analysis.validation.linked import predictors_of
from claster.analysis.validation.links import (
    contact_of_pairs,
)
from claster.analysis.validation.screens import BLOCK, RESAMPLES, read_screen
from claster.analysis.validation.validate import write_tables
from claster.dataset.layout import Split, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.eir.ensemble import checked_dataset
from claster.eir.runs import RunFolder
from claster.errors import ClasterError
from claster.files import write_text
from claster.genome.assembly import chromosome_aliases, rename_chromosomes
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress

__all__ = ["best_threshold", "decide", "decided_elsewhere", "first_of_element", "score_crispr"]


def best_threshold(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold with the largest F1; pairs at or above it count as links.

    Examples
    --------
    >>> best_threshold(np.array([True, True, False]), np.array([3.0, 2.0, 1.0]))
    2.0
    """
    points = curves(positive, {"score": score})
    precision, recall = points["precision"], points["recall"]
    f1 = 2 * precision * recall / (precision + recall).where(precision + recall > 0, 1.0)
    return float(points["threshold"].iloc[int(f1.argmax())])


def decided_elsewhere(positive: np.ndarray, score: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Decide each pair by the threshold that is best on the pairs of all other folds.

    Parameters
    ----------
    positive
        bool, shape (pairs,).
    score
        Larger means more likely a link.
    fold
        Name of each pair's fold, its chromosome.

    Returns
    -------
    numpy.ndarray
        float64, 1 or 0; NaN where the other folds hold no link.
    """
    decided = np.full(len(positive), np.nan)
    for name in pd.unique(fold):
        here = fold == name
        if positive[~here].any():
            decided[here] = score[here] >= best_threshold(positive[~here], score[~here])
    return decided


def first_of_element(pairs: pd.DataFrame, score: np.ndarray) -> np.ndarray:
    """Tell of each pair whether its gene is the one with the largest score of its element's genes.

    Parameters
    ----------
    pairs
        `element_id`, all genes near each element.
    score
        Of each pair; of equal ones the first counts.
    """
    first = pd.Series(score).groupby(pairs["element_id"].to_numpy()).idxmax()
    return np.isin(np.arange(len(pairs)), first)


def decide(
    positive: np.ndarray,
    scores: Mapping[str, np.ndarray],
    fold: np.ndarray,
    answers: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Score yes-or-no predictions.

    Parameters
    ----------
    positive
        bool, shape (pairs,).
    scores
        Predictors that need a threshold.
    fold
        Fold of each pair; with one fold there is no threshold from elsewhere.
    answers
        Predictors that need none, bool.

    Returns
    -------
    pandas.DataFrame
        A predictor a row: `predictor`, `n`, `precision`, `recall`, `f1`, `accuracy`; of pairs that are
        decided.
    """
    decided = {name: decided_elsewhere(positive, score, fold) for name, score in scores.items()}
    decided |= {name: answer.astype(np.float64) for name, answer in answers.items()}
    rows = []
    for name, answer in decided.items():
        known = np.isfinite(answer)
        yes, links = answer[known] == 1, positive[known]
        both = int((yes & links).sum())
        rows.append(
            {
                "predictor": name,
                "n": int(known.sum()),
                "precision": both / yes.sum() if yes.any() else np.nan,
                "recall": both / links.sum() if links.any() else np.nan,
                "f1": 2 * both / (yes.sum() + links.sum()) if (yes | links).any() else np.nan,
                "accuracy": float((yes == links).mean()) if known.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)


_CLASSES = (0, 2_500, 10_000, 50_000, 100_000)


def score_crispr(
    run: RunFolder | Path | str,
    settings: CrisprSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[CrisprSummary, CrisprFiles]:
    """Silence every element of a CRISPR table, and score the effects against what was measured.

    Parameters
    ----------
    run
        A trained run.
    settings, keywords
        The table (`read_crispr_table`), whose genes count (those of other splits were trained on, or chose
        the model), and the screen: `CrisprSettings`, or its fields. As published: `centre` ``element``,
        `verb` ``silence``, `min_activity` 10, and `around_tss` (2000, 3000) for a POLR2A target, None for
        RNA.
    progress
        Where to report to.

    Returns
    -------
    summary : CrisprSummary
    files : CrisprFiles

    Raises
    ------
    ClasterError
        If the table has a fault or is of another assembly, or no regulated pair, or none that is not, can be
        scored.
    """
    asked = CrisprSettings.of(settings, **keywords)
    name, split = asked.name, asked.split
    run = RunFolder.of(run)
    _, spec, folders = checked_dataset(run)
    genes = read_genes_table(folders)
    table = _on_assembly(
        read_crispr_table(asked.pairs, cell_type=asked.cell_type), spec, file=asked.pairs
    )
    table = match_genes(table, genes)
    reason = _reasons(table, genes, split=split, reach=asked.reach)
    files = CrisprFiles(run.path / "crispr" / name)
    tried = table[reason == ""]
    _require_both(tried, reason)
    _write_elements(tried, files.elements)
    of_screen = PerturbSettings.model_fields.keys() & CrisprSettings.model_fields.keys()
    of_screen -= {"pairs", "seed"}
    perturb(
        run,
        elements=files.elements,
        controls=0,
        progress=progress,
        **{field: getattr(asked, field) for field in of_screen},
    )
    _, effects, _ = read_screen(run, name)
    effects = effects[effects["condition"] == spec.require_target().groups[0]]
    effects = effects.reset_index(drop=True)
    contact, source = contact_of_pairs(effects, spec, folders, split=split)
    effects["abc"] = score_pairs(
        effects["activity"].to_numpy(), contact, effects["gene_id"].to_numpy()
    )
    size = effects["effect"].abs().to_numpy()
    effects["primary"] = first_of_element(effects, size)
    effects["closest"] = first_of_element(effects, -effects["distance_bp"].abs().to_numpy())
    wanted = [
        *("gene_id", "element_id", "tss", "distance_bp", "activity", "baseline", "effect"),
        *("abc", "primary", "closest"),
    ]
    joined = table.assign(reason=reason).merge(
        effects[wanted], on=["gene_id", "element_id"], how="left"
    )
    missing = (joined["reason"] == "") & joined["effect"].isna()
    joined.loc[missing, "reason"] = "inactive, or window leaves the chromosome"
    joined["scored"] = joined["reason"] == ""
    scored = joined[joined["scored"]].reset_index(drop=True)
    _require_both(scored, joined["reason"])
    positive = scored["regulated"].to_numpy()
    predictors = predictors_of(scored)
    scores = _by_distance(scored, predictors, spec.require_target().binning, seed=asked.seed)
    folds, fold = _folds(scored, spec.require_target().binning)
    decisions = decide(
        positive,
        predictors,
        fold,
        {
            "primary target": scored["primary"].to_numpy(dtype=bool),
            "closest gene": scored["closest"].to_numpy(dtype=bool),
        },
    )
    left_out = {str(why): int(n) for why, n in joined["reason"].value_counts().items() if why}
    summary = CrisprSummary(
        verdict=tell_crispr(scores, decisions, len(scored), int(positive.sum()), folds),
        run=run.path.as_posix(),
        screen=name,
        table=asked.pairs.name,
        rows=len(joined),
        scored=len(scored),
        regulated=int(positive.sum()),
        left_out=left_out,
        contact=source,
        folds=folds,
    )
    write_tables(
        {
            files.pairs: joined,
            files.scores: scores,
            files.decisions: decisions,
            files.curves: curves(positive, predictors),
        }
    )
    write_text(files.summary, summary.model_dump_json(indent=2) + "\n")
    return summary, files


def _on_assembly(table: pd.DataFrame, spec: DatasetSpec, *, file: Path | str) -> pd.DataFrame:
    """Return pairs on the assembly's chromosome names, or refuse a table without any."""
    sizes, aliases = spec.chromosome_sizes(), chromosome_aliases(spec.assembly)
    named = rename_chromosomes(table, sizes=sizes, aliases=aliases)
    tss = rename_chromosomes(
        table[["tss_chrom"]].set_axis(["chrom"], axis=1), sizes=sizes, aliases=aliases
    )
    if not named["chrom"].isin(sizes.keys()).any():
        raise ClasterError(
            f"CRISPR pairs ({file}) are on {', '.join(table['chrom'].unique()[:4])}, {spec.assembly} has "
            f"{', '.join(list(sizes)[:4])}",
            remedy="provide a table with the assembly's chromosome names",
        )
    return named.assign(tss_chrom=tss["chrom"])


def _reasons(table: pd.DataFrame, genes: pd.DataFrame, *, split: Split, reach: int) -> pd.Series:
    """Return why each row cannot be scored; empty text where it can."""
    of_gene = genes.set_index("gene_id").reindex(table["gene_id"]).reset_index(drop=True)
    low, high = of_gene["tss"] - reach, of_gene["tss"] + reach
    checks = {
        "invalid connection": table["valid"] != "TRUE",
        "element and gene on two chromosomes": table["chrom"] != table["tss_chrom"],
        "several genes have the name": table["ambiguous"],
        "gene not in the dataset": table["gene_id"] == "",
        "gene of another split": of_gene["split"] != split,
        "gene on another chromosome in the dataset": of_gene["chrom"] != table["chrom"],
        "out of reach": (table["start"] < low) | (table["end"] > high),
    }
    reason = pd.Series(np.select(list(checks.values()), list(checks), ""), index=table.index)
    again = table[reason == ""].duplicated(["element_id", "gene_id"])
    reason[again.index[again]] = "pair named before"
    return reason


def _require_both(tried: pd.DataFrame, reason: pd.Series) -> None:
    """Refuse pairs that are all regulated, or of which none is."""
    regulated = int(tried["regulated"].sum())
    if regulated in (0, len(tried)):
        why = ", ".join(f"{n:,} {name}" for name, n in reason.value_counts().items() if name)
        raise ClasterError(
            f"{regulated:,} of {len(tried):,} pairs that can be scored are regulated"
            + (f" ({why})" if why else ""),
            remedy="choose another --split, or provide a table for these chromosomes",
        )


def _write_elements(pairs: pd.DataFrame, path: Path) -> None:
    elements = pairs.drop_duplicates("element_id").sort_values(["chrom", "start", "end"])
    rows = elements[["chrom", "start", "end", "element_id"]].itertuples(index=False, name=None)
    write_text(path, "".join("\t".join(map(str, row)) + "\n" for row in rows))


def _folds(
    pairs: pd.DataFrame, binning: Binning
) -> tuple[Literal["chromosomes", "loci"], np.ndarray]:
    """Return the fold of each pair: its chromosome, or its locus where one chromosome has all links."""
    chrom = pairs["chrom"].to_numpy()
    if len(set(chrom[pairs["regulated"]])) > 1:
        return "chromosomes", chrom
    return "loci", locus_blocks(pairs, binning, length=BLOCK)


def _by_distance(
    pairs: pd.DataFrame, predictors: dict[str, np.ndarray], binning: Binning, *, seed: int
) -> pd.DataFrame:
    """Score all pairs together and by distance class; classes of one kind of pair are left out."""
    resamples = resample_blocks(
        locus_blocks(pairs, binning, length=BLOCK), resamples=RESAMPLES, seed=seed
    )
    distance = pairs["distance_bp"].abs().to_numpy()
    groups = {"all": np.ones(len(pairs), dtype=bool)}
    for low, high in zip(_CLASSES, [*_CLASSES[1:], np.inf], strict=True):
        upper = f"-{high / 1000:g}" if np.isfinite(high) else " and more"
        groups[f"{low / 1000:g}{upper} kb"] = (distance >= low) & (distance < high)
    tables = []
    for name, rows in groups.items():
        positive = pairs.loc[rows, "regulated"].to_numpy()
        if positive.any() and not positive.all():
            some = {key: values[rows] for key, values in predictors.items()}
            scored = score_links(positive, some, resamples.of(rows))
            tables.append(scored.assign(distance=name))
    return pd.concat(tables, ignore_index=True)
