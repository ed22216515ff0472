import numpy as np
import pytest
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from scipy.stats import linregress, spearmanr

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot import density, gene_scatter, profile

BINNING = Binning(41, 1000)


@pytest.fixture
def signal():
    rng = np.random.default_rng(0)
    observed = rng.gamma(0.5, 20, (30, 41))
    return observed, observed * rng.uniform(0.5, 2, observed.shape)


def test_density_counts_every_point(signal):
    fig, ax = density(*signal)
    assert isinstance(fig, Figure)
    (mesh,) = [artist for artist in ax.collections if isinstance(artist, QuadMesh)]
    counts = mesh.get_array()
    assert counts.sum() == 30 * 41
    assert counts.min() == 1
    assert isinstance(mesh.norm, LogNorm)
    low, high = ax.get_xlim()
    assert (low, high) == ax.get_ylim()
    assert low == 0
    assert high >= np.log2(np.max(signal) + 1)
    assert fig.axes[1].get_ylabel() == "Number of bins"


def test_density_puts_observed_on_x():
    _, ax = density(np.array([0.0, 1023.0]), np.array([0.0, 0.0]))
    counts = ax.collections[0].get_array()
    assert np.argwhere(~np.ma.getmaskarray(counts))[:, 0].tolist() == [0, 0]
    assert ax.get_xlabel() == "Observed, log2(reads + 1)"
    assert ax.get_ylabel() == "Predicted, log2(reads + 1)"


def test_density_tells_its_numbers(signal):
    fig, ax = density(*signal, points="genes")
    assert fig.axes[1].get_ylabel() == "Number of genes"
    x, y = (np.log2(values.ravel() + 1) for values in signal)
    line = linregress(x, y)
    assert ax.texts[0].get_text().split("\n") == [
        f"$r_p$ = {line.rvalue:.3f}",
        f"$r_s$ = {spearmanr(x, y).statistic:.3f}",
        f"slope = {line.slope:.2f}",
        "n = 1,230",
    ]


def test_density_of_constants_is_drawn():
    fig, ax = density(np.zeros(5), np.zeros(5))
    fig.draw_without_rendering()
    assert "$r_p$ = nan" in ax.texts[0].get_text()


def test_density_refuses_negative_signal():
    with pytest.raises(ClasterError, match="predicted signal: 1 of 2 values are negative"):
        density(np.array([1.0, 2.0]), np.array([-1.0, 2.0]))


def test_gene_scatter_has_a_point_a_gene_and_names_some(signal):
    observed, predicted = (values.mean(axis=1) for values in signal)
    fig, ax = gene_scatter(observed, predicted, named={3: "Toy3"})
    points = np.asarray(ax.collections[0].get_offsets())
    np.testing.assert_allclose(points, np.log2(np.stack([observed, predicted], axis=1) + 1))
    assert np.asarray(ax.collections[1].get_offsets()).tolist() == points[[3]].tolist()
    names = [text.get_text() for text in ax.texts]
    assert "Toy3" in names
    line = linregress(points[:, 0], points[:, 1])
    assert f"$r_p$ = {line.rvalue:.3f}" in names[0] or f"$r_p$ = {line.rvalue:.3f}" in names[1]
    fig.draw_without_rendering()


def test_gene_scatter_refuses_other_shapes():
    with pytest.raises(ClasterError, match="shape"):
        gene_scatter(np.ones(3), np.ones(4))


def test_profile_draws_what_it_is_given(signal):
    observed, predicted = signal[0][0], signal[1][0]
    fig, ax = profile(observed, predicted, BINNING, truth=observed / 2, gene_span=(0, 7_000, "+"))
    assert isinstance(fig, Figure)
    (area,) = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(area.get_data().values, observed)
    np.testing.assert_array_equal(area.get_data().edges, BINNING.edges / 1000)
    line, truth, body, head = ax.lines
    np.testing.assert_array_equal(line.get_xdata(), np.arange(-20, 21))
    np.testing.assert_array_equal(line.get_ydata(), predicted)
    np.testing.assert_array_equal(truth.get_ydata(), observed / 2)
    assert body.get_xdata().tolist() == [0, 7]
    assert (head.get_xdata().tolist(), head.get_marker()) == ([7], ">")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "observed",
        "predicted",
        "noise-free truth",
        "gene",
    ]
    assert ax.get_xlim() == (-20.5, 20.5)
    top = max(observed.max(), predicted.max())
    assert top < body.get_ydata()[0] < ax.get_ylim()[1]
    assert ax.get_xlabel() == "Distance from the TSS (kb)"
    assert "reads, mean per 1 kb" in ax.get_ylabel()


def test_profile_shows_the_strand_and_clips_the_gene(signal):
    _, ax = profile(signal[0][0], signal[1][0], BINNING, gene_span=(-90_000, 1, "-"))
    _, body, head = ax.lines
    assert body.get_xdata().tolist() == [-20.5, 0.001]
    assert (head.get_xdata().tolist(), head.get_marker()) == ([-20.5], "<")


def test_a_profile_of_nothing_is_drawn():
    _, ax = profile(np.zeros(41), np.zeros(41), BINNING)
    assert ax.get_ylim() == (0, 1.05)
    assert len(ax.lines) == 1


def test_profile_wants_one_value_a_bin():
    with pytest.raises(ValueError, match=r"\(41,\) needed, found \(40,\)"):
        profile(np.zeros(41), np.zeros(40), BINNING)


def test_given_axes_are_drawn_into(signal):
    fig = Figure()
    left, right = fig.subplots(1, 2)
    assert density(*signal, ax=left) == (fig, left)
    assert profile(signal[0][0], signal[1][0], BINNING, ax=right) == (fig, right)
