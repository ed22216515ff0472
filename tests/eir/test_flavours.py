import pytest
from pydantic import ValidationError

from claster.dataset.load import load_dataset
from claster.eir.arrays import input_views, write_arrays
from claster.eir.flavours import FLAVOURS, find_flavour
from claster.eir.parts import derive
from claster.errors import ClasterError


def test_names_agree_with_keys():
    assert {key: flavour.name for key, flavour in FLAVOURS.items()} == {
        key: key for key in FLAVOURS
    }


def test_the_flavours_of_the_table():
    assert set(FLAVOURS) >= {
        "pure_conv",
        "conv_attention",
        "microc_square",
        "microc_rotated",
        "microc_diagonal",
        "microc_only",
        "promoter_capture",
        "profile",
        "profile_microc",
        "without_H3K27ac",
        "context_20kb",
        "tutorial",
        "toy",
    }


def test_derive_changes_one_setting_and_keeps_the_rest():
    base = FLAVOURS["pure_conv"]
    changed = derive(
        base, name="slow", description="d", inputs={"landscape": {"cnn": {"rb_do": 0.0}}}
    )
    assert changed.inputs["landscape"].cnn.rb_do == 0.0
    assert base.inputs["landscape"].cnn.rb_do == 0.3
    assert changed.inputs["landscape"].cnn.layers == base.inputs["landscape"].cnn.layers
    assert changed.fusion == base.fusion


def test_derive_takes_an_input_away():
    assert set(FLAVOURS["microc_diagonal"].inputs) == {"landscape", "contacts"}
    assert set(FLAVOURS["microc_only"].inputs) == {"contacts"}


def test_derive_refuses_a_setting_that_does_not_exist():
    with pytest.raises(ValidationError, match="n_epoch"):
        derive(FLAVOURS["toy"], name="x", description="d", training={"n_epoch": 2})


@pytest.mark.parametrize(
    "changes",
    [
        {"fusion": {"model_type": "mlp-residual"}},
        {"inputs": {"landscape": {"cnn": {"num_output_features": 512}}}},
        {"output": {"array": None}},
    ],
)
def test_profile_needs_feature_maps_to_the_end(changes):
    with pytest.raises(ValidationError, match="pass-through"):
        derive(FLAVOURS["profile"], name="x", description="d", **changes)


def test_target_window_keeps_its_steps():
    with pytest.raises(ValidationError, match="down_stride_width"):
        derive(
            FLAVOURS["profile"],
            name="x",
            description="d",
            inputs={"landscape": {"cnn": {"down_stride_width": 2}}},
        )


def test_flavours_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        FLAVOURS["toy"].training.lr = 1.0


@pytest.mark.parametrize("name", ["pure", "pure_without_ATAC", "microc_only_without_ATAC"])
def test_unknown_flavour_names_the_known_ones(name):
    with pytest.raises(ClasterError, match=rf"no flavour '{name}'.*pure_conv, .*without_<track>"):
        find_flavour(name)


@pytest.mark.parametrize(
    ("name", "base", "track"),
    [
        ("without_ATAC", "pure_conv", "ATAC"),
        ("profile_without_ATAC", "profile", "ATAC"),
        ("without_H3K4me3.2_b", "pure_conv", "H3K4me3.2_b"),
    ],
)
def test_any_track_can_be_left_out(name, base, track):
    flavour = find_flavour(name)
    assert flavour.name == name
    landscape = flavour.inputs["landscape"]
    assert landscape.without == (track,)
    assert landscape.cnn == FLAVOURS[base].inputs["landscape"].cnn
    assert flavour.training == FLAVOURS[base].training


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pure_conv", {"landscape": (2, 1, 2001)}),
        ("without_ATAC", {"landscape": (1, 1, 2001)}),
        ("context_20kb", {"landscape": (2, 1, 201)}),
        ("microc_only", {"contacts": (9, 125)}),
        # 41 bins of 1 kb in steps of 10 bins of 100 bp, and 10 bins more at either end.
        ("profile", {"landscape": (2, 1, 421)}),
        # 25 columns of 1.6 kb are 40 kb, the nearest to 41 kb; 2 more at either end for the kernel.
        ("profile_microc", {"landscape": (2, 1, 421), "contacts": (9, 29)}),
    ],
)
def test_each_input_is_the_part_that_the_network_needs(small, name, expected):
    views = input_views(find_flavour(name), small.spec)
    assert {modality: view.shape(small.spec) for modality, view in views.items()} == expected


def test_target_bins_that_are_no_multiple(small):
    window = small.spec.window.model_copy(update={"bin": 300})
    spec = small.spec.model_copy(update={"window": window})
    with pytest.raises(ClasterError, match=r"target bins of 1,000 bp, not a multiple of .* 300 bp"):
        input_views(FLAVOURS["profile"], spec)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("profile", "a part of 421 columns is needed and the landscape .* has 401"),
        ("without_H3K4me3", "no track 'H3K4me3'"),
    ],
)
def test_dataset_that_is_too_small(small, name, message):
    window = small.spec.window.model_copy(update={"bins": 401})
    spec = small.spec.model_copy(update={"window": window})
    with pytest.raises(ClasterError, match=message):
        input_views(find_flavour(name), spec)


def test_another_kind_of_contact_map_names_the_line(small):
    spec = load_dataset(small.yaml)
    with pytest.raises(
        ClasterError, match=r"small\.yaml.*made for 'map: paper_square' and .*'map: d"
    ):
        input_views(FLAVOURS["microc_square"], spec)


def test_arrays_are_written_for_those_who_read_them(small):
    write_arrays(FLAVOURS["toy"], small.spec)
    assert not list(small.project.rglob("view_*"))
    write_arrays(FLAVOURS["profile_microc"], small.spec)
    names = {path.name for path in small.project.rglob("view_*")}
    assert names == {"view_landscape_421", "view_contacts_29", "view_profiles"}
