import gzip

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.genome.gene_names import one_gene
from claster.genome.genes import GENE_COLUMNS, read_gene_file, read_genes, require_genes

GENCODE = """\
##description: evidence-based annotation
chr1\tHAVANA\tgene\t101\t200\t.\t+\t.\tgene_id "G1.5"; gene_type "protein_coding"; gene_name "One"; level 2;
chr1\tHAVANA\ttranscript\t101\t200\t.\t+\t.\tgene_id "G1.5"; transcript_id "T1"; gene_type "protein_coding";
chr2\tENSEMBL\tgene\t301\t400\t.\t-\t.\tgene_id "G2.1"; gene_type "lincRNA"; gene_name "Two";
"""
# As NCBI writes it: the ID is the symbol, the type is gene_biotype, chromosomes are accessions.
REFSEQ = """\
#gtf-version 2.2
#!genome-build GRCm38.p6
NC_000067.6\tBestRefSeq%2CGnomon\tgene\t3199733\t3672278\t.\t-\t.\tgene_id "Xkr4"; transcript_id ""; \
db_xref "GeneID:497097"; description "X-linked Kx; type 4"; gbkey "Gene"; gene "Xkr4"; \
gene_biotype "protein_coding"; gene_synonym "XRG4";
NC_000067.6\tGnomon\ttranscript\t3199733\t3672278\t.\t-\t.\tgene_id "Xkr4"; transcript_id "XM_1.1";
"""
ENSEMBL = """\
1\tensembl\tgene\t101\t200\t.\t-\t.\tgene_id "G1"; gene_version "5"; gene_biotype "protein_coding";
"""


