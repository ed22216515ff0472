"""The toy genome: real files in which transcription follows known rules."""

import json
import platform
import tempfile
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.errors import ClasterError
from claster.files import atomic_folder, require_disk, sha256
from claster.progress import SILENT, Progress, Step
from claster.simulate import truth
from claster.simulate.annotation import CCRE_COLUMNS, accessions, registry, write_gtf
from claster.simulate.chromosome import Chromosome, plant_chromosome
from claster.simulate.contacts import COARSE, FINE, draw_contacts
from claster.simulate.layout import plan_genome
from claster.simulate.marks import MARKS, READS, add_artefacts, expected_mark, sequence_reads
from claster.simulate.mcool import write_mcool
from claster.simulate.sequence import draw_sequence, write_fasta
from claster.simulate.streams import Purpose, stream
from claster.simulate.transcription import CONDITIONS, SILENT as SILENT_LEVEL, expected_nascent
from claster.simulate.write import write_bigwig

MANIFEST = "manifest.json"
KIND = "claster toy genome"
STRANDS = ("plus", "minus")

_BYTES_PER_MEGABASE = 6_000_000
_LIBRARIES = ("cooler", "h5py", "numpy", "pandas", "pyarrow", "pyBigWig", "scipy")


@dataclass(frozen=True, slots=True)
class ToyGenome:
    """A toy genome on disk.

    Attributes
    ----------
    folder
        Where its files are.
    chrom_sizes
        Chromosome lengths in bp.
    counts
        Numbers of what was planted and drawn: genes, elements by kind, contacts, and so on.
    """

    folder: Path
    chrom_sizes: dict[str, int]
    counts: dict[str, int]


def simulate_genome(
    folder: Path | str,
    *,
    seed: int = 1,
    chromosomes: int = 4,
    megabases: float = 40.0,
    genes: int = 250,
    smooth: bool = False,
    force: bool = False,
    progress: Progress = SILENT,
) -> ToyGenome:
    """Write a small genome whose transcription follows planted rules, as real files.

    Two conditions, control and CBP/p300-inhibited ("a485": H3K27ac falls, enhancer gains with it),
    each with bigWigs of ATAC, H3K4me3, H3K27ac, H3K27me3 and nascent transcription (plus and minus
    strand, both positive) at 20 bp; a balanced Micro-C map at 1.6 and 3.2 kb; a GENCODE-style GTF;
    a table of candidate elements; FASTA; blacklist. The folder `truth` holds what is known: the
    noise-free transcription, the profile of every gene, the effect of silencing each element.
    The rules stand in `claster.simulate.transcription`.

    Parameters
    ----------
    folder
        Where the files shall be; whole at the end, or not there.
    seed
        Equal seeds and sizes give equal bytes (with equal library versions).
    chromosomes
        How many chromosomes, of slightly unequal lengths of at least 2 Mb.
    megabases
        Length of the whole genome in Mb.
    genes
        How many protein-coding genes; 15 % lincRNA genes come on top.
    smooth
        Lay a Gaussian of 100 bp standard deviation over the noisy tracks, like the published
        `.smooth.bw` files. The noise-free tracks stay as they are.
    force
        Replace a toy genome that is there already.
    progress
        Where progress is reported.

    Returns
    -------
    ToyGenome
        Folder, chromosome lengths, counts.

    Raises
    ------
    ClasterError
        If the parameters cannot be met, the folder exists (or, with `force`, holds something
        other than a toy genome), or the disk is too full. Nothing is written then.
    """
    folder = Path(folder)
    plan = plan_genome(seed=seed, chromosomes=chromosomes, megabases=megabases, genes=genes)
    if force:
        _refuse_foreign(folder)
    require_disk(
        folder.parent, needed=int(megabases * _BYTES_PER_MEGABASE), named="the toy genome"
    )
    tracks = len(CONDITIONS) * (len(MARKS) + len(STRANDS))
    with (
        atomic_folder(folder, replace=force) as partial,
        progress.step("simulate", total=tracks + 5) as step,
    ):
        step.describe("layout")
        planted = [plant_chromosome(plan, i, seed=seed) for i in range(chromosomes)]
        planted = _name_things(planted, seed=seed)
        step.advance()
        counts = _count(planted)
        _write_annotation(partial, planted, plan.sizes, seed=seed)
        step.advance()
        _write_marks(partial, planted, plan.sizes, seed=seed, smooth=smooth, step=step)
        _write_nascent(partial, planted, plan.sizes, seed=seed, smooth=smooth, step=step)
        step.describe("contacts")
        counts["contacts"] = _write_contacts(partial, planted, plan.sizes, seed=seed)
        step.advance()
        step.describe("sequence")
        write_fasta(
            partial / "genome.fa",
            {
                c.name: draw_sequence(stream(seed, Purpose.SEQUENCE, c.number), c.size, c.genes)
                for c in planted
            },
        )
        step.advance()
        parameters = {
            "seed": seed,
            "chromosomes": chromosomes,
            "megabases": megabases,
            "genes": genes,
            "smooth": smooth,
        }
        _write_manifest(partial, parameters, plan.sizes, counts)
        step.advance()
    return ToyGenome(folder, plan.sizes, counts)


def _refuse_foreign(folder: Path) -> None:
    if not folder.exists():
        return
    manifest = folder / MANIFEST
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if not manifest.is_file() or f'"kind": "{KIND}"' not in manifest.read_text(encoding="utf-8"):
        raise ClasterError(
            f"{folder} exists and is no toy genome",
            remedy="choose another folder, or remove this one by hand",
        )


def _name_things(planted: list[Chromosome], *, seed: int) -> list[Chromosome]:
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


