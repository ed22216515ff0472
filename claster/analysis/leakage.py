"""Whether what is scored was seen in training."""

from collections.abc import Collection, Iterable

import pandas as pd

from claster.errors import ClasterError
from claster.genome.genes import one_gene
from claster.genome.regions import shared_bases
from claster.genome.windows import Binning, split_sample_id, window_table

__all__ = ["require_unseen_genes", "require_unseen_windows"]


def require_unseen_genes(scored: Collection[str], trained: Collection[str], *, split: str) -> None:
    """Raise `ClasterError` if a gene that is scored has a sample among the training ones.

    A gene is the same under another version of its ID, or as the pseudoautosomal twin (`one_gene`).

    Parameters
    ----------
    scored
        Gene IDs.
    trained
        Sample names that the network was trained on, or stopped by.
    split
        What is scored, for the message.
    """
    known = set(_genes(split_sample_id(sample)[0] for sample in trained))
    seen = [gene for gene, key in zip(scored, _genes(scored), strict=True) if key in known]
    if seen:
        raise ClasterError(
            f"{len(seen)} of {len(scored)} genes of the {split} split were seen in training, such as"
            f" {min(seen)}",
            remedy="build the dataset again and train anew; these scores would say nothing",
        )


def require_unseen_windows(
    scored: pd.DataFrame, trained: pd.DataFrame, window: Binning, *, split: str, allowed: bool
) -> int:
    """Return how many bases of the scored input windows lie in training windows.

    Parameters
    ----------
    scored, trained
        Genes by `gene_id`, `chrom` and `tss`.
    window
        The bins of the input window.
    split
        What is scored, for the message.
    allowed
        Whether the dataset lets windows of different splits share bases.

    Returns
    -------
    int
        bp, each base counted once.

    Raises
    ------
    ClasterError
        If there are any and they are not allowed.
    """
    columns = ["chrom", "start", "end"]
    shared = shared_bases(*(window_table(genes, window)[columns] for genes in (scored, trained)))
    if shared and not allowed:
        raise ClasterError(
            f"{shared:,} bp of the {split} split's input windows lie in windows of training genes",
            remedy="build the dataset again, or say 'allow_shared_windows: true' in its 'splits'",
        )
    return shared


def _genes(ids: Iterable[str]) -> list[str]:
    return one_gene(pd.DataFrame({"gene_id": list(ids)}, dtype=str)).tolist()