def written(tmp_path, text, name="genes.txt"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_gencode_gtf_becomes_half_open(tmp_path):
    genes = read_genes(written(tmp_path, GENCODE))
    assert genes.columns.tolist() == GENE_COLUMNS
    assert genes.to_numpy().tolist() == [
        ["G1.5", "One", "protein_coding", "chr1", 100, 200, "+", 100],
        ["G2.1", "Two", "lincRNA", "chr2", 300, 400, "-", 399],
    ]


def test_gzipped_gtf_reads_the_same(tmp_path):
    path = tmp_path / "genes.gtf.gz"
    path.write_bytes(gzip.compress(GENCODE.encode()))
    assert read_genes(path).equals(read_genes(written(tmp_path, GENCODE)))


def test_ensembl_gtf_has_biotype_and_may_lack_a_name(tmp_path):
    gene = read_genes(written(tmp_path, ENSEMBL)).iloc[0]
    assert (gene["type"], gene["name"], gene["chrom"], gene["tss"]) == (
        "protein_coding",
        "G1",
        "1",
        199,
    )


def test_refseq_gtf_has_symbols_and_accessions(tmp_path):
    genes = read_genes(written(tmp_path, REFSEQ))
    assert genes.to_numpy().tolist() == [
        ["Xkr4", "Xkr4", "protein_coding", "NC_000067.6", 3_199_732, 3_672_278, "-", 3_672_277]
    ]


def test_an_attribute_is_not_part_of_another(tmp_path):
    text = (
        'chr1\tx\tgene\t1\t9\t.\t+\t.\thavana_gene_id "H1"; note "a; gene_id b"; gene_id "G1"; '
        'ref_gene_name "R";gene_name "One"\n'
    )
    gene = read_genes(written(tmp_path, text)).iloc[0]
    assert (gene["gene_id"], gene["name"], gene["type"]) == ("G1", "One", "")


def versioned(file):
    """Return how many gene IDs have a version."""
    return file.genes["gene_id"].astype(str).str.contains(r"\.\d+(?:_PAR_Y)?$").sum()


@pytest.mark.parametrize(
    ("text", "file"),
    [
        (GENCODE, ("GTF", "GENCODE", "gene_type", {"gene": 2, "transcript": 1}, 0, 2, 0)),
        (ENSEMBL, ("GTF", "Ensembl", "gene_biotype", {"gene": 1}, 0, 0, 0)),
        (REFSEQ, ("GTF", "RefSeq", "gene_biotype", {"gene": 1, "transcript": 1}, 0, 0, 0)),
        (
            GENCODE.replace("\tgene\t", "\texon\t"),
            ("GTF", "GENCODE", "gene_type", {"exon": 2, "transcript": 1}, 0, 0, 0),
        ),
        ("chr1\t5\t9\tG2.7\t0\t+\n", ("BED", "", "", {}, 0, 1, 0)),
        ("chr1\t9\t9\tG2 \t0\t+\tA \tlincRNA\n", ("BED", "", "column 8", {}, 1, 0, 1)),
        (
            "chr1\t5\t9\tG1.2_PAR_Y\t0\t+\t5\t9\t0,0,0\t1\t4,\t0,\n",
            ("BED", "", "", {}, 0, 1, 0),
        ),
        (
            "chr\tstart\tend\tname\tstrand\tbiotype\tgene_biotype\nc\t1\t2\tA\t+\tx\ty\n",
            ("table", "", "gene_biotype", {}, 0, 0, 0),
        ),
        ("", ("BED", "", "", {}, 0, 0, 0)),
    ],
)
def test_a_gene_file_tells_what_it_is(tmp_path, text, file):
    found = read_gene_file(written(tmp_path, text))
    said = (found.format, found.dialect, found.type_name, dict(found.features))
    assert (*said, found.padded, versioned(found), found.without_bases) == file


def test_a_bed9_whose_ids_are_numbers_is_no_gtf(tmp_path):
    file = read_gene_file(written(tmp_path, "chr1\t5\t9\t497097\t0\t+\t5\t9\t0\n"))
    assert (file.format, file.genes["gene_id"].tolist()) == ("BED", ["497097"])


def test_thick_ends_of_a_bed12_are_no_names(tmp_path):
    text = "chr1\t5\t9\tG1\t0\t+\t5\t9\t0,0,0\t1\t4,\t0,\n"
    gene = read_genes(written(tmp_path, text)).iloc[0]
    assert (gene["name"], gene["type"]) == ("G1", "")


@given(
    st.lists(
        st.tuples(st.integers(1, 10**9), st.integers(1, 10**6), st.sampled_from("+-")),
        min_size=1,
        max_size=6,
    )
)
def test_a_gtf_and_its_bed_give_the_same_genes(tmp_path_factory, rows):
    """A GTF interval is start..end with both ends in it, counted from 1."""
    gtf = bed = ""
    for number, (first, bases, strand) in enumerate(rows):
        last = first + bases - 1
        gtf += (
            f'chr1\tx\tgene\t{first}\t{last}\t.\t{strand}\t.\tgene_id "G{number}"; gene_type "t";\n'
        )
        bed += f"chr1\t{first - 1}\t{last}\tG{number}\t.\t{strand}\tG{number}\tt\n"
    folder = tmp_path_factory.mktemp("genes")
    genes = read_genes(written(folder, gtf, "genes.gtf"))
    assert genes.equals(read_genes(written(folder, bed, "genes.bed")))
    assert (genes["end"] - genes["start"]).tolist() == [bases for _, bases, _ in rows]
    assert genes["tss"].tolist() == [
        first - 1 if strand == "+" else first + bases - 2 for first, bases, strand in rows
    ]


def test_bed_is_taken_as_it_is(tmp_path):
    text = "# genes\nchr1\t100\t200\tG1.5 \t.\t-\tOne \tprotein_coding \nchr1\t5\t9\tG2\t0\t+\tTwo\tx\n"
    genes = read_genes(written(tmp_path, text))
    assert genes.to_numpy().tolist() == [
        ["G1.5", "One", "protein_coding", "chr1", 100, 200, "-", 199],
        ["G2", "Two", "x", "chr1", 5, 9, "+", 5],
    ]


def test_headed_table(tmp_path):
    text = (
        "#chr\tstart\tend\tname\tscore\tstrand\tEnsembl_ID\tgene_type\n"
        "chr1\t100\t200\tOne\t0\t+\tE1\tlincRNA\n"
    )
    genes = read_genes(written(tmp_path, text))
    assert genes.to_numpy().tolist() == [["E1", "One", "lincRNA", "chr1", 100, 200, "+", 100]]


def test_quotes_that_r_writes_around_words_are_no_part_of_them(tmp_path):
    text = (
        '"chr"\t"start"\t"end"\t"strand"\t"gene_id"\t"gene_name"\n'
        '"chr1"\t100\t200\t"+"\t"E1"\t"the ""one"" "\n'
        'chr1\t300\t400\t-\tE2\t5"\n'
    )
    genes = read_genes(written(tmp_path, text))
    assert genes[["gene_id", "name", "chrom", "strand"]].to_numpy().tolist() == [
        ["E1", 'the "one"', "chr1", "+"],
        ["E2", '5"', "chr1", "-"],
    ]


def test_a_symbol_that_steers_a_terminal_is_written_out(tmp_path):
    text = "chr1\t100\t200\tG1\t0\t+\t\x1b[31mred\u202e\tx\n"
    assert read_genes(written(tmp_path, text))["name"].tolist() == [r"\u001b[31mred\u202e"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GENCODE.replace("\tgene\t", "\texon\t"), "no 'gene' rows"),
        ("chr1\t1\t5\n", "no strand"),
        ("chr1\t100\t200\tG1\t.\t.\n", "neither"),
        ("chr1\t200\t200\tG1\t.\t+\n", "without bases"),
        ("chr1\t1\t200\t\t.\t+\n", "without gene ID"),
        ("chr1\t1\t200\tA/B\t.\t+\n", "a blank, a slash"),
        ("chr1\t1\t200\tA B\t.\t+\n", "a blank, a slash"),
        ("chrom\tstart\tname\n", "lacks end, strand"),
        ("chr1\t100\tmany\tG1\t.\t+\n", "line 1: end 'many' is not a whole number"),
        ("#c\nchr1\t-5\t9\tG1\t.\t+\n", "line 2: start '-5' is below 0"),
        ("chr1\t9\t5\tG1\t.\t+\n", "line 1: 9-5 starts behind its end"),
        ("\t1\t200\tG\t.\t+\n", "without chromosome"),
        ("chr1\t1\n", "line 1: no chromosome, start and end"),
        ("chr\tstart\tend\tstrand\nchr1\t1\t5\t+\n", "lacks gene_id"),
        ("chr\tstart\tend\tstrand\tname\nchr1\t1\t5\t+\tA\tB\n", "line 2: 6 fields under 5"),
        ("chr1\tx\tgene\t1\t9\t.\t+\t.\tID=gene:G1;biotype=lncRNA\n", "GFF3, not GTF"),
        ("chr1\tx\tgene\t1\t9\t.\t+\t.\tID 7\n", "without gene ID"),
        ('chr1\tx\tgene\t0\t9\t.\t+\t.\tgene_id "G";\n', "without bases"),
        (
            'chr1\tx\tgene\t1\t9\t.\t+\t.\tgene_id "G";\n\tx\tgene\tmany\t9\n',
            "line 2: start 'many'",
        ),
        ("<!DOCTYPE html>\n<html><body>\n", "an HTML page instead of text"),
        ("", "empty"),
    ],
)
def test_unusable_tables_say_why(tmp_path, text, said):
    with pytest.raises(ClasterError, match=said):
        read_genes(written(tmp_path, text))


