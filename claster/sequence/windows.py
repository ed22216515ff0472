"""Sequence windows around each TSS, cut from a genome into one file.

Letters are ASCII codes (uint8) as they stand in the FASTA, soft-masked ones in lower case included.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.embeddings import sequence_folder
from claster.dataset.layout import DatasetFolders, read_genes_table
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import atomic_folder, atomic_path, require_disk, require_file, sha256, write_text
from claster.genome.assembly import chromosome_aliases, match_chromosomes
from claster.genome.fasta import fasta_records
from claster.genome.windows import FORWARD, sample_id
from claster.progress import SILENT, Progress
from claster.text import read_json, read_npy, read_table

_LINE = 60
_N = ord("N")
_IUPAC, _PAIRED = b"ACGTRYSWKMBDHVN", b"TGCAYRSWMKVHDBN"
_LETTERS = _IUPAC + _IUPAC.lower()
_COMPLEMENT = np.frombuffer(bytes.maketrans(_LETTERS, _PAIRED + _PAIRED.lower()), np.uint8)
_KNOWN = np.isin(np.arange(256), np.frombuffer(_LETTERS, np.uint8))


def reverse_complement(letters: np.ndarray) -> np.ndarray:
    """Return the other strand of letters, ASCII codes of shape (..., length), read in its own direction.

    Ambiguous letters (IUPAC) become those of the complementary bases; upper and lower case stay.

    Examples
    --------
    >>> reverse_complement(np.frombuffer(b"ACgtNR", dtype=np.uint8)).tobytes()
    b'YNacGT'
    """
    return np.ascontiguousarray(_COMPLEMENT[letters][..., ::-1])


@dataclass(frozen=True)
class SequenceWindows:
    """Windows of equal length, one a gene, forward.

    Attributes
    ----------
    path
        Folder of ``sequence.npy`` (uint8, (genes, length), ASCII codes), ``windows.tsv``, its index, and
        ``manifest.json``.
    """

    path: Path

    @cached_property
    def letters(self) -> np.ndarray:
        """uint8, shape (genes, length), mapped from the file."""
        return read_npy(self.path / "sequence.npy", mapped=True)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a gene: `gene_id`, `chrom`, `start`, `end` (0-based half-open), `tss`, `padded` (bp)."""
        return read_table(self.path / "windows.tsv")

    @cached_property
    def genome(self) -> dict[str, str | int]:
        """Path, size, time and SHA-256 of the FASTA."""
        return read_json(self.path / "manifest.json")["genome"]

    def sample(self, row: int, *, rev: bool) -> np.ndarray:
        """Return the letters of a gene: forward, or for its rev sample the reverse complement."""
        letters = np.asarray(self.letters[row])
        return reverse_complement(letters) if rev else letters


