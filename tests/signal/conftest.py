"""A writer of bigWig files in every layout that the format allows, as the format's paper has them."""

import struct
import zlib

import numpy as np
import pytest

from claster.signal.intervals import ChromosomeSignal

LEAVES_A_NODE = 3


def pack_bigwig(path, sizes, sections, *, byteorder="<", compressed=True):
    """Write sections of intervals as they are, in the order given.

    sections: (chromosome, kind, start, end, step, span, items), items as the kind has them:
    "bedGraph" (start, end, value), "variableStep" (start, value), "fixedStep" (value,).
    """
    kinds = {"bedGraph": (1, "IIf"), "variableStep": (2, "If"), "fixedStep": (3, "f")}
    names = list(sizes)
    key = max(map(len, names))

    def pack(layout, *fields):
        return struct.pack(byteorder + layout, *fields)

    chromosomes = pack("IIIIQQ", 0x78CA8C91, 256, key, 8, len(names), 0) + pack(
        "BBH", 1, 0, len(names)
    )
    for number, (name, size) in enumerate(sizes.items()):
        chromosomes += name.encode().ljust(key, b"\0") + pack("II", number, size)
    data_at = 64 + len(chromosomes)
    data, leaves = pack("Q", len(sections)), []
    for chrom, kind, start, end, step, span, items in sections:
        number, (code, layout) = names.index(chrom), kinds[kind]
        block = pack("IIIIIBBH", number, start, end, step, span, code, 0, len(items))
        block += b"".join(pack(layout, *item) for item in items)
        block = zlib.compress(block) if compressed else block
        leaves.append(pack("IIIIQQ", number, start, number, end, data_at + len(data), len(block)))
        data += block
    index_at = data_at + len(data)
    nodes = [leaves[i : i + LEAVES_A_NODE] for i in range(0, len(leaves), LEAVES_A_NODE)]
    index = pack("IIQIIIIQII", 0x2468ACE0, 256, len(leaves), 0, 0, 0, 0, index_at, 1024, 0)
    at = index_at + 48 + 4 + 24 * len(nodes)
    index += pack("BBH", 0, 0, len(nodes))
    packed = b""
    for node in nodes:
        index += pack("IIIIQ", 0, 0, 0, 0, at + len(packed))
        packed += pack("BBH", 1, 0, len(node)) + b"".join(node)
    buffer = 1 << 15 if compressed else 0
    header = pack("IHHQQQHHQQIQ", 0x888FFC26, 4, 0, 64, data_at, index_at, 0, 0, 0, 0, buffer, 0)
    path.write_bytes(header + chromosomes + data + index + packed)
    return path


@pytest.fixture(scope="session")
def pack():
    """Write a bigWig from sections: `pack(path, sizes, sections, byteorder=, compressed=)`."""
    return pack_bigwig


@pytest.fixture(scope="session")
def intervals_of():
    """Return starts, ends and values that sections of `pack` hold for a chromosome."""

    def unpack(sections, wanted):
        rows = []
        for chrom, kind, start, _, step, span, items in sections:
            for number, item in enumerate(items):
                low = start + number * step if kind == "fixedStep" else item[0]
                high = item[1] if kind == "bedGraph" else low + span
                if chrom == wanted:
                    rows.append((low, high, np.float32(item[-1])))
        return rows

    return unpack


@pytest.fixture(scope="session")
def run_lengths():
    """Return a function: an interval for each run of equal values of a chromosome's bases; nan: no data."""

    def signal_of(bases):
        edges = np.flatnonzero(np.diff(np.nan_to_num(bases, nan=-1.0))) + 1
        starts, ends = np.r_[0, edges], np.r_[edges, len(bases)]
        covered = np.isfinite(bases[starts])
        return ChromosomeSignal(
            starts[covered].astype(np.int32),
            ends[covered].astype(np.int32),
            bases[starts][covered].astype(np.float32),
            "chr1",
            len(bases),
            (0, len(bases)),
        )

    return signal_of
