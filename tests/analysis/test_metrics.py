import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import simpson
from scipy.stats import linregress, pearsonr, spearmanr

from claster.analysis.metrics import (
    correlations,
    fitted_slope,
    gene_means,
    gene_weights,
    log_signal,
    paper_gene_values,
)
from claster.errors import ClasterError
from claster.genome.windows import Binning, mirror

SMALL = Binning(5, 4)


def gene_table(*genes):
    return pd.DataFrame(genes, columns=["gene_id", "start", "end", "tss"])


def test_log_signal_of_literals():
    np.testing.assert_array_equal(log_signal(np.array([[0, 1], [3, 7]])), [[0, 1], [2, 3]])


def test_correlations_agree_with_scipy():
    rng = np.random.default_rng(3)
    observed = rng.gamma(0.3, 20, (30, 41)).round()
    predicted = observed * rng.uniform(0.3, 3, observed.shape)
    found = correlations(observed, predicted)
    x, y = np.log2(observed.ravel() + 1), np.log2(predicted.ravel() + 1)
    assert found.n == 30 * 41
    assert found.pearson == pytest.approx(pearsonr(x, y).statistic, abs=1e-12)
    assert found.spearman == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)
    assert fitted_slope(observed, predicted) == pytest.approx(linregress(x, y).slope, abs=1e-12)


def test_correlations_in_closed_form():
    observed = np.array([0.0, 1.0, 3.0])  # 0, 1, 2 on the scale
    assert correlations(observed, np.array([1.0, 3.0, 7.0])).pearson == pytest.approx(1)
    assert correlations(observed, observed[::-1]).pearson == pytest.approx(-1)
    assert correlations(observed, np.array([0.0, 1.0, 0.0])).pearson == pytest.approx(0, abs=1e-15)
    bent = correlations(observed, np.array([0.0, 1.0, 1023.0]))  # 0, 1, 10
    assert bent.spearman == pytest.approx(1)
    assert bent.pearson == pytest.approx(10 / np.sqrt(2 * (101 - 121 / 3)))


@pytest.mark.parametrize(
    ("observed", "predicted"),
    [([0, 1, 2], [0.1, 0.1, 0.1]), ([5, 5], [1, 2]), ([1], [1]), ([], [])],
)
def test_undefined_correlations_are_nan(observed, predicted):
    found = correlations(np.array(observed), np.array(predicted))
    assert np.isnan([found.pearson, found.spearman]).all()
    assert found.n == len(observed)


def test_slope_is_undefined_where_the_observed_signal_does_not_vary():
    assert np.isnan(fitted_slope(np.ones(3), np.arange(3)))
    assert fitted_slope(np.arange(3), np.ones(3)) == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "predicted signal: 1 of 3 values are missing"), (np.inf, "infinite"), (-0.5, "-0.5")],
)
def test_values_that_cannot_be_scored_are_refused(value, message):
    with pytest.raises(ClasterError, match=message):
        correlations(np.ones(3), np.array([1, value, 2]))


def test_shapes_must_agree():
    with pytest.raises(ClasterError, match=r"\(3,\), predicted ones \(4,\)"):
        correlations(np.ones(3), np.ones(4))


def test_gene_means_of_literals():
    # Bins of 4 bp around the TSS at 100: [90, 94), [94, 98), [98, 102), [102, 106), [106, 110).
    profiles = np.array([[1, 2, 3, 4, 5]] * 5, dtype=np.float32)
    genes = gene_table(
        ("one bin", 98, 102, 100),
        ("within a bin", 100, 101, 100),
        ("half and half", 100, 104, 100),
        ("minus", 92, 101, 100),
        ("longer than the window", 0, 1000, 100),
    )
    expected = [3, 3, 3.5, (2 * 1 + 4 * 2 + 3 * 3) / 9, 3]
    np.testing.assert_allclose(gene_means(profiles, genes, SMALL), expected, rtol=1e-15)


@st.composite
def gene_and_profile(draw):
    binning = Binning(draw(st.integers(0, 5)) * 2 + 1, draw(st.integers(1, 6)) * 2)
    tss = draw(st.integers(-50, 500))
    left = draw(st.integers(0, 100))
    right = draw(st.integers(0 if left else 1, 100))
    profile = draw(st.lists(st.integers(0, 9), min_size=binning.bins, max_size=binning.bins))
    return binning, tss, tss - left, tss + right, np.array([profile], dtype=np.float32)


@given(gene_and_profile())
def test_gene_means_agree_with_a_mean_over_bases(case):
    binning, tss, start, end, profile = case
    bases = np.repeat(profile[0], binning.size)
    first = tss - binning.half
    inside = bases[max(start - first, 0) : max(end - first, 0)]
    found = gene_means(profile, gene_table(("g", start, end, tss)), binning)
    assert found[0] == pytest.approx(inside.mean(dtype=np.float64), rel=1e-12)


@given(gene_and_profile())
def test_gene_means_of_the_mirrored_gene_agree(case):
    binning, tss, start, end, profile = case
    forward = gene_means(profile, gene_table(("g", start, end, tss)), binning)
    turned = gene_table(("g", 2 * tss - end, 2 * tss - start, tss))
    np.testing.assert_allclose(gene_means(mirror(profile), turned, binning), forward, rtol=1e-12)


def test_a_gene_outside_its_window_is_refused():
    genes = gene_table(("inside", 98, 102, 100), ("astray", 200, 300, 100))
    with pytest.raises(ClasterError, match="gene astray has no base within 10 bp"):
        gene_means(np.ones((2, 5)), genes, SMALL)


def test_gene_means_wants_one_profile_a_gene():
    with pytest.raises(ValueError, match=r"\(1, 5\) needed, found \(2, 5\)"):
        gene_means(np.ones((2, 5)), gene_table(("g", 98, 102, 100)), SMALL)


def test_gene_weights_are_shares_of_the_gene():
    genes = gene_table(("half and half", 100, 104, 100), ("minus", 92, 101, 100))
    expected = np.array([[0, 0, 2, 2, 0], [2, 4, 3, 0, 0]]) / [[4], [9]]
    np.testing.assert_allclose(gene_weights(genes, SMALL), expected)


@pytest.mark.parametrize(
    ("end", "expected"),
    [(1_499, 0), (1_501, 1 / 2), (3_000, 2 / 3), (5_000, 4 / 5), (900_000, 200 / 201)],
)
def test_the_published_gene_value_of_a_constant_profile(end, expected):
    genes = gene_table(("g", 0, end, 0))
    found = paper_gene_values(np.ones((1, 401)), genes, Binning(401, 1000))
    assert found[0] == pytest.approx(expected)


def test_the_published_gene_value_is_simpsons_integral_by_the_number_of_bins():
    rng = np.random.default_rng(0)
    profiles = rng.gamma(1, 5, (50, 401))
    tss = rng.integers(1_000_000, 2_000_000, 50)
    length = rng.integers(300, 500_000, 50)
    minus = rng.random(50) < 0.5
    start = np.where(minus, tss + 1 - length, tss)
    genes = gene_table(*zip(range(50), start, start + length, tss, strict=True))
    found = paper_gene_values(profiles, genes, Binning(401, 1000))
    for row, (low, high) in enumerate(zip(start - tss, start + length - tss, strict=True)):
        first = max(200 + round(low / 1000), 0)
        last = min(200 + round(high / 1000), 401)
        inside = profiles[row, first:last]
        expected = simpson(inside) / len(inside) if len(inside) else 0
        assert found[row] == pytest.approx(expected)
