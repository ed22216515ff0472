"""What is found in gene files of every dialect."""

import gzip

import numpy as np
import pandas as pd
import pytest

from claster.dataset.doctor.genes import (
    _assembly_of_genes,
    _known_genes,
    _lie_elsewhere,
    _read_landmarks,
)


@pytest.fixture(scope="module")
def beside():
    return {"contacts": None, "genome": None}


def gtf(make, attributes, *, feature="gene", chrom="{chrom}", top=()):
    """Return GTF lines of the small dataset's genes."""
    lines = list(top)
    for row in make.genes():
        name, start, end, symbol, _, strand, gene_id, _ = row.split("\t")
        said = attributes.format(id=gene_id, plain=gene_id.split(".")[0], name=symbol)
        place = chrom.format(chrom=name, number=name.removeprefix("chr"))
        lines.append(f"{place}\tx\t{feature}\t{int(start) + 1}\t{end}\t.\t{strand}\t.\t{said}")
    return lines


GENCODE = 'gene_id "{id}"; gene_type "protein_coding"; gene_name "{name}";'
ENSEMBL = 'gene_id "{plain}"; gene_version "1"; gene_name "{name}"; gene_biotype "protein_coding";'
REFSEQ = 'gene_id "{name}"; db_xref "GeneID:1"; gene_biotype "protein_coding"; gene "{name}";'


def from_file(name):
    def change(content):
        content["genes"]["file"] = name

    return change


@pytest.mark.parametrize(
    ("attributes", "dialect", "noted"),
    [(GENCODE, "GENCODE GTF", False), (ENSEMBL, "Ensembl GTF", True), (REFSEQ, "RefSeq GTF", True)],
)
def test_gtf_dialects(examine, make, attributes, dialect, noted):
    make.text("genes.gtf", gtf(make, attributes))
    report = examine(from_file("genes.gtf"))
    found = [f for f in report.of("genes") if f.check == "dialect"]
    assert any(f"{dialect}, 71 genes (all protein_coding)" in f.evidence for f in found)
    assert any("'gene_biotype'" in f.evidence and f.verdict == "note" for f in found) == noted
    assert report.exit_code == 0


def test_gtf_without_gene_rows(examine, make, one):
    make.text("genes.gtf", gtf(make, GENCODE, feature="exon"))
    finding = one(examine(from_file("genes.gtf")), "genes", "dialect")
    assert finding.verdict == "fault"
    assert finding.evidence == "a GTF without 'gene' rows: 71 exon"


def test_names_without_chr(examine, make, one):
    make.text("genes.gtf", gtf(make, GENCODE, chrom="{number}"))
    finding = one(examine(from_file("genes.gtf")), "genes", "chromosomes")
    assert finding.verdict == "note"
    assert "the file says 1 for chr1" in finding.evidence


def test_names_of_another_world(examine, make, one):
    make.text("genes.gtf", gtf(make, GENCODE, chrom="scaffold{number}"))
    finding = one(examine(from_file("genes.gtf")), "genes", "chromosomes")
    assert finding.verdict == "fault"
    assert "scaffold1, scaffold2" in finding.evidence


@pytest.mark.parametrize(
    ("old", "new", "verdict", "says"),
    [
        ("chr1G0.1", "ENSMUSG00000000001.4", "note", "1.4 % of the IDs"),
        (".1\t", "\t", "fine", "not from Ensembl"),
    ],
)
def test_versions_of_ids(examine, make, one, old, new, verdict, says):
    rows = [row.replace(old, new) for row in make.genes()]
    if verdict == "note":
        rows[1:] = [r.replace(".1\t", "\t").replace("\tchr", "\tENSMUSG") for r in rows[1:]]
        rows[1:] = [
            "\t".join([*r.split("\t")[:6], f"ENSMUSG{n:011d}", "protein_coding"])
            for n, r in enumerate(rows[1:])
        ]
    make.text("genes.tsv", [make.header, *rows])
    finding = one(examine(), "genes", "ids")
    assert finding.verdict == verdict
    assert says in finding.evidence


