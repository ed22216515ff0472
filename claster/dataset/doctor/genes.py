"""What is found in the gene annotation of a dataset, and in a target that is a table of its genes."""

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from claster.dataset.doctor.findings import Finding, Item, count_of, listed, number, percent
from claster.dataset.inventory import unmatched_words
from claster.dataset.spec import DatasetSpec
from claster.dataset.targets import SHARED, read_values
from claster.errors import ClasterError
from claster.genome.assembly import (
    assembly_in,
    chromosome_aliases,
    known_assembly,
    rename_chromosomes,
)
from claster.genome.gene_names import one_gene
from claster.genome.genes import GeneFile, read_gene_file, require_genes
from claster.genome.rows import source_lines

_FAR = 2_000
_FARTHEST = 50_000
_FEWEST = 5
_FEWEST_STARTS = 3
_UCSC_NAMES = {
    "GRCh37": "hg19",
    "GRCh38": "hg38",
    "MGSCv37": "mm9",
    "NCBIM37": "mm9",
    "GRCm38": "mm10",
    "GRCm39": "mm39",
}

_FEW = 0.5
_SKEWED = 100.0


def examine_genes(
    spec: DatasetSpec, path: Path, sizes: Mapping[str, int]
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Return the gene table (0-based half-open) with the assembly's names, None where it cannot be read."""
    item, assembly = Item("genes", path), spec.assembly
    findings: list[Finding] = []
    try:
        gene_file = read_gene_file(path)
        remedy = "check 'genes' and 'data' in the dataset YAML"
        top = islice(source_lines(path, named="genes", remedy=remedy), 20)
        comments = " ".join(line for line in top if line.startswith("#"))
        findings += _check_file(gene_file, item, assembly=assembly, comments=comments)
        if any(finding.verdict == "fault" for finding in findings):
            return None, findings
        genes = gene_file.genes
        if genes.empty:
            raise ClasterError("no gene in the file", remedy="provide a GTF, a BED6 or a table")
        require_genes(genes, named=f"genes ({path})")
    except ClasterError as error:
        return None, [*findings, item.fault(error, "kind")]
    findings = [*_check_table(gene_file, item), *_check_ids(genes, item), *findings]
    if not sizes:
        return None, findings
    named = rename_chromosomes(genes, sizes=sizes, aliases=chromosome_aliases(assembly))
    pairs = zip(named["chrom"], genes["chrom"], strict=True)
    spelled = {ours: theirs for ours, theirs in pairs if ours != theirs}
    findings += _check_places(named, sizes, item, assembly=assembly, spelled=spelled)
    findings += [item.fault(error, check) for check, error in unmatched_words(spec, named, sizes)]
    return named if named["chrom"].isin(sizes.keys()).any() else None, findings


def _check_file(
    gene_file: GeneFile, item: Item, *, assembly: str, comments: str
) -> Iterator[Finding]:
    """Tell what keeps a file from being read as genes, and which assembly its top `comments` name."""
    if gene_file.format == "GTF" and gene_file.genes.empty:
        rows = listed(f"{n:,} {feature}" for feature, n in gene_file.features.items())
        remedy = "take the full annotation (GENCODE, Ensembl or NCBI RefSeq), or a BED6 of genes"
        yield item.found("dialect", "fault", f"a GTF without 'gene' rows: {rows}", remedy)
    if gene_file.without_bases and gene_file.format != "GTF":
        seen = (
            f"{gene_file.without_bases:,} of {count_of(len(gene_file.genes), 'row')} have their start "
            "equal to their end: starts count from 1, those of a BED count from 0"
        )
        yield item.found("starts", "fault", seen, _minus_one(Path(item.path)))
    if gene_file.padded:
        seen = f"{count_of(gene_file.padded, 'row')} with blanks at the end of a field, which are left out"
        yield item.found("blanks", "note", seen)
    build = assembly_in(comments)
    if build and _is_other(build, assembly):
        seen = f"its comments name {build}, the dataset is {assembly}"
        yield item.found("assembly", "warning", seen, _annotation_of(assembly))


def _check_table(gene_file: GeneFile, item: Item) -> Iterator[Finding]:
    """Tell how many genes of which types there are."""
    genes = gene_file.genes
    dialect = f"{gene_file.dialect} {gene_file.format}".strip()
    types = genes["type"].replace("", "without type").value_counts()
    counts = listed((f"{n:,} {kind}" for kind, n in types.items()), 3)
    if len(types) == 1:
        counts = f"all {types.index[0]}"
    seen = f"{dialect}, {count_of(len(genes), 'gene')} ({counts})"
    yield item.found("dialect", "fine", seen)
    if gene_file.format == "GTF" and gene_file.type_name == "gene_biotype":
        seen = "gene types are called 'gene_biotype', as Ensembl and RefSeq do: read as 'gene_type'"
        yield item.found("dialect", "note", seen)


def _check_ids(genes: pd.DataFrame, item: Item) -> Iterator[Finding]:
    """Tell what IDs look like, and which genes or IDs are there twice."""
    ensembl = genes["gene_id"].str.fullmatch(r"ENS[A-Z]*G\d+(\.\d+)?(_PAR_Y)?")
    versioned = genes["gene_id"].str.contains(r"\.\d+(?:_PAR_Y)?$")
    share = float((ensembl & versioned).sum()) / max(int(ensembl.sum()), 1)
    example = genes["gene_id"].iloc[0]
    if not ensembl.any() or share == 1:
        kind = "with version" if ensembl.any() else "not from Ensembl"
        yield item.found("ids", "fine", f"IDs {kind} ({example})")
    else:
        seen = f"{percent(share)} of the IDs have a version" if share else "IDs without version"
        seen += f" ({example}): lists of IDs to compare with need the same spelling"
        yield item.found("ids", "note", seen)
    keys = one_gene(genes)
    twins = genes[keys.duplicated() & ~genes["gene_id"].duplicated()]
    if len(twins):
        twin = twins.iloc[0]
        first = genes.loc[keys[keys == keys[twin.name]].index[0]]
        seen = (
            f"{count_of(len(twins), 'gene')} are there a second time ({first['gene_id']} on "
            f"{first['chrom']}, {twin['gene_id']} on {twin['chrom']}): where one is held out, the "
            "other does not train"
        )
        yield item.found("twins", "note", seen)
    once = genes["gene_id"].drop_duplicates()
    folded = once.astype(str).str.casefold()
    alike = once[folded.duplicated(keep=False)]
    if len(alike):
        one, other = alike[folded[alike.index] == folded[alike.index[0]]][:2]
        seen = f"{count_of(len(alike), 'ID')} differ from another one in capitals only ({one}, {other})"
        remedy = "keep the dataset on a disk that tells capitals apart, as disks of Linux do"
        yield item.found("capitals", "note", seen, remedy)
    twice = genes[genes["gene_id"].duplicated()]
    if len(twice):
        seen = f"{count_of(len(twice), 'row')} with the ID of an earlier one ({twice['gene_id'].iloc[0]})"
        remedy = "the first row of an ID counts; give each gene one row to choose another"
        many = len(twice) > 0.01 * len(genes)
        yield item.found("ids", "warning" if many else "note", seen, remedy)


def _check_places(
    genes: pd.DataFrame,
    sizes: Mapping[str, int],
    item: Item,
    *,
    assembly: str,
    spelled: Mapping[str, str],
) -> Iterator[Finding]:
    """Tell whether genes lie where the assembly has them; `spelled` has the file's names by ours."""
    on = genes[genes["chrom"].isin(sizes.keys())]
    if on.empty:
        seen = f"genes are on {listed(genes['chrom'].unique())}, {assembly} has {listed(sizes)}"
        remedy = "rename the chromosomes of the gene file, or correct 'assembly' in the YAML"
        yield item.found("chromosomes", "fault", seen, remedy)
        return
    off = genes[~genes["chrom"].isin(on["chrom"])]
    seen = f"{assembly}, genes on {count_of(on['chrom'].nunique(), 'chromosome')}"
    if len(off):
        names = listed(off["chrom"].unique(), 2)
        seen += f"; {len(off):,} genes on names that it lacks ({names}) are left out"
    if spelled:
        ours, theirs = next(iter(spelled.items()))
        seen += f"; the file says {theirs} for {ours}: read as such"
        yield item.found("chromosomes", "note", seen)
    elif len(off) > 0.1 * len(genes):
        remedy = "check that the file is for this assembly"
        yield item.found("chromosomes", "warning", seen, remedy)
    else:
        yield item.found("chromosomes", "fine", seen)
    past = on[on["end"] > on["chrom"].map(sizes)]
    if len(past):
        first = past.iloc[0]
        seen = (
            f"{count_of(len(past), 'gene')} end past their chromosome ({first['gene_id']} at "
            f"{first['chrom']}:{first['end']:,} of {sizes[first['chrom']]:,} bp): another assembly"
        )
        yield item.found("ends", "warning", seen, _annotation_of(assembly))
    landmarks = _known_genes(on, assembly)
    if _lie_elsewhere(landmarks):
        other = _assembly_of_genes(on)
        seen = (
            f"{landmarks['far'].sum()} of {len(landmarks)} genes whose place in {assembly} is known lie "
            f"elsewhere: {f'they lie where {other} has them' if other else 'another assembly'}"
        )
        yield item.found("assembly", "warning", seen, _annotation_of(assembly))
    same = landmarks[landmarks["same_end"]]
    shifted = same[same["shifted"]]
    if len(same) < _FEWEST_STARTS:
        return
    if len(shifted) <= 0.5 * len(same):
        yield item.found("starts", "fine", f"starts of {len(same)} known genes agree")
        return
    first = shifted.iloc[0]
    seen = (
        f"starts count from 1: {len(shifted)} of {count_of(len(same), 'known gene')} begin one base late "
        f"({first['name']} at {first['start']:,}, in {assembly} it is {first['start_known']:,}), "
        "so the TSS of + genes is 1 bp off"
    )
    yield item.found("starts", "warning", seen, _minus_one(Path(item.path)))


@cache
def _read_landmarks() -> pd.DataFrame:
    """Return the landmarks that come with the package.

    Columns `assembly`, `gene_id` (without version, "" where it is not known), `name`, `chrom`, `start`,
    `end` (0-based half-open).
    """
    with (files("claster.dataset.doctor") / "landmarks.tsv").open(encoding="utf-8") as handle:
        table = pd.read_csv(handle, sep="\t", comment="#", keep_default_na=False)
    return table.assign(start=table["start"] - 1)


def _known_genes(genes: pd.DataFrame, assembly: str) -> pd.DataFrame:
    """Return the genes that are landmarks of an assembly, by ID without version, else by name.

    `far`: start and end both lie over 2 kb from the landmark's (builds of one species are often no more than
    some 10 kb apart), or the end over 50 kb, or the chromosome is another. `same_end`: the end is the
    landmark's, so that starts can be compared; `shifted`: and the start is one base too far to the right.
    """
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
    starts = (both["start"] - both["start_known"]).abs()
    ends = (both["end"] - both["end_known"]).abs()
    far = ((starts > _FAR) & (ends > _FAR)) | (ends > _FARTHEST)
    far |= both["chrom"] != both["chrom_known"]
    same_end = ~far & (ends == 0)
    shifted = same_end & (both["start"] == both["start_known"] + 1)
    return both.assign(far=far, same_end=same_end, shifted=shifted)


def _lie_elsewhere(landmarks: pd.DataFrame) -> bool:
    """Tell whether most genes, of 5 or more that are known, lie elsewhere."""
    return len(landmarks) >= _FEWEST and landmarks["far"].sum() > 0.5 * len(landmarks)


def _assembly_of_genes(genes: pd.DataFrame) -> str:
    """Return the assembly in which most known genes of a table lie where they should, "" for none."""
    for assembly in _read_landmarks()["assembly"].unique():
        landmarks = _known_genes(genes, str(assembly))
        if len(landmarks) >= _FEWEST and not _lie_elsewhere(landmarks):
            return str(assembly)
    return ""


def _annotation_of(assembly: str) -> str:
    return f"take the annotation of {assembly}, or correct 'assembly' in the YAML"


def _minus_one(file: Path) -> str:
    unpack = "zcat" if file.name.endswith(".gz") else "cat"
    return (
        f"subtract 1 from every start: {unpack} {file.name} | "
        "awk -F'\\t' -v OFS='\\t' '$2 ~ /^[0-9]/ {$2 -= 1} 1' > "
        f"{file.name.removesuffix('.gz').removesuffix('.bed')}.from0.bed"
    )


def _is_other(build: str, assembly: str) -> bool:
    theirs, ours = known_assembly(build), known_assembly(assembly)
    return theirs is not None and ours is not None and theirs.sizes != ours.sizes


def examine_values(
    spec: DatasetSpec, genes: pd.DataFrame
) -> tuple[pd.DataFrame | None, list[Finding]]:
    """Read the table that is a target: how many genes have a value, and how values are spread."""
    target = spec.require_target()
    item = Item("target table", spec.source(str(target.table)))
    try:
        values = read_values(spec, genes)
    except ClasterError as error:
        return None, [item.fault(error, "values")]
    assert values is not None
    findings = []
    for condition in target.groups:
        of_genes = values[condition].to_numpy()
        middle, high = np.quantile(of_genes, [0.5, 1.0])
        told = (
            f"{condition}: values 0 to {number(high)}, half below {number(middle)}, "
            f"{percent(float((of_genes == 0).mean()))} are 0"
        )
        if high == 0:
            told, remedy = f"{condition}: every value is 0", "name another column as 'value'"
            findings.append(item.found("values", "warning", told, remedy))
        elif high > _SKEWED * middle and target.transform == "none":
            told += ": few genes decide the fit"
            remedy = "write 'transform: log1p' under 'target'"
            findings.append(item.found("values", "note", told, remedy))
        else:
            findings.append(item.found("values", "fine", told))
    count = genes["gene_id"].nunique()
    few = len(values) / count < _FEW
    remedy = "see whether 'id' names the annotation's gene IDs" if few else ""
    seen = f"a value for {len(values):,} of {count_of(count, 'gene')}"
    findings.append(item.found("genes", "warning" if few else "fine", seen, remedy))
    if shared := int(values[SHARED].sum()):
        train = "train" if target.train_shared else "do not train"
        seen = f"{shared:,} values stand for several genes: those genes {train}, and are not scored"
        findings.append(item.found("shared", "note", seen))
    return values, findings
