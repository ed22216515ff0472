"""The tracks and the contact map of a toy genome: expected signal, reads drawn from it, files."""

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyBigWig
from scipy.ndimage import gaussian_filter1d

from claster.progress import Step
from claster.simulation.annotation import profiles
from claster.simulation.chromosome import Chromosome
from claster.simulation.contacts import COARSE, FINE, draw_contacts, write_mcool
from claster.simulation.elements import domain_height
from claster.simulation.layout import STEP, UNKNOWN, FloatArray, Purpose, stream
from claster.simulation.transcription import CONDITIONS, MARKS, expected_nascent

_STRANDS = ("plus", "minus")
TRACKS = (*MARKS, *(f"nascent.{strand}" for strand in _STRANDS))

_SMOOTHING = 100
"""Standard deviation (bp) of the Gaussian that `smooth` lays over the noisy tracks."""

_SHORTEST_GAP = 25
"""Runs of at least this many zero steps (500 bp) are left out of the file."""

_IN_BODIES = {"ATAC": 0.7, "H3K4me3": 0.05, "H3K27ac": 1.2}
"""By how much the background of a mark rises in transcribed bodies."""

_AT_PROMOTERS = {
    "ATAC": [(-60, 1.0, 160.0)],
    "H3K4me3": [(420, 1.0, 330.0), (-520, 0.55, 250.0), (1_300, 0.25, 500.0)],
    "H3K27ac": [(480, 1.0, 350.0), (-560, 0.6, 300.0), (1_900, 0.35, 800.0)],
}
"""Peaks around a start site: place along the gene (bp), share of the height, standard deviation (bp)."""

_AT_ENHANCERS = {
    "ATAC": [(0, 1.0, 150.0)],
    "H3K4me3": [(0, 1.0, 350.0)],
    "H3K27ac": [(-330, 0.9, 330.0), (330, 0.9, 330.0)],
}


