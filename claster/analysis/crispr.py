"""Runs against a CRISPR interference screen: each pair perturbed and scored."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from claster.analysis.abc import activity_by_contact
from claster.analysis.bootstrap import LOCUS, locus_blocks
from claster.analysis.crispr_table import (
    add_contacts,
    match_genes,
    read_crispr_table,
    rename_pairs,
    score_subsets,
    table_predictors,
)
from claster.analysis.folder import ResultFile, ResultFolder
from claster.analysis.perturbation.screen import perturb
from claster.analysis.perturbation.settings import PerturbSettings
from claster.analysis.settings import CrisprSettings
from claster.analysis.statistics import curves, decide
from claster.analysis.summary import interval_text
from claster.analysis.validation.planted import read_screen
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.eir.runs import RunFolder
from claster.eir.trained_on import checked_dataset
from claster.errors import ClasterError
from claster.files import write_text
from claster.genome.assembly import chromosome_aliases
from claster.genome.gene_names import genes_called
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress
from claster.settings import Record, Split
from claster.text import read_table

_ELSEWHERE = "gene of another split"
_DROPPED = "gene dropped"
_OF_EFFECTS = [
    *("gene_id", "element_id", "tss", "distance_bp", "activity", "signal", "baseline", "effect"),
    *("p", "abc", "primary", "closest"),
]
_TOLD = ("perturbation", "distance", "activity / distance", "activity x contact", "abc")
_METRICS = {
    "auprc": "AUPRC",
    "auroc": "AUROC",
    "precision_at_recall": "Precision at 70 % recall",
}


class CrisprSummary(Record):
    """The result of `claster crispr` (`summary.json`, format version 1).

    `left_out` counts the table's rows that were not scored, by reason; `folds` says what thresholds were
    chosen on: the other chromosomes, or the other loci where regulated pairs lie on one chromosome.
    """

    format: Literal[1] = 1
    verdict: str
    run: str
    screen: str
    table: str
    rows: int
    scored: int
    regulated: int
    left_out: dict[str, int]
    contact: str
    folds: Literal["chromosomes", "loci"]


class CrisprFiles(ResultFolder):
    """The folder of a comparison, ``<run>/crispr/<name>``, or that of several folds."""

    main = "pairs"
    elements = ResultFile("elements.bed", "Elements of the table as BED.")
    pairs = ResultFile(
        "pairs.parquet", "Every row of the table, with its scores or the reason why it has none."
    )
    scores = ResultFile(
        "scores.csv",
        "AUROC, AUPRC and precision at 70 % recall of every predictor, by distance, screen and power.",
    )
    decisions = ResultFile(
        "decisions.csv", "Precision, recall and accuracy of yes-or-no predictions."
    )
    curves = ResultFile("curves.parquet", "Points of ROC and precision-recall curves.")


def score_crispr(
    runs: RunFolder | Path | str | Sequence[RunFolder | Path | str],
    settings: CrisprSettings | None = None,
    /,
    *,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> tuple[CrisprSummary, CrisprFiles]:
    """Silence every element of a CRISPR table, and score the effects against what was measured.

    Parameters
    ----------
    runs
        A trained run, or the folds of one dataset: each pair is then scored by the run that held its gene
        out.
    settings, keywords
        The table (`read_crispr_table`), whose genes count (those of other splits were trained on, or chose
        the model), and the screen: `CrisprSettings`, or its fields. As published: `centre` ``element``,
        `verb` ``silence``, `min_activity` 10, and `around_tss` (2000, 3000) for a POLR2A target, None for
        RNA.

    Returns
    -------
    summary : CrisprSummary
    files : CrisprFiles

    Raises
    ------
    ClasterError
        If the table has a fault or is of another assembly, no regulated pair, or none that is not, can be
        scored, or several runs have no folder for their result.
    """
    asked = CrisprSettings.of(settings, **keywords)
    listed = [runs] if isinstance(runs, RunFolder | Path | str) else list(runs)
    members = [RunFolder.of(run) for run in listed]
    if len(members) > 1 and asked.to is None:
        raise ClasterError(
            f"{len(members)} runs and no folder for their common result",
            remedy="name one with --to, such as --to runs/k562_crispr",
        )
    files = CrisprFiles(asked.to or members[0].path / "crispr" / asked.name)
    checked = [(run, *checked_dataset(run)[1:]) for run in members]
    spec = checked[0][1]
    table, columns = _measured(asked, spec)
    joined, source = _pooled(
        [_screened(*member, table, asked, progress=progress) for member in checked]
    )
    joined["scored"] = joined["reason"] == ""
    scored = joined[joined["scored"]].reset_index(drop=True)
    _require_both(scored, joined["reason"])
    # One value a gene has no profile that loci could share; its input window has.
    target = spec.require_target()
    binning = spec.window.binning if target.table is not None else target.binning
    positive = scored["regulated"].to_numpy()
    predictors = table_predictors(scored, columns) | {
        "abc": scored["abc"].to_numpy(),
        "perturbation": scored["effect"].abs().to_numpy(),
    }
    known = joined[(joined["valid"] == "TRUE") & (joined["table_tss"] >= 0)]
    of_scored = score_subsets(scored, predictors, binning, seed=asked.seed)
    of_table = score_subsets(known, table_predictors(known, columns), binning, seed=asked.seed)
    scores = pd.concat(
        [of_scored.assign(pairs="scored"), of_table.assign(pairs="table")], ignore_index=True
    )
    folds, fold = _folds(scored, binning)
    answers = {
        "primary target": scored["primary"].to_numpy(dtype=bool),
        "closest gene": scored["closest"].to_numpy(dtype=bool),
    }
    decisions = decide(positive, predictors, fold, answers)
    left_out = {str(why): int(n) for why, n in joined["reason"].value_counts().items() if why}
    regulated = int(positive.sum())
    summary = CrisprSummary(
        verdict=_verdict(of_scored, decisions, len(scored), regulated, folds),
        run=", ".join(run.path.as_posix() for run in members),
        screen=asked.name,
        table=asked.pairs.name,
        rows=len(joined),
        scored=len(scored),
        regulated=regulated,
        left_out=left_out,
        contact=source,
        folds=folds,
    )
    files.write(
        summary,
        pairs=joined,
        scores=scores,
        decisions=decisions,
        curves=curves(positive, predictors),
    )
    return summary, files


def _measured(asked: CrisprSettings, spec: DatasetSpec) -> tuple[pd.DataFrame, list[str]]:
    """Return the pairs of the table on the assembly's chromosome names, and the names of their contacts."""
    read = read_crispr_table(asked.pairs, cell_type=asked.cell_type)
    sizes, aliases = spec.chromosome_sizes(), chromosome_aliases(spec.assembly)
    table = rename_pairs(read, sizes=sizes, aliases=aliases)
    if not table["chrom"].isin(sizes.keys()).any():
        raise ClasterError(
            f"CRISPR pairs ({asked.pairs}) are on {', '.join(read['chrom'].unique()[:4])}, "
            f"{spec.assembly} has {', '.join(list(sizes)[:4])}",
            remedy="provide a table with the assembly's chromosome names",
        )
    if asked.contacts is None:
        return table, []
    return add_contacts(table, asked.contacts, aliases=aliases)


