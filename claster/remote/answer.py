"""What a server's answer says about the file: where its bytes start, how long it is, whose it is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from claster.errors import ClasterError
from claster.remote.faults import SetbackError, StartOverError
from claster.remote.journal import Journal
from claster.remote.patience import retry_after

__all__ = ["Answer", "read_answer"]

_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True)
class Answer:
    """The body's first byte within the file (0-based), its length where known, and the file's journal.

    `can_resume` tells whether another connection could ask for the rest.
    """

    start: int
    length: int | None
    journal: Journal
    can_resume: bool


def read_answer(
    status: int, headers: Mapping[str, str], *, url: str, asked_from: int, named: str
) -> Answer:
    """Judge status and headers of an answer to a request for bytes from `asked_from` on.

    Parameters
    ----------
    status, headers
        Of the answer; names of headers in any case.
    url
        The address that was asked for.
    asked_from
        First byte that was asked for (0-based); 0: the whole file, without ``Range``.
    named
        What the user calls the file, for the message.

    Returns
    -------
    Answer
        With `start` 0 (the whole file) or `asked_from`.

    Raises
    ------
    SetbackError
        For answers that may pass: 408, 425, 429, 500, 502, 503, 504.
    StartOverError
        If a range is refused (416) or is another than was asked for.
    ClasterError
        For every other status.

    Notes
    -----
    RFC 9110: 10.2.3 (Retry-After), 14.3 (Accept-Ranges), 14.4 (Content-Range), 15.3.7 (206), 15.5.17 (416).
    """
    if status in _MAY_PASS:
        raise SetbackError(_status(status), wait=retry_after(headers.get("Retry-After")))
    if status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and asked_from:
        raise StartOverError(f"the server has no bytes from {asked_from} on")
    length = _number(headers.get("Content-Length"))
    if status == HTTPStatus.OK:
        journal = _journal(headers, url, total=length)
        takes_ranges = headers.get("Accept-Ranges", "").lower() == "bytes"
        return Answer(0, length, journal, takes_ranges and journal.validator is not None)
    if status == HTTPStatus.PARTIAL_CONTENT and asked_from:
        first, last, total = _content_range(headers.get("Content-Range", ""))
        if first != asked_from or (length is not None and length != last - first + 1):
            raise StartOverError(f"bytes {first}-{last} came where {asked_from}- were asked for")
        return Answer(first, last - first + 1, _journal(headers, url, total=total), can_resume=True)
    raise ClasterError(
        f"{named}: the server answers {_status(status)} for {url}",
        remedy="check the address in 'downloads' of the dataset's YAML"
        + (", and whether the archive wants a login" if status in (401, 403) else ""),
    )


def _content_range(value: str) -> tuple[int, int, int | None]:
    """Return first byte, last byte (inclusive) and length of the whole file of a ``Content-Range``."""
    found = _RANGE.fullmatch(value.strip())
    if not found:
        raise StartOverError(f"a part came with Content-Range {value!r}")
    first, last = int(found[1]), int(found[2])
    total = _number(found[3])
    if last < first or (total is not None and last >= total):
        raise StartOverError(f"a part came with Content-Range {value!r}")
    return first, last, total


def _journal(headers: Mapping[str, str], url: str, *, total: int | None) -> Journal:
    return Journal(
        url=url,
        etag=headers.get("ETag"),
        last_modified=headers.get("Last-Modified"),
        date=headers.get("Date"),
        total=total,
    )


def _number(value: str | None) -> int | None:
    return int(value) if value is not None and value.isdecimal() else None


def _status(status: int) -> str:
    known = {entry.value: entry.phrase for entry in HTTPStatus}
    return f"{status} ({known[status]})" if status in known else str(status)
