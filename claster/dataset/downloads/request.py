"""One HTTP request: sent, answered, and its body read, with time limits and a way to end it from outside."""

import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError
from urllib3.util.retry import RequestHistory, Retry

from claster.errors import ClasterError, one_line

_MOST_REDIRECTS = 10
_MOST_AT_ONCE = 1 << 20
_NUMBER = re.compile("[0-9]{1,18}")


class SetbackError(Exception):
    """A fault that may pass; the server asks to be left alone for `wait` seconds."""

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        self.reason = reason
        self.wait = wait
        super().__init__(reason)


class TooSlowError(SetbackError):
    """Bytes arrive, but so slowly that another connection may be better."""


class StoppedError(Exception):
    """The transfer was told to stop; what has arrived is kept."""


@dataclass(frozen=True)
class Patience:
    """Every time and number that decides when a transfer is given up; seconds unless said otherwise.

    `attempts` failures in a row, without a new byte in between, end a transfer. `connect` and `read` are
    the longest silences while connecting and while receiving. Where a server has never answered, no new
    attempt begins after `unreached`. Waits between attempts start at `first_wait` and double up to
    `longest_wait`, which also caps what a server asks for (``Retry-After``). A transfer below `slow_rate`
    bytes/s over `slow_window` is reconnected; each time the window doubles, so that a link that is slow for
    good still gets there. What has arrived is made safe against a power cut every `flush_every`. After an
    interrupt, `grace` is left for what is going on.
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

    def retry(self) -> Retry:
        """Return what counts failures in a row and says how long to wait after each.

        urllib3 does not wait after a first failure. A server that breaks every connection after some bytes
        would be asked without a pause then, so that one failure counts as past already.
        """
        return Retry(
            total=self.attempts - 1,
            backoff_factor=self.first_wait / 2,
            backoff_max=self.longest_wait,
            backoff_jitter=self.first_wait / 2,  # many clients do not return at once
            history=(RequestHistory(None, None, None, None, None),),
        )


USUAL_PATIENCE = Patience()


class Stop(threading.Event):
    """Ends the transfers that share it, also those that wait for a silent server."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._reading: set[BaseHTTPResponse] = set()

    def set(self) -> None:
        """Tell the transfers to end."""
        with self._lock:
            super().set()
            for body in self._reading:
                with suppress(OSError, RuntimeError, ValueError):  # it has just ended by itself
                    body.shutdown()

    @contextmanager
    def reading(self, body: BaseHTTPResponse) -> Iterator[None]:
        """Let `set` wake the thread that reads `body` within the context."""
        with self._lock:
            self._reading.add(body)
        try:
            yield
        finally:
            with self._lock:
                self._reading.discard(body)


class _Session(requests.Session):
    """A session that does not follow a redirect from https down to http."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is not None and resp.url.startswith("https:"):
            following = urljoin(resp.url, target)
            if urlsplit(following).scheme != "https":
                raise requests.exceptions.InvalidSchema(
                    f"{resp.url} redirects to {following}, which is not encrypted"
                )
        return target


def open_session(*, connections: int = 4) -> requests.Session:
    """Return a session that several threads may share.

    Proxies and certificates come from the environment (``https_proxy``, ``no_proxy``,
    ``REQUESTS_CA_BUNDLE``).

    Parameters
    ----------
    connections
        How many connections to a server are kept open.
    """
    session = _Session()
    session.max_redirects = _MOST_REDIRECTS
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=connections))
    session.headers.update(
        {"User-Agent": f"claster/{version('claster')}", "Accept-Encoding": "identity"}
    )
    return session


def host_of(url: str) -> str:
    """Return the server of an address, with its port where that is given.

    Examples
    --------
    >>> host_of("https://ftp.ncbi.nlm.nih.gov/geo/file.bw")
    'ftp.ncbi.nlm.nih.gov'
    """
    return urlsplit(url).netloc.rpartition("@")[2]


def send(
    session: requests.Session,
    url: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    named: str,
    patience: Patience,
) -> requests.Response:
    """Send one request, follow redirects, and return the answer with its body unread.

    Parameters
    ----------
    named
        What the user calls the file, for the message.

    Raises
    ------
    SetbackError
        If there is no answer, for a reason that may pass.
    ClasterError
        If there is none, and waiting would not help: a bad address or certificate, endless redirects, or a
        redirect to an address without encryption.
    """
    remedy = "check the address in 'downloads' of the dataset's YAML"
    try:
        return session.request(
            method, url, headers=headers, stream=True, timeout=(patience.connect, patience.read)
        )
    except requests.TooManyRedirects as error:
        raise ClasterError(
            f"{named}: {url} redirects more than {_MOST_REDIRECTS} times", remedy=remedy
        ) from error
    except (
        requests.ConnectionError,
        requests.Timeout,
        requests.exceptions.ChunkedEncodingError,
    ) as error:
        reason = _reason_of(error)
        if isinstance(_innermost(error), ssl.SSLCertVerificationError):
            asked = str(error.request.url) if error.request is not None else url
            raise ClasterError(
                f"{named}: the certificate of {host_of(asked)} is not accepted ({reason})",
                remedy="check the date of this machine, and set REQUESTS_CA_BUNDLE where the network "
                "has its own certificate",
            ) from error
        raise SetbackError(reason) from error
    except requests.RequestException as error:
        raise ClasterError(
            f"{named}: {url} is not an address that a server answers ({one_line(error)})",
            remedy=remedy,
        ) from error


def read_body(
    response: requests.Response, *, stop: Stop, slow_rate: float, slow_window: float
) -> Iterator[bytes]:
    """Yield the bytes of an answer as they come over the network, not unpacked.

    Parameters
    ----------
    slow_rate, slow_window
        Fewer bytes/s than this, over so many seconds, are too slow.

    Raises
    ------
    SetbackError
        If the connection breaks, stays silent or ends before the told length; `TooSlowError` if it is too
        slow.
    StoppedError
        If `stop` is set.
    """
    since, received = time.monotonic(), 0
    with stop.reading(response.raw):
        while not stop.is_set():
            try:
                chunk = response.raw.read1(_MOST_AT_ONCE, decode_content=False)
            except (HTTPError, OSError, ValueError) as error:
                if stop.is_set():  # which has shut a TLS connection: a ValueError
                    break
                raise SetbackError(_reason_of(error)) from error
            if stop.is_set():  # the chunk may be cut, or still encrypted
                break
            if not chunk:
                return
            received += len(chunk)
            if (passed := time.monotonic() - since) >= slow_window:
                if received < slow_rate * passed:
                    raise TooSlowError(f"only {received / passed:.0f} bytes/s arrive")
                since, received = time.monotonic(), 0
            yield chunk
    raise StoppedError


def number_in(header: str | None) -> int | None:
    """Return the number that a header states, or None."""
    return int(header) if header is not None and _NUMBER.fullmatch(header) else None


def _reason_of(error: BaseException) -> str:
    """Return what is behind a network library's error, in a few words."""
    innermost = _innermost(error)
    return getattr(innermost, "strerror", None) or one_line(innermost) or type(innermost).__name__


def _innermost(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error
