"""The annotation of a toy genome, its registry of elements, and the tables of its truth, in its folder."""

import gzip
from pathlib import Path

import numpy as np
import pandas as pd

from claster.simulation import truth
from claster.simulation.chromosome import Chromosome
from claster.simulation.layout import UNKNOWN
from claster.simulation.streams import Purpose, stream

HEADER = (
    "##description: toy genome, simulated annotation\n"
    "##provider: CLASTER\n"
    "##contact: none\n"
    "##format: gtf\n"
)

_CCRE_COLUMNS = ("chr", "start", "end", "rDHS_accession", "cCRE_accession", "group")


def _write_gtf(path: Path, genes: pd.DataFrame, rng: np.random.Generator) -> None:
    """Write genes as gzipped GTF in the style of GENCODE: 1-based, closed.

    Every gene gets one transcript of its own extent; some get a shorter one besides, which starts
    inside the gene.

    Parameters
    ----------
    path
        The .gtf.gz file; written without a time stamp.
    genes
        gene_id, gene_name, gene_type, chrom, start, end (0-based half-open), strand; sorted.
    rng
        Source of chance for exons and transcripts.
    """
    lines = [HEADER]
    transcripts = 0
    exons = 0
    for row in genes.itertuples(index=False):
        gene = f'gene_id "{row.gene_id}"; gene_type "{row.gene_type}"; gene_name "{row.gene_name}";'
        lines.append(_line(row.chrom, "gene", row.start, row.end, row.strand, f"{gene} level 2;"))
        spans = [(row.start, row.end)]
        if rng.random() < 0.35:
            inner = int((row.end - row.start) * rng.uniform(0.1, 0.4))
            spans.append(
                (row.start + inner, row.end) if row.strand == "+" else (row.start, row.end - inner)
            )
        for number, (start, end) in enumerate(spans, start=1):
            transcripts += 1
            of_transcript = (
                f'gene_id "{row.gene_id}"; transcript_id "TOYT{transcripts:011d}.1"; '
                f'gene_type "{row.gene_type}"; gene_name "{row.gene_name}"; '
                f'transcript_type "{row.gene_type}"; '
                f'transcript_name "{row.gene_name}-{200 + number}";'
            )
            lines.append(
                _line(row.chrom, "transcript", start, end, row.strand, f"{of_transcript} level 2;")
            )
            parts = _exons(rng, start, end)
            if row.strand == "-":
                parts = parts[::-1]
            for exon, (low, high) in enumerate(parts, start=1):
                exons += 1
                attributes = (
                    f'{of_transcript} exon_number {exon}; exon_id "TOYE{exons:011d}.1"; level 2;'
                )
                lines.append(_line(row.chrom, "exon", low, high, row.strand, attributes))
    with (
        path.open("wb") as raw,
        gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as packed,
    ):
        packed.write("".join(lines).encode())


def _line(chrom: str, feature: str, start: int, end: int, strand: str, attributes: str) -> str:
    return f"{chrom}\tTOY\t{feature}\t{start + 1}\t{end}\t.\t{strand}\t.\t{attributes}\n"


def _exons(rng: np.random.Generator, start: int, end: int) -> list[tuple[int, int]]:
    """Split a transcript into exons of some 150 bp; the first and last reach its ends."""
    length = end - start
    count = int(np.clip(rng.poisson(1 + np.sqrt(length / 1_500)), 1, 40))
    if length < 400 * count:
        return [(start, end)]
    slot = length // count
    widths = np.clip(rng.lognormal(np.log(150), 0.5, count), 50, slot - 100).astype(int)
    offsets = (rng.random(count) * (slot - widths - 50)).astype(int)
    exons = [
        (start + i * slot + int(offset), start + i * slot + int(offset) + int(width))
        for i, (offset, width) in enumerate(zip(offsets, widths, strict=True))
    ]
    exons[0] = (start, start + int(widths[0]))
    exons[-1] = (max(end - int(widths[-1]), exons[-1][0]), end)
    if count == 1:
        return [(start, end)]
    return exons