def test_ids_without_version_are_noted(examine, make, one):
    rows = [
        "\t".join([*r.split("\t")[:6], f"ENSMUSG{n:011d}", "protein_coding"])
        for n, r in enumerate(make.genes())
    ]
    make.text("genes.tsv", [make.header, *rows])
    finding = one(examine(), "genes", "ids")
    assert finding.verdict == "note"
    assert finding.evidence.startswith("IDs without version (ENSMUSG00000000000)")


def test_duplicate_ids(examine, make, one):
    rows = make.genes()
    make.text("genes.tsv", [make.header, *rows, *rows[:5]])
    finding = one(examine(), "genes", "ids")
    assert finding.verdict == "warning"
    assert finding.evidence.startswith("5 rows with the ID of an earlier one (chr1G0.1)")


def test_ids_that_differ_in_capitals_only(examine, make, one):
    first, second, *others = make.genes()
    name = second.split("\t")[6]
    make.text(
        "genes.tsv",
        [make.header, first.replace(first.split("\t")[6], name.lower()), second, *others],
    )
    evidence = one(examine(), "genes", "capitals").evidence
    assert evidence == f"2 IDs differ from another one in capitals only ({name.lower()}, {name})"


def test_types_that_are_not_there(examine, make, one):
    make.text("genes.bed", ["\t".join(r.split("\t")[:6]) for r in make.genes()])
    finding = one(examine(from_file("genes.bed")), "genes", "types")
    assert finding.verdict == "fault"
    assert finding.remedy == "write 'types: null' under 'genes' to take all"


def test_genes_past_the_end(examine, make, one):
    rows = [*make.genes(), "chr2\t300000\t301000\tX\t0\t+\tX.1\tprotein_coding"]
    make.text("genes.tsv", [make.header, *rows])
    finding = one(examine(), "genes", "ends")
    assert finding.verdict == "warning"
    assert "chr2:301,000 of 200,000 bp" in finding.evidence


def test_start_equal_to_end(examine, make, one):
    rows = [r.split("\t") for r in make.genes()]
    make.text("tss.bed", ["\t".join([r[0], r[1], r[1], r[6], ".", r[5]]) for r in rows])
    finding = one(examine(from_file("tss.bed")), "genes", "starts")
    assert finding.verdict == "fault"
    assert finding.evidence.startswith("71 of 71 rows have their start equal to their end")
    assert "cat tss.bed | awk" in finding.remedy


def landmark_bed(assembly, *, shift, blank=""):
    known = _read_landmarks().query("assembly == @assembly")
    return [
        f"{g.chrom}\t{g.start + shift}\t{g.end}\t{g.gene_id or g.name}{blank}\t.\t+\t{g.name}\tprotein_coding"
        for g in known.itertuples()
    ]


@pytest.mark.parametrize("assembly", ["mm10", "hg38"])
@pytest.mark.parametrize(("shift", "verdict"), [(0, "fine"), (1, "warning")])
def test_starts_that_count_from_1_are_told_by_known_genes(
    examine, make, one, assembly, shift, verdict
):
    text = "\n".join(landmark_bed(assembly, shift=shift)) + "\n"
    (make.folder / "genes.bed.gz").write_bytes(gzip.compress(text.encode()))
    report = examine(
        from_file("genes.bed.gz"), assembly=assembly, chrom_sizes=None, splits={}, regions=None
    )
    finding = one(report, "genes", "starts")
    assert finding.verdict == verdict
    if shift:
        assert "begin one base late" in finding.evidence
        assert "zcat genes.bed.gz | awk" in finding.remedy


def test_known_genes_elsewhere_tell_another_assembly(examine, make, one):
    known = _read_landmarks().query("assembly == 'mm10'")
    rows = [
        f"{g.chrom}\t{g.start - 300_000}\t{g.end - 300_000}\t{g.gene_id}.3\t.\t+\tx\tprotein_coding"
        for g in known.itertuples()
    ]
    make.text("genes.bed", rows)
    report = examine(from_file("genes.bed"), assembly="mm10", chrom_sizes=None, splits={})
    finding = one(report, "genes", "assembly")
    assert finding.verdict == "warning"
    count = len(known)
    assert finding.evidence.startswith(f"{count} of {count} genes whose place in mm10 is known")


