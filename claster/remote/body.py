"""The bytes of an answer as they arrive, watched for silence, slowness and a wrong start."""

import threading
import time
from collections.abc import Callable, Iterator

import requests
from urllib3.exceptions import HTTPError

from claster.formats import HEAD
from claster.remote.faults import SetbackError, StoppedError, TooSlowError
from claster.remote.request import reason_of

__all__ = ["Pace", "read_body", "with_checked_start"]

_MOST_AT_ONCE = 1 << 20


class Pace:
    """Whether a transfer still moves.

    Parameters
    ----------
    rate
        Fewer bytes/s than this are too slow.
    window
        Seconds over which that is measured.
    """

    def __init__(self, *, rate: float, window: float) -> None:
        self._rate = rate
        self._window = window
        self._since = time.monotonic()
        self._bytes = 0

    def count(self, size: int) -> None:
        """Count bytes; raises `TooSlowError` at the end of a window that was too slow."""
        self._bytes += size
        passed = time.monotonic() - self._since
        if passed < self._window:
            return
        if self._bytes < self._rate * passed:
            raise TooSlowError(f"only {self._bytes / passed:.0f} bytes/s arrive")
        self._since, self._bytes = time.monotonic(), 0


def read_body(
    response: requests.Response, *, pace: Pace | None, stop: threading.Event
) -> Iterator[bytes]:
    """Yield the bytes of an answer as they come over the network, not unpacked.

    Parameters
    ----------
    response
        An answer whose body is unread.
    pace
        What calls the transfer too slow; None: nothing does.
    stop
        When set, no more bytes are read.

    Raises
    ------
    SetbackError
        If the connection breaks, stays silent or ends before the told length.
    TooSlowError
        If `pace` says so.
    StoppedError
        If `stop` is set.
    """
    while True:
        try:
            chunk = response.raw.read1(_MOST_AT_ONCE, decode_content=False)
        except (HTTPError, OSError) as error:
            raise SetbackError(reason_of(error)) from error
        if stop.is_set():
            raise StoppedError
        if not chunk:
            return
        if pace is not None:
            pace.count(len(chunk))
        yield chunk


def with_checked_start(chunks: Iterator[bytes], check: Callable[[bytes], None]) -> Iterator[bytes]:
    """Yield `chunks`, the first one after `check` has seen the first `HEAD` bytes (or all, if fewer)."""
    head = b""
    for chunk in chunks:
        head += chunk
        if len(head) >= HEAD:
            break
    check(head[:HEAD])
    yield head
    yield from chunks
