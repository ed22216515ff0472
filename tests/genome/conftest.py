"""Annotation files that tests write, and BedTools whose files go with the test."""

import gzip

import pytest


@pytest.fixture
def write(tmp_path):
    """Write text into a file, gzipped where its name says so."""

    def write(text, name="annotation.txt"):
        path = tmp_path / name
        data = text.encode()
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write


@pytest.fixture
def pybedtools(tmp_path):
    """The library, with its temporary files in the test's folder."""
    module = pytest.importorskip("pybedtools")
    before = module.get_tempdir()
    folder = tmp_path / "pybedtools"
    folder.mkdir()
    module.set_tempdir(str(folder))
    yield module
    module.cleanup()
    module.set_tempdir(before)
    assert list(folder.iterdir()) == []
