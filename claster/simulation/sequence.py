"""A genome sequence with a motif at active promoters."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation.layout import UNKNOWN

MOTIF = "CCGGAAGTGACG"
"""Planted at active promoters, the more copies the more active; on either strand."""

_LINE = 60
_COMPLEMENT = bytes.maketrans(b"ACGT", b"TGCA")

_Letters = npt.NDArray[np.uint8]


def draw_sequence(rng: np.random.Generator, size: int, genes: pd.DataFrame) -> _Letters:
    """Draw the sequence of one chromosome.

    42 % G and C, 64 % around start sites; N for the first 10 kb.

    Parameters
    ----------
    size
        Length in bp.
    genes
        tss, strand, state and motif_copies of its genes.

    Returns
    -------
    numpy.ndarray
        Shape (size,), uint8: ASCII codes of A, C, G, T, N.
    """
    letters = _letters(rng, size, 0.42)
    for tss, strand, state, copies in zip(
        genes["tss"], genes["strand"], genes["state"], genes["motif_copies"], strict=True
    ):
        if state != "closed":
            low, high = max(tss - 600, 0), min(tss + 600, size)
            letters[low:high] = _letters(rng, high - low, 0.64)
        side = 1 if strand == "+" else -1
        for copy in range(copies):
            # Slots of 40 bp keep copies apart.
            centre = tss - side * (40 + 40 * copy + int(rng.integers(0, 25)))
            word = MOTIF.encode()
            if rng.random() < 0.5:
                word = word.translate(_COMPLEMENT)[::-1]
            if 0 <= centre and centre + len(word) <= size:
                letters[centre : centre + len(word)] = np.frombuffer(word, dtype=np.uint8)
    letters[:UNKNOWN] = ord("N")
    return letters


def motif_copies(activity: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return how many copies (0 to 8) of the motif stand before genes of these activities."""
    level = np.asarray(activity, dtype=float)
    return np.clip(np.round(3.0 + 2.0 * np.log2(np.maximum(level, 1e-9))), 0, 8).astype(np.int64)


def write_fasta(path: Path, chromosomes: dict[str, _Letters]) -> None:
    """Write chromosomes as FASTA with lines of 60 bases, and its .fai index beside it.

    Parameters
    ----------
    path
        The FASTA file; the index gets ".fai" appended.
    chromosomes
        ASCII codes by chromosome name, in order.
    """
    index = []
    with path.open("wb") as handle:
        for chrom, letters in chromosomes.items():
            handle.write(f">{chrom}\n".encode())
            index.append(f"{chrom}\t{letters.size}\t{handle.tell()}\t{_LINE}\t{_LINE + 1}\n")
            whole = letters.size // _LINE
            lines = np.full((whole, _LINE + 1), ord("\n"), dtype=np.uint8)
            lines[:, :_LINE] = letters[: whole * _LINE].reshape(whole, _LINE)
            handle.write(lines.tobytes())
            if letters.size > whole * _LINE:
                handle.write(letters[whole * _LINE :].tobytes() + b"\n")
    path.with_name(path.name + ".fai").write_text("".join(index), encoding="ascii")


def _letters(rng: np.random.Generator, size: int, gc: float) -> _Letters:
    table = np.zeros(256, dtype=np.uint8)
    edges = np.round(256 * np.array([0.0, (1 - gc) / 2, 0.5, 0.5 + gc / 2, 1.0])).astype(int)
    for letter, low, high in zip(b"ACGT", edges[:-1], edges[1:], strict=True):
        table[low:high] = letter
    return table[np.frombuffer(rng.bytes(size), dtype=np.uint8)]
