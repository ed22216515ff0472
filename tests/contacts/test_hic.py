"""`.hic` files against a cooler of the same pixels, and against hictkpy's own dense matrix."""

import sys

import cooler
import numpy as np
import pandas as pd
import pytest

from claster.contacts import hic
from claster.contacts.cut import map_cutter
from claster.contacts.matrix import open_contacts, read_band, read_counts
from claster.contacts.shapes import DiagonalMap
from claster.errors import ClasterError

hictkpy = pytest.importorskip("hictkpy")

SIZES = {"chr1": 40_500, "chr2": 22_000}
BINS = cooler.binnify(pd.Series(SIZES), 1000)
CHR1 = (BINS["chrom"] == "chr1").to_numpy()


@pytest.fixture(scope="module")
def files(tmp_path_factory, write_hic):
    """A .hic with normalisations KR (both chromosomes) and SCALE (chr1), and a cooler of the same."""
    folder = tmp_path_factory.mktemp("hic")
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(len(BINS))
    counts = rng.poisson(40 / (1 + j - i))
    counts[(i == 9) | (j == 9)] = 0
    seen = counts > 0
    pixels = pd.DataFrame({"bin1_id": i[seen], "bin2_id": j[seen], "count": counts[seen]})
    vector = rng.uniform(0.5, 2, len(BINS)).astype(np.float32)
    vector[[5, 50]] = np.nan
    vector[7] = 0
    by_chrom = {"chr1": vector[CHR1], "chr2": vector[~CHR1]}
    path = write_hic(
        folder / "contacts.hic",
        SIZES,
        pixels,
        [1000, 2000],
        normalisations={("KR", 1000): by_chrom, ("SCALE", 1000): {"chr1": vector[CHR1] / 2}},
    )
    weight = np.divide(1, vector, out=np.full(len(BINS), np.nan), where=vector > 0, dtype=float)
    bins = BINS.assign(weight=weight, KR=vector.astype(float))
    cooler.create_cooler(str(folder / "contacts.cool"), bins, pixels, ordered=True)
    return path, folder / "contacts.cool"


def both(files, balance, *, cool=None):
    path, same = files
    return (
        open_contacts(path, resolution=1000, balance=balance),
        open_contacts(same, resolution=1000, balance=balance if cool is None else cool),
    )


@pytest.mark.parametrize("strip", [3, 7, 4000])
@pytest.mark.parametrize("chrom", ["chr1", "chr2"])
@pytest.mark.parametrize("balance", [False, "KR"])
def test_bands_equal_those_of_a_cooler(files, chrom, balance, strip, monkeypatch):
    monkeypatch.setattr(hic, "_STRIP", strip)
    ours, same = both(files, balance)
    band = read_band(ours, chrom, separations=12, balance=balance)
    other = read_band(same, chrom, separations=12, balance=balance)
    np.testing.assert_array_equal(band.values, other.values)
    np.testing.assert_array_equal(band.expected, other.expected)
    counts = read_counts(ours, chrom, separations=12, balance=balance)
    np.testing.assert_array_equal(
        counts.counts, read_counts(same, chrom, separations=12, balance=balance).counts
    )
    assert counts.counts.dtype == np.float32
    assert counts.resolution == 1000


def test_a_bin_whose_contacts_are_far_is_known_without_weights(tmp_path, write_hic):
    pixels = pd.DataFrame({"bin1_id": [0, 3], "bin2_id": [9, 4], "count": [2, 2]})
    path = write_hic(tmp_path / "far.hic", {"chr1": 10_000}, pixels, [1000])
    matrix = open_contacts(path, resolution=1000, balance=False)
    band = read_band(matrix, "chr1", separations=2, balance=False)
    assert np.flatnonzero(band.values[0] == 0).tolist() == [0, 3, 4, 9]


@pytest.mark.parametrize("chrom", ["chr1", "chr2"])
def test_normalisations_divide(files, chrom):
    with hictkpy.File(files[0], 1000) as store:
        dense = store.fetch(chrom, normalization="KR", count_type="float64").to_numpy()
    band = read_band(both(files, "KR")[0], chrom, separations=20, balance="KR")
    for s in range(20):
        wanted = np.diagonal(dense, s)
        wanted = np.where(np.isfinite(wanted), wanted, np.nan)
        found = band.values[s, : wanted.size]
        known = np.isfinite(wanted) & np.isfinite(found)
        np.testing.assert_allclose(found[known], wanted[known], rtol=1e-6)
        # hictk gives a masked bin 0 / NaN = NaN where it has a contact, and 0 where it has none.
        assert (~np.isfinite(wanted) <= ~np.isfinite(found)).all()


def test_weights_of_the_two_formats_are_each_others_inverse(files):
    ours, same = both(files, "KR", cool=True)
    np.testing.assert_allclose(
        ours.weights("chr1", "KR"), same.weights("chr1", balance=True), rtol=1e-12
    )
    assert np.flatnonzero(np.isnan(ours.weights("chr1", "KR"))).tolist() == [5, 7]
    assert ours.count_type is same.count_type


