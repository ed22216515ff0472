"""How much each published fault changes the metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from claster.analysis.baselines import predict_baselines
from claster.analysis.bootstrap import counted_once
from claster.analysis.metrics import correlations, gene_means, paper_gene_values
from claster.analysis.prepare import fit_simple_methods
from claster.analysis.samples import annotated_genes, labelled_genes
from claster.dataset.build import build_dataset
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.load import load_dataset, read_experiment
from claster.dataset.spec import DatasetSpec
from claster.progress import SILENT, Progress

_METHODS = ("ridge", "boosting")


@dataclass(frozen=True)
class _Scored:
    """A built dataset's test genes, what was measured, what simple methods predict (first condition)."""

    spec: DatasetSpec
    genes: pd.DataFrame
    observed: np.ndarray
    predicted: dict[str, np.ndarray]


def compare_recipes(
    dataset: str,
    variants: Sequence[str] = (),
    *,
    project: Path | str = ".",
    seed: int = 0,
    progress: Progress = SILENT,
) -> pd.DataFrame:
    """Build variants of a dataset and score ridge and boosted trees on each beside the dataset as it is.

    The simple methods see what a network sees and give the same numbers on every machine, so that what
    changes is the fault alone. Each variant is scored on its own targets, as published. Faults of the
    metrics themselves follow: the same predictions of the dataset as it is, counted in the published way.

    Parameters
    ----------
    dataset
        The dataset, built by the exact recipe.
    variants
        Experiments whose changes of the dataset are compared; none takes those of the experiment
        `recipes`.

    Returns
    -------
    pandas.DataFrame
        `what`, `about`; `test_genes`; `targets_r`: Pearson r of log2(x + 1) between the variant's targets
        and the exact ones of the same genes; for ridge and boosting r over bins, each kilobase once, and
        over genes, on log2(x + 1), and `..._change` against the dataset as it is.

    Raises
    ------
    ClasterError
        If a variant cannot be built.
    """
    chosen = tuple(variants) or read_experiment("recipes", project=project)["compare"]
    exact = _score(dataset, project, seed, progress)
    rows = [{"what": "exact", "about": "the dataset as it is", **_row(exact, exact)}]
    for name in chosen:
        about = " ".join(read_experiment(name, project=project)["about"].split())
        found = _score(f"{dataset}+{name}", project, seed, progress)
        rows.append({"what": name, "about": about, **_row(found, exact)})
    rows += _metric_faults(exact)
    table = pd.DataFrame(rows)
    for column in (f"{method}_{level}" for method in _METHODS for level in ("bins", "genes")):
        table[f"{column}_change"] = table[column] - table[column].iloc[0]
    return table.round(6)


def _score(dataset: str, project: Path | str, seed: int, progress: Progress) -> _Scored:
    spec = load_dataset(dataset, project=project)
    build_dataset(spec, progress=progress)
    folders = DatasetFolders.of(spec)
    labelled = labelled_genes(
        folders, spec, ["train", "valid", "test"], annotation=annotated_genes(folders)
    )
    fitted = fit_simple_methods(labelled, spec, seed=seed, progress=progress)
    predicted = predict_baselines(fitted, labelled["test"], progress=progress)
    return _Scored(
        spec,
        read_genes_table(folders, split="test"),
        labelled["test"].targets[:, 0],
        {method: predicted[method][:, 0] for method in _METHODS},
    )


def _row(found: _Scored, exact: _Scored) -> dict[str, object]:
    binning = found.spec.require_target().binning
    both = found.genes["gene_id"][found.genes["gene_id"].isin(exact.genes["gene_id"])]
    mine, theirs = (
        scored.observed[scored.genes.reset_index().set_index("gene_id").loc[both, "index"]]
        for scored in (found, exact)
    )
    same = mine.shape == theirs.shape
    row: dict[str, object] = {
        "test_genes": len(found.genes),
        "targets_r": correlations(theirs, mine).pearson if same else np.nan,
    }
    once = counted_once(found.genes, binning)
    means = gene_means(found.observed, found.genes, binning)
    for method, predicted in found.predicted.items():
        row[f"{method}_bins"] = correlations(found.observed[once], predicted[once]).pearson
        guess = gene_means(predicted, found.genes, binning)
        row[f"{method}_genes"] = correlations(means, guess).pearson
    return row


def _metric_faults(exact: _Scored) -> list[dict[str, object]]:
    """Return the scores of the dataset as it is, counted in the published ways."""
    binning = exact.spec.require_target().binning
    about = {
        "every window": "a kilobase counts in each window that covers it",
        "Simpson": "Simpson's area over whole bins by their number",
        "raw genes": "genes on the raw scale, ruled by a few high ones",
    }
    rows: list[dict[str, object]] = [{"what": what, "about": why} for what, why in about.items()]
    every, paper, raw = rows
    published = paper_gene_values(exact.observed, exact.genes, binning)
    means = gene_means(exact.observed, exact.genes, binning)
    for method, predicted in exact.predicted.items():
        every[f"{method}_bins"] = correlations(exact.observed, predicted).pearson
        guess = paper_gene_values(predicted, exact.genes, binning)
        paper[f"{method}_genes"] = correlations(published, guess).pearson
        raw[f"{method}_genes"] = float(
            np.corrcoef(means, gene_means(predicted, exact.genes, binning))[0, 1]
        )
    return rows
