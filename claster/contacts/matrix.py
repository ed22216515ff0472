"""Contact matrices of any file format through one small interface."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from claster.contacts.cool import open_cool
from claster.contacts.direction import Balance
from claster.contacts.hic import is_hic, open_hic
from claster.files import require_file
from claster.formats import require_whole

if TYPE_CHECKING:
    from collections.abc import Mapping


_Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]
"""First bin, second bin (both from the chromosome's first bin on) and count of some pixels."""


class ContactMatrix(Protocol):
    """One matrix of a file: one resolution. Several threads may read at once."""

    @property
    def label(self) -> str:
        """What messages call it: path and resolution."""

    @property
    def resolution(self) -> int:
        """Bin width in bp."""

    @property
    def sizes(self) -> "Mapping[str, int]":
        """Chromosome lengths in bp by the file's own names."""

    @property
    def assembly(self) -> str:
        """What the file calls its assembly, "" where it does not."""

    @property
    def square(self) -> bool:
        """Whether the file says that it holds both halves of the matrix, not the upper one alone."""

    @property
    def count_type(self) -> type[np.floating]:
        """The smallest float that holds the file's counts: float32 where they are whole numbers."""

    def bins(self, chrom: str) -> int:
        """Return the number of bins of a chromosome."""

    def weights(self, chrom: str, balance: Balance) -> np.ndarray:
        """Return what counts are to be multiplied by, float64, shape (bins,), NaN for masked bins.

        Raises `claster.errors.NothingHereError` where the file has none of the chromosome.
        """

    def pixels(
        self, chrom: str, *, separations: int, rows: tuple[int, int] | None = None
    ) -> Iterator[_Pixels]:
        """Yield each pixel of `rows` (first bins, 0-based half-open; all) below `separations` once.

        Pixels farther away, and such as leave the chromosome, may be among them; so may those of the
        other half where the file is `square`.
        """


def open_contacts(path: Path | str, *, resolution: int, balance: Balance) -> ContactMatrix:
    """Open a cool, mcool or hic file at one resolution.

    Parameters
    ----------
    path
        A `.hic`, `.cool` or `.mcool`, told by their first bytes. Groups of an `.mcool` may follow the new
        (``/resolutions/1600``) or the old (``/13``) layout, or be spelled out after ``::``.
    resolution
        Bin width in bp.

    Raises
    ------
    ClasterError
        If the file is missing, cut off or of another kind, lacks the resolution, or lacks the weights.
    """
    file, _, group = str(path).partition("::")
    require_file(
        file, named="contacts", remedy="check 'contacts.file' and 'data' in the dataset YAML"
    )
    hic = is_hic(file)
    require_whole(file, format="hic" if hic else "cooler", named=f"contacts ({file})")
    if hic:
        return open_hic(file, resolution=resolution, balance=balance)
    return open_cool(file, group, resolution=resolution, balance=balance)
