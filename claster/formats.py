"""What a file is by its first and last bytes, so that a name or an error page never becomes data."""

import gzip
import os
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, Literal

from claster.errors import ClasterError, os_fault

FileFormat = Literal["bigwig", "cooler", "hic", "gtf", "bed", "table", "fasta"]

HEAD = 4096
"""Bytes from the start of a file that are enough to tell its format."""

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")
"""Byte-order marks of UTF-16 and UTF-32; text that starts with one has NUL bytes."""

_BIGWIG = struct.pack("<I", 0x888FFC26), struct.pack(">I", 0x888FFC26)
_HDF5 = b"\x89HDF\r\n\x1a\n"
_GZIP = b"\x1f\x8b"
_HIC = b"HIC\0"
_KNOWN = {
    _BIGWIG[0]: "a bigWig file",
    _BIGWIG[1]: "a bigWig file",
    struct.pack("<I", 0x8789F2EB): "a bigBed file",
    struct.pack(">I", 0x8789F2EB): "a bigBed file",
    struct.pack("<I", 0x1A412743): "a 2bit file",
    struct.pack(">I", 0x1A412743): "a 2bit file",
    _HDF5: "an HDF5 file",
    _GZIP: "a gzip file",
    _HIC: "a .hic file",
    b"BAM\1": "a BAM file",
    b"CRAM\2": "a CRAM file",
    b"CRAM\3": "a CRAM file",
    b"\x93NUMPY": "an array of numpy",
    b"BZh91AY&SY": "a bzip2 file",
    b"\xfd7zXZ\0": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"PK\x03\x04": "a ZIP archive or Excel workbook",
    b"%PDF-": "a PDF document",
}
_TEXT_KINDS = (
    (r"track\b[^\n]*type=\"?bedGraph", "a bedGraph text"),
    (r"(track\b[^\n]*type=\"?wiggle_0|(fixed|variable)Step\s)", "a wig text"),
    (r"\S+\t\d+\t\d+\t-?\d+(\.\d+)?(e-?\d+)?\s*(\n|$)", "a bedGraph text"),
    (r"@(HD|SQ|RG|PG)\t", "a SAM text"),
    (r"##fileformat=VCF", "a VCF text"),
    (r">\S", "a FASTA text"),
)
_WANTED = {
    "bigwig": "a bigWig file",
    "cooler": "a cooler (HDF5) file",
    "hic": "a .hic file",
    "gtf": "a GTF text file",
    "bed": "a BED text file",
    "table": "a text table",
    "fasta": "a FASTA file",
}
_STARTS = {"bigwig": _BIGWIG, "cooler": (_HDF5,), "hic": (_HIC,), "fasta": (b">",)}
_REMEDY = "download the file again and check the address that it comes from"
_UNPACKED_BY = {
    "a gzip file": "unpack it (gunzip) and name the unpacked file",
    "a bzip2 file": "unpack it (bunzip2) and name the unpacked file",
    "an xz file": "unpack it (unxz) and name the unpacked file",
    "a zstd file": "unpack it (unzstd) and name the unpacked file",
    "a 7-Zip archive": "unpack it (7z x) and name the unpacked file",
    "a ZIP archive or Excel workbook": "unzip it, or save the sheet as tab-separated text",
}
_BIGWIG_FROM = {
    "a bedGraph text": "make a bigWig of it (bedGraphToBigWig of UCSC)",
    "a wig text": "make a bigWig of it (wigToBigWig of UCSC)",
    "a BAM file": "make a bigWig of it (bamCoverage of deepTools)",
    "a CRAM file": "make a bigWig of it (bamCoverage of deepTools)",
    "a SAM text": "make a bigWig of it (bamCoverage of deepTools)",
    "a bigBed file": "provide the signal of the same experiment as bigWig; a bigBed holds intervals",
}
_BLOCK = 1 << 20


def is_gzip(path: Path | str) -> bool:
    """Tell by its first bytes whether a file is packed by gzip or bgzip."""
    try:
        with Path(path).open("rb") as handle:
            return handle.read(len(_GZIP)) == _GZIP
    except OSError as error:
        raise os_fault(error) from error


