"""An archive on this machine that fails in every way that archives do."""

import socket
import struct
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest

from claster.dataset.downloads.fetch import fetch
from claster.dataset.downloads.receipts import Wanted
from claster.dataset.downloads.request import Patience, open_session
from claster.dataset.spec import DatasetSpec

MAGIC = struct.pack("<I", 0x888FFC26)
OLD = formatdate(1_000_000_000, usegmt=True)


def bigwig_bytes(size, seed=0):
    """Bytes with the start and the end of a bigWig file."""
    inner = np.random.default_rng(seed).bytes(size - 8)
    return MAGIC + inner + MAGIC


@dataclass
class Held:
    """A file of the archive."""

    content: bytes
    etag: str | None = '"v1"'
    last_modified: str | None = OLD
    ranges: bool = True
    rate: float | None = None  # bytes/s
    faults: list = field(default_factory=list)


class Archive:
    """A server whose files are `put`, whose next answers are spoilt by `fail`, and that keeps a log."""

    def __init__(self, server):
        self.files = {}
        self.log = []
        self.open = self.most_open = 0
        self.lock = threading.Lock()
        self.address = f"http://127.0.0.1:{server.server_port}"

    def put(self, path, content, **options):
        self.files[path] = Held(content, **options)
        return self.address + path

    def fail(self, path, *faults):
        self.files[path].faults += faults

    def asked(self, path):
        """Ranges that were asked for, None for the whole file."""
        return [entry.range for entry in self.log if entry.path == path and entry.method == "GET"]

    def sent(self, path):
        """Bytes of the file that went out."""
        return sum(entry.sent for entry in self.log if entry.path == path)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.answer()

    def do_GET(self):
        with self.archive.lock:
            self.archive.open += 1
            self.archive.most_open = max(self.archive.open, self.archive.most_open)
        try:
            self.answer()
        except ConnectionError:
            self.close_connection = True
        finally:
            with self.archive.lock:
                self.archive.open -= 1

    def answer(self):
        self.entry = SimpleNamespace(
            method=self.command,
            path=self.path,
            range=self.headers.get("Range"),
            if_range=self.headers.get("If-Range"),
            encoding=self.headers.get("Accept-Encoding"),
            at=time.monotonic(),
            sent=0,
        )
        self.archive.log.append(self.entry)
        held = self.archive.files.get(self.path)
        if held is None:
            self.reply(404, b"<html><title>404 Not Found</title></html>")
        elif held.faults and self.command == "GET":
            held.faults.pop(0)(self, held)
        else:
            self.serve(held)

    def reply(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def serve(self, held, *, end=None, told=0, shift=0, total=None, resumable=True):
        """Send a file or a part of it, as asked for, apart from what the arguments spoil.

        The answer stops after `end` bytes; it tells `told` more bytes than there are; a part starts `shift`
        bytes late and belongs to a file of `total` bytes.
        """
        start = 0
        wanted = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        valid = condition in (None, held.etag, held.last_modified)
        if wanted and held.ranges and resumable and valid:
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) + shift
        size = len(held.content)
        if start >= size > 0:
            self.reply(416, Content_Range=f"bytes */{size}")
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{total or size}")
        for name, value in (("ETag", held.etag), ("Last-Modified", held.last_modified)):
            if value:
                self.send_header(name, value)
        if held.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(size - start + told))
        self.end_headers()
        if self.command != "HEAD":
            self.send(held.content[start:][:end], held.rate)

    def send(self, content, rate=None):
        piece = len(content) if rate is None else max(1, int(rate / 50))
        for low in range(0, len(content), max(piece, 1)):
            self.wfile.write(content[low : low + piece])
            self.entry.sent += len(content[low : low + piece])
            if rate is not None:
                time.sleep(piece / rate)

    def reset(self):
        """Break the connection with a reset instead of an orderly end."""
        self.wfile.flush()
        time.sleep(0.02)  # what was sent shall arrive before the reset
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True


def cut(after, **spoilt):
    """The connection ends after so many bytes of the answer."""

    def fault(handler, held):
        handler.serve(held, end=after, **spoilt)
        handler.close_connection = True

    return fault


def reset(after):
    """The connection is reset after so many bytes of the answer."""

    def fault(handler, held):
        handler.serve(held, end=after)
        handler.reset()

    return fault


def no_answer(handler, held):
    """The connection is reset before an answer."""
    handler.reset()


def status(code, body=b"", **headers):
    """The server answers with another status."""
    return lambda handler, held: handler.reply(code, body, **headers)


