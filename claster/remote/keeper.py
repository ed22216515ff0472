"""A thread that follows a growing file: its SHA-256, and how much of it is safe on disk."""

import errno
import hashlib
import os
import threading
import time
from collections.abc import Callable

from claster.remote.faults import StoppedError

__all__ = ["Keeper"]

_BLOCK = 1 << 20
_PAUSE = 0.02
_LOOK_EVERY = 0.05
_TOO_FAST = 400e6


class Keeper:
    """Hash and flush a file behind the thread that writes it, so that neither holds up the transfer.

    While more than 400 MB/s come in, which a hash on another core would slow, hashing waits.

    Parameters
    ----------
    descriptor
        The open file; it must stay open until `finish` or `end` has returned.
    length
        Bytes that are in it already; they are hashed too.
    every
        Seconds between flushes.
    flushed
        Called from the thread with the number of bytes from the start that a power cut cannot take.
    stop
        When set, the thread flushes once more and ends.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        length: int,
        every: float,
        flushed: Callable[[int], None],
        stop: threading.Event,
    ) -> None:
        self._descriptor = descriptor
        self._length = self._safe = length
        self._every = every
        self._flushed = flushed
        self._stop = stop
        self._hash_all = False
        self._ending = threading.Event()
        self._sha256: str | None = None
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, name="claster-keeper", daemon=True)
        self._thread.start()

    def grow(self, length: int) -> None:
        """Take note that the file has `length` bytes now; raises what the thread has met."""
        if self._failure is not None:
            raise self._failure
        self._length = length

    def finish(self) -> str:
        """Wait until all bytes are hashed and flushed, and return their SHA-256.

        Raises
        ------
        OSError
            If the file cannot be read or flushed.
        StoppedError
            If `stop` was set before the end.
        """
        self._hash_all = True
        self.end()
        if self._failure is not None:
            raise self._failure
        if self._sha256 is None:
            raise StoppedError
        return self._sha256

    def end(self) -> None:
        """Wait until all bytes are flushed, or flushing has failed."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self._follow()
        except OSError as failure:
            self._failure = failure

    def _follow(self) -> None:
        digest, hashed = hashlib.sha256(), 0
        block = memoryview(bytearray(_BLOCK))
        seen, looked = 0, time.monotonic()
        due = looked + self._every
        is_fast = True
        while True:
            ending = self._ending.is_set()  # read before the length: it grows no more after that
            length = self._length
            if self._stop.is_set() or (ending and not self._hash_all):
                break
            if (passed := time.monotonic() - looked) >= _LOOK_EVERY:
                is_fast = length - seen > _TOO_FAST * passed
                seen, looked = length, looked + passed
            if hashed < length and (ending or not is_fast):
                size = os.preadv(self._descriptor, [block[: length - hashed]], hashed)
                if size == 0:
                    raise OSError(errno.EIO, "the partial file was shortened by someone else")
                digest.update(block[:size])
                hashed += size
            elif ending:
                self._sha256 = digest.hexdigest()
                break
            else:
                self._ending.wait(_PAUSE)
            if time.monotonic() >= due:
                self._flush(length)
                due = time.monotonic() + self._every
        self._flush(self._length)

    def _flush(self, length: int) -> None:
        if length > self._safe:
            os.fsync(self._descriptor)
            self._flushed(length)
            self._safe = length
