"""Download the files of a dataset: several at a time, resumed, verified, each once."""

import math
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import IMapIterator, ThreadPool
from operator import itemgetter
from pathlib import Path
from typing import Literal

import requests

from claster.dataset.downloads.fetch import UnreachableError, fetch
from claster.dataset.downloads.partial import discard_partial, has_leavings
from claster.dataset.downloads.plan import (
    LOCK,
    Receipts,
    choose_downloads,
    plan_downloads,
)
from claster.dataset.downloads.request import (
    USUAL_PATIENCE,
    Patience,
    Stop,
    StoppedError,
    host_of,
    open_session,
)
from claster.dataset.downloads.verify import Receipt
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import require_disk
from claster.lock import lock_folder
from claster.progress import SILENT, Progress


@dataclass(frozen=True)
class _Downloaded:
    """A verified file: size in bytes, SHA-256, and whether it came now or was here already."""

    name: str
    path: Path
    size: int
    sha256: str
    how: Literal["downloaded", "here"]


def download_dataset(
    spec: DatasetSpec,
    *,
    only: Sequence[str] = (),
    jobs: int = 4,
    verify: bool = False,
    patience: Patience = USUAL_PATIENCE,
    progress: Progress = SILENT,
) -> list[_Downloaded]:
    """Bring the files of a dataset's `downloads` to where its other parts look for them.

    A file whose size and time are those of its receipt is neither asked for nor read. Where the YAML
    names no SHA-256, the first download records one (trust on first use) and a later mismatch is an error.
    A file that fails does not stop the others. After any interruption the same call resumes.

    Parameters
    ----------
    only
        Names of downloads; empty: all.
    jobs
        Files at a time; never more than one connection a file.
    verify
        Whether files that are here are read and compared again.
    patience
        When to try again and when to give up.

    Returns
    -------
    list[_Downloaded]
        In the order of the YAML.

    Raises
    ------
    ClasterError
        If a file could not be downloaded, is not what was expected or does not fit on the disk, or if another
        command is writing to the data folder.
    """
    chosen = choose_downloads(spec, only)
    receipts = Receipts(spec.folder_to_fill())
    finished = {d.name: _finished(d, spec.source(d.file), receipts) for d in chosen}
    if not verify and all(finished.values()):
        return [
            _downloaded(d, spec, receipt, "here") for d in chosen if (receipt := finished[d.name])
        ]
    with lock_folder(spec.data_folder, name=LOCK):
        plan = plan_downloads(spec, only=only)
        require_disk(spec.data_folder, needed=plan.missing_bytes, named=f"dataset {spec.name!r}")
        run = _Run(spec, Receipts(spec.data_folder), verify, patience, progress)
        outcomes = run.all(chosen, jobs=min(jobs, len(chosen)))
    failed = {d.name: found for d in chosen if isinstance(found := outcomes[d.name], ClasterError)}
    if failed:
        raise _summary(failed, spec, of=len(chosen), progress=progress)
    return [found for d in chosen if isinstance(found := outcomes[d.name], _Downloaded)]


@dataclass
class _Run:
    """What the threads of one call share."""

    spec: DatasetSpec
    receipts: Receipts
    verify: bool
    patience: Patience
    progress: Progress
    stop: Stop = field(default_factory=Stop)
    silent_hosts: dict[str, UnreachableError] = field(default_factory=dict)
    answering_hosts: set[str] = field(default_factory=set)

    def all(
        self, downloads: Sequence[DownloadSpec], *, jobs: int
    ) -> dict[str, _Downloaded | ClasterError]:
        """Return what became of each download, by its name."""
        with open_session(connections=jobs) as session, ThreadPool(jobs) as pool:
            results = pool.imap_unordered(partial(self._one, session), _spread(downloads))
            try:
                return dict(results)
            finally:
                self.stop.set()
                _wait_for(results, seconds=self.patience.grace)

    def _one(
        self, session: requests.Session, download: DownloadSpec
    ) -> tuple[str, _Downloaded | ClasterError]:
        try:
            return download.name, self._bring(session, download)
        except UnreachableError as error:
            self.silent_hosts[error.host] = error
            return download.name, error
        except ClasterError as error:
            return download.name, error
        except StoppedError:
            return download.name, ClasterError(f"{download.name}: stopped", remedy="run it again")

    def _bring(self, session: requests.Session, download: DownloadSpec) -> _Downloaded:
        path = self.spec.source(download.file)
        is_here, is_new = path.is_file(), self.receipts.is_new(download)
        receipt = self._accept(download, path) if is_here else self._fetch(session, download, path)
        if is_new:
            self.progress.say(
                f"{download.name}: downloaded for the first time, for its entry in the YAML: "
                f"size: {receipt.size}, sha256: {receipt.sha256}"
            )
        return _downloaded(download, self.spec, receipt, "here" if is_here else "downloaded")

    def _accept(self, download: DownloadSpec, path: Path) -> Receipt:
        """Accept the file that is there by size and time or, where those are not enough, after reading it."""
        discard_partial(path)
        if not self.verify and (receipt := self.receipts.settled(download, path)):
            return receipt
        with self.progress.step(f"verify {download.name}"):
            try:
                return self.receipts.accept(download, path, how="found")
            except ClasterError as error:
                remedy = f"remove it to download it again, or {error.remedy}"
                raise ClasterError(error.found, remedy=remedy) from error

    def _fetch(self, session: requests.Session, download: DownloadSpec, path: Path) -> Receipt:
        """Fetch a file; its receipt is on disk before the file has its name."""
        host, patience = host_of(download.url), self.patience
        if host in self.answering_hosts:  # an outage, then, which may pass
            patience = replace(patience, unreached=math.inf)
        elif host in self.silent_hosts:
            raise self.silent_hosts[host]
        wanted = self.receipts.wanted(download, path)
        with self.progress.step(download.name, wanted.size, unit="bytes") as step:
            receipt = fetch(
                wanted,
                session=session,
                step=step,
                patience=patience,
                stop=self.stop,
                before_rename=partial(self.receipts.record, download),
            )
        self.answering_hosts.add(host)
        return receipt


def _finished(download: DownloadSpec, path: Path, receipts: Receipts) -> Receipt | None:
    """Return the receipt of a file that is here as it says, with nothing left to tidy up, or None."""
    return None if has_leavings(path) else receipts.settled(download, path)


def _downloaded(
    download: DownloadSpec, spec: DatasetSpec, receipt: Receipt, how: Literal["downloaded", "here"]
) -> _Downloaded:
    path = spec.source(download.file)
    return _Downloaded(download.name, path, receipt.size, receipt.sha256, how)


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
    results: "IMapIterator[tuple[str, _Downloaded | ClasterError]]", *, seconds: float
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
        progress.say(error.line)
    return ClasterError(
        f"{len(failed)} of {of} files were not downloaded ({', '.join(failed)})",
        remedy="do what the lines above say and run the same command again; the other files are whole",
    )
