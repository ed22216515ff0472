"""What a download would do: which files, how long, what is here already."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Literal

from claster.dataset.downloads.receipts import Receipts
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import free_disk
from claster.quoting import curl_string
from claster.remote.partial import find_partial
from claster.remote.request import Patience, ask_length, open_session

__all__ = ["DownloadPlan", "choose_downloads", "plan_downloads", "url_list"]

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
    spec
        The dataset.
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
    spec
        The dataset.
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
            f"url = {curl_string(download.url)}",
            f"output = {curl_string(download.file)}",
        ]
    return "\n".join(lines) + "\n"


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
            lambda url: (url, ask_length(session, url, patience=_ASKING)), urls
        )
        for _ in urls:
            try:
                yield answers.next(timeout=max(end - time.monotonic(), 0.0))
            except PoolTimeoutError:
                return
