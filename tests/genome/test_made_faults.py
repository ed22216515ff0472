"""Tables as people make them: a spelling is read exactly, a fault ends in an error, nothing in between."""

import gzip
from contextlib import suppress

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.analysis.crispr_table import read_crispr_table
from claster.errors import ClasterError
from claster.genome.assembly import read_chrom_sizes
from claster.genome.elements import read_elements
from claster.genome.genes import read_genes
from claster.genome.regions import read_bed
from claster.genome.rows import _LAST_POSITION

QUICK = settings(max_examples=50, deadline=None, derandomize=True)
NAMES = [
    "nan",
    "NA",
    "null",
    "None",
    "True",
    "1e5",
    "007",
    "1",
    "-1",
    "inf",
    "n.a.",
    "Größe",
    "Ψ-1",
]
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
STRANGE = [
    "-5",
    "1e6",
    "1000.0",
    "1 000",
    "1,000",
    "0x10",
    "",
    "x",
    "²",
    "٣",
    "NaN",
    "inf",
    "1_0",
    "+5",
    "9" * 12,
]


@st.composite
def intervals(draw):
    """Rows of chromosome, start, end and a name of their own."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=6, unique=True))
    rows = []
    for name in names:
        start = draw(st.integers(0, 2 * 10**9))
        length = draw(st.integers(1, 10**9))
        rows.append(
            (draw(st.sampled_from(["chr1", "1", "NA", "chrUn"])), start, start + length, name)
        )
    return rows


@st.composite
def spelled(draw, rows):
    """The bytes of a tab-separated table, in one of the spellings that mean the same."""
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    pad = draw(st.sampled_from(["", " ", "  "]))
    lines = ["\t".join(f"{pad}{field}{pad}" for field in row) for row in rows]
    if draw(st.booleans()):
        lines.insert(1 if len(lines) > 1 else 0, "# a comment, ö")
    text = end.join(lines) + draw(st.sampled_from(["", end, end + end]))
    content = text.encode(draw(st.sampled_from(ENCODINGS)))
    return gzip.compress(content) if draw(st.booleans()) else content


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A file whose name says nothing."""
    return tmp_path_factory.mktemp("made") / "table"


def genes_of(rows):
    head = ("chr", "start", "end", "strand", "gene_id")
    return [head, *((chrom, start, end, "+", name) for chrom, start, end, name in rows)]


@QUICK
@given(data=st.data(), rows=intervals())
def test_spellings_of_a_bed_are_the_same_bed(path, data, rows):
    path.write_bytes(data.draw(spelled(rows)))
    found = read_bed(path)
    assert list(found.itertuples(index=False, name=None)) == rows


@QUICK
@given(data=st.data(), rows=intervals())
def test_spellings_of_genes_and_elements_are_the_same(path, data, rows):
    path.write_bytes(data.draw(spelled(genes_of(rows))))
    genes = read_genes(path)
    assert (
        list(zip(genes["chrom"], genes["tss"], genes["end"], genes["gene_id"], strict=True)) == rows
    )
    path.write_bytes(data.draw(spelled(rows)))
    elements = read_elements(path)
    assert (
        list(elements[["chrom", "start", "end", "element_id"]].itertuples(index=False, name=None))
        == rows
    )


@QUICK
@given(
    data=st.data(),
    sizes=st.dictionaries(st.sampled_from(NAMES), st.integers(1, _LAST_POSITION), min_size=1),
)
def test_spellings_of_sizes_are_the_same(path, data, sizes):
    path.write_bytes(data.draw(spelled(list(sizes.items()))))
    assert read_chrom_sizes(path) == sizes


@QUICK
@given(
    data=st.data(),
    rows=intervals(),
    strange=st.sampled_from(STRANGE),
    column=st.sampled_from([1, 2]),
)
def test_a_number_that_is_none_is_told(path, data, rows, strange, column):
    broken = [list(row) for row in rows]
    broken[data.draw(st.integers(0, len(rows) - 1))][column] = strange
    path.write_bytes(data.draw(spelled(broken)))
    for read in (read_bed, read_elements):
        with pytest.raises(ClasterError, match=r"line \d+: "):
            read(path)
    path.write_bytes(data.draw(spelled(genes_of([tuple(row) for row in broken]))))
    with pytest.raises(ClasterError, match=r"line \d+: "):
        read_genes(path)
    path.write_bytes(data.draw(spelled([("chr1", strange)])))
    with pytest.raises(ClasterError, match=r"line \d+: "):
        read_chrom_sizes(path)


