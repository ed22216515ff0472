"""What a cooler leaves open: where bins lie, which half is stored, which way weights go."""

import cooler
import h5py
import numpy as np
import pandas as pd
import pytest

from claster.contacts import direction, kernels
from claster.contacts.cool import _require_numbers
from claster.contacts.matrix import open_contacts, read_band, read_counts
from claster.errors import ClasterError, NothingHereError

SIZES = {"chr1": 60_000, "chr2": 40_000}
BINS = cooler.binnify(pd.Series(SIZES), 1000)


def dense(seed=0, bins=100):
    """Return symmetric counts with rows of unequal coverage."""
    rng = np.random.default_rng(seed)
    cover = rng.uniform(0.4, 2.0, bins)
    i = np.arange(bins)
    rate = 200 / (1 + np.abs(i[:, None] - i)) * np.outer(cover, cover)
    upper = np.triu(rng.poisson(rate))
    return upper + np.triu(upper, 1).T


def write(path, counts, *, bins=BINS, square=False, **weights):
    i, j = np.nonzero(counts if square else np.triu(counts))
    pixels = pd.DataFrame({"bin1_id": i, "bin2_id": j, "count": counts[i, j]})
    cooler.create_cooler(str(path), bins, pixels, symmetric_upper=not square, triucheck=not square)
    with h5py.File(path, "r+") as store:
        for name, values in weights.items():
            store["bins"][name] = values
    return path


def balancing(counts):
    """Return weights that make the sums of rows equal."""
    weights = np.ones(len(counts))
    for _ in range(200):
        sums = weights * (counts @ weights)
        weights /= np.sqrt(sums / sums.mean())
    return weights


def counts_of(path, chrom, *, balance=False):
    matrix = open_contacts(path, resolution=1000, balance=balance)
    return read_counts(matrix, chrom, separations=6, balance=balance).counts


@pytest.mark.parametrize("chrom", SIZES)
def test_both_halves_of_a_matrix_give_the_same_as_one(tmp_path, chrom):
    counts = dense()
    one = write(tmp_path / "upper.cool", counts)
    both = write(tmp_path / "square.cool", counts, square=True)
    np.testing.assert_array_equal(counts_of(one, chrom), counts_of(both, chrom))


def test_halves_that_differ_are_refused(tmp_path):
    counts = dense()
    counts[12, 10] += 1
    path = write(tmp_path / "square.cool", counts, square=True)
    with pytest.raises(
        ClasterError, match=r"both halves .* differ at chr1:12,000 and 10,000: make"
    ):
        counts_of(path, "chr1")
    assert counts_of(path, "chr2").any()
    half = write(tmp_path / "half.cool", np.triu(dense()), square=True)
    with pytest.raises(ClasterError, match="lie above the main diagonal and 0 below it"):
        counts_of(half, "chr1")


def test_a_half_that_is_not_declared_is_refused(tmp_path):
    path = write(tmp_path / "square.cool", dense(), square=True)
    with h5py.File(path, "r+") as store:
        store.attrs["storage-mode"] = "symmetric-upper"
    for chrom in SIZES:
        with pytest.raises(ClasterError, match="upper half of the matrix alone, but has a pixel"):
            counts_of(path, chrom)


def test_bins_of_a_capture_count_where_they_start(tmp_path):
    captured = BINS[(BINS["chrom"] == "chr1") & BINS["start"].between(20_000, 50_000)]
    captured = captured[captured["start"] != 33_000].reset_index(drop=True)
    counts = dense(bins=len(captured))
    weights = np.linspace(0.5, 2, len(captured))
    path = write(tmp_path / "capture.cool", counts, bins=captured, weight=weights)
    matrix = open_contacts(path, resolution=1000, balance=True)
    assert matrix.sizes == {"chr1": 51_000}
    band = read_counts(matrix, "chr1", separations=3, balance=True)
    assert band.counts.shape == (3, 51)
    starts = captured["start"] // 1000
    for row, place in enumerate(starts):
        assert band.counts[0, place] == counts[row, row]
        assert band.weights[place] == weights[row]
    # The bins 32 and 34 lie beside each other in the file, and two apart on the chromosome.
    at = int(np.flatnonzero(starts == 32)[0])
    assert band.counts[2, 32] == counts[at, at + 1]
    assert band.counts[1, 32] == 0
    assert np.isnan(band.weights[[0, 19, 33]]).all()
    rows = next(matrix.pixels("chr1", separations=3, rows=(30, 35)))[0]
    assert set(rows.tolist()) == {30, 31, 32, 34}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"start": BINS["start"] + 300, "end": BINS["end"] + 300},
            "chr1:300-1,300, which is not one",
        ),
        (
            {"end": BINS["end"] - (BINS.index == 7)},
            "chr1:7,000-7,999, which is not one of equal bins",
        ),
    ],
)
def test_bins_off_the_grid_are_refused(tmp_path, change, said):
    path = write(tmp_path / "a.cool", dense())
    with h5py.File(path, "r+") as store:
        for name, values in change.items():
            store["bins"][name][:] = values
    with pytest.raises(ClasterError, match=said):
        counts_of(path, "chr1")


