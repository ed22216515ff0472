import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.genome.elements import (
    _ELEMENT_COLUMNS,
    _rules,
    read_elements,
    select_elements,
)
from claster.genome.rows import require_rows

TABLE = """\
chr\tstart\tend\trDHS_accession\tcCRE_accession\tgroup\tATAC_max
chr1\t100\t350\tEM10D0000001\tEM10E0000001\tpELS,CTCF-bound\t1.5
chr1\t900\t1100\tEM10D0000002\tEM10E0000002\tPLS\t2.0
"""
SCREEN = """\
chr1\t100\t350\tEM10D0000001\tEM10E0000001\tpELS,CTCF-bound
chr1\t900\t1100\tEM10D0000002\tEM10E0000002\tPLS
"""
EXPECTED = [
    ["EM10E0000001", "chr1", 100, 350, "pELS,CTCF-bound"],
    ["EM10E0000002", "chr1", 900, 1100, "PLS"],
]


def rows(path):
    table = read_elements(path)
    assert table.columns.tolist() == _ELEMENT_COLUMNS
    return table.to_numpy().tolist()


@pytest.mark.parametrize("name", ["ccres.tsv", "ccres.tsv.gz"])
def test_the_supplementary_table(write, name):
    assert rows(write(TABLE, name)) == EXPECTED


def test_columns_go_by_their_names(write):
    text = (
        "#Chrom\tGroup\tcCRE_Accession\tname\tchromStart\tchromEnd\n"
        "chr1\tpELS,CTCF-bound\tEM10E0000001\tx\t100\t350\n"
        "chr1\tPLS\tEM10E0000002\tx\t900\t1100\n"
    )
    assert rows(write(text)) == EXPECTED


def test_a_header_in_the_middle_is_a_comment(write):
    top, first, second = TABLE.splitlines(keepends=True)
    assert rows(write(f"#{top}{first}#{top}{second}")) == EXPECTED


def test_screen_and_portal_beds(write):
    assert rows(write(SCREEN, "mm10.bed.gz")) == EXPECTED
    portal = (
        "chr1\t100\t350\tEH38E1310153\t0\t.\t100\t350\t225,225,225\tLow-DNase\tAll-data\n"
        "chr1\t900\t1100\tEH38E1310154\t0\t.\t900\t1100\t255,0,0\tPLS\tAll-data\n"
    )
    assert rows(write(portal)) == [
        ["EH38E1310153", "chr1", 100, 350, "Low-DNase"],
        ["EH38E1310154", "chr1", 900, 1100, "PLS"],
    ]


def test_other_beds_have_names_or_places_and_no_group(write):
    places = [["chr1:5-9", "chr1", 5, 9, ""], ["chr1:7-12", "chr1", 7, 12, ""]]
    assert rows(write("chr1\t5\t9\nchr1\t7\t12\n")) == places
    assert rows(write("chr1\t5\t9\tpeak\nchr1\t7\t12\tpeak\n")) == places
    assert rows(write("chr1\t5\t9\ta\nchr1\t7\t12\n")) == places
    assert rows(write("chr1\t5\t9\ta\t1\t+\nchr1\t7\t12\t.\t1\t-\n")) == places
    assert rows(write("chr1\t5\t9\ta\nchr1\t7\t12\tb\n"))[1] == ["b", "chr1", 7, 12, ""]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "are empty: give"),
        (TABLE.splitlines()[0] + "\n", "are empty"),
        ("start\tgroup\n1\tPLS\n", "the header lacks chrom, end: name the columns"),
        (TABLE.replace("350", "x"), "line 2: end 'x' is not a whole number"),
        (TABLE.replace("1100", "900"), "line 3: 900-900 is an interval without bases"),
        (SCREEN.replace("0000002", "0000001"), r"an earlier row has \(row 2 of 2\)"),
        (SCREEN.replace("EM10E0000002", ""), r"without element ID \(row 2 of 2\)"),
        ("chr1\t5\t9\tHigh Signal Region\n", "a blank, a slash"),
        ("chr1\t5\t9\nchr1\t5\t9\n", "an earlier row has"),
        ("\t5\t9\tname\n", "without chromosome"),
        ("chr1\tx\tgene\t1\t9\t.\t+\t.\tgene_id\n", "line 1: start 'x'"),
    ],
)
def test_unusable_elements_say_why(write, text, said):
    with pytest.raises(ClasterError, match=said):
        read_elements(write(text))


def test_missing_elements(tmp_path):
    with pytest.raises(ClasterError, match=r"no file at .*: check 'elements'"):
        read_elements(tmp_path / "none.bed")


def test_a_table_that_breaks_a_rule_is_refused(write):
    elements = read_elements(write(TABLE))
    require_rows(elements, _ELEMENT_COLUMNS, _rules, named="cCREs")
    for broken in (
        elements.assign(start=-1),
        elements.assign(end=elements["start"]),
        elements.assign(element_id="same"),
        elements.assign(element_id=None),
        elements.assign(group=None),
        elements.assign(chrom=""),
        elements.drop(columns="group"),
    ):
        with pytest.raises(ClasterError, match="cCREs: "):
            require_rows(broken, _ELEMENT_COLUMNS, _rules, named="cCREs")


def grouped(*groups):
    return pd.DataFrame(
        {"element_id": [f"e{i}" for i in range(len(groups))], "group": groups}, dtype=object
    )


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (None, ["e0", "e1", "e2", "e3", "e4"]),
        (["ELS"], ["e0", "e1"]),
        (["pELS"], ["e0"]),
        (["dELS", "PLS"], ["e1", "e2"]),
        (["CTCF-bound"], ["e0", "e3"]),
        (["CTCF-only"], ["e3"]),
        ([], []),
    ],
)
def test_an_element_counts_when_one_of_its_classes_does(wanted, kept):
    elements = grouped("pELS,CTCF-bound", "dELS", "PLS", "CTCF-only, CTCF-bound", "")
    selected = select_elements(elements, groups=wanted)
    assert selected["element_id"].tolist() == kept
    assert selected.index.tolist() == list(range(len(kept)))


def test_a_group_that_no_element_has_is_a_mistake():
    with pytest.raises(ClasterError, match=r"group 'pels'; the file has PLS, pELS: correct"):
        select_elements(grouped("pELS", "PLS", ""), groups=["pels"])
    with pytest.raises(ClasterError, match=r"group 'ELS'; the file has no groups at all"):
        select_elements(grouped("", ""), groups=["ELS"])


classes = st.lists(
    st.lists(
        st.sampled_from(["pELS", "dELS", "PLS", "CTCF-bound", "DNase-H3K4me3"]),
        min_size=1,
        unique=True,
    ),
    min_size=1,
    max_size=20,
)


@given(classes)
def test_the_published_choice_is_every_group_with_els_in_it(drawn):
    elements = grouped(*(",".join(parts) for parts in drawn))
    expected = elements[elements["group"].str.contains("ELS")]
    if not expected.empty:
        selected = select_elements(elements, groups=["ELS"])
        assert selected["element_id"].tolist() == expected["element_id"].tolist()
