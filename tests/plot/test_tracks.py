import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot import genes_around, landscape_tracks
from claster.plot.tracks import lanes_of, place_genes

BINNING = Binning(1001, 100)
NAMES = ["ATAC", "H3K4me3", "signed"]


@pytest.fixture
def landscape():
    signal = np.random.default_rng(0).gamma(0.3, 9, (3, 1001)).astype(np.float32)
    signal[2] -= 5
    return signal


def steps(ax):
    (patch,) = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
    return patch.get_data()


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_each_track_is_drawn_whole(landscape):
    fig, axes = landscape_tracks(landscape, NAMES, BINNING)
    assert isinstance(fig, Figure)
    assert axes.shape == (3, 1)
    for ax, values, name in zip(axes[:, 0], landscape, NAMES, strict=True):
        data = steps(ax)
        np.testing.assert_array_equal(data.values, values)
        np.testing.assert_array_equal(data.edges, BINNING.edges / 1000)
        assert ax.get_xlim() == (-50.05, 50.05)
        low, high = ax.get_ylim()
        assert low <= values.min() <= values.max() <= high
        assert ax.get_title(loc="left") == name
    assert axes[0, 0].get_ylim()[0] == 0
    assert axes[-1, 0].get_xlabel() == "Distance from the TSS (kb)"
    assert fig.get_supylabel() == "Mean signal per 100 bp"


def test_the_zoom_shows_the_middle(landscape):
    _, axes = landscape_tracks(landscape, NAMES, BINNING, zoom_bp=10_000)
    assert axes.shape == (3, 2)
    data = steps(axes[0, 1])
    np.testing.assert_array_equal(data.values, landscape[0, 450:551])
    np.testing.assert_array_equal(data.edges[[0, -1]], [-5.05, 5.05])
    assert axes[0, 1].get_xlim() == (-5, 5)
    assert axes[0, 1].get_title(loc="right") == "middle 10 kb"
    assert axes[0, 1].get_ylim()[1] == pytest.approx(1.05 * landscape[0, 450:551].max())


def test_tracks_without_signal_are_drawn():
    _, axes = landscape_tracks(np.zeros((1, 1001)), ["ATAC"], BINNING)
    assert axes[0, 0].get_ylim() == (0, 1)


@pytest.mark.parametrize("zoom", [50, 200_000])
def test_a_zoom_outside_the_window_is_refused(landscape, zoom):
    with pytest.raises(ValueError, match=f"zoom of {zoom} bp in a window of 100100 bp"):
        landscape_tracks(landscape, NAMES, BINNING, zoom_bp=zoom)


def test_shapes_must_agree(landscape):
    with pytest.raises(ValueError, match=r"\(2, 1001\) needed, found \(3, 1001\)"):
        landscape_tracks(landscape, NAMES[:2], BINNING)


def test_given_axes_are_drawn_into(landscape, genes):
    fig = Figure()
    axes = fig.subplots(4, 1, squeeze=False)
    found, same = landscape_tracks(
        landscape, NAMES, BINNING, genes=genes_around(genes, "g2", BINNING), axes=axes
    )
    assert found is fig
    assert same is axes
    assert len(fig.axes) == 4
    with pytest.raises(ValueError, match=r"axes of shape \(3, 1\) needed, found \(4, 1\)"):
        landscape_tracks(landscape, NAMES, BINNING, axes=axes)


def test_genes_around_a_tss(genes):
    found = genes_around(genes, "g2", BINNING)
    assert found["gene_id"].tolist() == ["g2", "g3"]  # g1 ends 20 kb before the window starts
    assert found[["start", "end"]].to_numpy().tolist() == [[-40_000, 1], [49_000, 51_000]]
    assert found["name"].tolist() == ["Middle", "g3"]
    assert found["strand"].tolist() == ["-", "+"]
    assert found["is_centre"].tolist() == [True, False]
    assert genes_around(genes, "g2", Binning(2001, 100))["gene_id"].tolist() == ["g1", "g2", "g3"]


def test_genes_around_a_mirrored_tss(genes):
    found = genes_around(genes, "g2", BINNING, rev=True)
    assert found["gene_id"].tolist() == ["g3", "g2"]
    assert found[["start", "end"]].to_numpy().tolist() == [[-51_000, -49_000], [-1, 40_000]]
    assert found["strand"].tolist() == ["-", "+"]


def test_genes_around_an_unknown_gene(genes):
    with pytest.raises(ClasterError, match="no gene 'g9'"):
        genes_around(genes, "g9", BINNING)


def test_genes_are_drawn_with_names_and_arrows(landscape, genes):
    _, axes = landscape_tracks(
        landscape, NAMES, BINNING, genes=genes_around(genes, "g2", BINNING), zoom_bp=20_000
    )
    assert axes.shape == (4, 2)
    row = axes[-1, 0]
    assert texts(row) == ["Middle", "g3"]
    bars, heads = row.lines[::2], row.lines[1::2]
    assert [bar.get_xdata().tolist() for bar in bars] == [[-40, 0.001], [49, 50.05]]
    assert [(head.get_marker(), head.get_xdata()[0]) for head in heads] == [
        ("<", -40),
        (">", 50.05),
    ]
    assert row.get_xlim() == (-50.05, 50.05)
    zoom = axes[-1, 1]
    assert texts(zoom) == ["Middle"]
    assert zoom.lines[0].get_xdata().tolist() == [-10, 0.001]
    assert not row.spines["left"].get_visible()
    assert len(row.get_yticks()) == 0


def test_overlapping_genes_take_lanes_of_their_own(genes):
    table = genes_around(genes, "g2", BINNING)
    both = table.assign(start=[-40_000, -30_000], end=[1, 5_000])
    placed = place_genes(both, (-50, 50), inches=6)
    assert [gene.lane for gene in placed] == [0, 1]
    assert lanes_of(placed) == 2
    assert lanes_of([]) == 1


def test_crowded_genes_lose_their_names_but_the_centre_keeps_its_own(genes):
    table = genes_around(genes, "g2", BINNING)
    crowd = table.loc[[1] * 30 + [0]].reset_index(drop=True)
    crowd["start"] = crowd["start"].where(crowd["is_centre"], np.arange(31) * 100)
    crowd["end"] = crowd["end"].where(crowd["is_centre"], np.arange(31) * 100 + 90)
    placed = place_genes(crowd, (-50, 50), inches=6)
    assert len(placed) == 31
    assert lanes_of(placed) == 4
    assert [gene.name for gene in placed if gene.name_at is not None].count("Middle") == 1
    named = [gene for gene in placed if gene.name_at is not None]
    assert len(named) < 10
    spans = {}
    for gene in named:
        spans.setdefault(gene.lane, []).append(gene.name_at)
    half = len("g3") * 0.062 * 100 / 6
    for centres in spans.values():
        assert (np.diff(np.sort(centres)) > half).all()


def test_names_stay_within_the_limits(genes):
    table = genes_around(genes, "g2", BINNING).assign(name=["Middle", "AVeryLongNameOfAGene"])
    edge = next(gene for gene in place_genes(table, (-50, 50), inches=6) if not gene.is_centre)
    width = len(edge.name) * 0.062 * 100 / 6
    assert edge.name_at + width / 2 == pytest.approx(50)
