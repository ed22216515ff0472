"""One rule names genes, in every command that takes one."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.genome.gene_names import find_gene, genes_called


@pytest.fixture
def genes():
    return pd.DataFrame(
        {
            "gene_id": ["ENSMUSG00000000001.4", "ENSMUSG00000000003.15", "ENSMUSG00000000028.16"],
            "name": ["Gnai3", "Twin", "Twin"],
        }
    )


@pytest.mark.parametrize("named", ["ENSMUSG00000000001.4", "ENSMUSG00000000001", "Gnai3"])
def test_a_gene_by_id_or_name(genes, named):
    assert find_gene(genes, named)["name"] == "Gnai3"


def test_no_name_takes_the_middle_gene(genes):
    assert find_gene(genes, None)["gene_id"] == "ENSMUSG00000000003.15"


def test_genes_that_are_not_one(genes):
    with pytest.raises(ClasterError, match=r"2 genes are called 'Twin': ENSMUSG00000000003\.15"):
        find_gene(genes, "Twin")
    with pytest.raises(ClasterError, match="no gene 'Klf4' among 3"):
        find_gene(genes, "Klf4")
    with pytest.raises(ClasterError, match="a gene is named by 0: give its ID or its symbol"):
        find_gene(genes, 0)


PAR = ["ENSG00000002586.20", "ENSG00000002586.20_PAR_Y"]


@pytest.mark.parametrize(
    ("ids", "named", "found"),
    [
        (PAR, PAR[1], PAR[1]),
        (PAR, "ENSG00000002586", PAR[0]),
        (PAR, "ENSG00000002586.19", PAR[0]),
        (PAR, "ENSG00000002586_PAR_Y", PAR[1]),
        (PAR, "ENSG00000002586.19_PAR_Y", PAR[1]),
        (PAR[:1], PAR[1], PAR[0]),
        (PAR[1:], "ENSG00000002586", PAR[1]),
        (PAR[:1], "ENSGR0000002586.3", PAR[0]),
        (PAR[:1], " ENSG00000002586\t", PAR[0]),
        (["AT1G01010.1"], "AT1G01010", "AT1G01010.1"),
    ],
)
def test_versions_and_pseudoautosomal_twins(ids, named, found):
    genes = pd.DataFrame({"gene_id": ids, "name": "CD99"})
    assert find_gene(genes, named)["gene_id"] == found


@pytest.mark.parametrize("named", ["", " ", "AT1G01010.2", "G", "cd99"])
def test_what_names_nothing(named):
    genes = pd.DataFrame({"gene_id": ["AT1G01010.1", "G.1.1"], "name": ["", None]})
    assert genes_called(genes, [named]) == [()]


def test_an_id_goes_before_a_symbol():
    genes = pd.DataFrame({"gene_id": ["B", "A"], "name": ["A", "B"]})
    assert genes_called(genes, ["A", "B"]) == [("A",), ("B",)]


def test_twins_by_symbol_are_refused_with_both():
    genes = pd.DataFrame({"gene_id": PAR, "name": "CD99"})
    with pytest.raises(ClasterError, match=rf"2 genes are called 'CD99': {PAR[0]}, {PAR[1]}: give"):
        find_gene(genes, "CD99")


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"(ENSG0000000000[12]|G[12])(\.[12])?(_PAR_Y)?", fullmatch=True),
            st.sampled_from(["G1", "G2", "A", "NA", ""]),
        ),
        min_size=1,
        unique_by=lambda row: row[0],
    )
)
def test_every_gene_is_found_by_its_own_id(rows):
    genes = pd.DataFrame(rows, columns=["gene_id", "name"])
    assert genes_called(genes, genes["gene_id"]) == [(gene,) for gene in genes["gene_id"]]
