"""Fetch one file: resumed after any interruption, verified, and whole under its name or not there."""

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from itertools import chain
from math import inf

import requests
from urllib3.exceptions import InvalidHeader, MaxRetryError
from urllib3.util import Retry

from claster.dataset.downloads.partial import Journal, Partial, find_partial
from claster.dataset.downloads.receipts import Receipt, Wanted, verify
from claster.dataset.downloads.request import (
    USUAL_PATIENCE,
    Patience,
    SetbackError,
    Stop,
    StoppedError,
    TooSlowError,
    host_of,
    number_in,
    read_body,
    send,
)
from claster.errors import ClasterError
from claster.files import require_disk
from claster.formats import HEAD, require_start
from claster.progress import Step

_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_SHOW_EVERY = 0.1


class UnreachableError(ClasterError):
    """The server `host` has never answered; `reason` is what the last attempt met."""

    def __init__(self, host: str, *, reason: str) -> None:
        self.host = host
        self.reason = reason
        super().__init__(f"no answer from {host} ({reason})", remedy="check the network")


class _StartOverError(Exception):
    """The server's answer does not fit the bytes that are here."""


def fetch(
    wanted: Wanted,
    *,
    session: requests.Session,
    step: Step,
    patience: Patience = USUAL_PATIENCE,
    stop: Stop | None = None,
    before_rename: Callable[[Receipt], None] = lambda _: None,
) -> Receipt:
    """Bring a file to its place, over one connection at a time.

    Bytes arrive in ``.<name>.part`` beside the final file, with a journal ``.<name>.part.json``. A later
    call asks for the rest only, provided that the server vouches for it being the same file. Nothing is
    under the final name before length, first and last bytes and SHA-256 are checked (a gzip file without a
    known SHA-256 is unpacked once) and all bytes are on disk. The final file is read-only.

    Parameters
    ----------
    wanted
        The file; what is under its final name is replaced.
    session
        From `claster.dataset.downloads.request.open_session`.
    step
        Where bytes are counted; they are taken back when a transfer starts over.
    patience
        When to try again and when to give up.
    stop
        When set from another thread, the transfer ends soon and keeps what has arrived.
    before_rename
        Called when the file is whole, verified and safe on disk, but not yet under its name.

    Raises
    ------
    ClasterError
        If the server offers something else, the file is not what was expected, the disk is full, or too
        many attempts have failed; bytes that can be built on are kept. `UnreachableError` if the server has
        never answered.
    StoppedError
        If `stop` was set.

    Notes
    -----
    RFC 9110: 10.2.3 (Retry-After), 13.1.5 (If-Range), 14 (range requests).
    """
    total = wanted.size
    try:
        with Partial(wanted.final, url=wanted.url, flush_every=patience.flush_every) as partial:
            try:
                receipt = _Transfer(partial, wanted, session, step, patience, stop or Stop()).run()
            finally:
                total = partial.journal.total or total
            before_rename(receipt)
            partial.rename()
    except OSError as error:
        raise _disk_error(error, wanted, total) from error
    return receipt