def is_binary(head: bytes) -> bool:
    """Tell by its first bytes whether a file is of a known binary format, or a page of HTML."""
    return head.startswith(tuple(_KNOWN)) or describe(head).startswith("an HTML page")


def describe(head: bytes) -> str:
    r"""Return what a file is by its first bytes, as in "a bigWig file" or "an empty file".

    Parameters
    ----------
    head
        The first `HEAD` bytes, or all of a shorter file. Of a gzip file what is inside counts too.

    Examples
    --------
    >>> describe(b"chr1\t0\t100\t2.5\n"), describe(b"")
    ('a bedGraph text', 'an empty file')
    """
    for magic, name in _KNOWN.items():
        if head.startswith(magic):
            return _inside_gzip(head) if magic == _GZIP else name
    if not head:
        return "an empty file"
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    if "\0" in text:
        return "a binary file of another format"
    start = text[:200].lower()
    if "<html" in start or start.startswith("<!doctype html"):
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        return f"an HTML page{_quoted(title[1]) if title else ''}"
    if start.startswith("<"):
        return f"an XML or HTML message{_quoted(text)}"
    if start.startswith(("{", "[")):
        return f"a JSON message{_quoted(text)}"
    for pattern, name in _TEXT_KINDS:
        if re.match(pattern, text):
            return name
    return f"a file that starts with{_quoted(text) or ' blanks'}"


def advice(found: str, *, wanted: FileFormat | None = None) -> str:
    """Return what to do with a file that is `found` (`describe`) and not `wanted`, None for text unpacked."""
    packing = next((name for name in _UNPACKED_BY if found.startswith(name)), None)
    if wanted == "bigwig" and found in _BIGWIG_FROM:
        return _BIGWIG_FROM[found]
    inside = found.partition(" around ")[2]
    if packing and wanted == "bigwig" and inside in _BIGWIG_FROM:
        return f"unpack it, then {_BIGWIG_FROM[inside]}"
    if packing == "a gzip file" and wanted in ("gtf", "bed", "table", "fasta"):
        return "let its name end in .gz, in the dataset's YAML too, or unpack it (gunzip)"
    if wanted == "cooler" and found == "a .hic file":
        return "write 'format: hic' for this download in the dataset's YAML"
    return _UNPACKED_BY[packing] if packing else _REMEDY


def require_start(head: bytes, *, format: FileFormat, gzipped: bool, named: str) -> None:
    """Refuse a file by its first bytes.

    Parameters
    ----------
    head
        The first `HEAD` bytes, or all of a shorter file.
    format
        What the file shall be: bigWig, HDF5 (cooler) and hic have their own first bytes, FASTA starts
        with ``>``, the other formats are text.
    gzipped
        Whether gzip is around it; then the first bytes inside are checked too.
    named
        What the user calls the file, for the message.

    Raises
    ------
    ClasterError
        If the bytes belong to something else: an HTML page (its title is quoted), an XML or JSON
        message, another format, a text file with NUL bytes, an empty file.

    Notes
    -----
    First bytes as in the UCSC bigWig description (Kent et al. 2010, doi:10.1093/bioinformatics/btq351),
    the HDF5 file format specification 3.0 (II.A), RFC 1952 (gzip), and the .hic format description.
    """
    if gzipped:
        if not head.startswith(_GZIP):
            raise ClasterError(f"{named}: {describe(head)} instead of a gzip file", remedy=_REMEDY)
        head = _unpack_start(head, named)
    starts = _STARTS.get(format)
    if head.startswith(starts) if starts else _is_plain_text(head):
        return
    found = describe(head)
    inside = " inside the gzip" if gzipped else ""
    raise ClasterError(
        f"{named}: {found} instead of {_WANTED[format]}{inside}",
        remedy=advice(found, wanted=format),
    )


