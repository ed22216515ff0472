"""What a contact file holds: its matrices, and of one its indices, weights and sampled rows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from claster.contacts.cool import CoolMatrix, find_matrices
from claster.contacts.cut import map_cutter
from claster.contacts.direction import Balance, hic_normalisation, weight_column
from claster.contacts.hic import HicMatrix, is_hic, list_resolutions
from claster.contacts.matrix import ContactMatrix
from claster.contacts.shapes import ContactMap
from claster.dataset.doctor.findings import count_of
from claster.dataset.scale import spread_evenly
from claster.dataset.signal_settings import ContactsSpec
from claster.errors import NothingHereError

_PLACES = 20
_ROWS_A_PLACE = 40
_COARSE = 100_000
_MOST_PIXELS = 50_000_000
"""Seconds of a cooler."""
_MAPS_A_CHROMOSOME = 10


@dataclass(frozen=True)
class Layout:
    """The matrices of a `.cool`, `.mcool` or `.hic`, by resolution in bp, finest first.

    Attributes
    ----------
    columns
        Names of the weights.
    groups
        Empty for a `.hic`.
    listed
        Whether cooler's own listing names the groups.
    """

    matrices: dict[int, ContactMatrix]
    columns: dict[int, list[str]]
    groups: dict[int, str]
    listed: bool = True

    @property
    def name(self) -> str:
        """The zoom layout in words."""
        groups = list(self.groups.values())
        if not groups:
            return f"a .hic file, {count_of(len(self.matrices), 'resolution')}"
        if groups == ["/"]:
            return "a single matrix"
        if all(group.startswith("/resolutions/") for group in groups):
            return f"new zoom layout, {count_of(len(groups), 'resolution')} at ::/resolutions/..."
        if len(groups) == 1:
            return f"a single matrix, in the group ::{groups[0]}"
        if all(group.strip("/").isdigit() for group in groups):
            return f"old zoom layout, levels ::{groups[-1]} to ::{groups[0]}"
        return f"{len(groups)} matrices at ::{', ::'.join(groups[:3])}, ..."

    def weights(self, resolution: int, balance: Balance) -> str:
        """Return the name of the wanted weights at a resolution, "" where they are not there."""
        columns = self.columns[resolution]
        name = weight_column(balance) if self.groups else hic_normalisation(balance, columns)
        return name if name in columns else ""


def read_layout(path: Path | str, group: str = "") -> Layout:
    """Find the matrices in a `.cool`, `.mcool` or `.hic`.

    Parameters
    ----------
    group
        The group after ``::`` in the YAML; "" to look for all.

    Raises
    ------
    ClasterError
        If there is none, one cannot be read, or several have the same resolution.
    """
    if is_hic(path):
        found = {size: HicMatrix(str(path), size) for size in list_resolutions(path)}
        return Layout(dict(found), {size: hic.columns for size, hic in found.items()}, groups={})
    matrices, listed = find_matrices(str(path), group)
    return Layout(
        matrices={size: matrix for size, (_, matrix) in matrices.items()},
        columns={size: matrix.columns for size, (_, matrix) in matrices.items()},
        groups={size: name for size, (name, _) in matrices.items()},
        listed=listed,
    )


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
    bare
        Chromosomes (the assembly's names) without weights or contacts, with what the build says of them.
    """

    blocks: pd.DataFrame
    masked: float | None
    whole: bool
    bare: dict[str, str]


