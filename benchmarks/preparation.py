"""Landscape windows of a whole genome: chromosomes decoded once, beside other readers, in one run.

Generated files: intervals of some 110 bp with gaps, and 20 bp bins of which 15 % are left out. Prints
medians in ms a window and ratios; read the ratios, not the times. `--chromosomes 20` is the full size
(some minutes); the default takes less than one.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyBigWig
from isal import isal_zlib

from claster.signal import kernels
from claster.signal.bigwig import BigWig, open_reader
from claster.signal.index import BlockIndex, open_for_reading, read_at
from claster.signal.intervals import window_means

BINS, SIZE = 10_001, 100
CHROMOSOME = 20_000_000
WINDOWS = 150
SLAB = 16
REPEATS = 5
STATS_WINDOWS, SINGLE_WINDOWS = 5, 40
BLACKLIST = np.arange(50_000, CHROMOSOME, 100_000)[:, None] + [0, 5_000]
"""5 % of the bases, in regions as long as those of ENCODE's."""
BARS = {"variable": 2000, "fixed-20": 700}


def variable_intervals(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    widths = rng.geometric(1 / 110, CHROMOSOME // 100)
    gaps = np.where(rng.random(widths.size) < 0.1, rng.geometric(1 / 110, widths.size), 0)
    ends = np.cumsum(widths + gaps)
    kept = ends <= CHROMOSOME
    return (ends - widths)[kept], ends[kept]


def fixed_intervals(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    starts = np.arange(0, CHROMOSOME, 20)
    starts = starts[rng.random(starts.size) > 0.15]
    return starts, starts + 20


def write_file(path: Path, chromosomes: int, intervals: Callable) -> None:
    rng = np.random.default_rng(1)
    names = [f"chr{number + 1}" for number in range(chromosomes)]
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(name, CHROMOSOME) for name in names])
        for name in names:
            starts, ends = intervals(rng)
            values = np.round(rng.gamma(0.6, 4.0, starts.size), 2)
            file.addEntries(np.full(starts.size, name), starts, ends=ends, values=values)


def windows_of(chromosomes: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(2)
    last = CHROMOSOME - BINS * SIZE
    return {f"chr{n + 1}": np.sort(rng.integers(0, last, WINDOWS)) for n in range(chromosomes)}


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def prepare(
    track: BigWig,
    windows: dict[str, np.ndarray],
    threads: Executor | None = None,
    chromosomes: Executor | None = None,
) -> None:
    """Cut all windows as a build does: slabs on `threads`, chromosomes on threads of their own."""

    def one(chrom: str) -> None:
        signal = track.signal(chrom, threads=threads)
        starts = windows[chrom]
        slabs = [starts[first : first + SLAB] for first in range(0, starts.size, SLAB)]

        def means(slab: np.ndarray) -> None:
            window_means(signal, slab, bins=BINS, size=SIZE)

        list((threads.map if threads else map)(means, slabs))

    list((chromosomes.map if chromosomes else map)(one, windows))


def inflate(index: BlockIndex) -> None:
    with open_for_reading(index.path) as file:
        for at, size in index.blocks[["at", "size"]].tolist():
            isal_zlib.decompress(read_at(file, at, size, path=index.path, named="floor"))


def largest_error(path: Path, track: BigWig, windows: dict[str, np.ndarray]) -> float:
    starts = windows["chr1"][:3]
    found = window_means(track.signal("chr1"), starts, bins=BINS, size=SIZE)
    with pyBigWig.open(str(path)) as file:
        bases = [file.values("chr1", s, s + BINS * SIZE, numpy=True) for s in starts.tolist()]
    truth = np.nan_to_num(np.array(bases, np.float64)).reshape(len(starts), BINS, SIZE).mean(axis=2)
    return float(np.max(np.abs(found - truth) / np.maximum(truth, 1e-9)))


def read_window(reader: Any, chrom: str, start: int) -> np.ndarray:
    """Return the means of a window as pybigtools has them."""
    filled = {"oob": 0.0, "fillna": 0.0, "uncovered": 0.0}
    return reader.values(
        chrom, start, start + BINS * SIZE, bins=BINS, summary="mean", exact=True, **filled
    )


def reference_work() -> None:
    kernels.weigh(FINE, WEIGHTS, 50, np.empty((50, 401)))


FINE = np.random.default_rng(3).random((50, 20_450))
WEIGHTS = np.full(450, 1 / 450)


def in_two(run: Callable[[], object], threads: Executor) -> None:
    for future in [threads.submit(run), threads.submit(run)]:
        future.result()


def measure(kind: str, path: Path, windows: dict[str, np.ndarray]) -> None:
    count = sum(starts.size for starts in windows.values())
    rng = np.random.default_rng(4)
    places = [(chrom, int(start)) for chrom, starts in windows.items() for start in starts]
    places = [places[i] for i in rng.permutation(count)]
    reader, index = open_reader(path, named=kind)
    reference = pyBigWig.open(str(path))
    names = "ours", "masked", "one", "two", "floor", "stats", "pybigtools", "alone", "beside"
    taken: dict[str, list[float]] = {name: [] for name in names}
    with (
        BigWig(path, named=kind) as track,
        BigWig(path, named=kind) as masked,
        ThreadPoolExecutor(1) as one,
        ThreadPoolExecutor(2) as two,
        ThreadPoolExecutor(2) as at_a_time,
    ):
        masked.mask(dict.fromkeys(windows, BLACKLIST))
        for file in (track, masked):
            prepare(file, {"chr1": windows["chr1"][:1]}, two)
        reference_work()
        for repeat in range(REPEATS):
            taken["ours"].append(seconds(lambda: prepare(track, windows)) / count)
            taken["masked"].append(seconds(lambda: prepare(masked, windows)) / count)
            taken["floor"].append(seconds(lambda: inflate(index)) / count)
            taken["one"].append(seconds(lambda: prepare(track, windows, one)) / count)
            taken["two"].append(seconds(lambda: prepare(track, windows, two, at_a_time)) / count)
            taken["alone"].append(2 * seconds(reference_work))
            taken["beside"].append(seconds(lambda: in_two(reference_work, two)))
            for chrom, start in places[repeat * SINGLE_WINDOWS : (repeat + 1) * SINGLE_WINDOWS]:
                taken["pybigtools"].append(
                    seconds(lambda c=chrom, s=start: read_window(reader, c, s))
                )
            chrom, start = places[repeat]
            if repeat < STATS_WINDOWS:
                end = start + BINS * SIZE
                taken["stats"].append(
                    seconds(lambda c=chrom, s=start, e=end: reference.stats(c, s, e, nBins=BINS))
                )
        error = largest_error(path, track, windows)
    took = {name: median(times) for name, times in taken.items()}
    print(f"{kind}: {count:,} windows, {path.stat().st_size / 1e6:.1f} MB")
    print(f"  ours                  {1e3 * took['ours']:9.3f} ms a window, error {error:.1e}")
    for name, label, bar in (
        ("stats", "pyBigWig.stats", f"at least {BARS[kind]:,}"),
        ("pybigtools", "pybigtools a window", "at least 2.5"),
    ):
        ratio = took[name] / took["ours"]
        print(f"  {label:<21} {1e3 * took[name]:9.3f} ms   ratio {ratio:8.1f}   bar: {bar}")
    print(
        f"  with a blacklist      {1e3 * took['masked']:9.3f} ms   "
        f"ours is {took['masked'] / took['ours']:6.2f} x   bar: at most 1.5"
    )
    ratio = took["ours"] / took["floor"]
    print(
        f"  inflate alone (floor) {1e3 * took['floor']:9.3f} ms   ours is {ratio:6.1f} x   bar: at most 8"
    )
    print(
        f"  2 threads against 1   ratio {took['one'] / took['two']:.2f}   bar: at least 1.7   "
        f"(plain arithmetic on this machine now: {took['alone'] / took['beside']:.2f})"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chromosomes", type=int, default=2, help="of 20 Mb and 150 windows each")
    chromosomes = parser.parse_args().chromosomes
    with tempfile.TemporaryDirectory() as scratch:
        for kind, intervals in (("variable", variable_intervals), ("fixed-20", fixed_intervals)):
            path = Path(scratch) / f"{kind}.bw"
            write_file(path, chromosomes, intervals)
            measure(kind, path, windows_of(chromosomes))


if __name__ == "__main__":
    main()
