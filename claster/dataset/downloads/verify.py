"""Which file is wanted, whether a file is that one, and the receipt that says so."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from claster.errors import ClasterError
from claster.files import sha256
from claster.formats import FileFormat, require_whole
from claster.settings import Record


@dataclass(frozen=True)
class Wanted:
    """A file to fetch, and what is known about it.

    `final` is where it shall be; a name that ends in ``.gz`` means gzip around `format`. `named` is what
    the user calls it. Where `size` (bytes) or `sha256` are known, `known_from` says from where and `remedy`
    what to do when the server has another file. `format` is None where the SHA-256
    alone, or whoever reads the file, judges it; `address_from` says where the user has the address from.
    """

    url: str
    final: Path
    format: FileFormat | None
    named: str
    size: int | None = None
    sha256: str | None = None
    known_from: str = "the dataset's YAML"
    remedy: str = "ask the archive whether the file was replaced, then correct the YAML"
    address_from: str = "'downloads' of the dataset's YAML"

    @property
    def gzipped(self) -> bool:
        """Whether gzip is around the file."""
        return self.final.name.endswith(".gz")


class Receipt(Record):
    """A file as it was when it was verified: sizes in bytes, `when` in UTC, headers as the server's."""

    url: str
    size: int
    sha256: str
    mtime_ns: int
    when: datetime
    how: Literal["downloaded", "adopted", "found"]
    etag: str | None = None
    last_modified: str | None = None


def verify(path: Path, wanted: Wanted, *, arrived: str | None = None) -> str:
    """Return the SHA-256 of a file that is the wanted one: by size, first and last bytes, and SHA-256.

    Parameters
    ----------
    path
        The file, which need not have its final name.
    arrived
        Its SHA-256 where that was taken while it came; None: it is read.

    Raises
    ------
    ClasterError
        If it is another one.
    """

    def other(found: str, known: object) -> ClasterError:
        seen = f"{found} came" if arrived else f"{path} has {found}"
        return ClasterError(
            f"{wanted.named}: {seen} where {wanted.known_from} says {known}", remedy=wanted.remedy
        )

    size = path.stat().st_size
    if wanted.size not in (None, size):
        raise other(f"{size} bytes", wanted.size)
    if wanted.format is not None:
        require_whole(
            path,
            format=wanted.format,
            named=wanted.named if arrived else f"{wanted.named} ({path})",
            gzipped=wanted.gzipped,
            deep=wanted.sha256 is None,
        )
    found = arrived or sha256(path)
    if wanted.sha256 not in (None, found):
        raise other(f"SHA-256 {found}", wanted.sha256)
    return found
