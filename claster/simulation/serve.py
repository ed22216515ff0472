"""A toy genome's files over HTTP on this machine, as a public archive serves its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

__all__ = ["serve_folder"]


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Write no line a request."""


@contextmanager
def serve_folder(folder: Path | str) -> Iterator[str]:
    """Serve the files below a folder on a free port of this machine while the context is open.

    Parameters
    ----------
    folder
        The folder; nothing outside it is served, and only this machine can ask.

    Yields
    ------
    str
        The address that stands for `folder`, without a final slash.
    """
    handler = partial(_Quiet, directory=str(Path(folder).resolve()))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
