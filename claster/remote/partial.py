"""A file on its way, under a hidden name beside its final one."""

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

from claster.files import sync_folder
from claster.remote.disk import fresh_name
from claster.remote.journal import Journal, read_journal, write_journal
from claster.remote.keeper import Keeper

__all__ = [
    "Partial",
    "bytes_kept",
    "discard_partial",
    "has_leavings",
    "partial_paths",
    "total_told",
]


def partial_paths(final: Path) -> tuple[Path, Path]:
    """Return where a file's bytes and its journal are kept until it is whole."""
    return final.with_name(f".{final.name}.part"), final.with_name(f".{final.name}.part.json")


def bytes_kept(final: Path, *, url: str) -> int:
    """Return how many bytes of an earlier transfer of `url` can be built on."""
    path, journal_path = partial_paths(final)
    journal = read_journal(journal_path)
    return _reusable(journal, path, url) if journal is not None else 0


def total_told(final: Path, *, url: str) -> int | None:
    """Return the length in bytes that the server told in an earlier transfer of `url`, or None."""
    journal = read_journal(partial_paths(final)[1])
    return journal.total if journal is not None and journal.url == url else None


def has_leavings(final: Path) -> bool:
    """Whether an earlier transfer has left anything beside `final`."""
    return any(path.exists() for path in _leavings(final))


def discard_partial(final: Path) -> None:
    """Remove what an earlier transfer has left beside `final`."""
    for path in _leavings(final):
        path.unlink(missing_ok=True)


class Partial:
    """The bytes that have arrived (`length`), their journal, and whether they came in pieces (`resumed`).

    Bytes of an earlier transfer are taken over as far as they are known to be on disk; what was written
    after the last flush is cut off, because a power cut may have left holes in it.

    Parameters
    ----------
    final
        Where the file shall be in the end; its folder is made when missing.
    url
        Where it comes from; bytes of another address are not taken over.
    flush_every
        Seconds between flushes.
    stop
        When set, nothing is written any more, except one last journal.

    Raises
    ------
    OSError
        From every method, if the disk refuses.
    """

    def __init__(self, final: Path, *, url: str, flush_every: float, stop: threading.Event) -> None:
        final.parent.mkdir(parents=True, exist_ok=True)
        self.final = final
        self.path, self._journal_path = partial_paths(final)
        self._every = flush_every
        self._stop = stop
        found = read_journal(self._journal_path)
        self.length = _reusable(found, self.path, url) if found is not None else 0
        self.journal = found if found is not None and self.length else Journal(url=url)
        self.resumed = self.length > 0
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._descriptor, self.length)
        self._keeper = self._keep()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Flush and close; what has arrived stays."""
        self._keeper.end()
        os.close(self._descriptor)
        if self.length == 0:
            discard_partial(self.final)

    @property
    def is_whole(self) -> bool:
        """Whether as many bytes are there as the server told."""
        return self.length == self.journal.total

    def begin(self, journal: Journal) -> None:
        """Throw away all bytes and begin with the file that `journal` tells of."""
        self._keeper.end()
        self.journal = journal.model_copy(update={"flushed": 0})
        write_journal(self._journal_path, self.journal)  # before a byte of the other file is there
        os.ftruncate(self._descriptor, 0)
        self.length = 0
        self.resumed = False
        self._keeper = self._keep()

    def append(self, chunk: bytes) -> None:
        """Add bytes at the end."""
        rest = memoryview(chunk)
        while rest:
            written = os.pwrite(self._descriptor, rest, self.length)
            rest = rest[written:]
            self.length += written
            self._keeper.grow(self.length)

    def continue_with(self, *, total: int | None) -> None:
        """Take note that another answer adds bytes, and of the file's length where it tells that."""
        self.resumed = True
        if total is not None:
            self.journal = self.journal.model_copy(update={"total": total})

    def end_here(self) -> None:
        """Take note that the file is whole, where no answer has told its length."""
        self.journal = self.journal.model_copy(update={"total": self.length})

    def sha256(self) -> str:
        """Wait until all bytes are hashed and safe, and return their SHA-256."""
        return self._keeper.finish()

    def modified_ns(self) -> int:
        """Return the time of the last change in ns, which the final file keeps."""
        return os.fstat(self._descriptor).st_mtime_ns

    def rename(self) -> None:
        """Give the file its final name, read-only; its bytes must be safe (`sha256`)."""
        os.fchmod(self._descriptor, 0o444)
        self.path.replace(self.final)
        sync_folder(self.final.parent)
        discard_partial(self.final)

    def discard(self) -> None:
        """Remove what has arrived."""
        discard_partial(self.final)

    def _keep(self) -> Keeper:
        return Keeper(
            self._descriptor,
            length=self.length,
            every=self._every,
            flushed=self._note,
            stop=self._stop,
        )

    def _note(self, length: int) -> None:
        write_journal(self._journal_path, self.journal.model_copy(update={"flushed": length}))


def _reusable(journal: Journal, path: Path, url: str) -> int:
    """Return how many bytes at `path` are known to be right."""
    if journal.url != url or not path.is_file() or path.stat().st_size < journal.flushed:
        return 0
    whole = journal.flushed == journal.total
    return journal.flushed if whole or journal.validator is not None else 0


def _leavings(final: Path) -> tuple[Path, ...]:
    path, journal_path = partial_paths(final)
    return path, journal_path, fresh_name(journal_path)
