"""Files that are whole or not there, folders that one command holds, and room on the disk and in memory."""

import errno
import fcntl
import glob
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from claster.errors import ClasterError, os_fault
from claster.quoting import printable

NO_HARD_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}
"""What the operating system says where it cannot make a hard link."""

_BLOCK = 1 << 20
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP}


def is_below(name: str) -> bool:
    """Tell whether a name that a file gives stays below the folder that it is meant for.

    It may lead through folders; it is not absolute, does not go up, and holds no control character.

    Examples
    --------
    >>> [is_below(name) for name in ("a/b.bw", "../b.bw", "/b.bw", ".", "")]
    [True, False, False, False, False]
    """
    path = PurePosixPath(name)
    is_plain = bool(path.name) and not path.is_absolute() and ".." not in path.parts
    return is_plain and printable(name) == name and not set(name) & {"\n", "\t"}


def below(folder: Path, name: str, *, named: str) -> Path:
    """Return where a file is written that a YAML or a record names; refuse what leads out (`is_below`).

    Links in the folder are followed: they are the user's. `named` is who says so ("'assembly' of dataset
    'toy'"), for the message.
    """
    if not is_below(name):
        raise ClasterError(
            f"{named} is {name!r}, which is not a file below {folder}",
            remedy="choose a name without '..', a leading '/' and control characters",
        )
    return folder / name


