import errno
import gzip
import os
import warnings
from contextlib import suppress

import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.errors import ClasterError, DamagedFileError
from claster.genome.windows import Binning, mirror
from claster.signal.bigwig import BigWig
from claster.signal.landscape import landscape, target_profiles, target_reach

SIZE = 20_000


def write_bigwig(path, intervals, chrom="chr1", size=SIZE):
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([(chrom, size)])
        starts, ends, values = zip(*intervals, strict=True)
        file.addEntries([chrom] * len(starts), list(starts), ends=list(ends), values=list(values))
    return path


def random_intervals(rng, widths, gap):
    intervals, at = [], int(rng.integers(0, 50))
    while True:
        end = at + int(rng.choice(widths))
        if end > SIZE:
            return intervals
        intervals.append((at, end, float(np.float32(rng.gamma(1.0, 5.0)))))
        at = end + (int(rng.integers(1, gap)) if rng.random() < 0.3 else 0)


@pytest.fixture(
    scope="module", params=[(1,), (20,), (1, 7, 110, 3000)], ids=["1bp", "20bp", "variable"]
)
def track(request, tmp_path_factory):
    rng = np.random.default_rng(7)
    path = tmp_path_factory.mktemp("bw") / "track.bw"
    return write_bigwig(path, random_intervals(rng, request.param, 200))


def oracle(path, start, bins, size, summary):
    """Base-level values through pyBigWig, NaN off the chromosome."""
    bases = np.full(bins * size, np.nan)
    low, high = max(start, 0), min(start + bins * size, SIZE)
    if low < high:
        with pyBigWig.open(str(path)) as file:
            bases[low - start : high - start] = file.values("chr1", low, high, numpy=True)
    bases = bases.reshape(bins, size)
    if summary == "mean_all":
        return np.nansum(bases, axis=1) / size
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nan_to_num(np.nanmean(bases, axis=1))


@settings(max_examples=40, deadline=None)
@given(
    start=st.integers(-3000, SIZE + 500),
    bins=st.integers(1, 60),
    size=st.sampled_from([2, 20, 100]),
    summary=st.sampled_from(["mean_all", "mean_covered"]),
)
def test_bins_equal_base_level_values(track, start, bins, size, summary):
    with BigWig(track, named="track") as file:
        values = file.bins("chr1", start, bins=bins, size=size, summary=summary)
    expected = oracle(track, start, bins, size, summary)
    np.testing.assert_allclose(values, expected, rtol=1e-6, atol=1e-6)


def test_the_two_means_differ_where_bases_have_no_data(tmp_path):
    path = write_bigwig(tmp_path / "gap.bw", [(1000, 1010, 50.0)])
    with BigWig(path, named="track") as file:
        assert file.bins("chr1", 1000, bins=1, size=100, summary="mean_all") == 5.0
        assert file.bins("chr1", 1000, bins=1, size=100, summary="mean_covered") == 50.0


def test_files_that_are_no_bigwig_are_refused(tmp_path):
    with pytest.raises(ClasterError, match="track ATAC: no file at"):
        BigWig(tmp_path / "gone.bw", named="track ATAC")
    (tmp_path / "page.bw").write_text("<html>404</html>")
    with pytest.raises(ClasterError, match="an HTML page instead of a bigWig"):
        BigWig(tmp_path / "page.bw", named="track ATAC")


@pytest.mark.parametrize("name", ["ATAC.BW", "ATAC.BigWig", "ENCFF000ABC", "ATAC.bed", "a b.txt"])
def test_a_bigwig_may_have_any_name(tmp_path, name):
    path = write_bigwig(tmp_path / "ATAC.bw", [(1000, 1010, 50.0)]).rename(tmp_path / name)
    with BigWig(path, named="track") as file:
        assert file.bins("chr1", 1000, bins=1, size=100) == 5.0


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (gzip.compress, r"a gzip file around a bigWig file .*: unpack it \(gunzip\)"),
        (lambda content: content[:-4], "an incomplete bigWig file"),
        (lambda content: content + b"junk", "or one with more after its end"),
        (lambda content: b"", "an empty file instead of a bigWig"),
        (lambda content: b"chr1\t0\t9\t1.5\n", "a bedGraph text .*: make a bigWig of it"),
        (lambda content: b"fixedStep chrom=chr1\n1\n", "a wig text .*wigToBigWig"),
        (lambda content: gzip.compress(b"BAM\1\0"), "a BAM file .*: make a bigWig of it"),
        (lambda content: b"CRAM\3\0", "a CRAM file .*: make a bigWig of it"),
        (lambda content: b"\xeb\xf2\x89\x87" * 9, "a bigBed file .*: provide the signal"),
    ],
)
def test_what_is_there_instead_of_a_bigwig_is_named(tmp_path, spoil, said):
    path = write_bigwig(tmp_path / "ATAC.bw", [(1000, 1010, 50.0)])
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(ClasterError, match=f"^track ATAC .*{said}"):
        BigWig(path, named="track ATAC")


