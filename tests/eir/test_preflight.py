import shutil

import numpy as np
import pandas as pd
import pytest

from claster.dataset.views import ArrayView
from claster.eir.arrays import input_views
from claster.eir.flavours import FLAVOURS
from claster.eir.machine import resolve_device
from claster.eir.parts import SampleCounts
from claster.eir.preflight import prepare_training, require_predictable
from claster.errors import ClasterError

BOTH = FLAVOURS["microc_diagonal"]
ARRAYS = [ArrayView("landscape"), ArrayView("contacts")]
PROFILE = FLAVOURS["profile"]


def array(small, modality="landscape", part="train", sample="train3_rev"):
    return small.folders.arrays(modality, part) / f"{sample}.npy"


def edit(path, change):
    values = np.load(path)
    np.save(path, change(values))


def with_value(value):
    def change(values):
        values = values.copy()
        values[1, ..., 7] = value
        return values

    return change


def target(small, change):
    path = small.folders.target_table("train")
    table = pd.read_csv(path, dtype={"ID": str})
    change(table).to_csv(path, index=False)


def cell(value):
    def change(table):
        table = table.astype(object)
        table.loc[2, "5_ctrl"] = value
        return table

    return change


def cut(path, size):
    content = path.read_bytes()
    path.write_bytes(content[:size])


def append(path, text):
    path.write_text(path.read_text() + text)


def test_sound_dataset_passes_with_its_counts(small):
    counts = prepare_training(BOTH, small.spec)
    assert counts == SampleCounts(train=64, valid=16)
    ids = require_predictable(ARRAYS, small.spec, "test")
    assert ids[:3] == ["test0_forward", "test0_rev", "test1_forward"]
    assert len(ids) == 12


