"""Coolers with made faults: what comes out equals plain arithmetic on their tables, or is a refusal."""

from dataclasses import dataclass, field, replace

import cooler
import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from claster.contacts.matrix import open_contacts, read_counts
from claster.errors import ClasterError

WIDTH = 100
SIZES = {"chr1": 1_150, "chr2": 800}
SEPARATIONS = 4
COLUMNS = (
    *("chroms/name", "chroms/length", "bins/chrom", "bins/start", "bins/end"),
    *("pixels/bin1_id", "pixels/bin2_id", "pixels/count"),
    *("indexes/bin1_offset", "indexes/chrom_offset"),
)


@dataclass
class Tables:
    """A cooler as tables: bins (chrom, start, end), pixels (row, row, count), weights."""

    bins: list[tuple[str, int, int]]
    pixels: list[tuple[int, int, float]]
    weights: list[float] | None = None
    attribute: object = None
    storage: str = "symmetric-upper"
    offsets: dict[int, int] = field(default_factory=dict)


def whole_bins():
    return [
        (chrom, start, min(start + WIDTH, size))
        for chrom, size in SIZES.items()
        for start in range(0, size, WIDTH)
    ]


def write(path, tables):
    """Write tables as they are, whatever is wrong with them."""
    chroms = list(SIZES)
    rows = [i for i, _, _ in tables.pixels]
    index = [sum(row < i for row in rows) for i in range(len(tables.bins) + 1)]
    for at, moved in tables.offsets.items():
        index[at % len(index)] += moved
    of = [chroms.index(chrom) for chrom, _, _ in tables.bins]
    starts = [sum(code < c for code in of) for c in range(len(chroms) + 1)]
    with h5py.File(path, "w") as store:
        store.attrs.update(
            {
                "format": "HDF5::Cooler",
                "format-version": 3,
                "bin-type": "fixed",
                "bin-size": WIDTH,
                "storage-mode": tables.storage,
                "nchroms": len(chroms),
                "nbins": len(tables.bins),
                "nnz": len(rows),
                "genome-assembly": "unknown",
            }
        )
        columns = {
            "chroms/name": np.array(chroms, "S8"),
            "chroms/length": list(SIZES.values()),
            "bins/chrom": of,
            "bins/start": [start for _, start, _ in tables.bins],
            "bins/end": [end for _, _, end in tables.bins],
            "pixels/bin1_id": np.array(rows, int),
            "pixels/bin2_id": np.array([j for _, j, _ in tables.pixels], int),
            "pixels/count": np.array([count for _, _, count in tables.pixels], float),
            "indexes/chrom_offset": starts,
            "indexes/bin1_offset": index,
        }
        for name, values in columns.items():
            store[name] = values
        if tables.weights is not None:
            store["bins/weight"] = tables.weights
            if tables.attribute is not None:
                store["bins/weight"].attrs["divisive_weights"] = tables.attribute
    return path


def by_hand(tables, chrom):
    """Return frequencies by (start, start) of a chromosome, NaN where masked; None if it is refused."""
    rows = [k for k, (name, _, _) in enumerate(tables.bins) if name == chrom]
    places = {}
    for row in rows:
        _, start, end = tables.bins[row]
        if start % WIDTH or end != min(start + WIDTH, SIZES[chrom]) or start in places.values():
            return None
        if places and start < max(places.values()):
            return None
        places[row] = start
    counts = {}
    lower = {}
    for i, j, count in tables.pixels:
        if i not in places:
            continue
        if not 0 <= j < len(tables.bins) or not 0 <= count < np.inf:
            return None
        if j < i and tables.storage == "symmetric-upper":
            return None
        if j not in places or not count or abs(places[j] - places[i]) >= SEPARATIONS * WIDTH:
            continue
        half, pixel = (
            (counts, (places[i], places[j])) if j >= i else (lower, (places[j], places[i]))
        )
        if pixel in half:
            return None
        half[pixel] = count
    apart = {pixel: count for pixel, count in counts.items() if pixel[0] != pixel[1]}
    if tables.storage == "square" and lower != apart:
        return None
    weight = dict.fromkeys(range(0, SIZES[chrom], WIDTH), np.nan)
    if tables.weights is None:
        touched = {row for i, j, n in tables.pixels if {i, j} <= set(rows) and n for row in (i, j)}
        weight |= {places[row]: 1.0 for row in touched}
    else:
        for row in rows:
            given = tables.weights[row]
            if given < 0:
                return None
            turned = 1 / given if tables.attribute and given else given
            weight[places[row]] = turned if given or not tables.attribute else np.nan
    return {
        (i, i + s): counts.get((i, i + s), 0) * weight[i] * weight[i + s]
        for s in range(0, SEPARATIONS * WIDTH, WIDTH)
        for i in weight
        if i + s in weight
    }


