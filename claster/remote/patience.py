"""How long to wait for a server, and how often to try again."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["USUAL_PATIENCE", "Patience", "date_of", "retry_after", "wait_before"]


@dataclass(frozen=True)
class Patience:
    """Every time and number that decides when a transfer is given up; seconds unless said otherwise.

    `attempts` failures in a row, without a new byte in between, end a transfer. `connect` and `read` are
    the longest silences while connecting and while receiving. Where a server has never answered, no new
    attempt begins after `unreached`. Waits between attempts start at `first_wait` and double up to
    `longest_wait`, which also caps what a server asks for (``Retry-After``). A transfer below
    `slow_rate` bytes/s over `slow_window` is reconnected; each time the window doubles, so that a link
    that is slow for good still gets there. What has arrived is made safe against a power cut every
    `flush_every`. After an interrupt, `grace` is left for what is going on.
    """

    attempts: int = 8
    connect: float = 5.0
    read: float = 30.0
    unreached: float = 5.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    slow_rate: float = 4096.0
    slow_window: float = 30.0
    flush_every: float = 2.0
    grace: float = 2.0


USUAL_PATIENCE = Patience()


def wait_before(attempt: int, *, asked: float | None, patience: Patience) -> float:
    """Return the seconds to wait before another attempt.

    Parameters
    ----------
    attempt
        How many attempts have failed in a row, from 1.
    asked
        What the server asked for, in seconds, or None.
    patience
        First and longest wait.

    Returns
    -------
    float
        At least half of the doubled wait, the rest by chance, so that many clients do not return
        at once.
    """
    longest = min(patience.longest_wait, patience.first_wait * 2.0 ** (attempt - 1))
    wait = longest * random.uniform(0.5, 1.0)
    return max(wait, min(asked or 0.0, patience.longest_wait))


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3), or None.

    Examples
    --------
    >>> retry_after("120")
    120.0
    >>> retry_after("Fri, 31 Dec 1999 23:59:59 GMT")
    0.0
    >>> retry_after("soon")
    """
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    date = date_of(value)
    if date is None:
        return None
    return max((date - (now or datetime.now(UTC))).total_seconds(), 0.0)


def date_of(value: str | None) -> datetime | None:
    """Return the time of an HTTP date (RFC 9110, 5.6.7), or None where it is none."""
    if value is None:
        return None
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)