def test_weights_of_a_cooler_divide_by_name_or_where_they_say_so(files, tmp_path):
    path = tmp_path / "copy.cool"
    path.write_bytes(files[1].read_bytes())
    clr = cooler.Cooler(str(path))
    with np.errstate(divide="ignore", invalid="ignore"):
        wanted = clr.matrix(balance="KR").fetch("chr1")
    band = read_band(both((files[0], path), "KR")[1], "chr1", separations=3, balance="KR")
    for s in range(3):
        diagonal = np.diagonal(wanted, s)
        known = np.isfinite(diagonal)
        np.testing.assert_allclose(band.values[s, : diagonal.size][known], diagonal[known], 1e-6)
    plain = open_contacts(path, resolution=1000, balance=True).weights("chr1", balance=True)
    with clr.open("r+") as store:
        store["bins/weight"].attrs["divisive_weights"] = True
        store["bins/KR"].attrs["divisive_weights"] = False
    told = open_contacts(path, resolution=1000, balance=True)
    np.testing.assert_allclose(told.weights("chr1", balance=True), 1 / plain)
    column = clr.bins()["KR"].fetch("chr1").to_numpy()
    np.testing.assert_array_equal(told.weights("chr1", "KR"), column)


def test_true_takes_the_balanced_matrix(files):
    ours = open_contacts(files[0], resolution=1000, balance=True)
    np.testing.assert_allclose(
        ours.weights("chr1", balance=True), 2 * ours.weights("chr1", "KR"), 1e-6
    )
    with pytest.raises(ClasterError, match=r"1,000 bp has no normalisation SCALE of chr2: .*KR"):
        ours.weights("chr2", balance=True)
    with pytest.raises(ClasterError, match=r"has no balanced matrix: set 'contacts.balance'"):
        open_contacts(files[0], resolution=2000, balance=True)
    with pytest.raises(ClasterError, match=r"has no normalisation 'VC'; it has KR, SCALE: set"):
        open_contacts(files[0], resolution=1000, balance="VC")
    with pytest.raises(ClasterError, match=r"has no weights 'VC'; it has KR, weight: set"):
        open_contacts(files[1], resolution=1000, balance="VC")


def test_maps_equal_those_of_a_cooler(files):
    shape = DiagonalMap(rows=5, half=8)
    maps = [
        map_cutter(matrix, "chr1", shape, balance="KR", value="log10")(9_700)
        for matrix in both(files, "KR")
    ]
    np.testing.assert_array_equal(maps[0][0], maps[1][0])
    assert maps[0][1] == maps[1][1] > 0


def test_header_and_other_resolutions(files):
    path = files[0]
    ours = open_contacts(path, resolution=2000, balance=False)
    assert (ours.sizes, ours.bins("chr1"), ours.bins("chr2")) == (SIZES, 21, 11)
    assert ours.label == f"{path} at 2,000 bp"
    with pytest.raises(ClasterError, match="no resolution of 1,600 bp; it has 1,000, 2,000"):
        open_contacts(path, resolution=1600, balance=False)


def test_without_hictkpy_the_extra_is_named(files, monkeypatch):
    monkeypatch.setitem(sys.modules, "hictkpy", None)
    said = r"contacts.hic is a .hic file, and hictkpy.*: run pip install 'claster\[hic\]'"
    with pytest.raises(ClasterError, match=said):
        open_contacts(files[0], resolution=1000, balance=False)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda data: b"", "an empty file instead of a cooler"),
        (lambda data: b"<html>", "an HTML page instead of a cooler"),
        (lambda data: data[: len(data) // 2], "a .hic file of [0-9]+ bytes of which"),
        (lambda data: data[:60], "a .hic file of [0-9]+ bytes of which"),
        (
            lambda data: data[:300] + bytes(900) + data[1200:],
            r"is damaged: the [a-z ]+ cannot be read \(failed to decompress",
        ),
        (lambda data: data[:-200], "is damaged: the normalisation KR of chr[12] cannot be read"),
    ],
)
def test_damaged_files_are_named_in_one_line(files, tmp_path, spoil, said):
    path = tmp_path / "spoilt.hic"
    path.write_bytes(spoil(files[0].read_bytes()))

    def read():
        matrix = open_contacts(path, resolution=1000, balance="KR")
        return [read_band(matrix, chrom, separations=5, balance="KR") for chrom in SIZES]

    with pytest.raises(ClasterError, match=f"contacts.*{path}.* {said}") as caught:
        read()
    assert "\n" not in str(caught.value)


def test_names_that_belong_to_the_other_format(files, tmp_path):
    (tmp_path / "contacts.mcool").write_bytes(files[0].read_bytes())
    assert isinstance(
        open_contacts(tmp_path / "contacts.mcool", resolution=1000, balance="KR"), hic.HicMatrix
    )
    (tmp_path / "contacts.hic").write_bytes(files[1].read_bytes())
    assert (
        open_contacts(tmp_path / "contacts.hic", resolution=1000, balance=True).bins("chr1") == 41
    )
