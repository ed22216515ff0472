"""The matrices of a contact file: resolutions, weights and groups, and which of them can make a map."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from claster.contacts.cool import find_matrices
from claster.contacts.direction import Balance, hic_normalisation, weight_column
from claster.contacts.hic import HicMatrix, is_hic, list_resolutions
from claster.contacts.maps import DiagonalMap
from claster.contacts.matrix import ContactMatrix
from claster.contacts.shapes import map_over
from claster.dataset.doctor.findings import Finding, base_pairs, count_of, listed, percent
from claster.dataset.signal_settings import ContactsSpec
from claster.errors import ClasterError
from claster.genome.windows import Binning


@dataclass(frozen=True)
class Layout:
    """The matrices of a `.cool`, `.mcool` or `.hic`.

    Attributes
    ----------
    matrices
        The matrix of each resolution in bp, finest first.
    columns
        Names of the weights at each resolution.
    groups
        Group of each resolution; empty for a `.hic`.
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
    """Find the matrices in a file.

    Parameters
    ----------
    path
        The `.cool`, `.mcool` or `.hic`.
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


def why_unfit(
    resolution: int, contacts: ContactsSpec, window: Binning, *, longest: int
) -> str | None:
    """Return why no gene can have a map of some resolution, None where one can.

    Parameters
    ----------
    resolution
        Width of the matrix's bins in bp.
    longest
        Length of the file's longest chromosome in bp.
    """
    try:
        shape = map_over(contacts.map, window, resolution=resolution, rows=contacts.rows)
    except ClasterError as error:
        return error.found.removeprefix("contacts: ")
    if not isinstance(shape, DiagonalMap):
        return None
    off = shape.share_off(-(-longest // resolution))
    if off <= contacts.max_missing:
        return None
    reach = base_pairs((shape.separations - 1) * resolution)
    return (
        f"{shape.rows} rows of {base_pairs(resolution)} reach {reach} of separation: even in the middle of "
        f"the longest chromosome {percent(off)} of the map lies off it, more than 'max_missing' allows"
    )


def check_bare(bare: Mapping[str, str], centres: pd.DataFrame, *, file: str) -> list[Finding]:
    """Tell of chromosomes whose genes the build drops. Check ``bare``.

    `bare` says what each lacks, `centres` has a row a gene.
    """
    lost = int(centres["chrom"].isin(bare).sum())
    if not lost:
        return []
    first, why = next(iter(bare.items()))
    why = why.removeprefix("contacts: ").replace(file, Path(file).name)
    others = f", and so for {listed(list(bare)[1:])}" if len(bare) > 1 else ""
    return [
        Finding(
            "contacts",
            file,
            "bare",
            "fault" if lost == len(centres) else "warning",
            f"{first}: {why}{others}; the build drops {count_of(lost, 'gene')} of {len(centres)}",
            "set 'balance' under 'contacts' to other weights or to false, or leave these chromosomes out",
        )
    ]
