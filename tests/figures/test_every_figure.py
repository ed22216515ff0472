"""Each figure of the paper draws something, with labelled axes and units, in both widths."""

import re

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from claster.errors import ClasterError
from claster.figures.base import COLUMNS, Page
from claster.figures.make import (
    _FIGURES,
    _missing,
    _table_text,
    draw_figures,
    list_figures,
    renew_receipt,
)

EXPECTED = {
    *(f"T{n}" for n in range(1, 6)),
    *("F1a", "F1b", "F1s", "F2a", "F2b", "F2c", "F2d", "F2e", "F2f", "F3a", "F3b", "F3c"),
    *(f"S{n}" for n in range(1, 8)),
    *(f"R{n}" for n in range(1, 20)),
}
WITHOUT_AXES = {"S5"}
UNIT = re.compile(
    r"\(.+\)|log2|[Nn]umber|Share|share|Density|Rank|CRISPR|Predictor|Metric|method|over bins"
)


def test_every_figure_of_the_list_is_registered():
    assert set(_FIGURES) == EXPECTED
    assert list(_FIGURES)[:2] == ["T1", "T2"]
    assert all(figure.title and figure.about.endswith((".", ")")) for figure in _FIGURES.values())


def test_no_figure_lacks_anything(context):
    assert not {name for name, figure in _FIGURES.items() if _missing(figure, context)}


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_figures_are_drawn_and_labelled(context, name):
    fig, axes, table = _FIGURES[name].draw(context, Page(1))
    assert fig.get_size_inches()[0] <= Page(1).width + 0.01
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    pixels = np.asarray(canvas.buffer_rgba())[..., :3]
    assert 0.01 < (pixels < 250).any(axis=2).mean() < 0.95
    assert len(table)
    if name in WITHOUT_AXES:
        return
    for ax in np.ravel(axes):
        if ax.get_visible() and ax.axison and name != "T1":
            assert ax.get_ylabel(), name
            assert UNIT.search(ax.get_ylabel()), ax.get_ylabel()
            if name not in ("S1", "S6", "S7"):  # one label below all of a column
                assert UNIT.search(ax.get_xlabel()), ax.get_xlabel()


def test_text_of_the_same_maps_has_the_same_size(context):
    sizes = []
    for name in ("F3b", "R12"):
        fig, _, _ = _FIGURES[name].draw(context, Page(1))
        sizes.append([text.get_fontsize() for text in fig.findobj(Text)])
    assert sizes[0] == sizes[1]


@pytest.mark.slow
def test_tables_have_the_same_bytes_again(context):
    for name in ("F1a", "F2c", "R1", "R10", "S6"):
        first, again = (_table_text(_FIGURES[name].draw(context, Page(c))[2]) for c in COLUMNS)
        assert first == again


def test_files_of_a_figure(context, tmp_path):
    made = draw_figures(context, ["R2"], to=tmp_path)
    assert not made.missing
    (receipt,) = made.receipts
    names = {f"R2.{c}col{suffix}" for c in COLUMNS for suffix in (".pdf", ".svg", ".png")}
    assert {path.name for path in tmp_path.iterdir()} == names | {"R2.csv", "R2.receipt.json"}
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    draw_figures(context, ["R2"], to=tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    again, same = renew_receipt(context, "R2", to=tmp_path)
    assert same is True
    assert again == receipt
    (tmp_path / "R2.csv").write_text("changed")
    assert renew_receipt(context, "R2", to=tmp_path)[1] is False
    assert renew_receipt(context, "R2", to=tmp_path / "new")[1] is None


def test_what_is_missing_names_its_command(context, alone, tmp_path):
    with pytest.raises(ClasterError, match="claster train another flavour or --seed"):
        draw_figures(alone, ["R17"], to=tmp_path)
    with pytest.raises(ClasterError, match="claster train enformer_head --dataset demo_tiny"):
        draw_figures(alone, ["S1"], to=tmp_path)
    with pytest.raises(ClasterError, match="no figure 'F9'"):
        draw_figures(context, ["F9"], to=tmp_path)
    table = list_figures(alone).set_index("figure")
    assert "microc_diagonal" in table.loc["F3b", "missing"]
    assert table.loc["T1", "missing"] == ""
    assert "missing" not in list_figures()