@pytest.mark.parametrize(
    ("assembly", "other"),
    [
        ("hg19", "hg38"),
        ("hg38", "hg19"),
        ("mm9", "mm10"),
        ("mm10", "mm9"),
        ("mm10", "mm39"),
        ("mm39", "mm10"),
        ("GRCm39", "mm10"),
    ],
)
def test_the_gene_table_of_another_build_of_the_species_is_named(
    examine, make, one, assembly, other
):
    make.text("genes.bed", landmark_bed(other, shift=0))
    report = examine(from_file("genes.bed"), assembly=assembly, chrom_sizes=None, splits={})
    finding = one(report, "genes", "assembly")
    assert finding.verdict == "warning"
    assert f"they lie where {other} has them" in finding.evidence


@pytest.mark.parametrize("assembly", ["hg19", "hg38", "mm9", "mm10", "mm39"])
@pytest.mark.parametrize("named", ["gene_id", "name"])
def test_known_genes_in_their_place_say_nothing(assembly, named):
    known = _read_landmarks().query("assembly == @assembly")
    genes = known.assign(gene_id=known[named].where(known[named] != "", known["name"]))
    found = _known_genes(genes, assembly)
    assert len(found) >= 0.95 * len(known)
    assert not _lie_elsewhere(found)
    assert _assembly_of_genes(genes) == assembly


def test_landmarks_count_what_can_be_compared():
    known = _read_landmarks().query("assembly == 'mm10'").head(4)
    genes = pd.DataFrame(
        {
            "gene_id": [f"{name}.7" for name in known["gene_id"]],
            "name": "",
            "chrom": known["chrom"].to_numpy(),
            "start": known["start"].to_numpy() + np.array([0, 1, 1, 0]),
            "end": known["end"].to_numpy() + np.array([0, 0, 9, 900_000]),
        }
    )
    found = _known_genes(genes, "mm10")
    assert len(found) == 4
    assert found[["far", "same_end", "shifted"]].sum().tolist() == [1, 2, 1]
    assert _known_genes(genes, "toy").empty


def test_landmarks_are_whole():
    known = _read_landmarks()
    assert (known["start"] < known["end"]).all()
    assert known.groupby("assembly").size().to_dict() == {
        "hg19": 138,
        "hg38": 194,
        "mm10": 183,
        "mm39": 120,
        "mm9": 120,
    }
    places = {("hg19", "chr21"), ("mm39", "chr11"), ("mm9", "chrX")}
    assert places <= set(zip(known["assembly"], known["chrom"], strict=True))
    fam = known.query("name == 'PRDM16'").iloc[0]
    assert (fam["chrom"], fam["start"], fam["end"]) == ("chr1", 3_069_167, 3_438_621)


def test_blanks_at_the_end_of_fields(examine, make, one):
    rows = [row.replace("chr1G0\t", "chr1G0 \t") for row in make.genes()]
    make.text("genes.tsv", [make.header, *rows])
    finding = one(examine(), "genes", "blanks")
    assert (finding.verdict, finding.evidence[:5]) == ("note", "1 row")


def test_build_named_in_comments(examine, make, one):
    top = ["#!genome-build GRCm39", "#!genome-version GRCm39"]
    make.text("genes.gtf", gtf(make, GENCODE, top=top))
    report = examine(from_file("genes.gtf"), assembly="mm10")
    finding = one(report, "genes", "assembly")
    assert finding.verdict == "warning"
    assert finding.evidence == "its comments name GRCm39, the dataset is mm10"
    top = ["##description: evidence-based annotation of the mouse genome (GRCm38), version M25"]
    make.text("genes.gtf", gtf(make, GENCODE, top=top))
    report = examine(from_file("genes.gtf"), assembly="mm10")
    assert [f for f in report.of("genes") if f.check == "assembly"] == []