def spoilt(**options):
    """A part or a whole with wrong headers."""

    def fault(handler, held):
        handler.serve(held, **options)
        handler.close_connection = True

    return fault


def silence(after, seconds):
    """So many bytes come, then nothing for a while."""

    def fault(handler, held):
        handler.serve(held, end=after)
        time.sleep(seconds)
        handler.close_connection = True

    return fault


def without_length(handler, held):
    """The end of the connection is the end of the file."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    handler.send(held.content)
    handler.close_connection = True


def chunked(handler, held):
    """The file comes in chunks of 999 bytes, without a length."""
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for low in range(0, len(held.content), 999):
        piece = held.content[low : low + 999]
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    handler.wfile.write(b"0\r\n\r\n")


@contextmanager
def running_archive():
    handler = type("BoundHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    handler.archive = Archive(server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield handler.archive
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def archive():
    with running_archive() as running:
        yield running


@pytest.fixture(scope="session")
def lasting_archive():
    with running_archive() as running:
        yield running


@pytest.fixture(scope="session")
def faults():
    """The ways to fail, for `archive.fail`."""
    return SimpleNamespace(
        cut=cut,
        reset=reset,
        no_answer=no_answer,
        status=status,
        spoilt=spoilt,
        silence=silence,
        without_length=without_length,
        chunked=chunked,
    )


@pytest.fixture(scope="session")
def make_bigwig():
    return bigwig_bytes


@pytest.fixture(scope="session")
def hurry():
    """Patience for tests."""
    return Patience(
        attempts=4,
        connect=2.0,
        read=0.5,
        unreached=0.5,
        first_wait=0.01,
        longest_wait=0.1,
        slow_rate=0.0,
        slow_window=0.2,
        flush_every=0.01,
        grace=1.0,
    )


class Counter:
    """A step that remembers."""

    def __init__(self):
        self.done = 0
        self.total = None
        self.said = []

    def advance(self, amount=1):
        self.done += amount

    def describe(self, text):
        self.said += [text] if text else []

    def expect(self, total):
        self.total = total


@pytest.fixture(scope="session")
def session():
    with open_session() as opened:
        yield opened


@pytest.fixture
def bring(tmp_path, session, hurry):
    """Fetch an address to `x.bw`; returns what was fetched, its bytes and the step."""

    def run(url, *, name="x.bw", format="bigwig", patience=hurry, step=None, **known):
        own = {key: known.pop(key) for key in ("stop", "before_rename") if key in known}
        final = tmp_path / "data" / name
        step = step or Counter()
        wanted = Wanted(url=url, final=final, format=format, named="track X", **known)
        fetched = fetch(wanted, session=session, step=step, patience=patience, **own)
        content = final.read_bytes()
        assert fetched.size == len(content)
        assert fetched.sha256 == sha256(content).hexdigest()
        return SimpleNamespace(fetched=fetched, content=content, step=step, path=final)

    return run


@pytest.fixture
def left(tmp_path):
    """Names in the folder that `bring` fills."""

    def names():
        folder = tmp_path / "data"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    return names


class Listener:
    """Progress that remembers."""

    def __init__(self):
        self.lines = []
        self.steps = {}

    @contextmanager
    def step(self, name, total=None, *, unit=""):
        self.steps[name] = Counter()
        yield self.steps[name]

    def say(self, text):
        self.lines.append(text)


@pytest.fixture
def listener():
    return Listener()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def describe(folder):
    """Make a dataset whose downloads are given as keyword arguments: name=(file, url, more)."""

    def make(**downloads):
        formats = {".bw": "bigwig", ".gz": "bed", ".bed": "bed"}
        listed = [
            {
                "name": name,
                "file": file,
                "url": url,
                "format": formats[file[file.rindex(".") :]],
                "licence": "free",
                "citation": "nobody",
                **more,
            }
            for name, (file, url, more) in downloads.items()
        ]
        return DatasetSpec.model_validate(
            {
                "name": "small",
                "assembly": "mm10",
                "data": str(folder),
                "tracks": [{"name": "A", "file": "a.bw"}],
                "genes": {"file": "genes.bed"},
                "downloads": listed,
            }
        )

    return make


@pytest.fixture
def small(archive, describe, make_bigwig):
    """A dataset of three files, one of them in a folder of its own."""
    urls = [archive.put(f"/{n}.bw", make_bigwig(50_000 + k, k)) for k, n in enumerate("abc")]
    return describe(A=("a.bw", urls[0], {}), B=("deep/b.bw", urls[1], {}), C=("c.bw", urls[2], {}))
