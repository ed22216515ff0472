"""What a contact matrix holds, from its indices, weights and sampled rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from claster.contacts.balance import Balance
from claster.contacts.cool import READ_ERRORS, CoolMatrix
from claster.contacts.hic import HicMatrix, list_resolutions
from claster.contacts.matrix import ContactMatrix
from claster.dataset.scale import spread_evenly
from claster.errors import ClasterError, one_line

__all__ = ["MatrixFacts", "Rows", "read_matrix_facts", "sample_rows"]

_PLACES = 20
_ROWS_A_PLACE = 40
_COARSE = 100_000


@dataclass(frozen=True)
class MatrixFacts:
    """What one matrix holds.

    Attributes
    ----------
    blocks
        `chrom` (the assembly's names), `start`, `end` (0-based half-open) of runs of bins with contacts.
    masked
        Share of the bins inside `blocks` without a weight; None where none are wanted.
    whole
        Whether the counts are whole numbers.
    """

    blocks: pd.DataFrame
    masked: float | None
    whole: bool


@dataclass(frozen=True)
class Rows:
    """What sampled rows of a matrix show.

    Attributes
    ----------
    empty
        Share of the pixels at about 100 kb of separation without a contact, masked bins left out.
    diagonal
        Number of sampled bins with contacts, and of those with a count on the main diagonal.
    separation
        The separation in bp that `empty` is about.
    """

    empty: float
    diagonal: tuple[int, int]
    separation: int


def read_matrix_facts(
    matrix: ContactMatrix, names: Mapping[str, str], *, balance: Balance
) -> MatrixFacts:
    """Read row index and weights of one matrix.

    Parameters
    ----------
    matrix
        The matrix.
    names
        The file's name of each chromosome to look at, by the assembly's name.
    balance
        Which weights to look at; they must be there.

    Raises
    ------
    ClasterError
        If they do not read.
    """
    overview = _coarse(matrix)
    size = overview.resolution
    blocks, masked, inside, whole = [], 0, 0, True
    for chrom, name in names.items():
        filled, whole_here = _filled(overview, name)
        whole = whole and whole_here
        runs = _runs(filled)
        blocks += [(chrom, low * size, high * size) for low, high in runs]
        if balance and runs:
            low, high = (edge * size // matrix.resolution for edge in (runs[0][0], runs[-1][1]))
            weights = matrix.weights(name, balance)[low:high]
            masked += int(np.isnan(weights).sum())
            inside += weights.size
    return MatrixFacts(
        blocks=pd.DataFrame(blocks, columns=["chrom", "start", "end"]),
        masked=masked / inside if inside else None,
        whole=whole,
    )


def sample_rows(
    matrix: ContactMatrix,
    names: Mapping[str, str],
    centres: pd.DataFrame,
    *,
    separation: int,
    balance: Balance,
) -> Rows | None:
    """Read some rows of one matrix around up to 20 places.

    Parameters
    ----------
    matrix
        The matrix.
    names
        The file's name of each chromosome, by the assembly's name.
    centres
        `chrom` and `tss` (0-based) of the places.
    separation
        At which separation in bp to count empty pixels; at least one bin.
    balance
        By which weights to tell masked bins; they must be there.

    Returns
    -------
    Rows or None
        None where no sampled bin holds a contact.

    Raises
    ------
    ClasterError
        If they do not read.
    """
    apart = max(separation // matrix.resolution, 1)
    pixels = filled = bins = with_diagonal = 0
    known: dict[str, np.ndarray] = {}
    for chrom, tss in spread_evenly(centres, _PLACES)[["chrom", "tss"]].itertuples(index=False):
        name = names[chrom]
        length = matrix.bins(name)
        if name not in known:
            weights = matrix.weights(name, balance) if balance else np.ones(length)
            known[name] = np.isfinite(weights)
        low = max(int(tss) // matrix.resolution - _ROWS_A_PLACE // 2, 0)
        high = min(low + _ROWS_A_PLACE, length - apart - 1)
        if low >= high:
            continue
        first, second, count = next(matrix.pixels(name, separations=length, rows=(low, high)))
        distance = second - first
        seen = count > 0
        touched = np.zeros(high - low, dtype=bool)
        touched[first[seen] - low] = True
        both = known[name][low:high] & known[name][low + apart : high + apart] & touched
        pixels += int(both.sum())
        filled += int(both[np.unique(first[seen & (distance == apart)]) - low].sum())
        bins += int(touched.sum())
        with_diagonal += np.unique(first[seen & (distance == 0)]).size
    if not pixels:
        return None
    return Rows(1 - filled / pixels, (bins, with_diagonal), apart * matrix.resolution)


def _coarse(matrix: ContactMatrix) -> ContactMatrix:
    """Return what tells where contacts are: of a `.hic`, which has no index of rows, a coarse matrix."""
    if not isinstance(matrix, HicMatrix):
        return matrix
    sizes = [size for size in list_resolutions(matrix.file) if size <= _COARSE]
    return replace(matrix, resolution=max([*sizes, matrix.resolution]))


def _filled(matrix: ContactMatrix, chrom: str) -> tuple[np.ndarray, bool]:
    """Return which bins of a chromosome begin a pixel, and whether counts are whole as far as seen."""
    if isinstance(matrix, CoolMatrix):
        try:
            first, last = matrix.clr.extent(chrom)
            with matrix.clr.open("r") as store:
                filled = np.diff(store["indexes/bin1_offset"][first : last + 1]) > 0
        except READ_ERRORS as error:
            raise ClasterError(
                f"contacts ({matrix.label}) are damaged: they do not read ({one_line(error)})",
                remedy="fetch or make the file anew",
            ) from error
        return filled, matrix.count_type is np.float32
    filled, whole = np.zeros(matrix.bins(chrom), dtype=bool), True
    for pixel, _, count in matrix.pixels(chrom, separations=2):
        filled[pixel[count > 0]] = True
        whole = whole and bool((count == np.round(count)).all())
    return filled, whole


def _runs(filled: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(np.int8)))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]
