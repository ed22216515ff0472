"""Training of a link model on a CRISPR table: every chromosome scored by trees that have not seen it."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.bootstrap import resample_loci
from claster.analysis.crispr_table import match_genes, read_crispr_table, rename_pairs
from claster.analysis.link.features import MARKS, OPTIONAL, link_features, with_marks
from claster.analysis.link.model import (
    LinkModel,
    fit_calibration,
    fit_links,
    recall_threshold,
    subsets,
)
from claster.analysis.statistics import score_groups
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.progress import SILENT, Progress
from claster.text import read_parquet, read_table

_CLASSES = {
    "all": (0, np.inf),
    "< 20 kb": (0, 20_000),
    "20-50 kb": (20_000, 50_000),
    "50-150 kb": (50_000, 150_000),
    ">= 150 kb": (150_000, np.inf),
}
_NEIGHBOURS = Binning(401, 1_000)
_AS_TSS = 2_000


def screen_pairs(
    table: Path,
    candidates: pd.DataFrame,
    genes: pd.DataFrame,
    *,
    sizes: Mapping[str, int],
    aliases: Mapping[str, str],
    cell_type: str | None = None,
    effects: Path | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read a CRISPR table as pairs that `link_features` takes.

    Parameters
    ----------
    table, cell_type
        See `read_crispr_table`.
    candidates
        From `read_candidates`: elements of the table take the activity of those that they overlap.
    genes
        `gene_id`, `name`, `chrom`, `tss`.
    effects
        See `with_effects`.

    Returns
    -------
    pairs : pandas.DataFrame
        Pairs on one chromosome that were measured with a valid connection.
    genes : pandas.DataFrame
        `genes`, and those that only the table knows.

    Raises
    ------
    ClasterError
        If the table cannot be read or has no regulated pair, or none that is not.
    """
    read = read_crispr_table(table, cell_type=cell_type)
    read = rename_pairs(read, sizes=sizes, aliases=aliases)
    usable = (read["valid"] == "TRUE") & (read["chrom"] == read["tss_chrom"])
    pairs = read[usable & read["chrom"].isin(sizes.keys())].reset_index(drop=True)
    if pairs["regulated"].nunique() < 2 or pairs["chrom"].nunique() < 2:
        raise ClasterError(
            f"CRISPR pairs ({table}): {int(pairs['regulated'].sum()):,} of {len(pairs):,} usable pairs on "
            f"{pairs['chrom'].nunique()} chromosomes are regulated",
            remedy="provide a table of this assembly with both kinds of pair on two chromosomes or more",
        )
    middle = (pairs["start"] + pairs["end"]) / 2
    tss = middle + pairs["distance"] * np.where(pairs["table_tss"] >= middle, 1, -1)
    pairs = match_genes(pairs, genes)
    at = dict(zip(genes["gene_id"], genes["tss"], strict=True))
    known = pairs["gene_id"].map(at)
    tss = tss.mask((tss - known).abs() < _AS_TSS, known)
    named = pairs["ensembl_id"].where(pairs["ensembl_id"] != "", pairs["symbol"])
    pairs = pairs.assign(
        middle=middle,
        tss=tss,
        gene_id=pairs["gene_id"].where(known.notna(), named),
        name=pairs["symbol"],
    )
    if pairs["ubiquitous"].isna().all():
        pairs = pairs.drop(columns="ubiquitous")
    new = pairs[known.isna() & ~pairs["name"].isin(genes["name"])].drop_duplicates("name")
    columns = ["gene_id", "name", "chrom", "tss"]
    together = pd.concat([genes[columns], new[columns]], ignore_index=True)
    return with_effects(with_marks(pairs, candidates), effects), together


def with_effects(pairs: pd.DataFrame, effects: Path | None) -> pd.DataFrame:
    """Add what a network predicts of silencing each element.

    Parameters
    ----------
    pairs
        `element_id`, `gene_id` with or without version.
    effects
        `effects.parquet` of `claster perturb` or `pairs.parquet` of `claster crispr`, or a TSV:
        `element_id`, `gene_id`, `effect` (log2). Pairs that it lacks stay unknown. None adds nothing.
    """
    if effects is None:
        return pairs
    parquet = effects.suffix == ".parquet"
    table = read_parquet(effects) if parquet else read_table(effects, named="effects", sep="\t")
    if missing := {"element_id", "gene_id", "effect"} - set(table):
        raise ClasterError(
            f"effects ({effects}) lack the column {min(missing)}",
            remedy="give effects.parquet of a screen, or pairs.parquet of 'claster crispr'",
        )
    keys = table["element_id"] + "|" + table["gene_id"].fillna("").str.split(".").str[0]
    found = table["effect"].groupby(keys).first()
    own = pairs["element_id"] + "|" + pairs["gene_id"].str.split(".").str[0]
    return pairs.assign(effect=own.map(found).to_numpy())


