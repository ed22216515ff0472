import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.genome.elements import read_elements
from claster.genome.genes import read_genes
from claster.genome.regions import _to_bedtool, read_bed, read_regions

GENES_GTF = """\
chr1\tHAVANA\tgene\t101\t200\t.\t+\t.\tgene_id "G1.5"; gene_type "protein_coding"; gene_name "One";
chr1\tHAVANA\texon\t101\t150\t.\t+\t.\tgene_id "G1.5"; gene_type "protein_coding";
chr2\tENSEMBL\tgene\t301\t400\t.\t-\t.\tgene_id "G2.1"; gene_type "lincRNA"; gene_name "Two";
"""


@pytest.mark.parametrize("name", ["a.bed", "a.bed.gz"])
def test_comments_tracks_blanks_and_short_rows(write, name):
    text = (
        'browser position chr1:1-9\ntrack name="my\tgenes" useScore=1\n# a comment\n'
        "#chrom\tstart\tend\tname\n\n"
        "chr1\t5\t10\tG1.5 \t0\t+ \n"
        "chr2 7 8 two\n"
        "chr3\t0\t1\t\t\t\n"
        "#\tlast\tcomment\tof\tfour\tfields\n"
    )
    table = read_bed(write(text, name))
    assert table.columns.tolist() == ["chrom", "start", "end", "name", "score", "strand"]
    assert table.to_numpy().tolist() == [
        ["chr1", 5, 10, "G1.5", "0", "+"],
        ["chr2", 7, 8, "two", "", ""],
        ["chr3", 0, 1, "", "", ""],
    ]
    assert table["start"].dtype == table["end"].dtype == np.int64


def test_a_name_may_hold_blanks_between_tabs(write):
    assert read_bed(write("chr1\t0\t9\tHigh Signal Region\n"))["name"].tolist() == [
        "High Signal Region"
    ]


def test_columns_after_the_sixth_have_numbers(write):
    table = read_bed(write("chr1\t0\t9\ta\t.\t-\t1\tx\n"))
    assert table.columns.tolist()[6:] == ["column_7", "column_8"]
    assert table["column_8"].tolist() == ["x"]


def test_quotes_around_a_chromosome_go_and_single_ones_stay(write):
    table = read_bed(write('"chr1"\t0\t9\t"a b"\n"chr2 7 8 two"\n'))
    assert table["chrom"].tolist() == ["chr1", '"chr2']
    assert table["name"].tolist() == ["a b", 'two"']


def test_an_empty_bed_is_a_table_without_rows(write):
    table = read_bed(write("# nothing\n"))
    assert table.columns.tolist() == ["chrom", "start", "end"]
    assert table.empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chr1\t1\t5\nchr1\t5\n", r"line 2: no chromosome, start and end"),
        ("# c\n\nchr1\tx\t5\n", r"line 3: start 'x' is not a whole number"),
        ("chr1\t1\t5.0\n", r"line 1: end '5.0' is not"),
        ("chr1\t1,000\t5,000\n", r"line 1: start '1,000' is not"),
        ("chr1\t1\t5\nchr1\t7\t7\n", r"line 2: 7-7 is an interval without bases"),
        ("c\t8\t7\n", r"line 1: 8-7 starts behind its end"),
        ("chr1\t-1\t7\n", r"line 1: start '-1' is below 0"),
        ("chr1\t1\t99999999999999999999\n", r"line 1: end '9+' is beyond"),
    ],
)
def test_bad_rows_are_told_by_line(write, text, said):
    with pytest.raises(ClasterError, match=said):
        read_bed(write(text, "x.bed"), named="blacklist")


def test_missing_files_say_what_to_do(tmp_path):
    with pytest.raises(ClasterError, match=r"blacklist: no file at .*gone.bed: check 'blacklist'"):
        read_bed(tmp_path / "gone.bed", named="blacklist", remedy="check 'blacklist'")


def test_a_bedtool_of_every_making_reads_like_its_file(write, pybedtools):
    path = write("chr1\t5\t10\ta\t0\t+\nchr2\t7\t8\tb\t1\t-\n", "x.bed")
    expected = read_bed(path)
    frame = pybedtools.BedTool.from_dataframe(expected)
    assert read_bed(pybedtools.BedTool(str(path))).equals(expected)
    assert read_bed(pybedtools.BedTool(str(write(path.read_text(), "x.bed.gz")))).equals(expected)
    assert read_bed(frame).equals(expected)
    assert read_bed(pybedtools.BedTool(path.read_text(), from_string=True)).equals(expected)
    assert read_bed(pybedtools.BedTool(iter(list(frame)))).equals(expected)


