import pytest
from pydantic import ValidationError

from claster.eir.flavours import FLAVOURS, derive, find_flavour
from claster.errors import ClasterError


def test_names_agree_with_keys():
    assert {key: flavour.name for key, flavour in FLAVOURS.items()} == {
        key: key for key in FLAVOURS
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


def test_derive_refuses_a_setting_that_does_not_exist():
    with pytest.raises(ValidationError, match="n_epoch"):
        derive(FLAVOURS["toy"], name="x", description="d", training={"n_epoch": 2})


def test_flavours_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        FLAVOURS["toy"].training.lr = 1.0


def test_unknown_flavour_names_the_known_ones():
    with pytest.raises(ClasterError, match=r"no flavour 'pure'.*pure_conv, microc_diagonal, toy"):
        find_flavour("pure")
