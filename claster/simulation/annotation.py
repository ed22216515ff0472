"""The annotation of a toy genome, its registry of elements, and the tables of its truth."""

import gzip
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from claster.simulation import transcription as rules
from claster.simulation.chromosome import Chromosome
from claster.simulation.elements import nearest_distance
from claster.simulation.layout import STEP, UNKNOWN, FloatArray, IntArray, Purpose, stream

_HEADER = (
    "##description: toy genome, simulated annotation\n"
    "##provider: CLASTER\n"
    "##contact: none\n"
    "##format: gtf\n"
)

_BIN = 1_000
_FARTHEST_BIN = 200


def _write_gtf(path: Path, genes: pd.DataFrame, rng: np.random.Generator) -> None:
    """Write sorted genes (0-based half-open) as GTF in the style of GENCODE, gzipped without a time stamp.

    Every gene gets one transcript of its own extent; some get a shorter one besides, which starts
    inside the gene.
    """
    lines = [_HEADER]
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


def _registry(c: Chromosome, *, seed: int) -> pd.DataFrame:
    """List the candidate elements of one chromosome, active in the toy cells or not.

    Returns chr, start, end, group, element (row in its table, or -1), sorted by place. Elements of other
    cell types, without marks here, are among them, as in the published registry.
    """
    rng = stream(seed, Purpose.REGISTRY, c.number)
    tss, distal, ctcf = c.genes["tss"].to_numpy(), c.elements["centre"], c.ctcf["centre"]
    promoters = tss - np.where(c.genes["strand"] == "+", 60, -60)
    occupied = np.concatenate((promoters, distal, ctcf))
    elsewhere = np.unique(rng.integers(UNKNOWN + 1_000, c.size - 1_000, max(1, c.size // 20_000)))
    elsewhere = elsewhere[nearest_distance(elsewhere, occupied) > 800]
    centres = np.concatenate((occupied, elsewhere))
    first_ctcf = tss.size + len(distal)
    number = np.full(centres.size, -1)
    number[tss.size : first_ctcf] = np.arange(len(distal))
    distance = np.abs(centres[:, None] - tss[None, :]).min(axis=1)
    kind = np.where(distance <= 200, "PLS", np.where(distance <= 2_000, "pELS", "dELS"))
    kind = kind.astype(object)
    kind[first_ctcf : first_ctcf + len(ctcf)] = "CTCF-only"
    others = np.arange(first_ctcf + len(ctcf), centres.size)
    kind[others[rng.random(others.size) < 0.1]] = "DNase-H3K4me3"
    bound = (rng.random(centres.size) < 0.2) | (kind == "CTCF-only")
    half = rng.integers(75, 175, centres.size)
    table = pd.DataFrame(
        {
            "chr": c.name,
            "start": np.maximum(centres - half, 0),
            "end": np.minimum(centres + half, c.size),
            "group": [f"{k},CTCF-bound" if b else k for k, b in zip(kind, bound, strict=True)],
            "element": number,
        }
    )
    return table.sort_values(["start", "end"], ignore_index=True)


def write_tables(folder: Path, planted: list[Chromosome], *, seed: int) -> None:
    """Write chrom.sizes, blacklist.bed, genes.gtf.gz, ccres.tsv, truth/genes.tsv, truth/elements.tsv."""
    (folder / "chrom.sizes").write_text(
        "".join(f"{c.name}\t{c.size}\n" for c in planted), encoding="ascii"
    )
    pd.concat([c.blacklist for c in planted]).assign(name="High Signal Region").to_csv(
        folder / "blacklist.bed", sep="\t", header=False, index=False
    )
    genes = pd.concat([c.genes for c in planted], ignore_index=True)
    _write_gtf(folder / "genes.gtf.gz", genes, stream(seed, Purpose.TRANSCRIPTS))
    ccres = pd.concat([_registry(c, seed=seed) for c in planted], ignore_index=True)
    for column, prefix in (("rDHS_accession", "EM10D"), ("cCRE_accession", "EM10E")):
        ccres[column] = [f"{prefix}{number:07d}" for number in range(1, len(ccres) + 1)]
    columns = ["chr", "start", "end", "rDHS_accession", "cCRE_accession", "group"]
    ccres[columns].to_csv(folder / "ccres.tsv", sep="\t", index=False)

    tables = []
    for c in planted:
        listed = ccres[(ccres["chr"] == c.name) & (ccres["element"] >= 0)]
        ids = listed.set_index("element")["cCRE_accession"].sort_index().to_numpy()
        tables.append(_element_table(c.genes, c.elements.assign(element_id=ids), c.links))
    truth = {"genes": _gene_table(genes), "elements": pd.concat(tables, ignore_index=True)}
    (folder / "truth").mkdir()
    for name, table in truth.items():
        path = folder / "truth" / f"{name}.tsv"
        table.to_csv(path, sep="\t", index=False, float_format="%.8g")


def _binned_means(signal: npt.NDArray[np.floating], edges: IntArray) -> FloatArray:
    """Return means between edges (bp, rising along the last axis), NaN where a bin leaves the signal."""
    total = np.concatenate(([0.0], np.cumsum(signal, dtype=np.float64))) * STEP
    inside = (edges >= 0) & (edges <= signal.size * STEP)
    at = np.interp(edges, np.arange(total.size) * STEP, total)
    means = np.diff(at, axis=-1) / np.diff(edges, axis=-1)
    means[~(inside[..., :-1] & inside[..., 1:])] = np.nan
    return means


def profiles(
    genes: pd.DataFrame, signal: dict[str, npt.NDArray[np.floating]], condition: str
) -> pd.DataFrame:
    """Return the noise-free profile of every gene of one chromosome.

    Parameters
    ----------
    signal
        Expected "plus" and "minus" transcription, at steps of 20 bp.
    condition
        "ctrl" or "a485".

    Returns
    -------
    pandas.DataFrame
        gene_id, condition and 401 columns "-200" to "200": mean of both strands' sum over
        [tss + 1000 k - 500, tss + 1000 k + 500); NaN beyond the ends of the chromosome.
    """
    offsets = np.arange(-_FARTHEST_BIN, _FARTHEST_BIN + 2)
    edges = genes["tss"].to_numpy()[:, None] + offsets * _BIN - _BIN // 2
    both = signal["plus"].astype(np.float64) + signal["minus"].astype(np.float64)
    table = pd.DataFrame(_binned_means(both, edges), columns=offsets[:-1].astype(str))
    table.insert(0, "gene_id", genes["gene_id"].to_numpy())
    table.insert(1, "condition", condition)
    return table


def _gene_table(genes: pd.DataFrame) -> pd.DataFrame:
    """Return what is planted for each gene, in the columns of truth/genes.tsv."""
    columns = [
        "gene_id",
        "gene_name",
        "gene_type",
        "chrom",
        "start",
        "end",
        "strand",
        "tss",
        "state",
    ]
    for condition in rules.CONDITIONS:
        columns += [f"{mark}_{condition}" for mark in rules.MARKS[:3]]
    columns += ["H3K27me3", "repression"]
    for condition in rules.CONDITIONS:
        columns += [f"{name}_{condition}" for name in ("activity", "gain", "level")]
    columns += [name for name in ("motif_copies", "class", "ceiling") if name in genes]
    return genes[columns]


def _element_table(
    genes: pd.DataFrame, elements: pd.DataFrame, links: pd.DataFrame
) -> pd.DataFrame:
    """Return each pair of element and gene (`links`) with its true effect, as in truth/elements.tsv."""
    gene = genes.iloc[links["gene"]].reset_index(drop=True)
    element = elements.iloc[links["element"]].reset_index(drop=True)
    table = pd.DataFrame(
        {
            "element_id": element["element_id"],
            "chrom": gene["chrom"],
            "start": element["start"],
            "end": element["end"],
            "kind": links["kind"],
            "gene_id": gene["gene_id"],
            "distance": links["distance"],
            "loop_strength": element["strength"],
        }
    )
    if "class" in element:
        table["class"] = element["class"]
        table[["match", "insulation"]] = links[["match", "insulation"]]
    ceiling = gene.get("ceiling", np.inf)
    for condition in rules.CONDITIONS:
        gain = links[f"gain_{condition}"]
        table[f"H3K27ac_{condition}"] = element[f"H3K27ac_{condition}"]
        table[f"gain_{condition}"] = gain
        table[f"effect_log2_{condition}"] = rules.silencing_effect(
            gain, gene[f"gain_{condition}"], ceiling
        )
    return table
