"""A trained model as one folder that travels: taken from anywhere, and refused where a byte has changed."""

import os
import re
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from claster.dataset.downloads.fetch import fetch
from claster.dataset.downloads.receipts import Wanted
from claster.dataset.downloads.request import open_session
from claster.dataset.layout import CHECKSUMS
from claster.dataset.manifest import read_checksums
from claster.errors import ClasterError, one_line
from claster.files import atomic_folder, is_below, require_disk, sha256
from claster.progress import SILENT, Progress

_HUB = "https://huggingface.co"
_REPOSITORY = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)@(?P<revision>[A-Za-z0-9][\w.-]*)"
)
_LISTED = re.compile(r"[0-9a-f]{64}  \S.*")
_PLAIN = {".csv", ".json", ".md", ".safetensors", ".txt", ".yaml"}
"""Endings of files that hold text or numbers, and never code, as pickles do."""
_DECIDE = ("model.safetensors", "run.json", "configurations/", "eir/")
"""What a prediction is made from; scores are written anew by whoever evaluates the model."""
_ARCHIVE = re.compile(r"\.(tar|zip|tgz|tar\.[a-z0-9]+)$")


def pull_bundle(
    source: str,
    out: Path | str | None = None,
    *,
    force: bool = False,
    progress: Progress = SILENT,
) -> Path:
    """Copy a model that `claster export` wrote, and verify each of its files.

    Only files that its list of checksums names are taken; predictions and the like that lie beside them
    stay where they are.

    Parameters
    ----------
    source
        A folder, an archive (tar or zip), or a repository of the model hub at a revision,
        ``owner/name@revision``. The environment's ``HF_ENDPOINT`` names another hub.
    out
        The new folder; None takes ``runs/pulled/<name>`` with the name of the folder, archive or repository.
    force
        Whether an existing folder gives way.

    Raises
    ------
    ClasterError
        If there is no bundle, a file of it is missing or another one than listed, may hold code (a
        pickle), is a link, or has a path that leads out of the bundle; nothing is left then.
    """
    found, at = _REPOSITORY.fullmatch(source), Path(source)
    if out is None:
        name = found["name"].replace("/", "-") if found and not at.exists() else at.resolve().name
        out = Path("runs/pulled", _ARCHIVE.sub("", name))
    with atomic_folder(out, replace=force) as partial:
        if at.is_dir():
            _copy(at, partial)
        elif at.is_file():
            with _unpacked(at) as folder:
                _copy(folder, partial)
        elif found:
            _download(found["name"], found["revision"], partial, progress)
        else:
            raise ClasterError(
                f"no model at {source}",
                remedy="give a folder, an archive, or a repository as owner/name@revision",
            )
    return Path(out)


def require_unchanged(bundle: Path) -> None:
    """Refuse an exported model of which a file that decides predictions is not as it was exported."""
    for name, digest in _listed(bundle).items():
        if name.startswith(_DECIDE):
            _require_same(bundle / name, digest)


def _listed(bundle: Path) -> dict[str, str]:
    """Return the SHA-256 of each file of a bundle, names checked."""
    path = bundle / CHECKSUMS
    if not path.is_file():
        raise ClasterError(
            f"{bundle} has no {CHECKSUMS}", remedy="give a folder that 'claster export' wrote"
        )
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if not all(map(_LISTED.fullmatch, lines)):
        raise ClasterError(f"{path} is no list of checksums", remedy="pull the model again")
    names = read_checksums(bundle)
    for name in names:
        if not is_below(name):
            raise ClasterError(
                f"{path} names {name!r}, which is not a file of the bundle",
                remedy="do not use this model; ask who made it",
            )
        if Path(name).suffix not in _PLAIN:
            raise ClasterError(
                f"{path} names {name!r}, which may hold code",
                remedy="ask for weights as safetensors: 'claster export' writes no other",
            )
    missing = {"model.safetensors", "run.json"} - names.keys()
    if missing:
        raise ClasterError(f"{path} lacks {min(missing)}", remedy="pull the model again")
    return names


def _require_same(path: Path, digest: str) -> None:
    if not path.is_file():
        raise ClasterError(f"{path} is missing", remedy="pull the model again")
    if sha256(path) != digest:
        raise ClasterError(
            f"{path} is not as it was exported (SHA-256 differs)", remedy="pull the model again"
        )


def _copy(source: Path, final: Path) -> None:
    names = _listed(source)
    home = source.resolve()
    for name, digest in names.items():
        path = source / name
        if path.resolve() != home / name:
            raise ClasterError(
                f"{path} is a link", remedy="put the file that it leads to in its place"
            )
        _require_same(path, digest)
        (final / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, final / name)
        _require_same(final / name, digest)
    shutil.copyfile(source / CHECKSUMS, final / CHECKSUMS)


@contextmanager
def _unpacked(archive: Path) -> Iterator[Path]:
    """Yield the folder of a bundle from an archive; members that leave it, links and devices are refused."""
    with TemporaryDirectory(prefix="claster-") as scratch:
        folder = Path(scratch)
        try:
            if zipfile.is_zipfile(archive):
                with zipfile.ZipFile(archive) as zipped:
                    held = [(entry.filename, entry.file_size) for entry in zipped.infolist()]
                    _require_room_below(folder, held, archive)
                    zipped.extractall(folder)
            else:
                with tarfile.open(archive) as tarred:
                    held = [(member.name, member.size) for member in tarred.getmembers()]
                    _require_room_below(folder, held, archive)
                    tarred.extractall(folder, filter="data")
        except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
            raise ClasterError(
                f"{archive} cannot be unpacked ({one_line(error)[:200]})",
                remedy="give a whole archive, tar or zip, of a folder that 'claster export' wrote",
            ) from error
        inside = [*folder.iterdir()]
        yield inside[0] if len(inside) == 1 and inside[0].is_dir() else folder


def _require_room_below(folder: Path, held: list[tuple[str, int]], archive: Path) -> None:
    """Refuse files, by name and bytes, that lead out of the folder or do not fit on its disk."""
    for name, _ in held:
        if name.rstrip("/") not in ("", ".") and not is_below(name):
            raise ClasterError(
                f"{archive} has a file {name!r}, which leads out of it",
                remedy="do not use this model; ask who made it",
            )
    size = sum(size for _, size in held)
    require_disk(folder, needed=size, named=f"{archive}, unpacked")


def _download(name: str, revision: str, final: Path, progress: Progress) -> None:
    """Bring the files of a repository of the hub, each verified when it arrives."""
    base = f"{os.environ.get('HF_ENDPOINT', _HUB).rstrip('/')}/{name}/resolve/{revision}"
    with open_session() as session:

        def bring(file: str, digest: str | None = None) -> None:
            path = final / file
            path.parent.mkdir(parents=True, exist_ok=True)
            wanted = Wanted(
                url=f"{base}/{file}",
                final=path,
                format=None,
                named=file,
                sha256=digest,
                known_from=CHECKSUMS,
                remedy="do not use this revision; ask who made it",
                address_from="the command: owner/name@revision",
            )
            with progress.step(file, unit="bytes") as step:
                fetch(wanted, session=session, step=step)

        bring(CHECKSUMS)
        for file, digest in _listed(final).items():
            bring(file, digest)
