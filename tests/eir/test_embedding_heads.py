"""Heads on embeddings: the right channel at the right bin, trained, predicted and scored as any flavour."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from claster.analysis.evaluate import evaluate_runs
from claster.dataset.embeddings import EmbeddingView, open_embeddings
from claster.dataset.layout import read_ids
from claster.dataset.views import view_of_folder, write_view
from claster.eir import flavours
from claster.eir.arrays import as_stored, input_views, predicted_part
from claster.eir.flavours import FLAVOURS
from claster.eir.network import as_linear, build_network, random_inputs
from claster.eir.parts import Embedding, derive
from claster.eir.predict import predict
from claster.eir.run import train
from claster.eir.runs import read_predictions, read_run
from claster.errors import ClasterError

pytestmark = pytest.mark.filterwarnings("ignore")  # EIR's imports

# 64 bins of 500 bp are 32 kb: 31 bins of 1 kb lie within.
STORED = Embedding(model="enformer", channels=6, span=32_000)


@dataclass(frozen=True)
class Embedded:
    """A small dataset and the embeddings of its samples."""

    small: object
    values: np.ndarray


@pytest.fixture
def embedded(small, write_store):
    return Embedded(small, write_store(small, STORED))


def test_head_takes_shape_and_bins_from_what_is_stored(embedded):
    small = embedded.small
    flavour = as_stored(FLAVOURS["enformer_head"], small.folders)
    assert flavour.inputs["embedding"].embedding == STORED
    assert input_views(flavour, small.spec)["embedding"].shape(small.spec) == (6, 1, 31)
    part = predicted_part(flavour, small.spec).require_target()
    assert part.columns == [f"{k}_ctrl" for k in range(-15, 16)]
    assert predicted_part(FLAVOURS["pure_conv"], small.spec) is small.spec


def test_channels_come_first_and_bins_are_averaged(embedded):
    small, view = embedded.small, EmbeddingView("enformer", 6, 31)
    write_view(view, small.spec)
    assert view_of_folder(view.folder) == view
    row = 2 * 3 + 1
    array = np.load(small.folders.arrays(view.folder, "train") / "train3_rev.npy")
    assert array.shape == (6, 1, 31)
    for channel, k in ((0, 0), (4, -15), (5, 15)):
        first = 32 + 2 * k - 1  # bin k is [1000 k - 500, 1000 k + 500): two bins of 500 bp
        wanted = embedded.values[row, channel, first : first + 2].astype(np.float32).mean()
        assert array[channel, 0, k + 15] == pytest.approx(wanted, rel=1e-5)
    for part in ("train", "valid", "test", "train_valid"):
        there = {path.stem for path in small.folders.arrays(view.folder, part).iterdir()}
        splits = ("train", "valid") if part == "train_valid" else (part,)
        assert there == {name for split in splits for name in read_ids(small.folders, split)}


@pytest.mark.slow
def test_a_changed_position_changes_the_outputs_around_it_only(embedded):
    """Norms and gates look everywhere and are taken out; what is left must keep its place."""
    flavour = as_stored(FLAVOURS["enformer_head"], embedded.small.folders)
    model = as_linear(build_network(flavour, embedded.small.spec))
    inputs = {name: array.double() for name, array in random_inputs(model, samples=1).items()}

    def run(array):
        (output,) = model({"embedding": array}).values()
        (values,) = output.values()
        return values.detach().flatten().numpy()

    before = run(inputs["embedding"])
    assert before.shape == (31,)
    reach = []
    for position in (13, 15, 17):
        changed = inputs["embedding"].clone()
        changed[0, 3, 0, position] += 1
        moved = np.flatnonzero(np.abs(run(changed) - before) > 1e-9)
        assert moved.min() + moved.max() == 2 * position
        reach.append(moved.max() - position)
    assert len(set(reach)) == 1
    assert 0 < reach[0] < 13
    swapped = inputs["embedding"].clone()
    swapped[..., [15, 16]] = inputs["embedding"][..., [16, 15]]
    moved = np.flatnonzero(np.abs(run(swapped) - before) > 1e-9)
    assert moved.min() >= 15 - reach[0]
    assert moved.max() <= 16 + reach[0]


def test_store_that_does_not_fit(embedded):
    small = embedded.small
    for view in (EmbeddingView("enformer", 5, 31), EmbeddingView("enformer", 6, 33)):
        with pytest.raises(ClasterError, match="holds 6 channels over 32,000 bp where"):
            write_view(view, small.spec)
    with pytest.raises(ClasterError, match="no embeddings of dataset 'small' by borzoi"):
        as_stored(FLAVOURS["borzoi_head"], small.folders)


def test_embedding_goes_with_its_name():
    for changes in (
        {"inputs": {"landscape": {"embedding": STORED.model_dump()}}},
        {"inputs": {"embedding": FLAVOURS["profile"].inputs["landscape"].model_dump()}},
    ):
        with pytest.raises(ValueError, match="goes with the input of that name"):
            derive(FLAVOURS["profile"], name="x", description="d", **changes)


@pytest.mark.slow
def test_head_trains_predicts_and_is_scored_on_its_own_bins(embedded, monkeypatch):
    small = embedded.small
    content = yaml.safe_load(Path(small.yaml).read_text())
    content["splits"] = {"test": ["chr1"], "allow_shared_windows": True}  # genes lie close together
    Path(small.yaml).write_text(yaml.safe_dump(content))
    head = derive(
        FLAVOURS["enformer_head"],
        name="enformer_head",
        description="d",
        training={"n_epochs": 3, "batch_size": 16, "evaluations": 3},
    )
    monkeypatch.setitem(flavours.FLAVOURS, "enformer_head", head)
    run = train("enformer_head", small.spec, dataset_yaml=small.yaml, device="cpu")
    assert read_run(run.path).trained_on.target.bins == 31
    predict(run, device="cpu")
    table = read_predictions(run, "test")
    assert table.columns.tolist() == [f"{k}_ctrl" for k in range(-15, 16)]
    assert table.index.tolist() == read_ids(small.folders, "test")
    evaluation, _ = evaluate_runs([run])
    assert sorted(evaluation.tables.bins["offset"].unique() // 1000) == list(range(-15, 16))
    store = open_embeddings(small.folders, "enformer")
    other = store.record.model_copy(update={"weights": {"model.safetensors": "0" * 64}})
    (store.path / "record.json").write_text(other.model_dump_json())
    with pytest.raises(ClasterError, match="by other weights of enformer"):
        predict(run, device="cpu")