def test_a_stream_is_read_once(write, pybedtools):
    stream = pybedtools.BedTool(iter(list(pybedtools.BedTool(str(write("c\t5\t9\n"))))))
    assert len(read_bed(stream)) == 1
    with pytest.raises(ClasterError, match=r"elements \(BedTool\) are empty"):
        read_elements(stream)


def test_a_broken_stream_says_so(write, pybedtools):
    path = write("c\t5\t9\nc\t10\t7\n")
    with (
        path.open() as handle,
        pytest.raises(ClasterError, match=r"BED \(BedTool\) cannot be read"),
    ):
        read_bed(pybedtools.BedTool(handle))


def test_a_bedtool_is_taken_wherever_a_bed_is(write, pybedtools, tmp_path):
    path = write("chr1\t5\t10\tG1\t0\t+\nchr2\t7\t8\tG2\t1\t-\n", "x.bed")
    made = pybedtools.BedTool(str(path))
    assert read_genes(made).equals(read_genes(path))
    assert read_elements(made).equals(read_elements(path))
    settings = {"sizes": {"chr1": 20, "chr2": 20}, "folder": tmp_path}
    assert read_regions([made], **settings).equals(read_regions(["x.bed"], **settings))


def test_genes_of_a_gtf_come_through_a_bedtool_too(write, pybedtools):
    path = write(GENES_GTF, "genes.gtf")
    made = pybedtools.BedTool(str(path))
    expected = read_genes(path)
    assert expected["start"].tolist() == [100, 300]
    assert read_genes(made).equals(expected)
    assert read_genes(pybedtools.BedTool(iter(list(made)))).equals(expected)


def test_genes_become_a_bedtool_and_come_back(write, pybedtools):
    genes = read_genes(write(GENES_GTF, "genes.gtf"))
    made = _to_bedtool(genes, name="gene_id")
    assert [interval.fields for interval in made] == [
        ["chr1", "100", "200", "G1.5", "0", "+"],
        ["chr2", "300", "400", "G2.1", "0", "-"],
    ]
    columns = ["gene_id", "chrom", "start", "end", "strand", "tss"]
    assert read_genes(made)[columns].equals(genes[columns])
    assert [interval.name for interval in _to_bedtool(genes)] == ["One", "Two"]


def test_only_the_columns_that_are_there_are_written(pybedtools):
    table = pd.DataFrame({"chrom": ["c"], "start": [1], "end": [5], "group": ["x"]}, index=[9])
    assert [i.fields for i in _to_bedtool(table)] == [["c", "1", "5"]]
    assert [i.fields for i in _to_bedtool(table.assign(strand="-"))] == [
        ["c", "1", "5", ".", "0", "-"]
    ]
    assert [i.fields for i in _to_bedtool(table.assign(name=""))] == [["c", "1", "5", "."]]
    assert [i.fields for i in _to_bedtool(table, name="group")] == [["c", "1", "5", "x"]]
    assert read_bed(_to_bedtool(table.iloc[:0])).empty
    with pytest.raises(ClasterError, match="no column start, end"):
        _to_bedtool(table[["chrom"]])


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["chr1", "2", "NC_1.1"]), st.integers(0, 10**9), st.integers(1, 10**6)
        ),
        max_size=5,
    )
)
def test_a_table_comes_back_from_a_bedtool(rows):
    table = pd.DataFrame(
        {
            "chrom": pd.Series([chrom for chrom, _, _ in rows], dtype=object),
            "start": np.array([start for _, start, _ in rows], dtype=np.int64),
            "end": np.array([start + bases for _, start, bases in rows], dtype=np.int64),
        }
    )
    made = _to_bedtool(table)
    assert read_bed(made).equals(table)
    Path(made.fn).unlink()


def test_no_temporary_file_is_left_behind(tmp_path):
    program = (
        "import pandas as pd; from claster.genome.regions import read_bed, _to_bedtool; "
        "made = _to_bedtool(pd.DataFrame({'chrom': ['c'], 'start': [1], 'end': [5]})); "
        "print(made.fn, len(read_bed(made)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.startswith(str(tmp_path))
    assert run.stdout.split()[1] == "1"
    assert list(tmp_path.iterdir()) == []


def test_reading_a_file_does_not_load_pybedtools(write):
    program = (
        "import sys; from claster.genome.regions import read_bed; "
        "read_bed(sys.argv[1]); print('pybedtools' in sys.modules)"
    )
    command = [sys.executable, "-c", program, str(write("c\t1\t5\n"))]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
