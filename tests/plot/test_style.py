import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot import OKABE_ITO, density, landscape_tracks, save, style
from claster.plot.style import track_colour


def drawn():
    rng = np.random.default_rng(0)
    return density(rng.gamma(1, 5, (20, 41)), rng.gamma(1, 5, (20, 41)))[0]


def test_the_style_ends_with_its_context():
    before = dict(mpl.rcParams)
    with style():
        assert mpl.rcParams["font.sans-serif"] == ["DejaVu Sans"]
        assert not mpl.rcParams["axes.spines.top"]
        assert dict(mpl.rcParams) != before
    drawn()
    assert dict(mpl.rcParams) == before


def test_the_users_settings_do_not_change_the_figure(tmp_path):
    plain = save(drawn(), tmp_path / "plain.png").read_bytes()
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 10}):
        assert save(drawn(), tmp_path / "other.png").read_bytes() == plain


def test_figures_are_despined_and_unknown_to_pyplot():
    import matplotlib.pyplot as plt

    fig = drawn()
    assert not fig.axes[0].spines["top"].get_visible()
    assert not fig.axes[0].spines["right"].get_visible()
    assert plt.get_fignums() == []


def test_tracks_have_different_colours():
    colours = [track_colour(number) for number in range(7)]
    assert len(set(colours)) == 7
    assert set(colours) <= set(OKABE_ITO.values())
    assert track_colour(7) == colours[0]
    assert all(to_hex(colour).upper() == colour for colour in colours)


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_the_same_data_give_the_same_bytes(tmp_path, suffix):
    def tracks():
        signal = np.random.default_rng(1).gamma(0.2, 5, (2, 101))
        return landscape_tracks(signal, ["ATAC", "H3K27ac"], Binning(101, 100))[0]

    fig = tracks()
    first = save(fig, tmp_path / f"a.{suffix}").read_bytes()
    assert len(first) > 1000
    assert save(fig, tmp_path / f"b.{suffix}").read_bytes() == first
    assert save(tracks(), tmp_path / f"c.{suffix}").read_bytes() == first
    for word in (b"Date", b"Software", b"Matplotlib v"):
        assert word not in first


def test_dpi_sets_the_size_in_pixels(tmp_path):
    fig = drawn()
    save(fig, tmp_path / "a.png", dpi=50)
    height, width = mpl.image.imread(tmp_path / "a.png").shape[:2]
    np.testing.assert_allclose([width, height], 50 * fig.get_size_inches(), atol=1)


def test_a_failed_save_leaves_nothing(tmp_path):
    fig = drawn()
    fig.axes[0].set_title(r"$\unknowncommand$")
    with pytest.raises(ValueError, match="unknowncommand"):
        save(fig, tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_other_formats_are_refused(tmp_path):
    with pytest.raises(ClasterError, match=r"end its name in \.png, \.svg, \.pdf"):
        save(drawn(), tmp_path / "a.jpg")
