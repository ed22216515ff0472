"""Chromosomes decoded once: every layout of the format, and files that are damaged."""

import struct
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pyBigWig
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.errors import ClasterError
from claster.signal.index import read_index
from claster.signal.intervals import read_chromosome

SIZES = {"chr1": 3000, "chr2": 1000, "chr10": 500}
VALUES = st.floats(-1e6, 1e6, width=32)


@st.composite
def sections_of(draw, chrom, size):
    """Sections of all three kinds, left to right, with gaps."""
    sections, at = [], draw(st.integers(0, 40))
    for kind in draw(
        st.lists(st.sampled_from(["bedGraph", "variableStep", "fixedStep"]), max_size=8)
    ):
        span = draw(st.sampled_from([1, 1, 7, 20, 110]))
        step = span + draw(st.integers(0, 30)) if kind == "fixedStep" else 0
        start, items = at, []
        for number in range(draw(st.integers(0, 12))):
            if kind == "fixedStep":
                low, width = start + number * step, span
                item = ()
            else:
                low = at + (draw(st.integers(0, 30)) if items else 0)
                width = draw(st.integers(1, 200)) if kind == "bedGraph" else span
                item = (low, low + width) if kind == "bedGraph" else (low,)
            if low + width > size:
                break
            items.append((*item, draw(VALUES)))
            at = low + width
        sections.append((chrom, kind, start, at, step, span, items))
        at += draw(st.integers(0, 60))
        if at >= size:
            break
    return sections


@st.composite
def files(draw):
    return [section for chrom, size in SIZES.items() for section in draw(sections_of(chrom, size))]


@settings(max_examples=60, deadline=None)
@given(sections=files(), byteorder=st.sampled_from("<>"), compressed=st.booleans())
def test_every_layout_reads(tmp_path_factory, pack, intervals_of, sections, byteorder, compressed):
    path = tmp_path_factory.mktemp("bw") / "any.bw"
    pack(path, SIZES, sections, byteorder=byteorder, compressed=compressed)
    index = read_index(path, named="track")
    assert {name: size for name, (_, size) in index.chromosomes.items()} == SIZES
    for chrom in SIZES:
        signal = read_chromosome(index, chrom)
        found = list(zip(signal.starts, signal.ends, signal.values, strict=True))
        assert found == intervals_of(sections, chrom)


@settings(max_examples=40, deadline=None)
@given(data=st.data(), low=st.integers(-50, 2900), width=st.integers(1, 900))
def test_a_stretch_holds_all_that_reaches_into_it(
    tmp_path_factory, pack, intervals_of, data, low, width
):
    sections = data.draw(sections_of("chr1", 3000))
    path = pack(tmp_path_factory.mktemp("bw") / "any.bw", SIZES, sections)
    signal = read_chromosome(read_index(path, named="track"), "chr1", span=(low, low + width))
    found = set(zip(signal.starts, signal.ends, signal.values, strict=True))
    wanted = {i for i in intervals_of(sections, "chr1") if i[0] < low + width and i[1] > low}
    assert wanted <= found
    assert found <= set(intervals_of(sections, "chr1"))


@pytest.fixture(scope="module")
def dense(tmp_path_factory):
    """More blocks than one thread takes at a time."""
    path = tmp_path_factory.mktemp("bw") / "dense.bw"
    rng = np.random.default_rng(5)
    starts = np.arange(0, 700_000, 2)
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 700_000), ("chr2", 1000)])
        for chrom, at in (("chr1", starts), ("chr2", starts[:400])):
            values = rng.gamma(1.0, 5.0, at.size)
            file.addEntries(
                [chrom] * at.size, at.tolist(), ends=(at + 1).tolist(), values=values.tolist()
            )
    return path


def test_threads_do_not_change_what_is_read(dense):
    index = read_index(dense, named="track")
    assert len(index.blocks) > 2 * 16
    alone = read_chromosome(index, "chr1")
    with ThreadPoolExecutor(3) as threads:
        together = read_chromosome(index, "chr1", threads=threads)
    with pyBigWig.open(str(dense)) as file:
        truth = np.array(file.intervals("chr1"))
    for signal in (alone, together):
        np.testing.assert_array_equal(signal.starts, truth[:, 0])
        np.testing.assert_array_equal(signal.ends, truth[:, 1])
        np.testing.assert_array_equal(signal.values, truth[:, 2])


def bedgraph(*items, chrom="chr1", start=None, end=None):
    low = items[0][0] if start is None else start
    return (chrom, "bedGraph", low, items[-1][1] if end is None else end, 0, 0, list(items))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named_with_their_place(tmp_path, pack, value):
    path = pack(tmp_path / "wild.bw", SIZES, [bedgraph((10, 20, 1.0), (1200, 1300, value))])
    index = read_index(path, named="track ATAC")
    with pytest.raises(ClasterError, match=r"track ATAC: .*wild\.bw .* not finite at 1:1,200"):
        read_chromosome(index, "chr1", chrom="1")


