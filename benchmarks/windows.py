"""Windows of a bigWig and of a cooler: this package beside the published recipe, in one run.

Prints medians in ms a window and the ratio; read the ratio, not the times.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cooler
import numpy as np
import pyBigWig
from scipy.ndimage import rotate

from claster.contacts.cut import _diagonal_map, _take_logarithms
from claster.contacts.matrix import open_contacts, read_band
from claster.contacts.shapes import DiagonalMap
from claster.genome.windows import Binning
from claster.signal.bigwig import BigWig
from claster.simulation import simulate_genome

WINDOW = Binning(10_001, 100)
RESOLUTION = 1600
REPEATS = 5


def times(run: Callable[[int], object], centres: list[int]) -> list[float]:
    taken = []
    for centre in centres:
        start = time.perf_counter()
        run(centre)
        taken.append(1000 * (time.perf_counter() - start))
    return taken


def report(name: str, ours: list[float], published: list[float]) -> None:
    print(
        f"{name:<34} {median(ours):9.2f} ms   published {median(published):9.2f} ms   "
        f"ratio {median(published) / median(ours):7.1f}"
    )


def bigwig(folder: Path, centres: list[int]) -> None:
    path = folder / "ctrl" / "H3K27ac.bw"
    reference = pyBigWig.open(str(path))
    with BigWig(path, named="H3K27ac") as track:

        def ours(centre: int) -> np.ndarray:
            return track.bins("chr1", WINDOW.span(centre)[0], bins=WINDOW.bins, size=WINDOW.size)

        def published(centre: int) -> list[float]:
            return reference.stats("chr1", *WINDOW.span(centre), type="mean", nBins=WINDOW.bins)

        report("landscape, a track", times(ours, centres * REPEATS), times(published, centres))


def contacts(folder: Path, centres: list[int]) -> None:
    path = folder / "microc.mcool"
    matrix = open_contacts(path, resolution=RESOLUTION, balance=True)
    shape = DiagonalMap.over(WINDOW, resolution=RESOLUTION, rows=129)
    start = time.perf_counter()
    band = read_band(matrix, "chr1", separations=shape.separations, balance=True)
    logs = _take_logarithms(band, shape)
    once = 1000 * (time.perf_counter() - start)
    reference = cooler.Cooler(f"{path}::/resolutions/{RESOLUTION}")

    def published(centre: int) -> np.ndarray:
        matrix = reference.matrix(balance=True).fetch(f"chr1:{centre - 500_000}-{centre + 500_000}")
        logged = np.log10(np.where(np.nan_to_num(matrix) > 0, matrix, 1e-14))
        return rotate(logged, 45, reshape=False)

    ours = times(lambda centre: _diagonal_map(logs, centre, shape), centres * REPEATS)
    report("contact map, band in memory", ours, times(published, centres))
    print(f"{'band of chr1, once':<34} {once:9.2f} ms")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        genome = simulate_genome(Path(scratch) / "toy", chromosomes=1, megabases=10, genes=60)
        size = genome.chrom_sizes["chr1"]
        centres = np.linspace(600_100, size - 600_100, 8).astype(int).tolist()
        bigwig(genome.folder, centres)
        contacts(genome.folder, centres)


if __name__ == "__main__":
    main()
