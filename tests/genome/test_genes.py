import gzip

import pandas as pd
import pytest

from claster.errors import ClasterError
from claster.genome.genes import GENE_COLUMNS, check_genes, read_genes

GENCODE = """\
##description: evidence-based annotation
chr1\tHAVANA\tgene\t101\t200\t.\t+\t.\tgene_id "G1.5"; gene_type "protein_coding"; gene_name "One"; level 2;
chr1\tHAVANA\ttranscript\t101\t200\t.\t+\t.\tgene_id "G1.5"; transcript_id "T1"; gene_type "protein_coding";
chr2\tENSEMBL\tgene\t301\t400\t.\t-\t.\tgene_id "G2.1"; gene_type "lincRNA"; gene_name "Two";
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GENCODE.replace("\tgene\t", "\texon\t"), "no 'gene' rows"),
        ("chr1\t1\t5\n", "no strand"),
        ("chr1\t100\t200\tG1\t.\t.\n", "neither"),
        ("chr1\t200\t200\tG1\t.\t+\n", "without bases"),
        ("chr1\t1\t200\t\t.\t+\n", "without gene ID"),
        ("chr1\t1\t200\tA/B\t.\t+\n", "blank or a slash"),
        ("chr1\t1\t200\tA B\t.\t+\n", "blank or a slash"),
        ("chrom\tstart\tname\n", "lacks end, strand"),
        ("chr1\t100\tmany\tG1\t.\t+\n", "do not read"),
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
    with pytest.raises(ClasterError, match="not text"):
        read_genes(path)


def test_check_genes_answers_or_raises():
    row = dict(zip(GENE_COLUMNS, ["G", "G", "x", "chr1", 5, 9, "-", 5], strict=True))
    genes = pd.DataFrame([row])
    assert not check_genes(genes, raise_errors=False)
    with pytest.raises(ClasterError, match="first base"):
        check_genes(genes)
    assert check_genes(genes.assign(tss=8))
    with pytest.raises(ClasterError, match="no column tss"):
        check_genes(genes.drop(columns="tss"))
