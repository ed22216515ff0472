"""Receive a file from a server that may fail at any time, until it is whole."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import requests

from claster.errors import ClasterError
from claster.files import require_disk
from claster.formats import FileFormat, check_start
from claster.progress import Step
from claster.remote.answer import Answer, read_answer
from claster.remote.body import Pace, read_body, with_checked_start
from claster.remote.faults import (
    NoAnswerError,
    SetbackError,
    StartOverError,
    StoppedError,
    TooSlowError,
    UnreachableError,
)
from claster.remote.journal import Journal
from claster.remote.partial import Partial
from claster.remote.patience import Patience, wait_before
from claster.remote.request import host_of, send

__all__ = ["Wanted", "receive"]

_SHOW_EVERY = 0.1


@dataclass(frozen=True)
class Wanted:
    """A file to fetch, and what is known about it.

    `final` is where it shall be; a name that ends in ``.gz`` means gzip around `format`. `named` is what
    the user calls it. Where `size` (bytes) or `sha256` are known, `known_from` says from where and `remedy`
    what to do when the server has another file.
    """

    url: str
    final: Path
    format: FileFormat
    named: str
    size: int | None = None
    sha256: str | None = None
    known_from: str = "the dataset's YAML"
    remedy: str = "ask the archive whether the file was replaced, then mend the YAML"

    @property
    def gzipped(self) -> bool:
        """Whether gzip is around the file."""
        return self.final.name.endswith(".gz")


def receive(
    partial: Partial,
    wanted: Wanted,
    *,
    session: requests.Session,
    step: Step,
    patience: Patience,
    stop: threading.Event,
) -> None:
    """Fill `partial` until it is as long as the server tells.

    Raises
    ------
    ClasterError
        If the server offers something else, answers in contradiction twice, or fails too often.
    UnreachableError
        If it has never answered.
    StoppedError
        If `stop` was set.
    OSError
        If the disk refuses.
    """
    began, furthest = time.monotonic(), partial.length
    failures = slow = 0
    answered = has_started_over = False
    while not partial.is_whole:
        try:
            window = patience.slow_window * 2.0**slow
            _receive_once(partial, wanted, session, step, patience, window, stop)
        except StartOverError as fault:
            if has_started_over:
                raise ClasterError(
                    f"{wanted.named}: {fault}, also from the start on, at {wanted.url}",
                    remedy="try again later, or take the file from another address",
                ) from fault
            has_started_over = True
            _clear(partial, step)
        except SetbackError as fault:
            answered = answered or not isinstance(fault, NoAnswerError)
            failures = 1 if partial.length > furthest else failures + 1
            furthest = max(furthest, partial.length)
            if isinstance(fault, TooSlowError):
                slow += 1
                continue
            wait = wait_before(failures, asked=fault.wait, patience=patience)
            late = time.monotonic() - began + wait > patience.unreached
            if not answered and (late or failures >= patience.attempts):
                raise UnreachableError(host_of(wanted.url), reason=fault.reason) from fault
            if failures >= patience.attempts:
                raise ClasterError(
                    f"{wanted.named}: {fault.reason}, {failures} times in a row, from {wanted.url}",
                    remedy="run the same command again later; what has arrived is kept",
                ) from fault
            step.describe(f"{fault.reason}: attempt {failures + 1} in {wait:.0f} s")
            if stop.wait(wait):
                raise StoppedError from fault
            step.describe("")


def _receive_once(
    partial: Partial,
    wanted: Wanted,
    session: requests.Session,
    step: Step,
    patience: Patience,
    window: float,
    stop: threading.Event,
) -> None:
    """Ask for what is missing and append it."""
    validator = partial.journal.validator
    start = partial.length if validator is not None else 0
    headers = {"Range": f"bytes={start}-", "If-Range": str(validator)} if start else {}
    with send(
        session, wanted.url, headers=headers, named=wanted.named, patience=patience
    ) as response:
        answer = read_answer(
            response.status_code,
            response.headers,
            url=wanted.url,
            asked_from=start,
            named=wanted.named,
        )
        _refuse_unfit(answer, wanted, here=partial.length)
        pace = Pace(rate=patience.slow_rate, window=window) if answer.can_resume else None
        chunks = read_body(response, pace=pace, stop=stop)
        if answer.start:
            _join(partial, answer)
        else:
            chunks = _checked(chunks, wanted)
            first = next(chunks)  # before what is here gives way
            _clear(partial, step, answer.journal)
            chunks = chain([first], chunks)
        step.expect(partial.journal.total or wanted.size)
        _append(partial, chunks, step)
    _end(partial, wanted)


def _refuse_unfit(answer: Answer, wanted: Wanted, *, here: int) -> None:
    """Refuse a file of another size, and one that does not fit on the disk."""
    total = answer.journal.total
    if None not in (total, wanted.size) and total != wanted.size:
        raise ClasterError(
            f"{wanted.named}: the server offers {total} bytes where {wanted.known_from} says "
            f"{wanted.size}, at {wanted.url}",
            remedy=wanted.remedy,
        )
    if answer.length is not None:
        growth = answer.start + answer.length - here
        require_disk(wanted.final.parent, needed=growth, named=wanted.named)


def _checked(chunks: Iterator[bytes], wanted: Wanted) -> Iterator[bytes]:
    return with_checked_start(
        chunks,
        lambda head: check_start(
            head, format=wanted.format, gzipped=wanted.gzipped, named=wanted.named
        ),
    )


def _join(partial: Partial, answer: Answer) -> None:
    if not partial.journal.is_same_file(answer.journal):
        raise StartOverError("the server has another file now")
    partial.continue_with(total=answer.journal.total)


def _clear(partial: Partial, step: Step, journal: Journal | None = None) -> None:
    step.advance(-partial.length)
    partial.begin(journal or Journal(url=partial.journal.url))


def _append(partial: Partial, chunks: Iterator[bytes], step: Step) -> None:
    """Append what comes; the step hears of it now and then."""
    total = partial.journal.total
    shown, due = partial.length, time.monotonic() + _SHOW_EVERY
    try:
        for chunk in chunks:
            if total is not None and partial.length + len(chunk) > total:
                raise StartOverError(f"more than the told {total} bytes came")
            partial.append(chunk)
            if (now := time.monotonic()) >= due:
                step.advance(partial.length - shown)
                shown, due = partial.length, now + _SHOW_EVERY
    finally:
        step.advance(partial.length - shown)


def _end(partial: Partial, wanted: Wanted) -> None:
    """Judge an answer that has ended without a fault."""
    total = partial.journal.total or wanted.size
    if total is not None and partial.length < total:
        raise SetbackError(f"the answer ended at byte {partial.length} of {total}")
    if partial.journal.total is None:
        partial.end_here()
