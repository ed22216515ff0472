"""Fetch one file: resumed after any interruption, verified, and whole under its name or not there."""

import errno
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass

import requests

from claster.errors import ClasterError
from claster.formats import check_whole
from claster.progress import Step
from claster.remote.journal import Journal
from claster.remote.partial import Partial, bytes_kept
from claster.remote.patience import USUAL_PATIENCE, Patience
from claster.remote.receive import Wanted, receive

__all__ = ["Fetched", "Wanted", "fetch"]

_FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@dataclass(frozen=True)
class Fetched:
    """A file as it arrived: size in bytes, SHA-256, the server's headers, time of its last byte in ns."""

    url: str
    size: int
    sha256: str
    etag: str | None
    last_modified: str | None
    mtime_ns: int


def fetch(
    wanted: Wanted,
    *,
    session: requests.Session,
    step: Step,
    patience: Patience = USUAL_PATIENCE,
    stop: threading.Event | None = None,
    before_rename: Callable[[Fetched], None] = lambda _: None,
) -> Fetched:
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
        From `claster.remote.request.open_session`.
    step
        Where bytes are counted; they are taken back when a transfer starts over.
    patience
        When to try again and when to give up.
    stop
        When set from another thread, the transfer ends soon and keeps what has arrived.
    before_rename
        Called when the file is whole, verified and safe on disk, but not yet under its name.

    Returns
    -------
    Fetched

    Raises
    ------
    ClasterError
        If the server offers something else, the file is not what was expected, the disk is full, or too
        many attempts have failed; bytes that can be built on are kept.
    UnreachableError
        If the server has never answered.
    StoppedError
        If `stop` was set.

    Notes
    -----
    RFC 9110: 13.1.5 (If-Range), 14 (range requests).
    """
    stop = stop or threading.Event()
    total = wanted.size
    try:
        with Partial(
            wanted.final, url=wanted.url, flush_every=patience.flush_every, stop=stop
        ) as partial:
            step.expect(partial.journal.total or wanted.size)
            step.advance(partial.length)
            try:
                fetched = _fetch_verified(
                    partial, wanted, session=session, step=step, patience=patience, stop=stop
                )
            finally:
                total = partial.journal.total
            before_rename(fetched)
            partial.rename()
    except OSError as error:
        raise _explain(error, wanted, total) from error
    return fetched


def _fetch_verified(
    partial: Partial,
    wanted: Wanted,
    *,
    session: requests.Session,
    step: Step,
    patience: Patience,
    stop: threading.Event,
) -> Fetched:
    """Receive and verify; a wrong file that came in pieces gets one more chance, from its start."""
    second = False
    while True:
        receive(partial, wanted, session=session, step=step, patience=patience, stop=stop)
        try:
            return _verify(partial, wanted)
        except ClasterError:
            if second or not partial.resumed:
                partial.discard()
                raise
        second = True
        step.advance(-partial.length)
        partial.begin(Journal(url=wanted.url))


def _verify(partial: Partial, wanted: Wanted) -> Fetched:
    sha256 = partial.sha256()
    if wanted.size not in (None, partial.length):
        raise ClasterError(
            f"{wanted.named}: {partial.length} bytes came where {wanted.known_from} says {wanted.size}",
            remedy=wanted.remedy,
        )
    check_whole(
        partial.path,
        format=wanted.format,
        named=wanted.named,
        gzipped=wanted.gzipped,
        deep=wanted.sha256 is None,
    )
    if wanted.sha256 not in (None, sha256):
        raise ClasterError(
            f"{wanted.named}: SHA-256 {sha256} came where {wanted.known_from} says {wanted.sha256}",
            remedy=wanted.remedy,
        )
    return Fetched(
        url=wanted.url,
        size=partial.length,
        sha256=sha256,
        etag=partial.journal.etag,
        last_modified=partial.journal.last_modified,
        mtime_ns=partial.modified_ns(),
    )


def _explain(error: OSError, wanted: Wanted, total: int | None) -> ClasterError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    folder = wanted.final.parent
    if error.errno not in _FULL_DISK:
        return ClasterError(
            f"{wanted.named}: {reason} while writing to {folder}",
            remedy="check the folder and its disk, then run the same command again",
        )
    kept = bytes_kept(wanted.final, url=wanted.url)
    missing = (
        f"{total - kept} of {total} bytes are missing" if total is not None else "it is not whole"
    )
    return ClasterError(
        f"{wanted.named}: {reason} in {folder}, {missing}",
        remedy="free disk space and run the same command again; what has arrived is kept",
    )
