"""Windows of a decoded chromosome against base-level truth, and the batches that build on them."""

import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter1d

from claster.errors import ClasterError
from claster.genome.windows import Binning
from claster.signal.bigwig import BigWig
from claster.signal.intervals import ChromosomeSignal, window_means
from claster.signal.landscape import landscape, landscapes, target_profiles, target_reach

SIZE = 20_000
SUMMARIES = ("mean_all", "mean_covered")


def base_means(bases, starts, bins, size, summary):
    """Means of base-level values, NaN where there are none and off the chromosome."""
    rows = []
    for start in starts:
        window = np.full(bins * size, np.nan)
        low, high = max(start, 0), min(start + bins * size, bases.size)
        if low < high:
            window[low - start : high - start] = bases[low:high]
        window = window.reshape(bins, size)
        covered = np.isfinite(window).sum(axis=1) if summary == "mean_covered" else size
        rows.append(np.nansum(window, axis=1) / np.maximum(covered, 1))
    return np.array(rows)


def signal_of(intervals, size, span=None):
    starts, ends, values = (np.array(column) for column in zip(*intervals, strict=True))
    return ChromosomeSignal(
        starts.astype(np.int32),
        ends.astype(np.int32),
        values.astype(np.float32),
        "chr1",
        size,
        span or (0, size),
    )


@st.composite
def intervals(draw, size=2000):
    found, at = [], draw(st.integers(0, 100))
    for gap, width, value in draw(
        st.lists(
            st.tuples(
                st.one_of(st.just(0), st.integers(0, 150)),
                st.one_of(st.just(1), st.just(20), st.integers(1, 700)),
                st.floats(0, 1e6, width=32),
            ),
            min_size=1,
            max_size=60,
        )
    ):
        at += gap
        if at + width > size:
            break
        found.append((at, at + width, value))
        at += width
    return found or [(size - 1, size, 1.0)]


@settings(max_examples=150, deadline=None)
@given(
    intervals=intervals(),
    starts=st.lists(st.integers(-3000, 2500), min_size=1, max_size=5),
    bins=st.integers(1, 60),
    size=st.sampled_from([1, 2, 7, 20, 100]),
    summary=st.sampled_from(SUMMARIES),
)
def test_any_intervals_equal_base_level_truth(intervals, starts, bins, size, summary):
    bases = np.full(2000, np.nan)
    for low, high, value in intervals:
        bases[low:high] = value
    signal = signal_of(intervals, 2000)
    found = window_means(signal, np.array(starts), bins=bins, size=size, summary=summary)
    expected = base_means(bases, starts, bins, size, summary)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("summary", SUMMARIES)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_edges_of_intervals_and_bins_meet_in_every_way(size, summary):
    intervals = [(3, 4, 1.0), (4, 5, 2.0), (5, 9, 4.0), (9, 10, 8.0), (14, 20, 16.0)]
    bases = np.full(20, np.nan)
    for low, high, value in intervals:
        bases[low:high] = value
    starts = np.arange(-12, 25)
    found = window_means(signal_of(intervals, 20), starts, bins=4, size=size, summary=summary)
    np.testing.assert_array_equal(found, base_means(bases, starts, 4, size, summary))


def test_a_high_peak_costs_its_neighbours_no_digits():
    narrow = [(at, at + 1, 0.1) for at in range(100, 200)]
    signal = signal_of([(0, 100, 3e38), *narrow], 300)
    means = window_means(signal, np.array([0]), bins=3, size=100)[0]
    np.testing.assert_allclose(means, [3e38, np.float32(0.1), 0.0], rtol=1e-7)
    assert abs(means[1] / np.float64(np.float32(0.1)) - 1) < 100 * 1.2e-16


def test_windows_beyond_what_was_read_are_refused():
    signal = signal_of([(500, 600, 1.0)], 2000, span=(400, 1000))
    for start in (399, 901):
        with pytest.raises(ValueError, match=f"at chr1:{start} leaves what was read, 400-1,000"):
            window_means(signal, np.array([400, start]), bins=1, size=100)
    whole = signal_of([(500, 600, 1.0)], 2000)
    assert window_means(whole, np.array([-50, 1950, 9000]), bins=1, size=100).tolist() == [
        [0.0],
        [0.0],
        [0.0],
    ]


