"""Masked regions hold no data: intervals between them stay, those over an edge are cut."""

import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.signal.bigwig import BigWig, _mask_signal
from claster.signal.intervals import window_means

SIZE = 240


@st.composite
def masks(draw):
    edges = sorted(draw(st.lists(st.integers(0, SIZE), unique=True, max_size=12)))
    return np.array(edges[: len(edges) // 2 * 2], dtype=np.int64).reshape(-1, 2)


@settings(derandomize=True, max_examples=150)
@given(
    st.lists(st.sampled_from([np.nan, 0.0, 1.5, 4.0, -2.0]), min_size=24, max_size=24),
    masks(),
    st.integers(-60, SIZE),
    st.sampled_from(["mean_all", "mean_covered"]),
)
def test_masked_bins_against_every_base(run_lengths, values, masked, start, summary):
    bases = np.repeat(values, SIZE // 24)
    signal = _mask_signal(run_lengths(bases), masked)
    for low, high in masked:
        bases[low:high] = np.nan
    assert (signal.starts[1:] >= signal.ends[:-1]).all()
    assert (signal.ends > signal.starts).all()
    wide = np.full(SIZE + 200, np.nan)
    wide[100 : 100 + SIZE] = bases
    bins = wide[100 + start : 100 + start + 100].reshape(10, 10)
    covered = np.isfinite(bins).sum(axis=1)
    divisor = 10 if summary == "mean_all" else np.maximum(covered, 1)
    expected = np.nansum(bins, axis=1) / divisor
    found = window_means(signal, np.array([start]), bins=10, size=10, summary=summary)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.fixture
def bigwig(tmp_path):
    path = tmp_path / "x.bw"
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("1", 1000), ("2", 1000)])
        for chrom in "12":
            file.addEntries(
                [chrom] * 10,
                list(range(0, 1000, 100)),
                ends=list(range(80, 1080, 100)),
                values=[float(v) for v in range(1, 11)],
            )
    with BigWig(path, named="track x") as track:
        track.rename({"chr1": "1", "chr2": "2"})
        yield track


def test_a_masked_file_reads_alike_in_both_ways(bigwig):
    bigwig.mask({"chr1": np.array([[40, 140], [500, 1000]])})
    assert bigwig.bins("chr1", 0, bins=5, size=100).tolist() == pytest.approx(
        [0.4, 0.8, 2.4, 3.2, 4.0]
    )
    assert bigwig.bins("chr1", 0, bins=2, size=100, summary="mean_covered").tolist() == [1.0, 2.0]
    assert bigwig.bins("chr1", 500, bins=2, size=100).tolist() == [0.0, 0.0]
    assert bigwig.signal("chr1").ends.tolist() == [40, 180, 280, 380, 480]
    assert bigwig.bins("chr2", 0, bins=2, size=100).tolist() == pytest.approx([0.8, 1.6])


def test_where_nothing_is_masked_the_intervals_are_the_file_s(bigwig):
    before = bigwig.signal("chr1", span=(0, 400))
    bigwig.mask({"chr1": np.array([[900, 950]])})
    after = bigwig.signal("chr1", span=(0, 400))
    assert after.values.tolist() == before.values.tolist()
    assert after.ends.tolist() == before.ends.tolist()