def test_bins_of_several_widths_are_refused(tmp_path):
    ends = np.cumsum(np.random.default_rng(1).integers(300, 2000, 40))
    fragments = pd.DataFrame({"chrom": "chr1", "start": [0, *ends[:-1]], "end": ends})
    path = write(tmp_path / "fragments.cool", dense(bins=40), bins=fragments)
    with pytest.raises(ClasterError, match="bins of several widths, such as restriction fragments"):
        counts_of(path, "chr1")


def test_of_several_matrices_of_one_resolution_one_is_to_be_named(tmp_path):
    path = tmp_path / "cells.scool"
    for cell, seed in (("A", 1), ("B", 2)):
        single = write(tmp_path / f"{cell}.cool", dense(seed))
        with h5py.File(single) as source, h5py.File(path, "a") as store:
            source.copy(source["/"], store.require_group("cells"), name=cell)
    with pytest.raises(ClasterError, match=r"2 matrices of 1,000 bp .* name one .*::/cells/A'"):
        open_contacts(path, resolution=1000, balance=False)
    np.testing.assert_array_equal(
        counts_of(f"{path}::/cells/B", "chr1"), counts_of(tmp_path / "B.cool", "chr1")
    )


@pytest.mark.parametrize("name", ["KR", "SCALE", "GW_VC", "weight", "mine"])
@pytest.mark.parametrize("divide", [False, True])
def test_sums_of_rows_tell_the_direction_of_weights(tmp_path, name, divide):
    weights = balancing(dense())
    path = write(tmp_path / "a.cool", dense(), **{name: 1 / weights if divide else weights})
    usual = {"weight": False, "mine": divide}.get(name, True)
    if divide == usual:
        matrix = open_contacts(path, resolution=1000, balance=name)
        np.testing.assert_allclose(matrix.weights("chr2", name), weights[60:])
        return
    with pytest.raises(ClasterError, match=f"'{name}' .* by their name, but rows have equal sums"):
        open_contacts(path, resolution=1000, balance=name)
    with h5py.File(path, "r+") as store:
        store["bins"][name].attrs["divisive_weights"] = divide
    settled = open_contacts(path, resolution=1000, balance=name)
    np.testing.assert_allclose(settled.weights("chr2", name), weights[60:])
    with h5py.File(path, "r+") as store:
        store["bins"][name].attrs["divisive_weights"] = not divide
    with pytest.raises(ClasterError, match=r"attribute divisive_weights \((True|False)\), but"):
        open_contacts(path, resolution=1000, balance=name)


def test_the_remedy_for_weights_of_the_wrong_direction_works_as_written(tmp_path):
    path = write(tmp_path / "a.cool", dense(), KR=balancing(dense()))
    with pytest.raises(ClasterError) as caught:
        open_contacts(path, resolution=1000, balance="KR")
    command = caught.value.remedy.partition('python -c "')[2].removesuffix('"')
    exec(command)
    assert open_contacts(path, resolution=1000, balance="KR").weights("chr1", "KR").size == 60


@pytest.mark.parametrize("most", [4_000, 10**6])
def test_a_piece_of_a_large_map_tells_the_direction_too(tmp_path, monkeypatch, most):
    monkeypatch.setattr(direction, "_MOST_PIXELS", most)
    bins = cooler.binnify(pd.Series({"chr1": 400_000}), 1000)
    counts = dense(bins=400)
    counts[np.abs(np.subtract.outer(np.arange(400), np.arange(400))) > 30] = 0
    path = write(tmp_path / "a.cool", counts, bins=bins, KR=balancing(counts))
    with pytest.raises(ClasterError, match="rows have equal sums when they multiply"):
        open_contacts(path, resolution=1000, balance="KR")