def _expected_mark(chromosome: Chromosome, mark: str, condition: str, *, seed: int) -> FloatArray:
    """Return the expected signal of one mark, shape (size / 20,): about 1 where there is nothing.

    The background of a chromosome is the same for all marks and conditions.
    """
    steps = chromosome.size // STEP
    signal = _background(stream(seed, Purpose.LANDSCAPE, chromosome.number), steps)
    bodies = _active_bodies(chromosome.genes, steps)
    if mark == "H3K27me3":
        texture = _texture(stream(seed, Purpose.LANDSCAPE, chromosome.number, 1), steps)
        signal = 0.8 * signal * (1.0 - 0.6 * bodies)
        positions = (np.arange(steps) + 0.5) * STEP
        signal += domain_height(chromosome.domains, positions) * texture
    else:
        signal = signal * (1.0 + _IN_BODIES[mark] * bodies)
        genes, elements = chromosome.genes, chromosome.elements
        side = np.where(genes["strand"] == "+", 1, -1)
        for sites, centre, ahead, peaks in (
            (genes, genes["tss"], side, _AT_PROMOTERS),
            (elements, elements["centre"], 1, _AT_ENHANCERS),
        ):
            height, width = sites[f"{mark}_{condition}"], sites[f"width_{mark}"]
            for away, share, sigma in peaks[mark]:
                _add_peaks(signal, centre + ahead * away, share * height, sigma * width)
        if mark == "ATAC":
            _add_peaks(signal, chromosome.ctcf["centre"], chromosome.ctcf["height"], 130.0)
            _add_peaks(signal, chromosome.weak["centre"], chromosome.weak["height"], 150.0)
        elif mark == "H3K27ac":
            _add_peaks(signal, chromosome.weak["centre"], 0.3 * chromosome.weak["height"], 400.0)
    signal[: UNKNOWN // STEP] = 0.0
    return signal


def _texture(rng: np.random.Generator, steps: int) -> FloatArray:
    """Positive field around 1 that makes the inside of domains uneven, by 500 bp."""
    coarse = gaussian_filter1d(rng.standard_normal(steps // 25 + 1), 2.0) * 2.6
    return np.exp(0.25 * np.repeat(coarse, 25)[:steps])


def _background(rng: np.random.Generator, steps: int) -> FloatArray:
    """Smooth positive field around 1: accessibility that varies over tens of kb."""
    coarse = rng.standard_normal(steps // 500 + 3)
    field = gaussian_filter1d(coarse, 3.0) * 3.2
    return np.exp(0.25 * np.interp(np.arange(steps) / 500.0, np.arange(coarse.size), field))


def _active_bodies(genes: pd.DataFrame, steps: int) -> FloatArray:
    """Mask (0 to 1) of transcribed bodies, by the level in control, with soft edges."""
    mask = np.zeros(steps)
    strength = genes["level_ctrl"] / (genes["level_ctrl"] + 2.0)
    for start, end, value in zip(genes["start"], genes["end"], strength, strict=True):
        span = slice(start // STEP, end // STEP + 1)
        mask[span] = np.maximum(mask[span], value)
    return gaussian_filter1d(mask, 20.0)


def _add_peaks(
    signal: FloatArray, centres: npt.ArrayLike, heights: npt.ArrayLike, sigmas: npt.ArrayLike
) -> None:
    rows = np.broadcast_arrays(centres, heights, sigmas)
    for centre, height, sigma in zip(*(row.tolist() for row in rows), strict=True):
        low = max(int((centre - 4 * sigma) // STEP), 0)
        high = min(int((centre + 4 * sigma) // STEP) + 1, signal.size)
        offset = ((np.arange(low, high) + 0.5) * STEP - centre) / sigma
        signal[low:high] += height * np.exp(-0.5 * offset**2)


@dataclass(frozen=True, slots=True)
class Reads:
    """How deep a track was sequenced.

    Attributes
    ----------
    depth
        Fragments that cover a base where the signal is 1.
    fragment
        Length of a fragment in steps of 20 bp.
    dispersion
        Standard deviation of the log of the random field that makes counts overdispersed.
    """

    depth: float
    fragment: int
    dispersion: float


_READS = {
    "ATAC": Reads(depth=2.0, fragment=5, dispersion=0.1),
    "H3K4me3": Reads(depth=2.0, fragment=10, dispersion=0.1),
    "H3K27ac": Reads(depth=2.0, fragment=10, dispersion=0.1),
    "H3K27me3": Reads(depth=2.5, fragment=10, dispersion=0.1),
    "nascent": Reads(depth=0.11, fragment=5, dispersion=0.6),
}


def _add_artefacts(
    signal: FloatArray, blacklist: pd.DataFrame, rng: np.random.Generator
) -> FloatArray:
    """Return the signal with the absurd spikes of blacklisted regions."""
    spiked = signal.copy()
    for start, end in zip(blacklist["start"], blacklist["end"], strict=True):
        low, high = start // STEP, -(-end // STEP)
        spiked[low:high] += rng.lognormal(np.log(1_500.0), 0.6, high - low)
    return spiked


def sequence_reads(
    expected: FloatArray, reads: Reads, rng: np.random.Generator, *, smooth: bool
) -> npt.NDArray[np.float32]:
    """Draw reads from an expected signal and pile them up.

    Counts are Poisson around a rate with a random lognormal field (mean 1, grain 200 bp), so they
    are mildly overdispersed; fragments are centred on the step they were drawn at.

    With `smooth`, a Gaussian of 100 bp standard deviation lies over the result, which has the shape (steps,)
    and scale of `expected`.
    """
    grain = 10
    field = rng.standard_normal(expected.size // grain + 1) * reads.dispersion
    field = np.repeat(np.exp(field - 0.5 * reads.dispersion**2), grain)[: expected.size]
    starts = rng.poisson(expected * field * (reads.depth / reads.fragment))
    total = np.concatenate(([0], np.cumsum(starts)))
    left = np.arange(expected.size) - (reads.fragment - 1) // 2
    right = np.minimum(left + reads.fragment, expected.size)
    coverage = (total[right] - total[np.maximum(left, 0)]) / reads.depth
    if smooth:
        coverage = gaussian_filter1d(coverage, _SMOOTHING / STEP)
        coverage[coverage < 1e-3] = 0.0
    return coverage.astype(np.float32)


def _covered_runs(values: npt.NDArray[np.floating], *, gap: int) -> list[tuple[int, int]]:
    """Return half-open ranges of steps without the runs of at least `gap` zeros."""
    filled = np.flatnonzero(values)
    if not filled.size:
        return []
    breaks = np.flatnonzero(np.diff(filled) > gap)
    starts = filled[np.concatenate(([0], breaks + 1))]
    ends = filled[np.concatenate((breaks, [filled.size - 1]))] + 1
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def _write_bigwig(
    path: Path,
    chrom_sizes: dict[str, int],
    signals: Iterable[tuple[str, npt.NDArray[np.floating]]],
) -> None:
    """Write signal at steps of 20 bp as a bigWig with zoom levels, in the order of `chrom_sizes`."""
    track = pyBigWig.open(str(path), "w")
    try:
        track.addHeader(list(chrom_sizes.items()))
        for chrom, signal in signals:
            values = np.ascontiguousarray(signal, dtype=np.float32)
            for start, end in _covered_runs(values, gap=_SHORTEST_GAP):
                track.addEntries(
                    chrom, start * STEP, values=values[start:end], span=STEP, step=STEP
                )
    finally:
        track.close()


def write_marks(
    folder: Path, planted: list[Chromosome], *, seed: int, smooth: bool, step: Step
) -> None:
    """Write the noisy tracks of the four marks, in both conditions; `step` advances by one a track."""
    sizes = {c.name: c.size for c in planted}

    def noisy(mark: str, condition: str) -> Iterator[tuple[str, npt.NDArray[np.float32]]]:
        for c in planted:
            rng = _noise(c, mark, condition, seed=seed)
            signal = _expected_mark(c, mark, condition, seed=seed)
            signal = _add_artefacts(signal, c.blacklist, rng)
            yield c.name, sequence_reads(signal, _READS[mark], rng, smooth=smooth)

    for condition in CONDITIONS:
        (folder / condition).mkdir()
        for mark in MARKS:
            step.describe(f"{condition} {mark}")
            _write_bigwig(folder / condition / f"{mark}.bw", sizes, noisy(mark, condition))
            step.advance()


def write_nascent(
    folder: Path, planted: list[Chromosome], *, seed: int, smooth: bool, step: Step
) -> None:
    """Write nascent transcription, noisy and noise-free, and the noise-free profiles of genes."""
    sizes = {c.name: c.size for c in planted}
    tables = []
    for condition in CONDITIONS:
        step.describe(f"{condition} nascent")
        (folder / "truth" / condition).mkdir()
        expected = [
            {
                side: signal.astype(np.float32)
                for side, signal in expected_nascent(c.genes, c.elements, c.size, condition).items()
            }
            for c in planted
        ]
        tables += [
            profiles(c.genes, signal, condition)
            for c, signal in zip(planted, expected, strict=True)
        ]
        for side in _STRANDS:
            name = f"nascent.{side}"
            exact = {c.name: signal[side] for c, signal in zip(planted, expected, strict=True)}
            _write_bigwig(folder / "truth" / condition / f"{name}.bw", sizes, exact.items())
            noisy = (
                (
                    c.name,
                    sequence_reads(
                        exact[c.name].astype(np.float64),
                        _READS["nascent"],
                        _noise(c, name, condition, seed=seed),
                        smooth=smooth,
                    ),
                )
                for c in planted
            )
            _write_bigwig(folder / condition / f"{name}.bw", sizes, noisy)
            step.advance()
    pd.concat(tables, ignore_index=True).to_parquet(
        folder / "truth" / "profiles.parquet", index=False
    )


def write_contacts(folder: Path, planted: list[Chromosome], *, seed: int) -> int:
    """Draw and write the contact map; return the number of contacts."""
    coarse: list[pd.DataFrame] = []

    def fine() -> Iterator[pd.DataFrame]:
        for c in planted:
            pixels, merged = draw_contacts(
                stream(seed, Purpose.CONTACTS, c.number, 1),
                size=c.size,
                boundaries=c.boundaries,
                insulation=c.insulation,
                loops=c.loops,
            )
            coarse.append(merged)
            yield pixels

    sizes = {c.name: c.size for c in planted}
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        # The coarse tables are there once the fine ones have been written, a chromosome at a time.
        pixels = {FINE: fine(), COARSE: coarse}
        write_mcool(folder / "microc.mcool", sizes, pixels, scratch=Path(scratch))
    return int(sum(table["count"].sum() for table in coarse))


def _noise(chromosome: Chromosome, track: str, condition: str, *, seed: int) -> np.random.Generator:
    return stream(
        seed,
        Purpose.NOISE,
        chromosome.number,
        CONDITIONS.index(condition),
        TRACKS.index(track),
        *([chromosome.cell] if chromosome.cell > 1 else []),
    )
