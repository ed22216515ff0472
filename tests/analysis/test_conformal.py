"""Intervals hold what they promise on loci that they have not seen, and are hardly wider than need be."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from claster.analysis.conformal import _thinned, conformal_intervals, coverage
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError


def points(loci, each, seed):
    """Return predictions, what is known, the truth, loci and the noise: one sided where x is high."""
    rng = np.random.default_rng(seed)
    locus = np.repeat(np.arange(loci), each)
    predicted = rng.uniform(0, 6, locus.size)
    deviation = 0.1 + 0.15 * predicted
    shared = 0.5 * rng.normal(size=loci)[locus] + np.sqrt(0.75) * rng.normal(size=locus.size)
    observed = np.maximum(predicted + deviation * shared, 0.0)
    return (
        predicted,
        np.stack([predicted, rng.normal(size=locus.size)], 1),
        observed,
        locus,
        deviation,
    )


@pytest.mark.slow
@pytest.mark.parametrize("trees", [True, False])
def test_unseen_loci_are_covered_and_the_oracle_is_hardly_narrower(trees):
    predicted, known, observed, locus, _ = points(60, 40, 1)
    calibration, truth = (predicted, known), (observed, locus)
    predicted, known, observed, _, deviation = points(400, 20, 2)
    ends = conformal_intervals(calibration, *truth, (predicted, known), level=0.9, trees=trees)
    low, high = (np.log2(end + 1) for end in ends)
    held = (observed >= low) & (observed <= high)
    assert held.mean() == pytest.approx(0.9, abs=0.02)
    for part in np.array_split(np.argsort(predicted), 4):
        assert held[part].mean() == pytest.approx(0.9, abs=0.05)
    oracle = np.minimum(norm.ppf(0.95) * deviation, predicted) + norm.ppf(0.95) * deviation
    assert (high - low).mean() <= 1.15 * oracle.mean()


def test_ends_move_apart_from_each_other():
    rng = np.random.default_rng(3)
    predicted = np.full(4000, 5.0)
    observed = 5.0 + rng.exponential(1.0, 4000)
    known, loci = rng.normal(size=(4000, 1)), np.repeat(np.arange(40), 100)
    both = (predicted, known)
    ends = conformal_intervals(both, observed, loci, both, level=0.9, trees=False)
    low, high = (np.log2(end + 1).mean() for end in ends)
    assert low - 5 == pytest.approx(-np.log(0.95), abs=0.05)
    assert high - 5 == pytest.approx(-np.log(0.05), abs=0.3)


def test_few_loci_are_refused():
    predicted, known, observed, locus, _ = points(9, 30, 1)
    with pytest.raises(ClasterError, match="lie in 9 loci; intervals need 10"):
        conformal_intervals((predicted, known), observed, locus, (predicted, known), level=0.9)


@pytest.mark.parametrize(("most", "kept"), [(7, [1, 3, 4]), (3, [1, 3, 4]), (2, [1, 4]), (1, [1])])
def test_points_are_thinned_only_as_far_as_need_be(most, kept):
    chosen = np.array([False, True, False, True, True])
    assert _thinned(chosen, most).tolist() == kept


def test_coverage_by_hand():
    spec = DatasetSpec.model_validate(
        {
            "name": "x",
            "assembly": "mm10",
            "tracks": [{"name": "ATAC", "file": "a.bw"}],
            "genes": {"file": "g.gtf"},
            "window": {"bin": 100, "bins": 101},
            "target": {"bin": 1000, "bins": 3, "conditions": [{"name": "ctrl", "file": "t.bw"}]},
        }
    )
    tss = np.array([50_000, 150_000])
    genes = pd.DataFrame(
        {"gene_id": ["A", "B"], "chrom": "chr1", "start": tss, "end": tss + 500, "tss": tss}
    )
    observed = np.array([[[1.0, 2.0, 3.0]], [[1.0, 0.0, 7.0]]])
    ends = np.stack([np.zeros_like(observed), np.full_like(observed, 3.0)])
    means = pd.DataFrame({"condition": "ctrl", "low": [1.0, 1.0], "high": [3.0, 3.0]})
    table = coverage(genes, genes, observed, ends, means, ["ctrl"], spec)
    rows = table[table["by"] == "all"].set_index("level")
    assert rows["covered"].to_dict() == pytest.approx({"bin": 5 / 6, "gene": 0.5})
    assert rows["width"].to_dict() == pytest.approx({"bin": 2.0, "gene": 1.0})
    assert rows["n"].to_dict() == {"bin": 6, "gene": 2}
    assert set(table["by"]) == {"all", "expression", "gene length", "nearest gene", "chromosome"}