def extract_windows(
    spec: DatasetSpec,
    *,
    length: int,
    force: bool = False,
    progress: Progress = SILENT,
) -> SequenceWindows:
    """Cut the sequence around the TSS of each kept gene; what is there and unchanged is left.

    The window is [TSS - length / 2, TSS + length / 2), centred on the same boundary as landscape and
    target, so that its reverse complement is the window of the mirrored sample. What lies beyond a
    chromosome's end is N.

    Parameters
    ----------
    spec
        A built dataset with a `genome`.
    length
        bp, even.
    force
        Whether windows that are there are cut again.

    Raises
    ------
    ClasterError
        If the length is odd, the dataset names no genome or is not built, the FASTA is missing,
        cannot be read or is another assembly's, or the disk is too small.
    """
    if length < 2 or length % 2:
        raise ClasterError(
            f"a window of {length} bp has no middle", remedy="choose an even length of 2 bp or more"
        )
    if spec.genome is None:
        raise ClasterError(
            f"dataset {spec.name!r} names no genome sequence",
            remedy="add 'genome', a FASTA below 'data', to its YAML",
        )
    fasta = require_file(spec.source(spec.genome), named="genome", remedy="check 'genome', 'data'")
    folders = DatasetFolders.of(spec)
    folders.require_built()
    genes = read_genes_table(folders)
    final = sequence_folder(folders) / f"windows_{length}"
    if not force and _is_current(final, fasta, genes):
        return SequenceWindows(final)
    require_disk(final.parent, needed=length * len(genes), named=f"sequence of {spec.name!r}")
    sizes = {name: len(letters) for name, letters in fasta_records(fasta)}
    names = _chromosome_names(spec, genes, sizes, fasta)
    with atomic_folder(final, replace=True) as folder:
        letters = np.lib.format.open_memmap(
            folder / "sequence.npy", mode="w+", dtype=np.uint8, shape=(len(genes), length)
        )
        windows = _window_table(genes, length, sizes={c: sizes[n] for c, n in names.items()})
        chroms = {name: chrom for chrom, name in names.items()}
        with progress.step(f"sequence of {length:,} bp", len(genes)) as step:
            for name, whole in fasta_records(fasta):
                for window in windows[windows["chrom"] == chroms.get(name)].itertuples():
                    letters[window.Index] = _N
                    low, high = max(window.start, 0), min(window.end, len(whole))
                    if low < high:
                        part = whole[low:high]
                        _require_nucleotides(
                            part, named=f"{fasta}, {window.chrom}:{low:,}-{high:,}"
                        )
                        letters[window.Index, low - window.start : high - window.start] = part
                    step.advance()
        letters.flush()
        windows.to_csv(folder / "windows.tsv", sep="\t", index=False)
        manifest = {"length": length, "genome": _stamp(fasta) | {"sha256": sha256(fasta)}}
        write_text(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    found = SequenceWindows(final)
    padded = int((found.table["padded"] > 0).sum())
    if padded:
        progress.say(f"{padded} of {len(genes)} windows leave their chromosome: filled with N")
    return found


def write_windows_fasta(windows: SequenceWindows, path: Path | str) -> None:
    """Write windows as one FASTA with lines of 60 letters, named ``<gene_id>_forward``."""
    with atomic_path(Path(path)) as partial, partial.open("wb") as handle:
        for row, gene in enumerate(windows.table["gene_id"]):
            text = windows.sample(row, rev=False).tobytes()
            handle.write(f">{sample_id(gene, FORWARD)}\n".encode())
            for first in range(0, len(text), _LINE):
                handle.write(text[first : first + _LINE] + b"\n")


def _require_nucleotides(letters: np.ndarray, *, named: str) -> None:
    """Raise `ClasterError` if a sequence, shape (length,), holds anything but IUPAC letters of DNA."""
    strange = np.flatnonzero(~_KNOWN[letters])
    if strange.size:
        raise ClasterError(
            f"{named}: {chr(letters[strange[0]])!r} at position {strange[0] + 1:,} is not a letter of DNA",
            remedy="provide a nucleotide FASTA",
        )


def _window_table(genes: pd.DataFrame, length: int, *, sizes: dict[str, int]) -> pd.DataFrame:
    table = genes[["gene_id", "chrom", "tss"]].assign(
        start=genes["tss"] - length // 2, end=genes["tss"] + length // 2
    )
    size = table["chrom"].map(sizes)
    inside = np.minimum(table["end"], size) - np.maximum(table["start"], 0)
    return table.assign(padded=length - inside.clip(lower=0))


def _chromosome_names(
    spec: DatasetSpec, genes: pd.DataFrame, found: dict[str, int], fasta: Path
) -> dict[str, str]:
    """Return the FASTA's name of each chromosome that holds a gene."""
    sizes = spec.chromosome_sizes()
    wanted = {str(chrom): sizes[chrom] for chrom in genes["chrom"].unique()}
    names = match_chromosomes(
        wanted, found, aliases=chromosome_aliases(spec.assembly), file=fasta, named="genome"
    )
    lacking = sorted(wanted.keys() - names.keys())
    if lacking:
        raise ClasterError(
            f"genome ({fasta}) lacks chromosome {lacking[0]}",
            remedy="use a FASTA with all chromosomes that hold genes",
        )
    return names


def _stamp(fasta: Path) -> dict[str, str | int]:
    stat = fasta.stat()
    return {"path": str(fasta), "bytes": stat.st_size, "modified_ns": stat.st_mtime_ns}


def _is_current(folder: Path, fasta: Path, genes: pd.DataFrame) -> bool:
    if not (folder / "manifest.json").is_file():
        return False
    windows = SequenceWindows(folder)
    same = ["gene_id", "chrom", "tss"]
    return _stamp(fasta).items() <= windows.genome.items() and windows.table[same].equals(
        genes[same]
    )
