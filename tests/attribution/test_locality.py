import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.analysis.attribution.locality import (
    CentredTracks,
    _half_width,
    locality_table,
    profile_table,
)
from claster.analysis.bootstrap import resample_blocks
from claster.genome.windows import Binning


def test_half_width_of_known_distributions():
    even = np.ones(101)
    assert _half_width(even, 0.5, size=100) == pytest.approx(0.25 * 10_100)
    spike = np.eye(101)[50]
    assert _half_width(spike, 0.9, size=100) == pytest.approx(45)
    shifted = np.eye(101)[70]
    assert _half_width(shifted, 0.5, size=100) == pytest.approx(2000)
    distance = np.abs(np.arange(-5000, 5001)) * 100
    laplace = np.exp(-distance / 8000)
    assert _half_width(laplace, 0.5, size=100) == pytest.approx(8000 * np.log(2), rel=1e-4)
    assert _half_width(laplace, 0.9, size=100) == pytest.approx(8000 * np.log(10), rel=1e-3)
    assert np.isnan(_half_width(np.zeros(5), 0.5, size=100))


@given(
    st.lists(st.floats(0, 10), min_size=3, max_size=9).filter(lambda v: len(v) % 2 and sum(v) > 1),
    st.floats(0.05, 1),
)
def test_half_width_holds_the_share(mass, share):
    mass = np.array(mass)
    width = float(_half_width(mass, share, size=10))
    edges = (np.arange(len(mass) + 1) - len(mass) / 2) * 10
    inside = np.clip(np.minimum(edges[1:], width) - np.maximum(edges[:-1], -width), 0, None) / 10
    assert (inside * mass).sum() == pytest.approx(share * mass.sum(), abs=1e-6)


@pytest.fixture
def sums():
    """Three loci, two genes of one bin each: a peak in the first track, a level in the second."""
    rng = np.random.default_rng(3)
    sums = CentredTracks(Binning(41, 100), Binning(5, 200), tracks=2, loci=3)
    distance = np.arange(-20, 21) * 100
    for gene in range(6):
        peak = np.exp(-np.abs(distance) / 400) * rng.uniform(0.8, 1.2)
        values = np.stack([-peak, np.full(41, 0.1)])
        sums.add(values[None], np.array([0]), strand="+-"[gene % 2], locus=gene // 2)
    return sums


def test_profile(sums):
    table = profile_table(sums, ["a", "b"], resample_blocks(np.arange(3), resamples=1000, seed=0))
    first = table[table["track"] == "a"].set_index("distance")
    assert first.index.tolist() == list(range(-2000, 2001, 100))
    assert (first["n"] == 6).all()
    np.testing.assert_allclose(first["mean_signed"], -first["mean_absolute"])
    np.testing.assert_allclose(
        first["mean_absolute"] / first.loc[0, "mean_absolute"],
        np.exp(-np.abs(first.index) / 400),
        rtol=1e-5,
    )
    assert (first["absolute_low"] <= first["mean_absolute"]).all()
    assert (first["absolute_high"] >= first["mean_absolute"]).all()
    assert (first["absolute_high"] > first["absolute_low"]).all()
    whole = table[table["track"] == "all"].set_index("distance")
    np.testing.assert_allclose(whole["mean_absolute"], first["mean_absolute"] + 0.1, rtol=1e-5)


def test_locality(sums):
    table = locality_table(sums, ["a", "b"], resample_blocks(np.arange(3), resamples=1000, seed=0))
    rows = table.set_index(["track", "above", "share"])
    inside = (1 - np.exp(-20.5 / 4)) / 2
    assert rows.loc[("a", "zero", 0.5), "half_width"] == pytest.approx(
        -400 * np.log(1 - inside), rel=0.02
    )
    assert rows.loc[("b", "zero", 0.5), "half_width"] == pytest.approx(4100 / 4)
    assert np.isnan(rows.loc[("b", "level", 0.5), "half_width"])
    whole = rows.loc["all"]["half_width"]
    assert whole["level", 0.9] < whole["zero", 0.9]
    assert rows.loc[("a", "zero", 0.5), "mass_share"] + rows.loc[
        ("b", "zero", 0.5), "mass_share"
    ] == pytest.approx(1)
    assert (table["genes"] == 6).all()
    assert (table["loci"] == 3).all()
