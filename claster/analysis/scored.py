"""What is scored together: genes, their observed signal, and the prediction of every method."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from claster.errors import ClasterError

__all__ = ["ATTAINABLE", "ENSEMBLE", "NETWORK", "Scored", "as_ensemble", "stacked"]

NETWORK = "network"
ENSEMBLE = "ensemble"
ATTAINABLE = "attainable"


@dataclass(frozen=True)
class Scored:
    """Genes of one split with what was measured and what was predicted.

    Parameters
    ----------
    genes
        The gene table (`claster.dataset.layout.read_genes_table`), one row a gene.
    annotation
        All genes that can be neighbours: `gene_id`, `chrom`, `start`, `end`, `tss`.
    conditions
        Names of the conditions.
    observed
        Measured signal (reads), shape (genes, conditions, bins).
    methods
        Prediction of each method, same unit and shape.
    main
        The method that the others are compared with.
    """

    genes: pd.DataFrame
    annotation: pd.DataFrame
    conditions: tuple[str, ...]
    observed: np.ndarray
    methods: Mapping[str, np.ndarray]
    main: str = NETWORK

    @property
    def baselines(self) -> list[str]:
        """The simple methods: neither a network nor the noise-free truth."""
        networks = (NETWORK, ENSEMBLE, ATTAINABLE)
        return [name for name in self.methods if not name.startswith(networks)]


def stacked(folds: Sequence[Scored]) -> Scored:
    """Return the genes of several folds as one, each predicted by the run that held it out.

    Raises
    ------
    ClasterError
        If a gene is in two folds, or methods or conditions differ.
    """
    first = folds[0]
    for fold in folds[1:]:
        if fold.conditions != first.conditions or fold.methods.keys() != first.methods.keys():
            raise ClasterError(
                "the runs have other conditions or tracks", remedy="give folds of one data set"
            )
    genes = pd.concat([fold.genes for fold in folds], ignore_index=True)
    if genes["gene_id"].duplicated().any():
        twice = genes.loc[genes["gene_id"].duplicated(), "gene_id"].iloc[0]
        raise ClasterError(
            f"gene {twice} is scored in two of the folds",
            remedy="give runs whose scored genes are the same, or all different",
        )
    annotation = pd.concat([fold.annotation for fold in folds]).drop_duplicates("gene_id")
    return Scored(
        genes,
        annotation.reset_index(drop=True),
        first.conditions,
        np.concatenate([fold.observed for fold in folds]),
        {name: np.concatenate([fold.methods[name] for fold in folds]) for name in first.methods},
        first.main,
    )


def as_ensemble(scored: Scored, networks: Mapping[str, np.ndarray]) -> Scored:
    """Return the same genes with several networks and the mean of their predictions.

    Parameters
    ----------
    scored
        The genes, with the prediction of one network.
    networks
        Prediction of each network, by the name of its run; shape (genes, conditions, bins).

    Returns
    -------
    Scored
        Methods ``ensemble`` (which is the main one), ``network <run>`` for each run, and the others.
    """
    mean = np.mean(list(networks.values()), axis=0, dtype=np.float64)
    methods = {ENSEMBLE: mean} | {f"{NETWORK} {run}": array for run, array in networks.items()}
    methods |= {name: array for name, array in scored.methods.items() if name != NETWORK}
    return Scored(
        scored.genes, scored.annotation, scored.conditions, scored.observed, methods, ENSEMBLE
    )
