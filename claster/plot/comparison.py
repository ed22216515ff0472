"""All figures of a comparison, drawn and written."""

from pathlib import Path

import numpy as np

from claster.analysis.compare import Compared, main_scores
from claster.analysis.metrics import gene_weights
from claster.plot.sequence import (
    comparison_bars,
    learning_curves,
    model_densities,
    pearson_spearman,
    profile_panels,
)
from claster.plot.style import save
from claster.text import read_table

__all__ = ["write_figures"]

_SCORES = [
    (level, metric) for level in ("bin", "gene", "paper") for metric in ("pearson", "spearman")
]


def write_figures(compared: Compared, folder: Path | str) -> list[Path]:
    """Draw a comparison for its first condition and return the files.

    Parameters
    ----------
    compared
        Of `compare_runs`.
    folder
        Where to write PNG files to.
    """
    folder = Path(folder)
    scored, target = compared.scored, compared.target
    weights = gene_weights(scored.genes, target)
    observed = {
        "bins": scored.observed[:, 0],
        "genes": (scored.observed[:, 0] * weights).sum(axis=1),
    }
    predicted = {
        name: {"bins": values[:, 0], "genes": (values[:, 0] * weights).sum(axis=1)}
        for name, values in scored.methods.items()
    }
    scores = main_scores(compared)
    scores = scores[scores["condition"] == scored.conditions[0]]
    figures = {"densities": model_densities(observed, predicted)[0]}
    for level, metric in _SCORES:
        rows = scores[(scores["level"] == level) & (scores["metric"] == metric)]
        figures[f"{level}_{metric}"] = comparison_bars(rows)[0]
    figures["pearson_spearman"] = pearson_spearman(scores[scores["level"] != "gene"])[0]
    histories = {name: read_table(path) for name, path in compared.histories.items()}
    if histories:
        figures["learning_curves"] = learning_curves(histories)[0]
    row = int(np.argmax(observed["genes"]))
    widest, binning = max(compared.own.values(), key=lambda part: part[1].width)
    figures["profiles"] = profile_panels(
        {name: (part.methods[name][row, 0], bins) for name, (part, bins) in compared.own.items()},
        widest.observed[row, 0],
        binning,
        common=target,
        title=str(scored.genes["name"].iloc[row]),
    )[0]
    return [save(figure, folder / f"{name}.png") for name, figure in figures.items()]
