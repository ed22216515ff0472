from hypothesis import given
from hypothesis import strategies as st

from claster.dataset.choice import _chromosome_folds


@given(st.lists(st.integers(0, 2000), min_size=1, max_size=40), st.integers(1, 12))
def test_every_chromosome_is_in_one_fold_and_folds_are_even(counts, folds):
    genes = {f"chr{number}": count for number, count in enumerate(counts)}
    members = _chromosome_folds(genes, folds=folds)
    assert len(members) == folds
    assert sorted(chrom for fold in members for chrom in fold) == sorted(genes)
    loads = [sum(genes[chrom] for chrom in fold) for fold in members]
    assert max(loads) - min(loads) <= max(counts)


def test_the_order_of_equal_chromosomes_does_not_matter_to_the_result():
    assert _chromosome_folds({"a": 2, "b": 2, "c": 2, "d": 2}, folds=2) == [["a", "c"], ["b", "d"]]