def registry(
    rng: np.random.Generator,
    *,
    chrom: str,
    size: int,
    genes: pd.DataFrame,
    elements: pd.DataFrame,
    ctcf: pd.DataFrame,
) -> pd.DataFrame:
    """List the candidate elements of one chromosome, active in the toy cells or not.

    Parameters
    ----------
    chrom, size
        The chromosome and its length in bp.
    genes
        tss, strand of its genes: each gets a promoter ("PLS").
    elements
        centre of its enhancers and decoys: distal enhancers ("dELS", or "pELS" within 2 kb).
    ctcf
        centre of its CTCF sites.

    Returns
    -------
    pandas.DataFrame
        Sorted: chr, start, end, group, element (row in `elements`, or -1). Elements of other cell
        types, without marks here, are among them, as in the published registry.
    """
    tss = genes["tss"].to_numpy()
    promoters = tss - np.where(genes["strand"] == "+", 60, -60)
    occupied = np.sort(np.concatenate((promoters, elements["centre"], ctcf["centre"])))
    elsewhere = np.unique(rng.integers(UNKNOWN + 1_000, size - 1_000, max(1, size // 20_000)))
    at = np.searchsorted(occupied, elsewhere)
    left = np.abs(elsewhere - occupied[np.maximum(at - 1, 0)])
    right = np.abs(occupied[np.minimum(at, occupied.size - 1)] - elsewhere)
    elsewhere = elsewhere[np.minimum(left, right) > 800]
    centres = np.concatenate((promoters, elements["centre"], ctcf["centre"], elsewhere))
    number = np.full(centres.size, -1)
    number[tss.size : tss.size + len(elements)] = np.arange(len(elements))
    distance = np.abs(centres[:, None] - tss[None, :]).min(axis=1)
    kind = np.where(distance <= 200, "PLS", np.where(distance <= 2_000, "pELS", "dELS"))
    kind = kind.astype(object)
    first_ctcf = tss.size + len(elements)
    kind[first_ctcf : first_ctcf + len(ctcf)] = "CTCF-only"
    others = np.arange(first_ctcf + len(ctcf), centres.size)
    kind[others[rng.random(others.size) < 0.1]] = "DNase-H3K4me3"
    bound = (rng.random(centres.size) < 0.2) | (kind == "CTCF-only")
    half = rng.integers(75, 175, centres.size)
    table = pd.DataFrame(
        {
            "chr": chrom,
            "start": np.maximum(centres - half, 0),
            "end": np.minimum(centres + half, size),
            "group": [f"{k},CTCF-bound" if b else k for k, b in zip(kind, bound, strict=True)],
            "element": number,
        }
    )
    return table.sort_values(["start", "end"], ignore_index=True)


def accessions(count: int, *, prefix: str) -> list[str]:
    """Return `count` accessions like EM10E0000017."""
    return [f"{prefix}{number:07d}" for number in range(1, count + 1)]


def write_tables(folder: Path, planted: list[Chromosome], *, seed: int) -> None:
    """Write chrom.sizes, blacklist.bed, genes.gtf.gz, ccres.tsv, truth/genes.tsv, elements.tsv.

    Parameters
    ----------
    folder
        The folder of the toy genome.
    """
    (folder / "chrom.sizes").write_text(
        "".join(f"{c.name}\t{c.size}\n" for c in planted), encoding="ascii"
    )
    pd.concat([c.blacklist for c in planted]).assign(name="High Signal Region").to_csv(
        folder / "blacklist.bed", sep="\t", header=False, index=False
    )
    genes = pd.concat([c.genes for c in planted], ignore_index=True)
    _write_gtf(folder / "genes.gtf.gz", genes, stream(seed, Purpose.TRANSCRIPTS))
    ccres = _registry(planted, seed=seed)
    ccres[list(_CCRE_COLUMNS)].to_csv(folder / "ccres.tsv", sep="\t", index=False)

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


def _registry(planted: list[Chromosome], *, seed: int) -> pd.DataFrame:
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
    return ccres
