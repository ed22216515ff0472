"""Which genes a report shows."""

import numpy as np
import pandas as pd

from claster.report.examples import _choose_examples

GENES = pd.DataFrame({"chrom": ["chr1"] * 8, "tss": np.arange(8) * 100_000})


def signals():
    """Eight genes, predicted worse and worse; the first two are silent."""
    rng = np.random.default_rng(0)
    observed = rng.gamma(1, 20, (8, 200))
    spread = np.array([0, 0, 0.1, 0.3, 0.6, 0.9, 1.2, 2.0])[:, None]
    predicted = observed * np.exp(spread * rng.normal(size=observed.shape))
    return observed, predicted


def chosen(genes=GENES, *, means=(0, 0, 5, 5, 5, 5, 5, 5), apart=1000, each=1):
    found = _choose_examples(genes, *signals(), np.array(means, float), apart=apart, each=each)
    return [(example.row, example.stands_for) for example in found]


def test_best_median_and_worst_of_the_expressed_genes():
    assert chosen() == [(2, "best"), (5, "median"), (7, "worst")]
    assert chosen(each=2) == [
        (2, "best"),
        (3, "best"),
        (4, "median"),
        (5, "median"),
        (6, "worst"),
        (7, "worst"),
    ]


def test_the_half_with_the_higher_mean_counts():
    rows = [row for row, _ in chosen(means=(9, 9, 9, 9, 1, 1, 1, 1))]
    assert set(rows) <= {0, 1, 2, 3}


def test_genes_near_a_chosen_one_are_passed_over():
    near = GENES.assign(tss=[0, 1, 200_000, 200_500, 400_000, 500_000, 600_000, 600_100])
    assert chosen(near, each=2)[:2] == [(2, "best"), (4, "best")]
    apart = near.assign(chrom=[f"chr{number}" for number in range(8)])
    assert chosen(apart, each=2)[:2] == [(2, "best"), (3, "best")]


def test_genes_without_a_score_are_not_shown():
    observed, predicted = signals()
    predicted[2] = 1.0
    found = _choose_examples(GENES, observed, predicted, np.full(8, 5.0), apart=1, each=4)
    assert 2 not in [example.row for example in found]
    assert len({example.row for example in found}) == len(found)
