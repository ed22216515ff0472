"""Annotation that this project did not make: set CLASTER_REAL_FILES, or lay it beside the checkout."""

import os
from pathlib import Path

import pandas as pd
import pyBigWig
import pytest

from claster.errors import ClasterError
from claster.genome.assembly import (
    assemblies_with,
    chromosome_aliases,
    chromosome_sizes,
    match_chromosomes,
    read_chrom_sizes,
    rename_chromosomes,
)
from claster.genome.elements import read_elements, select_elements
from claster.genome.genes import read_gene_file, read_genes
from claster.genome.regions import _to_bedtool, overlapping, read_bed

PROJECT = Path(__file__).parents[2]
FILES = Path(os.environ.get("CLASTER_REAL_FILES", PROJECT.parent / "shared" / "data"))
ANNOTATION = FILES / "annotation"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not ANNOTATION.is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
    ),
]


def versioned(file):
    """Return how many gene IDs have a version."""
    return file.genes["gene_id"].str.contains(r"\.\d+(?:_PAR_Y)?$").sum()


def test_ensembl_gtf_slice():
    path = FILES / "mouse/fanc/genes_mm10_chr11_77-80Mb.gtf.gz"
    file = read_gene_file(path)
    assert (file.format, file.dialect, file.type_name) == ("GTF", "Ensembl", "gene_biotype")
    assert (file.features["gene"], versioned(file)) == (116, 0)
    genes = read_genes(path)
    assert (len(genes), (genes["type"] == "protein_coding").sum()) == (116, 63)
    gene = genes.set_index("name").loc["Slc6a4"]
    assert (gene["start"], gene["end"], gene["tss"]) == (76_998_602, 77_032_340, 76_998_602)


def test_fly_gtf_names_chromosomes_as_ensembl_does():
    genes = read_genes(FILES / "fly/pyGenomeTracks/dm3_subset_BDGP5.78.gtf.gz")
    dm3 = chromosome_sizes("dm3")
    renamed = rename_chromosomes(genes, sizes=dm3, aliases=chromosome_aliases("dm3"))
    assert set(genes["chrom"]) == {"X"}
    assert set(renamed["chrom"]) == {"chrX"}


def test_refseq_gtf_without_gene_rows():
    path = FILES / "human/genomation/chr21.refseq.hg19.gtf"
    assert "gene" not in read_gene_file(path).features
    with pytest.raises(ClasterError, match=r"no 'gene' rows, only 5,384 exon"):
        read_genes(path)


def test_headed_gene_table():
    path = ANNOTATION / "ABC/CollapsedGeneBounds.hg19.bed"
    file = read_gene_file(path)
    assert (file.format, file.type_name, file.padded) == ("table", "gene_type", 0)
    raw = pd.read_csv(path, sep="\t")
    assert read_genes(path)["tss"].tolist() == [
        start if strand == "+" else end - 1
        for start, end, strand in raw[["start", "end", "strand"]].itertuples(index=False)
    ]


def test_gene_bed_with_trailing_blanks():
    path = ANNOTATION / "ENCODE-cCREs_GENCODEM18_mm10/Genes.Basic-PC.bed.gz"
    file = read_gene_file(path)
    assert (file.format, file.dialect, file.type_name) == ("BED", "", "column 8")
    assert file.padded == versioned(file) == len(file.genes) == 21_978
    gene = read_genes(path).iloc[0]
    assert (gene["gene_id"], gene["name"], gene["type"]) == (
        "ENSMUSG00000051951.5",
        "Xkr4",
        "protein_coding",
    )


def test_tss_bed_that_counts_from_one():
    path = ANNOTATION / "ENCODE-cCREs_GENCODEM18_mm10/TSS.Basic-PC.bed.gz"
    file = read_gene_file(path)
    assert file.without_bases == len(file.genes) == 44_189
    with pytest.raises(ClasterError, match=r"without bases \(row 1 of 44,189\): give start < end"):
        read_genes(path)


def test_elements_without_accession_and_group():
    elements = read_elements(next(ANNOTATION.glob("VISION_cCRE_mm10/*.bed")))
    assert len(elements) == 96_084
    assert elements.iloc[0].tolist() == ["chr1:3446000-3446200", "chr1", 3_446_000, 3_446_200, ""]
    with pytest.raises(ClasterError, match="no groups at all"):
        select_elements(elements, groups=["ELS"])


def test_blacklists_read_as_pandas_reads_them(pybedtools):
    paths = sorted(ANNOTATION.glob("Blacklist/*.bed.gz"))
    assert len(paths) == 6
    for path in paths:
        expected = pd.read_csv(path, sep="\t", header=None).iloc[:, :3]
        found = read_bed(path)
        assert found.iloc[:, :3].to_numpy().tolist() == expected.to_numpy().tolist()
        assert read_bed(_to_bedtool(found)).equals(found)
        assert read_bed(pybedtools.BedTool(str(path))).equals(found)


def test_elements_on_the_blacklist_against_every_pair():
    elements = read_elements(next(ANNOTATION.glob("VISION_cCRE_mm10/*.bed")))
    blacklist = read_bed(ANNOTATION / "Blacklist/mm10-blacklist.bed.gz")
    elements = elements[elements["chrom"] == "chr5"]
    others = blacklist[blacklist["chrom"] == "chr5"]
    expected = [
        ((others["start"] < end) & (others["end"] > start)).any()
        for start, end in elements[["start", "end"]].itertuples(index=False)
    ]
    assert 0 < sum(expected) < len(expected)
    assert overlapping(elements, blacklist).tolist() == expected


def test_size_files_name_their_assembly():
    for path in ANNOTATION.glob("chrom_sizes/*.reduced.chrom.sizes"):
        assert assemblies_with(read_chrom_sizes(path)) == [path.name.split(".")[0]]


def test_a_track_of_another_build_is_told_by_its_lengths():
    path = FILES / "mouse/epiwraps/example_atac.bw"
    with pyBigWig.open(str(path)) as track:
        found = track.chroms()
    with pytest.raises(ClasterError, match="its lengths are those of mm39"):
        match_chromosomes(
            chromosome_sizes("mm10"),
            found,
            aliases=chromosome_aliases("mm10"),
            file=path,
            named="track ATAC",
        )
