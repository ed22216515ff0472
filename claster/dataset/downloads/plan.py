"""What a download would do: which files, how long, what is here already."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Literal

import requests
from pydantic import BaseModel, ValidationError

from claster.dataset.downloads.partial import find_partial, replace_text
from claster.dataset.downloads.request import Patience, SetbackError, number_in, open_session, send
from claster.dataset.downloads.verify import Receipt, Wanted, verify
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import free_disk

LOCK = ".downloads.lock"
"""Name of the lock of commands that write receipts."""


class _Book(BaseModel):
    format: Literal[1] = 1
    files: dict[str, Receipt] = {}


class Receipts:
    """The receipts of a data folder (``downloads.json``); several threads of one process may record.

    Parameters
    ----------
    folder
        The data folder; it need not exist before the first record.

    Raises
    ------
    ClasterError
        If there are receipts that cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "downloads.json"
        self._lock = threading.Lock()
        self._files = _read(self._path)

    def find(self, download: DownloadSpec) -> Receipt | None:
        """Return the receipt of a file, or None."""
        return self._files.get(download.file)

    def is_new(self, download: DownloadSpec) -> bool:
        """Whether nobody knows the SHA-256 of a file yet."""
        return download.sha256 is None and self.find(download) is None

    def wanted(self, download: DownloadSpec, final: Path) -> Wanted:
        """Return a file as the YAML tells of it, or else as its receipt does (trust on first use)."""
        receipt = self.find(download)
        wanted = Wanted(
            download.url,
            final,
            download.format,
            download.name,
            size=download.size,
            sha256=download.sha256,
            remedy=f"get the file that the YAML means, or correct the entry {download.name!r} of its "
            "'downloads'",
        )
        if download.sha256 is not None or receipt is None:
            return wanted
        return replace(
            wanted,
            size=download.size or receipt.size,
            sha256=receipt.sha256,
            known_from=f"the receipt of {receipt.when:%Y-%m-%d} in {self._path}",
            remedy=f"restore the earlier file, or remove the entry {download.file!r} from that receipt "
            "file to accept another one",
        )

    def settled(self, download: DownloadSpec, path: Path) -> Receipt | None:
        """Return the receipt of a file that is there as verified, by size and time, and as the YAML says."""
        receipt = self.find(download)
        if receipt is None or not path.is_file():
            return None
        stat = path.stat()
        same = (stat.st_size, stat.st_mtime_ns) == (receipt.size, receipt.mtime_ns)
        as_told = download.sha256 in (None, receipt.sha256)
        return receipt if same and as_told and download.size in (None, receipt.size) else None

    def accept(
        self, download: DownloadSpec, path: Path, *, how: Literal["adopted", "found"]
    ) -> Receipt:
        """Read a whole file and record it, if it is the one that is known.

        Parameters
        ----------
        path
            The file, which need not be where the dataset looks for it.

        Raises
        ------
        ClasterError
            If size, first or last bytes, or SHA-256 are others.
        """
        stat = path.stat()  # before it is read: a change meanwhile shows the next time
        receipt = Receipt(
            url=download.url,
            size=stat.st_size,
            sha256=verify(path, self.wanted(download, path)),
            mtime_ns=stat.st_mtime_ns,
            when=datetime.now(UTC),
            how=how,
        )
        settled = self.settled(download, path)
        if settled is None:
            self.record(download, receipt)
        return settled or receipt

    def record(self, download: DownloadSpec, receipt: Receipt) -> None:
        """Keep a receipt; it is on disk when this returns."""
        with self._lock:
            self._files[download.file] = receipt
            book = _Book(files=dict(sorted(self._files.items())))
            replace_text(self._path, book.model_dump_json(indent=1) + "\n")


def _read(path: Path) -> dict[str, Receipt]:
    if not path.is_file():
        return {}
    try:
        return _Book.model_validate_json(path.read_bytes()).files
    except ValidationError as error:
        raise ClasterError(
            f"{path} holds no receipts of this version ({error.error_count()} faults)",
            remedy="restore an older copy, or move it away to have all files read and hashed again",
        ) from error


_ASKING = Patience(connect=3.0, read=5.0)
_MOST_ASKED = 8
_LONGEST = 8.0


@dataclass(frozen=True)
class _PlannedFile:
    """A file of the plan.

    `size` in bytes is None where nobody has told it. `state` is ``here`` (as verified, or there and not yet
    verified), ``partial`` (`kept` bytes can be built on), ``missing``, or ``changed`` (another size or
    time than when it was verified, or another file than the YAML means).
    """

    name: str
    file: str
    url: str
    path: Path
    size: int | None
    state: Literal["here", "partial", "missing", "changed"]
    kept: int

    @property
    def missing_bytes(self) -> int | None:
        """Bytes that are still to come; None where the size is not known."""
        if self.state in ("here", "changed"):
            return 0
        return None if self.size is None else max(self.size - self.kept, 0)


