import pytest

from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases, chromosome_sizes
from claster.genome.regions import read_regions

SIZES = {"chr1": 100, "chr2": 50}


def rows(rules, folder=None, **options):
    found = read_regions(rules, **({"sizes": SIZES, "folder": folder} | options))
    assert found.columns.tolist() == ["chrom", "start", "end"]
    return found.to_numpy().tolist()


def test_gzipped_beds_and_paths(write, tmp_path):
    path = write("track name=held\nchr1 5 10\nchr2\t7\t8\tname\n", "held.bed.gz")
    expected = [["chr1", 5, 10], ["chr2", 7, 8]]
    assert rows(["held.bed.gz"], tmp_path) == expected
    assert rows([path], tmp_path / "elsewhere") == expected
    assert rows([], tmp_path) == []


def test_rules_may_spell_chromosomes_otherwise(write, tmp_path):
    write("1\t5\t10\n", "held.bed")
    assert rows(["2", "1:5-10", "held.bed"], tmp_path) == [
        ["chr2", 0, 50],
        ["chr1", 5, 10],
        ["chr1", 5, 10],
    ]
    mm10 = {"sizes": chromosome_sizes("mm10"), "aliases": chromosome_aliases("mm10")}
    assert rows(["NC_000067.6:7-9"], **mm10) == [["chr1", 7, 9]]
    with pytest.raises(ClasterError, match=r"no chromosome 'NC_000067.7'"):
        rows(["NC_000067.7:7-9"], **mm10)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("chr1\t5\t10\nchr1\tfive\t10\n", r"held.bed\), line 2: start 'five'"),
        ("# c\nchr1\t9\t9\n", r"held.bed\), line 2: 9-9 is an interval without bases"),
        (
            "chr1\t5\t10\nchr2\t5\t1000\n",
            r"'chr2:5-1,000' \(.*held.bed, row 2\) is not inside chr2",
        ),
        ("chr9\t5\t10\n", r"'chr9:5-10' \(.*held.bed, row 1\): the assembly has no chromosome"),
        ("# nothing\n", r"regions \(.*held.bed\) are empty"),
    ],
)
def test_bad_rows_say_where_they_are(write, tmp_path, text, said):
    write(text, "held.bed")
    with pytest.raises(ClasterError, match=said):
        rows(["held.bed"], tmp_path)