FAULTS = {
    "array missing for a sample": (
        lambda s: array(s, "contacts", "train_valid").unlink(),
        r"contacts/train_valid lacks 1 array \(train3_rev\)",
    ),
    "dangling link": (
        lambda s: array(s).unlink(),
        r"holds 1 entry \(train3_rev.npy\) that is not an array file",
    ),
    "array without a sample": (
        lambda s: shutil.copy(array(s), array(s, part="train_valid", sample="other_rev")),
        r"train_valid holds 1 array \(other_rev\) not in the ID files",
    ),
    "other file in the folder": (
        lambda s: (s.folders.arrays("landscape", "train_valid") / "notes.txt").write_text("x"),
        r"holds 1 entry \(notes.txt\) that is not an array file",
    ),
    "sub-folder": (
        lambda s: (s.folders.arrays("landscape", "train_valid") / "old").mkdir(),
        r"holds 1 entry \(old\) that is not an array file",
    ),
    "no folder": (
        lambda s: shutil.rmtree(s.folders.arrays("contacts", "train_valid")),
        "no folder of arrays at .*contacts/train_valid",
    ),
    "NaN": (
        lambda s: edit(array(s), with_value(np.nan)),
        r"train3_rev.npy holds 1 value not finite, the first at \(1, 0, 7\)",
    ),
    "infinity": (
        lambda s: edit(array(s, "contacts"), with_value(-np.inf)),
        r"contacts/train_valid/train3_rev.npy holds 1 value not finite",
    ),
    "another shape": (
        lambda s: edit(array(s), lambda values: values[..., :-1]),
        r"train3_rev.npy has shape \(2, 1, 2000\) where \(2, 1, 2001\) is expected",
    ),
    "built as rows": (
        lambda s: edit(array(s), lambda values: values[:, 0]),
        r"train3_rev.npy has shape \(2, 2001\) where \(2, 1, 2001\) is expected: build the dataset",
    ),
    "transposed": (
        lambda s: edit(array(s, "contacts"), lambda values: values.T),
        r"has shape \(125, 9\) where \(9, 125\) is expected",
    ),
    "integers": (
        lambda s: edit(array(s), lambda values: values.astype(np.int32)),
        "train3_rev.npy holds int32",
    ),
    "objects": (
        lambda s: np.save(array(s), np.array([{}]), allow_pickle=True),
        "train3_rev.npy holds object",
    ),
    "cut off": (lambda s: cut(array(s), 5000), r"train3_rev.npy is cut off: 1218 of 4002 values"),
    "cut off in its header": (lambda s: cut(array(s), 50), "train3_rev.npy is not an array file"),
    "empty file": (lambda s: cut(array(s), 0), "train3_rev.npy is not an array file"),
    "no target row": (
        lambda s: target(s, lambda table: table.drop(index=[0, 5])),
        r"train_valid.csv lacks 2 samples \(train0_forward, train2_rev\)",
    ),
    "target row twice": (
        lambda s: target(s, lambda table: pd.concat([table, table.iloc[:1]])),
        r"train_valid.csv holds 1 sample \(train0_forward\) more than once",
    ),
    "target row too many": (
        lambda s: target(
            s, lambda table: pd.concat([table, table.iloc[:1].assign(ID="strange_rev")])
        ),
        r"train_valid.csv holds 1 sample \(strange_rev\)",
    ),
    "target column missing": (
        lambda s: target(s, lambda table: table.drop(columns="-3_ctrl")),
        r"train_valid.csv lacks 1 column \(-3_ctrl\)",
    ),
    "empty target": (lambda s: target(s, cell(np.nan)), "sample train1_forward, column 5_ctrl"),
    "text target": (lambda s: target(s, cell("much")), r"the first \(much\) at sample train1_for"),
    "infinite target": (lambda s: target(s, cell("inf")), r"the first \(inf\)"),
    "no target table": (
        lambda s: s.folders.target_table("train").unlink(),
        "no target table at .*train_valid.csv",
    ),
    "empty target table": (
        lambda s: s.folders.target_table("train").write_text(""),
        "train_valid.csv cannot be read as a table",
    ),
    "sample in two splits": (
        lambda s: append(s.folders.ids("valid"), "train3_rev\n"),
        r"1 sample \(train3_rev\) named more than once",
    ),
    "no ID file": (lambda s: s.folders.ids("valid").unlink(), "no list of samples at .*ids_valid"),
    "empty ID file": (lambda s: s.folders.ids("train").write_text("\n"), "names no sample"),
    "one validation sample": (
        lambda s: s.folders.ids("valid").write_text("valid0_rev\n"),
        "names 1 samples and EIR needs at least 2",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_is_named(small, fault):
    harm, message = FAULTS[fault]
    harm(small)
    with pytest.raises(ClasterError, match=message) as raised:
        prepare_training(BOTH, small.spec)
    assert "\n" not in str(raised.value)
    assert raised.value.remedy


def profile(small, sample="train3_rev"):
    return small.folders.profiles("train_valid") / f"{sample}.npy"


ARRAY_FAULTS = {
    "array missing": (
        lambda s: profile(s).unlink(),
        r"view_profiles/train_valid lacks 1 array \(train3_rev\)",
    ),
    "array without a sample": (
        lambda s: shutil.copy(profile(s), profile(s, "other_rev")),
        r"view_profiles/train_valid holds 1 array \(other_rev\) not in the ID files",
    ),
    "NaN": (
        lambda s: edit(profile(s), lambda values: values * np.nan),
        r"train3_rev.npy holds 41 values not finite, the first at \(0, 0, 0\)",
    ),
    "another shape": (
        lambda s: edit(profile(s), lambda values: values[0]),
        r"train3_rev.npy has shape \(1, 41\) where \(1, 1, 41\) is expected",
    ),
    "integers": (
        lambda s: edit(profile(s), lambda values: values.astype(np.int64)),
        "train3_rev.npy holds int64",
    ),
    "cut off": (lambda s: cut(profile(s), 200), r"train3_rev.npy is cut off: 18 of 41 values"),
    "view without an array": (
        lambda s: array(s, "view_landscape_421", part="train_valid").unlink(),
        r"view_landscape_421/train_valid lacks 1 array \(train3_rev\)",
    ),
    "no target row": (
        lambda s: target(s, lambda table: table.drop(index=[0])),
        r"train_valid.csv lacks 1 sample \(train0_forward\)",
    ),
}


@pytest.mark.parametrize("fault", ARRAY_FAULTS)
def test_each_fault_of_a_profile_is_named(small, fault):
    harm, message = ARRAY_FAULTS[fault]
    assert prepare_training(PROFILE, small.spec).train == 64
    harm(small)
    with pytest.raises(ClasterError, match=message) as raised:
        prepare_training(PROFILE, small.spec)
    assert "\n" not in str(raised.value)


def test_target_of_a_profile_is_checked_before_it_is_written(small):
    target(small, cell("much"))
    with pytest.raises(ClasterError, match=r"the first \(much\)"):
        prepare_training(PROFILE, small.spec)
    assert not list(small.project.rglob("view_*"))


def test_prediction_looks_at_the_view(small):
    prepare_training(PROFILE, small.spec)
    views = input_views(PROFILE, small.spec).values()
    ids = require_predictable(views, small.spec, "test")
    assert len(ids) == 12
    array(small, "view_landscape_421", "test", "test0_rev").unlink()
    with pytest.raises(ClasterError, match=r"view_landscape_421/test lacks 1 array"):
        require_predictable(views, small.spec, "test")


def test_large_finite_values_are_no_fault(small):
    edit(array(small), lambda values: np.full_like(values, 3e38))
    prepare_training(BOTH, small.spec)


def test_prediction_looks_at_the_split_only(small):
    array(small, "landscape", "test", "test0_rev").unlink()
    with pytest.raises(ClasterError, match=r"landscape/test lacks 1 array \(test0_rev\)"):
        require_predictable(ARRAYS[:1], small.spec, "test")
    require_predictable(ARRAYS[1:], small.spec, "test")


def test_cuda_where_there_is_none(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ClasterError, match=r"cuda was asked for .*: use 'device' cpu"):
        resolve_device("cuda")
    assert resolve_device("auto") == "cpu"
    assert resolve_device("cpu") == "cpu"


def test_cuda_where_there_is_one(monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("cuda") == "cuda"
