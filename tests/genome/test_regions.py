import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.genome.assembly import chromosome_aliases, chromosome_sizes
from claster.genome.regions import contained_in, overlapping, read_regions, shared_bases

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


def tables(most=8):
    row = st.tuples(st.sampled_from(["chr1", "chr2"]), st.integers(0, 30), st.integers(1, 12))
    return st.lists(row, max_size=most).map(
        lambda rows: pd.DataFrame(
            [(chrom, start, start + width) for chrom, start, width in rows],
            columns=["chrom", "start", "end"],
        ).astype({"start": "int64", "end": "int64"})
    )


def bases(table):
    return {
        (chrom, base)
        for chrom, start, end in table.itertuples(index=False)
        for base in range(start, end)
    }


@given(tables(), tables())
@settings(derandomize=True, max_examples=200)
def test_what_lies_in_what_is_that_of_single_bases(some, others):
    some.index = some.index + 7
    covered = bases(others)
    single = [bases(some.loc[[row]]) for row in some.index]
    assert overlapping(some, others).tolist() == [bool(own & covered) for own in single]
    assert contained_in(some, others).tolist() == [own <= covered for own in single]
    assert shared_bases(some, others) == len(set().union(*single) & covered)
    for answer in (overlapping(some, others), contained_in(some, others)):
        assert answer.index.equals(some.index)
        assert answer.dtype == bool


def test_touching_is_not_sharing_and_no_base_shares_nothing():
    some = pd.DataFrame({"chrom": "chr1", "start": [0, 5, 7, 10], "end": [5, 5, 10, 12]})
    other = pd.DataFrame({"chrom": ["chr1"], "start": [5], "end": [10]})
    assert overlapping(some, other).tolist() == [False, False, True, False]
    assert overlapping(other, some).tolist() == [True]
    assert contained_in(some, other).tolist() == [False, True, True, False]
    assert shared_bases(some, other) == 3
