"""What a contact matrix file holds, from its groups, indices and sampled rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd

from claster.dataset.doctor.wording import count_of
from claster.dataset.scale import spread_evenly
from claster.errors import ClasterError, one_line

__all__ = [
    "Layout",
    "MatrixFacts",
    "Rows",
    "matrix_sizes",
    "read_layout",
    "read_matrix_facts",
    "sample_rows",
]

_PLACES = 20
_ROWS_A_PLACE = 40
_MOST_PIXELS = 500_000
_READ_ERRORS = (OSError, KeyError, ValueError, TypeError, RuntimeError)


@dataclass(frozen=True)
class Layout:
    """The matrices of a `.cool` or `.mcool`.

    Attributes
    ----------
    groups
        Group of each resolution in bp, finest first.
    weighted
        Resolutions with a `weight` column.
    other_weights
        Other columns of the finest matrix's bins that may be weights ("KR", "VC").
    listed
        Whether cooler's own listing names the groups.
    """

    groups: dict[int, str]
    weighted: list[int]
    other_weights: list[str]
    listed: bool

    @property
    def name(self) -> str:
        """The zoom layout in words."""
        groups = list(self.groups.values())
        if groups == ["/"]:
            return "a single matrix"
        if all(group.startswith("/resolutions/") for group in groups):
            return f"new zoom layout, {count_of(len(groups), 'resolution')} at ::/resolutions/..."
        if len(groups) == 1:
            return f"a single matrix, in the group ::{groups[0]}"
        if all(group.strip("/").isdigit() for group in groups):
            return f"old zoom layout, levels ::{groups[-1]} to ::{groups[0]}"
        return f"{len(groups)} matrices at ::{', ::'.join(groups[:3])}, ..."


@dataclass(frozen=True)
class MatrixFacts:
    """What one matrix holds.

    Attributes
    ----------
    blocks
        `chrom` (the assembly's names), `start`, `end` (0-based half-open) of runs of bins with contacts.
    masked
        Share of the bins inside `blocks` without a weight; None where there are no weights.
    divisive
        Whether the file says that counts are to be divided by its weights.
    whole
        Whether the counts are whole numbers by their type.
    assembly
        What the file says about its assembly, "" where it does not.
    """

    blocks: pd.DataFrame
    masked: float | None
    divisive: bool
    whole: bool
    assembly: str


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


def read_layout(path: Path | str, group: str = "") -> Layout:
    """Find the matrices in a file.

    Parameters
    ----------
    path
        The `.cool` or `.mcool`.
    group
        The group after ``::`` in the YAML; "" to look for all.

    Raises
    ------
    ClasterError
        If there is none, or one does not read.
    """
    try:
        with h5py.File(path) as store:
            held = sorted(store)
        listed = cooler.fileops.list_coolers(str(path))
        if not listed and not group and "pixels" not in held:
            raise ClasterError(
                f"contacts: {path} is an HDF5 file without a cooler in it (it holds {', '.join(held[:4])})",
                remedy="convert it to .mcool first; 'fanc to-cooler' does so for FAN-C files",
            )
        groups = [group] if group else listed or ["/"]
        found = {}
        for name in groups:
            matrix = cooler.Cooler(f"{path}::{name}")
            found[int(matrix.binsize or 0)] = (name, list(matrix.bins().columns))
    except _READ_ERRORS as error:
        raise ClasterError(
            f"contacts: {path} is not a cooler ({one_line(error)})",
            remedy="give a .cool or .mcool, made by 'cooler cload' and 'cooler zoomify'",
        ) from error
    resolutions = sorted(found)
    return Layout(
        groups={size: found[size][0] for size in resolutions},
        weighted=[size for size in resolutions if "weight" in found[size][1]],
        other_weights=[
            column
            for column in found[resolutions[0]][1]
            if column not in ("chrom", "start", "end", "weight")
        ],
        listed=bool(listed),
    )


def matrix_sizes(path: Path | str, group: str) -> dict[str, int]:
    """Return chromosome lengths in bp by the names of one matrix."""
    sizes = cooler.Cooler(f"{path}::{group}").chromsizes
    return {str(name): int(size) for name, size in sizes.items()}


def read_matrix_facts(path: Path | str, group: str, names: Mapping[str, str]) -> MatrixFacts:
    """Read header, row index and weights of one matrix.

    Parameters
    ----------
    path, group
        The file and the matrix's group in it.
    names
        The file's name of each chromosome to look at, by the assembly's name.

    Raises
    ------
    ClasterError
        If they do not read.
    """
    try:
        matrix = cooler.Cooler(f"{path}::{group}")
        resolution = int(matrix.binsize)
        blocks, masked, inside = [], 0, 0
        with matrix.open("r") as store:
            weights = store["bins"].get("weight")
            divisive = bool(weights.attrs.get("divisive_weights", False)) if weights else False
            whole = np.issubdtype(store["pixels/count"].dtype, np.integer)
            for chrom, name in names.items():
                first, last = (int(edge) for edge in matrix.extent(name))
                filled = np.diff(store["indexes/bin1_offset"][first : last + 1]) > 0
                runs = _runs(filled)
                blocks += [(chrom, low * resolution, high * resolution) for low, high in runs]
                if weights is not None and runs:
                    low, high = runs[0][0], runs[-1][1]
                    masked += int(np.isnan(weights[first + low : first + high]).sum())
                    inside += high - low
        info = matrix.info
        said = str(info.get("genome-assembly") or "")
        return MatrixFacts(
            blocks=pd.DataFrame(blocks, columns=["chrom", "start", "end"]),
            masked=masked / inside if inside else None,
            divisive=divisive,
            whole=bool(whole),
            assembly="" if said == "unknown" else said,
        )
    except _READ_ERRORS as error:
        raise _damaged(path, group, error) from error


def sample_rows(
    path: Path | str,
    group: str,
    names: Mapping[str, str],
    centres: pd.DataFrame,
    *,
    separation: int,
) -> Rows | None:
    """Read some rows of one matrix around up to 20 places.

    Parameters
    ----------
    path, group
        The file and the matrix's group in it.
    names
        The file's name of each chromosome, by the assembly's name.
    centres
        `chrom` and `tss` (0-based) of the places.
    separation
        At which separation in bp to count empty pixels; at least one bin.

    Returns
    -------
    Rows or None
        None where no sampled bin holds a contact.

    Raises
    ------
    ClasterError
        If they do not read.
    """
    try:
        matrix = cooler.Cooler(f"{path}::{group}")
        resolution = int(matrix.binsize)
        apart = max(separation // resolution, 1)
        pixels = filled = bins = with_diagonal = 0
        for chrom, tss in spread_evenly(centres, _PLACES)[["chrom", "tss"]].itertuples(index=False):
            first, last = (int(edge) for edge in matrix.extent(names[chrom]))
            middle = first + int(tss) // resolution
            low = max(middle - _ROWS_A_PLACE // 2, first)
            high = min(low + _ROWS_A_PLACE, last - apart - 1)
            if low >= high:
                continue
            known = _known(matrix, low, high + apart + 1)
            table = _rows(matrix, low, high)
            distance = (table["bin2_id"] - table["bin1_id"]).to_numpy()
            row = table["bin1_id"].to_numpy() - low
            seen = table["count"].to_numpy() > 0
            rows = np.arange(high - low)
            touched = np.zeros(high - low, dtype=bool)
            touched[row[seen]] = True
            both = known[rows] & known[rows + apart] & touched
            pixels += int(both.sum())
            filled += int(both[np.unique(row[seen & (distance == apart)])].sum())
            bins += int(touched.sum())
            with_diagonal += np.unique(row[seen & (distance == 0)]).size
    except _READ_ERRORS as error:
        raise _damaged(path, group, error) from error
    if not pixels:
        return None
    return Rows(1 - filled / pixels, (bins, with_diagonal), apart * resolution)


def _rows(matrix: cooler.Cooler, low: int, high: int) -> pd.DataFrame:
    with matrix.open("r") as store:
        start, end = (int(at) for at in store["indexes/bin1_offset"][[low, high]])
    return matrix.pixels()[start : min(end, start + _MOST_PIXELS)]


def _known(matrix: cooler.Cooler, low: int, high: int) -> np.ndarray:
    table = matrix.bins()
    if "weight" not in table.columns:
        return np.ones(high - low, dtype=bool)
    return table["weight"][low:high].notna().to_numpy()


def _runs(filled: np.ndarray) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], filled, [False]]).astype(np.int8)))
    return [(int(low), int(high)) for low, high in edges.reshape(-1, 2)]


def _damaged(path: Path | str, group: str, error: Exception) -> ClasterError:
    return ClasterError(
        f"contacts ({path}::{group}) are damaged: they do not read ({one_line(error)})",
        remedy="fetch or make the file anew",
    )
