import numpy as np
import pytest
from matplotlib.figure import Figure

from claster.plot import contact_map

ROWS, COLUMNS = 129, 625


@pytest.fixture
def contacts():
    return np.random.default_rng(0).normal(0.3, 1, (ROWS, COLUMNS)).astype(np.float32)


def test_the_map_lies_on_the_landscapes_axis(contacts):
    fig, ax = contact_map(contacts, 1600, value="log_oe")
    assert isinstance(fig, Figure)
    (image,) = ax.images
    np.testing.assert_array_equal(image.get_array(), contacts)
    # Column 312 is the TSS and row 128 the separation of 256 bins, both in the middle of their cells.
    left, right, bottom, top = image.get_extent()
    width, height = (right - left) / COLUMNS, (top - bottom) / ROWS
    assert left + 312.5 * width == pytest.approx(0, abs=1e-9)
    assert width == pytest.approx(1.6)
    assert bottom + 0.5 * height == pytest.approx(0)
    assert bottom + 128.5 * height == pytest.approx(2 * 128 * 1.6)
    assert ax.get_xlim() == (-500, 500)
    assert ax.get_ylabel() == "Separation (kb)"
    assert "Midpoint" in ax.get_xlabel()


def test_observed_over_expected_is_coloured_around_0(contacts):
    fig, ax = contact_map(contacts, 1600, value="log_oe")
    low, high = ax.images[0].get_clim()
    assert low == -high == pytest.approx(-np.percentile(np.abs(contacts), 99))
    assert ax.images[0].get_cmap().name == "RdBu_r"
    assert fig.axes[1].get_ylabel() == "log2 observed / expected contacts"


def test_frequencies_are_coloured_within_their_range(contacts):
    fig, ax = contact_map(contacts, 1600, value="log10")
    assert ax.images[0].get_clim() == pytest.approx(tuple(np.percentile(contacts, [1, 99.5])))
    assert ax.images[0].get_cmap().name == "YlOrRd"
    assert fig.axes[1].get_ylabel() == "log10 contact frequency (balanced)"


def test_limits_can_be_given(contacts):
    _, ax = contact_map(contacts, 1600, value="log10", limits=(-5, 0))
    assert ax.images[0].get_clim() == (-5, 0)


def test_missing_cells_are_seen_and_named(contacts):
    contacts[3, 4], contacts[5, 6] = np.nan, -np.inf
    _, ax = contact_map(contacts, 1600, value="log10")
    np.testing.assert_array_equal(
        np.argwhere(np.ma.getmaskarray(ax.images[0].get_array())), [[3, 4], [5, 6]]
    )
    assert np.isfinite(ax.images[0].get_clim()).all()
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "contacts of the TSS",
        "no data",
    ]


@pytest.mark.parametrize("value", ["log10", "log_oe"])
@pytest.mark.parametrize("fill", [np.nan, 0.0, -2.0])
def test_maps_without_contrast_are_drawn(value, fill):
    fig, ax = contact_map(np.full((5, 9), fill, dtype=np.float32), 3200, value=value)
    fig.draw_without_rendering()
    low, high = ax.images[0].get_clim()
    assert low < high


def test_the_dotted_lines_are_the_contacts_of_the_tss(contacts):
    _, ax = contact_map(contacts, 1600, value="log_oe")
    x, y = ax.lines[0].get_data()
    # A contact of the TSS with a locus at distance d has its midpoint at d / 2 and separation d.
    np.testing.assert_allclose(2 * np.abs(x), y)


def test_a_rotated_map_has_its_own_narrower_axis():
    # Column width and row height measured with marker pixels: 1,131 and 2,263 bp.
    contacts = np.random.default_rng(0).normal(-3, 1, (129, 626)).astype(np.float32)
    _, ax = contact_map(contacts, 1600, value="log10", kind="paper_rotated")
    image = ax.images[0]
    left, right, bottom, top = image.get_extent()
    assert image.origin == "upper"
    assert (right - left) / 626 == pytest.approx(1.1314, abs=1e-4)
    assert left == -right
    assert (top - bottom) / 129 == pytest.approx(2.2627, abs=1e-4)
    # The last row lies half a row above the diagonal.
    assert bottom == pytest.approx(0)
    x, y = ax.lines[0].get_data()
    np.testing.assert_allclose(2 * np.abs(x), y)
    with pytest.raises(ValueError, match="of 626 columns has 129 rows, found 128"):
        contact_map(contacts[1:], 1600, value="log10", kind="paper_rotated")


def test_a_square_map_has_loci_on_both_axes():
    contacts = np.zeros((201, 201), dtype=np.float32)
    fig, ax = contact_map(contacts, 5000, value="log10", kind="paper_square")
    fig.draw_without_rendering()
    assert ax.images[0].get_extent() == [-502.5, 502.5, 502.5, -502.5]
    assert ax.images[0].origin == "upper"
    assert ax.get_xlabel() == ax.get_ylabel()
    assert 0 in ax.lines[0].get_xdata()


def test_given_axes_are_drawn_into(contacts):
    fig = Figure()
    ax = fig.subplots()
    assert contact_map(contacts, 1600, value="log_oe", ax=ax) == (fig, ax)


def test_an_unknown_value_is_refused(contacts):
    with pytest.raises(ValueError, match="one of log10, log_oe, found 'raw'"):
        contact_map(contacts, 1600, value="raw")
