"""Rendered figures, pixel by pixel: what is drawn stands where its numbers say, in its colour."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from matplotlib import colormaps
from matplotlib.colors import Normalize

from claster import plot
from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot import OKABE_ITO

WINDOW, TARGET = Binning(1001, 100), Binning(21, 1000)
RED, GREEN, BLUE = OKABE_ITO["vermillion"], OKABE_ITO["green"], OKABE_ITO["blue"]


@pytest.fixture
def landscape():
    tracks = np.zeros((2, WINDOW.bins))
    tracks[0, 300:351] = 8.0
    tracks[1, 700:721] = 5.0
    return tracks


@pytest.fixture
def links():
    columns = ["element_id", "chrom", "element_start", "element_end", "tss", "effect"]
    rows = [
        ("a", "chr1", 9_000, 11_000, 50_000, -0.8),
        ("b", "chr1", 79_000, 81_000, 50_000, 0.4),
        ("c", "chr2", 9_000, 11_000, 50_000, 3.0),
        ("d", "chr1", 9_000, 11_000, 900_000, 3.0),
    ]
    return pd.DataFrame(rows, columns=columns)


def scores(values):
    table = pd.DataFrame({"method": list(values), "value": list(values.values())})
    table = table.assign(metric="pearson", scale="log2(x+1)", unit="1")
    return table.assign(low=table["value"], high=table["value"])


def test_bars_are_as_long_as_scores(drawn):
    fig, _ = plot.score_bars(scores({"network": 0.8, "ridge": 0.4}))
    image = drawn(fig)
    assert image.count(RED) / image.count(BLUE) == pytest.approx(2, rel=0.06)


def test_calibration_goes_through_its_points(drawn):
    x, y = np.array([1.0, 2.0, 4.0]), np.array([0.5, 2.5, 3.0])
    table = pd.DataFrame({"method": "network", "predicted": x, "observed": y, "low": y, "high": y})
    fig, ax = plot.calibration_curve(table)
    image = drawn(fig)
    assert all(image.has(ax, *point, RED) for point in zip(x, y, strict=True))
    assert image.has(ax, 1.5, 1.5, RED), "a straight line between points"
    assert not image.has(ax, 3.0, 0.5, RED)


def test_cells_of_a_map_have_the_colours_of_their_values(drawn):
    contacts = np.linspace(-2, 2, 5 * 21).reshape(5, 21)
    fig, ax = plot.contact_map(contacts, 5000, value="log_oe", limits=(-2, 2))
    image = drawn(fig)
    for row, column in ((0, 0), (1, 16), (3, 12), (4, 20)):
        colour = colormaps["RdBu_r"](Normalize(-2, 2)(contacts[row, column]))[:3]
        assert image.has(ax, (column - 10) * 5, row * 10, colour, tolerance=6)


def test_the_densest_cell_is_the_brightest(drawn):
    observed = np.concatenate([np.full(500, 3.0), [63.0]])
    fig, ax = plot.density(observed, observed)
    image = drawn(fig)
    assert image.has(ax, 2.0, 2.0, colormaps["viridis"](1.0)[:3])
    assert image.has(ax, 6.0, 6.0, colormaps["viridis"](0.0)[:3])
    assert image.has(ax, 4.5, 1.0, "white", tolerance=0)


def test_edited_profiles_take_the_colours_of_their_places(drawn):
    baseline = np.full(TARGET.bins, 6.0)
    edited = np.stack([baseline / 2, baseline / 3])
    fig, ax = plot.edited_profiles(baseline, edited, np.array([-10_500, 10_500]), TARGET)
    image = drawn(fig)
    assert image.has(ax, 3, 6, "black")
    assert image.has(ax, 3, 3, colormaps["viridis"](0.0)[:3])
    assert image.has(ax, 3, 2, colormaps["viridis"](1.0)[:3])


def test_found_effects_stand_out(drawn):
    table = pd.DataFrame(
        {"distance_bp": [10_000, -90_000], "effect": [-0.5, 0.1], "fdr": [0.01, 0.9]}
    )
    fig, ax = plot.effect_by_distance(table)
    image = drawn(fig)
    assert image.has(ax, 10, -0.5, RED, tolerance=60)
    assert image.has(ax, 90, 0.1, OKABE_ITO["sky blue"], tolerance=60)


def test_arcs_stand_over_element_and_tss(drawn, links, genes):
    fig, axes = plot.element_arcs(links, genes, chrom="chr1", start=0, end=100_000, limit=0.8)
    image = drawn(fig)
    colour = colormaps["RdBu_r"]
    assert len(axes[0].patches) == 2, "both ends must be inside"
    assert image.has(axes[0], 30, 40, colour(0.0)[:3]), "40 kb long, 40 kb high, the lowest effect"
    assert image.has(axes[0], 65, 30, colour(0.75)[:3], within=3)
    assert not image.has(axes[0], 65, 40, colour(0.75)[:3])
    assert image.has(axes[0], 10, 0, "0.25", within=6)
    widths = {arc.width: arc.get_linewidth() for arc in axes[0].patches}
    assert widths[40] > widths[30]
    assert [text.get_text() for text in axes[1].texts] == ["Left", "Middle"]


def test_arcs_need_a_link_within_the_stretch(links, genes):
    with pytest.raises(ClasterError, match="no element and gene both lie in chr3:0-9,000"):
        plot.element_arcs(links, genes, chrom="chr3", start=0, end=9_000)


def test_colours_of_arcs_end_at_the_largest_usual_effect(links, genes):
    fig, _ = plot.element_arcs(links, genes, chrom="chr1", start=0, end=100_000)
    low, high = fig.axes[-1].get_ylim()
    assert low == -high == pytest.approx(-np.quantile([0.8, 0.4], 0.98))


def test_elements_lie_in_the_row_of_their_class(drawn, genes):
    columns = ["element_id", "chrom", "start", "end", "group"]
    rows = [("e1", "chr1", 100_000, 102_000, "PLS"), ("e2", "chr1", 80_000, 83_000, "CTCF-only")]
    elements = pd.DataFrame(rows, columns=columns)
    fig, axes = plot.element_map(elements, genes, "g2", WINDOW)
    image = drawn(fig)
    assert image.has(axes[1], 1, 0, RED)
    assert image.has(axes[1], -18.5, 1, OKABE_ITO["sky blue"])
    assert image.has(axes[1], 1, 1, "white", tolerance=0)


def test_genes_are_points(drawn):
    observed, predicted = np.array([3.0, 15.0, 63.0]), np.array([3.0, 0.0, 31.0])
    fig, ax = plot.gene_scatter(observed, predicted, named={1: "B"})
    image = drawn(fig)
    for x, y in ((2, 2), (4, 0), (6, 5)):
        assert image.has(ax, x, y, BLUE, within=4, tolerance=110)
    assert not image.has(ax, 4, 4.5, BLUE, within=4, tolerance=110)
    assert ax.texts[0].get_text() == "B"


def test_everything_about_a_gene_shares_one_axis(drawn, landscape, genes):
    contacts = np.zeros((12, 63))
    contacts[5, 31 + 12] = 4.0
    gene = plot.GeneArrays(
        landscape,
        ["ATAC", "H3K27ac"],
        WINDOW,
        observed=np.linspace(0, 20, TARGET.bins),
        predicted=np.full(TARGET.bins, 10.0),
        target=TARGET,
        contacts=contacts,
        resolution=1600,
    )
    near = plot.genes_around(genes, "g2", WINDOW)
    fig, axes = plot.gene_tracks(gene, genes=near, reach=40_000)
    image = drawn(fig)
    assert list(axes) == ["contacts", "track0", "track1", "genes", "profile"]
    # A place is in the same pixel column in every panel, the map with its colour bar included.
    for place in (-40, 0, 19.2, 40):
        assert len({image.place(ax, place, 0)[1] for ax in axes.values()}) == 1
    assert image.has(axes["contacts"], 19.2, 16.0, colormaps["RdBu_r"](1.0)[:3], tolerance=90)
    assert image.has(axes["track0"], -17.5, 4.0, "black")
    assert image.has(axes["track1"], 21.0, 2.5, RED)
    assert image.has(axes["track1"], -17.5, 2.5, "white", tolerance=0)
    assert image.has(axes["profile"], 8, 10, RED)
    assert image.has(axes["profile"], 9, 5, "0.75")
    assert axes["contacts"].get_ylim()[1] <= 80
    assert axes["profile"].get_xlabel() == "Distance from the TSS (kb)"
    assert axes["track0"].get_xlabel() == ""


def test_a_stripe_is_a_row_over_the_places_that_the_tss_touches(drawn, landscape, genes):
    stripe = np.zeros((2, 63))
    stripe[0, 31 + 12] = 3.0  # 19.2 kb downstream
    flat = np.ones(TARGET.bins)
    gene = plot.GeneArrays(
        landscape, ["A", "B"], WINDOW, flat, flat, TARGET, stripe, resolution=1600, kind="stripe"
    )
    fig, axes = plot.gene_tracks(gene, genes=plot.genes_around(genes, "g2", WINDOW), reach=40_000)
    image = drawn(fig)
    grey = (0.35, 0.35, 0.35)
    assert image.has(axes["contacts"], 19.2, 1.5, grey)
    for place in (15, 23, -19.2):
        assert not image.has(axes["contacts"], place, 1.5, grey)
    assert axes["contacts"].get_xlim() == axes["profile"].get_xlim() == (-40, 40)
    assert axes["contacts"].get_ylabel() == "log2\nobs / exp"


def test_a_gene_without_contacts_and_faults(landscape, genes):
    flat = np.ones(TARGET.bins)
    gene = plot.GeneArrays(landscape, ["A", "B"], WINDOW, flat, flat, TARGET)
    near = plot.genes_around(genes, "g2", WINDOW)
    _, axes = plot.gene_tracks(gene, genes=near)
    assert list(axes) == ["track0", "track1", "genes", "profile"]
    assert axes["profile"].get_xlim() == (-50.05, 50.05)
    with pytest.raises(ValueError, match=r"landscape of shape \(1, 1001\) needed"):
        plot.gene_tracks(replace(gene, names=["A"]), genes=near)
    with pytest.raises(ValueError, match="does not lie on the axis"):
        plot.gene_tracks(replace(gene, kind="paper_square"), genes=near)


def test_a_track_is_filled_where_its_signal_is(drawn, landscape):
    fig, axes = plot.landscape_tracks(landscape, ["ATAC", "H3K27ac"], WINDOW)
    image = drawn(fig)
    assert image.has(axes[0, 0], -17.5, 4, "black")
    assert image.has(axes[0, 0], 21, 2, "white", tolerance=0)
    assert image.has(axes[1, 0], 21, 2, RED)


def test_a_learning_curve_has_both_splits_and_the_model_that_was_kept(drawn):
    steps = np.arange(1, 101)
    train = pd.DataFrame({"split": "train", "step": steps, "loss": 1.0 - steps / 200})
    valid = pd.DataFrame({"split": "valid", "step": [20, 60, 100], "loss": [0.9, 0.8, 0.85]})
    valid["performance"] = [0.2, 0.6, 0.5]
    fig, axes = plot.learning_curve(pd.concat([train, valid]), best=60, performance="r")
    image = drawn(fig)
    assert image.has(axes[0], 50, 0.75, "0.6")
    assert image.has(axes[0], 40, 0.85, BLUE)
    assert image.has(axes[1], 60, 0.6, BLUE)
    assert [line.get_xdata()[0] for line in (axes[0].lines[-1], axes[1].lines[-1])] == [60, 60]
    assert axes[0].get_yscale() == "linear"
    assert axes[1].get_ylabel() == "r"
    steep = train.assign(loss=10.0 / steps, performance=np.nan)
    assert plot.learning_curve(steep)[1][0].get_yscale() == "log"


def test_shares_are_bars(drawn):
    effects = pd.DataFrame(
        {
            "element_id": ["a", "a", "b", "b", "c", "c"],
            "effect": [-2.0, 1.0, 0.1, -0.3, 0.5, 0.1],
            "genes_between": [0, 3, 1, 0, 1, 2],
        }
    )
    fig, ax = plot.most_affected_genes(effects)
    image = drawn(fig)
    assert image.has(ax, 0, 0.6, OKABE_ITO["sky blue"])
    assert image.has(ax, 1, 0.2, OKABE_ITO["sky blue"])
    assert image.has(ax, 1, 0.5, "white", tolerance=0)


def test_the_overview_holds_inputs_and_output(drawn, landscape):
    observed, predicted = np.full(TARGET.bins, 8.0), np.full(TARGET.bins, 4.0)
    gene = plot.GeneArrays(landscape, ["ATAC", "H3K27ac"], WINDOW, observed, predicted, TARGET)
    fig, axes = plot.overview(gene, gene_span=(0, 3000, "+"))
    image = drawn(fig)
    assert image.has(axes["track0"], -17.5, 4, "black")
    assert image.has(axes["profile"], -5, 6, "0.75")
    assert image.has(axes["profile"], -5, 4, RED)


def test_a_profile_is_an_area_and_a_line(drawn):
    observed = np.where(np.arange(TARGET.bins) < 10, 8.0, 0.0)
    fig, ax = plot.profile(observed, np.full(TARGET.bins, 2.0), TARGET)
    image = drawn(fig)
    assert image.has(ax, -5, 6, "0.75")
    assert image.has(ax, 5, 6, "white", tolerance=0)
    assert image.has(ax, 5, 2, RED)


def test_r_by_distance_is_a_line_in_its_band(drawn):
    offset = TARGET.offsets * TARGET.size
    value = 0.5 + offset / 40_000
    table = pd.DataFrame({"method": "ridge", "offset": offset, "value": value})
    fig, ax = plot.score_by_bin(table.assign(low=value - 0.1, high=value + 0.1))
    image = drawn(fig)
    assert image.has(ax, 4, 0.6, BLUE)
    assert image.has(ax, 4, 0.65, "#cce3f0", tolerance=8)
    assert image.has(ax, 4, 0.4, "white", tolerance=0)


def test_scores_of_groups_are_points(drawn):
    parts = [
        scores({"network": first, "boosting": second}).assign(by="expression", stratum=stratum)
        for stratum, first, second in (("low", 0.3, 0.2), ("high", 0.9, 0.6))
    ]
    fig, ax = plot.score_by_stratum(pd.concat(parts))
    image = drawn(fig)
    assert image.has(ax, -0.15, 0.3, RED)
    assert image.has(ax, 0.85, 0.9, RED)
    assert image.has(ax, 1.15, 0.6, GREEN)
