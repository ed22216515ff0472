"""One HTTP request: redirects, time limits, and which faults may pass."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.exceptions import ChunkedEncodingError

from claster.errors import ClasterError, one_line
from claster.remote.faults import NoAnswerError, SetbackError
from claster.remote.patience import Patience

__all__ = ["ask_length", "host_of", "open_session", "reason_of", "send"]

_MOST_REDIRECTS = 10


def open_session(*, connections: int = 4) -> requests.Session:
    """Return a session that several threads may share.

    Proxies and certificates come from the environment (``https_proxy``, ``no_proxy``,
    ``REQUESTS_CA_BUNDLE``).

    Parameters
    ----------
    connections
        How many connections to a server are kept open.
    """
    session = requests.Session()
    adapter = HTTPAdapter(pool_maxsize=connections)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
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


@contextmanager
def send(
    session: requests.Session,
    url: str,
    *,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    named: str,
    patience: Patience,
) -> Iterator[requests.Response]:
    """Send one request and yield the answer with its body unread.

    Redirects are followed, never from https down to http.

    Parameters
    ----------
    session
        From `open_session`.
    url
        The address.
    method, headers
        Of the request.
    named
        What the user calls the file, for the message.
    patience
        Time limits.

    Raises
    ------
    NoAnswerError
        If there is none, for a reason that may pass.
    ClasterError
        If there is none that time would mend: a bad address or certificate, endless redirects.
    """
    try:
        request = session.prepare_request(requests.Request(method, url, headers=headers))
    except requests.RequestException as error:
        raise _useless(url, error, named) from error
    for _ in range(_MOST_REDIRECTS):
        response = _send_once(session, request, named, patience)
        with response:
            if response.next is None:
                yield response
                return
            _refuse_downgrade(request, response.next, named)
            request = response.next
    raise ClasterError(
        f"{named}: {url} redirects more than {_MOST_REDIRECTS} times",
        remedy="check the address in 'downloads' of the dataset's YAML",
    )


def ask_length(session: requests.Session, url: str, *, patience: Patience) -> int | None:
    """Return the length in bytes that a server tells for a file, or None where it tells none."""
    try:
        with send(session, url, method="HEAD", named=url, patience=patience) as response:
            length = response.headers.get("Content-Length", "")
    except (ClasterError, SetbackError):
        return None
    return int(length) if response.ok and length.isdecimal() else None


def reason_of(error: BaseException) -> str:
    """Return what is behind a network library's error, in a few words."""
    innermost = _innermost(error)
    return getattr(innermost, "strerror", None) or one_line(innermost) or type(innermost).__name__


def _innermost(error: BaseException) -> BaseException:
    while inner := error.__cause__ or error.__context__:
        error = inner
    return error


def _send_once(
    session: requests.Session,
    request: requests.PreparedRequest,
    named: str,
    patience: Patience,
) -> requests.Response:
    surroundings = session.merge_environment_settings(
        str(request.url), {}, stream=True, verify=None, cert=None
    )
    try:
        return session.send(
            request,
            allow_redirects=False,
            timeout=(patience.connect, patience.read),
            **surroundings,
        )
    except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError) as error:
        if isinstance(_innermost(error), ssl.SSLCertVerificationError):
            raise ClasterError(
                f"{named}: the certificate of {host_of(request.url or '')} is not accepted "
                f"({reason_of(error)})",
                remedy="check the date of this machine, and set REQUESTS_CA_BUNDLE where the network "
                "has its own certificate",
            ) from error
        raise NoAnswerError(reason_of(error)) from error
    except requests.RequestException as error:
        raise _useless(str(request.url), error, named) from error


def _useless(url: str, error: requests.RequestException, named: str) -> ClasterError:
    return ClasterError(
        f"{named}: {url} cannot be asked for ({one_line(error)})",
        remedy="check the address in 'downloads' of the dataset's YAML",
    )


def _refuse_downgrade(
    request: requests.PreparedRequest, following: requests.PreparedRequest, named: str
) -> None:
    if urlsplit(request.url).scheme == "https" and urlsplit(following.url).scheme != "https":
        raise ClasterError(
            f"{named}: {request.url} redirects to {following.url}, which is not encrypted",
            remedy="check the address in 'downloads' of the dataset's YAML",
        )
