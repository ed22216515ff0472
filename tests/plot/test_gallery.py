"""The examples of the documentation: one for every public function, and each a whole picture."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from claster import plot

PATH = Path(__file__).parents[2] / "docs" / "gallery.py"
SPEC = importlib.util.spec_from_file_location("gallery", PATH)
gallery = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gallery)


def test_every_public_function_has_an_example_or_draws_nothing():
    drawing = {name for name in plot.__all__ if callable(getattr(plot, name))}
    assert set(gallery.examples()) == drawing - gallery.WITHOUT_PICTURE
    assert gallery.WITHOUT_PICTURE <= drawing


@pytest.mark.parametrize("name", gallery.shown())
def test_an_example_is_a_whole_picture(name, drawn):
    fig, axes = gallery.examples()[name]()
    image = drawn(fig, dpi=100)
    height, width = image.pixels.shape[:2]
    ink = (image.pixels.min(axis=-1) < 200).mean()
    assert 0.005 < ink < 0.9
    drawn_within = fig.get_tightbbox(fig.canvas.get_renderer()).extents * fig.dpi
    assert (drawn_within[:2] > -3).all(), "something leaves the figure on the left or below"
    assert (drawn_within[2:] < np.array([width, height]) + 3).all(), "... on the right or above"
    listed = list(axes.values() if isinstance(axes, dict) else np.atleast_1d(axes).ravel())
    while any(isinstance(part, np.ndarray) for part in listed):
        listed = [ax for part in listed for ax in np.atleast_1d(part).ravel()]
    assert listed
    assert all(ax in fig.findobj(type(ax)) for ax in listed)


def test_the_page_shows_code_and_picture(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "shown", lambda: ["score_bars"])
    gallery.write_gallery(tmp_path)
    text = (tmp_path / "figures.md").read_text()
    assert "## score_bars\n\nDraw one score of every method" in text
    assert "```python\nfig, axes = plot.score_bars(scores)\n```" in text
    assert (tmp_path / "_figures" / "score_bars.png").read_bytes().startswith(b"\x89PNG")
