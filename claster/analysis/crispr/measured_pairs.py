"""How well scores tell regulated pairs of a CRISPR table: all, by distance, by screen, with power."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.abc import power_law_contact
from claster.analysis.bootstrap import resample_loci
from claster.analysis.crispr.table import MARKS
from claster.analysis.statistics import curves, score_links
from claster.errors import ClasterError
from claster.genome.assembly import rename_chromosomes
from claster.genome.windows import Binning
from claster.text import read_table

_ALL = "all"
RECALL = 0.7
"""Recall at which precision is told, as the benchmark does."""

_CLASSES = (0, 20_000, 50_000, 150_000)
_POWER = 0.8
_KEYS = {"chrom": "chrom", "chromStart": "start", "chromEnd": "end", "measuredGeneSymbol": "symbol"}
_CONTACT = "3DContact"


def add_contacts(
    pairs: pd.DataFrame, file: Path, *, aliases: Mapping[str, str] | None = None
) -> tuple[pd.DataFrame, list[str]]:
    """Join a table of contacts, and of other scores of the same pairs, to the pairs of a CRISPR table.

    Parameters
    ----------
    pairs
        From `read_crispr_table`.
    file
        Tab-separated with a header, plain or gzipped: `chrom`, `chromStart`, `chromEnd`,
        `measuredGeneSymbol` as in the CRISPR table, and a number in every other column.
    aliases
        The assembly's chromosome names by other spelling (`chromosome_aliases`).

    Returns
    -------
    pairs : pandas.DataFrame
        With the other columns, NaN where a pair is not in the file.
    names : list of str
        Those columns, but not distances.

    Raises
    ------
    ClasterError
        If the file is no such table, or has none of the pairs.
    """
    place = f"contacts of pairs ({file})"
    table = read_table(file, named="contacts of pairs", sep="\t", na_values=["", "NA"])
    if missing := [name for name in _KEYS if name not in table]:
        raise ClasterError(
            f"{place} lack the columns {', '.join(missing)}",
            remedy="name pairs as the CRISPR table does",
        )
    spelled = dict.fromkeys(pairs["chrom"], 0)
    table = rename_chromosomes(table.rename(columns=_KEYS), sizes=spelled, aliases=aliases)
    table = table.drop_duplicates([*_KEYS.values()])
    names = [
        name
        for name in table.columns
        if name not in _KEYS.values() and pd.api.types.is_numeric_dtype(table[name])
    ]
    names = [name for name in names if name not in pairs and not name.startswith("distance")]
    joined = pairs.merge(table[[*_KEYS.values(), *names]], on=[*_KEYS.values()], how="left")
    if not names or joined[names].isna().all(axis=None):
        raise ClasterError(
            f"{place} have a number for none of {len(pairs):,} pairs",
            remedy="give the contacts of this table's pairs",
        )
    return joined, names


def table_predictors(pairs: pd.DataFrame, columns: list[str]) -> dict[str, np.ndarray]:
    """Return what can be said of pairs without a model, ``distance`` first; larger is likelier.

    Parameters
    ----------
    pairs
        `distance` (bp) and, where the table has them, `DHS` and `H3K27ac` (reads per million) and `columns`.
    columns
        From `add_contacts`; the first that begins with ``3DContact`` is the contact of ABC.

    Returns
    -------
    dict of str to numpy.ndarray
        ``distance`` is -distance. ``H3K27ac / distance``, ``activity / distance`` (activity is the square
        root of DHS times H3K27ac), ``activity x power law`` and ``activity x contact``: the numerator of
        ABC, since a table names too few of a gene's elements for the sum below it.
    """
    distance = pairs["distance"].to_numpy(dtype=np.float64)
    found = {"distance": -distance}
    contact = next((name for name in columns if name.startswith(_CONTACT)), None)
    if set(MARKS) <= set(pairs):
        near = np.maximum(distance, 1.0)
        acetylation = pairs["H3K27ac"].to_numpy(dtype=np.float64)
        activity = np.sqrt(pairs["DHS"].to_numpy(dtype=np.float64) * acetylation)
        found["H3K27ac / distance"] = acetylation / near
        found["activity / distance"] = activity / near
        found["activity x power law"] = activity * power_law_contact(distance)
        if contact is not None:
            found["activity x contact"] = activity * pairs[contact].to_numpy(dtype=np.float64)
    return found | {name: pairs[name].to_numpy(dtype=np.float64) for name in columns}


def score_subsets(
    pairs: pd.DataFrame, predictors: Mapping[str, np.ndarray], binning: Binning, *, seed: int
) -> pd.DataFrame:
    """Score all pairs together, by class of distance, by screen, and those with power.

    Parameters
    ----------
    pairs
        `chrom`, `table_tss`, `distance`, `regulated`, `dataset`, and `power` where it is known.
    predictors
        A score a pair, by name.
    binning
        The bins of the window that genes of a locus share.
    seed
        Of the resamples.

    Returns
    -------
    pandas.DataFrame
        `score_links` with `subset`: ``all``, ``0-20 kb``, ..., ``screen NAME`` and ``with power`` (regulated,
        or at least 80 % power to see a change of 15 %). Subsets of one kind of pair are left out.
    """
    loci = pairs[["chrom"]].assign(tss=pairs["table_tss"])
    resamples = resample_loci(loci, binning, seed=seed)
    regulated = pairs["regulated"].to_numpy()
    tables = []
    for name, rows in _subsets(pairs).items():
        positive = regulated[rows]
        if positive.any() and not positive.all():
            some = {key: values[rows] for key, values in predictors.items()}
            scored = score_links(positive, some, resamples.of(rows), recall=RECALL)
            tables.append(scored.assign(subset=name))
    return pd.concat(tables, ignore_index=True)


def _subsets(pairs: pd.DataFrame) -> dict[str, np.ndarray]:
    distance = pairs["distance"].to_numpy()
    subsets = {_ALL: np.ones(len(pairs), dtype=bool)}
    for low, high in zip(_CLASSES, [*_CLASSES[1:], np.inf], strict=True):
        name = f"{low / 1000:g}-{high / 1000:g} kb"
        if np.isinf(high):
            name = f"{low / 1000:g} kb and more"
        subsets[name] = (distance >= low) & (distance < high)
    for screen in sorted(set(pairs["dataset"]) - {""}):
        subsets[f"screen {screen}"] = (pairs["dataset"] == screen).to_numpy()
    if "power" in pairs:
        subsets["with power"] = (pairs["regulated"] | (pairs["power"] >= _POWER)).to_numpy()
    return subsets


def _best_threshold(positive: np.ndarray, score: np.ndarray) -> float:
    """Return the threshold with the largest F1; pairs at or above it count as links.

    Examples
    --------
    >>> _best_threshold(np.array([True, True, False]), np.array([3.0, 2.0, 1.0]))
    2.0
    """
    points = curves(positive, {"score": score})
    precision, recall = points["precision"], points["recall"]
    f1 = 2 * precision * recall / (precision + recall).where(precision + recall > 0, 1.0)
    return float(points["threshold"].iloc[int(f1.argmax())])


def _decided_elsewhere(positive: np.ndarray, score: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Decide each pair by the threshold that is best on the pairs of all other folds.

    Returns float64, 1 or 0; NaN where the other folds hold no link.
    """
    decided = np.full(len(positive), np.nan)
    for name in pd.unique(fold):
        here = fold == name
        if positive[~here].any():
            decided[here] = score[here] >= _best_threshold(positive[~here], score[~here])
    return decided


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
    decided = {name: _decided_elsewhere(positive, score, fold) for name, score in scores.items()}
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
