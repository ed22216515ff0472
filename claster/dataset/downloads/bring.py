"""Bring one file of a dataset to its place, or accept the one that is there, and keep a receipt."""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Literal

import requests

from claster.dataset.downloads.receipts import Receipt, Receipts
from claster.dataset.downloads.verify import is_settled, known_about, verify_file
from claster.dataset.parts import DownloadSpec
from claster.errors import ClasterError
from claster.progress import Progress
from claster.remote.fetch import Fetched, Wanted, fetch
from claster.remote.partial import discard_partial, has_leavings
from claster.remote.patience import Patience

__all__ = ["Downloaded", "accept_file", "fetch_file", "find_finished"]


@dataclass(frozen=True)
class Downloaded:
    """A verified file: size in bytes, SHA-256, and whether it came now or was here already."""

    name: str
    path: Path
    size: int
    sha256: str
    how: Literal["downloaded", "here"]


def find_finished(download: DownloadSpec, path: Path, receipts: Receipts) -> Downloaded | None:
    """Return a file that is here as its receipt says, with nothing left to tidy up, or None."""
    receipt = receipts.find(download.file)
    if receipt is None or not is_settled(download, path, receipts) or has_leavings(path):
        return None
    return Downloaded(download.name, path, receipt.size, receipt.sha256, "here")


def fetch_file(
    download: DownloadSpec,
    path: Path,
    receipts: Receipts,
    *,
    session: requests.Session,
    patience: Patience,
    stop: threading.Event,
    progress: Progress,
) -> Downloaded:
    """Fetch a file to `path`; its receipt is on disk before the file has its name.

    Raises
    ------
    ClasterError, UnreachableError, StoppedError
        As `claster.remote.fetch.fetch`.
    """
    known = known_about(download, receipts)
    is_new = _is_new(download, receipts)
    wanted = Wanted(
        url=download.url,
        final=path,
        format=download.format,
        named=download.name,
        size=known.size,
        sha256=known.sha256,
        known_from=known.known_from,
        remedy=known.remedy,
    )
    with progress.step(download.name, known.size, unit="bytes") as step:
        fetched = fetch(
            wanted,
            session=session,
            step=step,
            patience=patience,
            stop=stop,
            before_rename=partial(_record, download, receipts),
        )
    if is_new:
        _announce(download, size=fetched.size, sha256=fetched.sha256, progress=progress)
    return Downloaded(download.name, path, fetched.size, fetched.sha256, "downloaded")


def accept_file(
    download: DownloadSpec, path: Path, receipts: Receipts, *, verify: bool, progress: Progress
) -> Downloaded:
    """Accept the file at `path` by size and time or, where those are not enough, after reading it.

    Raises
    ------
    ClasterError
        If it is not the file that is known; it stays as it is.
    """
    discard_partial(path)
    if not verify and (finished := find_finished(download, path, receipts)):
        return finished
    is_new = _is_new(download, receipts)
    with progress.step(f"verify {download.name}"):
        try:
            sha256 = verify_file(path, download, receipts)
        except ClasterError as error:
            remedy = f"remove it to download it again, or {error.remedy}"
            raise ClasterError(error.found, remedy=remedy) from error
    size = path.stat().st_size
    if not is_settled(download, path, receipts):
        receipt = Receipt.of_file(path, url=download.url, sha256=sha256, how="found")
        receipts.record(download.file, receipt)
    if is_new:
        _announce(download, size=size, sha256=sha256, progress=progress)
    return Downloaded(download.name, path, size, sha256, "here")


def _is_new(download: DownloadSpec, receipts: Receipts) -> bool:
    return download.sha256 is None and receipts.find(download.file) is None


def _record(download: DownloadSpec, receipts: Receipts, fetched: Fetched) -> None:
    receipt = Receipt(
        url=fetched.url,
        size=fetched.size,
        sha256=fetched.sha256,
        mtime_ns=fetched.mtime_ns,
        when=datetime.now(UTC),
        how="downloaded",
        etag=fetched.etag,
        last_modified=fetched.last_modified,
    )
    receipts.record(download.file, receipt)


def _announce(download: DownloadSpec, *, size: int, sha256: str, progress: Progress) -> None:
    progress.say(
        f"{download.name}: seen for the first time, for its entry in the YAML: "
        f"size: {size}, sha256: {sha256}"
    )