@pytest.mark.parametrize(
    "text",
    [
        "chr1 1 000 000",
        "chr1 16 299",
        "chr1\t1 000",
        "chr1\t1,000",
        "chr1\t0",
        "chr1",
        "\t5",
        "chr1\t²",
        "chr1\t5000000000",
        "chr1\t5\nchr1\t6",
        "",
    ],
)
def test_sizes_that_are_none(path, text):
    path.write_text(text)
    with pytest.raises(ClasterError):
        read_chrom_sizes(path)


def test_sizes_by_an_index_and_by_blanks(path):
    path.write_text("chr1\t1000\t6\t60\t61\nchr2\t50\t1030\t60\t61\n")
    assert read_chrom_sizes(path) == {"chr1": 1000, "chr2": 50}
    path.write_text("# made by hand\nchr1   1000\nchr1 1000\nchr2 50\n")
    assert read_chrom_sizes(path) == {"chr1": 1000, "chr2": 50}


PAIRS = {
    "chrom": "chr1",
    "chromStart": "100",
    "chromEnd": "300",
    "measuredGeneSymbol": "NA",
    "chrTSS": "chr1",
    "startTSS": "5000.0",
    "ValidConnection": "TRUE",
    "CellType": "K562",
    "Regulated": "FALSE",
    "EffectSize": "-0.25",
}


def write_pairs(path, **changes):
    row = {**PAIRS, **changes}
    path.write_text("\t".join(row) + "\n" + "\t".join(row.values()) + "\n")


def test_a_pair_is_read_exactly(path):
    write_pairs(path)
    (pair,) = read_crispr_table(path).itertuples()
    assert (pair.start, pair.end, pair.table_tss) == (100, 300, 5000)
    assert (pair.symbol, pair.effect_size, pair.regulated) == ("NA", -0.25, False)
    write_pairs(path, EffectSize="NA", startTSS="NA")
    (pair,) = read_crispr_table(path).itertuples()
    assert pd.isna(pair.effect_size)
    assert (pair.table_tss, pair.valid) == (-1, "no TSS or truth")


@pytest.mark.parametrize("column", ["chromStart", "chromEnd", "startTSS"])
@pytest.mark.parametrize("strange", [word for word in STRANGE if word not in ("", "1000.0")])
def test_a_pair_with_a_strange_position_is_told(path, column, strange):
    write_pairs(path, **{column: strange})
    with pytest.raises(ClasterError, match="CRISPR pairs"):
        read_crispr_table(path)


@pytest.mark.parametrize("strange", ["0,25", "inf", "-", "x", "1 0"])
def test_a_pair_with_a_strange_effect_is_told(path, strange):
    write_pairs(path, EffectSize=strange)
    with pytest.raises(ClasterError, match=r"'EffectSize' .* is not a number"):
        read_crispr_table(path)


@QUICK
@given(data=st.data(), rows=intervals(), flips=st.integers(1, 8))
def test_spoilt_bytes_end_in_a_table_or_an_error(path, data, rows, flips):
    content = bytearray(data.draw(spelled(rows)))
    for _ in range(flips):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    for read in (read_bed, read_elements, read_genes, read_crispr_table):
        with suppress(ClasterError):
            table = read(path)
            assert ((table["start"] >= 0) & (table["start"] < table["end"])).all()
    with suppress(ClasterError):
        assert all(0 < size <= _LAST_POSITION for size in read_chrom_sizes(path).values())


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("A/B", "a slash"),
        ("..", "starts with a dot"),
        (".hidden", "starts with a dot"),
        ("a\x07b", "a control character"),
        ("a\x85b", "a control character"),
        ("a\u202eb", "a control character"),
        ("Ψ" * 101, "more than 200 bytes"),
        ("x" * 201, "more than 200 bytes"),
    ],
)
def test_an_id_that_cannot_name_a_file_is_refused(path, name, said):
    for rows, read in (
        (genes_of([("chr1", 5, 9, name)]), read_genes),
        ([("chr1", 5, 9, name)], read_elements),
    ):
        path.write_text("\n".join("\t".join(map(str, row)) for row in rows), encoding="utf-8")
        with pytest.raises(ClasterError, match=said):
            read(path)


def test_ids_that_look_the_same_are_refused(path):
    rows = genes_of([("chr1", 5, 9, "Gr\u00f6n"), ("chr1", 15, 19, "Gro\u0308n")])
    path.write_text("\n".join("\t".join(map(str, row)) for row in rows), encoding="utf-8")
    with pytest.raises(ClasterError, match=r"looks like an earlier one .*row 2 of 2"):
        read_genes(path)
