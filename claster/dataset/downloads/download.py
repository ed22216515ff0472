"""Bring the files of a dataset, each once and verified: downloaded, or linked to where they lie already."""

import math
import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import TimeoutError as PoolTimeoutError
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Literal, NamedTuple

import requests

from claster.dataset.downloads.fetch import UnreachableError, fetch
from claster.dataset.downloads.partial import discard_partial, has_leavings
from claster.dataset.downloads.plan import choose_downloads, plan_downloads
from claster.dataset.downloads.receipts import LOCK, Receipt, Receipts
from claster.dataset.downloads.request import (
    USUAL_PATIENCE,
    Patience,
    Stop,
    StoppedError,
    host_of,
    open_session,
)
from claster.dataset.load import list_datasets, load_dataset
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.files import lock_folder, require_disk
from claster.progress import SILENT, Progress


class _Downloaded(NamedTuple):
    """A verified file, and whether it came now or was here already."""

    name: str
    path: Path
    sha256: str
    how: Literal["downloaded", "here"]


class _Adopted(NamedTuple):
    """What became of a file, also in words; `found` is where it lies."""

    name: str
    state: Literal["adopted", "here", "not found", "refused"]
    words: str
    found: Path | None = None


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
    chosen = {download.name: download for download in choose_downloads(spec, only)}
    receipts = Receipts(spec.folder_to_fill())
    paths = {name: spec.source(download.file) for name, download in chosen.items()}
    here = [
        _Downloaded(name, path, receipt.sha256, "here")
        for name, path in paths.items()
        if not has_leavings(path) and (receipt := receipts.settled(chosen[name], path))
    ]
    if not verify and len(here) == len(chosen):
        return here
    with lock_folder(spec.data_folder, name=LOCK):
        plan = plan_downloads(spec, only=only)
        require_disk(spec.data_folder, needed=plan.missing_bytes, named=f"dataset {spec.name!r}")
        run = _Run(spec, Receipts(spec.data_folder), verify, patience, progress)
        outcomes = run.all(list(chosen.values()), jobs=min(jobs, len(chosen)))
    failed = {name: e for name in chosen if isinstance(e := outcomes[name], ClasterError)}
    if failed:
        raise _summary(failed, spec, of=len(chosen), progress=progress)
    return [found for name in chosen if isinstance(found := outcomes[name], _Downloaded)]


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
        """Return what became of each download, by its name; those of one server do not stand together."""
        of_host: Counter[str] = Counter()

        def turn(download: DownloadSpec) -> int:
            of_host[host_of(download.url)] += 1
            return of_host[host_of(download.url)]

        with open_session(connections=jobs) as session, ThreadPool(jobs) as pool:
            results = pool.imap_unordered(partial(self._one, session), sorted(downloads, key=turn))
            try:
                return dict(results)
            finally:
                self.stop.set()
                end = time.monotonic() + self.patience.grace  # for the threads to end
                try:
                    while True:
                        results.next(timeout=max(end - time.monotonic(), 0.0))
                except (StopIteration, PoolTimeoutError):
                    pass

    def _one(
        self, session: requests.Session, download: DownloadSpec
    ) -> tuple[str, _Downloaded | ClasterError]:
        try:
            return download.name, self._bring(session, download)
        except ClasterError as error:
            if isinstance(error, UnreachableError):
                self.silent_hosts[error.host] = error
            return download.name, error
        except StoppedError:
            return download.name, ClasterError(f"{download.name}: stopped", remedy="run it again")

    def _bring(self, session: requests.Session, download: DownloadSpec) -> _Downloaded:
        path = self.spec.source(download.file)
        is_here = path.is_file()
        is_new = download.sha256 is None and self.receipts.find(download) is None
        receipt = self._accept(download, path) if is_here else self._fetch(session, download, path)
        if is_new:
            self.progress.say(
                f"{download.name}: downloaded for the first time, for its entry in the YAML: "
                f"size: {receipt.size}, sha256: {receipt.sha256}"
            )
        how: Literal["here", "downloaded"] = "here" if is_here else "downloaded"
        return _Downloaded(download.name, path, receipt.sha256, how)

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


