"""Text as people provide it: encodings, packing, line ends, and what is no text at all."""

import bz2
import errno
import gzip
import lzma
import os
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from claster.errors import ClasterError
from claster.text import (
    read_npy,
    read_npz,
    read_parquet,
    read_record,
    read_table,
    read_text,
    text_lines,
)

PLAIN = "chr1\t10\tGröße\nchr2\t20\tNA\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("packed", [False, True])
def test_every_spelling_of_text_reads_the_same(tmp_path, encoding, end, packed):
    content = PLAIN.replace("\n", end).encode(encoding)
    path = tmp_path / "genes.txt"
    path.write_bytes(gzip.compress(content) if packed else content)
    assert read_text(path) == PLAIN
    assert list(text_lines(path)) == PLAIN.splitlines()


def test_big_endian_and_empty_text(tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"\xfe\xff" + PLAIN.encode("utf-16-be"))
    assert read_text(path) == PLAIN
    path.write_bytes(b"")
    assert read_text(path) == ""


def test_only_line_ends_end_lines(tmp_path):
    path = tmp_path / "x"
    path.write_text("a\x0bb\x0c\x1c\u2028c\x85\nd", encoding="utf-8")
    assert list(text_lines(path)) == ["a\x0bb\x0c\x1c\u2028c\x85", "d"]


@pytest.mark.parametrize("packed", [False, True])
def test_another_encoding_is_told_by_line_and_byte(tmp_path, packed):
    path = tmp_path / "sizes.txt"
    content = "chr1\t10\n#Größe\n".encode("latin-1")
    path.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(ClasterError, match=r"line 2: byte 0xf6 is not UTF-8 \('ö' in .*iconv"):
        read_text(path, named="chromosome sizes")


def write_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.txt", PLAIN)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (bz2.compress(PLAIN.encode()), r"a bzip2 file instead of text: unpack it \(bunzip2\)"),
        (lzma.compress(PLAIN.encode()), r"an xz file instead of text: unpack it \(unxz\)"),
        (b"\x28\xb5\x2f\xfd\x04", r"a zstd file instead of text: unpack it \(unzstd\)"),
        (
            gzip.compress(gzip.compress(b"a\n", mtime=0), mtime=0),
            r"a gzip file instead of text: unpack it",
        ),
        (gzip.compress(b"BAM\1\0\0", mtime=0), "a BAM file instead of text"),
        (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file instead of text"),
        (b"<!DOCTYPE html><title>404</title>", "an HTML page '404' instead of text"),
        (b"chr1\t1\nchr\0\n", "line 2: a NUL byte"),
        ("chr1\t1\n".encode("utf-16-le"), "line 1: a NUL byte"),
        (gzip.compress(PLAIN.encode() * 9, mtime=0)[:-12], "a damaged gzip file"),
        ("chr1\t1\n".encode("utf-16")[:-1], "damaged after line"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, content, said):
    path = tmp_path / "genes.txt"
    path.write_bytes(content)
    with pytest.raises(ClasterError, match=rf"^genes \({path}\).*{said}"):
        read_text(path, named="genes")


def test_a_zip_is_named(tmp_path):
    write_zip(tmp_path / "x.txt")
    with pytest.raises(
        ClasterError, match="a ZIP archive or Excel workbook instead of text: unzip"
    ):
        read_text(tmp_path / "x.txt")


def test_what_is_not_a_file_is_named(tmp_path):
    (tmp_path / "link").symlink_to("gone")
    os.mkfifo(tmp_path / "pipe")
    for name, said in [
        (".", "genes: a folder, not a file, at"),
        ("link", "genes: a link to gone, which is not there, at"),
        ("pipe", "genes: something that is not a plain file at"),
        ("x", "genes: no file at"),
    ]:
        with pytest.raises(ClasterError, match=said):
            read_text(tmp_path / name, named="genes", remedy="check it")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "genes: no permission: .*x.txt: ask for the right"),
        (errno.EMFILE, "genes: too many open files: .*ulimit"),
        (errno.EIO, "genes: the disk has an input or output error"),
    ],
)
def test_a_file_that_does_not_open_says_why(tmp_path, monkeypatch, number, said):
    path = tmp_path / "x.txt"
    path.write_text("a\n")

    def refuse(self, *args, **kwargs):
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ClasterError, match=said):
        read_text(path, named="genes")


