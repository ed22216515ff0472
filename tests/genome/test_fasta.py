"""FASTA files as their sequences, whatever their lines, and indices that fit or do not."""

import gzip
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyfaidx import Faidx

from claster.errors import ClasterError
from claster.genome.fasta import fasta_records, indexed_lengths

LINES = st.lists(st.text("ACGTNacgtn", max_size=30), max_size=6)
NAMES = st.lists(st.text("abcXYZ019._|", min_size=1, max_size=12), min_size=1, unique=True)


def read(path):
    return {name: letters.tobytes().decode() for name, letters in fasta_records(path)}


@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data(), names=NAMES, end=st.sampled_from(["\n", "\r\n", "\r"]), packed=st.booleans())
def test_sequences_come_back_whatever_the_lines(tmp_path_factory, data, names, end, packed):
    path = tmp_path_factory.mktemp("fasta") / "genome"
    lines = {name: data.draw(LINES) for name in names}
    rows = [row for name, written in lines.items() for row in (f">{name} a word", *written)]
    content = (end.join(rows) + data.draw(st.sampled_from(["", end]))).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read(path) == {name: "".join(written) for name, written in lines.items()}


def test_pieces_of_a_file_make_no_difference(tmp_path, monkeypatch):
    path = tmp_path / "genome.fa"
    path.write_bytes(b">one x\r\nACGT\r\nAC\r\n\r\n>two\r\nGGG\r\n>three\r\n>four\r\nT")
    for block in range(1, 12):
        monkeypatch.setattr("claster.genome.fasta._BLOCK", block)
        assert read(path) == {"one": "ACGTAC", "two": "GGG", "three": "", "four": "T"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file instead of a FASTA file"),
        (b"ACGT\n>chr1\n", "a file that starts with 'ACGT >chr1' instead of a FASTA"),
        (b">chr1\nA\n>chr1\nC\n", "two sequences are called chr1"),
        (b">\nA\n", "a sequence without name"),
        (gzip.compress(b">chr1\n" + b"ACGT" * 999, mtime=0)[:-9], "a damaged gzip file"),
        (gzip.compress(b"BAM\1", mtime=0), "a BAM file instead of a FASTA file"),
    ],
)
def test_what_is_no_fasta_is_named(tmp_path, content, said):
    path = tmp_path / "genome.fa"
    path.write_bytes(content)
    with pytest.raises(ClasterError, match=rf"^genome \({path}\).*{said}"):
        read(path)


PLAIN = b">one x\nACGT\nAC\n>two\nGGGG\nGGGG\n>three\nA\n"


@pytest.fixture
def fasta(tmp_path):
    """A FASTA with the index that pyfaidx makes of it."""
    path = tmp_path / "genome.fa"
    path.write_bytes(PLAIN)
    Faidx(str(path)).close()
    return path


def test_an_index_that_fits_tells_the_lengths(fasta):
    assert indexed_lengths(fasta) == {"one": 6, "two": 8, "three": 1}
    fasta.write_bytes(PLAIN.replace(b"\n", b"\r\n"))
    (fasta.parent / "genome.fa.fai").unlink()
    Faidx(str(fasta)).close()
    assert indexed_lengths(fasta) == {"one": 6, "two": 8, "three": 1}


@pytest.mark.parametrize(
    "other",
    [
        PLAIN + b">four\nA\n",
        PLAIN.replace(b"AC\n", b"ACG\n"),
        PLAIN.replace(b">two", b">2"),
        PLAIN.replace(b">two", b">owt"),
        PLAIN.replace(b"GGGG\nGGGG\n", b"GGG\nGGGGG\n"),
        PLAIN[:-10],
        gzip.compress(PLAIN, mtime=0),
    ],
)
def test_an_index_of_another_file_tells_nothing(fasta, other):
    stamp = fasta.stat()
    fasta.write_bytes(other)
    os.utime(fasta, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert indexed_lengths(fasta) is None


def test_an_index_older_than_its_file_tells_nothing(fasta):
    os.utime(fasta.parent / "genome.fa.fai", ns=(1, 1))
    assert indexed_lengths(fasta) is None
