"""What is found in the gene annotation of a dataset."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from claster.dataset.doctor.findings import Finding, Verdict, count_of, listed, percent
from claster.genome.assembly import assembly_in, known_assembly
from claster.genome.gene_names import one_gene
from claster.genome.genes import GeneFile

_FAR = 2_000
_FARTHEST = 50_000
_FEWEST = 5
_UCSC_NAMES = {
    "GRCh37": "hg19",
    "GRCh38": "hg38",
    "MGSCv37": "mm9",
    "NCBIM37": "mm9",
    "GRCm38": "mm10",
    "GRCm39": "mm39",
}


class _Comparison(NamedTuple):
    """How a gene table lies to the landmarks of an assembly.

    Attributes
    ----------
    known
        Genes of the table that are landmarks.
    far
        Those of which start and end both lie over 2 kb from the landmark's (builds of one species are
        often no more than some 10 kb apart), or the end over 50 kb, or the chromosome is another.
    same_end
        Those whose end is the landmark's, so that their starts can be compared.
    shifted
        Those of `same_end` whose start is one base too far to the right.
    example
        The first shifted gene: name, start in the table, start of the landmark (both 0-based).
    """

    known: int
    far: int
    same_end: int
    shifted: int
    example: tuple[str, int, int] | None

    @property
    def elsewhere(self) -> bool:
        """Whether most genes, of 5 or more that are known, lie elsewhere."""
        return self.known >= _FEWEST and self.far > 0.5 * self.known


@cache
def _read_landmarks() -> pd.DataFrame:
    """Return the landmarks that come with the package.

    Returns columns `assembly`, `gene_id` (without version, "" where it is not known), `name`,
    `chrom`, `start`, `end` (0-based half-open).
    """
    with (files("claster.dataset.doctor") / "landmarks.tsv").open(encoding="utf-8") as handle:
        table = pd.read_csv(handle, sep="\t", comment="#", keep_default_na=False)
    return table.assign(start=table["start"] - 1)


def _compare_landmarks(genes: pd.DataFrame, assembly: str) -> _Comparison:
    """Compare genes with the landmarks of an assembly, by gene ID without version, else by name."""
    landmarks = _read_landmarks()
    landmarks = landmarks[landmarks["assembly"] == _UCSC_NAMES.get(assembly, assembly)]
    plain = genes.assign(gene_id=genes["gene_id"].str.replace(r"\.\d+$", "", regex=True))
    by_id = landmarks["gene_id"].isin(plain["gene_id"])
    both = pd.concat(
        [
            plain.merge(landmarks[by_id], on="gene_id", suffixes=("", "_known")),
            plain.merge(landmarks[~by_id], on="name", suffixes=("", "_known")),
        ]
    )
    moved = (both["start"] - both["start_known"]).abs() > _FAR
    ends = (both["end"] - both["end_known"]).abs()
    moved = (moved & (ends > _FAR)) | (ends > _FARTHEST)
    far = (both["chrom"] != both["chrom_known"]) | moved
    same = both[~far & (both["end"] == both["end_known"])]
    shifted = same[same["start"] == same["start_known"] + 1]
    example = None
    if len(shifted):
        first = shifted.iloc[0]
        example = (str(first["name"]), int(first["start"]), int(first["start_known"]))
    return _Comparison(len(both), int(far.sum()), len(same), len(shifted), example)


def _assembly_of_genes(genes: pd.DataFrame) -> str:
    """Return the assembly in which most known genes of a table lie where they should, "" for none."""
    for assembly in _read_landmarks()["assembly"].unique():
        found = _compare_landmarks(genes, str(assembly))
        if found.known >= _FEWEST and not found.elsewhere:
            return str(assembly)
    return ""


_FEWEST_STARTS = 3


def _found(file: Path, check: str, verdict: Verdict, evidence: str, remedy: str = "") -> Finding:
    return Finding("genes", str(file), check, verdict, evidence, remedy)


def check_gene_file(
    gene_file: GeneFile, *, file: Path, assembly: str, comments: str
) -> list[Finding]:
    """Tell what a gene file is, and what keeps it from being read as genes.

    Checks ``dialect``, ``starts`` (rows whose start is their end), ``blanks``, and ``assembly`` by the
    `comments` at the top of the file, which often name it.
    """
    results = []
    if gene_file.format == "GTF" and gene_file.genes.empty:
        rows = listed(f"{n:,} {feature}" for feature, n in gene_file.features.items())
        results.append(
            _found(
                file,
                "dialect",
                "fault",
                f"a GTF without 'gene' rows: {rows}",
                "take the full annotation (GENCODE, Ensembl or NCBI RefSeq), or a BED6 of genes",
            )
        )
    if gene_file.without_bases and gene_file.format != "GTF":
        results.append(
            _found(
                file,
                "starts",
                "fault",
                f"{gene_file.without_bases:,} of {count_of(len(gene_file.genes), 'row')} have their start "
                "equal to their end: starts count from 1, those of a BED count from 0",
                f"subtract 1 from every start: {_minus_one(file)}",
            )
        )
    if gene_file.padded:
        results.append(
            _found(
                file,
                "blanks",
                "note",
                f"{count_of(gene_file.padded, 'row')} with blanks at the end of a field, which are left out",
            )
        )
    build = assembly_in(comments)
    if build and _is_other(build, assembly):
        results.append(
            _found(
                file,
                "assembly",
                "warning",
                f"its comments name {build}, the dataset is {assembly}",
                f"take the annotation of {assembly}, or correct 'assembly' in the YAML",
            )
        )
    return results


def check_gene_table(gene_file: GeneFile, *, file: Path) -> list[Finding]:
    """Tell how many genes of which types there are, and what their IDs look like.

    Checks ``dialect``, ``ids``, ``twins`` and ``capitals``.
    """
    genes = gene_file.genes
    dialect = f"{gene_file.dialect} {gene_file.format}".strip()
    types = genes["type"].replace("", "without type").value_counts()
    counts = listed((f"{n:,} {kind}" for kind, n in types.items()), 3)
    if len(types) == 1:
        counts = f"all {types.index[0]}"
    results = [
        _found(file, "dialect", "fine", f"{dialect}, {count_of(len(genes), 'gene')} ({counts})")
    ]
    if gene_file.format == "GTF" and gene_file.type_name == "gene_biotype":
        results.append(
            _found(
                file,
                "dialect",
                "note",
                "gene types are called 'gene_biotype', as Ensembl and RefSeq do: read as 'gene_type'",
            )
        )
    return results + _check_ids(genes, file=file)


def check_gene_places(
    genes: pd.DataFrame,
    sizes: Mapping[str, int],
    *,
    file: Path,
    assembly: str,
    spelled: Mapping[str, str],
) -> list[Finding]:
    """Tell whether genes lie where the assembly has them.

    `spelled` gives the file's own name of each chromosome that it spells otherwise.
    Checks ``chromosomes``, ``ends`` (genes past the end of a chromosome), ``assembly`` (genes far from
    where they are known to be) and ``starts`` (1-based starts in a BED, told by known genes).
    """
    on = genes[genes["chrom"].isin(sizes.keys())]
    if on.empty:
        return [
            _found(
                file,
                "chromosomes",
                "fault",
                f"genes are on {listed(genes['chrom'].unique())}, {assembly} has {listed(sizes)}",
                "rename the chromosomes of the gene file, or correct 'assembly' in the YAML",
            )
        ]
    results = [_check_names(genes, on, file=file, assembly=assembly, spelled=spelled)]
    past = on[on["end"] > on["chrom"].map(sizes)]
    if len(past):
        first = past.iloc[0]
        results.append(
            _found(
                file,
                "ends",
                "warning",
                f"{count_of(len(past), 'gene')} end past their chromosome ({first['gene_id']} at "
                f"{first['chrom']}:{first['end']:,} of {sizes[first['chrom']]:,} bp): another assembly",
                f"take the annotation of {assembly}, or correct 'assembly' in the YAML",
            )
        )
    landmarks = _compare_landmarks(on, assembly)
    if landmarks.elsewhere:
        other = _assembly_of_genes(on)
        results.append(
            _found(
                file,
                "assembly",
                "warning",
                f"{landmarks.far} of {landmarks.known} genes whose place in {assembly} is known lie "
                f"elsewhere: {f'they lie where {other} has them' if other else 'another assembly'}",
                f"take the annotation of {assembly}, or correct 'assembly' in the YAML",
            )
        )
    if landmarks.same_end >= _FEWEST_STARTS:
        results.append(_check_starts(landmarks, file=file, assembly=assembly))
    return results


def _check_ids(genes: pd.DataFrame, *, file: Path) -> list[Finding]:
    results = []
    ensembl = genes["gene_id"].str.fullmatch(r"ENS[A-Z]*G\d+(\.\d+)?(_PAR_Y)?")
    versioned = genes["gene_id"].str.contains(r"\.\d+(?:_PAR_Y)?$")
    share = float((ensembl & versioned).sum()) / max(int(ensembl.sum()), 1)
    example = genes["gene_id"].iloc[0]
    if not ensembl.any() or share == 1:
        kind = "with version" if ensembl.any() else "not from Ensembl"
        results.append(_found(file, "ids", "fine", f"IDs {kind} ({example})"))
    else:
        seen = (
            "IDs without version" if share == 0 else f"{percent(share)} of the IDs have a version"
        )
        results.append(
            _found(
                file,
                "ids",
                "note",
                f"{seen} ({example}): lists of IDs to compare with need the same spelling",
            )
        )
    keys = one_gene(genes)
    twins = genes[keys.duplicated() & ~genes["gene_id"].duplicated()]
    if len(twins):
        twin = twins.iloc[0]
        first = genes.loc[keys[keys == keys[twin.name]].index[0]]
        results.append(
            _found(
                file,
                "twins",
                "note",
                f"{count_of(len(twins), 'gene')} are there a second time ({first['gene_id']} on "
                f"{first['chrom']}, {twin['gene_id']} on {twin['chrom']}): where one is held out, the "
                "other does not train",
            )
        )
    once = genes["gene_id"].drop_duplicates()
    folded = once.astype(str).str.casefold()
    alike = once[folded.duplicated(keep=False)]
    if len(alike):
        first, second = alike[folded[alike.index] == folded[alike.index[0]]][:2]
        results.append(
            _found(
                file,
                "capitals",
                "note",
                f"{count_of(len(alike), 'ID')} differ from another one in capitals only ({first}, {second})",
                "keep the dataset on a disk that tells capitals apart, as disks of Linux do",
            )
        )
    twice = genes[genes["gene_id"].duplicated()]
    if len(twice):
        results.append(
            _found(
                file,
                "ids",
                "warning" if len(twice) > 0.01 * len(genes) else "note",
                f"{count_of(len(twice), 'row')} with the ID of an earlier one ({twice['gene_id'].iloc[0]})",
                "the first row of an ID counts; give each gene one row to choose another",
            )
        )
    return results


def _check_names(
    genes: pd.DataFrame, on: pd.DataFrame, *, file: Path, assembly: str, spelled: Mapping[str, str]
) -> Finding:
    off = genes[~genes["chrom"].isin(on["chrom"])]
    seen = f"{assembly}, genes on {count_of(on['chrom'].nunique(), 'chromosome')}"
    if len(off):
        names = listed(off["chrom"].unique(), 2)
        seen += f"; {len(off):,} genes on names that it lacks ({names}) are left out"
    if spelled:
        ours, theirs = next(iter(spelled.items()))
        return _found(
            file,
            "chromosomes",
            "note",
            f"{seen}; the file says {theirs} for {ours}: read as such",
        )
    verdict: Verdict = "warning" if len(off) > 0.1 * len(genes) else "fine"
    remedy = "check that the file is for this assembly" if verdict == "warning" else ""
    return _found(file, "chromosomes", verdict, seen, remedy)


def _check_starts(landmarks: _Comparison, *, file: Path, assembly: str) -> Finding:
    same, shifted = landmarks.same_end, landmarks.shifted
    if shifted <= 0.5 * same or landmarks.example is None:
        return _found(file, "starts", "fine", f"starts of {same} known genes agree")
    gene, start, known = landmarks.example
    return _found(
        file,
        "starts",
        "warning",
        f"starts count from 1: {shifted} of {count_of(same, 'known gene')} begin one base late "
        f"({gene} at {start:,}, in {assembly} it is {known:,}), so the TSS of + genes is 1 bp off",
        f"subtract 1 from every start: {_minus_one(file)}",
    )


def _minus_one(file: Path) -> str:
    unpack = "zcat" if file.name.endswith(".gz") else "cat"
    return (
        f"{unpack} {file.name} | awk -F'\\t' -v OFS='\\t' '$2 ~ /^[0-9]/ {{$2 -= 1}} 1' > "
        f"{file.name.removesuffix('.gz').removesuffix('.bed')}.from0.bed"
    )


def _is_other(build: str, assembly: str) -> bool:
    theirs, ours = known_assembly(build), known_assembly(assembly)
    return theirs is not None and ours is not None and theirs.sizes != ours.sizes
