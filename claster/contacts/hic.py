"""Contact matrices in `.hic` files, read by hictkpy (the extra `hic`)."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from claster.contacts.direction import Balance, hic_normalisation
from claster.errors import ClasterError, NothingHereError, damaged, one_line

if TYPE_CHECKING:
    import hictkpy


_MAGIC = b"HIC\0"

_STRIP = 4000
"""How many rows are read at a time."""


@dataclass(frozen=True)
class HicMatrix:
    """A matrix of a `.hic` file, see `claster.contacts.matrix.ContactMatrix`.

    Its normalisation vectors divide: the frequency of two bins is their count over the product of their
    values.

    References
    ----------
    Durand et al., Cell Systems 2016, doi 10.1016/j.cels.2016.07.002 (the format);
    Rossini and Paulsen, Bioinformatics 2024, doi 10.1093/bioinformatics/btae408 (hictk).
    """

    file: str
    resolution: int

    @property
    def label(self) -> str:
        """Path and resolution."""
        return f"{self.file} at {self.resolution:,} bp"

    @cached_property
    def sizes(self) -> Mapping[str, int]:
        """Chromosome lengths in bp by the file's own names."""
        with self._reading("header") as store:
            return {str(name): int(size) for name, size in store.chromosomes().items()}

    @property
    def square(self) -> bool:
        """False: a `.hic` holds one half."""
        return False

    @property
    def count_type(self) -> type[np.floating]:
        """float32: the format holds no more."""
        return np.float32

    @cached_property
    def assembly(self) -> str:
        """What the file calls its assembly, "" where it does not."""
        with self._reading("header") as store:
            return str(store.attributes().get("assembly", ""))

    @cached_property
    def columns(self) -> list[str]:
        """Names of normalisations."""
        with self._reading("index of normalisations") as store:
            return [str(name) for name in store.avail_normalizations()]

    def bins(self, chrom: str) -> int:
        """Return the number of bins of a chromosome."""
        return -(-self.sizes[chrom] // self.resolution)

    def require_weights(self, balance: Balance) -> None:
        """Refuse a file without this normalisation."""
        if hic_normalisation(balance, self.columns) in self.columns:
            return
        wanted = f"normalisation '{balance}'" if isinstance(balance, str) else "balanced matrix"
        have = f"; it has {', '.join(self.columns)}" if self.columns else ""
        raise ClasterError(
            f"contacts: {self.label} has no {wanted}{have}",
            remedy="set 'contacts.balance' to a normalisation that is there, or to false",
        )

    def weights(self, chrom: str, balance: Balance) -> np.ndarray:
        """Return what counts are to be multiplied by: the normalisation vector, inverted."""
        name = hic_normalisation(balance, self.columns)
        with self._reading(f"normalisation {name} of {chrom}") as store:
            start = store.bins().get_id(chrom, 0)
            vector = np.asarray(store.weights(name))[start : start + self.bins(chrom)]
        usable = np.isfinite(vector) & (vector > 0)
        if not usable.any():
            raise NothingHereError(
                f"contacts: {self.label} has no normalisation {name} of {chrom}",
                remedy=f"set 'contacts.balance' to another ({', '.join(self.columns)}), "
                "or leave the chromosome out with 'regions'",
                reason="no_weights",
            )
        return np.divide(1, vector, out=np.full(vector.size, np.nan), where=usable)

    def pixels(
        self, chrom: str, *, separations: int, rows: tuple[int, int] | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield first bin, second bin and count of the pixels of some rows below `separations`."""
        size, bins = self.sizes[chrom], self.bins(chrom)
        first, last = rows or (0, bins)
        with self._reading(f"pixels of {chrom}") as store:
            offset = store.bins().get_id(chrom, 0)
            for low in range(first, last, _STRIP):
                high = min(low + _STRIP, last)
                start, end = low * self.resolution, min(high * self.resolution, size)
                table = store.fetch(
                    f"{chrom}\t{start}\t{end}",
                    f"{chrom}\t{start}\t{size}",
                    count_type="float32",
                    query_type="BED",
                    diagonal_band_width=min(separations, bins),
                ).to_arrow()
                yield (
                    table["bin1_id"].to_numpy() - offset,
                    table["bin2_id"].to_numpy() - offset,
                    table["count"].to_numpy(),
                )

    @contextmanager
    def _reading(self, what: str) -> "Iterator[hictkpy.File]":
        try:
            with _hictkpy(self.file).File(self.file, self.resolution) as store:
                yield store
        except RuntimeError as error:
            place = f"contacts: {self.label}"
            raise damaged(place, f"the {what} cannot be read ({one_line(error)})") from error


def is_hic(file: str | Path) -> bool:
    """Return whether a file has the first bytes of a `.hic`, whatever its name (FAN-C's are HDF5).

    A group may follow after ``::``, as coolers have.
    """
    with Path(str(file).partition("::")[0]).open("rb") as handle:
        return handle.read(len(_MAGIC)) == _MAGIC


def list_resolutions(file: str | Path) -> list[int]:
    """Return the bin widths of a `.hic` file in bp, finest first.

    Raises
    ------
    ClasterError
        If the file is something else, is damaged, or hictkpy is not installed.
    """
    if not is_hic(file):
        raise ClasterError(
            f"contacts: {file} is not a .hic file: it starts otherwise",
            remedy="download the file again and check where it comes from",
        )
    try:
        with _hictkpy(file).MultiResFile(str(file)) as store:
            return sorted(int(size) for size in store.resolutions())
    except RuntimeError as error:
        raise ClasterError(
            f"contacts: {file} is damaged: it cannot be read ({one_line(error)})",
            remedy="download or make the file again",
        ) from error


def _hictkpy(file: str | Path) -> ModuleType:
    try:
        import hictkpy
    except ImportError as error:
        raise ClasterError(
            f"contacts: {file} is a .hic file, and hictkpy, which reads these, is not installed",
            remedy="run pip install 'claster[hic]', or convert the file to .mcool with 'hictk convert'",
        ) from error
    return hictkpy