@pytest.mark.parametrize("name", ["KR", "weight", "mine"])
def test_weights_that_balance_nothing_go_by_their_name(tmp_path, name):
    values = np.random.default_rng(3).uniform(0.5, 2, len(BINS))
    path = write(tmp_path / "a.cool", dense(), **{name: values})
    found = open_contacts(path, resolution=1000, balance=name).weights("chr1", name)
    np.testing.assert_allclose(found, 1 / values[:60] if name == "KR" else values[:60])


def test_chromosomes_without_weights_or_contacts_have_their_own_reason(tmp_path):
    counts = dense()
    counts[60:, 60:] = 0
    weights = np.where(np.arange(len(BINS)) < 60, np.nan, 1.0)
    path = write(tmp_path / "a.cool", counts, weight=weights)
    matrix = open_contacts(path, resolution=1000, balance=True)
    for chrom, reason in (("chr1", "no_weights"), ("chr2", "no_contacts")):
        with pytest.raises(NothingHereError, match=f"on {chrom}") as caught:
            read_band(matrix, chrom, separations=4, balance=True)
        assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("column", "at", "value", "said"),
    [
        ("count", 5, -1, "-1 contacts of chr1:0 and 5,000, which is not a count"),
        ("bin2_id", 5, 400, "name bins that are not there"),
        ("bin2_id", 5, -3, "name bins that are not there"),
        ("bin2_id", 5, 4, "holds the pixel of chr1:0 and 4,000 twice"),
        ("bin1_id", 5, 1, "its index of rows does not fit its pixels"),
    ],
)
def test_pixels_that_cannot_be_are_refused(tmp_path, column, at, value, said):
    path = write(tmp_path / "a.cool", dense())
    with h5py.File(path, "r+") as store:
        assert store["pixels/bin2_id"][at] == 5
        store["pixels"][column][at] = value
    with pytest.raises(ClasterError, match=said):
        counts_of(path, "chr1")


def test_compiled_loops_stay_inside_their_arrays():
    counts, touched = np.zeros((3, 4), np.float32), np.zeros(4, bool)
    pixels = [np.array(x) for x in ([-9, 3, 99, 0, 1], [5, 99, 99, 0, 3], [1, 1, 1, 1, 7])]
    halves = np.zeros(2, np.int64)
    square = False
    assert kernels.place_pixels(counts, touched, *pixels, square, halves)[0] == kernels.WELL
    assert counts.sum() == 8
    assert counts[2, 1] == 7
    with pytest.raises(ValueError, match="different numbers of bins"):
        kernels.weigh(counts, np.ones(3))
    with pytest.raises(ValueError, match="more rows"):
        kernels.cut_diagonals(counts, np.ones(2, np.float32), 0, np.zeros((3, 2), np.float32))


def test_of_several_large_chromosomes_the_one_with_the_fewest_pixels_tells(monkeypatch):
    monkeypatch.setattr(direction, "_MOST_PIXELS", 5)
    monkeypatch.setattr(direction, "_FEWEST_ROWS", 2)
    store = {
        "indexes/bin1_offset": np.array([0, 10, 20, 30, 40, 42, 44]),
        "pixels/count": np.zeros(44),
    }
    found = direction._chosen_rows(store, np.ones(6), np.array([0, 4, 6]))
    assert found == (4, 6, slice(40, 44))


@pytest.mark.parametrize(
    ("column", "length", "kinds"), [("x", 4, "f"), ("x", 3, "iu"), ("s", 3, "iuf")]
)
def test_a_column_of_another_length_or_kind_is_refused(tmp_path, column, length, kinds):
    with h5py.File(tmp_path / "a.h5", "w") as store:
        store["x"] = np.zeros(3)
        store["s"] = np.array([b"a", b"b", b"c"])
        _require_numbers(store["x"], 3, "f")
        with pytest.raises(ValueError, match=rf"/{column} holds .* \(3,\), not {length} numbers"):
            _require_numbers(store[column], length, kinds)