def test_missing_file_and_binary_file(tmp_path):
    with pytest.raises(ClasterError, match="no file"):
        read_genes(tmp_path / "none.gtf")
    path = tmp_path / "genes.gtf"
    path.write_bytes(b"\x26\xfc\x8f\x88" * 20)
    with pytest.raises(ClasterError, match="a bigWig file instead of text"):
        read_genes(path)


def test_a_gzipped_file_that_ends_in_the_middle(tmp_path):
    path = tmp_path / "genes.gtf.gz"
    path.write_bytes(gzip.compress((GENCODE * 500).encode())[:-40])
    with pytest.raises(ClasterError, match="damaged"):
        read_genes(path)


def test_a_gzipped_file_with_wrong_bytes(tmp_path):
    path = tmp_path / "genes.gtf.gz"
    header = gzip.compress(b"")[:10]
    path.write_bytes(header + b"\xff" * 64)  # no deflate block begins so
    with pytest.raises(ClasterError, match="damaged"):
        read_genes(path)


def test_line_ends_and_byte_order_mark_of_windows(tmp_path):
    path = tmp_path / "genes.gtf"
    path.write_bytes(b"\xef\xbb\xbf" + ENSEMBL.replace("\n", "\r\n").encode())
    assert read_genes(path).equals(read_genes(written(tmp_path, ENSEMBL)))


