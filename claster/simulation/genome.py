"""The toy genome: real files in which transcription follows known rules."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import Field

from claster.errors import ClasterError
from claster.files import atomic_folder, require_disk, require_memory, sha256
from claster.progress import SILENT, Progress
from claster.settings import Settings
from claster.simulation.annotation import write_tables
from claster.simulation.chromosome import Chromosome, draw_sequence, plant_chromosome, write_fasta
from claster.simulation.layout import Purpose, plan_genome, stream
from claster.simulation.tracks import TRACKS, write_contacts, write_marks, write_nascent
from claster.simulation.transcription import CONDITIONS, SILENT_LEVEL, Rules
from claster.text import read_json
from claster.versions import versions

_MANIFEST = "manifest.json"
_KIND = "claster toy genome"

_LATER = {"rules": "contact", "cell": 1}
"""Parameters that are not told where they are so, as manifests of before do not know them."""

_BYTES_PER_MEGABASE = 6_000_000
_MEMORY, _MEMORY_PER_MEGABASE = 400_000_000, 5_000_000
"""Bytes; a genome of 720 Mb took 3.0 GB. Balancing contacts takes them."""

_LIBRARIES = ("cooler", "h5py", "numpy", "pandas", "pyarrow", "pyBigWig", "scipy")


class GenomeSettings(Settings):
    """What is simulated."""

    seed: int = Field(1, description="Seed of all that is drawn.")
    chromosomes: int = Field(
        4, description="How many chromosomes, of slightly unequal lengths of at least 2 Mb."
    )
    megabases: float = Field(40.0, description="Length of the whole genome in Mb.")
    genes: int = Field(
        250, description="How many protein-coding genes; 15 % lincRNA genes come on top."
    )
    smooth: bool = Field(
        default=False,
        description="Lay a Gaussian of 100 bp standard deviation over the noisy tracks, like the published "
        "`.smooth.bw` files. The noise-free tracks stay as they are.",
    )
    rules: Rules = Field(
        "contact",
        description="contact: enhancers act within 20 kb, and where a loop ties them to a TSS. local: the "
        "loops are there and do nothing, so that no effect reaches beyond 20 kb. classes: see "
        "`claster.simulation.classes`. Places, and loops of the map, are the same under all three.",
    )
    cell: int = Field(
        1,
        ge=1,
        description="Which cells of this genome: another number draws other heights of peaks and noise. "
        "Places, silent genes, loops and sequence stay.",
    )


@dataclass(frozen=True, slots=True)
class ToyGenome:
    """A toy genome on disk: chromosome lengths in bp, numbers of genes, elements by kind, contacts, ..."""

    folder: Path
    chrom_sizes: dict[str, int]
    counts: dict[str, int]


def simulate_genome(
    folder: Path | str,
    settings: GenomeSettings | None = None,
    *,
    force: bool = False,
    progress: Progress = SILENT,
    **keywords: Any,  # noqa: ANN401
) -> ToyGenome:
    """Write a small genome whose transcription follows planted rules, as real files.

    Two conditions, control and CBP/p300-inhibited ("a485": H3K27ac falls, enhancer gains with it),
    each with bigWigs of ATAC, H3K4me3, H3K27ac, H3K27me3 and nascent transcription (plus and minus
    strand, both positive) at 20 bp; a balanced Micro-C map at 1.6 and 3.2 kb; a GENCODE-style GTF;
    a table of candidate elements; FASTA; blacklist. The folder `truth` holds what is known: the
    noise-free transcription, the profile of every gene, the effect of silencing each element.
    The rules stand in `claster.simulation.transcription`.

    Parameters
    ----------
    folder
        Where the files shall be; whole at the end, or not there.
    settings, **keywords
        Size, seed and rules: see `GenomeSettings`. Equal ones give equal bytes (with equal library versions).
    force
        Replace a toy genome that is there already.

    Returns
    -------
    ToyGenome
        Folder, chromosome lengths, counts.

    Raises
    ------
    ClasterError
        If the parameters cannot be met, the folder exists (or, with `force`, holds something
        other than a toy genome), or disk or memory do not suffice. Nothing is written then.
    """
    folder, asked = Path(folder), GenomeSettings.of(settings, **keywords)
    seed, megabases = asked.seed, asked.megabases
    plan = plan_genome(
        seed=seed, chromosomes=asked.chromosomes, megabases=megabases, genes=asked.genes
    )
    sizes = {chromosome.name: chromosome.size for chromosome in plan}
    empty = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
    if force and not empty and _simulated_parameters(folder) is None:
        raise ClasterError(
            f"{folder} exists and is not a toy genome",
            remedy="choose another folder, or remove this one by hand",
        )
    require_disk(folder.parent, needed=int(megabases * _BYTES_PER_MEGABASE), named="the toy genome")
    require_memory(
        needed=int(_MEMORY + megabases * _MEMORY_PER_MEGABASE),
        named=f"a toy genome of {megabases:g} Mb",
        remedy="simulate fewer megabases, or on a machine with more memory",
    )
    with (
        atomic_folder(folder, replace=force) as partial,
        progress.step("simulate", total=len(CONDITIONS) * len(TRACKS) + 5) as step,
    ):
        step.describe("layout")
        planted = _named(
            [
                plant_chromosome(chromosome, seed=seed, ruleset=asked.rules, cell=asked.cell)
                for chromosome in plan
            ],
            seed=seed,
        )
        step.advance()
        counts = _count(planted)
        write_tables(partial, planted, seed=seed)
        step.advance()
        write_marks(partial, planted, seed=seed, smooth=asked.smooth, step=step)
        write_nascent(partial, planted, seed=seed, smooth=asked.smooth, step=step)
        step.describe("contacts")
        counts["contacts"] = write_contacts(partial, planted, seed=seed)
        step.advance()
        step.describe("sequence")
        sequences = {
            c.name: draw_sequence(stream(seed, Purpose.SEQUENCE, c.number), c.size, c.genes)
            for c in planted
        }
        write_fasta(partial / "genome.fa", sequences)
        step.advance()
        parameters = {
            key: value for key, value in asked.model_dump().items() if _LATER.get(key, ...) != value
        }
        _write_manifest(partial, parameters, sizes, counts)
        step.advance()
    return ToyGenome(folder, sizes, counts)


def ensure_genome(
    folder: Path | str,
    parameters: dict[str, Any],
    *,
    force: bool = False,
    progress: Progress = SILENT,
) -> bool:
    """Simulate a toy genome unless one of the same parameters is there already.

    Parameters
    ----------
    parameters
        Fields of `GenomeSettings`.
    force
        Simulate again, and replace a toy genome that is there.

    Returns
    -------
    bool
        Whether it was simulated.

    Raises
    ------
    ClasterError
        See `simulate_genome`.
    """
    simulated = _simulated_parameters(folder)
    if simulated and _LATER | simulated == _LATER | parameters and not force:
        return False
    simulate_genome(folder, **parameters, force=force, progress=progress)
    return True


def _simulated_parameters(folder: Path | str) -> dict[str, Any] | None:
    """Return the parameters that made a folder, as its manifest has them; None where it is no toy genome."""
    manifest = Path(folder) / _MANIFEST
    if not manifest.is_file():
        return None
    try:
        content = read_json(manifest)
    except ClasterError:
        return None
    return content["parameters"] if content.get("kind") == _KIND else None


def _named(planted: list[Chromosome], *, seed: int) -> list[Chromosome]:
    """Give genes their ids in the order of the genome."""
    named = []
    first = 1
    for chromosome in planted:
        numbers = range(first, first + len(chromosome.genes))
        versions = stream(seed, Purpose.TRANSCRIPTS, chromosome.number).integers(
            1, 12, len(chromosome.genes)
        )
        genes = chromosome.genes.assign(
            gene_id=[f"TOYG{n:011d}.{v}" for n, v in zip(numbers, versions, strict=True)],
            gene_name=[
                f"{'Toy' if kind == 'protein_coding' else 'Linc'}{n}"
                for n, kind in zip(numbers, chromosome.genes["gene_type"], strict=True)
            ],
        )
        first += len(genes)
        named.append(replace(chromosome, genes=genes))
    return named


def _count(planted: list[Chromosome]) -> dict[str, int]:
    genes = pd.concat([c.genes for c in planted])
    kinds = pd.concat([c.elements["kind"] for c in planted])
    return {
        "protein_coding_genes": int((genes["gene_type"] == "protein_coding").sum()),
        "lincRNA_genes": int((genes["gene_type"] == "lincRNA").sum()),
        "silent_genes_ctrl": int((genes["level_ctrl"] < SILENT_LEVEL).sum()),
        "proximal_enhancers": int((kinds == "proximal").sum()),
        "contact_enhancers": int((kinds == "contact").sum()),
        "decoys": int((kinds == "decoy").sum()),
        "repressed_domains": sum(len(c.domains) for c in planted),
    }


def _write_manifest(
    folder: Path,
    parameters: dict[str, Any],
    sizes: dict[str, int],
    counts: dict[str, int],
) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "kind": _KIND,
        "format": 1,
        "parameters": parameters,
        "chrom_sizes": sizes,
        "counts": counts,
        "versions": versions(_LIBRARIES),
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in files},
    }
    (folder / _MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
