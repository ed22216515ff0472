import gzip
import os
import struct
from pathlib import Path

import cooler
import h5py
import numpy as np
import pandas as pd
import pyBigWig
import pytest

from claster.errors import ClasterError
from claster.formats import advice, require_start, require_whole

PROJECT = Path(__file__).parents[1]
FILES = Path(os.environ.get("CLASTER_REAL_FILES", PROJECT.parent / "shared" / "data"))

PAGE = b"<!DOCTYPE html>\n<html><head><TITLE>\n 404  Not Found </TITLE></head></html>"


def write_bigwig(path):
    with pyBigWig.open(str(path), "w") as file:
        file.addHeader([("chr1", 10_000)])
        file.addEntries(
            ["chr1"] * 100, list(range(100)), ends=list(range(1, 101)), values=[1.0] * 100
        )


def write_cooler(path):
    bins = cooler.binnify(pd.Series({"chr1": 10_000}), 1000)
    pixels = pd.DataFrame({"bin1_id": [0], "bin2_id": [1], "count": [3]})
    cooler.create_cooler(str(path), bins, pixels)


@pytest.mark.parametrize(
    ("head", "format"),
    [
        (struct.pack("<I", 0x888FFC26), "bigwig"),
        (struct.pack(">I", 0x888FFC26), "bigwig"),
        (b"\x89HDF\r\n\x1a\n", "cooler"),
        (b">chr1\nACGT", "fasta"),
        (b"#!genome-build GRCm38\n1\thavana\tgene", "gtf"),
        (b"\xef\xbb\xbfchr1\t0\t10\n", "bed"),
        (b"cCRE accession\tclass\n", "table"),
    ],
)
@pytest.mark.parametrize("gzipped", [False, True])
def test_right_starts(head, format, gzipped):
    start = gzip.compress(head) if gzipped else head
    require_start(start, format=format, gzipped=gzipped, named="x")


@pytest.mark.parametrize(
    ("head", "format", "said"),
    [
        (PAGE, "bigwig", "an HTML page '404 Not Found' instead of a bigWig file"),
        (PAGE, "gtf", "an HTML page '404 Not Found' instead of a GTF text file"),
        (b"\n<html>", "cooler", r"an HTML page instead of a cooler \(HDF5\) file"),
        (b"<?xml version='1.0'?><Error/>", "bed", "an XML or HTML message '<.xml"),
        (b'{"error": "gone"}', "table", "a JSON message '{"),
        (b"", "table", "an empty file"),
        (b" \n", "table", "a file that starts with blanks"),
        (b"c\0h\0r\0", "bed", "a binary file of another format"),
        (struct.pack("<I", 0x8789F2EB), "bigwig", "a bigBed file instead of a bigWig file"),
        (b"PK\x03\x04", "table", "a ZIP archive or Excel workbook"),
        (b"chr1 0 10", "bigwig", "a file that starts with 'chr1 0 10' instead"),
        (b"ACGT", "fasta", "a file that starts with 'ACGT' instead of a FASTA file"),
        (b"\x1f\x8b\x08", "gtf", "a gzip file instead of a GTF text file: let its name end in .gz"),
        (
            b"HIC\0\x08",
            "cooler",
            r"a \.hic file instead of .*: write .format: hic. for this download",
        ),
        (b"\x89HDF\r\n\x1a\n", "hic", r"an HDF5 file instead of a \.hic file"),
    ],
)
def test_wrong_starts(head, format, said):
    with pytest.raises(ClasterError, match=f"^track X: {said}"):
        require_start(head, format=format, gzipped=False, named="track X")


def test_wrong_starts_with_gzip_around_them():
    with pytest.raises(ClasterError, match=r"an HTML page .* instead of a gzip file"):
        require_start(PAGE, format="gtf", gzipped=True, named="genes")
    with pytest.raises(ClasterError, match=r"an HTML page .* instead of a GTF .* inside the gzip"):
        require_start(gzip.compress(PAGE), format="gtf", gzipped=True, named="genes")
    with pytest.raises(ClasterError, match="does not unpack"):
        require_start(b"\x1f\x8b" + bytes(50), format="gtf", gzipped=True, named="genes")


@pytest.mark.parametrize(("write", "format"), [(write_bigwig, "bigwig"), (write_cooler, "cooler")])
def test_files_without_their_end(tmp_path, write, format):
    whole, short = tmp_path / "whole", tmp_path / "short"
    write(whole)
    require_whole(whole, format=format, named="x")
    for missing in (1, 3, 100):
        short.write_bytes(whole.read_bytes()[:-missing])
        with pytest.raises(ClasterError, match=r"an incomplete bigWig|of which"):
            require_whole(short, format=format, named="x")


@pytest.mark.parametrize("libver", ["earliest", "v108", "latest"])
def test_every_hdf5_superblock_states_its_length(tmp_path, libver):
    with h5py.File(tmp_path / "a.cool", "w", libver=libver) as file:
        file["a"] = np.arange(1000)
    whole = (tmp_path / "a.cool").read_bytes()
    require_whole(tmp_path / "a.cool", format="cooler", named="x")
    (tmp_path / "b.cool").write_bytes(whole[:-1])
    with pytest.raises(ClasterError, match=f"of {len(whole)} bytes of which {len(whole) - 1}"):
        require_whole(tmp_path / "b.cool", format="cooler", named="x")


def test_gzip_without_its_end(tmp_path):
    lines = "".join(f"chr1\t{i}\t{i + 1}\n" for i in range(20_000)).encode()
    path = tmp_path / "a.bed.gz"
    path.write_bytes(gzip.compress(lines[:100_000]) + gzip.compress(lines[100_000:]))
    require_whole(path, format="bed", named="x", deep=True)
    path.write_bytes(path.read_bytes()[:-9])
    require_whole(path, format="bed", named="x")
    with pytest.raises(ClasterError, match="does not unpack to its end"):
        require_whole(path, format="bed", named="x", deep=True)


@pytest.mark.skipif(
    not (FILES / "human").is_dir(), reason=f"no real files at {FILES} (CLASTER_REAL_FILES)"
)
def test_real_files_are_what_they_are():
    suffixes = {"bw": "bigwig", "bigwig": "bigwig", "cool": "cooler", "mcool": "cooler"}
    suffixes |= {"gtf": "gtf", "bed": "bed", "bedgraph": "bed", "sizes": "table", "txt": "table"}
    seen = set()
    for path in sorted(FILES.rglob("*")):
        format = suffixes.get(path.name.removesuffix(".gz").rpartition(".")[2])
        if path.is_file() and format:
            require_whole(path, format=format, named=path.name, deep=True)
            seen.add(format)
    assert seen == {"bigwig", "cooler", "gtf", "bed", "table"}


def test_advice_for_a_packed_text_does_not_end_in_the_next_refusal():
    told = advice("a gzip file around a bedGraph text", wanted="bigwig")
    assert told == "unpack it, then make a bigWig of it (bedGraphToBigWig of UCSC)"
    packed = advice("a gzip file around a bigWig file", wanted="bigwig")
    assert packed == "unpack it (gunzip) and name the unpacked file"
