"""What is known about the files of a data folder: whence, how long, and their SHA-256 when first seen."""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from claster.errors import ClasterError
from claster.remote.disk import replace_text

__all__ = ["LOCK", "RECEIPTS", "Receipt", "Receipts"]

LOCK = ".downloads.lock"
"""Name of the lock of commands that write receipts."""

RECEIPTS = "downloads.json"
"""Name of the file with the receipts, in the data folder."""


class Receipt(BaseModel):
    """A file as it was when it was verified: sizes in bytes, `when` in UTC, headers as the server's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    size: int
    sha256: str
    mtime_ns: int
    when: datetime
    how: Literal["downloaded", "adopted", "found"]
    etag: str | None = None
    last_modified: str | None = None

    @classmethod
    def of_file(
        cls, path: Path, *, url: str, sha256: str, how: Literal["adopted", "found"]
    ) -> Self:
        """Return a receipt for a file that is there."""
        stat = path.stat()
        return cls(
            url=url,
            size=stat.st_size,
            sha256=sha256,
            mtime_ns=stat.st_mtime_ns,
            when=datetime.now(UTC),
            how=how,
        )

    def matches(self, path: Path) -> bool:
        """Whether a file has the size and time of the receipt, so that its hash need not be taken again."""
        if not path.is_file():
            return False
        stat = path.stat()
        return (stat.st_size, stat.st_mtime_ns) == (self.size, self.mtime_ns)


class _Book(BaseModel):
    format: Literal[1] = 1
    files: dict[str, Receipt] = {}


class Receipts:
    """The receipts of a data folder; several threads of one process may record.

    Parameters
    ----------
    folder
        The data folder; it need not exist before the first record.

    Raises
    ------
    ClasterError
        If there are receipts that do not read.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / RECEIPTS
        self._lock = threading.Lock()
        self._book = _read(self.path)

    def find(self, file: str) -> Receipt | None:
        """Return the receipt of a file, by its name below the data folder."""
        return self._book.files.get(file)

    def record(self, file: str, receipt: Receipt) -> None:
        """Keep a receipt; it is on disk when this returns."""
        with self._lock:
            self._book.files[file] = receipt
            files = dict(sorted(self._book.files.items()))
            replace_text(self.path, _Book(files=files).model_dump_json(indent=1) + "\n")


def _read(path: Path) -> _Book:
    if not path.is_file():
        return _Book()
    try:
        return _Book.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ClasterError(
            f"{path} holds no receipts of this version ({error.error_count()} faults)",
            remedy="bring back an older copy, or move it away to have all files read and hashed again",
        ) from error
