"""What inputs are compared with: no signal, inactive background, or the mean of training windows."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from claster.analysis.attribution.inputs import CONTACTS, Seen, read_window
from claster.analysis.attribution.settings import Baseline
from claster.analysis.perturbation.candidates import Annotated, known_annotated
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.scale import MOST_WINDOWS, spread_evenly
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.genome.windows import Binning

__all__ = ["inactive_means", "training_baselines"]


def training_baselines(
    names: Iterable[Baseline], seen: Seen, spec: DatasetSpec, folders: DatasetFolders
) -> dict[Baseline, dict[str, np.ndarray]]:
    """Return baselines as windows, on the scale that is stored.

    A landscape is constant along its bins: 0 (``zero``), or a track's mean over all bins (``mean``) or over
    those without annotated element or TSS (``background``), of at most 200 training windows. Contacts
    are the mean training map, but for ``zero`` of ``log_oe``, which is 0: as frequent as the separation
    lets expect.

    Parameters
    ----------
    names
        Which ones.
    seen
        What the run sees.
    spec, folders
        The built dataset.

    Returns
    -------
    dict
        By baseline and input name, shaped as `read_window` has it.

    Raises
    ------
    ClasterError
        If the training split holds no gene, or no bin of a training window is inactive.
    """
    everyone = read_genes_table(folders)
    genes = spread_evenly(everyone[everyone["split"] == "train"], MOST_WINDOWS)
    if genes.empty:
        raise ClasterError(
            f"the training split of {spec.name!r} holds no gene", remedy="build it with one"
        )
    windows = [read_window(seen, spec, folders, gene, split="train") for gene in genes["gene_id"]]
    made: dict[Baseline, dict[str, np.ndarray]] = {}
    for name in names:
        baseline: dict[str, np.ndarray] = {}
        if seen.binning is not None:
            landscapes = [window["landscape"] for window in windows]
            if name == "background":
                annotated = known_annotated(spec, everyone)
                level = inactive_means(landscapes, genes, annotated, seen.binning)
            else:
                level = np.mean([array.mean(axis=1) for array in landscapes], axis=0)
                level = level * (name == "mean")
            baseline["landscape"] = np.repeat(level[:, np.newaxis], seen.binning.bins, axis=1)
        if seen.maps is not None:
            assert spec.contacts is not None
            mean = np.mean([window[CONTACTS] for window in windows], axis=0)
            neutral = name == "zero" and spec.contacts.value == "log_oe"
            baseline[CONTACTS] = np.zeros_like(mean) if neutral else mean
        made[name] = {key: array.astype(np.float32) for key, array in baseline.items()}
    return made


def inactive_means(
    landscapes: Iterable[np.ndarray], genes: pd.DataFrame, annotated: Annotated, binning: Binning
) -> np.ndarray:
    """Return the mean of each track over the bins that touch no annotated stretch.

    Parameters
    ----------
    landscapes
        One a gene, each of shape (tracks, bins).
    genes
        Columns `chrom` and `tss`.
    annotated
        Where elements and TSSs are.
    binning
        The bins.

    Raises
    ------
    ClasterError
        If every bin touches one.
    """
    totals: np.ndarray | float = 0.0
    bins = 0
    for array, gene in zip(landscapes, genes.itertuples(), strict=True):
        edges = binning.edges + int(gene.tss)
        free = ~annotated.touch(str(gene.chrom), edges[:-1], edges[1:])
        totals = totals + array[:, free].sum(axis=1, dtype=np.float64)
        bins += int(free.sum())
    if not bins:
        raise ClasterError(
            "every bin of the training windows touches an element or a TSS",
            remedy="choose another --baseline than background",
        )
    return np.asarray(totals / bins)