def train_links(
    pairs: pd.DataFrame,
    candidates: pd.DataFrame,
    genes: pd.DataFrame,
    *,
    named: str = "",
    progress: Progress = SILENT,
) -> tuple[LinkModel, pd.DataFrame]:
    """Train on all pairs, and score those of each chromosome by a model of the others.

    Parameters
    ----------
    pairs, genes
        From `screen_pairs`.
    named
        What the table is called in the model's file.

    Returns
    -------
    model : LinkModel
        Of all pairs, with calibration and threshold from the chromosomes left out.
    pairs : pandas.DataFrame
        The pairs with `abc`, `link` (log odds), ``link without <feature>`` (those hidden), and
        `probability`, by a calibration of other chromosomes.
    """
    features = link_features(pairs, candidates, genes)
    regulated, chrom = pairs["regulated"].to_numpy(), pairs["chrom"].to_numpy()
    known = subsets(name for name in OPTIONAL if features[name].notna().any())
    hidden = {seen: {name: np.nan for name in OPTIONAL if name not in seen} for seen in known}
    said = {seen: np.empty(len(pairs)) for seen in known}
    names = pd.unique(chrom)
    with progress.step("chromosomes", len(names)) as step:
        for name in names:
            here = chrom == name
            model = fit_links(features[~here], regulated[~here])
            for seen, log_odds in said.items():
                log_odds[here] = model.log_odds(features[here].assign(**hidden[seen]))
            step.advance()
    log_odds, probability = said[known[-1]], np.empty(len(pairs))
    for name in names:
        here = chrom == name
        elsewhere = fit_calibration(log_odds[~here], regulated[~here])
        probability[here] = elsewhere.probability(log_odds[here])
    model = fit_links(features, regulated).model_copy(
        update={
            "calibrations": {
                ",".join(seen): fit_calibration(values, regulated) for seen, values in said.items()
            },
            "trained_on": named,
            "pairs": len(pairs),
            "regulated": int(regulated.sum()),
        }
    )
    columns = ["element_id", "chrom", "start", "end", "gene_id", "name", "tss"]
    kept = pairs[[*columns, "distance", "dataset", *MARKS, "regulated"]].assign(
        abc=np.exp(features["abc"]) - 1e-4,
        **{_called(seen, known[-1]): values for seen, values in said.items()},
        probability=probability,
    )
    return model, kept


def score_left_out(pairs: pd.DataFrame, *, seed: int = 0) -> pd.DataFrame:
    """Score the pairs of a training by class of distance and by screen, each beside the model.

    Returns `score_links` with `precision` (at 70 % recall) and `group`; intervals are from resamples of loci.
    """
    names = [name for name in pairs if str(name).startswith("link")]
    predictors = {str(name): pairs[name].to_numpy() for name in reversed(names)}
    predictors["abc"] = pairs["abc"].to_numpy()
    predictors["distance"] = -pairs["distance"].to_numpy()
    groups = {
        name: ((pairs["distance"] >= low) & (pairs["distance"] < high)).to_numpy()
        for name, (low, high) in _CLASSES.items()
    }
    for name in sorted(set(pairs["dataset"])):
        groups[str(name)] = (pairs["dataset"] == name).to_numpy()
    places = pairs[["chrom"]].assign(tss=pairs["tss"].astype(int))
    resamples = resample_loci(places, _NEIGHBOURS, seed=seed)
    regulated = pairs["regulated"].to_numpy()
    tables = []
    for name, table in score_groups(regulated, predictors, groups, resamples).items():
        rows = groups[name]
        precision = {
            key: recall_threshold(regulated[rows], values[rows])[1]
            for key, values in predictors.items()
        }
        tables.append(table.assign(precision=table["predictor"].map(precision), group=name))
    return pd.concat(tables, ignore_index=True)


def _called(seen: tuple[str, ...], known: tuple[str, ...]) -> str:
    """Return the name of the model that sees some of the optional features."""
    if seen == known:
        return "link"
    return "link without " + " and ".join(name for name in known if name not in seen)