def test_truncated_file_is_refused(tmp_path):
    rng = np.random.default_rng(1)
    whole = write_bigwig(tmp_path / "whole.bw", random_intervals(rng, (1,), 5)).read_bytes()
    cut = tmp_path / "cut.bw"
    cut.write_bytes(whole[: len(whole) // 3])
    with pytest.raises(ClasterError, match=r"cut\.bw"), BigWig(cut, named="track") as file:
        file.bins("chr1", 0, bins=SIZE // 100, size=100)


@pytest.mark.parametrize("value", [np.inf, np.nan, 3e38])
def test_values_that_are_not_finite_are_refused(tmp_path, value):
    path = write_bigwig(tmp_path / "wild.bw", [(100, 200, 1.0), (200, 300, value)])
    with pytest.raises(
        ClasterError, match=r"wild\.bw holds values that are not finite, or too large to add up"
    ):
        BigWig(path, named="track")


def test_damaged_files_give_an_error_and_no_crash(tmp_path):
    rng = np.random.default_rng(4)
    whole = write_bigwig(tmp_path / "whole.bw", random_intervals(rng, (1, 20), 5)).read_bytes()
    refused = 0
    for _ in range(25):
        damaged = bytearray(whole)
        at = int(rng.integers(64, len(whole) - 64))
        damaged[at : at + 32] = rng.bytes(32)
        path = tmp_path / "damaged.bw"
        path.write_bytes(damaged)
        with suppress(ClasterError), BigWig(path, named="track") as file:
            file.bins("chr1", 0, bins=SIZE // 100, size=100)
            continue
        refused += 1
    assert refused > 10


def test_landscape_rows_are_tracks_and_negative_means_are_zero(tmp_path):
    first = write_bigwig(tmp_path / "a.bw", [(5000, 5100, 4.0)])
    second = write_bigwig(tmp_path / "b.bw", [(4900, 5000, -2.0), (5000, 5050, 6.0)])
    with BigWig(first, named="a") as a, BigWig(second, named="b") as b:
        array = landscape([a, b], "chr1", 5000, binning=Binning(3, 100))
    assert array.dtype == np.float32
    assert array.tolist() == [[0.0, 2.0, 2.0], [0.0, 2.0, 0.0]]


def strands(*paths, sign=1.0):
    files = [BigWig(path, named="target") for path in paths]
    return [(files[0], 1.0), *((file, sign) for file in files[1:])]


def target_profile(strands, chrom, tss, **options):
    signals = [(file.signal(chrom), sign) for file, sign in strands]
    return target_profiles(signals, np.array([tss]), **options)[0]


def test_target_bins_are_centred_on_the_tss(tmp_path):
    path = write_bigwig(tmp_path / "t.bw", [(9_500, 10_500, 3.0), (10_500, 11_500, 1.0)])
    profile = target_profile(strands(path), "chr1", 10_000, binning=Binning(5, 1000))
    assert profile.tolist() == [0.0, 0.0, 3.0, 1.0, 0.0]


def test_strands_add_up_whatever_the_sign_of_minus(tmp_path):
    plus = write_bigwig(tmp_path / "p.bw", [(10_000, 10_500, 2.0)])
    minus = write_bigwig(tmp_path / "m.bw", [(9_500, 10_000, -4.0)])
    binning = Binning(3, 1000)
    profile = target_profile(strands(plus, minus, sign=-1.0), "chr1", 10_000, binning=binning)
    assert profile.tolist() == [0.0, 3.0, 0.0]
    for wrong in (strands(plus, minus), strands(plus, plus, sign=-1.0)):
        profile = target_profile(wrong, "chr1", 10_000, binning=binning)
        assert profile.tolist() == [0.0, 1.0, 0.0], "values of the other sign are 0"


def test_smoothed_target_sees_real_neighbours_and_mirrors_exactly(tmp_path):
    rng = np.random.default_rng(3)
    path = write_bigwig(tmp_path / "t.bw", random_intervals(rng, (20, 60), 300))
    tss, binning = 10_000, Binning(7, 1000)
    profile = target_profile(strands(path), "chr1", tss, binning=binning, smoothing=400)
    fine = oracle(path, 0, SIZE // 20, 20, "mean_all")
    sigma = 400 / 20
    reach = np.arange(-80, 81)
    kernel = np.exp(-0.5 * (reach / sigma) ** 2)
    smooth = np.convolve(fine, kernel / kernel.sum(), mode="same")
    expected = smooth[(tss - 3500) // 20 : (tss + 3500) // 20].reshape(7, 50).mean(axis=1)
    np.testing.assert_allclose(profile, expected, rtol=1e-6)

    with pyBigWig.open(str(path)) as file:
        bases = np.nan_to_num(file.values("chr1", 0, SIZE, numpy=True))
    turned_path = write_bigwig(
        tmp_path / "turned.bw", [(i, i + 1, float(v)) for i, v in enumerate(bases[::-1])]
    )
    turned = target_profile(
        strands(turned_path), "chr1", SIZE - tss, binning=binning, smoothing=400
    )
    np.testing.assert_allclose(mirror(profile), turned, rtol=1e-5)


def test_smoothing_needs_bins_that_hold_whole_fine_bins(tmp_path):
    path = write_bigwig(tmp_path / "t.bw", [(0, 100, 1.0)])
    with pytest.raises(ClasterError, match="multiple of 20"):
        target_profile(strands(path), "chr1", 10_000, binning=Binning(3, 50), smoothing=100)


def test_reach_of_the_published_target():
    assert target_reach(Binning(401, 1000), smoothing=1000) == 204_500
    assert target_reach(Binning(401, 1000), smoothing=0) == 200_500


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.EMFILE])
def test_a_disk_that_does_not_read_is_no_damaged_file(tmp_path, monkeypatch, number):
    path = write_bigwig(tmp_path / "ATAC.bw", [(1000, 1010, 50.0)])

    def refuse(*args):
        raise OSError(number, os.strerror(number))

    with BigWig(path, named="track") as file:
        monkeypatch.setattr("claster.signal.index.os.pread", refuse)
        with pytest.raises(ClasterError, match=r"^track .*ATAC\.bw\): ") as caught:
            file.signal("chr1")
    assert not isinstance(caught.value, DamagedFileError)
    assert "damaged" not in str(caught.value)


@pytest.mark.parametrize("at", range(48, 48 + 4 + 32, 5))
def test_a_damaged_index_ends_no_process(track, tmp_path, at):
    """With some of these, pybigtools asks for terabytes of memory, and the process is aborted."""
    content = bytearray(track.read_bytes())
    index = int.from_bytes(content[24:32], "little")
    content[index + at : index + at + 5] = bytes(
        b ^ 0x5A for b in content[index + at : index + at + 5]
    )
    damaged = tmp_path / "damaged.bw"
    damaged.write_bytes(content)
    with BigWig(track, named="track") as file:
        truth = file.bins("chr1", 0, bins=100, size=200)
    with suppress(DamagedFileError), BigWig(damaged, named="track") as file:
        assert (file.bins("chr1", 0, bins=100, size=200) == truth).all()


@pytest.mark.parametrize("size", [2**31 - 1, 2**31, 3_000_000_000])
def test_positions_on_the_longest_chromosomes_are_whole(tmp_path, size):
    path = write_bigwig(tmp_path / "a.bw", [(5, 9, 1.0), (size - 4, size, 2.0)], size=size)
    with BigWig(path, named="track") as file:
        signal = file.signal("chr1")
    assert signal.starts.tolist() == [5, size - 4]
    assert signal.ends.tolist() == [9, size]