@pytest.mark.slow
def test_a_whole_annotation_is_read(tmp_path):
    """GENCODE M25 has 1.9 million rows, 55 thousand of them genes."""
    gene = GENCODE.splitlines(keepends=True)[1]
    exon = gene.replace("\tgene\t", "\texon\t")
    path = tmp_path / "genes.gtf.gz"
    with gzip.open(path, "wt", compresslevel=1) as handle:
        for _ in range(55_000):
            handle.write(gene + exon * 33)
    file = read_gene_file(path)
    assert file.features == {"gene": 55_000, "exon": 1_815_000}


def test_require_genes_tells_which_rule_is_broken():
    row = dict(zip(GENE_COLUMNS, ["G", "G", "x", "chr1", 5, 9, "-", 5], strict=True))
    genes = pd.DataFrame([row])
    with pytest.raises(ClasterError, match="first base"):
        require_genes(genes)
    require_genes(genes.assign(tss=8))
    with pytest.raises(ClasterError, match="no column tss"):
        require_genes(genes.drop(columns="tss"))


def test_one_gene_by_name_on_alternate_sequences_and_both_sex_chromosomes():
    rows = [
        ("ENSG00000204531.20", "POU5F1", "chr6", 100, 200, "+"),
        ("ENSG00000206454.12", "POU5F1", "chr6_GL000251v2_alt", 130, 231, "+"),
        ("ASMTL", "ASMTL", "chrX", 50, 90, "-"),
        ("ASMTL_1", "ASMTL", "chrY", 50, 90, "-"),
        ("ZFX", "ZFX", "chrX", 10, 40, "+"),
        ("ZFX_Y", "ZFX", "chrY", 10, 45, "+"),
        ("U6.1", "U6", "chr1", 10, 40, "+"),
        ("U6.2", "U6", "chr2", 10, 40, "+"),
    ]
    table = pd.DataFrame(rows, columns=["gene_id", "name", "chrom", "start", "end", "strand"])
    keys = one_gene(table.assign(type="x")).tolist()
    assert keys[0] == keys[1] == "ENSG00000204531"
    assert keys[2] == keys[3] == "ASMTL"
    assert keys[4:] == ["ZFX", "ZFX_Y", "U6.1", "U6.2"]


@pytest.mark.parametrize("start", ["150,001", "150001.0", "1.5e5"])
def test_a_wrong_position_in_the_first_row_of_a_gtf_is_named(tmp_path, start):
    path = tmp_path / "genes.gtf"
    row = ["chr1", "HAVANA", "gene", start, "158000", ".", "+", ".", 'gene_id "G1";']
    path.write_text("\t".join(row) + "\n")
    with pytest.raises(ClasterError, match=f"line 1: start '{start}' is not a whole number"):
        read_genes(path)
