"""What a download would do: which files, how long, what is here already."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from typing import Literal

import requests

from claster.dataset.downloads.partial import find_partial
from claster.dataset.downloads.receipts import Receipts
from claster.dataset.downloads.request import Patience, SetbackError, number_in, open_session, send
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import free_disk

_ASKING = Patience(connect=3.0, read=5.0)
_MOST_ASKED = 8
_LONGEST = 8.0

_CURL = """\
# {name}: save this as FILE and run, in the folder to fill,  curl --config FILE
# Run it again to resume. Then, on the machine that is to have the files:
# claster data adopt DIR --dataset {name}
location
fail
create-dirs
globoff
remote-time
retry = 5
continue-at = "-"
"""


@dataclass(frozen=True)
class _PlannedFile:
    """A file of the plan; `size` in bytes is None where nobody has told it.

    `state` is ``here`` (as verified, or there and not yet verified), ``partial`` (`kept` bytes can be built
    on), ``missing``, or ``changed`` (another size or time than when it was verified, or another file than the
    YAML means).
    """

    name: str
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
    """Return the downloads of a dataset, or those of the names in `only`; raise where there are none."""
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
    known = {d.name: receipts.wanted(d, spec.source(d.file)).size for d in chosen}
    unknown = [download.url for download in chosen if known[download.name] is None]
    told = _ask_lengths(unknown) if ask_servers and unknown else {}
    files = []
    for download in chosen:
        path = spec.source(download.file)
        kept, told_before = find_partial(path, url=download.url)
        size = known[download.name] or told.get(download.url) or told_before
        state: Literal["here", "partial", "missing", "changed"] = "partial" if kept else "missing"
        if path.is_file():
            size = path.stat().st_size
            unseen = receipts.find(download) is None and download.size in (None, size)
            state = "here" if unseen or receipts.settled(download, path) else "changed"
        files.append(_PlannedFile(download.name, size, state, kept))
    return DownloadPlan(tuple(files), free_bytes=free_disk(spec.data_folder))


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
    files = (
        f"\nurl = {_curl_string(download.url)}\noutput = {_curl_string(download.file)}\n"
        for download in choose_downloads(spec, only)
    )
    return _CURL.format(name=spec.name) + "".join(files)


def _curl_string(text: str) -> str:
    r"""Return text as a quoted value of curl's configuration files.

    Examples
    --------
    >>> print(_curl_string('a"b\n'))
    "a\"b\n"
    """
    escapes = {"\\": "\\\\", '"': '\\"', "\t": "\\t", "\n": "\\n", "\r": "\\r", "\v": "\\v"}
    return f'"{"".join(escapes.get(c, c) for c in text)}"'


def _ask_lengths(urls: list[str]) -> dict[str, int | None]:
    """Return the length of each address as servers tell it, for a few seconds at most."""
    told: dict[str, int | None] = {}
    end = time.monotonic() + _LONGEST
    with open_session(connections=_MOST_ASKED) as session, ThreadPool(_MOST_ASKED) as pool:
        answers = pool.imap_unordered(lambda url: (url, _ask_length(session, url)), urls)
        with suppress(PoolTimeoutError):
            for _ in urls:
                url, length = answers.next(timeout=max(end - time.monotonic(), 0.0))
                told[url] = length
    return told


def _ask_length(session: requests.Session, url: str) -> int | None:
    """Return the length in bytes that a server tells for a file, or None where it tells none."""
    try:
        with send(session, url, method="HEAD", named=url, patience=_ASKING) as response:
            return number_in(response.headers.get("Content-Length")) if response.ok else None
    except (ClasterError, SetbackError):
        return None
