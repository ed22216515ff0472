"""What is known about the files of a data folder, and whether a file is the one that is known."""

import threading
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from claster.dataset.signal_settings import DownloadSpec
from claster.errors import ClasterError
from claster.remote.partial import replace_text
from claster.remote.verify import Receipt, Wanted, verify

__all__ = ["LOCK", "Receipts"]

LOCK = ".downloads.lock"
"""Name of the lock of commands that write receipts."""


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
        self._files = _read(self._path)

    def find(self, download: DownloadSpec) -> Receipt | None:
        """Return the receipt of a file, or None."""
        return self._files.get(download.file)

    def is_new(self, download: DownloadSpec) -> bool:
        """Whether nobody knows the SHA-256 of a file yet."""
        return download.sha256 is None and self.find(download) is None

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
        """Read a whole file and record it, if it is the one that is known.

        Parameters
        ----------
        download
            What the YAML says.
        path
            The file, which need not be where the dataset looks for it.
        how
            How it came.

        Raises
        ------
        ClasterError
            If size, first or last bytes, or SHA-256 are others.
        """
        stat = path.stat()  # before it is read: a change meanwhile shows the next time
        receipt = Receipt(
            url=download.url,
            size=stat.st_size,
            sha256=verify(path, self.wanted(download, path)),
            mtime_ns=stat.st_mtime_ns,
            when=datetime.now(UTC),
            how=how,
        )
        settled = self.settled(download, path)
        if settled is None:
            self.record(download, receipt)
        return settled or receipt

    def record(self, download: DownloadSpec, receipt: Receipt) -> None:
        """Keep a receipt; it is on disk when this returns."""
        with self._lock:
            self._files[download.file] = receipt
            book = _Book(files=dict(sorted(self._files.items())))
            replace_text(self._path, book.model_dump_json(indent=1) + "\n")


def _read(path: Path) -> dict[str, Receipt]:
    if not path.is_file():
        return {}
    try:
        return _Book.model_validate_json(path.read_bytes()).files
    except ValidationError as error:
        raise ClasterError(
            f"{path} holds no receipts of this version ({error.error_count()} faults)",
            remedy="restore an older copy, or move it away to have all files read and hashed again",
        ) from error