def write_bigwig(path, seed, *, widths=(1, 7, 110, 3000), sign=1.0):
    rng = np.random.default_rng(seed)
    rows, at = [], int(rng.integers(0, 50))
    while (end := at + int(rng.choice(widths))) <= SIZE:
        rows.append((at, end, sign * float(rng.gamma(1.0, 5.0))))
        at = end + (int(rng.integers(1, 200)) if rng.random() < 0.3 else 0)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", SIZE)])
        starts, ends, values = (list(column) for column in zip(*rows, strict=True))
        file.addEntries(["chr1"] * len(rows), starts, ends=ends, values=values)
    return path


@pytest.fixture(
    scope="module", params=[(1,), (20,), (1, 7, 110, 3000)], ids=["1bp", "20bp", "variable"]
)
def path(request, tmp_path_factory):
    return write_bigwig(tmp_path_factory.mktemp("bw") / "track.bw", 7, widths=request.param)


@pytest.mark.parametrize("summary", SUMMARIES)
@pytest.mark.parametrize(("bins", "size"), [(200, 100), (61, 20), (1, 20_000)])
def test_files_equal_both_other_readers(path, bins, size, summary):
    starts = [0, 1, 777, SIZE - bins * size, SIZE - 1000, -1000, SIZE + 10, -bins * size]
    with pyBigWig.open(str(path)) as file:
        bases = file.values("chr1", 0, SIZE, numpy=True).astype(np.float64)
    with BigWig(path, named="track") as track:
        found = window_means(
            track.signal("chr1"), np.array(starts), bins=bins, size=size, summary=summary
        )
        single = [track.bins("chr1", s, bins=bins, size=size, summary=summary) for s in starts]
    np.testing.assert_allclose(
        found, base_means(bases, starts, bins, size, summary), rtol=1e-12, atol=0
    )
    np.testing.assert_allclose(found, single, rtol=1e-12, atol=0)


def test_many_genes_at_once_are_the_same_as_one_by_one(tmp_path):
    tracks = [BigWig(write_bigwig(tmp_path / f"{seed}.bw", seed), named="t") for seed in (1, 2)]
    tsss = np.array([3000, 3100, 9000, 100, SIZE - 50])
    binning = Binning(51, 100)
    together = landscapes([t.signal("chr1") for t in tracks], tsss, binning=binning)
    assert (together.dtype, together.shape) == (np.float32, (5, 2, 51))
    for array, tss in zip(together, tsss.tolist(), strict=True):
        one = landscape(tracks, "chr1", tss, binning=binning)
        np.testing.assert_array_equal(one, array)
    signals = [(track.signal("chr1"), 1.0) for track in tracks]
    for smoothing in (0, 100, 1000):
        options = {"binning": Binning(7, 1000), "smoothing": smoothing}
        profiles = target_profiles(signals, tsss, **options)
        assert (profiles.dtype, profiles.shape) == (np.float64, (5, 7))
        for profile, tss in zip(profiles, tsss.tolist(), strict=True):
            one = target_profiles(signals, [tss], **options)[0]
            np.testing.assert_array_equal(one, profile)


@pytest.mark.parametrize(("size", "smoothing"), [(1000, 1000), (200, 70), (20, 130)])
def test_smoothing_is_a_gaussian_over_fine_bins_that_are_then_averaged(tmp_path, size, smoothing):
    path = write_bigwig(tmp_path / "t.bw", 3)
    binning = Binning(5, size)
    with BigWig(path, named="t") as track:
        signal = track.signal("chr1")
        found = target_profiles([(signal, 1.0)], [10_000], binning=binning, smoothing=smoothing)
        start = 10_000 - target_reach(binning, smoothing=smoothing)
        flank = (10_000 - binning.half - start) // 20
        fine = window_means(
            signal, np.array([start]), bins=2 * flank + binning.width // 20, size=20
        )[0]
    smooth = gaussian_filter1d(fine, smoothing / 20, truncate=4.0, mode="constant")
    expected = smooth[flank : fine.size - flank].reshape(5, -1).mean(axis=1)
    np.testing.assert_allclose(found[0], expected, rtol=1e-13, atol=0)