@pytest.mark.parametrize(
    "sections",
    {
        "empty interval": [bedgraph((10, 10, 1.0), (20, 30, 1.0))],
        "turned interval": [bedgraph((30, 10, 1.0), (40, 50, 1.0))],
        "overlap": [bedgraph((10, 30, 1.0), (20, 40, 1.0))],
        "overlap of blocks": [bedgraph((10, 30, 1.0)), bedgraph((20, 40, 1.0))],
        "unsorted": [bedgraph((50, 60, 1.0), (20, 40, 1.0), start=20, end=60)],
        "beyond the chromosome": [bedgraph((2990, 3001, 1.0))],
        "beyond the index, left": [bedgraph((10, 30, 1.0), start=20)],
        "beyond the index, right": [bedgraph((10, 30, 1.0), end=20)],
        "wide span": [("chr1", "fixedStep", 0, 100, 10, 20, [(1.0,), (2.0,)])],
        "step of nothing": [("chr1", "fixedStep", 0, 100, 0, 20, [(1.0,), (2.0,)])],
        "span of nothing": [("chr1", "variableStep", 0, 100, 0, 0, [(1, 1.0)])],
        "wraps at 4 Gb": [("chr1", "fixedStep", 0, 4294967295, 4294967295, 1, [(1.0,)] * 2)],
        "index unsorted": [bedgraph((500, 600, 1.0)), bedgraph((10, 30, 1.0))],
        "chromosomes unsorted": [bedgraph((10, 30, 1.0), chrom="chr2"), bedgraph((10, 30, 1.0))],
    }.items(),
    ids=lambda case: case[0],
)
@pytest.mark.parametrize("compressed", [True, False])
def test_what_the_format_forbids_is_refused(tmp_path, pack, sections, compressed):
    path = pack(tmp_path / "odd.bw", SIZES, sections[1], compressed=compressed)
    with pytest.raises(ClasterError, match=r"track: .*odd\.bw is damaged"):
        read_chromosome(read_index(path, named="track"), "chr1")


def read_all(path):
    index = read_index(path, named="track")
    return [
        (signal.starts.tolist(), signal.ends.tolist(), signal.values.tolist())
        for signal in (read_chromosome(index, chrom) for chrom in ("chr1", "chr2"))
    ]


def small_file(pack, path):
    rng = np.random.default_rng(8)
    sections = [
        bedgraph(*((at + i, at + i + 7, float(i)) for i in range(0, 90, 9)), chrom=chrom)
        for chrom, count in (("chr1", 12), ("chr2", 4))
        for at in range(0, count * 100, 100)
    ]
    sections.insert(
        12, ("chr1", "fixedStep", 2000, 2400, 4, 4, [(float(v),) for v in rng.random(100)])
    )
    return pack(path, SIZES, sections)


def test_a_file_cut_anywhere_is_refused(tmp_path, pack):
    whole = small_file(pack, tmp_path / "whole.bw").read_bytes()
    cut = tmp_path / "cut.bw"
    for size in [*range(0, 64, 5), *range(64, len(whole), 37), len(whole) - 1]:
        cut.write_bytes(whole[:size])
        with pytest.raises(ClasterError, match=r"cut\.bw"):
            read_all(cut)


def test_damage_never_crashes_and_never_changes_a_number(tmp_path, pack):
    rng = np.random.default_rng(4)
    path = small_file(pack, tmp_path / "damaged.bw")
    whole, truth = path.read_bytes(), read_all(path)
    refused = 0
    for trial in range(600):
        damaged = bytearray(whole)
        width = (1, 4, 32)[trial % 3]
        at = int(rng.integers(0, len(whole) - width))
        damaged[at : at + width] = rng.bytes(width)
        path.write_bytes(damaged)
        found = None
        with suppress(ClasterError):
            found = read_all(path)
        assert found in (None, truth), f"{width} bytes at {at}"
        refused += found is None
    assert refused > 400


def test_blocks_that_point_anywhere_are_refused(tmp_path, pack):
    path = small_file(pack, tmp_path / "lost.bw")
    whole = path.read_bytes()
    (index_at,) = struct.unpack_from("<Q", whole, 24)
    (node,) = struct.unpack_from("<Q", whole, index_at + 52 + 16)
    for at, size in ((len(whole), 10), (2**63, 10), (2**64 - 5, 10), (100, 2**63), (0, 64)):
        damaged = bytearray(whole)
        struct.pack_into("<QQ", damaged, node + 4 + 16, at, size)
        path.write_bytes(damaged)
        with pytest.raises(ClasterError, match=r"lost\.bw is damaged"):
            read_all(path)


def test_an_index_that_turns_in_circles_is_refused(tmp_path, pack):
    path = small_file(pack, tmp_path / "circle.bw")
    damaged = bytearray(path.read_bytes())
    (index_at,) = struct.unpack_from("<Q", damaged, 24)
    struct.pack_into("<Q", damaged, index_at + 52 + 16, index_at + 48)
    path.write_bytes(damaged)
    with pytest.raises(ClasterError, match="index is larger than the file"):
        read_index(path, named="track")


def test_what_is_no_bigwig_is_refused(tmp_path):
    page = tmp_path / "page.bw"
    page.write_text("<html>404</html>" * 10)
    with pytest.raises(ClasterError, match="is not a bigWig"):
        read_index(page, named="track")
