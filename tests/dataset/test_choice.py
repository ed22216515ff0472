"""Folds of chromosomes in the place of rules."""

import pandas as pd
import pytest

from claster.dataset.choice import choose_genes
from claster.dataset.sources import Sources
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError

SIZES = {"chr1": 400_000, "chr2": 300_000, "chr3": 200_000, "chr4": 200_000}
GENES = {"chr1": 7, "chr2": 5, "chr3": 3, "chr4": 2}


@pytest.fixture
def sources():
    rows = [
        (f"{chrom}g{n}", chrom, 20_000 * (n + 1))
        for chrom, count in GENES.items()
        for n in range(count)
    ]
    genes = pd.DataFrame(rows, columns=["gene_id", "chrom", "start"])
    genes = genes.assign(
        name=genes["gene_id"],
        type="protein_coding",
        end=genes["start"] + 1000,
        strand="+",
        tss=genes["start"],
    )
    return Sources(SIZES, genes, [], {}, {}, None, {}, {}, {})


def spec(**splits):
    content = {
        "name": "folds",
        "assembly": "none",
        "tracks": [{"name": "A", "file": "a.bw"}],
        "genes": {"file": "g"},
        "window": {"bin": 100, "bins": 101},
        "splits": splits,
    }
    return DatasetSpec.model_validate(content)


def chromosomes(selection, split):
    return sorted(set(selection.kept["chrom"][selection.kept["split"] == split]))


def test_each_fold_is_tested_once(sources):
    tested = []
    for fold in range(3):
        selection = choose_genes(spec(folds=3, fold=fold), sources)
        parts = [chromosomes(selection, split) for split in ("train", "valid", "test")]
        assert sorted(chrom for part in parts for chrom in part) == list(SIZES)
        assert all(parts)
        assert (
            chromosomes(choose_genes(spec(folds=3, fold=(fold + 1) % 3), sources), "test")
            == parts[1]
        )
        tested += parts[2]
    assert sorted(tested) == list(SIZES)
    assert chromosomes(choose_genes(spec(folds=3), sources), "test") == ["chr1"]


def test_more_folds_than_chromosomes(sources):
    with pytest.raises(ClasterError, match="5 folds of 4 chromosomes with usable genes"):
        choose_genes(spec(folds=5), sources)


@pytest.mark.parametrize(
    ("splits", "said"),
    [
        ({"fold": 1}, "'fold: 1' without 'folds'"),
        ({"folds": 3, "fold": 3}, "fold 3 of 3: they count from 0"),
        ({"folds": 3, "test": ["chr1"]}, "either 'folds' or rules"),
        ({"folds": 2}, "greater than or equal to 3"),
    ],
)
def test_folds_that_cannot_be(splits, said):
    with pytest.raises(ValueError, match=said):
        spec(**splits)
