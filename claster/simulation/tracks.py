"""The tracks and the contact map of a toy genome, written into its folder."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.progress import Step
from claster.simulation import truth
from claster.simulation.chromosome import Chromosome
from claster.simulation.contacts import COARSE, FINE, draw_contacts
from claster.simulation.heights import MARKS
from claster.simulation.landscape import expected_mark
from claster.simulation.mcool import write_mcool
from claster.simulation.reads import READS, add_artefacts, sequence_reads
from claster.simulation.streams import Purpose, stream
from claster.simulation.transcription import CONDITIONS, expected_nascent
from claster.simulation.write import write_bigwig

STRANDS = ("plus", "minus")
TRACKS = (*MARKS, *(f"nascent.{strand}" for strand in STRANDS))

Noisy = Iterator[tuple[str, npt.NDArray[np.float32]]]


def write_marks(
    folder: Path, planted: list[Chromosome], *, seed: int, smooth: bool, step: Step
) -> None:
    """Write the noisy tracks of the four marks, in both conditions.

    Parameters
    ----------
    folder
        The folder of the toy genome.
    planted
        Its chromosomes in order.
    seed
        The user's seed.
    smooth
        Smooth the tracks.
    step
        Advances by one a track.
    """
    sizes = {c.name: c.size for c in planted}

    def noisy(mark: str, condition: str) -> Noisy:
        for c in planted:
            rng = _noise(c, mark, condition, seed=seed)
            signal = expected_mark(c, mark, condition, seed=seed)
            signal = add_artefacts(signal, c.blacklist, rng)
            yield c.name, sequence_reads(signal, READS[mark], rng, smooth=smooth)

    for condition in CONDITIONS:
        (folder / condition).mkdir()
        for mark in MARKS:
            step.describe(f"{condition} {mark}")
            write_bigwig(folder / condition / f"{mark}.bw", sizes, noisy(mark, condition))
            step.advance()


def write_nascent(
    folder: Path, planted: list[Chromosome], *, seed: int, smooth: bool, step: Step
) -> None:
    """Write nascent transcription, noisy and noise-free, and the noise-free profiles of genes.

    Parameters are those of `write_marks`.
    """
    sizes = {c.name: c.size for c in planted}
    tables = []
    for condition in CONDITIONS:
        step.describe(f"{condition} nascent")
        (folder / "truth" / condition).mkdir()
        expected = [
            {side: signal.astype(np.float32) for side, signal in sides.items()}
            for sides in (expected_nascent(c.genes, c.elements, c.size, condition) for c in planted)
        ]
        tables += [
            truth.profiles(c.genes, signal, condition)
            for c, signal in zip(planted, expected, strict=True)
        ]
        for side in STRANDS:
            name = f"nascent.{side}"
            exact = [(c.name, signal[side]) for c, signal in zip(planted, expected, strict=True)]
            write_bigwig(folder / "truth" / condition / f"{name}.bw", sizes, exact)
            noisy = (
                (
                    c.name,
                    sequence_reads(
                        signal[side].astype(np.float64),
                        READS["nascent"],
                        _noise(c, name, condition, seed=seed),
                        smooth=smooth,
                    ),
                )
                for c, signal in zip(planted, expected, strict=True)
            )
            write_bigwig(folder / condition / f"{name}.bw", sizes, noisy)
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
    )
