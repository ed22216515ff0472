"""Figures of sequence models: their numbers against the files, and what stands where in the picture."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import zarr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from scipy.stats import pearsonr

from claster.dataset.embeddings import embedding_path
from claster.errors import ClasterError
from claster.figures.base import Page
from claster.figures.make import _FIGURES, _compare_published, _missing


def pixel_at(fig, ax, x, y):
    """Return the colour (RGB) at a place of a panel in data coordinates."""
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())
    column, row = ax.transData.transform((x, y)).astype(int)
    return tuple(image[len(image) - 1 - row, column, :3])


def predicted(context, run, gene):
    return pd.read_parquet(run.predictions("test")).loc[f"{gene}_forward"]


def test_profiles_are_those_of_the_files(context):
    table = _FIGURES["S1"].draw(context, Page(2))[2]
    assert table["gene_id"].nunique() == 2
    for (gene, run), rows in table.groupby(["gene_id", "run"]):
        if run != "measured":
            (of,) = (r for r in (*context.runs, *context.sequence_runs) if r.path.name == run)
            values = predicted(context, of, gene)
            np.testing.assert_allclose(rows["reads"], values, rtol=1e-5)
            places = [f"{offset // 1000}_ctrl" for offset in rows["offset_bp"]]
            assert places == list(values.index)
    assert set(table["run"]) == {"profile-a", "enformer_head", "measured"}


@pytest.mark.parametrize("columns", [1, 2])
def test_a_model_is_drawn_where_it_predicts(context, columns):
    fig, axes, table = _FIGURES["S1"].draw(context, Page(columns))
    first, head = axes[0], axes[2 if columns == 2 else 1]
    assert (first.texts[0].get_text(), head.texts[0].get_text()) == ("profile-a", "enformer_head")
    assert head.get_xlim() == (-200.5, 200.5)
    gene = table["gene_id"].iloc[0]
    rows = table[(table["gene_id"] == gene) & (table["run"] == "enformer_head")]
    peak = rows.loc[rows["reads"].idxmax()]
    assert np.ptp(pixel_at(fig, head, peak["offset_bp"] / 1000, peak["reads"] * 0.7)) > 50
    beyond = table[(table["gene_id"] == gene) & (table["offset_bp"].abs() > 16_000)]
    assert set(beyond["run"]) == {"profile-a", "measured"}


def test_agreement_on_common_and_own_bins(context):
    table = _FIGURES["S2"].draw(context, Page(1))[2]
    chosen = table.set_index(["run", "window", "level", "quantity"])["value"]
    genes = context.genes("test")["gene_id"]
    measured = pd.DataFrame(context.observed("test"), columns=context.target.columns)
    middle = [f"{k}_ctrl" for k in range(-15, 16)]
    for run in (context.run, *context.sequence_runs):
        ours = pd.DataFrame([predicted(context, run, gene) for gene in genes])
        for window, columns in (("common", middle), ("own", list(ours))):
            x, y = (np.log2(part[columns].to_numpy() + 1).ravel() for part in (measured, ours))
            at = (run.path.name, window, "bin")
            assert chosen[(*at, "pearson")] == pytest.approx(pearsonr(x, y).statistic, abs=1e-4)
            assert chosen[(*at, "points")] == x.size
    assert dict(table.groupby(["run", "window"])["bins"].first()) == {
        ("profile-a", "common"): 31,
        ("profile-a", "own"): 401,
        ("enformer_head", "common"): 31,
        ("enformer_head", "own"): 31,
    }
    published = _compare_published(_FIGURES["S2"], table)
    assert [round(number.published, 4) for number in published] == [0.8739, 0.8067, 0.7403, 0.7514]
    assert [number.found is None for number in published] == [False, False, True, True]


def test_embeddings_are_those_of_the_store(context):
    fig, axes, table = _FIGURES["S7"].draw(context, Page(2))
    titles = [ax.get_title(loc="left") for ax in axes]
    gene = (
        context.genes("test").set_index("name").loc[titles[0].removesuffix(", borzoi"), "gene_id"]
    )
    assert [re.sub(".*, ", "", title) for title in titles] == ["borzoi", "enformer", "measured"]
    path = embedding_path(context.folders, "enformer")
    row = pd.read_csv(path / "samples.tsv", sep="\t")["ID"].tolist().index(f"{gene}_forward")
    stored = zarr.open_array(path / "embeddings.zarr", mode="r")[row].astype(float)
    shown = table[table["panel"] == "enformer"].pivot(
        index="row", columns="offset_bp", values="value"
    )
    assert shown.shape == (64, 64)
    assert "channel_0" not in shown.index, "a constant channel varies least"
    kept = [int(name.removeprefix("channel_")) for name in shown.index]
    assert stored[kept].std(axis=1).min() >= np.delete(stored, kept, axis=0).std(axis=1).max()
    expected = stored[kept[0]] - stored[kept[0]].mean()
    np.testing.assert_allclose(shown.iloc[0], expected / expected.std(), atol=1e-6)
    np.testing.assert_array_equal(shown.columns, np.arange(-32, 32) * 512 + 256)
    # Red where a channel lies above its mean, blue below; nothing beyond the model's own window.
    values = shown.loc[sorted(shown.index, key=lambda name: int(name[8:]))].to_numpy()
    for place in (values.argmax(), values.argmin()):
        channel, bin = np.unravel_index(place, values.shape)
        red, _, blue = pixel_at(fig, axes[1], (bin - 31.5) * 0.512, channel + 0.5)
        assert (red > blue) == (values[channel, bin] > 0)
    assert pixel_at(fig, axes[1], -50, 30) == (255, 255, 255)
    assert axes[1].get_xlim() == axes[2].get_xlim() == (-65.536, 65.536)
    measured = table[table["panel"] == "measured"]
    assert measured["offset_bp"].abs().max() == 65_000


def test_what_is_missing_is_told(context):
    (error,) = _missing(_FIGURES["S1"], replace(context, sequence_runs=()))
    assert error.remedy.startswith("claster sequence embed demo_tiny --model enformer")
    empty = replace(context, spec=context.spec.model_copy(update={"name": "other"}))
    errors = _missing(_FIGURES["S7"], empty)
    assert errors[-1].remedy == "claster sequence embed other --model enformer"
    with pytest.raises(ClasterError, match="no embeddings of dataset 'other'"):
        _FIGURES["S7"].needs[1].find(empty)
