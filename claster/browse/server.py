"""A small HTTP server for this machine alone: the listed files, with ranges, and nothing else."""

import errno
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Literal
from urllib.parse import unquote, urlsplit

from claster.errors import ClasterError

_HOST = "127.0.0.1"
_NAMES = (_HOST, "localhost")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_BLOCK = 1 << 16
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self' "
    "'unsafe-inline'; connect-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Served:
    """Something that is served: a file, or bytes; and its media type."""

    content: Path | bytes
    type: str = "application/octet-stream"


def _wanted_range(header: str | None, size: int) -> tuple[int, int] | Literal["whole", "outside"]:
    """Return the bytes ``[start, end)`` that a Range header asks for.

    A header that is missing, cannot be read or asks for several ranges stands for the whole.

    References
    ----------
    RFC 9110, section 14.

    Examples
    --------
    >>> _wanted_range("bytes=2-4", 10), _wanted_range("bytes=-3", 10), _wanted_range("bytes=10-", 10)
    ((2, 5), (7, 10), 'outside')
    """
    found = _RANGE.fullmatch(header or "")
    if found is None or found.groups() == ("", ""):
        return "whole"
    first, last = found.groups()
    if first == "":
        return (max(size - int(last), 0), size) if int(last) and size else "outside"
    start, end = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return "whole"
    return (start, end) if start < size else "outside"


@contextmanager
def serve(served: Mapping[str, Served], *, port: int = 0) -> Iterator[str]:
    """Serve what is listed, to this machine alone, while the context is open.

    Requests that name another host are refused, so that no web page can read the files by giving this
    machine a name of its own.

    Parameters
    ----------
    served
        What is served by its path, ``/`` and so on.
    port
        The port; 0 takes a free one.

    Yields
    ------
    str
        The address of the server, with a final slash.

    Raises
    ------
    ClasterError
        If another program uses the port.
    """

    class Handler(_Handler):
        listed = served

    try:
        server = ThreadingHTTPServer((_HOST, port), Handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        raise ClasterError(
            f"port {port} of {_HOST} is taken or not allowed", remedy="choose another --port"
        ) from error
    with server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{_HOST}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    listed: Mapping[str, Served]
    protocol_version = "HTTP/1.1"
    server_version = "claster"
    sys_version = ""
    timeout = 120

    def do_GET(self) -> None:
        """Send a file or the range of it that is asked for."""
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        """Send the headers of a file."""
        self._answer(with_body=False)

    def log_message(self, format: str, *args: object) -> None:
        """Write no line a request."""

    def _answer(self, *, with_body: bool) -> None:
        name, _, port = (self.headers.get("Host") or "").partition(":")
        if name not in _NAMES or port not in ("", str(self.connection.getsockname()[1])):
            self.send_error(HTTPStatus.FORBIDDEN, "unknown host")
            return
        asked = self.listed.get(unquote(urlsplit(self.path).path))
        if asked is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        try:
            with _opened(asked.content) as source:
                self._send(source, asked.type, with_body=with_body)
        except FileNotFoundError:
            self.send_error(HTTPStatus.NOT_FOUND)
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the browser went on to another place

    def _send(self, source: BinaryIO, type: str, *, with_body: bool) -> None:
        size = source.seek(0, 2)
        wanted = _wanted_range(self.headers.get("Range"), size)
        if wanted == "outside":
            self.send_response(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
            self.send_header("Content-Range", f"bytes */{size}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if isinstance(wanted, str):
            start, end = 0, size
            self.send_response(HTTPStatus.OK)
        else:
            start, end = wanted
            self.send_response(HTTPStatus.PARTIAL_CONTENT)
            self.send_header("Content-Range", f"bytes {start}-{end - 1}/{size}")
        for header, value in _HEADERS.items():
            self.send_header(header, value)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(end - start))
        self.end_headers()
        source.seek(start)
        left = end - start if with_body else 0
        while left and (block := source.read(min(_BLOCK, left))):
            self.wfile.write(block)
            left -= len(block)


def _opened(content: Path | bytes) -> BinaryIO:
    return BytesIO(content) if isinstance(content, bytes) else content.open("rb")
