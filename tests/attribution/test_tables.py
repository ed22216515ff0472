"""Targets, blocks, agreement, elements, baselines."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from claster.analysis.attribution import inputs
from claster.analysis.attribution.blocks import BlockGrid, _slices, agreement_table, block_grid
from claster.analysis.attribution.genes import (
    _gene_targets,
    _score_elements,
    choose_genes,
    element_pairs,
)
from claster.analysis.attribution.inputs import (
    MapAxes,
    Seen,
    _inactive_means,
    _require_bins,
    training_baselines,
)
from claster.analysis.attribution.output import prediction_unit
from claster.analysis.attribution.settings import _parse_bins
from claster.analysis.perturbation.candidates import annotated_stretches
from claster.analysis.statistics import spearman
from claster.dataset.signal_settings import TargetSpec
from claster.errors import ClasterError
from claster.genome.windows import Binning

TARGET = TargetSpec.model_validate(
    {"bins": 7, "conditions": [{"name": "a", "file": "a.bw"}, {"name": "b", "file": "b.bw"}]}
)


def gene(strand="+"):
    return pd.Series(
        {"gene_id": "g", "start": 9000, "end": 10_501, "tss": 10_500, "strand": strand}
    )


def targets(bins, strand="+", seed=0):
    return _gene_targets(gene(strand), TARGET, condition="b", bins=bins, seed=(seed, 4))


def test_targets_of_a_gene():
    bins, weights = targets((-2, 1))
    assert bins.tolist() == [-2, 1]
    assert weights.shape == (3, 2, 7)
    assert weights[0, 1].tolist() == [0, 1, 0, 0, 0, 0, 0]
    assert not weights[:, 0].any()
    # 1,501 bases: all of bin -1 and 501 of bin 0, which begins 500 before the TSS.
    np.testing.assert_allclose(
        weights[2, 1], np.array([0, 0, 1000, 501, 0, 0, 0]) / 1501, rtol=1e-6
    )
    assert targets((-2, 1), "-")[0].tolist() == [2, -1]


def test_drawn_bins_are_a_gene_s_own():
    drawn, _ = targets(3)
    assert len(set(drawn.tolist())) == 3
    assert targets(3)[0].tolist() == drawn.tolist()
    assert any(targets(3, seed=seed)[0].tolist() != drawn.tolist() for seed in range(1, 6))
    assert targets(None)[0].tolist() == list(range(-3, 4))


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ((-3, 4), "there is no bin 4: the bins are numbered -3 to 3"),
        (8, "8 bins of 7"),
        (0, "0 bins of 7"),
        ((), "no bin"),
    ],
)
def test_unknown_bins(bins, message):
    with pytest.raises(ClasterError, match=message):
        _require_bins(bins, TARGET)


def test_bins_that_are_none():
    with pytest.raises(ClasterError, match="bins 'some': give 'all', how many"):
        _parse_bins("some")


def test_choice_of_genes():
    genes = pd.DataFrame({"gene_id": list("abcdef"), "name": ["A", None, "C", "D", "E", "F"]})
    assert choose_genes(genes, ("f", "A"), ("c",), split="test", seed=0).index.tolist() == [0, 2, 5]
    drawn = choose_genes(genes, 2, ("e",), split="test", seed=1)
    assert "e" in drawn["gene_id"].tolist()
    assert len(choose_genes(genes, None, (), split="test", seed=0)) == 6
    with pytest.raises(ClasterError, match="test split: no gene 'G' among 6: choose among A, C"):
        choose_genes(genes, ("G",), (), split="test", seed=0)
    twins = genes.assign(name="Twin", gene_id=[f"ENSG0000000000{n}.{n}" for n in range(6)])
    assert choose_genes(twins, ("ENSG00000000002",), (), split="test", seed=0).index.tolist() == [2]
    with pytest.raises(ClasterError, match=r"6 genes are called 'Twin': ENSG00000000000\.0, ENSG"):
        choose_genes(twins, ("Twin",), (), split="test", seed=0)
    with pytest.raises(ClasterError, match="the valid split holds no gene"):
        choose_genes(genes[:0], None, (), split="valid", seed=0)


@given(st.integers(1, 60), st.integers(1, 12))
def test_blocks_part_a_window(length, block):
    edges = [*(part.start for part in _slices(length, block)), length]
    widths = np.diff(edges)
    assert edges[0] == 0
    assert (widths > 0).all()
    assert (widths <= block).all()
    assert (widths[1:-1] == block).all()
    if length % 2 and block % 2:
        assert widths.tolist() == widths[::-1].tolist()


@pytest.fixture
def grid():
    seen = Seen({}, ("x", "y"), Binning(11, 100), MapAxes(kind="diagonal", resolution=500))
    shapes = {"landscape": (2, 11), "contacts": (3, 5)}
    return block_grid(seen, shapes, rows=("x", "y", "contacts"), block=300, map_block=2), shapes


def test_totals_of_blocks(grid):
    grid, shapes = grid
    assert isinstance(grid, BlockGrid)
    assert pd.Series(grid.labels).value_counts(sort=False).to_dict() == {
        "x": 5,
        "y": 5,
        "all": 5,
        "contacts": 6,
    }
    rng = np.random.default_rng(1)
    values = {name: rng.normal(size=(2, *shape)) for name, shape in shapes.items()}
    totals = grid.sums(values)
    x = totals[:, grid.labels == "x"]
    np.testing.assert_allclose(x[:, 0], values["landscape"][:, 0, :1].sum(axis=1))
    np.testing.assert_allclose(x[:, 2], values["landscape"][:, 0, 4:7].sum(axis=1))
    np.testing.assert_allclose(totals[:, grid.labels == "all"], x + totals[:, grid.labels == "y"])
    np.testing.assert_allclose(
        totals[:, grid.labels == "contacts"].sum(axis=1), values["contacts"].sum(axis=(1, 2))
    )
    spread = grid.spread(totals, shapes)
    np.testing.assert_allclose(grid.sums(spread), totals, rtol=1e-5, atol=1e-6)
    assert np.ptp(spread["landscape"][0, 0, 4:7]) == 0


def test_agreement(grid):
    grid, _ = grid
    rng = np.random.default_rng(2)
    sides = []
    for _ in range(3):
        a, b = rng.normal(size=(2, 4, len(grid.labels)))
        sides.append((a, a + b))
    table = agreement_table({("method", "occlusion"): sides}, grid.labels).set_index("track")
    kept = grid.labels != "all"
    flat = [np.concatenate([side[n][:, kept].ravel() for side in sides]) for n in (0, 1)]
    assert table.loc["each", "spearman"] == pytest.approx(spearmanr(*flat).statistic)
    assert table.loc["each", "pearson"] == pytest.approx(np.corrcoef(*flat)[0, 1])
    x = grid.labels == "x"
    each = [spearmanr(a[x], b[x]).statistic for pair in sides for a, b in zip(*pair, strict=True)]
    assert table.loc["x", "spearman_per_target"] == pytest.approx(np.mean(each))
    assert table.loc["x", ["genes", "targets"]].tolist() == [3, 12]
    assert np.isnan(spearman(np.ones(4), np.arange(4)))
    assert agreement_table({}, grid.labels).empty


def test_scores_of_elements():
    genes = pd.DataFrame(
        [("g", "G", "chr1", 5000, 9000, "-", 8999)],
        columns=["gene_id", "name", "chrom", "start", "end", "strand", "tss"],
    )
    elements = pd.DataFrame(
        [("e1", "chr1", 8924, 9059), ("e2", "chr1", 9200, 9299), ("far", "chr1", 99_000, 99_100)],
        columns=["element_id", "chrom", "start", "end"],
    )
    pairs = element_pairs(genes, elements, genes, reach=300)
    values = np.array([[1.0, -2, 3, -4, 5], [0, 0, 10, 0, 0]])
    table = _score_elements(pairs, values, Binning(5, 100), condition="ctrl").set_index(
        "element_id"
    )
    # e1 is [-75, 60): a quarter of bin 1, all of bin 2, a tenth of bin 3.
    assert table.loc["e1", "score"] == pytest.approx(0.25 * 2 + 13 + 0.1 * 4)
    assert table.loc["e1", "signed"] == pytest.approx(0.25 * -2 + 13 + 0.1 * -4)
    assert table.loc["e2", "gene_distance_bp"] == -table.loc["e2", "distance_bp"] == -250
    assert table.index.tolist() == ["e1", "e2"]
    with pytest.raises(ClasterError, match="none of 3 elements lies whole within 10 bp"):
        element_pairs(genes, elements, genes, reach=10)


def test_inactive_bins_touch_nothing_annotated():
    genes = pd.DataFrame({"chrom": ["chr1"], "tss": [50_000]})
    elements = pd.DataFrame({"chrom": ["chr1"], "start": [51_400], "end": [51_410]})
    annotated = annotated_stretches(elements, genes)
    binning = Binning(51, 100)
    landscape = np.zeros((2, 51))
    landscape[0, 25] = landscape[0, 39] = 100  # the TSS, and the element
    landscape[0, :10] = 2
    landscape[1] = 5
    free = 51 - 21 - 1
    np.testing.assert_allclose(
        _inactive_means([landscape], genes, annotated, binning), [20 / free, 5]
    )
    with pytest.raises(ClasterError, match="every bin of the training windows touches"):
        _inactive_means([landscape[:, :5]], genes, annotated, Binning(5, 100))


def test_each_baseline_is_what_its_name_says(monkeypatch):
    """Two training genes; an element lies on the middle one of three bins, which alone is active."""
    genes = pd.DataFrame(
        {
            "gene_id": ["a", "b", "t"],
            "split": ["train", "train", "test"],
            "chrom": "chr1",
            "tss": [5_000, 8_000, 90_000],
        }
    )
    middle = {"chrom": ["chr1"] * 2, "start": [4_960, 7_960], "end": [5_040, 8_040]}
    annotated = annotated_stretches(pd.DataFrame(middle), genes.iloc[:0])
    windows = {
        "a": {"landscape": np.array([[1.0, 9.0, 3.0], [0.0, 6.0, 2.0]])},
        "b": {"landscape": np.array([[5.0, 9.0, 7.0], [2.0, 0.0, 4.0]])},
    }
    monkeypatch.setattr(inputs, "read_genes_table", lambda folders: genes)
    monkeypatch.setattr(inputs, "known_annotated", lambda spec, genes: annotated)
    monkeypatch.setattr(inputs, "read_window", lambda explained, gene, split: windows[gene])
    seen = Seen({}, ("ATAC", "H3K27ac"), Binning(3, 100), None)
    explained = SimpleNamespace(seen=seen, spec=None, folders=None)
    made = training_baselines(("background", "mean", "zero"), explained)
    told = {name: arrays["landscape"].tolist() for name, arrays in made.items()}
    assert told["background"] == [[4.0] * 3, [2.0] * 3]
    assert told["mean"] == [[np.float32(17 / 3)] * 3, [np.float32(7 / 3)] * 3]
    assert told["zero"] == [[0.0] * 3] * 2


@pytest.mark.parametrize(
    ("transform", "scale", "said"),
    [
        ("log1p", "model", "log(reads + 1)"),
        ("log1p", "signal", "reads"),
        ("log1p_10x", "model", "log(10 reads + 1)"),
        ("sqrt", "model", "sqrt(reads)"),
        ("none", "model", "reads"),
        ("none", "signal", "reads"),
    ],
)
def test_predictions_are_told_in_the_unit_of_their_scale(transform, scale, said):
    spec = SimpleNamespace(
        require_target=lambda: TARGET.model_copy(update={"transform": transform})
    )
    assert prediction_unit(spec, scale) == said