@dataclass
class _Transfer:
    """One file on its way."""

    partial: Partial
    wanted: Wanted
    session: requests.Session
    step: Step
    patience: Patience
    stop: Stop
    has_answered: bool = False
    slow_windows: int = 0

    def run(self) -> Receipt:
        """Receive the file and verify it."""
        self.step.expect(self.partial.journal.total or self.wanted.size)
        self.step.advance(self.partial.length)
        self._receive()
        if self.partial.resumed:  # the pieces may not belong together: if so, once from the start
            with suppress(ClasterError):
                return self._verify()
            self._start_over()
            self._receive()
        try:
            return self._verify()
        except ClasterError:
            self.partial.discard()
            raise

    def _receive(self) -> None:
        """Ask for what is missing until the file is as long as the server tells."""
        partial, wanted, patience = self.partial, self.wanted, self.patience
        retry, furthest = patience.retry(), partial.length
        deadline = time.monotonic() + patience.unreached
        has_started_over = False
        while partial.length != partial.journal.total:
            try:
                self._ask()
            except _StartOverError as fault:
                if has_started_over:
                    raise ClasterError(
                        f"{wanted.named}: {fault}, also from the start on, at {wanted.url}",
                        remedy="try again later, or take the file from another address",
                    ) from fault
                has_started_over = True
                self._start_over()
            except TooSlowError:
                self.slow_windows += 1
            except SetbackError as fault:
                if partial.length > furthest:
                    retry, furthest = patience.retry(), partial.length
                retry = self._wait(fault, retry, deadline)

    def _wait(self, fault: SetbackError, retry: Retry, deadline: float) -> Retry:
        """Wait before another attempt, or give up; at `deadline` if the server has never answered."""
        wanted, wait = self.wanted, inf
        with suppress(MaxRetryError):
            retry = retry.increment(error=fault)
            wait = max(retry.get_backoff_time(), min(fault.wait, self.patience.longest_wait))
        if not self.has_answered and (wait == inf or time.monotonic() + wait > deadline):
            raise UnreachableError(host_of(wanted.url), reason=fault.reason) from fault
        if wait == inf:
            raise ClasterError(
                f"{wanted.named}: {fault.reason}, {self.patience.attempts} times in a row, "
                f"from {wanted.url}",
                remedy="run the same command again later; what has arrived is kept",
            ) from fault
        self.partial.flush()  # a kill may come in what is a long wait
        self.step.describe(f"{fault.reason}: attempt {len(retry.history)} in {wait:.0f} s")
        if self.stop.wait(wait):
            raise StoppedError from fault
        self.step.describe("")
        return retry

    def _ask(self) -> None:
        """Send one request for what is missing and append what comes."""
        partial, wanted, patience = self.partial, self.wanted, self.patience
        validator = partial.journal.validator
        start = partial.length if validator else 0
        headers = {"Range": f"bytes={start}-", "If-Range": str(validator)} if start else {}
        with send(
            self.session, wanted.url, headers=headers, named=wanted.named, patience=patience
        ) as response:
            self.has_answered = True
            journal = self._judge(response, start)
            is_rest = response.status_code == HTTPStatus.PARTIAL_CONTENT
            has_ranges = response.headers.get("Accept-Ranges", "").lower() == "bytes"
            can_resume = is_rest or (journal.validator is not None and has_ranges)
            chunks = read_body(
                response,
                stop=self.stop,
                slow_rate=patience.slow_rate if can_resume else 0.0,
                slow_window=patience.slow_window * 2.0**self.slow_windows,
            )
            if is_rest:
                partial.resumed = True
                partial.expect(journal.total)
            else:
                head = self._checked_head(chunks)  # before what is here gives way
                self._start_over(journal)
                chunks = chain([head], chunks)
            self.step.expect(partial.journal.total or wanted.size)
            self._append(chunks)
        total = partial.journal.total or wanted.size
        if total is not None and partial.length < total:
            raise SetbackError(f"the answer ended at byte {partial.length} of {total}")
        partial.expect(partial.journal.total or partial.length)

    def _judge(self, response: requests.Response, start: int) -> Journal:
        """Return the journal of the file that an answer brings, whole or (206) from `start` on."""
        status, headers, wanted = response.status_code, response.headers, self.wanted
        if status in _MAY_PASS:
            wait = 0.0
            with suppress(InvalidHeader, ValueError, OverflowError):  # not to be read: none
                wait = Retry().parse_retry_after(headers.get("Retry-After", "0"))
            raise SetbackError(_named(status), wait=wait)
        if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            raise _StartOverError(f"the server has no bytes from {start} on")
        total = length = number_in(headers.get("Content-Length"))
        if status == HTTPStatus.PARTIAL_CONTENT and start:
            total = _total_of_part(headers.get("Content-Range", ""), start=start, length=length)
        elif status != HTTPStatus.OK:
            login = ", and whether the archive wants a login" if status in (401, 403) else ""
            raise ClasterError(
                f"{wanted.named}: the server answers {_named(status)} for {wanted.url}",
                remedy=f"check the address in {wanted.address_from}{login}",
            )
        journal = Journal(
            url=wanted.url,
            etag=headers.get("ETag"),
            last_modified=headers.get("Last-Modified"),
            date=headers.get("Date"),
            total=total,
        )
        if status != HTTPStatus.OK and not self.partial.journal.is_same_file(journal):
            raise _StartOverError("the server has another file now")
        if None not in (total, wanted.size) and total != wanted.size:
            raise ClasterError(
                f"{wanted.named}: the server offers {total} bytes where {wanted.known_from} says "
                f"{wanted.size}, at {wanted.url}",
                remedy=wanted.remedy,
            )
        if total is not None:
            growth = total - self.partial.length
            require_disk(wanted.final.parent, needed=growth, named=wanted.named)
        return journal

    def _checked_head(self, chunks: Iterator[bytes]) -> bytes:
        """Return the first chunks, at least `HEAD` bytes of a file that is that long."""
        wanted, head = self.wanted, b""
        for chunk in chunks:
            head += chunk
            if len(head) >= HEAD:
                break
        if wanted.format is not None:
            require_start(
                head[:HEAD], format=wanted.format, gzipped=wanted.gzipped, named=wanted.named
            )
        return head

    def _start_over(self, journal: Journal | None = None) -> None:
        self.step.advance(-self.partial.length)
        self.partial.begin(journal or Journal(url=self.wanted.url))

    def _append(self, chunks: Iterator[bytes]) -> None:
        """Append what comes; the step hears of it now and then."""
        partial = self.partial
        shown, due = partial.length, time.monotonic() + _SHOW_EVERY
        try:
            for chunk in chunks:
                total = partial.journal.total
                if total is not None and partial.length + len(chunk) > total:
                    raise _StartOverError(f"more bytes came than the {total} that were announced")
                partial.append(chunk)
                if (now := time.monotonic()) >= due:
                    self.step.advance(partial.length - shown)
                    shown, due = partial.length, now + _SHOW_EVERY
        finally:
            self.step.advance(partial.length - shown)

    def _verify(self) -> Receipt:
        partial = self.partial
        arrived = partial.sha256(stop=self.stop)
        partial.flush()
        return verify(
            partial.path, self.wanted, how="downloaded", arrived=arrived, journal=partial.journal
        )


