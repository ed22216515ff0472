"""A download beside a plain copy over HTTP with 1 MiB chunks, in one run.

The server is a process of its own that hands the file to the kernel (sendfile), the fastest there is. Each
round takes every way once, in turn. Prints medians in MB/s and two ratios; read the ratios, not the speeds:
to the plain copy, which stops at the last byte, and to the plain copy that then does what a download
has to do, wait for the disk and take the SHA-256.

Usage: python benchmarks/download.py [FOLDER [MEGABYTES [ROUNDS]]]
"""

import hashlib
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import partial
from pathlib import Path
from statistics import median

from claster.dataset.downloads.fetch import fetch
from claster.dataset.downloads.receipts import Wanted
from claster.dataset.downloads.request import open_session

CHUNK = 1 << 20
MAGIC = struct.pack("<I", 0x888FFC26)
SERVER = """
import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        with open(sys.argv[1], "rb") as file:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
            self.send_header("ETag", '"1"')
            self.end_headers()
            self.wfile.flush()
            self.connection.sendfile(file)
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def plain_copy(url: str, final: Path, started: float) -> float:
    with urllib.request.urlopen(url) as answer, final.open("wb") as file:
        shutil.copyfileobj(answer, file, CHUNK)
    return time.perf_counter() - started


def verified_copy(url: str, final: Path, started: float) -> float:
    plain_copy(url, final, started)
    with final.open("rb") as file:
        os.fsync(file.fileno())
        hashlib.file_digest(file, "sha256")
    return time.perf_counter() - started


class LastByte:
    """A step that knows when the last byte came."""

    def __init__(self) -> None:
        self.at = 0.0

    def advance(self, amount: float = 1) -> None:
        self.at = time.perf_counter()

    def describe(self, text: str) -> None:
        pass

    def expect(self, total: float | None) -> None:
        pass


def download(url: str, final: Path, started: float, *, to_last_byte: bool = False) -> float:
    step = LastByte()
    with open_session() as session:
        fetch(Wanted(url, final, "bigwig", "file"), session=session, step=step)
    return (step.at if to_last_byte else time.perf_counter()) - started


def compare(url: str, final: Path, *, megabytes: int, rounds: int) -> None:
    ways = {
        "plain copy": plain_copy,
        "plain copy, disk, SHA-256": verified_copy,
        "download, to the last byte": partial(download, to_last_byte=True),
        "download": download,
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):
        for name, run in ways.items():
            passed = run(url, final, time.perf_counter())
            final.unlink()
            os.sync()  # what one way has left to write shall not slow the next one
            if number:  # the first round warms up
                taken[name].append(passed)
    print(f"{'':<26} {'MB/s':>6}   to the plain copy   to the verified copy")
    for name, times in taken.items():
        plain, verified = (
            median(before / now for before, now in zip(taken[other], times, strict=True))
            for other in ("plain copy", "plain copy, disk, SHA-256")
        )
        print(f"{name:<26} {megabytes / median(times):6.0f}   {plain:17.2f}   {verified:20.2f}")


def main() -> None:
    parent = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    megabytes = int(sys.argv[2]) if len(sys.argv) > 2 else 500
    rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    with tempfile.TemporaryDirectory(dir=parent) as scratch:
        source = Path(scratch) / "source.bw"
        block = os.urandom(1_000_000)
        with source.open("wb") as file:
            file.write(MAGIC + block[8:])
            for _ in range(megabytes - 1):
                file.write(block)
            file.write(MAGIC)
        command = [sys.executable, "-c", SERVER, str(source)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                url = f"http://127.0.0.1:{server.stdout.readline().strip()}/copy.bw"
                compare(url, Path(scratch) / "copy.bw", megabytes=megabytes, rounds=rounds)
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