def require_whole(
    path: Path | str,
    *,
    format: FileFormat,
    named: str,
    gzipped: bool | None = None,
    deep: bool = False,
) -> None:
    """Refuse a file that is something else (see `require_start`) or that lacks its end.

    A bigWig repeats its first four bytes at its end, an HDF5 file (cooler) states its length, and a hic
    file where its indices lie, the last things in it.
    What this cannot tell: a text file without its last lines, bytes that are wrong in the middle of any
    file, and, unless `deep`, a gzip file without its end. Only length and SHA-256 tell those.

    Parameters
    ----------
    named
        What the user calls the file, for the message.
    gzipped
        Whether gzip is around it; None: where its name ends in ``.gz``.
    deep
        Whether a gzip file is unpacked to its end (about 0.3 GB/s), which checks its length and CRC.

    Raises
    ------
    ClasterError
        If the file is something else, or shorter than it says.
    """
    path = Path(path)
    if gzipped is None:
        gzipped = path.name.endswith(".gz")
    try:
        with path.open("rb") as handle:
            head = handle.read(HEAD)
            size = path.stat().st_size
            require_start(head, format=format, gzipped=gzipped, named=named)
            stated = _hic_length(handle, head) if format == "hic" else None
            if format == "cooler":
                stated = _hdf5_length(head)
            handle.seek(max(size - 4, 0))
            end = handle.read(4)
    except OSError as error:
        raise os_fault(error, named=named) from error
    if gzipped:
        if deep:
            _unpack(path, named)
    elif format == "bigwig" and end != head[:4]:
        raise ClasterError(
            f"{named}: an incomplete bigWig file, or one with more after its end ({size} bytes are there)",
            remedy=_REMEDY,
        )
    elif stated is not None and size < stated:
        raise ClasterError(
            f"{named}: {describe(head)} of {stated} bytes of which {size} are there",
            remedy=_REMEDY,
        )


def _quoted(text: str) -> str:
    line = " ".join(text.split())
    if not line:
        return ""
    return f" '{line[:60]}...'" if len(line) > 60 else f" '{line}'"


def _is_plain_text(head: bytes) -> bool:
    if head.startswith(_WIDE_MARKS):
        return True
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    known = any(head.startswith(magic) for magic in _KNOWN)
    return bool(start) and not known and b"\0" not in head and start[:1] not in b"<{["


def _inside_gzip(head: bytes) -> str:
    """Return what a gzip file is with its content, where that is something known."""
    try:
        start = zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error:
        return "a gzip file"
    inside = describe(start)
    if inside == "a BAM file":
        return inside  # always packed by bgzip
    known = start and not inside.startswith("a file that")
    return f"a gzip file around {inside}" if known else "a gzip file"


def _unpack_start(head: bytes, named: str) -> bytes:
    """Return the first bytes inside a gzip file."""
    try:
        return zlib.decompressobj(wbits=31).decompress(head, HEAD)
    except zlib.error as error:
        raise ClasterError(
            f"{named}: a gzip file that does not unpack ({error})", remedy=_REMEDY
        ) from error


def _unpack(path: Path, named: str) -> None:
    try:
        with gzip.open(path) as handle:
            while handle.read(_BLOCK):
                pass
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ClasterError(
            f"{named}: a gzip file that does not unpack to its end ({error})", remedy=_REMEDY
        ) from error


def _hic_length(handle: BinaryIO, head: bytes) -> int | None:
    """Return where the footer of a `.hic` ends at least, or its index of normalisations (since version 9)."""
    if len(head) < 16:
        return 16
    version, footer = struct.unpack_from("<iq", head, 4)
    width = 8 if version > 8 else 4  # of the footer's length
    size = handle.seek(0, os.SEEK_END)
    if not 0 <= footer < size:
        return size + 1  # the footer is not there, wherever it is said to be
    handle.seek(footer)
    length = handle.read(width)
    ends = [footer + width + int.from_bytes(length, "little", signed=True)]
    genome_end = head.find(b"\0", 16)
    if version > 8 and genome_end > 0 and len(head) >= genome_end + 17:
        ends.append(sum(struct.unpack_from("<qq", head, genome_end + 1)))
    return max(ends)


def _hdf5_length(head: bytes) -> int | None:
    """Return the end-of-file address in an HDF5 superblock (specification 3.0, II.A), or None."""
    layouts = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}  # place of width, of base address
    version = head[8] if len(head) > 8 else -1
    if version not in layouts:
        return None
    width_at, base_at = layouts[version]
    width = head[width_at] if len(head) > width_at else 0
    address = head[base_at + 2 * width : base_at + 3 * width]
    if not width or len(address) < width or set(address) == {0xFF}:
        return None
    return int.from_bytes(address, "little")
