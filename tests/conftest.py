"""Settings that every test shares."""

import gc
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"

# A busy machine makes single examples slow without any fault of the code.
settings.register_profile("claster", deadline=None)
settings.load_profile("claster")

TESTS = Path(__file__).parent
LONGEST = (
    "doctor",
    "test_workflow.py",
    "dataset",
    "eir",
    "cost",
    "test_tutorial_notebook.py",
    "analysis",
    "figures",
    "test_wheel.py",
    "test_python_page.py",
    "test_demo.py",
    "validation",
    "contacts",
)
"""What takes longest, with and without the slow tests, starts first: at the end no process waits long."""


def room(nodeid):
    """Return what stays in one process: the tests of a room, or the examples in its docstrings."""
    parts = nodeid.partition("::")[0].split("/")
    return parts[1] if parts[0] == TESTS.name else "/".join(parts[:2])


def pytest_collection_modifyitems(items):
    """Begin with the rooms that take longest."""
    last = len(LONGEST)
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(room(item.nodeid), last))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Keep the tests of a room in one process where several run, for what its fixtures build once."""
    if config.getvalue("dist") != "loadscope":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Rooms(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return room(nodeid)

    return Rooms(config, log)


def pytest_collection_finish():
    """Keep what was imported out of every later search for garbage."""
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def disk_that_keeps_everything():
    """Wait for no disk: what a power cut leaves is not looked at, and thousands of waits take a minute."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda handle: None)
        yield


def write_hic(path, sizes, pixels, resolutions, *, normalisations=None):
    """Write a `.hic` of version 9 with hictkpy, and normalisation vectors by hand.

    `normalisations` maps (name, resolution) to {chromosome: vector}. hictkpy's writer leaves an empty
    index of them, a zero of 4 bytes, at the end of the file.
    """
    hictkpy = pytest.importorskip("hictkpy")
    path.unlink(missing_ok=True)
    with hictkpy.hic.FileWriter(path, sizes, list(resolutions), compression_lvl=1) as writer:
        writer.add_pixels(pixels)
    if not normalisations:
        return path
    vectors = [
        (name, chrom, resolution, vector)
        for (name, resolution), by_chrom in normalisations.items()
        for chrom, vector in by_chrom.items()
    ]
    data = bytearray(path.read_bytes())
    header = data.index(b"\0", 16) + 1
    position, length = struct.unpack_from("<qq", data, header)
    assert (position + length, length) == (len(data), 4)
    size = 4 + sum(len(name) + 1 + 4 + 3 + 4 + 16 for name, *_ in vectors)
    index, blocks, at = struct.pack("<i", len(vectors)), b"", position + size
    for name, chrom, resolution, vector in vectors:
        block = struct.pack("<q", len(vector)) + np.asarray(vector, "<f4").tobytes()
        number = list(sizes).index(chrom) + 1
        index += name.encode() + b"\0" + struct.pack("<i", number) + b"BP\0"
        index += struct.pack("<iqq", resolution, at, len(block))
        blocks, at = blocks + block, at + len(block)
    struct.pack_into("<q", data, header + 8, size)
    path.write_bytes(data[:position] + index + blocks)
    return path


@pytest.fixture(scope="session", name="write_hic")
def hic_writer():
    """Write a small `.hic` file."""
    return write_hic
