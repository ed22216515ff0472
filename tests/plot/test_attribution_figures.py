import numpy as np
import pandas as pd
import pytest

from claster.errors import ClasterError
from claster.plot.attribution import (
    attribution_by_distance,
    attribution_locality,
    attribution_map,
    filter_images,
)
from claster.plot.style import save


@pytest.fixture
def profile():
    distance = np.arange(-2000, 2001) * 100
    tables = []
    for track, reach in (("ATAC", 5000), ("H3K27ac", 15_000), ("all", 9000)):
        mean = np.exp(-np.abs(distance) / reach)
        table = {"track": track, "distance": distance, "n": 9}
        for name, sign in (("absolute", 1), ("signed", -1)):
            table |= {
                f"mean_{name}": sign * mean,
                f"{name}_low": sign * mean - 0.1,
                f"{name}_high": sign * mean + 0.1,
            }
        tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def test_lines_within_reach_and_an_inset_of_the_whole(profile, tmp_path):
    fig, ax = attribution_by_distance(profile, value="signed", reach=50_000, unit="log(reads + 1)")
    lines = {line.get_label(): line for line in ax.lines}
    near = profile.query("track == 'H3K27ac' and abs(distance) <= 50_000")
    np.testing.assert_allclose(lines["H3K27ac"].get_ydata(), near["mean_signed"])
    assert "all" not in lines
    assert "log(reads + 1)" in ax.get_ylabel()
    (inset,) = ax.child_axes
    assert len(inset.lines) == 2
    assert inset.get_xlim() == (-200, 200)
    save(fig, tmp_path / "a.png")
    with pytest.raises(ClasterError, match="no bin within 10 bp"):
        attribution_by_distance(profile[profile["distance"] != 0], reach=10)


def test_bars_of_half_widths(tmp_path):
    rows = [
        (track, above, share, width, 0.8 * width, 1.2 * width)
        for track, width in (("ATAC", 2000.0), ("all", 4000.0))
        for above in ("zero", "level")
        for share in (0.5, 0.9)
    ]
    table = pd.DataFrame(rows, columns=["track", "above", "share", "half_width", "low", "high"])
    table.loc[table["above"] == "level", "half_width"] /= 2
    for above, widths in (("zero", [2, 4, 2, 4]), ("level", [1, 2, 1, 2])):
        fig, ax = attribution_locality(table, above=above)
        assert [bar.get_width() for bar in ax.patches] == widths
    assert "above its level" in ax.get_legend().get_texts()[0].get_text()
    save(fig, tmp_path / "b.png")


@pytest.mark.parametrize(("kind", "shape"), [("diagonal", (9, 41)), ("paper_square", (41, 41))])
def test_maps_have_a_scale_of_their_own(kind, shape, tmp_path):
    values = np.random.default_rng(1).normal(size=shape)
    values[0, 0] = np.nan
    fig, ax = attribution_map(values, 1600, value="signed", kind=kind, unit="reads")
    (image,) = ax.images
    low, high = image.get_clim()
    assert low == -high == -np.nanpercentile(np.abs(values), 99.5)
    assert "predicted bin" in ax.get_xlabel()
    assert "TSS" not in ax.get_xlabel() + ax.get_ylabel()
    save(fig, tmp_path / "c.png")
    _, ax = attribution_map(np.abs(values), 1600, value="absolute", kind=kind)
    assert ax.images[0].get_clim()[0] == 0


def test_filters_by_layer(tmp_path):
    rng = np.random.default_rng(1)
    layers = {
        "conv.0.conv_1": rng.normal(size=(10, 6, 20)),
        "conv.1.conv_1": rng.normal(size=(40, 3, 10)),
        "row": rng.normal(size=(12, 1, 30)),
    }
    fig, axes = filter_images(layers)
    assert [sum(len(ax.images) for ax in band.ravel()) for band in axes] == [10, 32, 1]
    np.testing.assert_allclose(axes[2][0, 0].images[0].get_array(), layers["row"][:, 0])
    save(fig, tmp_path / "d.png")