@dataclass(frozen=True)
class DownloadPlan:
    """Files in the order of the YAML, and the free bytes of the data folder's disk."""

    files: tuple[_PlannedFile, ...]
    free_bytes: int

    @property
    def missing_bytes(self) -> int:
        """Bytes that are still to come, of files whose size is known."""
        return sum(file.missing_bytes or 0 for file in self.files)

    @property
    def unknown_sizes(self) -> int:
        """How many files are still to come whose size is not known."""
        return sum(file.missing_bytes is None for file in self.files)


def choose_downloads(spec: DatasetSpec, only: Sequence[str]) -> list[DownloadSpec]:
    """Return the downloads of a dataset, or those of the names in `only`.

    Raises
    ------
    ClasterError
        If the dataset has none, or none of such a name.
    """
    if not spec.downloads:
        raise ClasterError(
            f"dataset {spec.name!r} lists no downloads", remedy="add 'downloads' to its YAML"
        )
    names = [download.name for download in spec.downloads]
    for name in only:
        if name not in names:
            raise ClasterError(
                f"dataset {spec.name!r} has no download {name!r}",
                remedy=f"choose from {', '.join(names)}",
            )
    return [download for download in spec.downloads if not only or download.name in only]


def plan_downloads(
    spec: DatasetSpec, *, only: Sequence[str] = (), ask_servers: bool = False
) -> DownloadPlan:
    """Look at what is here, without reading files and without changing anything.

    Parameters
    ----------
    only
        Names of downloads; empty: all.
    ask_servers
        Whether servers are asked for sizes that are not known (some seconds; without a network those
        stay unknown).

    Raises
    ------
    ClasterError
        If there is no download of a name in `only`.
    """
    receipts = Receipts(spec.data_folder)
    chosen = choose_downloads(spec, only)
    unknown = [d.url for d in chosen if receipts.wanted(d, spec.source(d.file)).size is None]
    told = dict(_ask_lengths(unknown)) if ask_servers and unknown else {}
    return DownloadPlan(
        tuple(_look_at(download, spec, receipts, told.get(download.url)) for download in chosen),
        free_bytes=free_disk(spec.data_folder),
    )


def url_list(spec: DatasetSpec, *, only: Sequence[str] = ()) -> str:
    """Return a configuration file for curl that downloads the files on another machine.

    Parameters
    ----------
    only
        Names of downloads; empty: all.

    Returns
    -------
    str
        Lines ``url = "..."`` and ``output = "..."`` a file, after the options that all share.

    Raises
    ------
    ClasterError
        If there is no download of a name in `only`.

    Notes
    -----
    Format: curl manual, option ``--config``.
    """
    lines = [
        f"# {spec.name}: save this as FILE and run, in the folder to fill,  curl --config FILE",
        "# Run it again to resume. Then, on the machine that is to have the files:",
        f"# claster data adopt DIR --dataset {spec.name}",
        "location",
        "fail",
        "create-dirs",
        "globoff",
        "remote-time",
        "retry = 5",
        'continue-at = "-"',
    ]
    for download in choose_downloads(spec, only):
        lines += [
            "",
            f"url = {_curl_string(download.url)}",
            f"output = {_curl_string(download.file)}",
        ]
    return "\n".join(lines) + "\n"


def _curl_string(text: str) -> str:
    r"""Return text as a quoted value of curl's configuration files.

    Examples
    --------
    >>> print(_curl_string('a"b\n'))
    "a\"b\n"

    References
    ----------
    https://curl.se/docs/manpage.html, option ``--config``
    """
    escapes = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r", "\v": "\\v"}
    return f'"{"".join(escapes.get(c, c) for c in text)}"'


def _look_at(
    download: DownloadSpec, spec: DatasetSpec, receipts: Receipts, told: int | None
) -> _PlannedFile:
    path = spec.source(download.file)
    kept, told_before = find_partial(path, url=download.url)
    size = receipts.wanted(download, path).size or told or told_before
    state: Literal["here", "partial", "missing", "changed"] = "partial" if kept else "missing"
    if path.is_file():
        size = path.stat().st_size
        unseen = receipts.find(download) is None and download.size in (None, size)
        state = "here" if unseen or receipts.settled(download, path) else "changed"
    return _PlannedFile(download.name, download.file, download.url, path, size, state, kept)


def _ask_lengths(urls: list[str]) -> Iterator[tuple[str, int | None]]:
    """Yield address and length as servers tell them, for a few seconds at most."""
    end = time.monotonic() + _LONGEST
    with open_session(connections=_MOST_ASKED) as session, ThreadPool(_MOST_ASKED) as pool:
        answers = pool.imap_unordered(
            lambda url: (url, _ask_length(session, url, patience=_ASKING)), urls
        )
        for _ in urls:
            try:
                yield answers.next(timeout=max(end - time.monotonic(), 0.0))
            except PoolTimeoutError:
                return


def _ask_length(session: requests.Session, url: str, *, patience: Patience) -> int | None:
    """Return the length in bytes that a server tells for a file, or None where it tells none."""
    try:
        with send(session, url, method="HEAD", named=url, patience=patience) as response:
            return number_in(response.headers.get("Content-Length")) if response.ok else None
    except (ClasterError, SetbackError):
        return None