@contextmanager
def atomic_path(final: Path | str) -> Iterator[Path]:
    """Yield a temporary path in the same folder that becomes `final` if the block succeeds.

    The file is flushed to disk before the rename, and removed when the block raises. The folder is made when
    missing.
    """
    final = Path(final)
    final.parent.mkdir(parents=True, exist_ok=True)
    prefix, suffix = (
        f".{final.stem.split('.')[0]}.",
        "".join(final.suffixes),
    )  # writers look at these
    handle, name = tempfile.mkstemp(suffix, prefix, final.parent)
    os.close(handle)
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.chmod(0o666 & ~_umask())
        partial.replace(final)
        sync_folder(final.parent)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def atomic_folder(final: Path | str, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `final` that becomes `final` if the block succeeds.

    What a killed process of this machine has left of an earlier try is removed first.

    Parameters
    ----------
    replace
        Whether an existing folder of that name gives way at the end; it stays until the new one is whole.

    Raises
    ------
    ClasterError
        If `final` exists and `replace` is false.
    """
    final = Path(final)
    if final.exists() and not replace:
        raise ClasterError(
            f"{final} exists already", remedy="choose another folder or pass --force"
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(final)  # room for what is to be written
    partial = _hidden_folder(final)
    try:
        yield partial
        replace_folder(final, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def replace_folder(final: Path, whole: Path) -> None:
    """Rename a folder that is whole to `final`; what had that name before is removed, last of all.

    Everything written is on disk before the name says that it is whole.

    Parameters
    ----------
    whole
        A folder on the same disk.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    whole.chmod(0o777 & ~_umask())
    _remove_abandoned(final)
    os.sync()  # thousands of small files: once for all
    if final.exists():
        retired = _hidden_folder(final)
        former = final.replace(retired / final.name)
        try:
            whole.replace(final)
        except OSError:
            former.replace(final)
            raise
        finally:
            shutil.rmtree(retired)
    else:
        whole.replace(final)
    sync_folder(final.parent)


def link_file(existing: Path, link: Path) -> None:
    """Give a file another name, in a folder that exists, without copying it.

    A hard link takes no room and, unlike a symbolic one, no inode; on a disk that has none, a symbolic link
    stands in.
    """
    try:
        os.link(existing, link)
    except OSError as error:
        if error.errno not in NO_HARD_LINKS:
            raise
        link.symlink_to(os.path.relpath(existing, link.parent))


def write_text(final: Path | str, text: str) -> None:
    """Write `text` (UTF-8) to `final` whole or not at all."""
    with atomic_path(final) as partial:
        partial.write_text(text, encoding="utf-8")


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as handle:
        while block := handle.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def require_file(path: Path | str, *, named: str, remedy: str) -> Path:
    """Return `path` if a file is there that opens.

    Parameters
    ----------
    named
        What the user calls it ("track ATAC"), for the message; may be empty.
    remedy
        What to do when it is missing.

    Raises
    ------
    ClasterError
        If no file is there, or the system does not let it be read; the message then says why.
    """
    path = Path(path)
    try:
        regular = path.is_file()
        if regular:
            path.open("rb").close()
    except OSError as error:
        raise os_fault(error, named=named) from error
    if not regular:
        found = f"{_instead(path)} at {path}"
        raise ClasterError(f"{named}: {found}" if named else found, remedy=remedy)
    return path


def _instead(path: Path) -> str:
    """Return what is at a path where no file is."""
    if path.is_dir():
        return "a folder, not a file,"
    if path.is_symlink() and not path.exists():
        return f"a link to {path.readlink()}, which is not there,"
    return "something that is not a plain file" if path.exists() else "no file"


def free_disk(folder: Path | str) -> int:
    """Return the free bytes of the disk that a folder is on or, where it is not there yet, will be on."""
    existing = Path(folder).absolute()
    while not existing.exists():
        existing = existing.parent
    return shutil.disk_usage(existing).free


def require_disk(folder: Path | str, *, needed: int, named: str) -> None:
    """Refuse work that cannot fit on the disk.

    Parameters
    ----------
    folder
        Where the work will write; it need not exist yet.
    needed
        Bytes that it will take.
    named
        What will be written, for the message.

    Raises
    ------
    ClasterError
        If less than `needed` bytes are free.
    """
    free = free_disk(folder)
    if free < needed:
        raise ClasterError(
            f"{named} needs {needed / 1e9:.2f} GB and {folder} has {free / 1e9:.2f} GB free",
            remedy=f"free {(needed - free) / 1e9:.2f} GB or choose a folder on another disk",
        )


def free_memory(
    meminfo: Path = Path("/proc/meminfo"), control_group: Path = Path("/sys/fs/cgroup")
) -> int | None:
    """Return the bytes of memory that are available, on Linux; None elsewhere.

    The limit of a container or of a cluster's job counts (control groups, version 2).
    """
    if not meminfo.is_file():
        return None
    free = [
        1024 * int(line.split()[1])
        for line in meminfo.read_text(encoding="ascii").splitlines()
        if line.startswith("MemAvailable:")
    ]
    limit, used = (_number(control_group / name) for name in ("memory.max", "memory.current"))
    if limit is not None and used is not None:
        free.append(max(0, limit - used))
    return min(free, default=None)


def require_memory(*, needed: int, named: str, remedy: str) -> None:
    """Refuse work that cannot fit into memory; where the free memory is not known, nothing is refused.

    Parameters
    ----------
    needed
        Bytes that it will take.
    named
        What takes them, for the message.

    Raises
    ------
    ClasterError
        If less than `needed` bytes are available.
    """
    free = free_memory()
    if free is not None and free < needed:
        raise ClasterError(
            f"{named} needs {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB is available",
            remedy=remedy,
        )


def _number(path: Path) -> int | None:
    """Return the number in a file; None where there is no file or it says ``max``."""
    text = path.read_text(encoding="ascii").strip() if path.is_file() else ""
    return int(text) if text.isdecimal() else None


def _hidden_folder(final: Path) -> Path:
    prefix = f"{_hidden_prefix(final)}{os.getpid()}-"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=final.parent))


def _hidden_prefix(final: Path) -> str:
    return f".{final.name}.partial-{socket.gethostname()}-"


def _remove_abandoned(final: Path) -> None:
    """Remove temporary folders of `final` whose process is gone; other machines' are left alone."""
    for left in final.parent.glob(f"{glob.escape(_hidden_prefix(final))}*"):
        owner = left.name.removeprefix(_hidden_prefix(final)).partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(left, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # it runs, as another user
    return True


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextmanager
def lock_folder(folder: Path, *, name: str) -> Iterator[None]:
    """Hold a folder while a command writes to it.

    The lock goes with the process, however that ends. On file systems that have no locks (some
    clusters') there is none.

    Parameters
    ----------
    folder
        The folder; it is made when missing.
    name
        Name of the hidden lock file in it; it is removed at the end.

    Raises
    ------
    ClasterError
        If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    descriptor = _locked(path)
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Open and lock the file at `path`; once more where another command has just removed it."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip()
            os.close(descriptor)
            raise ClasterError(
                f"another command is writing to {path.parent}" + (f" ({holder})" if holder else ""),
                remedy="wait until it has ended",
            ) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                os.close(descriptor)
                raise
        if path.exists() and os.path.samestat(path.stat(), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)
