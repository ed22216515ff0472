import pandas as pd
import pytest
from matplotlib.collections import PolyCollection

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.plot import element_map

BINNING = Binning(1001, 100)


@pytest.fixture
def elements():
    columns = ["element_id", "chrom", "start", "end", "group"]
    rows = [
        ("e1", "chr1", 100_000, 101_000, "PLS,CTCF-bound"),
        ("e2", "chr1", 90_000, 90_010, "dELS"),
        ("e3", "chr1", 10_000, 20_000, "dELS"),
        ("e4", "chr2", 100_000, 101_000, "dELS"),
        ("e5", "chr1", 120_000, 121_000, ""),
    ]
    return pd.DataFrame(rows, columns=columns)


def spans(ax):
    """Left and right end of every drawn element, by row."""
    rows = [c for c in ax.collections if isinstance(c, PolyCollection)]
    return [
        [(path.vertices[:, 0].min(), path.vertices[:, 0].max()) for path in row.get_paths()]
        for row in rows
    ]


def test_elements_in_kb_from_the_tss_a_row_a_class(elements, genes):
    _, axes = element_map(elements, genes, "g2", BINNING)
    labels = [label.get_text() for label in axes[1].get_yticklabels()]
    assert labels == ["PLS (1)", "dELS (1)", "element (1)"]
    (pls,), (dels,), (plain,) = spans(axes[1])
    assert pls == pytest.approx((0, 1))
    assert plain == pytest.approx((20, 21))
    middle = (dels[0] + dels[1]) / 2
    assert middle == pytest.approx(-9.995)
    assert dels[1] - dels[0] == pytest.approx(0.15015), "too thin to be seen: widened"


def test_the_genes_are_those_of_the_window(elements, genes):
    _, axes = element_map(elements, genes, "g2", BINNING)
    assert {text.get_text() for text in axes[0].texts} == {"Middle", "g3"}
    assert axes[0].get_xlim() == (-50.05, 50.05)


def test_a_window_without_elements(elements, genes):
    _, axes = element_map(elements[:0], genes, "g4", BINNING)
    assert axes[1].get_yticklabels() == []
    with pytest.raises(ClasterError, match="no gene 'g9'"):
        element_map(elements, genes, "g9", BINNING)
