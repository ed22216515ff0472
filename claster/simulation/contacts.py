"""Micro-C: expected contacts with decay, domains and loops, and the counts drawn from them."""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import cooler
import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter1d
from scipy.sparse import csr_array

from claster.simulation.layout import UNKNOWN, FloatArray, IntArray

FINE, COARSE = 1_600, 3_200
"""Resolutions of the contact map in bp."""

_FARTHEST = 1_500_000
"""No contacts are drawn beyond this separation (bp)."""

_DEPTH = 60.0
"""Contacts expected between neighbouring bins of 1.6 kb."""

_ROWS = 2_048


def place_boundaries(rng: np.random.Generator, size: int) -> tuple[IntArray, FloatArray]:
    """Place domain boundaries along a chromosome.

    Returns
    -------
    positions : numpy.ndarray
        In bp, increasing, 120 kb to 1.2 Mb apart (median 350 kb).
    insulation : numpy.ndarray
        For each, the natural log by which it lowers contacts across it.
    """
    count = size // 120_000 + 2
    lengths = np.clip(rng.lognormal(np.log(350_000), 0.5, count), 120_000, 1_200_000)
    positions = np.cumsum(lengths).astype(np.int64)
    positions = positions[positions < size - 50_000]
    return positions, rng.uniform(0.35, 0.9, positions.size)


def expected_decay(separation: npt.ArrayLike) -> FloatArray:
    """Return expected contacts by separation in bins of 1.6 kb, with about 1 / s near 100 kb.

    Flatter below 10 kb and steeper beyond some 500 kb, as in published Micro-C maps.
    """
    bins = np.asarray(separation, dtype=float)
    return _DEPTH * (1.0 + bins) ** -0.95 / (1.0 + (bins * FINE / 600_000.0) ** 2) ** 0.2


def draw_contacts(
    rng: np.random.Generator,
    *,
    size: int,
    boundaries: IntArray,
    insulation: FloatArray,
    loops: pd.DataFrame,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw Poisson contact counts of a chromosome of `size` bp.

    Parameters
    ----------
    boundaries, insulation
        What `place_boundaries` returns.
    loops
        anchor1, anchor2 (bp) and strength: contacts at the centre that the loop adds, in units of
        what the separation alone leads to.

    Returns
    -------
    fine, coarse : pandas.DataFrame
        bin1_id, bin2_id, count at 1.6 and 3.2 kb, sorted, bin1_id <= bin2_id, counted from the
        chromosome's first bin; the coarse counts are sums of the fine ones.
    """
    bins = -(-size // FINE)
    width = _FARTHEST // FINE + 1
    decay = expected_decay(np.arange(width))
    visibility = np.exp(0.15 * rng.standard_normal(bins))
    visibility[rng.random(bins) < 0.004] = 0.0
    visibility[: -(-UNKNOWN // FINE)] = 0.0
    visibility[-1] *= (size - (bins - 1) * FINE) / FINE
    crossed = np.zeros(bins)
    np.add.at(crossed, boundaries // FINE, insulation)
    crossed = gaussian_filter1d(np.cumsum(crossed), 1.5)
    compartment = gaussian_filter1d(rng.standard_normal(bins + 1), 150.0)[:bins]
    compartment /= np.abs(compartment).max()

    padded = {
        "seen": np.pad(visibility, (0, width)),
        "crossed": np.pad(crossed, (0, width), mode="edge"),
        "compartment": np.pad(compartment, (0, width)),
    }
    spots = _loop_pixels(loops, bins, width, decay)
    coarse_width = width // 2 + 1
    coarse_total = np.zeros((bins // 2 + 1) * coarse_width, dtype=np.int64)
    found: list[tuple[IntArray, IntArray, npt.NDArray[np.int32]]] = []
    for first in range(0, bins, _ROWS):
        last = min(first + _ROWS, bins)
        window = {
            name: np.lib.stride_tricks.sliding_window_view(values[first : last + width - 1], width)
            for name, values in padded.items()
        }
        apart = window["crossed"] - crossed[first:last, None]
        rate = decay * (0.45 + 0.85 * np.exp(-apart))
        rate *= 1.0 + 0.25 * compartment[first:last, None] * window["compartment"]
        here = (spots["row"] >= first) & (spots["row"] < last)
        np.add.at(rate, (spots["row"][here] - first, spots["offset"][here]), spots["added"][here])
        rate *= visibility[first:last, None] * window["seen"]
        counts = rng.poisson(rate).astype(np.int32)
        row, offset = np.nonzero(counts)
        value = counts[row, offset]
        row = row + first
        found.append((row, row + offset, value))
        key = (row // 2) * coarse_width + (row + offset) // 2 - row // 2
        coarse_total += np.bincount(key, weights=value, minlength=coarse_total.size).astype(
            np.int64
        )
    filled = np.flatnonzero(coarse_total)
    coarse_row = filled // coarse_width
    fine = pd.DataFrame(
        {
            "bin1_id": np.concatenate([part[0] for part in found]),
            "bin2_id": np.concatenate([part[1] for part in found]),
            "count": np.concatenate([part[2] for part in found]),
        }
    )
    coarse = pd.DataFrame(
        {
            "bin1_id": coarse_row,
            "bin2_id": coarse_row + filled % coarse_width,
            "count": coarse_total[filled].astype(np.int32),
        }
    )
    return fine, coarse


def _loop_pixels(
    loops: pd.DataFrame, bins: int, width: int, decay: FloatArray
) -> dict[str, npt.NDArray]:
    reach = np.arange(-4, 5)
    kernel = np.exp(-0.5 * (reach[:, None] ** 2 + reach[None, :] ** 2) / 1.3**2)
    low = loops[["anchor1", "anchor2"]].to_numpy().min(axis=1, initial=2**60) // FINE
    high = loops[["anchor1", "anchor2"]].to_numpy().max(axis=1, initial=0) // FINE
    added = loops["strength"].to_numpy() * decay[np.minimum(high - low, width - 1)]
    row = (low[:, None, None] + reach[:, None] + 0 * reach).ravel()
    column = (high[:, None, None] + 0 * reach[:, None] + reach).ravel()
    value = (added[:, None, None] * kernel).ravel()
    offset = column - row
    good = (row >= 0) & (column < bins) & (offset >= 0) & (offset < width)
    return {"row": row[good], "offset": offset[good], "added": value[good]}


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
            _balance(cooler.Cooler(str(single)))
            with h5py.File(single, "r") as source:
                _carry_over(source, target.create_group(f"resolutions/{resolution}"))
            single.unlink()


def _balance(contacts: cooler.Cooler) -> None:
    """Store balancing weights with cooler's defaults, quickly.

    Cooler's own iteration takes hundreds of rounds on a map that is a band, since what one end
    needs travels to the other by the width of the band a round. So cooler picks the bins to leave
    out, damped rounds in memory solve for the rest (the square root halves every error that
    plain rounds would flip), and cooler starts from there, checks convergence and stores.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Iteration limit reached")
        first, _ = cooler.balance_cooler(contacts, max_iters=1, ignore_diags=_NEAREST_DIAGONAL)
    weights = _solve(contacts, kept=np.isfinite(first))
    cooler.balance_cooler(contacts, x0=weights, ignore_diags=_NEAREST_DIAGONAL, store=True)


def _solve(contacts: cooler.Cooler, *, kept: npt.NDArray[np.bool_]) -> FloatArray:
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