@dataclass(frozen=True)
class Maps:
    """Which of some genes have a map that a build keeps, on the chromosomes that were read.

    Attributes
    ----------
    tried, kept
        Genes, and those of which no larger share is unknown than allowed.
    least
        The smallest share of a map that is unknown; 1 where no chromosome has contacts.
    bare
        As in `MatrixFacts`, with those of which no gene has a map.
    pixels
        How many pixels were read, and of how many.
    unread
        The chromosomes with genes that were not read.
    """

    tried: int
    kept: int
    least: float
    bare: dict[str, str]
    pixels: tuple[int, int]
    unread: tuple[str, ...]


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
    names
        The file's name of each chromosome to look at, by the assembly's name.
    balance
        Which weights to look at; they must be there.
    """
    overview = _coarse(matrix)
    size = overview.resolution
    blocks, masked, inside, whole = [], 0, 0, True
    bare: dict[str, str] = {}
    for chrom, name in names.items():
        try:
            filled, whole_here = _filled(overview, name)
            known = np.isfinite(matrix.weights(name, balance)) if balance else None
        except NothingHereError as error:
            bare[chrom] = error.found
            continue
        whole = whole and whole_here
        runs = _runs(filled)
        blocks += [(chrom, low * size, high * size) for low, high in runs]
        if known is not None and not known.any():
            bare[chrom] = f"has no weight on {name}"
        elif known is not None and runs:
            low, high = (edge * size // matrix.resolution for edge in (runs[0][0], runs[-1][1]))
            masked += int((~known[low:high]).sum())
            inside += known[low:high].size
    return MatrixFacts(
        blocks=pd.DataFrame(blocks, columns=["chrom", "start", "end"]),
        masked=masked / inside if inside else None,
        whole=whole,
        bare=bare,
    )


def sample_maps(
    matrix: ContactMatrix,
    names: Mapping[str, str],
    centres: pd.DataFrame,
    contacts: ContactsSpec,
    shape: ContactMap,
) -> Maps:
    """Cut maps as a build does, on all chromosomes of a small file and on the smallest of a large one.

    Parameters
    ----------
    matrix
        The matrix; it must have the weights that `contacts` wants.
    names
        The file's name of each chromosome, by the assembly's name.
    centres
        `chrom` and `tss` (0-based) of the genes.
    contacts, shape
        What the dataset wants, and the shape of its maps.
    """
    by_chrom = {chrom: table for chrom, table in centres.groupby("chrom") if chrom in names}
    sizes = {chrom: _pixels(matrix, names[chrom]) for chrom in by_chrom}
    tried = kept = read = 0
    least, bare = 1.0, {}
    unread = sorted(sizes, key=lambda chrom: sizes[chrom])
    while unread and (not read or read + sizes[unread[0]] <= _MOST_PIXELS):
        chrom = unread.pop(0)
        read += sizes[chrom]
        genes = by_chrom[chrom]
        places = spread_evenly(genes, _MAPS_A_CHROMOSOME)["tss"]
        try:
            cut = map_cutter(
                matrix, names[chrom], shape, balance=contacts.balance, value=contacts.value
            )
        except NothingHereError as error:
            bare[chrom] = error.found
            tried += len(places)
            continue
        unknown = [cut(int(tss))[1] for tss in places]
        if min(unknown) > contacts.max_missing:
            unknown += [cut(int(tss))[1] for tss in genes["tss"][~genes["tss"].isin(places)]]
        tried += len(unknown)
        least = min([least, *unknown])
        here = sum(share <= contacts.max_missing for share in unknown)
        kept += here
        if not here:
            bare[chrom] = f"over {contacts.max_missing:.0%} of every gene's map is unknown"
    return Maps(tried, kept, least, bare, (read, sum(sizes.values())), tuple(unread))


def sample_rows(
    matrix: ContactMatrix,
    names: Mapping[str, str],
    centres: pd.DataFrame,
    *,
    separation: int,
    balance: Balance,
) -> Rows | None:
    """Read some rows of one matrix around up to 20 places; None where no sampled bin holds a contact.

    Parameters
    ----------
    names
        The file's name of each chromosome, by the assembly's name.
    centres
        `chrom` and `tss` (0-based) of the places.
    separation
        At which separation in bp to count empty pixels; at least one bin.
    balance
        By which weights to tell masked bins; they must be there.
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
        return matrix.filled(chrom) > 0, matrix.count_type is np.float32
    filled, whole = np.zeros(matrix.bins(chrom), dtype=bool), True
    for pixel, _, count in matrix.pixels(chrom, separations=2):
        filled[pixel[count > 0]] = True
        whole = whole and bool((count == np.round(count)).all())
    return filled, whole


def _pixels(matrix: ContactMatrix, chrom: str) -> int:
    """Return how many pixels are to be read for a chromosome; of a `.hic`, at most."""
    if isinstance(matrix, CoolMatrix):
        try:
            return int(matrix.filled(chrom).sum())
        except NothingHereError:
            return 0
    return matrix.bins(chrom) * min(matrix.bins(chrom), 1000)


def _runs(filled: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(np.int8)))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]
