"""Which file is wanted, whether a file is that one, and the receipts that say so."""

import threading
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from claster.dataset.downloads.partial import Journal, replace_text
from claster.dataset.signal_settings import DownloadSpec
from claster.errors import ClasterError
from claster.files import sha256
from claster.formats import FileFormat, require_whole
from claster.settings import Record

LOCK = ".downloads.lock"
"""Name of the lock of commands that write receipts."""


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


def verify(
    path: Path,
    wanted: Wanted,
    *,
    how: Literal["downloaded", "adopted", "found"],
    arrived: str | None = None,
    journal: Journal | None = None,
) -> Receipt:
    """Return the receipt of a file, or raise `ClasterError` unless it is the wanted one.

    It is by size, first and last bytes, and SHA-256.

    Parameters
    ----------
    path
        The file, which need not have its final name.
    arrived
        Its SHA-256 where that was taken while it came; None: it is read.
    journal
        What the server told of it.
    """

    def other(found: str, known: object) -> ClasterError:
        seen = f"{found} came" if arrived else f"{path} has {found}"
        return ClasterError(
            f"{wanted.named}: {seen} where {wanted.known_from} says {known}", remedy=wanted.remedy
        )

    stat = path.stat()  # before it is read: a change meanwhile shows the next time
    if wanted.size not in (None, stat.st_size):
        raise other(f"{stat.st_size} bytes", wanted.size)
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
    return Receipt(
        url=wanted.url,
        size=stat.st_size,
        sha256=found,
        mtime_ns=stat.st_mtime_ns,
        when=datetime.now(UTC),
        how=how,
        etag=journal and journal.etag,
        last_modified=journal and journal.last_modified,
    )


class _Book(BaseModel):
    format: Literal[1] = 1
    files: dict[str, Receipt] = {}


class Receipts:
    """The receipts of a data folder (``downloads.json``); several threads of one process may record.

    Parameters
    ----------
    folder
        The data folder; it need not exist before the first record.

    Raises
    ------
    ClasterError
        If there are receipts that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "downloads.json"
        self._lock = threading.Lock()
        self._files: dict[str, Receipt] = {}
        if not self._path.is_file():
            return
        try:
            self._files = _Book.model_validate_json(self._path.read_bytes()).files
        except ValidationError as error:
            raise ClasterError(
                f"{self._path} holds no receipts of this version ({error.error_count()} faults)",
                remedy="restore an older copy, or move it away to have all files read and hashed again",
            ) from error

    def find(self, download: DownloadSpec) -> Receipt | None:
        """Return the receipt of a file, or None."""
        return self._files.get(download.file)

    def wanted(self, download: DownloadSpec, final: Path) -> Wanted:
        """Return a file as the YAML tells of it, or else as its receipt does (trust on first use)."""
        receipt = self.find(download)
        wanted = Wanted(
            download.url,
            final,
            download.format,
            download.name,
            size=download.size,
            sha256=download.sha256,
            remedy=f"get the file that the YAML means, or correct the entry {download.name!r} of its "
            "'downloads'",
        )
        if download.sha256 is not None or receipt is None:
            return wanted
        return replace(
            wanted,
            size=download.size or receipt.size,
            sha256=receipt.sha256,
            known_from=f"the receipt of {receipt.when:%Y-%m-%d} in {self._path}",
            remedy=f"restore the earlier file, or remove the entry {download.file!r} from that receipt "
            "file to accept another one",
        )

    def settled(self, download: DownloadSpec, path: Path) -> Receipt | None:
        """Return the receipt of a file that is there as verified, by size and time, and as the YAML says."""
        receipt = self.find(download)
        if receipt is None or not path.is_file():
            return None
        stat = path.stat()
        same = (stat.st_size, stat.st_mtime_ns) == (receipt.size, receipt.mtime_ns)
        as_told = download.sha256 in (None, receipt.sha256)
        return receipt if same and as_told and download.size in (None, receipt.size) else None

    def accept(
        self, download: DownloadSpec, path: Path, *, how: Literal["adopted", "found"]
    ) -> Receipt:
        """Read a whole file, wherever it lies, and record it if it is the one that is known (`verify`)."""
        receipt = verify(path, self.wanted(download, path), how=how)
        if settled := self.settled(download, path):
            return settled
        self.record(download, receipt)
        return receipt

    def record(self, download: DownloadSpec, receipt: Receipt) -> None:
        """Keep a receipt; it is on disk when this returns."""
        with self._lock:
            self._files[download.file] = receipt
            book = _Book(files=dict(sorted(self._files.items())))
            replace_text(self._path, book.model_dump_json(indent=1) + "\n")
