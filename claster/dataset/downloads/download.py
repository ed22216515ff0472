"""Download the files of a dataset: several at a time, resumed, verified, each once."""

import math
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import IMapIterator, ThreadPool
from operator import itemgetter

import requests

from claster.dataset.downloads.bring import Downloaded, accept_file, fetch_file, find_finished
from claster.dataset.downloads.plan import (
    DownloadPlan,
    PlannedFile,
    choose_downloads,
    plan_downloads,
    url_list,
)
from claster.dataset.downloads.receipts import LOCK, Receipts
from claster.dataset.parts import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import require_disk
from claster.lock import lock_folder
from claster.progress import SILENT, Progress
from claster.remote.faults import StoppedError, UnreachableError
from claster.remote.patience import USUAL_PATIENCE, Patience
from claster.remote.request import host_of, open_session

__all__ = [
    "DownloadPlan",
    "Downloaded",
    "PlannedFile",
    "download_dataset",
    "plan_downloads",
    "url_list",
]


def download_dataset(
    spec: DatasetSpec,
    *,
    only: Sequence[str] = (),
    jobs: int = 4,
    verify: bool = False,
    patience: Patience = USUAL_PATIENCE,
    progress: Progress = SILENT,
) -> list[Downloaded]:
    """Bring the files of a dataset's `downloads` to where its other parts look for them.

    A file whose size and time are those of its receipt is neither asked for nor read. Where the YAML
    names no SHA-256, the first download records one (trust on first use) and a later mismatch is an error.
    A file that fails does not stop the others. After any interruption the same call goes on.

    Parameters
    ----------
    spec
        The dataset.
    only
        Names of downloads; empty: all.
    jobs
        Files at a time; never more than one connection a file.
    verify
        Whether files that are here are read and compared again.
    patience
        When to try again and when to give up.
    progress
        Where to report to.

    Returns
    -------
    list[Downloaded]
        In the order of the YAML.

    Raises
    ------
    ClasterError
        If a file could not be had, is not what was expected or does not fit on the disk, or if another
        command is writing to the data folder.
    """
    chosen = choose_downloads(spec, only)
    receipts = Receipts(spec.folder_to_fill())
    finished = [find_finished(d, spec.source(d.file), receipts) for d in chosen]
    if not verify and all(finished):
        return [file for file in finished if file is not None]
    with lock_folder(spec.data_folder, name=LOCK):
        plan = plan_downloads(spec, only=only)
        require_disk(spec.data_folder, needed=plan.missing_bytes, named=f"dataset {spec.name!r}")
        outcomes = _Run(
            spec, Receipts(spec.data_folder), verify=verify, patience=patience, progress=progress
        ).all(chosen, jobs=min(jobs, len(chosen)))
    failed = {d.name: found for d in chosen if isinstance(found := outcomes[d.name], ClasterError)}
    if failed:
        raise _summary(failed, spec, of=len(chosen), progress=progress)
    return [found for d in chosen if isinstance(found := outcomes[d.name], Downloaded)]


class _Run:
    """What the threads of one call share."""

    def __init__(
        self,
        spec: DatasetSpec,
        receipts: Receipts,
        *,
        verify: bool,
        patience: Patience,
        progress: Progress,
    ) -> None:
        self._spec = spec
        self._receipts = receipts
        self._verify = verify
        self._patience = patience
        self._progress = progress
        self._stop = threading.Event()
        self._silent_hosts: dict[str, UnreachableError] = {}
        self._answering_hosts: set[str] = set()

    def all(
        self, downloads: Sequence[DownloadSpec], *, jobs: int
    ) -> dict[str, Downloaded | ClasterError]:
        """Return what became of each download, by its name."""
        with open_session(connections=jobs) as session, ThreadPool(jobs) as pool:
            results = pool.imap_unordered(partial(self._one, session), _spread(downloads))
            try:
                return dict(results)
            finally:
                self._stop.set()
                _wait_for(results, seconds=self._patience.grace)

    def _one(
        self, session: requests.Session, download: DownloadSpec
    ) -> tuple[str, Downloaded | ClasterError]:
        try:
            return download.name, self._bring(session, download)
        except UnreachableError as error:
            self._silent_hosts[error.host] = error
            return download.name, error
        except ClasterError as error:
            return download.name, error
        except StoppedError:
            return download.name, ClasterError(f"{download.name}: stopped", remedy="run it again")

    def _bring(self, session: requests.Session, download: DownloadSpec) -> Downloaded:
        path = self._spec.source(download.file)
        if path.is_file():
            return accept_file(
                download, path, self._receipts, verify=self._verify, progress=self._progress
            )
        host, patience = host_of(download.url), self._patience
        if host in self._answering_hosts:  # an outage, then, which may pass
            patience = replace(patience, unreached=math.inf)
        elif host in self._silent_hosts:
            raise self._silent_hosts[host]
        found = fetch_file(
            download,
            path,
            self._receipts,
            session=session,
            patience=patience,
            stop=self._stop,
            progress=self._progress,
        )
        self._answering_hosts.add(host)
        return found


def _spread(downloads: Sequence[DownloadSpec]) -> list[DownloadSpec]:
    """Return downloads so that those of one server do not stand together."""
    of_host: Counter[str] = Counter()
    places = []
    for download in downloads:
        places.append(of_host[host_of(download.url)])
        of_host[host_of(download.url)] += 1
    return [
        download for _, download in sorted(zip(places, downloads, strict=True), key=itemgetter(0))
    ]


def _wait_for(
    results: "IMapIterator[tuple[str, Downloaded | ClasterError]]", *, seconds: float
) -> None:
    """Leave the threads some time to end after they were told to."""
    end = time.monotonic() + seconds
    while True:
        try:
            results.next(timeout=max(end - time.monotonic(), 0.0))
        except (StopIteration, PoolTimeoutError):
            return


def _summary(
    failed: dict[str, ClasterError], spec: DatasetSpec, *, of: int, progress: Progress
) -> ClasterError:
    """Return the one error that stands for all."""
    errors = list(failed.values())
    silent = [error for error in errors if isinstance(error, UnreachableError)]
    if len(silent) == len(errors):
        hosts = ", ".join(sorted({error.host for error in silent}))
        reasons = ", ".join(sorted({error.reason for error in silent}))
        return ClasterError(
            f"{len(failed)} of {of} files were not downloaded: no answer from {hosts} ({reasons})",
            remedy="check the network; for a machine without one, see 'claster data list "
            f"{spec.name} --urls` and 'claster data adopt DIR --dataset {spec.name}'",
        )
    if len(errors) == 1:
        return errors[0]
    for error in errors:
        progress.say(str(error))
    return ClasterError(
        f"{len(failed)} of {of} files were not downloaded ({', '.join(failed)})",
        remedy="do what the lines above say and run the same command again; the other files are whole",
    )
