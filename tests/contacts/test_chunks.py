from itertools import pairwise

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from claster.contacts import cool, grid
from claster.contacts.grid import read_column

NUMBERS = np.random.default_rng(0).integers(0, 10**9, 1000)
LAYOUTS = {
    "as cooler": {"chunks": (64,), "compression": "gzip", "shuffle": True},
    "not shuffled": {"chunks": (64,), "compression": "gzip"},
    "checked": {"chunks": (64,), "compression": "gzip", "fletcher32": True},
    "lzf": {"chunks": (64,), "compression": "lzf"},
    "not compressed": {"chunks": (64,)},
    "one piece": {},
    "extendable": {"chunks": (300,), "compression": "gzip", "shuffle": True, "maxshape": (None,)},
}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("chunks") / "columns.h5"
    with h5py.File(path, "w") as file:
        for layout, options in LAYOUTS.items():
            for dtype in (np.int64, np.int32, np.float64, ">i4"):
                file.create_dataset(
                    f"{layout} {np.dtype(dtype)}", data=NUMBERS.astype(dtype), **options
                )
        file.create_dataset("holes", shape=1000, dtype=int, **LAYOUTS["as cooler"])
        file["holes"][500:600] = 7
    with h5py.File(path) as file:
        yield file


@given(edges=st.tuples(st.integers(0, 1000), st.integers(0, 1000)).map(sorted))
def test_any_part_of_any_layout_is_what_hdf5_reads(store, edges):
    for name, column in store.items():
        found = read_column(column, *edges)
        np.testing.assert_array_equal(found, column[slice(*edges)], err_msg=name)
        assert found.dtype == column.dtype


def test_coolers_layout_is_inflated_here(store, monkeypatch):
    inflated = []
    inflate = grid.isal_zlib.decompress
    monkeypatch.setattr(
        grid.isal_zlib,
        "decompress",
        lambda data, bufsize: inflated.append(bufsize) or inflate(data, bufsize=bufsize),
    )
    read_column(store["as cooler int64"], 64, 192)
    assert inflated == [512, 512]


def test_damage_is_an_error_of_hdf5(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        column = file.create_dataset("x", data=NUMBERS, **LAYOUTS["as cooler"])
        place = column.id.get_chunk_info(3).byte_offset
    with path.open("r+b") as handle:
        handle.seek(place)
        handle.write(bytes(100))
    with h5py.File(path) as file:
        assert (read_column(file["x"], 0, 192) == NUMBERS[:192]).all()
        with pytest.raises(OSError, match=r"filter returned failure|inflate"):
            read_column(file["x"], 0, 1000)


@given(low=st.integers(0, 3000), count=st.integers(0, 3000), length=st.integers(1, 700))
def test_pieces_follow_each_other_and_end_where_chunks_do(low, count, length):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cool, "_PIECE", 500)
        pieces = list(cool._pieces(low, low + count, (length,)))
    assert pieces[0][0] == low
    assert pieces[-1][1] == low + count
    for (_, end), (start, _) in pairwise(pieces):
        assert start == end
        assert start % length == 0
