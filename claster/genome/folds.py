"""Chromosomes in folds of about the same number of genes."""

from collections.abc import Mapping

__all__ = ["chromosome_folds"]


def chromosome_folds(genes: Mapping[str, int], *, folds: int) -> list[list[str]]:
    """Divide chromosomes into folds, the largest first, each into the fold that has fewest genes so far.

    Parameters
    ----------
    genes
        Number of genes by chromosome; those without genes may be there.
    folds
        How many folds.

    Returns
    -------
    list of list of str
        The chromosomes of each fold, in the order of `genes`; the same for the same counts.

    Examples
    --------
    >>> chromosome_folds({"chr1": 9, "chr2": 5, "chr3": 4, "chr4": 4, "chr5": 1}, folds=3)
    [['chr1'], ['chr2', 'chr5'], ['chr3', 'chr4']]
    """
    members: list[list[str]] = [[] for _ in range(folds)]
    loads = [0] * folds
    order = list(genes)
    for chrom in sorted(order, key=lambda chrom: (-genes[chrom], order.index(chrom))):
        lightest = loads.index(min(loads))
        members[lightest].append(chrom)
        loads[lightest] += genes[chrom]
    return [sorted(fold, key=order.index) for fold in members]
