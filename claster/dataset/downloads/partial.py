"""A file on its way, under a hidden name beside its final one: its bytes, and whose they are."""

import errno
import hashlib
import os
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError

from claster.dataset.downloads.request import Stop, StoppedError
from claster.files import sync_folder
from claster.settings import Record

_BLOCK = 1 << 20
_SURELY_OLD = timedelta(seconds=60)


class Journal(Record):
    """The record beside a partial file (format version 1).

    `etag`, `last_modified` and `date` are the server's headers, `total` the length of the whole file in
    bytes where the server told it, `flushed` how many bytes from the start a power cut cannot take.
    """

    format: Literal[1] = 1
    url: str
    etag: str | None = None
    last_modified: str | None = None
    date: str | None = None
    total: int | None = Field(default=None, ge=0)
    flushed: int = Field(default=0, ge=0)

    @property
    def validator(self) -> str | None:
        """What ``If-Range`` may carry to ask for the rest of this very file, or None.

        RFC 9110, 13.1.5: a strong entity tag, on one line; a date only where there is no entity tag at all
        and the file was at least a minute old when it was sent (8.8.2.2).
        """
        if self.etag is not None:
            return self.etag if self.etag.startswith('"') and self.etag.isprintable() else None
        modified, sent = _date_in(self.last_modified), _date_in(self.date)
        if modified is None or sent is None or sent - modified < _SURELY_OLD:
            return None
        return self.last_modified

    def is_same_file(self, other: "Journal") -> bool:
        """Whether headers of another answer leave it possible that this is the same file."""
        if None not in (self.total, other.total) and self.total != other.total:
            return False
        if None not in (self.etag, other.etag):
            return self.etag == other.etag
        return None in (self.last_modified, other.last_modified) or (
            self.last_modified == other.last_modified
        )


class Partial:
    """The bytes that have arrived (`length`), their journal, and whether they came in pieces (`resumed`).

    Bytes of an earlier transfer are taken over as far as they are known to be on disk; what was written
    after the last flush is cut off, because a power cut may have left holes in it. Bytes are hashed as they
    come; those of an earlier process are read once at the end. An `OSError` of the disk is let through.

    Parameters
    ----------
    final
        Where the file shall be in the end; its folder is made when missing.
    url
        Where it comes from; bytes of another address are not taken over.
    flush_every
        Seconds between flushes.
    """

    def __init__(self, final: Path, *, url: str, flush_every: float) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        self.path, self._journal_path, _ = _hidden_paths(final)
        self._final = final
        self._flush_every = flush_every
        found, self.length = _found(final, url)
        self.journal = found if self.length else Journal(url=url)
        self.resumed = self.length > 0
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        self._shorten(self.length)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Make safe what has arrived, and close; nothing stays of a file that is renamed or discarded."""
        with suppress(OSError):  # a file that gets its name is safe by now, any other has its error
            self.flush()
        os.close(self._descriptor)
        if self.length == 0:
            discard_partial(self._final)

    def begin(self, journal: Journal) -> None:
        """Throw away all bytes and begin with the file that `journal` tells of."""
        self.journal = journal.model_copy(update={"flushed": 0})
        self._write_journal(self.journal)  # before a byte of the other file is there
        self._shorten(0)
        self.resumed = False

    def expect(self, total: int | None) -> None:
        """Take note of the length of the whole file, where it is told or has become plain."""
        if total is not None:
            self.journal = self.journal.model_copy(update={"total": total})

    def append(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        rest = memoryview(chunk)
        while rest:
            written = os.pwrite(self._descriptor, rest, self.length)
            if self._hashed == self.length:
                self._digest.update(rest[:written])
                self._hashed += written
            rest = rest[written:]
            self.length += written
        if time.monotonic() >= self._due:
            self.flush()

    def flush(self) -> None:
        """Make what has arrived safe against a power cut, and note how much that is."""
        if self.length > self.journal.flushed:
            os.fsync(self._descriptor)
            noted = self.journal.model_copy(update={"flushed": self.length})
            self._write_journal(noted)
            self.journal = noted
        self._due = time.monotonic() + self._flush_every

    def sha256(self, *, stop: Stop) -> str:
        """Return the SHA-256 of all bytes; raises StoppedError if `stop` is set while they are read."""
        while self._hashed < self.length:
            if stop.is_set():
                raise StoppedError
            missing = min(_BLOCK, self.length - self._hashed)
            block = os.pread(self._descriptor, missing, self._hashed)
            if not block:
                raise OSError(errno.EIO, "the partial file was shortened by someone else")
            self._digest.update(block)
            self._hashed += len(block)
        return self._digest.hexdigest()

    def rename(self) -> None:
        """Give the file its final name, read-only; its bytes must be safe (`flush`)."""
        os.fchmod(self._descriptor, 0o444)
        self.path.replace(self._final)
        sync_folder(self._final.parent)
        self.length = 0

    def discard(self) -> None:
        """Keep nothing of what has arrived."""
        self.length = 0

    def _shorten(self, length: int) -> None:
        os.ftruncate(self._descriptor, length)
        self.length = length
        self._digest, self._hashed = hashlib.sha256(), 0
        self._due = time.monotonic() + self._flush_every

    def _write_journal(self, journal: Journal) -> None:
        replace_text(self._journal_path, journal.model_dump_json(indent=1) + "\n")


def find_partial(final: Path, *, url: str) -> tuple[int, int | None]:
    """Return how many bytes of an earlier transfer can be built on, and the file's length if it was told.

    A transfer to the same place from another address counts for nothing.
    """
    journal, kept = _found(final, url)
    return kept, journal.total


def has_leavings(final: Path) -> bool:
    """Whether an earlier transfer has left anything beside `final`."""
    return any(path.exists() for path in _hidden_paths(final))


def discard_partial(final: Path) -> None:
    """Remove what an earlier transfer has left beside `final`."""
    for path in _hidden_paths(final):
        path.unlink(missing_ok=True)


def replace_text(path: Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` whole or not at all, safe against a power cut.

    The temporary name is always the same: it is for one writer at a time, who may be killed at any moment
    a hundred times and leaves one file at most.
    """
    fresh = _fresh(path)
    with fresh.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    fresh.replace(path)
    sync_folder(path.parent)


def _hidden_paths(final: Path) -> tuple[Path, Path, Path]:
    """Return where bytes and journal are kept until a file is whole, and where a new journal is written."""
    journal = final.with_name(f".{final.name}.part.json")
    return final.with_name(f".{final.name}.part"), journal, _fresh(journal)


def _fresh(path: Path) -> Path:
    return path.with_name(f"{path.name}.new")


def _found(final: Path, url: str) -> tuple[Journal, int]:
    """Return the journal of an earlier transfer from `url`, or a fresh one, and how many bytes are usable."""
    path, journal_path, _ = _hidden_paths(final)
    try:
        journal = Journal.model_validate_json(journal_path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return Journal(url=url), 0
    if journal.url != url:
        return Journal(url=url), 0
    whole = journal.flushed == journal.total
    there = path.is_file() and path.stat().st_size >= journal.flushed
    usable = there and (whole or journal.validator is not None)
    return journal, journal.flushed if usable else 0


def _date_in(header: str | None) -> datetime | None:
    """Return the time of an HTTP date (RFC 9110, 5.6.7), or None where it is none."""
    if header is None or not header.isprintable():
        return None
    try:
        date = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