def adopt_files(
    spec: DatasetSpec,
    folder: Path | str,
    *,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
) -> list[_Adopted]:
    """Find the files of a dataset's `downloads` below a folder, verify them and link to them.

    Files are found by name, at any depth. Size, first and last bytes and SHA-256 are compared with the YAML
    or, where it names none, with the receipt of an earlier download; without either, the SHA-256 is
    recorded (trust on first use). The files themselves are neither moved nor changed.

    Parameters
    ----------
    only
        Names of downloads; empty: all.
    progress
        Where to report to; each file gets a line.

    Returns
    -------
    list[_Adopted]
        In the order of the YAML.

    Raises
    ------
    ClasterError
        If a file was refused, none was found, there is no such folder, or another command is writing to
        the data folder; what was adopted stays.
    """
    folder = Path(folder)
    chosen = choose_downloads(spec, only)
    if not folder.is_dir():
        raise ClasterError(f"no folder at {folder}", remedy="check the path")
    lying = _files_below(folder, {Path(download.file).name for download in chosen})
    with (
        lock_folder(spec.folder_to_fill(), name=LOCK),
        progress.step("adopt", total=len(chosen)) as step,
    ):
        receipts = Receipts(spec.data_folder)
        results = []
        for download in chosen:
            step.describe(download.name)
            results.append(_adopt(download, spec.source(download.file), lying, receipts))
            progress.say(f"{download.name}: {results[-1].words}")
            step.advance()
    refused = [result.name for result in results if result.state == "refused"]
    if refused:
        raise ClasterError(
            f"{len(refused)} of {len(results)} files were refused ({', '.join(refused)})",
            remedy="see the lines above; the other files were linked or are here",
        )
    if all(result.state == "not found" for result in results):
        raise ClasterError(
            f"no file of dataset {spec.name!r} is below {folder}",
            remedy=f"'claster data list {spec.name}' shows the names that are looked for",
        )
    return results


def datasets_below(folder: Path | str, *, project: Path | str = ".") -> list[DatasetSpec]:
    """Return the datasets of a project that list a file which lies below a folder.

    Raises
    ------
    ClasterError
        If there is none.
    """
    specs = [load_dataset(name, project=project) for name in list_datasets(project=project)]
    names = {spec.name: {Path(d.file).name for d in spec.downloads} for spec in specs}
    lying = _files_below(Path(folder), set().union(*names.values()))
    below = [spec for spec in specs if names[spec.name] & lying.keys()]
    if not below:
        raise ClasterError(
            f"no file of a dataset is below {folder}",
            remedy="'claster data list NAME' shows the names that are looked for",
        )
    return below


def _adopt(
    download: DownloadSpec, final: Path, lying: dict[str, list[Path]], receipts: Receipts
) -> _Adopted:
    name = download.name
    try:
        if final.is_file():
            if not receipts.settled(download, final):
                receipts.accept(download, final, how="found")
            return _Adopted(name, "here", f"here already, {final}", final)
        found = _only_one(download, lying.get(final.name, []))
        if found is None:
            return _Adopted(name, "not found", f"not found ({final.name})")
        receipt = receipts.accept(download, found, how="adopted")
    except ClasterError as error:
        return _Adopted(name, "refused", f"refused, {error.line}")
    final.parent.mkdir(parents=True, exist_ok=True)
    fresh = final.with_name(f".{final.name}.link")  # a link is there at once or not at all
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(found)
    fresh.replace(final)
    discard_partial(final)
    return _Adopted(name, "adopted", f"linked to {found} (sha256: {receipt.sha256})", found)


def _files_below(folder: Path, names: set[str]) -> dict[str, list[Path]]:
    """Return the files of given names at any depth, in a fixed order."""
    found: dict[str, list[Path]] = {}
    for root, folders, files in os.walk(folder):
        folders.sort()
        for name in names.intersection(files):
            found.setdefault(name, []).append(Path(root).resolve() / name)
    return found


def _only_one(download: DownloadSpec, paths: list[Path]) -> Path | None:
    """Return the one file of a name; of several, the one whose folders are the YAML's too."""
    files = [path for path in paths if path.is_file()]
    if len(files) > 1:
        deep = [path for path in files if path.as_posix().endswith(f"/{download.file}")]
        files = deep if len(deep) == 1 and "/" in download.file else files
    if len(files) > 1:
        raise ClasterError(
            f"{download.name}: {len(files)} files have its name ({', '.join(map(str, files))})",
            remedy="name the folder of the right one",
        )
    return files[0] if files else None