def read(path, chrom, *, balance):
    """Return what `by_hand` does, as read."""
    matrix = open_contacts(path, resolution=WIDTH, balance=balance)
    band = read_counts(matrix, chrom, separations=SEPARATIONS, balance=balance)
    bins = band.weights.size
    return {
        (i * WIDTH, (i + s) * WIDTH): band.counts[s, i] * band.weights[i] * band.weights[i + s]
        for s in range(SEPARATIONS)
        for i in range(bins - s)
    }


def outcome(path, tables, chrom):
    """Return what a chromosome reads as, or the one line that refuses it."""
    try:
        return read(path, chrom, balance=tables.weights is not None)
    except ClasterError as error:
        return str(error)


def compare(path, tables):
    """Hold both chromosomes against plain arithmetic; return how many were refused."""
    write(path, tables)
    refused = 0
    for chrom in SIZES:
        wanted, found = by_hand(tables, chrom), outcome(path, tables, chrom)
        if isinstance(found, str):
            assert "\n" not in found
            seen = wanted is not None and np.nansum(list(wanted.values())) > 0
            assert not seen or tables.offsets, found
            refused += 1
            continue
        assert wanted is not None, "a fault was read as numbers"
        assert found.keys() == wanted.keys()
        for pixel, value in wanted.items():
            assert found[pixel] == pytest.approx(value, rel=1e-6, nan_ok=True), pixel
    return refused


def mirrored(pixels):
    return sorted({*pixels, *((j, i, count) for i, j, count in pixels)})


def draw_faults(draw, tables):
    """Spoil tables in up to three ways; some of them are no fault."""
    count = len(tables.bins)
    row, other = (draw(st.integers(0, count - 1)) for _ in range(2))
    value = draw(st.sampled_from([1, 3.5, -1, np.nan, np.inf, 1e300, 0]))
    bins, pixels = list(tables.bins), list(tables.pixels)
    chrom, start, end = bins[row]
    kind = draw(st.sampled_from(["bins", "pixels", "square", "index", "weights", "none"]))
    if kind == "bins":
        how = draw(st.sampled_from([(3, 3), (0, WIDTH), (-WIDTH, 0), (WIDTH, WIDTH), (0, -1)]))
        bins[row] = (chrom, max(start + how[0], 0), end + how[1])
    elif kind == "pixels":
        partner = draw(st.sampled_from([row, other, count, count + 7, -1]))
        pixels.insert(draw(st.integers(0, len(pixels))), (row, partner, value))
        if draw(st.booleans()):
            pixels.sort(key=lambda pixel: pixel[0])
    elif kind == "square":
        tables = replace(tables, storage="square")
        if draw(st.booleans()):
            pixels = mirrored(pixels)
        if draw(st.booleans()):
            at = draw(st.integers(0, len(pixels) - 1))
            pixels[at] = (*pixels[at][:2], 77)
    elif kind == "index":
        moved = draw(st.sampled_from([-1, 1, 5, -10_000]))
        tables = replace(tables, offsets={draw(st.integers(0, count)): moved})
    elif kind == "weights":
        weights = draw(
            st.lists(
                st.sampled_from([0.5, 1, 2, 0, -1, np.nan, np.inf]), min_size=count, max_size=count
            )
        )
        weights = [w if w >= 0 or draw(st.integers(0, 20)) == 0 else 1 for w in weights]
        tables = replace(tables, weights=weights, attribute=draw(st.sampled_from([None, 0, 1])))
    return replace(tables, bins=bins, pixels=pixels)


