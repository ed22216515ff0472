"""Contact-weighted activity on its way: arrays to train on, edited windows, tensors with gradients."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from claster.analysis.attribution.inputs import Seen
from claster.dataset.activity import ActivityView
from claster.dataset.layout import read_arrays
from claster.dataset.signal_settings import ContactsSpec
from claster.dataset.views import ArrayView, network_window, sources_of, view_of_folder, write_view
from claster.eir.arrays import input_views
from claster.eir.flavours import FLAVOURS
from claster.eir.parts import derive
from claster.errors import ClasterError

VIEW = ActivityView(100_000)
GENE = "train0"


@pytest.fixture
def striped(small):
    """Return the small dataset with a stripe in the place of its maps: two tracks, windows of 200 kb."""
    contacts = ContactsSpec(file="m.mcool", map="stripe")
    spec = small.spec.model_copy(update={"contacts": contacts})
    for split in ("train", "valid", "test"):
        for file in small.folders.arrays("contacts", split).glob("*.npy"):
            stripe = np.load(file)[:2].astype(np.float16)
            np.save(file, stripe)
    return small.project, small.folders, spec


def window_of(folders, *, rev=False):
    return {
        name: read_arrays(folders, [GENE], split="train", modality=name, rev=rev)[0]
        for name in VIEW.sources
    }


def test_the_view_holds_what_a_window_gives(striped):
    _, folders, spec = striped
    write_view(VIEW, spec)
    views = {"activity": VIEW}
    for way in ("forward", "rev"):
        built = np.load(folders.arrays(VIEW.folder, "train_valid") / f"{GENE}_{way}.npy")
        window = window_of(folders, rev=way == "rev")
        assert built.shape == VIEW.shape(spec) == (2 * 6 * 2, 1, 1)
        np.testing.assert_array_equal(built, network_window(views, window, spec, spec)["activity"])
    assert view_of_folder(VIEW.folder) == VIEW
    with pytest.raises(ClasterError, match=r"as CLASTER 0\.2 defines it"):
        view_of_folder("view_activity_100000")
    assert sources_of([ArrayView("landscape", columns=201), VIEW]) == ("landscape", "contacts")


def test_an_edit_far_from_the_promoter_reaches_the_network(striped):
    _, folders, spec = striped
    views = {"landscape": ArrayView("landscape", columns=201), "activity": VIEW}
    window = window_of(folders)
    edited = window["landscape"].copy()
    edited[:, 1000 + 590 : 1000 + 610] = 0  # 60 kb downstream
    before = network_window(views, window, spec, spec)
    after = network_window(views, window | {"landscape": edited}, spec, spec)
    np.testing.assert_array_equal(before["landscape"], after["landscape"])
    change = (after["activity"] - before["activity"]).reshape(2, 6, 2)
    assert (change[..., 0] == 0).all()
    assert (change[:, 0, 1] < 0).all()


def test_activity_without_a_map_or_a_track_is_told(striped):
    _, folders, spec = striped
    views = {"activity": replace(VIEW, drop=20), "contacts": ArrayView("contacts", 65, drop=20)}
    known = network_window(views, window_of(folders), spec, spec)
    bare = spec.model_copy(update={"contacts": None, "tracks": spec.tracks[1:]})
    landscape = window_of(folders)["landscape"][1:]
    read = network_window(views, {"landscape": landscape}, bare, spec)
    values, flags = read["activity"].reshape(2, 2, 6, 2)
    np.testing.assert_array_equal(flags[:, :, 0], [[0] * 6, [0] * 5 + [1]])  # the power law alone
    np.testing.assert_array_equal(values, known["activity"].reshape(2, 2, 6, 2)[0] * flags)
    assert known["contacts"].shape == read["contacts"].shape == (2, 2, 65)
    assert not read["contacts"].any()
    assert known["contacts"][1].all()
    assert view_of_folder(views["activity"].folder) == views["activity"]


def test_gradients_go_through_to_the_whole_window(striped):
    _, folders, spec = striped
    network = {"landscape": ArrayView("landscape", columns=201), "activity": VIEW}
    seen = Seen({"landscape": ArrayView("landscape")}, ("ATAC", "H3K27ac"), None, None, network)
    tensors = {name: torch.tensor(array)[None] for name, array in window_of(folders).items()}
    tensors["landscape"].requires_grad_()
    given = seen.network_inputs(tensors, spec)
    assert given["landscape"].shape[-1] == 201
    given["activity"].sum().backward()
    slope = tensors["landscape"].grad[0]
    assert (slope[:, 1000 + 600] > 0).all()
    assert slope[:, 1000 - 100 : 1000 + 100].abs().max() < 1e-12


def test_flavours_read_the_view(striped, small):
    _, _, spec = striped
    flavour = derive(
        FLAVOURS["proximal_contacts"],
        name="near",
        description="d",
        inputs={"activity": {"window": 200_000}},
    )
    assert input_views(flavour, spec)["activity"] == VIEW
    with pytest.raises(ClasterError, match="needs 'map: stripe'"):
        input_views(flavour, small.spec)
    with pytest.raises(ClasterError, match="activity up to 500,000 bp is needed"):
        input_views(FLAVOURS["proximal_contacts"], spec)
    with pytest.raises(ValueError, match="'activity' needs 'window' in bp"):
        derive(flavour, name="x", description="d", inputs={"activity": {"window": "whole"}})