def _total_of_part(content_range: str, *, start: int, length: int | None) -> int | None:
    """Return the length of the whole file that a part tells; the part must be what was asked for."""
    found = _RANGE.fullmatch(content_range.strip())
    if found:
        first, last, total = int(found[1]), int(found[2]), number_in(found[3])
    if not found or last < first or (total is not None and last >= total):
        raise _StartOverError(f"a part came with Content-Range {content_range!r}")
    if first != start or length not in (None, last - first + 1):
        raise _StartOverError(f"bytes {first}-{last} came where {start}- were asked for")
    return total


def _named(status: int) -> str:
    known = {entry.value: entry.phrase for entry in HTTPStatus}
    return f"{status} ({known[status]})" if status in known else str(status)


def _disk_error(error: OSError, wanted: Wanted, total: int | None) -> ClasterError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    folder = wanted.final.parent
    if error.errno not in _FULL_DISK:
        return ClasterError(
            f"{wanted.named}: {reason} while writing to {folder}",
            remedy="check the folder and its disk, then run the same command again",
        )
    kept, _ = find_partial(wanted.final, url=wanted.url)
    missing = "it is not whole" if total is None else f"{total - kept} of {total} bytes are missing"
    return ClasterError(
        f"{wanted.named}: {reason} in {folder}, {missing}",
        remedy="free disk space and run the same command again; what has arrived is kept",
    )
