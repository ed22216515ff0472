"""Contact maps: this package beside the published recipe, in one run.

The published recipe fetches the balanced square of each window from the file, fills, takes log10, rotates
and crops. Ours reads a chromosome's diagonals once and cuts every window out of them; that reading is
part of its time, spread over the windows. On a generated .mcool of 1.6 kb bins and as many windows a
megabase as the mouse genome has genes. Each round takes every way once, in turn. Prints medians in ms a
window and ratios; read the ratios, not the times. At the end, maps cut by two threads against one.

Usage: python benchmarks/contacts.py [MEGABASES [ROUNDS]]
"""

import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import cooler
import numpy as np
import pandas as pd
from scipy.ndimage import rotate

from claster.contacts.cut import map_cutter
from claster.contacts.matrix import ContactMatrix, open_contacts
from claster.contacts.shapes import MapKind, map_over
from claster.genome.windows import Binning

LANDSCAPE = Binning(10_001, 100)
HALF = 500_000
RESOLUTION = 1600
WINDOWS_A_MEGABASE = 7.5
FETCHED_A_ROUND = 8
REACH = 700
SLAB = 8
BARS = {"diagonal": 20.0, "stripe": 20.0, "paper_rotated": 2.3}


def write_matrix(path: Path, size: int) -> Path:
    """Counts that fall with the separation, one bin in 30 masked."""
    bins = cooler.binnify(pd.Series({"chr1": size}), RESOLUTION)
    rng = np.random.default_rng(0)
    first = np.repeat(np.arange(len(bins)), REACH)
    second = first + np.tile(np.arange(REACH), len(bins))
    counts = rng.poisson(300 / (1 + second - first))
    seen = (second < len(bins)) & (counts > 0)
    pixels = pd.DataFrame({"bin1_id": first[seen], "bin2_id": second[seen], "count": counts[seen]})
    weight = rng.uniform(0.01, 0.1, len(bins))
    weight[rng.random(len(bins)) < 1 / 30] = np.nan
    uri = f"{path}::/resolutions/{RESOLUTION}"
    cooler.create_cooler(uri, bins.assign(weight=weight), pixels, ordered=True)
    return path


def published(reference: cooler.Cooler, tss: int) -> np.ndarray:
    matrix = reference.matrix(balance=True).fetch(("chr1", tss - HALF, tss + HALF))
    matrix[np.isnan(matrix)] = 1e-14
    matrix[matrix == 0] = 1e-14
    turned = rotate(np.log10(matrix), 45, reshape=False)
    crop = int(np.flatnonzero(turned[0] != 0)[0])
    kept = turned[crop : len(turned) - crop]
    return kept[: len(kept) // 2]


def ours(matrix: ContactMatrix, kind: MapKind, centres: list[int]) -> None:
    shape = map_over(kind, LANDSCAPE, resolution=RESOLUTION)
    cut = map_cutter(matrix, "chr1", shape, balance=True, value="log10")
    for tss in centres:
        cut(tss)


def time_a_window(run: Callable[[], object], windows: int) -> float:
    start = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - start) / windows


def two_threads(matrix: ContactMatrix, kind: MapKind, centres: list[int], rounds: int) -> float:
    """How many times faster two threads cut maps than one, the chromosome being read."""
    shape = map_over(kind, LANDSCAPE, resolution=RESOLUTION)
    cut = map_cutter(matrix, "chr1", shape, balance=True, value="log10")
    slabs = [centres[first : first + SLAB] for first in range(0, len(centres), SLAB)]
    taken: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(rounds):
        for workers, times in taken.items():
            with ThreadPoolExecutor(workers) as threads:
                start = time.perf_counter()
                for _ in threads.map(lambda slab: [cut(tss)[1] for tss in slab], slabs):
                    pass
                times.append(time.perf_counter() - start)
    return median(taken[1]) / median(taken[2])


def largest_difference(
    matrix: ContactMatrix, reference: cooler.Cooler, centres: list[int]
) -> float:
    shape = map_over("paper_rotated", LANDSCAPE, resolution=RESOLUTION)
    cut = map_cutter(matrix, "chr1", shape, balance=True, value="log10")
    return max(float(np.abs(cut(tss)[0] - published(reference, tss)).max()) for tss in centres)


def main(megabases: float = 10, rounds: int = 3) -> None:
    size = int(megabases * 1e6)
    centres = np.linspace(
        HALF + RESOLUTION, size - HALF - RESOLUTION, int(megabases * WINDOWS_A_MEGABASE)
    )
    # Off the bins' edges, where the published recipe returns 625 bins.
    every = [int(tss) // RESOLUTION * RESOLUTION + 700 for tss in centres]
    some = every[:: max(len(every) // FETCHED_A_ROUND, 1)]
    kinds: tuple[MapKind, ...] = ("diagonal", "stripe", "paper_rotated", "paper_square")
    with tempfile.TemporaryDirectory() as scratch:
        path = write_matrix(Path(scratch) / "generated.mcool", size)
        matrix = open_contacts(path, resolution=RESOLUTION, balance=True)
        reference = cooler.Cooler(f"{path}::/resolutions/{RESOLUTION}")
        taken: dict[str, list[float]] = {name: [] for name in ("published", *kinds)}
        for _ in range(rounds):
            taken["published"].append(
                time_a_window(lambda: [published(reference, tss) for tss in some], len(some))
            )
            for kind in kinds:
                taken[kind].append(
                    time_a_window(lambda kind=kind: ours(matrix, kind, every), len(every))
                )
        faster = {kind: two_threads(matrix, kind, every, rounds) for kind in kinds}
        worst = largest_difference(matrix, reference, some)
    slow = median(taken["published"])
    print(f"{len(every)} windows on {megabases:g} Mb, {rounds} rounds")
    print(f"{'published':<16}{slow:9.2f} ms")
    for kind in kinds:
        bar = f"   bar {BARS[kind]:g}" if kind in BARS else ""
        fast = median(taken[kind])
        print(f"{kind:<16}{fast:9.2f} ms   ratio {slow / fast:6.1f}{bar}")
    print(f"paper_rotated, largest difference {worst:.1e}   bar 1e-09")
    print("2 threads against 1:", ", ".join(f"{kind} {n:.1f}" for kind, n in faster.items()))


if __name__ == "__main__":
    main(*(float(sys.argv[1]),) if sys.argv[1:2] else (), *(int(n) for n in sys.argv[2:3]))
