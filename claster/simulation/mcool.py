"""Contact counts written as a balanced .mcool."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cooler
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.sparse import csr_array

_PINNED_DATE = "2000-01-01T00:00:00"
_NEAREST_DIAGONAL = 2
_ROUNDS = 500
_PRECISION = 1e-5


def write_mcool(
    path: Path,
    chrom_sizes: dict[str, int],
    pixels: Mapping[int, Iterable[pd.DataFrame]],
    *,
    scratch: Path,
) -> None:
    """Write counts as a balanced .mcool with one group a resolution.

    The maps are made in a scratch file and carried over without their creation date, so that equal
    counts give equal bytes.

    Parameters
    ----------
    path
        The file.
    chrom_sizes
        Lengths in bp by name, in order.
    pixels
        For each resolution, in order, one table a chromosome: bin1_id, bin2_id (counted from the
        chromosome's first bin), count.
    scratch
        Folder for the intermediate files, which are removed.
    """
    with h5py.File(path, "w") as target:
        target.attrs["format"] = "HDF5::MCOOL"
        target.attrs["format-version"] = 2
        for resolution, tables in pixels.items():
            single = scratch / f"{resolution}.cool"
            cooler.create_cooler(
                str(single),
                cooler.binnify(pd.Series(chrom_sizes), resolution),
                _genome_wide(tables, chrom_sizes, resolution),
                ordered=True,
                symmetric_upper=True,
                assembly="toy",
                h5opts={"compression": None, "shuffle": False},
            )
            balance(cooler.Cooler(str(single)))
            with h5py.File(single, "r") as source:
                _carry_over(source, target.create_group(f"resolutions/{resolution}"))
            single.unlink()


def balance(contacts: cooler.Cooler) -> None:
    """Store balancing weights with cooler's defaults, quickly.

    Cooler's own iteration takes hundreds of rounds on a map that is a band, since what one end
    needs travels to the other by the width of the band a round. So cooler picks the bins to leave
    out, damped rounds in memory solve for the rest (the square root halves every error that
    plain rounds would flip), and cooler starts from there, checks convergence and stores.

    Parameters
    ----------
    contacts
        The map; its bin table gets the column "weight".
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Iteration limit reached")
        first, _ = cooler.balance_cooler(contacts, max_iters=1, ignore_diags=_NEAREST_DIAGONAL)
    weights = _solve(contacts, kept=np.isfinite(first))
    cooler.balance_cooler(contacts, x0=weights, ignore_diags=_NEAREST_DIAGONAL, store=True)


def _solve(contacts: cooler.Cooler, *, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    parts = [
        (slice(*contacts.extent(name)), _within(contacts, name, kept=kept))
        for name in contacts.chromnames
    ]
    weights = kept.astype(float)
    for _ in range(_ROUNDS):
        sums = np.concatenate(
            [upper @ weights[part] + upper.T @ weights[part] for part, upper in parts]
        )
        marginal = weights * sums
        reached = marginal > 0
        if np.abs(marginal[reached] - 1.0).max(initial=0.0) < _PRECISION:
            break
        weights[reached] /= np.sqrt(marginal[reached])
    return weights


def _within(contacts: cooler.Cooler, chrom: str, *, kept: npt.NDArray[np.bool_]) -> csr_array:
    """Return the counts between kept bins of a chromosome that balancing takes."""
    first, last = contacts.extent(chrom)
    pixels = contacts.pixels().fetch(chrom)
    row, column = pixels["bin1_id"].to_numpy(), pixels["bin2_id"].to_numpy()
    used = (column - row >= _NEAREST_DIAGONAL) & kept[row] & kept[column]
    counts = pixels["count"].to_numpy()[used].astype(float)
    return csr_array(
        (counts, (row[used] - first, column[used] - first)), shape=(last - first, last - first)
    )


def _genome_wide(
    tables: Iterable[pd.DataFrame], chrom_sizes: dict[str, int], resolution: int
) -> Iterator[pd.DataFrame]:
    first = 0
    for table, size in zip(tables, chrom_sizes.values(), strict=True):
        yield table.assign(bin1_id=table["bin1_id"] + first, bin2_id=table["bin2_id"] + first)
        first += -(-size // resolution)


def _carry_over(source: h5py.File, target: h5py.Group) -> None:
    for name, value in source.attrs.items():
        target.attrs[name] = _PINNED_DATE if name == "creation-date" else value
    for group in ("chroms", "bins", "pixels", "indexes"):
        for name, data in source[group].items():
            copied = target.create_dataset(
                f"{group}/{name}",
                data=data[:],
                dtype=data.dtype,
                chunks=True,
                compression="gzip",
                compression_opts=4,
                shuffle=True,
            )
            for key, value in data.attrs.items():
                copied.attrs[key] = value
