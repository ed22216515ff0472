"""Which matrices and weights a contact matrix file holds."""

from dataclasses import dataclass
from pathlib import Path

import cooler
import h5py

from claster.contacts.balance import Balance, hic_normalisation, weight_column
from claster.contacts.cool import READ_ERRORS, CoolMatrix
from claster.contacts.hic import HicMatrix, is_hic, list_resolutions
from claster.contacts.matrix import ContactMatrix
from claster.dataset.doctor.wording import count_of
from claster.errors import ClasterError, one_line

__all__ = ["Layout", "read_layout"]


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
        If there is none, or one does not read.
    """
    if is_hic(path):
        found = {size: HicMatrix(str(path), size) for size in list_resolutions(path)}
        return Layout(dict(found), {size: hic.columns for size, hic in found.items()}, groups={})
    try:
        with h5py.File(path) as store:
            held = sorted(store)
        listed = cooler.fileops.list_coolers(str(path))
        if not listed and not group and "pixels" not in held:
            raise ClasterError(
                f"contacts: {path} is an HDF5 file without a cooler in it (it holds {', '.join(held[:4])})",
                remedy="convert it to .mcool first; 'fanc to-cooler' does so for FAN-C files",
            )
        matrices = {}
        for name in [group] if group else listed or ["/"]:
            matrix = CoolMatrix(cooler.Cooler(f"{path}::{name}"))
            matrices[matrix.resolution] = name, matrix, matrix.columns
    except READ_ERRORS as error:
        raise ClasterError(
            f"contacts: {path} is not a cooler ({one_line(error)})",
            remedy="give a .cool or .mcool, made by 'cooler cload' and 'cooler zoomify'",
        ) from error
    sizes = sorted(matrices)
    return Layout(
        matrices={size: matrices[size][1] for size in sizes},
        columns={size: matrices[size][2] for size in sizes},
        groups={size: matrices[size][0] for size in sizes},
        listed=bool(listed),
    )
