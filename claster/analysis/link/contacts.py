"""Contact of pairs from a Hi-C map, as the ABC repository reads it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from claster.analysis.abc import adjusted_contact, power_law_contact
from claster.analysis.link.features import REACH
from claster.contacts.bands import read_band
from claster.contacts.matrix import ContactMatrix, open_contacts
from claster.genome.assembly import match_chromosomes

__all__ = ["contact_reader", "hic_contact"]

_RESOLUTION = 5_000


def contact_reader(
    path: Path | None, *, sizes: Mapping[str, int], aliases: Mapping[str, str]
) -> Callable[[str, np.ndarray, np.ndarray], np.ndarray]:
    """Return what gives the contact of pairs of a chromosome, from its name, middles and TSSs.

    Parameters
    ----------
    path
        A balanced cool, mcool or hic file with bins of 5 kb; None for the power law of the distance, which
        also stands for chromosomes that the file lacks.
    sizes, aliases
        Lengths in bp of the assembly's chromosomes, and their other names.
    """
    if path is None:
        return lambda _, middle, tss: power_law_contact(middle - tss)
    matrix = open_contacts(path, resolution=_RESOLUTION, balance=True)
    names = match_chromosomes(sizes, matrix.sizes, file=path, named="contacts", aliases=aliases)

    def read(chrom: str, middle: np.ndarray, tss: np.ndarray) -> np.ndarray:
        if chrom not in names:
            return power_law_contact(middle - tss)
        return adjusted_contact(hic_contact(matrix, names[chrom], middle, tss), middle - tss)

    return read


def hic_contact(
    matrix: ContactMatrix, chrom: str, middle: np.ndarray, tss: np.ndarray
) -> np.ndarray:
    """Return the balanced contact of the bins of each pair, rows of the chromosome summing to 1 in the mean.

    Parameters
    ----------
    matrix, chrom
        An open matrix, and its own name of the chromosome.
    middle, tss
        Middle of the element and TSS of each pair, at most 5 Mb apart, shape (pairs,).

    Returns
    -------
    numpy.ndarray
        Of one bin with itself, the larger contact with a bin beside it; the power law where a bin is masked.

    References
    ----------
    https://github.com/broadinstitute/ABC-Enhancer-Gene-Prediction, `process_hic`
    """
    size, bins = matrix.resolution, matrix.bins(chrom)
    separations = min(REACH // size + 1, bins)
    values = read_band(matrix, chrom, separations=separations, balance=True).values
    values = values / _mean_row(matrix, chrom)
    if separations > 1:
        beside = np.concatenate([[np.nan], values[1, :-1]])
        neighbour = np.fmax(beside, values[1])
        values[0] = np.where(values[0] > 0, neighbour, values[0])
    first = (np.minimum(middle, tss) // size).astype(int)
    apart = (np.maximum(middle, tss) // size).astype(int) - first
    found = values[apart, first]
    return np.where(np.isnan(found), power_law_contact(np.maximum(apart, 1) * size), found)


def _mean_row(matrix: ContactMatrix, chrom: str) -> float:
    """Return the mean sum of the rows that hold contacts, both halves of the matrix counted."""
    bins = matrix.bins(chrom)
    weights = np.nan_to_num(matrix.weights(chrom, balance=True))
    sums = np.zeros(bins)
    for first, second, count in matrix.pixels(chrom, separations=bins):
        here = (first <= second) & (second < bins)
        one, other = first[here], second[here]
        value = count[here] * weights[one] * weights[other]
        sums += np.bincount(one, value, bins)
        sums += np.bincount(other, np.where(one < other, value, 0.0), bins)
    return float(sums[sums > 0].mean())