def _screened(
    run: RunFolder,
    spec: DatasetSpec,
    folders: DatasetFolders,
    table: pd.DataFrame,
    asked: CrisprSettings,
    *,
    progress: Progress,
) -> tuple[pd.DataFrame, str]:
    """Return the table with `reason` (empty: scored) and one run's effects, and where contact is from."""
    table = match_genes(table, read_genes_table(folders))
    reason = _reasons(table, folders, split=asked.split, reach=asked.reach)
    tried = table[reason == ""]
    if tried.empty:
        _require_both(tried, reason)
    elements = CrisprFiles(run.path / "crispr" / asked.name).elements
    _write_elements(tried, elements)
    of_screen = PerturbSettings.model_fields.keys() & CrisprSettings.model_fields.keys()
    of_screen -= {"pairs", "seed", "centre"}
    target = spec.require_target()
    perturb(
        run,
        elements=elements,
        centre=asked.centre or ("element" if target.table is None else "gene"),
        progress=progress,
        **{field: getattr(asked, field) for field in of_screen},
    )
    _, effects, _ = read_screen(run, asked.name)
    effects = effects[effects["condition"] == target.groups[0]].reset_index(drop=True)
    activity, contact, source = activity_by_contact(effects, spec, folders, split=asked.split)
    effects["abc"] = activity * contact
    effects["primary"] = _first_of_element(effects, effects["effect"].abs())
    effects["closest"] = _first_of_element(effects, -effects["distance_bp"].abs())
    joined = table.assign(reason=reason).merge(
        effects[_OF_EFFECTS], on=["gene_id", "element_id"], how="left"
    )
    tested = joined["reason"] == ""
    joined.loc[tested & (joined["signal"] == 0), "reason"] = "element without signal"
    missing = tested & joined["effect"].isna()
    joined.loc[missing, "reason"] = "inactive, or window leaves the chromosome"
    return joined, source


