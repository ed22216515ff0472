"""Parts of arrays and targets as arrays, made from a built dataset."""

import numpy as np
import pandas as pd
import pytest

from claster.dataset.build import build_dataset
from claster.dataset.layout import read_arrays, read_ids, read_targets
from claster.dataset.load import load_dataset
from claster.dataset.manifest import verify_dataset
from claster.dataset.track_scales import read_landscapes
from claster.dataset.views import ArrayView, write_view
from claster.eir.arrays import _write_profiles, _write_table_view
from claster.errors import ClasterError

NARROW = ArrayView("landscape", columns=21, without=("ATAC",))


@pytest.fixture
def spec(world):
    spec = load_dataset("small")
    build_dataset(spec)
    return spec


@pytest.fixture
def folders(spec):
    return build_dataset(spec).folders


@pytest.mark.parametrize(
    "view",
    [
        ArrayView("landscape"),
        ArrayView("contacts", columns=5),
        ArrayView("landscape", columns=5, without=("ATAC",), drop=20),
        NARROW,
        ArrayView("landscape", without=("a_b", "c.d-e")),
    ],
)
def test_folder_names_the_view(view):
    assert ArrayView.of_folder(view.folder) == view


@pytest.mark.parametrize("folder", ["view_genes_3", "landscapes", ""])
def test_folder_of_no_view(folder):
    with pytest.raises(ValueError, match="names no view"):
        ArrayView.of_folder(folder)


def test_view_is_the_middle_of_the_other_tracks(spec, folders):
    write_view(NARROW, spec)
    kept = [track.name != "ATAC" for track in spec.tracks]
    middle = spec.window.bins // 2
    for split in ("train", "valid", "test"):
        ids = read_ids(folders, split)
        here = folders.arrays(NARROW.folder, split)
        assert sorted(path.stem for path in here.iterdir()) == ids
        for sample in ids:
            whole = np.load(folders.arrays("landscape", split) / f"{sample}.npy")
            part = np.load(here / f"{sample}.npy")
            np.testing.assert_array_equal(part, whole[kept][:, :, middle - 10 : middle + 11])
            assert part.flags.c_contiguous
    together = folders.arrays(NARROW.folder, "train_valid")
    assert len(list(together.iterdir())) == 6
    np.testing.assert_array_equal(np.load(together / "GC.1_rev.npy").shape, NARROW.shape(spec))


def test_view_of_contact_maps_keeps_all_rows(spec, folders):
    view = ArrayView("contacts", columns=5)
    write_view(view, spec)
    whole = np.load(folders.arrays("contacts", "test") / "GD.1_forward.npy")
    part = np.load(folders.arrays(view.folder, "test") / "GD.1_forward.npy")
    np.testing.assert_array_equal(part, whole[:, 2:-2])


def test_view_is_written_once_and_goes_with_the_build(spec, folders):
    write_view(NARROW, spec)
    _write_profiles(spec)
    mark = folders.arrays(NARROW.folder, "train") / "mark"
    mark.touch()
    write_view(NARROW, spec)
    assert mark.exists()
    assert verify_dataset(folders) == {}
    build_dataset(spec, force=True)
    assert not (folders.inputs / NARROW.folder).exists()
    assert not folders.profiles("train_valid").exists()


def test_nothing_is_written_for_whole_arrays(spec, folders):
    before = sorted(folders.inputs.iterdir())
    write_view(ArrayView("landscape"), spec)
    assert sorted(folders.inputs.iterdir()) == before


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (ArrayView("landscape", columns=103), "103 columns is needed and the landscape .* has 101"),
        (ArrayView("contacts", columns=11), "11 columns is needed and the contacts .* has 9"),
        (ArrayView("landscape", without=("H4",)), "no track 'H4': choose among ATAC, "),
        (ArrayView("landscape", without=("ATAC", "H3K27ac")), "no other track"),
    ],
)
def test_view_that_the_dataset_cannot_give(spec, view, message):
    with pytest.raises(ClasterError, match=message):
        write_view(view, spec)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "is damaged"),
        (lambda path: np.save(path, np.zeros((2, 1, 99), np.float32)), r"has shape \(2, 1, 99\)"),
    ],
)
def test_damaged_array_leaves_no_view(spec, folders, harm, message):
    harm(folders.arrays("landscape", "valid") / "GC.1_rev.npy")
    with pytest.raises(ClasterError, match=message):
        write_view(NARROW, spec)
    assert not list(folders.inputs.glob("*view_*"))


def test_table_view_is_the_middle_of_the_target_on_another_scale(spec, folders):
    _write_table_view(spec, "log1p_10x", bins=3)
    path = folders.table_view("log1p_10x", bins=3)
    signal = read_targets(folders.target_table("train"))
    middle = [f"{bin}_{group}" for group in spec.target.groups for bin in (-1, 0, 1)]
    found = pd.read_csv(path, index_col="ID")
    pd.testing.assert_frame_equal(
        found, np.log(10 * signal[middle] + 1), check_dtype=False, rtol=1e-5
    )
    assert folders.scale_of(path) == "log1p_10x"
    assert folders.scale_of(folders.target_table("train")) is None
    path.write_text("mark")
    _write_table_view(spec, "log1p_10x", bins=3)
    assert path.read_text() == "mark"


def test_logarithms_of_values_below_0_are_refused(spec, folders):
    path = folders.target_table("train")
    table = pd.read_csv(path, index_col="ID")
    table.iloc[2, table.shape[1] // 2] = -0.5
    table.to_csv(path)
    with pytest.raises(ClasterError, match=r"holds values below 0 \(-0\.5\)"):
        _write_table_view(spec, "log1p_10x", bins=spec.target.bins)
    assert not folders.table_view("log1p_10x", bins=spec.target.bins).exists()


def test_profiles_are_the_target_table(spec, folders):
    _write_profiles(spec)
    table = read_targets(folders.target_table("train"))
    written = sorted(folders.profiles("train_valid").iterdir())
    assert sorted(table.index) == [path.stem for path in written]
    conditions, bins = len(spec.target.conditions), spec.target.bins
    for path in written:
        profile = np.load(path)
        assert (profile.dtype, profile.shape) == (np.float32, (conditions, 1, bins))
        for number, condition in enumerate(spec.target.conditions):
            columns = [f"{k}_{condition.name}" for k in spec.target.binning.offsets]
            np.testing.assert_array_equal(profile[number, 0], table.loc[path.stem, columns])


def test_both_layouts_read_as_the_same(edited, world):
    found = {}
    for layout in ("channels", "rows"):

        def change(content, layout=layout):
            content["name"] = layout
            content["window"]["layout"] = layout

        spec = load_dataset(edited(change)) if isinstance(edited(change), str) else edited(change)
        folders = build_dataset(spec).folders
        file = folders.arrays("landscape", "train") / "GA.1_forward.npy"
        assert np.load(file).shape == ((2, 1, 101) if layout == "channels" else (2, 101))
        found[layout] = (
            read_arrays(folders, ["GA.1", "GB.1"], split="train", rev=True),
            read_landscapes(folders, spec, ["GA.1", "GB.1"], split="train"),
        )
    for channels, rows in zip(*found.values(), strict=True):
        assert channels.shape == (2, 2, 101)
        np.testing.assert_array_equal(channels, rows)
    pd.testing.assert_frame_equal(
        read_targets(world / "targets/channels/train_valid.csv"),
        read_targets(world / "targets/rows/train_valid.csv"),
    )
