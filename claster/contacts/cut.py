"""One chromosome's diagonals in, the map around any of its TSSs out."""

from collections.abc import Callable
from functools import partial

import numpy as np

from claster.contacts.bands import read_band, read_counts
from claster.contacts.direction import Balance
from claster.contacts.maps import DiagonalMap, MapValue, diagonal_map, take_logarithms
from claster.contacts.matrix import ContactMatrix
from claster.contacts.paper import rotated_map, square_map
from claster.contacts.shapes import ContactMap, SquareMap
from claster.contacts.stripe import StripeMap, promoter_stripe

__all__ = ["map_cutter"]


def map_cutter(
    matrix: ContactMatrix, chrom: str, shape: ContactMap, *, balance: Balance, value: MapValue
) -> Callable[[int], tuple[np.ndarray, float]]:
    """Read the diagonals of one chromosome and return what cuts the map around a TSS out of them.

    Parameters
    ----------
    matrix
        An open matrix.
    chrom
        The file's own name of the chromosome.
    shape
        The map.
    balance
        Whether to multiply by weights, or by which.
    value
        What a ``diagonal`` map holds; a ``stripe`` holds both, the others log10 of the frequency.

    Returns
    -------
    callable
        From a TSS (0-based) to the map in genome orientation, shape ``shape.shape``, and the share of
        it that is unknown. Several threads may call it at once.

    Raises
    ------
    NothingHereError
        If no bin has a weight, or no known pixel of the diagonals holds a contact.
    ClasterError
        If the file cannot be read.
    """
    if isinstance(shape, DiagonalMap):
        band = read_band(matrix, chrom, separations=shape.separations, balance=balance)
        return partial(diagonal_map, take_logarithms(band, shape, value=value), shape=shape)
    if isinstance(shape, StripeMap):
        band = read_band(matrix, chrom, separations=shape.separations, balance=balance)
        return partial(promoter_stripe, band, shape=shape)
    counts = read_counts(matrix, chrom, separations=shape.separations, balance=balance)
    if isinstance(shape, SquareMap):
        return partial(square_map, counts, shape=shape)
    return partial(rotated_map, counts, shape=shape)