def _first_of_element(pairs: pd.DataFrame, score: pd.Series) -> np.ndarray:
    """Tell of each pair whether its gene is the one with the largest score of its element's genes."""
    return np.isin(pairs.index, score.groupby(pairs["element_id"]).idxmax())


def _pooled(parts: Sequence[tuple[pd.DataFrame, str]]) -> tuple[pd.DataFrame, str]:
    """Return each row as the run has it that held its gene out."""
    whole, source = parts[0]
    for part, _ in parts[1:]:
        twice = (whole["reason"] == "") & (part["reason"] == "")
        if twice.any():
            gene = whole.loc[twice, "gene_id"].iloc[0]
            raise ClasterError(
                f"gene {gene} is held out by two of the runs",
                remedy="give the folds of one dataset",
            )
        open_still = whole["reason"].str.startswith((_ELSEWHERE, _DROPPED))
        take = (part["reason"] == "") | (open_still & (part["reason"] != _ELSEWHERE))
        whole = pd.concat([whole[~take], part[take]]).sort_index()
    return whole, source


def _reasons(
    table: pd.DataFrame, folders: DatasetFolders, *, split: Split, reach: int
) -> pd.Series:
    """Return why each row cannot be scored; empty text where it can."""
    genes = read_genes_table(folders)
    of_gene = genes.set_index("gene_id").reindex(table["gene_id"]).reset_index(drop=True)
    low, high = of_gene["tss"] - reach, of_gene["tss"] + reach
    checks = {
        "invalid connection": table["valid"] != "TRUE",
        "element and gene on two chromosomes": table["chrom"] != table["tss_chrom"],
        "several genes have the name": table["ambiguous"],
        "no gene on the chromosome": ~table["chrom"].isin(genes["chrom"])
        & (table["gene_id"] == ""),
        "gene not in the dataset": table["gene_id"] == "",
        _ELSEWHERE: of_gene["split"] != split,
        "gene on another chromosome in the dataset": of_gene["chrom"] != table["chrom"],
        "out of reach": (table["start"] < low) | (table["end"] > high),
    }
    reason = pd.Series(np.select(list(checks.values()), list(checks), ""), index=table.index)
    lacking = reason.index[reason == "gene not in the dataset"]
    why = _why_dropped(table.loc[lacking], folders)
    reason[lacking] = why.map(f"{_DROPPED} ({{}})".format).where(why != "", reason[lacking])
    again = table[reason == ""].duplicated(["element_id", "gene_id"])
    reason[again.index[again]] = "pair named before"
    return reason


def _why_dropped(pairs: pd.DataFrame, folders: DatasetFolders) -> pd.Series:
    """Return why the dataset dropped the gene of each pair, a key of `DROP_REASONS`; empty if it did not."""
    dropped = read_table(folders.dropped, dtype=str)
    reasons = dict(zip(dropped["gene_id"], dropped["reason"], strict=True))
    by_id, by_symbol = (genes_called(dropped, pairs[column]) for column in ("ensembl_id", "symbol"))
    why = [
        next((reasons[gene] for gene in (*one, *other)), "")
        for one, other in zip(by_id, by_symbol, strict=True)
    ]
    return pd.Series(why, index=pairs.index, dtype=object)


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
    return "loci", locus_blocks(pairs, binning, length=LOCUS)


def _verdict(
    scores: pd.DataFrame, decisions: pd.DataFrame, scored: int, regulated: int, folds: str
) -> str:
    """Return the scores of all pairs (`score_subsets`), and of yes-or-no predictions, as sentences."""
    area = scores[scores["subset"] == "all"].set_index(["predictor", "metric"])
    names = [name for name in _TOLD if (name, "auprc") in area.index]
    share = regulated / scored
    lines = [
        f"{scored:,} pairs scored, {regulated:,} of them regulated (AUPRC by chance {share:.3f})."
    ]
    for metric, label in _METRICS.items():
        told = [
            f"{name} {interval_text(*area.loc[(name, metric), ['value', 'low', 'high']])}"
            for name in names
        ]
        lines.append(f"{label}: {', '.join(told)}.")
    told = [
        f"{row.predictor} {row.precision:.2f} / {row.recall:.2f}" for row in decisions.itertuples()
    ]
    lines.append(f"Precision / recall, thresholds from other {folds}: {', '.join(told)}.")
    return "\n".join(lines)
