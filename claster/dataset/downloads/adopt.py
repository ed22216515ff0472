"""Take over files that were brought by other means: verified, and linked to where the dataset looks."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from claster.dataset.downloads.partial import discard_partial
from claster.dataset.downloads.plan import LOCK, Receipts, choose_downloads
from claster.dataset.load import list_datasets, load_dataset
from claster.dataset.signal_settings import DownloadSpec
from claster.dataset.spec import DatasetSpec
from claster.errors import ClasterError
from claster.lock import lock_folder
from claster.progress import SILENT, Progress


@dataclass(frozen=True)
class _Adopted:
    """What became of a file, also in words; `found` is where it lies."""

    name: str
    state: Literal["adopted", "here", "not found", "refused"]
    words: str
    found: Path | None = None


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
    _link(final, found)
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


def _link(final: Path, target: Path) -> None:
    """Make `final` a link to `target`, at once or not at all."""
    final.parent.mkdir(parents=True, exist_ok=True)
    fresh = final.with_name(f".{final.name}.link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(final)
