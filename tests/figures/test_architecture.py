"""The picture of a network has the numbers of the network that EIR builds."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from claster.dataset.spec import DatasetSpec
from claster.eir.flavours import find_flavour
from claster.eir.geometry import measure_geometry
from claster.figures.architecture import _draw

SPEC = DatasetSpec.model_validate(
    {
        "name": "small",
        "assembly": "toy",
        "tracks": [{"name": name, "file": f"{name}.bw"} for name in ("ATAC", "H3K27ac")],
        "genes": {"file": "genes.gtf"},
        "contacts": {"file": "m.mcool"},
        "target": {"conditions": [{"name": "ctrl", "file": "eu.bw"}]},
    }
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [pytest.param("microc_diagonal", marks=pytest.mark.slow), "profile"]
)
def test_numbers_are_those_of_the_geometry(name):
    geometry = measure_geometry(find_flavour(name), SPEC)
    fig, ax, table = _draw(geometry, SPEC)
    assert table["parameters"].sum() <= geometry.parameters
    blocks = table[table["name"] != "input"].set_index("name")
    assert len(blocks) == len(geometry.blocks)
    for block in geometry.blocks:
        row = blocks.loc[block.name]
        assert (row["channels"], row["width"]) == (block.channels, block.width)
    inputs = table[table["name"] == "input"]
    assert inputs[["channels", "height", "width"]].to_numpy().tolist() == [
        list(branch.shape) for branch in geometry.branches
    ]
    texts = [text.get_text() for text in ax.texts]
    told = " ".join(texts).replace("\n", " ")
    for block in geometry.blocks:
        size = (
            f"{block.channels:,}" if block.width == 1 else f"{block.channels:,} x {block.width:,}"
        )
        assert size in told
    assert f"{geometry.parameters:,} weights" in ax.get_title(loc="left")
    assert "ATAC, H3K27ac" in told
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    assert (np.asarray(canvas.buffer_rgba())[..., :3] < 250).any(axis=2).mean() > 0.05