@st.composite
def spoilt_tables(draw):
    """Return a small cooler of some of the bins, spoilt or not."""
    kept = draw(st.sampled_from(["all", "from the middle", "with gaps"]))
    bins = whole_bins()
    if kept == "from the middle":
        bins = [b for b in bins if b[1] >= 300]
    elif kept == "with gaps":
        bins = [b for b in bins if draw(st.integers(0, 3))] or bins
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    i, j = np.triu_indices(len(bins))
    counts = rng.poisson(6 / (1 + j - i))
    pixels = [(int(a), int(b), float(n)) for a, b, n in zip(i, j, counts, strict=True) if n]
    tables = Tables(bins, pixels)
    for _ in range(draw(st.integers(1, 2))):
        tables = draw_faults(draw, tables)
    return tables


def unsound(tables):
    """Tell whether rows are out of order, not there or infinite: plain arithmetic is not defined."""
    rows = [i for i, _, _ in tables.pixels]
    chroms = [chrom for chrom, _, _ in tables.bins]
    infinite = tables.weights is not None and np.isinf(tables.weights).any()
    lost = not all(0 <= row < len(chroms) for row in rows)
    return lost or rows != sorted(rows) or chroms != sorted(chroms) or infinite


@pytest.mark.slow
@settings(max_examples=80, derandomize=True)
@given(tables=spoilt_tables())
def test_a_made_fault_is_refused_or_does_not_matter(tmp_path_factory, tables):
    path = tmp_path_factory.getbasetemp() / "made.cool"
    if not unsound(tables):
        compare(path, tables)
        return
    write(path, tables)
    assert not any("\n" in str(outcome(path, tables, chrom)) for chrom in SIZES)


def gone(name):
    return lambda store: store.__delitem__(name)


def linked(store):
    del store["pixels/count"]
    store["pixels/count"] = h5py.SoftLink("/nowhere")


def other(name, change):
    def replace_array(store):
        values = change(store[name][:])
        del store[name]
        store[name] = values

    return replace_array


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        *((gone(name), r"made\.cool is not a cooler \(") for name in COLUMNS),
        (linked, r"made\.cool is not a cooler \("),
        (other("pixels/count", lambda v: np.stack([v, v])), "it has no column pixels/count"),
        (other("pixels/count", lambda v: v.astype("f2")), "holds float16"),
        (other("bins/weight", lambda v: np.stack([v, v])), "weights weight cannot be read"),
        (other("bins/weight", lambda v: v[:-1]), "weights weight cannot be read"),
    ],
)
def test_columns_that_are_missing_or_of_another_shape_are_told(tmp_path, spoil, told):
    path = tmp_path / "made.cool"
    bins = whole_bins()
    write(path, Tables(bins, [(0, 0, 1.0), (0, 1, 2.0)], weights=[1.0] * len(bins)))
    with h5py.File(path, "r+") as store:
        spoil(store)
    with pytest.raises(ClasterError, match=told):
        opened(path)


def opened(path):
    matrix = open_contacts(path, resolution=WIDTH, balance=True)
    return read_counts(matrix, "chr1", separations=SEPARATIONS, balance=True)


def test_a_weight_of_0_that_multiplies_leaves_0_as_cooler_does(tmp_path):
    path = tmp_path / "made.cool"
    bins = whole_bins()
    weights = [0.0, 2.0, *([1.0] * (len(bins) - 2))]
    write(path, Tables(bins, [(0, 1, 3.0), (1, 2, 5.0)], weights=weights))
    matrix = open_contacts(path, resolution=WIDTH, balance=True)
    clr = cooler.Cooler(str(path))
    expected = clr.matrix(balance=True).fetch("chr1")
    assert (expected[0, 1], expected[1, 2]) == (0, 10)
    assert matrix.weights("chr1", balance=True)[:3].tolist() == [0, 2, 1]