def _write_annotation(
    folder: Path, planted: list[Chromosome], sizes: dict[str, int], *, seed: int
) -> None:
    (folder / "chrom.sizes").write_text(
        "".join(f"{chrom}\t{size}\n" for chrom, size in sizes.items()), encoding="ascii"
    )
    pd.concat([c.blacklist for c in planted]).assign(name="High Signal Region").to_csv(
        folder / "blacklist.bed", sep="\t", header=False, index=False
    )
    genes = pd.concat([c.genes for c in planted], ignore_index=True)
    write_gtf(folder / "genes.gtf.gz", genes, stream(seed, Purpose.TRANSCRIPTS))
    ccres = pd.concat(
        [
            registry(
                stream(seed, Purpose.REGISTRY, c.number),
                chrom=c.name,
                size=c.size,
                genes=c.genes,
                elements=c.elements,
                ctcf=c.ctcf,
            )
            for c in planted
        ],
        ignore_index=True,
    )
    ccres["rDHS_accession"] = accessions(len(ccres), prefix="EM10D")
    ccres["cCRE_accession"] = accessions(len(ccres), prefix="EM10E")
    ccres[list(CCRE_COLUMNS)].to_csv(folder / "ccres.tsv", sep="\t", index=False)

    (folder / "truth").mkdir()
    truth.gene_table(genes).to_csv(
        folder / "truth" / "genes.tsv", sep="\t", index=False, float_format="%.8g"
    )
    tables = []
    for c in planted:
        listed = ccres[(ccres["chr"] == c.name) & (ccres["element"] >= 0)]
        ids = listed.set_index("element")["cCRE_accession"].sort_index().to_numpy()
        tables.append(truth.element_table(c.genes, c.elements.assign(element_id=ids), c.links))
    pd.concat(tables, ignore_index=True).to_csv(
        folder / "truth" / "elements.tsv", sep="\t", index=False, float_format="%.8g"
    )


def _write_marks(
    folder: Path,
    planted: list[Chromosome],
    sizes: dict[str, int],
    *,
    seed: int,
    smooth: bool,
    step: Step,
) -> None:
    for i, condition in enumerate(CONDITIONS):
        (folder / condition).mkdir()
        for j, mark in enumerate(MARKS):
            step.describe(f"{condition} {mark}")

            def noisy(
                chromosome: Chromosome, mark: str = mark, condition: str = condition, key: int = j
            ) -> npt.NDArray[np.float32]:
                expected = expected_mark(
                    mark,
                    condition,
                    size=chromosome.size,
                    genes=chromosome.genes,
                    elements=chromosome.elements,
                    ctcf=chromosome.ctcf,
                    weak=chromosome.weak,
                    domains=chromosome.domains,
                    seed=seed,
                    key=chromosome.number,
                )
                rng = stream(seed, Purpose.NOISE, chromosome.number, CONDITIONS.index(condition), key)
                spiked = add_artefacts(expected, chromosome.blacklist, rng)
                return sequence_reads(spiked, READS[mark], rng, smooth=smooth)

            write_bigwig(
                folder / condition / f"{mark}.bw", sizes, ((c.name, noisy(c)) for c in planted)
            )
            step.advance()


def _write_nascent(
    folder: Path,
    planted: list[Chromosome],
    sizes: dict[str, int],
    *,
    seed: int,
    smooth: bool,
    step: Step,
) -> None:
    tables = []
    for i, condition in enumerate(CONDITIONS):
        (folder / "truth" / condition).mkdir()
        step.describe(f"{condition} nascent")
        expected = []
        for c in planted:
            signal = expected_nascent(c.genes, c.elements, c.size, condition)
            expected.append({side: values.astype(np.float32) for side, values in signal.items()})
            tables.append(truth.profiles(c.genes, expected[-1], condition))
        for j, side in enumerate(STRANDS):
            write_bigwig(
                folder / "truth" / condition / f"nascent.{side}.bw",
                sizes,
                ((c.name, signal[side]) for c, signal in zip(planted, expected, strict=True)),
            )
            write_bigwig(
                folder / condition / f"nascent.{side}.bw",
                sizes,
                (
                    (
                        c.name,
                        sequence_reads(
                            signal[side].astype(np.float64),
                            READS["nascent"],
                            stream(seed, Purpose.NOISE, c.number, i, len(MARKS) + j),
                            smooth=smooth,
                        ),
                    )
                    for c, signal in zip(planted, expected, strict=True)
                ),
            )
            step.advance()
    pd.concat(tables, ignore_index=True).to_parquet(
        folder / "truth" / "profiles.parquet", index=False
    )


def _write_contacts(
    folder: Path, planted: list[Chromosome], sizes: dict[str, int], *, seed: int
) -> int:
    pixels: dict[int, list[pd.DataFrame]] = {FINE: [], COARSE: []}
    for c in planted:
        fine, coarse = draw_contacts(
            stream(seed, Purpose.CONTACTS, c.number, 1),
            size=c.size,
            boundaries=c.boundaries,
            insulation=c.insulation,
            loops=c.loops,
        )
        pixels[FINE].append(fine)
        pixels[COARSE].append(coarse)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        write_mcool(folder / "microc.mcool", sizes, pixels, scratch=Path(scratch))
    return int(sum(table["count"].sum() for table in pixels[FINE]))


def _write_manifest(
    folder: Path,
    parameters: dict[str, int | float | bool],
    sizes: dict[str, int],
    counts: dict[str, int],
) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    manifest = {
        "kind": KIND,
        "format": 1,
        "parameters": parameters,
        "chrom_sizes": sizes,
        "counts": counts,
        "versions": {"python": platform.python_version()}
        | {name: version(name) for name in _LIBRARIES},
        "files": {path.relative_to(folder).as_posix(): sha256(path) for path in files},
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