@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_names_come_back_as_they_were(tmp_path, suffix):
    names = ["nan", "NA", "null", "None", "True", "1e5", "007", "1", "-inf", 'a "b"', "#x", "N/A"]
    table = pd.DataFrame({"gene_id": names, "chrom": names, "value": range(len(names))})
    table["value"] = table["value"].astype(float).where(table["value"] != 3)
    path = tmp_path / f"t.{suffix}"
    table.to_csv(path, sep="\t" if suffix == "tsv" else ",", index=False)
    pd.testing.assert_frame_equal(read_table(path), table)


def test_a_packed_table_is_told_by_its_bytes_and_a_cut_one_is_refused(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_bytes(gzip.compress(b"gene\tvalue\nNA\t1\n" * 50))
    assert read_table(path)["gene"].tolist()[0] == "NA"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ClasterError, match="a damaged gzip file"):
        read_table(path)


def test_a_table_that_is_damaged_says_so(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n1,"2\n')
    with pytest.raises(ClasterError, match=r"t.csv\) cannot be read as a table .*: make it again"):
        read_table(tmp_path / "t.csv", named="scores")


class Counted(BaseModel):
    genes: int


@pytest.mark.parametrize("content", ['{"genes": 3', '{"genes": "many"}', "[]", ""])
def test_a_record_that_is_not_whole_is_told(tmp_path, content):
    path = tmp_path / "record.json"
    path.write_text('{"genes": 3}')
    assert read_record(path, Counted, remedy="again") == Counted(genes=3)
    path.write_text(content)
    with pytest.raises(ClasterError, match=r"record\.json is not a whole record.*: again"):
        read_record(path, Counted, remedy="again")


@pytest.mark.parametrize("kept", [0, 40, 300])
def test_a_parquet_table_that_is_cut_off_is_told(tmp_path, kept):
    path = tmp_path / "t.parquet"
    table = pd.DataFrame({"a": range(50)})
    table.to_parquet(path)
    pd.testing.assert_frame_equal(read_parquet(path), table)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ClasterError, match=r"effects \(.*t\.parquet\) is cut off or damaged"):
        read_parquet(path, named="effects")


@pytest.mark.parametrize("kept", [0, 40, 300])
def test_an_array_that_is_cut_off_is_told(tmp_path, kept):
    one, several = tmp_path / "a.npy", tmp_path / "a.npz"
    values = np.arange(100, dtype=np.float32)
    np.save(one, values)
    np.savez(several, first=values, second=values)
    np.testing.assert_array_equal(read_npy(one), values)
    np.testing.assert_array_equal(read_npz(several)["second"], values)
    for path, read in ((one, read_npy), (several, read_npz)):
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(
            ClasterError, match=r"map \(.*a\.np.\) is damaged, cut off or not an array file"
        ):
            read(path, named="map")


def test_an_array_file_of_another_kind_is_told(tmp_path):
    one, several = tmp_path / "a.npy", tmp_path / "a.npz"
    np.save(one, np.zeros(3))
    np.savez(several, first=np.zeros(3))
    for path, read in ((several, read_npy), (one, read_npz)):
        with pytest.raises(ClasterError, match="not an array file"):
            read(path)
    np.save(one, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(ClasterError, match="not an array file"):
        read_npy(one)
    with pytest.raises(ClasterError, match=r"no file at .*: again"):
        read_npy(tmp_path / "b.npy", remedy="again")


@pytest.mark.parametrize(("write", "read"), [(np.save, read_npy), (np.savez, read_npz)])
@settings(derandomize=True, max_examples=300, database=None)
@given(at=st.integers(0, 200), byte=st.integers(0, 255), kept=st.integers(100, 1000))
def test_spoilt_bytes_end_in_an_array_or_an_error(tmp_path_factory, write, read, at, byte, kept):
    path = tmp_path_factory.getbasetemp() / f"spoilt.np{'yz'[read is read_npz]}"
    write(path, np.arange(20, dtype=np.float32))
    content = bytearray(path.read_bytes())
    content[at] = byte
    path.write_bytes(content[:kept])
    with warnings.catch_warnings(), suppress(ClasterError):
        warnings.simplefilter("ignore")
        read(path)


def test_a_device_is_no_text(tmp_path):
    (tmp_path / "genes.tsv").symlink_to("/dev/null")
    with pytest.raises(ClasterError, match="genes: something that is not a plain file at"):
        read_text(tmp_path / "genes.tsv", named="genes")