@settings(max_examples=60, deadline=None)
@given(
    intervals=intervals(),
    tsss=st.lists(st.integers(-500, 2500), min_size=1, max_size=4),
    half=st.integers(0, 4),
    size=st.sampled_from([20, 40, 200]),
    smoothing=st.sampled_from([0, 30, 100]),
    recipe=st.sampled_from(["exact", "paper"]),
    summary=st.sampled_from(SUMMARIES),
)
def test_any_target_equals_base_level_truth(
    intervals, tsss, half, size, smoothing, recipe, summary
):
    bases = np.full(2000, np.nan)
    for low, high, value in intervals:
        bases[low:high] = value
    options = {"binning": Binning(2 * half + 1, size), "smoothing": smoothing}
    signals = [(signal_of(intervals, 2000), 1.0)]
    found = target_profiles(signals, tsss, **options, recipe=recipe, summary=summary)
    step, bins, sigma = size // 20, 2 * half + 1, smoothing / 20
    for profile, tss in zip(found, tsss, strict=True):
        if recipe == "paper":
            count = (bins - 1) * step + 1
            fine = base_means(bases, [tss - 10 * count], count, 20, summary)[0]
            smooth = gaussian_filter1d(fine, sigma) if smoothing else fine
            expected = np.mean([np.roll(smooth, -ahead) for ahead in range(step)], axis=0)[::step]
        elif not smoothing:
            expected = base_means(bases, [tss - bins * size // 2], bins, size, summary)[0]
        else:
            wide = bins + 2 * (smoothing // 4 + 1)
            fine = base_means(bases, [tss - wide * size // 2], wide * step, 20, summary)[0]
            smooth = gaussian_filter1d(fine, sigma, truncate=4.0, mode="constant")
            expected = smooth.reshape(wide, step).mean(axis=1)[(wide - bins) // 2 :][:bins]
        np.testing.assert_allclose(profile, expected, rtol=1e-9, atol=1e-9)


def test_values_of_the_other_sign_are_0_in_a_window_without_others(tmp_path):
    path = tmp_path / "m.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", SIZE)])
        file.addEntries(["chr1"] * 2, [2000, 9000], ends=[2100, 9100], values=[2.0, -1.0])
    with BigWig(path, named="target ctrl") as track:
        signals = [(track.signal("chr1"), 1.0)]
        profiles = target_profiles(signals, [2050, 9050], binning=Binning(1, 1000))
    assert profiles.tolist() == [[0.2], [0.0]]


@pytest.mark.parametrize(
    ("values", "sign", "mostly", "said"),
    [
        ([1.0, 2.0], 1.0, True, None),
        ([-1.0, -2.0], -1.0, True, None),
        ([0.0, 0.0], -1.0, True, None),
        ([0.0, 0.0], 1.0, True, None),
        ([3.0, -1.0], 1.0, True, None),
        ([1.0, -3.0], 1.0, False, None),
        ([-3.0, 1.0], 1.0, False, None),
        ([-3.0, 3.0], 1.0, True, None),
        ([1.0, -3.0], 1.0, True, "mostly negative"),
        ([-1.0, 3.0], -1.0, True, "mostly positive"),
        ([0.0, -3.0], 1.0, False, "only negative"),
        ([-1.0, -3.0], 1.0, True, "only negative"),
        ([1.0, 3.0], -1.0, True, "only positive"),
    ],
)
def test_the_sign_of_a_file_is_told_from_its_header(tmp_path, values, sign, mostly, said):
    path = tmp_path / "m.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", SIZE)])
        file.addEntries(["chr1"] * 2, [2000, 9000], ends=[2100, 9100], values=values)
    with BigWig(path, named="target ctrl") as track:
        if said is None:
            track.require_values(sign, remedy="swap", mostly=mostly)
            return
        with pytest.raises(ClasterError, match=f"has {said} values.*swap"):
            track.require_values(sign, remedy="swap", mostly=mostly)
