import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb


@pytest.fixture
def genes():
    """Four genes, the second one (of which the window is) and the last on the minus strand."""
    columns = ["gene_id", "name", "chrom", "start", "end", "strand", "tss"]
    rows = [
        ("g1", "Left", "chr1", 1_000, 30_000, "+", 1_000),
        ("g2", "Middle", "chr1", 60_000, 100_001, "-", 100_000),
        ("g3", None, "chr1", 149_000, 151_000, "+", 149_000),
        ("g4", "Elsewhere", "chr2", 90_000, 95_000, "-", 94_999),
    ]
    return pd.DataFrame(rows, columns=columns)


class Drawn:
    """A figure as pixels: what colour stands where."""

    def __init__(self, fig, dpi=200):
        fig.set_dpi(dpi)
        canvas = FigureCanvasAgg(fig)
        canvas.draw()
        self.fig = fig
        self.pixels = np.asarray(canvas.buffer_rgba())[..., :3].astype(int)

    def place(self, ax, x, y):
        """Row and column of a point in data coordinates."""
        across, up = ax.transData.transform((x, y))
        return len(self.pixels) - 1 - int(up), int(across)

    def has(self, ax, x, y, colour, *, within=2, tolerance=40):
        """Whether a colour is seen at most `within` pixels from a point in data coordinates."""
        row, column = self.place(ax, x, y)
        part = self.pixels[
            max(row - within, 0) : row + within + 1, column - within : column + within + 1
        ]
        wanted = 255 * np.array(to_rgb(colour))
        return bool((np.abs(part - wanted).max(axis=-1) <= tolerance).any())

    def count(self, colour, *, tolerance=8):
        """How many pixels have a colour."""
        wanted = 255 * np.array(to_rgb(colour))
        return int((np.abs(self.pixels - wanted).max(axis=-1) <= tolerance).sum())


@pytest.fixture(scope="session")
def drawn():
    """Render a figure to pixels."""
    return Drawn
